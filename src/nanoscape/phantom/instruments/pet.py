"""A PET scanner for small animals: a carrier with ⁶⁴Cu, one day after injection."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.compute import Task
from nanoscape.phantom.animal import Animal, Voxels
from nanoscape.phantom.cohort.assays import CU64_HALF_LIFE_S
from nanoscape.phantom.dicom_file import injection, write_slices

FloatArray = NDArray[np.float64]

SCAN = 1
_SAMPLES = 3
_NOISE = 30
_FULL = 32767.0

VOXELS = Voxels((30, 42, 48), (0.8, 0.8, 0.8))


@dataclass(frozen=True)
class Pet:
    """The instrument. All values are chosen.

    Attributes
    ----------
    voxels
        Of the reconstruction.
    fwhm_mm
        Full width at half maximum of the Gaussian point spread.
    injected_bq
        Activity at injection.
    hours
        From the injection to the scan.
    duration_s
        Of the scan.
    counts_per_bq_s
        Events that one decay in a voxel stands for.
    """

    voxels: Voxels = VOXELS
    fwhm_mm: float = 1.6
    injected_bq: float = 8e6
    hours: float = 24.0
    duration_s: float = 1200.0
    counts_per_bq_s: float = 0.01


def activity(animal: Animal, pet: Pet) -> FloatArray:
    """Return the activity at the start of the scan in Bq/mL, before optics.

    Mean of each voxel, shape ``(z, y, x)``; tissue has 1 g/mL.
    """
    places = pet.voxels.places(_SAMPLES)
    share = pet.voxels.means(animal.percent_per_g(places, pet.hours), _SAMPLES) / 100
    left = pet.injected_bq * 2 ** (-pet.hours * 3600 / CU64_HALF_LIFE_S)
    return share * left


def seen(animal: Animal, pet: Pet) -> FloatArray:
    """Return the activity as the scanner's point spread shows it, without noise."""
    sigma = pet.fwhm_mm / np.sqrt(8 * np.log(2)) / np.array(pet.voxels.size_mm)
    found: FloatArray = ndimage.gaussian_filter(activity(animal, pet), sigma)
    return found


def write(path: Path, animal: Animal, pet: Pet, task: Task | None = None) -> None:
    """Write a DICOM series in Bq/mL, corrected for decay to the start of the scan."""
    if task is not None:
        task.check()
    per = pet.voxels.volume_ml * pet.duration_s * pet.counts_per_bq_s
    generator = np.random.default_rng(animal.stream(_NOISE))
    measured = generator.poisson(seen(animal, pet) * per) / per
    slopes = [max(float(plane.max()), 1.0) / _FULL for plane in measured]
    stored = np.stack(
        [np.rint(p / s) for p, s in zip(measured, slopes, strict=True)]
    ).astype(np.int16)
    start = animal.injected + datetime.timedelta(hours=pet.hours)
    about = {
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "Units": "BQML",
        "SeriesType": ["STATIC", "IMAGE"],
        "CountsSource": "EMISSION",
        "DecayCorrection": "START",
        "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
        "NumberOfSlices": len(stored),
        "ActualFrameDuration": round(pet.duration_s * 1e3),
        "FrameReferenceTime": 0,
        "DecayFactor": 1,
        "RescaleIntercept": 0,
        "RadiopharmaceuticalInformationSequence": injection(
            animal, "^64^Copper", CU64_HALF_LIFE_S, pet.injected_bq
        ),
    }
    more = [
        {**about, "RescaleSlope": f"{slope:.10g}", "ImageIndex": number + 1}
        for number, slope in enumerate(slopes)
    ]
    write_slices(path, animal, "PT", SCAN, pet.voxels, stored, more, start)


def truth(animal: Animal, pet: Pet) -> dict[str, NDArray[Any]]:
    """Return activity before and after the point spread, in Bq/mL, by name."""
    return {
        "activity_bq_ml": activity(animal, pet).astype(np.float32),
        "seen_bq_ml": seen(animal, pet).astype(np.float32),
    }
