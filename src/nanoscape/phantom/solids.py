"""Drawing vessels, nuclei and points into volumes, and blurring these.

Axes are evenly spaced places in µm; a voxel's value depends on its own place alone,
so that a volume may be drawn in parts.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_REACH = 4.0
"""Standard deviations at which point spreads are cut off."""


@numba.njit(nogil=True, cache=True, inline="always")
def _range(axis: FloatArray, low: float, high: float) -> tuple[int, int]:
    """Return which places of an axis lie between two values."""
    step = axis[1] - axis[0]
    first = max(math.ceil((low - axis[0]) / step), 0)
    last = min(math.floor((high - axis[0]) / step), len(axis) - 1)
    return first, last + 1


@numba.njit(nogil=True, cache=True)
def draw_capsules(
    wall: FloatArray,
    nearest: NDArray[np.int32],
    z_um: FloatArray,
    y_um: FloatArray,
    x_um: FloatArray,
    capsules: FloatArray,
    numbers: IntArray,
) -> None:
    """Lower the distances of a volume to those to the walls of capsules.

    Parameters
    ----------
    wall
        Signed distances, negative inside; no capsule counts where it is farther than
        what stands there. Shape ``(z, y, x)``.
    nearest
        Set to the number of the nearest capsule.
    z_um, y_um, x_um
        Evenly spaced places, at least two of each.
    capsules
        ``z0, y0, x0, z1, y1, x1, radius``, shape ``(n, 7)``.
    numbers
        Of the capsules.
    """
    far = wall.max()
    for n in range(len(capsules)):
        z0, y0, x0, z1, y1, x1, radius = capsules[n]
        bz, by, bx = z1 - z0, y1 - y0, x1 - x0
        length = bz * bz + by * by + bx * bx
        reach = radius + far
        top, bottom = _range(z_um, min(z0, z1) - reach, max(z0, z1) + reach)
        up, down = _range(y_um, min(y0, y1) - reach, max(y0, y1) + reach)
        left, right = _range(x_um, min(x0, x1) - reach, max(x0, x1) + reach)
        for i in range(top, bottom):
            for j in range(up, down):
                for k in range(left, right):
                    pz, py, px = z_um[i] - z0, y_um[j] - y0, x_um[k] - x0
                    t = (pz * bz + py * by + px * bx) / length if length > 0 else 0.0
                    t = min(max(t, 0.0), 1.0)
                    dz, dy, dx = pz - t * bz, py - t * by, px - t * bx
                    away = math.sqrt(dz * dz + dy * dy + dx * dx) - radius
                    if away < wall[i, j, k]:
                        wall[i, j, k] = away
                        nearest[i, j, k] = numbers[n]


@numba.njit(nogil=True, cache=True)
def draw_spheroids(
    volume: FloatArray,
    z_um: FloatArray,
    y_um: FloatArray,
    x_um: FloatArray,
    spheroids: FloatArray,
    grain: FloatArray,
) -> None:
    """Draw spheroids that lie in the plane, with an edge of one pixel.

    Parameters
    ----------
    volume
        Drawn upon, the brightest wins; shape ``(z, y, x)``.
    z_um, y_um, x_um
        Evenly spaced places, at least two of each.
    spheroids
        ``z, y, x, half axis, half axis, angle, brightness``, shape ``(n, 7)``: the
        first half axis lies at the angle from x towards y, the second along both
        others.
    grain
        Multiplies what is drawn, shape ``(z, y, x)``.
    """
    step = x_um[1] - x_um[0]
    for n in range(len(spheroids)):
        z, y, x, long, short, angle, brightness = spheroids[n]
        cosine, sine = math.cos(angle), math.sin(angle)
        reach = long + step
        top, bottom = _range(z_um, z - reach, z + reach)
        up, down = _range(y_um, y - reach, y + reach)
        left, right = _range(x_um, x - reach, x + reach)
        for i in range(top, bottom):
            for j in range(up, down):
                for k in range(left, right):
                    dy, dx = y_um[j] - y, x_um[k] - x
                    a = (dy * sine + dx * cosine) / long
                    b = (dy * cosine - dx * sine) / short
                    c = (z_um[i] - z) / short
                    edge = (1.0 - math.sqrt(a * a + b * b + c * c)) * short / step
                    cover = min(max(edge + 0.5, 0.0), 1.0)
                    value = brightness * cover * grain[i, j, k]
                    if value > volume[i, j, k]:
                        volume[i, j, k] = value


@numba.njit(nogil=True, cache=True)
def add_points(
    volume: FloatArray,
    z_um: FloatArray,
    y_um: FloatArray,
    x_um: FloatArray,
    points: FloatArray,
    lateral_um: float,
    row_shift_um: FloatArray,
) -> None:
    """Add Gaussians that hold a given number of photons each.

    Parameters
    ----------
    volume
        Photons per voxel, added to; shape ``(z, y, x)``.
    z_um, y_um, x_um
        Evenly spaced places, at least two of each.
    points
        ``z, y, x, photons, axial σ``, shape ``(n, 5)``.
    lateral_um
        σ along y and x.
    row_shift_um
        By how much farther along x a row looks than it says, shape ``(y,)``.
    """
    size = (z_um[1] - z_um[0]) * (y_um[1] - y_um[0]) * (x_um[1] - x_um[0])
    slip = np.abs(row_shift_um).max()
    for n in range(len(points)):
        z, y, x, photons, axial = points[n]
        amount = photons * size / ((2 * math.pi) ** 1.5 * lateral_um**2 * axial)
        wide = 5 * lateral_um
        top, bottom = _range(z_um, z - 5 * axial, z + 5 * axial)
        up, down = _range(y_um, y - wide, y + wide)
        left, right = _range(x_um, x - wide - slip, x + wide + slip)
        for i in range(top, bottom):
            for j in range(up, down):
                for k in range(left, right):
                    dz = (z_um[i] - z) / axial
                    dy = (y_um[j] - y) / lateral_um
                    dx = (x_um[k] + row_shift_um[j] - x) / lateral_um
                    away = dz * dz + dy * dy + dx * dx
                    volume[i, j, k] += amount * math.exp(-away / 2)


def blur_rows(
    volume: FloatArray, sigma: float, shift: tuple[float, float] = (0.0, 0.0)
) -> FloatArray:
    """Blur along y and x; even and odd rows may be read off at shifted places.

    Parameters
    ----------
    volume
        Shape ``(z, y, x)``.
    sigma
        In pixels.
    shift
        Of even and odd rows, in pixels.
    """
    reach = math.ceil(_REACH * sigma + max(map(abs, shift)))
    away = np.arange(-reach, reach + 1)
    plain = _weights(away, sigma)
    spread = ndimage.correlate1d(volume, plain, axis=1, mode="nearest")
    for parity in (0, 1):
        rows = spread[:, parity::2]
        kernel = _weights(away - shift[parity], sigma)
        ndimage.correlate1d(rows, kernel, axis=2, mode="nearest", output=rows)
    return spread


def blur_planes(
    volume: FloatArray, sigma_um: FloatArray, step_um: float, halo: int, every: int
) -> FloatArray:
    """Blur along z with a width of its own for each column, and keep some planes.

    Parameters
    ----------
    volume
        Shape ``(z, y, x)``, with planes to spare at both ends.
    sigma_um
        Shape ``(x,)``.
    step_um
        Distance of planes.
    halo
        Number of planes to spare at each end.
    every
        Which of the others are kept.
    """
    away = np.arange(-halo, halo + 1) * step_um
    weights = np.stack([_weights(away, sigma) for sigma in sigma_um], axis=1)
    return _blur_planes(np.ascontiguousarray(volume), weights, halo, every)


def halo_of(sigma: float) -> int:
    """Return how many pixels around it a pixel takes light from."""
    return math.ceil(_REACH * sigma) + 1


def _weights(away: NDArray[Any], sigma: float) -> FloatArray:
    weights: FloatArray = np.exp(-(away**2) / (2 * sigma**2))
    return weights / weights.sum()


@numba.njit(nogil=True, cache=True)
def _blur_planes(
    volume: FloatArray, weights: FloatArray, halo: int, every: int
) -> FloatArray:
    planes, rows, columns = volume.shape
    kept = (planes - 2 * halo + every - 1) // every
    result = np.zeros((kept, rows, columns))
    for i in range(kept):
        for tap in range(len(weights)):
            for j in range(rows):
                for k in range(columns):
                    value = volume[i * every + tap, j, k]
                    result[i, j, k] += weights[tap, k] * value
    return result
