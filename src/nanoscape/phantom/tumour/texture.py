"""Smooth random functions of place in space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_WAVES = 32


@dataclass(frozen=True, eq=False)
class Texture:
    """A sum of plane waves, mean 0 and standard deviation 1 over the directions.

    Attributes
    ----------
    waves
        Rows ``ω_z, ω_y, ω_x, φ`` in radians per µm and radians, shape ``(k, 4)``.
    """

    waves: FloatArray

    @classmethod
    def draw(cls, generator: np.random.Generator, grain_um: float) -> Texture:
        """Draw a texture with the correlation exp(−d² / 2 grain²), nearly Gaussian."""
        waves = np.empty((_WAVES, 4))
        waves[:, :3] = generator.standard_normal((_WAVES, 3)) / grain_um
        waves[:, 3] = generator.uniform(0, 2 * np.pi, _WAVES)
        return cls(waves)

    def at(self, places_um: FloatArray) -> FloatArray:
        """Return the value at places of shape ``(n, 3)``, each from itself alone."""
        return _sum(self.waves, places_um)


@numba.njit(nogil=True, cache=True)
def _sum(waves: FloatArray, places: FloatArray) -> FloatArray:
    result = np.empty(len(places))
    scale = math.sqrt(2.0 / len(waves))
    for i in range(len(places)):
        total = 0.0
        for k in range(len(waves)):
            phase = waves[k, 0] * places[i, 0] + waves[k, 1] * places[i, 1]
            total += math.cos(phase + waves[k, 2] * places[i, 2] + waves[k, 3])
        result[i] = scale * total
    return result
