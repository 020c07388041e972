"""A PET-like volume: the activity of a labelled carrier in and around the lesion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from nanoscape.phantom.lesion import FloatArray, Lesion, voxel_places, write_volume
from nanoscape.phantom.streams import NOISE, sub_seed

VOXEL_MM = 0.8
FWHM_MM = 1.6
LESION_BQ_PER_ML = 240_000.0
BODY_BQ_PER_ML = 40_000.0

_SHAPE = (48, 42, 30)
_COUNTS_PER_BQ = 1e-3


def grid() -> FloatArray:
    """Return the map from voxel indices to mm, along the axes of the scanner."""
    affine = np.diag([VOXEL_MM, VOXEL_MM, VOXEL_MM, 1.0])
    affine[:3, 3] = -(np.array(_SHAPE) - 1) / 2 * VOXEL_MM
    return affine


def activity(lesion: Lesion) -> FloatArray:
    """Return the activity concentration in Bq/mL before the point spread."""
    places = voxel_places(_SHAPE, grid())
    depth = lesion.depth(places)
    rim = np.clip(1.15 - 0.9 * depth, 0.25, 1.0)
    body = np.where(lesion.in_body(places), BODY_BQ_PER_ML, 0.0)
    return np.where(depth > 0, LESION_BQ_PER_ML * rim, body)


def write_pet(path: Path, lesion: Lesion) -> None:
    """Write the volume in Bq/mL: blurred, with the noise of counts."""
    sigma = FWHM_MM / np.sqrt(8 * np.log(2)) / VOXEL_MM
    seen = ndimage.gaussian_filter(activity(lesion), sigma)
    generator = np.random.default_rng(sub_seed(lesion.seed, NOISE, 2))
    counts = generator.poisson(seen * _COUNTS_PER_BQ)
    write_volume(path, counts / _COUNTS_PER_BQ, grid())
