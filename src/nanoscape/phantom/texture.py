"""Smooth random textures that can be evaluated anywhere."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.streams import hash_unit

# Standard deviation of a cubic B-spline sum of uniform numbers on [-1, 1].
_SCALE = 1.0 / (151.0 / 315.0 / np.sqrt(3.0))
_SCALE_IN_SPACE = 1.0 / ((151.0 / 315.0) ** 1.5 / np.sqrt(3.0))
_LAYER = 2**20


@numba.njit(nogil=True, cache=True)
def smooth_noise(
    seed: int, y_um: NDArray[np.float64], x_um: NDArray[np.float64], grain_um: float
) -> NDArray[np.float64]:
    """Evaluate a smooth random field on the grid of two coordinate vectors.

    Uniform numbers on a square lattice, joined by cubic B-splines: mean 0, standard
    deviation 1, never beyond ±3.7.

    Parameters
    ----------
    seed
        Names the field.
    y_um, x_um
        Coordinates of rows and columns, shapes ``(h,)`` and ``(w,)``.
    grain_um
        Distance of lattice points; features are about twice as wide.

    Returns
    -------
    ndarray
        Shape ``(h, w)``.
    """
    rows, columns = len(y_um), len(x_um)
    result = np.empty((rows, columns))
    cell_x = np.floor(x_um / grain_um).astype(np.int64)
    weights_x = np.empty((columns, 4))
    for j in range(columns):
        _weights(x_um[j] / grain_um - cell_x[j], weights_x[j])
    weights_y = np.empty(4)
    first, last = cell_x.min() - 1, cell_x.max() + 3
    line = np.empty(last - first)
    before = -(2**62)
    lattice = np.empty((4, last - first))
    for i in range(rows):
        cell = int(np.floor(y_um[i] / grain_um))
        _weights(y_um[i] / grain_um - cell, weights_y)
        if cell != before:
            for a in range(4):
                for k in range(last - first):
                    lattice[a, k] = 2 * hash_unit(seed, cell - 1 + a, first + k) - 1
            before = cell
        for k in range(last - first):
            line[k] = 0.0
            for a in range(4):
                line[k] += weights_y[a] * lattice[a, k]
        for j in range(columns):
            value = 0.0
            for b in range(4):
                value += weights_x[j, b] * line[cell_x[j] - 1 + b - first]
            result[i, j] = value * _SCALE
    return result


@numba.njit(nogil=True, cache=True)
def smooth_noise_at(
    seed: int, points_um: NDArray[np.float64], grain_um: float
) -> NDArray[np.float64]:
    """Evaluate the field of :func:`smooth_noise` at places of shape ``(n, 2)``."""
    result = np.empty(len(points_um))
    weights_y, weights_x = np.empty(4), np.empty(4)
    for n in range(len(points_um)):
        y, x = points_um[n, 0] / grain_um, points_um[n, 1] / grain_um
        row, column = int(np.floor(y)), int(np.floor(x))
        _weights(y - row, weights_y)
        _weights(x - column, weights_x)
        value = 0.0
        for a in range(4):
            for b in range(4):
                uniform = 2 * hash_unit(seed, row - 1 + a, column - 1 + b) - 1
                value += weights_y[a] * weights_x[b] * uniform
        result[n] = value * _SCALE
    return result


@numba.njit(nogil=True, cache=True)
def volume_noise(
    seed: int,
    z_um: NDArray[np.float64],
    y_um: NDArray[np.float64],
    x_um: NDArray[np.float64],
    grain_um: float,
) -> NDArray[np.float64]:
    """Evaluate a smooth random field in space on the grid of three coordinate vectors.

    As :func:`smooth_noise`, on a cubic lattice; shape ``(d, h, w)``.
    """
    cell_y = np.floor(y_um / grain_um).astype(np.int64)
    cell_x = np.floor(x_um / grain_um).astype(np.int64)
    weights_y, weights_x = np.empty((len(y_um), 4)), np.empty((len(x_um), 4))
    for i in range(len(y_um)):
        _weights(y_um[i] / grain_um - cell_y[i], weights_y[i])
    for j in range(len(x_um)):
        _weights(x_um[j] / grain_um - cell_x[j], weights_x[j])
    top, left = cell_y.min() - 1, cell_x.min() - 1
    rows, columns = cell_y.max() + 3 - top, cell_x.max() + 3 - left
    result = np.empty((len(z_um), len(y_um), len(x_um)))
    weights_z = np.empty(4)
    layer, line = np.empty((rows, columns)), np.empty(columns)
    for k in range(len(z_um)):
        cell = int(np.floor(z_um[k] / grain_um))
        _weights(z_um[k] / grain_um - cell, weights_z)
        layer[:] = 0.0
        for c in range(4):
            for i in range(rows):
                key = (cell - 1 + c) * _LAYER + top + i
                for j in range(columns):
                    uniform = 2 * hash_unit(seed, key, left + j) - 1
                    layer[i, j] += weights_z[c] * uniform
        for i in range(len(y_um)):
            first = cell_y[i] - 1 - top
            for j in range(columns):
                line[j] = 0.0
                for a in range(4):
                    line[j] += weights_y[i, a] * layer[first + a, j]
            for j in range(len(x_um)):
                value = 0.0
                for b in range(4):
                    value += weights_x[j, b] * line[cell_x[j] - 1 + b - left]
                result[k, i, j] = value * _SCALE_IN_SPACE
    return result


@numba.njit(nogil=True, cache=True, inline="always")
def _weights(t: float, out: NDArray[np.float64]) -> None:
    out[0] = (1 - t) ** 3 / 6
    out[1] = (3 * t**3 - 6 * t**2 + 4) / 6
    out[2] = (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6
    out[3] = t**3 / 6
