"""An animal with a lesion, as scanners of the whole body find it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.lesion import Lesion
from nanoscape.phantom.streams import INSTRUMENT, sub_seed

FloatArray = NDArray[np.float64]

WEIGHT_KG = 0.024
INJECTED = datetime.datetime(2026, 1, 5, 9, 30)
"""On the first day of measurement; later days are a week apart."""

BLOOD_PERCENT_PER_G = 20.0
BLOOD_HALF_LIFE_H = 12.0
BODY_SHARE = 0.25
LESION_PERCENT_PER_G = 6.0
UPTAKE_HALF_TIME_H = 8.0
"""Of a carrier of about 100 nm. All chosen."""


@dataclass(frozen=True, eq=False)
class Animal:
    """A lesion in the flank of a body.

    Attributes
    ----------
    name
        Subject and lesion, such as ``"m1_l1"``.
    seed
        Of this lesion.
    lesion
        Its place and size; lengths are mm in RAS+.
    level
        What the carrier in the lesion is multiplied with.
    batch
        Number of the day of measurement.
    """

    name: str
    seed: int
    lesion: Lesion
    level: float = 1.0
    batch: int = 0

    def stream(self, *purpose: int) -> int:
        """Return the seed of one purpose of an instrument."""
        return sub_seed(self.seed, INSTRUMENT, *purpose)

    @property
    def injected(self) -> datetime.datetime:
        """When the carrier was injected."""
        return INJECTED + datetime.timedelta(weeks=self.batch)

    def percent_per_g(self, places_mm: FloatArray, hours: float) -> FloatArray:
        """Return the injected dose per gram in percent, decay left aside.

        In the body there is a quarter of the level of blood, B 2^(−t / 12 h); in the
        lesion 6 %ID/g times the level at 24 h, with a rim above the core.
        """
        depth = self.lesion.depth(places_mm)
        rim = np.clip(1.15 - 0.9 * depth, 0.25, 1.0)
        rise = (1 - 2 ** (-hours / UPTAKE_HALF_TIME_H)) / (
            1 - 2 ** (-24.0 / UPTAKE_HALF_TIME_H)
        )
        blood = BLOOD_PERCENT_PER_G * 2 ** (-hours / BLOOD_HALF_LIFE_H)
        body = np.where(self.lesion.in_body(places_mm), BODY_SHARE * blood, 0.0)
        found = LESION_PERCENT_PER_G * self.level * rise * rim
        return np.where(depth > 0, found, body)


@dataclass(frozen=True)
class Voxels:
    """Voxels along the axes of a scanner, with the middle of the body in theirs.

    Attributes
    ----------
    shape
        Along ``z y x``.
    size_mm
        Along ``z y x``.
    """

    shape: tuple[int, int, int]
    size_mm: tuple[float, float, float]

    @property
    def first_mm(self) -> tuple[float, float, float]:
        """Centre of the first voxel, ``(z, y, x)`` in LPS."""
        z, y, x = (
            -(n - 1) / 2 * size
            for n, size in zip(self.shape, self.size_mm, strict=True)
        )
        return z, y, x

    @property
    def volume_ml(self) -> float:
        """Volume of a voxel."""
        return float(np.prod(self.size_mm)) / 1e3

    def places(self, samples: int = 1) -> FloatArray:
        """Return places in RAS+, ``(x, y, z)`` in mm, that sample each voxel.

        Returns
        -------
        ndarray
            Shape ``(z · samples, y · samples, x · samples, 3)``.
        """
        inner = (np.arange(samples) + 0.5) / samples - 0.5
        axes = [
            first + size * (np.arange(n)[:, None] + inner).ravel()
            for first, size, n in zip(
                self.first_mm, self.size_mm, self.shape, strict=True
            )
        ]
        z, y, x = np.meshgrid(*axes, indexing="ij")
        return np.stack([-x, -y, z], axis=-1)

    def means(self, values: FloatArray, samples: int) -> FloatArray:
        """Return the mean of each voxel's samples."""
        z, y, x = self.shape
        parts = values.reshape(z, samples, y, samples, x, samples)
        mean: FloatArray = parts.mean(axis=(1, 3, 5))
        return mean
