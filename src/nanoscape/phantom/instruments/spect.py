"""A SPECT scanner that gives counts: a carrier with ¹¹¹In at 1, 24 and 48 hours.

A cylinder of known activity, scanned with the same settings, gives the factor from
counts to Bq/mL.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.sequence import Sequence
from scipy import ndimage

from nanoscape.compute import Task
from nanoscape.phantom.animal import Animal, Voxels
from nanoscape.phantom.dicom_file import (
    at_time,
    header,
    injection,
    item,
    save,
    set_pixels,
)
from nanoscape.phantom.files import complete

FloatArray = NDArray[np.float64]

IN111_HALF_LIFE_S = 2.8048 * 86400
"""Of ¹¹¹In, in seconds; NUBASE2020, doi:10.1088/1674-1137/abddae."""

HOURS = (1.0, 24.0, 48.0)
_CALIBRATION = 9
_SAMPLES = 3
_NOISE = 40

VOXELS = Voxels((40, 48, 52), (0.6, 0.6, 0.6))


@dataclass(frozen=True)
class Spect:
    """The instrument. All values are chosen.

    Attributes
    ----------
    voxels
        Of the reconstruction.
    fwhm_mm
        Full width at half maximum of the Gaussian point spread.
    injected_bq
        Activity at injection.
    duration_s
        Of each scan.
    counts_per_decay
        Sensitivity.
    cylinder_mm
        Radius and height of the cylinder for calibration.
    cylinder_bq
        Activity in it at the time of its scan.
    """

    voxels: Voxels = VOXELS
    fwhm_mm: float = 1.2
    injected_bq: float = 1e7
    duration_s: float = 1800.0
    counts_per_decay: float = 1.2e-3
    cylinder_mm: tuple[float, float] = (9.0, 18.0)
    cylinder_bq: float = 3e6

    @property
    def bq_ml_per_cps(self) -> float:
        """True factor from counts per second to Bq/mL."""
        return 1 / (self.voxels.volume_ml * self.counts_per_decay)


def activity(animal: Animal, spect: Spect, hours: float) -> FloatArray:
    """Return the activity at the time of a scan in Bq/mL, before optics."""
    places = spect.voxels.places(_SAMPLES)
    share = spect.voxels.means(animal.percent_per_g(places, hours), _SAMPLES) / 100
    return share * spect.injected_bq * 2 ** (-hours * 3600 / IN111_HALF_LIFE_S)


def cylinder(spect: Spect) -> FloatArray:
    """Return the activity of the cylinder in Bq/mL, before optics."""
    radius, height = spect.cylinder_mm
    places = spect.voxels.places(_SAMPLES)
    inside = np.hypot(places[..., 0], places[..., 1]) < radius
    inside &= np.abs(places[..., 2]) < height / 2
    volume_ml = np.pi * radius**2 * height / 1e3
    share = spect.voxels.means(inside.astype(float), _SAMPLES)
    return share * spect.cylinder_bq / volume_ml


def expected_counts(concentration: FloatArray, spect: Spect) -> FloatArray:
    """Return mean counts of each voxel."""
    sigma = spect.fwhm_mm / np.sqrt(8 * np.log(2)) / np.array(spect.voxels.size_mm)
    blurred: FloatArray = ndimage.gaussian_filter(concentration, sigma)
    return blurred * spect.duration_s / spect.bq_ml_per_cps


def write(
    path: Path, animal: Animal, spect: Spect, task: Task | None, hours: float
) -> None:
    """Write the counts of one scan as a DICOM file of many frames."""
    if task is not None:
        task.check()
    scan = 10 + HOURS.index(hours)
    start = animal.injected + datetime.timedelta(hours=hours)
    counts = expected_counts(activity(animal, spect, hours), spect)
    _write_frames(path, animal, spect, counts, scan, start)


def write_calibration(
    path: Path, animal: Animal, spect: Spect, task: Task | None = None
) -> None:
    """Write the scan of the cylinder on the day of injection."""
    if task is not None:
        task.check()
    counts = expected_counts(cylinder(spect), spect)
    start = animal.injected - datetime.timedelta(hours=1)
    _write_frames(path, animal, spect, counts, _CALIBRATION, start)


def _write_frames(
    path: Path,
    animal: Animal,
    spect: Spect,
    expected: FloatArray,
    scan: int,
    start: datetime.datetime,
) -> None:
    generator = np.random.default_rng(animal.stream(_NOISE, scan))
    counts = generator.poisson(expected).astype(np.uint16)
    voxels = spect.voxels
    z, y, x = (f"{v:g}" for v in voxels.first_mm)
    found = header(animal, "NM", scan)
    at_time(found, start)
    found.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    found.Units = "CNTS"
    found.NumberOfFrames = len(counts)
    found.FrameIncrementPointer = 0x00540080
    found.SliceVector = list(range(1, len(counts) + 1))
    found.NumberOfSlices = len(counts)
    found.PixelSpacing = [f"{v:g}" for v in voxels.size_mm[1:]]
    found.SliceThickness = found.SpacingBetweenSlices = f"{voxels.size_mm[0]:g}"
    found.ActualFrameDuration = round(spect.duration_s * 1e3)
    found.CorrectedImage = ["NORM", "ATTN", "SCAT"]
    found.DetectorInformationSequence = Sequence(
        [
            item(
                CollimatorType="PINH",
                ImagePositionPatient=[x, y, z],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            )
        ]
    )
    megabecquerel = spect.injected_bq / 1e6
    found.RadiopharmaceuticalInformationSequence = injection(
        animal, "^111^Indium", IN111_HALF_LIFE_S, megabecquerel
    )
    set_pixels(found, counts)
    with complete(path) as (draft,):
        save(found, draft)


def truth(animal: Animal, spect: Spect) -> dict[str, NDArray[Any]]:
    """Return activities in Bq/mL before the point spread, by name."""
    maps = {f"activity_{h:g}h_bq_ml": activity(animal, spect, h) for h in HOURS}
    maps["cylinder_bq_ml"] = cylinder(spect)
    return {name: values.astype(np.float32) for name, values in maps.items()}
