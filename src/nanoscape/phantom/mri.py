"""An MRI-like volume, T2-weighted, with slices that lie obliquely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from nanoscape.phantom.lesion import FloatArray, Lesion, voxel_places, write_volume
from nanoscape.phantom.streams import NOISE, sub_seed

VOXEL_MM = (0.25, 0.25, 0.6)
TILT_DEG = 12.0

_SHAPE = (128, 112, 36)
_NOISE = 14.0


def grid() -> FloatArray:
    """Return the map from voxel indices to mm; the slices are tilted about x."""
    angle = np.deg2rad(TILT_DEG)
    tilt = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.0, np.cos(angle), -np.sin(angle)],
            [0.0, np.sin(angle), np.cos(angle)],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = tilt @ np.diag(VOXEL_MM)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(_SHAPE) - 1) / 2)
    return affine


def signal(lesion: Lesion) -> FloatArray:
    """Return the signal without noise: body, bright lesion, brighter dead core."""
    places = voxel_places(_SHAPE, grid())
    depth = lesion.depth(places)
    values = np.where(lesion.in_body(places), 220.0, 0.0)
    values = np.where(depth > 0, 460.0, values)
    values = np.where(depth > 0.6, 700.0, values)
    coil = 1 + 0.012 * (places[..., 0] - lesion.centre[0])
    return values * coil


def write_mri(path: Path, lesion: Lesion) -> None:
    """Write the magnitude of a noisy complex signal, which is Rician."""
    seen = ndimage.gaussian_filter(signal(lesion), 0.5)
    generator = np.random.default_rng(sub_seed(lesion.seed, NOISE, 3))
    real = seen + generator.normal(0, _NOISE, _SHAPE)
    magnitude = np.hypot(real, generator.normal(0, _NOISE, _SHAPE))
    write_volume(path, magnitude, grid())
