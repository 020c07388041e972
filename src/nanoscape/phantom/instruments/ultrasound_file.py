"""Cines of ultrasound as DICOM: the region, its calibration and its logarithm."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from nanoscape.phantom.animal import Animal
from nanoscape.phantom.dicom_file import at_time, header, item, save, set_pixels
from nanoscape.phantom.files import complete
from nanoscape.phantom.instruments.ultrasound_settings import MODES, Mode, Ultrasound

SCAN = 20
"""Number of the first of two series."""

_CENTIMETRES, _DECIBEL = 3, 2
_TWO_DIMENSIONAL, _TISSUE, _RANGES = 1, 1, 1
_NAMES = ("B-mode", "contrast mode")


def write_cine(
    path: Path, animal: Animal, film: NDArray[np.uint8], us: Ultrasound, mode: Mode
) -> None:
    """Write frames ``(t, y, x)`` of one mode."""
    number = MODES.index(mode)
    found = header(animal, "US", SCAN + number)
    # A cine has no place in the patient.
    del found.FrameOfReferenceUID, found.PatientPosition
    at_time(found, animal.injected - datetime.timedelta(hours=2))
    found.ImageType = ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"]
    found.SeriesDescription = f"dynamic contrast, {_NAMES[number]}"
    found.ContrastBolusAgent = "microbubbles"
    found.NumberOfFrames = len(film)
    found.FrameIncrementPointer = 0x00181063
    found.FrameTime = f"{us.step_s * 1e3:.10g}"
    found.RecommendedDisplayFrameRate = 10
    found.UltrasoundColorDataPresent = 0
    found.LossyImageCompression = "00"
    # Some programs look for the size of pixels here alone.
    found.PixelSpacing = [f"{us.pixel_mm:.10g}"] * 2
    found.TransducerType = "LINEAR"
    found.DepthOfScanField = round(us.shape[0] * us.pixel_mm)
    found.SequenceOfUltrasoundRegions = Sequence([_region(us, number)])
    set_pixels(found, film)
    with complete(path) as (draft,):
        save(found, draft)


def _region(us: Ultrasound, number: int) -> Dataset:
    """Return the calibration of the only region (PS3.3 C.8.5.5).

    Grey values run evenly over decibel, 0 for what is shown as white.
    """
    height, width = us.shape
    values: dict[str, Any] = {
        "RegionSpatialFormat": _TWO_DIMENSIONAL,
        "RegionDataType": _TISSUE,
        "RegionFlags": 0,
        "RegionLocationMinX0": 0,
        "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": width - 1,
        "RegionLocationMaxY1": height - 1,
        "PhysicalUnitsXDirection": _CENTIMETRES,
        "PhysicalUnitsYDirection": _CENTIMETRES,
        "PhysicalDeltaX": us.pixel_mm / 10,
        "PhysicalDeltaY": us.pixel_mm / 10,
        "TransducerFrequency": round(us.megahertz * 1e3),
        "PixelComponentOrganization": _RANGES,
        "PixelComponentRangeStart": 0,
        "PixelComponentRangeStop": 255,
        "PixelComponentPhysicalUnits": _DECIBEL,
        "PixelComponentDataType": _TISSUE,
        "NumberOfTableBreakPoints": 2,
        "TableOfXBreakPoints": [0, 255],
        "TableOfYBreakPoints": [-us.range_db[number], 0.0],
    }
    return item(**values)
