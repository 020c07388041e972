"""Exact distances in space to the walls of many vessels.

A vessel is a chain of capsules: straight links with a radius. Links are sorted into
cubic cells by their midpoints, and a place looks at rings of cells around it until
none can hold a nearer wall. Results do not depend on the order of the search.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FAR_UM = 600.0
"""Distances are not followed beyond this; a place without vessels lies this far."""

_CELL_UM = 40.0


@dataclass(frozen=True, eq=False)
class Walls:
    """Capsules in cubic cells.

    Attributes
    ----------
    capsules
        One row each: ``z0, y0, x0, z1, y1, x1, radius`` in µm, sorted by cell.
    order
        Row of each in the array that was given.
    starts
        Where the capsules of each cell begin, shape ``(cells + 1,)``.
    first
        Corner of the first cell, ``(z, y, x)``.
    cells
        Number of cells along ``z y x``.
    reach_um
        Largest half length plus radius.
    """

    capsules: FloatArray
    order: IntArray
    starts: IntArray
    first: FloatArray
    cells: IntArray
    reach_um: float

    @classmethod
    def build(cls, capsules: FloatArray) -> Walls:
        """Sort capsules of shape ``(n, 7)``."""
        middle = (capsules[:, :3] + capsules[:, 3:6]) / 2
        none = not len(capsules)
        first = np.zeros(3) if none else middle.min(axis=0)
        cell = ((middle - first) // _CELL_UM).astype(np.int64)
        cells = np.ones(3, np.int64) if none else cell.max(axis=0) + 1
        number = (cell[:, 0] * cells[1] + cell[:, 1]) * cells[2] + cell[:, 2]
        order = np.argsort(number, kind="stable")
        starts = np.searchsorted(number[order], np.arange(int(cells.prod()) + 1))
        half = lengths(capsules) / 2
        reach = 0.0 if none else float((half + capsules[:, 6]).max())
        return cls(capsules[order], order, starts, first, cells, reach)

    def at(
        self, places_um: FloatArray, far_um: float = FAR_UM
    ) -> tuple[FloatArray, IntArray]:
        """Return signed wall distance and nearest capsule.

        Parameters
        ----------
        places_um
            Shape ``(n, 3)``.
        far_um
            Distances are not followed beyond this.

        Returns
        -------
        distance
            In µm, negative inside, at most ``far_um``; shape ``(n,)``.
        nearest
            Row of the nearest capsule in the array that was given, -1 when none is
            within ``far_um``.
        """
        places = np.ascontiguousarray(places_um, dtype=np.float64)
        distance, nearest = _at(
            self.capsules,
            self.starts,
            self.first,
            self.cells,
            self.reach_um,
            places,
            far_um,
        )
        if not len(self.order):
            return distance, nearest
        return distance, np.where(nearest >= 0, self.order[nearest], -1)


def lengths(capsules: FloatArray) -> FloatArray:
    """Return the length of each capsule's axis in µm."""
    along = capsules[:, 3:6] - capsules[:, :3]
    length: FloatArray = np.sqrt((along**2).sum(axis=1))
    return length


@numba.njit(nogil=True, cache=True, inline="always")
def _wall(capsule: FloatArray, z: float, y: float, x: float) -> float:
    """Return the distance of a place to a capsule's wall, negative inside."""
    bz = capsule[3] - capsule[0]
    by = capsule[4] - capsule[1]
    bx = capsule[5] - capsule[2]
    pz, py, px = z - capsule[0], y - capsule[1], x - capsule[2]
    length = bz * bz + by * by + bx * bx
    t = (pz * bz + py * by + px * bx) / length if length > 0.0 else 0.0
    t = min(max(t, 0.0), 1.0)
    dz, dy, dx = pz - t * bz, py - t * by, px - t * bx
    return math.sqrt(dz * dz + dy * dy + dx * dx) - capsule[6]


@numba.njit(nogil=True, cache=True)
def _at(
    capsules: FloatArray,
    starts: IntArray,
    first: FloatArray,
    cells: IntArray,
    reach: float,
    places: FloatArray,
    far: float,
) -> tuple[FloatArray, IntArray]:
    distance = np.empty(len(places))
    which = np.empty(len(places), np.int64)
    for n in range(len(places)):
        z, y, x = places[n]
        cell = (
            math.floor((z - first[0]) / _CELL_UM),
            math.floor((y - first[1]) / _CELL_UM),
            math.floor((x - first[2]) / _CELL_UM),
        )
        best, nearest, ring = far, -1, 0
        while (ring - 1) * _CELL_UM - reach <= best:
            best, nearest = _search_ring(
                capsules,
                starts,
                first,
                cells,
                cell,
                reach,
                ring,
                z,
                y,
                x,
                best,
                nearest,
            )
            ring += 1
        distance[n], which[n] = best, nearest
    return distance, which


@numba.njit(nogil=True, cache=True, inline="always")
def _off(place: float, cell: int) -> float:
    """Return how far a place lies beside a cell along one axis."""
    low = cell * _CELL_UM
    return max(low - place, place - low - _CELL_UM, 0.0)


@numba.njit(nogil=True, cache=True)
def _search_ring(
    capsules: FloatArray,
    starts: IntArray,
    first: FloatArray,
    cells: IntArray,
    cell: tuple[int, int, int],
    reach: float,
    ring: int,
    z: float,
    y: float,
    x: float,
    best: float,
    nearest: int,
) -> tuple[float, int]:
    """Look at the cells that are ``ring`` cells away along any axis.

    Those whose midpoints are all farther away than the nearest wall and ``reach`` are
    left out.
    """
    for i in range(max(cell[0] - ring, 0), min(cell[0] + ring, cells[0] - 1) + 1):
        on_face = abs(i - cell[0]) == ring
        off_z = _off(z - first[0], i)
        for j in range(max(cell[1] - ring, 0), min(cell[1] + ring, cells[1] - 1) + 1):
            off_y = _off(y - first[1], j)
            far = best + reach
            if off_z * off_z + off_y * off_y > far * far:
                continue
            whole = on_face or abs(j - cell[1]) == ring or ring == 0
            step = 1 if whole else 2 * ring
            for k in range(cell[2] - ring, cell[2] + ring + 1, step):
                if k < 0 or k >= cells[2]:
                    continue
                number = (i * cells[1] + j) * cells[2] + k
                if starts[number] == starts[number + 1]:
                    continue
                off_x = _off(x - first[2], k)
                far = best + reach
                if off_z * off_z + off_y * off_y + off_x * off_x > far * far:
                    continue
                for c in range(starts[number], starts[number + 1]):
                    distance = _wall(capsules[c], z, y, x)
                    if distance < best:
                        best, nearest = distance, c
    return best, nearest
