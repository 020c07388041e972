"""What tissue exchanges with the blood through walls that conduct well."""

from __future__ import annotations

import functools
import math

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nanoscape.phantom.tumour.grid import Grid, add_wall

FloatArray = NDArray[np.float64]

_REACH = 3.0
_ALONG = 0.25
_ANGLES = 12
_PERIOD = 96
_NEAR = 12
_MADELUNG = 2.837297
_LEAST = 0.05


def oxygen_exchange(
    grid: Grid, capsules: FloatArray, diffusivity_um2_s: float, sherwood: float
) -> FloatArray:
    """Return how fast each cell exchanges oxygen with the blood, in 1/s.

    Per length of vessel Φ = π Sh D (P_blood − P_wall) crosses the wall (Hellums et al.
    1996, doi:10.1007/BF02770991), shared out among the cells around it. Around a
    piece of a vessel that gives off Φ the wall is at Φ / D · W, where W is the mean of
    1 / 4πr between places on the wall; a cell shows Φ / D · Σ b G instead, where b is
    how the piece is shared out and G the answer of the grid to a source in one cell.
    The resistance of a cell's part of the wall, 2 / Sh, grows by 2π (W − Σ b G), with
    which each part gives off what it should. It depends on radius, direction and where
    the vessel lies among the cells. In reservoirs of oil the same is known as the
    index of a well (Peaceman 1978, doi:10.2118/6893-PA).

    Parameters
    ----------
    grid
        Cells.
    capsules
        Perfused vessels, shape ``(n, 7)``; each is followed straight on for four
        cells in both directions to tell what it does around itself.
    diffusivity_um2_s
        D of oxygen.
    sherwood
        Sh, the number of the transfer inside a vessel.
    """
    total = np.zeros(grid.shape)
    inside = 2 / sherwood
    _add_exchange(total, capsules / grid.step_um, inside, answer_to_a_source())
    # Areas over volumes in cells, and radii, are counted in their sides.
    return total * (diffusivity_um2_s / grid.step_um**2)


@functools.cache
def answer_to_a_source() -> FloatArray:
    """Return the grid's answer to a unit source in one cell, for D = 1 and cells of 1.

    It solves −∇·∇G = δ with the flows of :mod:`~nanoscape.phantom.tumour.flow`, and
    falls as 1/4πr far away. It is the sum of waves over a period of 96 cells less
    what the other periods add: a constant and the even ground that makes up for the
    sources (Hasimoto 1959, doi:10.1017/S0022112059000222).

    Returns
    -------
    ndarray
        By distance in cells along the axes, shape ``(12, 12, 12)``.
    """
    half = 2 - 2 * np.cos(2 * np.pi * np.arange(_PERIOD) / _PERIOD)
    z, y, x = half[:, None, None], half[:, None], half[: _PERIOD // 2 + 1]
    # A flow is handed by twelfths to the four faces beside it.
    waves = z * (1 - (y + x) / 12) + y * (1 - (z + x) / 12) + x * (1 - (z + y) / 12)
    waves[0, 0, 0] = np.inf
    answer = fft.irfftn(1 / waves, (_PERIOD,) * 3)
    near = answer[:_NEAR, :_NEAR, :_NEAR]
    away = np.arange(_NEAR) ** 2
    square = away[:, None, None] + away[:, None] + away
    others = _MADELUNG / (4 * np.pi * _PERIOD) - square / (6 * _PERIOD**3)
    return np.ascontiguousarray(near + others)


@numba.njit(nogil=True, cache=True)
def _add_exchange(
    total: FloatArray, capsules: FloatArray, inside: float, answer: FloatArray
) -> None:
    """Add the conductance of each vessel's wall, vessels and grid counted in cells."""
    for n in range(len(capsules)):
        start, end, radius = capsules[n, :3], capsules[n, 3:6], capsules[n, 6]
        along = end - start
        half = math.sqrt((along**2).sum()) / 2
        if half == 0.0:
            continue
        along /= 2 * half
        middle = (start + end) / 2
        piece = half + _REACH
        corner = np.floor(middle - piece - radius) - 1.0
        side = 2 * math.ceil(piece + radius) + 4
        # Of a unit given off per length, and of the wall's area.
        given = _shared_out(middle - corner, along, radius, piece, side)
        given *= 2 * piece / given.sum()
        wall = _shared_out(middle - corner, along, radius, half, side)
        at_wall = _at_wall(radius, half, piece)
        sources = np.argwhere(given > 0)
        for cell in np.argwhere(wall > 0):
            unseen = 2 * math.pi * (at_wall - _shown(cell, sources, given, answer))
            resistance = radius * max(inside + unseen, _LEAST)
            area = wall[cell[0], cell[1], cell[2]]
            place = np.zeros(3, np.int64)
            for axis in range(3):
                index = cell[axis] + int(corner[axis])
                place[axis] = min(max(index, 0), total.shape[axis] - 1)
            total[place[0], place[1], place[2]] += area / resistance


@numba.njit(nogil=True, cache=True)
def _shared_out(
    middle: FloatArray, along: FloatArray, radius: float, half: float, side: int
) -> FloatArray:
    """Return how a piece of a vessel's wall is shared out among cells."""
    shares = np.zeros((side, side, side))
    add_wall(shares, middle - half * along, middle + half * along, radius, _ALONG, 1.0)
    return shares


@numba.njit(nogil=True, cache=True)
def _at_wall(radius: float, half: float, piece: float) -> float:
    """Return the mean of 1 / 4πr between the wall of a piece and that of its middle.

    Places on the wall lie 2 R sin(φ / 2) apart across the vessel. The mean of n values
    of ln 2 sin is ln 2 / 2n and not 0, which is taken out.
    """
    count = math.ceil(2 * half / _ALONG)
    total = count * math.log(2.0)
    for i in range(count):
        place = ((i + 0.5) / count * 2 - 1) * half
        for j in range(_ANGLES):
            apart = 2 * radius * math.sin((j + 0.5) * math.pi / (2 * _ANGLES))
            total += math.asinh((piece - place) / apart)
            total += math.asinh((piece + place) / apart)
    return total / (count * _ANGLES) / (4 * math.pi)


@numba.njit(nogil=True, cache=True)
def _shown(
    cell: NDArray[np.int64],
    sources: NDArray[np.int64],
    given: FloatArray,
    answer: FloatArray,
) -> float:
    """Return Σ b G of a cell."""
    total = 0.0
    for i in range(len(sources)):
        z, y, x = sources[i]
        dz, dy, dx = abs(cell[0] - z), abs(cell[1] - y), abs(cell[2] - x)
        if max(dz, dy, dx) < _NEAR:
            answered = answer[dz, dy, dx]
        else:
            answered = 1 / (4 * math.pi * math.sqrt(dz * dz + dy * dy + dx * dx))
        total += given[z, y, x] * answered
    return total
