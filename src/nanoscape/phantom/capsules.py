"""Distances to many capsules: line segments with a radius.

Capsules are sorted into square cells by their midpoints, so that a place looks
only at those around it. Results do not depend on the order of the search.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

FAR_UM = 600.0
"""Distances are not followed beyond this; a place without vessels lies this far."""

_CELL_UM = 32.0
_TILE = 16

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CapsuleIndex:
    """Capsules in cells.

    Attributes
    ----------
    capsules
        One row each: ``y0, x0, y1, x1, radius`` in µm, sorted by cell.
    order
        Row of each in the array that was given.
    starts
        Where the capsules of each cell begin, shape ``(cells + 1,)``.
    rows, columns
        Numbers of cells.
    reach
        Largest half length plus radius.
    """

    capsules: FloatArray
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    rows: int
    columns: int
    reach: float

    @classmethod
    def build(cls, capsules: FloatArray, size_um: tuple[float, float]) -> CapsuleIndex:
        """Sort capsules of shape ``(n, 5)`` that lie in a field from 0 to its size."""
        rows, columns = (int(length // _CELL_UM) + 1 for length in size_um)
        middle = (capsules[:, :2] + capsules[:, 2:4]) / 2
        cell = np.clip(
            (middle // _CELL_UM).astype(np.int64), 0, [rows - 1, columns - 1]
        )
        number = cell[:, 0] * columns + cell[:, 1]
        order = np.argsort(number, kind="stable")
        starts = np.searchsorted(number[order], np.arange(rows * columns + 1))
        half = np.hypot(*(capsules[:, 2:4] - capsules[:, :2]).T) / 2
        reach = float((half + capsules[:, 4]).max()) if len(capsules) else 0.0
        return cls(capsules[order], order, starts, rows, columns, reach)

    def on_grid(
        self, y_um: FloatArray, x_um: FloatArray, far_um: float = FAR_UM
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return signed wall distance and nearest capsule on a grid.

        Parameters
        ----------
        y_um, x_um
            Evenly spaced coordinates of rows and columns.
        far_um
            Distances are not followed beyond this.

        Returns
        -------
        distance
            In µm, negative inside, at most ``far_um``; shape ``(h, w)``.
        nearest
            Row of the nearest capsule in the array that was given, -1 when none
            is within ``far_um``.
        """
        distance, nearest = _on_grid(*self._arguments(), y_um, x_um, far_um)
        return distance, self._original(nearest)

    def at(
        self, points_um: FloatArray, far_um: float = FAR_UM
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return signed wall distance and nearest capsule at places ``(n, 2)``."""
        points = np.ascontiguousarray(points_um, dtype=np.float64)
        distance, nearest = _at(*self._arguments(), points, far_um)
        return distance, self._original(nearest)

    def _arguments(self) -> tuple[Any, ...]:
        return self.capsules, self.starts, self.rows, self.columns, self.reach

    def _original(self, nearest: NDArray[np.int64]) -> NDArray[np.int64]:
        if not len(self.order):
            return nearest
        return np.where(nearest >= 0, self.order[nearest], -1)


@numba.njit(nogil=True, cache=True, inline="always")
def capsule_distance(capsule: FloatArray, y: float, x: float) -> float:
    """Return the distance of a place to a capsule's wall, negative inside."""
    ay, ax = capsule[0], capsule[1]
    by, bx = capsule[2] - ay, capsule[3] - ax
    py, px = y - ay, x - ax
    length = by * by + bx * bx
    t = (py * by + px * bx) / length if length > 0.0 else 0.0
    t = min(max(t, 0.0), 1.0)
    dy, dx = py - t * by, px - t * bx
    return math.sqrt(dy * dy + dx * dx) - capsule[4]


@numba.njit(nogil=True, cache=True)
def _nearest(
    capsules: FloatArray,
    starts: NDArray[np.int64],
    rows: int,
    columns: int,
    reach: float,
    y: float,
    x: float,
    far: float,
) -> tuple[float, int]:
    """Search cells in growing rings until none can hold a nearer capsule."""
    best, which = far, -1
    row, column = math.floor(y / _CELL_UM), math.floor(x / _CELL_UM)
    ring = 0
    while (ring - 1) * _CELL_UM - reach <= best:
        for i in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
            whole = abs(i - row) == ring
            step = 1 if whole or ring == 0 else 2 * ring
            for j in range(column - ring, column + ring + 1, step):
                if j < 0 or j >= columns:
                    continue
                cell = i * columns + j
                for k in range(starts[cell], starts[cell + 1]):
                    distance = capsule_distance(capsules[k], y, x)
                    if distance < best:
                        best, which = distance, k
        ring += 1
    return best, which


@numba.njit(nogil=True, cache=True)
def _at(
    capsules: FloatArray,
    starts: NDArray[np.int64],
    rows: int,
    columns: int,
    reach: float,
    points: FloatArray,
    far: float,
) -> tuple[FloatArray, NDArray[np.int64]]:
    distance = np.empty(len(points))
    which = np.empty(len(points), np.int64)
    for n in range(len(points)):
        distance[n], which[n] = _nearest(
            capsules, starts, rows, columns, reach, points[n, 0], points[n, 1], far
        )
    return distance, which


@numba.njit(nogil=True, cache=True)
def _on_grid(
    capsules: FloatArray,
    starts: NDArray[np.int64],
    rows: int,
    columns: int,
    reach: float,
    y_um: FloatArray,
    x_um: FloatArray,
    far: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find for each small tile the capsules that can matter, then look only there."""
    height, width = len(y_um), len(x_um)
    distance = np.full((height, width), far, np.float32)
    which = np.full((height, width), -1, np.int64)
    for top in range(0, height, _TILE):
        bottom = min(top + _TILE, height)
        y = (y_um[top] + y_um[bottom - 1]) / 2
        half_y = (y_um[bottom - 1] - y_um[top]) / 2
        for left in range(0, width, _TILE):
            right = min(left + _TILE, width)
            x = (x_um[left] + x_um[right - 1]) / 2
            half_x = (x_um[right - 1] - x_um[left]) / 2
            radius = math.sqrt(half_y * half_y + half_x * half_x) + 1e-6
            bound, found = _nearest(
                capsules, starts, rows, columns, reach, y, x, far + radius
            )
            if found < 0:
                continue
            candidates = _within(
                capsules, starts, rows, columns, reach, y, x, bound + 2 * radius
            )
            for i in range(top, bottom):
                for j in range(left, right):
                    best, nearest = far, -1
                    for k in candidates:
                        d = capsule_distance(capsules[k], y_um[i], x_um[j])
                        if d < best:
                            best, nearest = d, k
                    distance[i, j] = best
                    which[i, j] = nearest
    return distance, which


@numba.njit(nogil=True, cache=True)
def _within(
    capsules: FloatArray,
    starts: NDArray[np.int64],
    rows: int,
    columns: int,
    reach: float,
    y: float,
    x: float,
    limit: float,
) -> NDArray[np.int64]:
    """Return the capsules whose wall is not farther than a limit."""
    span = max(limit, 0.0) + reach
    first_row = max(math.floor((y - span) / _CELL_UM), 0)
    last_row = min(math.floor((y + span) / _CELL_UM), rows - 1)
    first_column = max(math.floor((x - span) / _CELL_UM), 0)
    last_column = min(math.floor((x + span) / _CELL_UM), columns - 1)
    found = []
    for i in range(first_row, last_row + 1):
        for k in range(
            starts[i * columns + first_column], starts[i * columns + last_column + 1]
        ):
            if capsule_distance(capsules[k], y, x) <= limit:
                found.append(k)  # noqa: PERF401 (no generators in numba)
    result = np.empty(len(found), np.int64)
    for n in range(len(found)):
        result[n] = found[n]
    return result
