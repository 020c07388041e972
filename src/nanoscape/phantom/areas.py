"""Tissue areas with wavy outlines: the tumour and its necroses."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

_WAVES = 5
AREA_LENGTH = 3 + 2 * _WAVES
"""Numbers of one area: centre, mean radius, cosine and sine coefficients."""


def wavy_area(
    generator: np.random.Generator,
    centre_um: tuple[float, float],
    radius_um: float,
    roughness: float,
) -> NDArray[np.float64]:
    """Draw an area whose radius varies with the direction.

    The outline is r(θ) = R (1 + Σ a_k cos kθ + b_k sin kθ), k = 2 … 6, with
    amplitudes that fall off as 1/k.

    Parameters
    ----------
    generator
        Source of amplitudes and phases.
    centre_um
        Centre, ``(y, x)``.
    radius_um
        Mean radius R.
    roughness
        Size of the amplitudes; 0 is a disc.
    """
    k = np.arange(2, 2 + _WAVES)
    amplitudes = roughness * generator.uniform(-1, 1, _WAVES) / k
    phases = generator.uniform(0, 2 * np.pi, _WAVES)
    cosines, sines = amplitudes * np.cos(phases), -amplitudes * np.sin(phases)
    return np.concatenate([[*centre_um, radius_um], cosines, sines])


@numba.njit(nogil=True, cache=True)
def depth_in_area(area: NDArray[np.float64], y: float, x: float) -> float:
    """Return how far a place lies inside an area, in µm along its radius."""
    dy, dx = y - area[0], x - area[1]
    away = math.sqrt(dy * dy + dx * dx)
    if away == 0.0:
        return area[2]
    cosine, sine = dx / away, dy / away
    wave, real, imaginary = 1.0, cosine, sine
    for i in range(_WAVES):
        # The next power of a unit complex number gives cos kθ and sin kθ.
        real, imaginary = (
            real * cosine - imaginary * sine,
            real * sine + imaginary * cosine,
        )
        wave += area[3 + i] * real + area[3 + _WAVES + i] * imaginary
    return area[2] * wave - away


@numba.njit(nogil=True, cache=True)
def depth_in_any(areas: NDArray[np.float64], y: float, x: float) -> float:
    """Return the largest depth in any of several areas of shape ``(n, …)``."""
    depth = -1e9
    for i in range(len(areas)):
        depth = max(depth, depth_in_area(areas[i], y, x))
    return depth


@numba.njit(nogil=True, cache=True)
def depth_on_grid(
    areas: NDArray[np.float64], y_um: NDArray[np.float64], x_um: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return :func:`depth_in_any` on the grid of two coordinate vectors."""
    depth = np.empty((len(y_um), len(x_um)))
    for i in range(len(y_um)):
        for j in range(len(x_um)):
            depth[i, j] = depth_in_any(areas, y_um[i], x_um[j])
    return depth


@numba.njit(nogil=True, cache=True)
def depth_at(
    areas: NDArray[np.float64], points_um: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return :func:`depth_in_any` at places of shape ``(n, 2)``."""
    depth = np.empty(len(points_um))
    for n in range(len(points_um)):
        depth[n] = depth_in_any(areas, points_um[n, 0], points_um[n, 1])
    return depth


def outline(area: NDArray[np.float64], corners: int = 256) -> NDArray[np.float64]:
    """Return corners of an area's outline in µm, shape ``(corners, 2)``."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    k = np.arange(2, 2 + _WAVES)[:, None]
    cosines, sines = area[3 : 3 + _WAVES, None], area[3 + _WAVES :, None]
    wave = 1 + (cosines * np.cos(k * angle) + sines * np.sin(k * angle)).sum(axis=0)
    steps = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    corners_um: NDArray[np.float64] = area[:2] + area[2] * wave[:, None] * steps
    return corners_um
