"""A CT scanner for small animals, with noise, cupping and a ring."""

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
from nanoscape.phantom.dicom_file import write_slices

FloatArray = NDArray[np.float64]

SCAN = 2
_SAMPLES = 2
_NOISE = 50
AIR_HU, BODY_HU, LESION_HU, CORE_HU, BONE_HU = -1000.0, 35.0, 48.0, 22.0, 900.0
_SPINE_MM = (0.0, -7.0, 1.6)

VOXELS = Voxels((48, 120, 136), (0.4, 0.25, 0.25))


@dataclass(frozen=True)
class Ct:
    """The instrument. All values are chosen.

    Attributes
    ----------
    voxels
        Of the reconstruction.
    fwhm_mm
        Full width at half maximum of the Gaussian point spread.
    noise_hu
        Standard deviation of a voxel.
    cupping_hu
        By how much the middle of the body is darker, from beam hardening.
    ring_mm, ring_hu
        Radius of a ring around the axis, and its height; a detector that is off.
    hours
        From the injection to the scan.
    """

    voxels: Voxels = VOXELS
    fwhm_mm: float = 0.45
    noise_hu: float = 22.0
    cupping_hu: float = 25.0
    ring_mm: float = 5.0
    ring_hu: float = 45.0
    hours: float = 23.5


def anatomy(animal: Animal, ct: Ct) -> FloatArray:
    """Return Hounsfield units before the scanner, mean of each voxel."""
    places = ct.voxels.places(_SAMPLES)
    depth = animal.lesion.depth(places)
    hu = np.where(animal.lesion.in_body(places), BODY_HU, AIR_HU)
    hu = np.where(depth > 0, LESION_HU, hu)
    hu = np.where(depth > 0.6, CORE_HU, hu)
    x, y, radius = _SPINE_MM
    spine = np.hypot(places[..., 0] - x, places[..., 1] - y) < radius
    return ct.voxels.means(np.where(spine, BONE_HU, hu), _SAMPLES)


def ring(ct: Ct) -> NDArray[np.bool_]:
    """Return the voxels of the ring, shape ``(z, y, x)``."""
    places = ct.voxels.places()
    away = np.hypot(places[..., 0], places[..., 1])
    found: NDArray[np.bool_] = np.abs(away - ct.ring_mm) < ct.voxels.size_mm[1]
    return found


def seen(animal: Animal, ct: Ct) -> FloatArray:
    """Return Hounsfield units as the scanner shows them, without noise."""
    sigma = ct.fwhm_mm / np.sqrt(8 * np.log(2)) / np.array(ct.voxels.size_mm)
    found: FloatArray = ndimage.gaussian_filter(anatomy(animal, ct), sigma)
    places = ct.voxels.places()
    away = np.hypot(places[..., 0] / 13.0, places[..., 1] / 11.0)
    found -= ct.cupping_hu * np.clip(1 - away**2, 0.0, 1.0)
    return found + ct.ring_hu * ring(ct)


def write(path: Path, animal: Animal, ct: Ct, task: Task | None = None) -> None:
    """Write a DICOM series in Hounsfield units."""
    if task is not None:
        task.check()
    generator = np.random.default_rng(animal.stream(_NOISE))
    noise = generator.normal(0, ct.noise_hu, ct.voxels.shape)
    hu = np.rint(seen(animal, ct) + noise).astype(np.int16)
    about = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "RescaleType": "HU",
        "KVP": "50",
        "ConvolutionKernel": "SOFT",
    }
    start = animal.injected + datetime.timedelta(hours=ct.hours)
    write_slices(path, animal, "CT", SCAN, ct.voxels, hu, [about] * len(hu), start)


def truth(animal: Animal, ct: Ct) -> dict[str, NDArray[Any]]:
    """Return Hounsfield units before the scanner, and the ring, by name."""
    return {
        "anatomy_hu": anatomy(animal, ct).astype(np.float32),
        "ring": ring(ct).astype(np.uint8),
    }
