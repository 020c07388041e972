"""The outline of a tumour in space: a smooth star-shaped surface."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.streams import TUMOUR_SHAPE, sub_seed

FloatArray = NDArray[np.float64]

_WAVES = 12


@dataclass(frozen=True, eq=False)
class Shape:
    """A star-shaped tumour in a block of tissue.

    Seen from the centre in the direction n, the surface is at

    R(n) = R₀ (1 + Σₖ aₖ cos(ωₖ · n + φₖ)).

    The block is cut from the middle of the tumour, so that the surface leaves it
    through the two faces z = 0 and z = depth.

    Attributes
    ----------
    size_um
        Extent of the block along ``z y x``; its corner is at 0.
    centre_um
        Centre of the tumour, ``(z, y, x)``.
    radius_um
        Mean radius R₀.
    waves
        Rows ``a, ω_z, ω_y, ω_x, φ``, shape ``(k, 5)``.
    """

    size_um: tuple[float, float, float]
    centre_um: FloatArray
    radius_um: float
    waves: FloatArray

    def depth(self, places_um: FloatArray) -> FloatArray:
        """Return how far places of shape ``(n, 3)`` lie below the surface.

        In µm along the radius, negative outside.
        """
        return _depth(self.centre_um, self.radius_um, self.waves, places_um)[0]

    def relative_depth(self, places_um: FloatArray) -> FloatArray:
        """Return s = 1 − r / R(n): 0 on the surface, 1 in the centre."""
        return _depth(self.centre_um, self.radius_um, self.waves, places_um)[1]


def make_shape(
    seed: int, size_um: tuple[float, float, float], roughness: float = 0.12
) -> Shape:
    """Draw a tumour that fills a block but for a margin.

    Parameters
    ----------
    seed
        Seed of the tumour.
    size_um
        Extent of the block along ``z y x``.
    roughness
        Root mean square of (R(n) − R₀) / R₀ before the waves add up by chance;
        0 is a ball.
    """
    generator = np.random.default_rng(sub_seed(seed, TUMOUR_SHAPE))
    waves = np.empty((_WAVES, 5))
    directions = generator.standard_normal((_WAVES, 3))
    directions /= np.sqrt((directions**2).sum(axis=1, keepdims=True))
    numbers = generator.uniform(1.5, 5.0, _WAVES)
    # Amplitudes fall off with the wave number, as they do on a real outline.
    amplitudes = generator.uniform(0.5, 1.5, _WAVES) / numbers
    amplitudes *= roughness * np.sqrt(2 / (amplitudes**2).sum())
    waves[:, 0] = amplitudes
    waves[:, 1:4] = directions * numbers[:, None]
    waves[:, 4] = generator.uniform(0, 2 * np.pi, _WAVES)
    centre = np.array(size_um) / 2
    equator = np.zeros((720, 3))
    angle = np.linspace(0, 2 * np.pi, len(equator), endpoint=False)
    equator[:, 1], equator[:, 2] = np.sin(angle), np.cos(angle)
    # On the unit circle the depth below a unit surface is R(n) − 1.
    largest = 1 + _depth(np.zeros(3), 1.0, waves, equator)[0].max()
    radius = 0.48 * min(size_um[1:]) / float(largest)
    return Shape(size_um, centre, radius, waves)


@numba.njit(nogil=True, cache=True)
def _depth(
    centre: FloatArray, radius: float, waves: FloatArray, places: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return depth in µm and relative depth; a loop, so that no place sees others."""
    depth, relative = np.empty(len(places)), np.empty(len(places))
    for i in range(len(places)):
        z, y, x = (
            places[i, 0] - centre[0],
            places[i, 1] - centre[1],
            places[i, 2] - centre[2],
        )
        away = math.sqrt(z * z + y * y + x * x)
        scale = 1.0 / away if away > 0.0 else 0.0
        wave = 1.0
        for k in range(len(waves)):
            phase = waves[k, 1] * z + waves[k, 2] * y + waves[k, 3] * x
            wave += waves[k, 0] * math.cos(phase * scale + waves[k, 4])
        depth[i] = radius * wave - away
        relative[i] = 1.0 - away / (radius * wave)
    return depth, relative
