"""A regular grid of cells over a block, and what vessels bring to each cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.phantom.tumour.network import Network

FloatArray = NDArray[np.float64]

_AROUND = 24
_ALONG_UM = 1.0
_INSIDE = 4


@dataclass(frozen=True)
class Grid:
    """Cubic cells that fill a block whose corner is at 0.

    Attributes
    ----------
    shape
        Cells along ``z y x``.
    step_um
        Side of a cell.
    """

    shape: tuple[int, int, int]
    step_um: float

    @classmethod
    def over(cls, size_um: tuple[float, float, float], step_um: float) -> Grid:
        """Return the grid that fills a block, whose sides are cut to whole cells."""
        z, y, x = (max(round(length / step_um), 1) for length in size_um)
        return cls((z, y, x), step_um)

    @property
    def volume_um3(self) -> float:
        """Volume of a cell."""
        return self.step_um**3

    def plane(self, number: int) -> FloatArray:
        """Return the centres of one plane of cells, shape ``(y · x, 3)``."""
        axes = [(np.arange(n) + 0.5) * self.step_um for n in self.shape]
        axes[0] = axes[0][number : number + 1]
        grid = np.meshgrid(*axes, indexing="ij")
        return np.stack(grid, axis=-1).reshape(-1, 3)

    def cell_of(self, places_um: FloatArray) -> NDArray[np.int64]:
        """Return the number of the cell that holds each place, clipped to the grid."""
        index = np.floor(places_um / self.step_um).astype(np.int64)
        z, y, x = np.clip(index, 0, np.array(self.shape) - 1).T
        return (z * self.shape[1] + y) * self.shape[2] + x

    def interpolate(
        self, values: NDArray[np.floating], places_um: FloatArray
    ) -> FloatArray:
        """Return values between cell centres, trilinear, at places ``(n, 3)``."""
        index = places_um.T / self.step_um - 0.5
        found: FloatArray = ndimage.map_coordinates(
            values, index, order=1, mode="nearest", output=np.float64
        )
        return found


def wall_area(grid: Grid, capsules: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the area of vessel walls in each cell, times a weight, over its volume.

    Walls are sampled at most 1 µm apart along a vessel and 24 times around it, so
    that vessels thinner than a cell count by their true surface. Each sample is
    shared by the eight cells whose centres surround it.

    Parameters
    ----------
    grid
        Cells.
    capsules
        Shape ``(n, 7)``; only their lateral surface counts.
    weight
        For each capsule, such as its permeability in µm/s; the result then is the
        rate at which a cell exchanges with the blood, in 1/s.
    """
    total = np.zeros(grid.shape)
    _add_walls(total, grid.step_um, capsules, weight)
    return total / grid.volume_um3


@numba.njit(nogil=True, cache=True)
def _add_walls(
    total: FloatArray, step: float, capsules: FloatArray, weight: FloatArray
) -> None:
    """Add the area of each capsule's wall times its weight."""
    for n in range(len(capsules)):
        start, end = capsules[n, :3] / step, capsules[n, 3:6] / step
        radius = capsules[n, 6] / step
        if weight[n] > 0.0:
            amount = weight[n] * step**2
            add_wall(total, start, end, radius, _ALONG_UM / step, amount)


@numba.njit(nogil=True, cache=True)
def add_wall(
    total: FloatArray,
    start: FloatArray,
    end: FloatArray,
    radius: float,
    apart: float,
    weight: float,
) -> None:
    """Add the area of a capsule's wall times a weight to cells, sample by sample.

    Parameters
    ----------
    total
        Cells; what lies beyond them goes to the outermost ones.
    start, end, radius
        The capsule, in cells.
    apart
        How far samples may be apart along it, in cells.
    weight
        What an area of one side of a cell counts.
    """
    along = end - start
    long = math.sqrt((along**2).sum())
    if long == 0.0:
        return
    along /= long
    helper = np.zeros(3)
    helper[np.argmin(np.abs(along))] = 1.0
    across = np.cross(along, helper)
    across /= math.sqrt((across**2).sum())
    other = np.cross(along, across)
    count = math.ceil(long / apart)
    area = 2 * math.pi * radius * long / (count * _AROUND) * weight
    for i in range(count):
        axis = start + along * ((i + 0.5) * long / count)
        for j in range(_AROUND):
            angle = (j + 0.5) * 2 * math.pi / _AROUND
            rim = math.cos(angle) * across + math.sin(angle) * other
            _share_out(total, axis + radius * rim - 0.5, area)


@numba.njit(nogil=True, cache=True)
def _share_out(total: FloatArray, index: FloatArray, amount: float) -> None:
    """Add an amount to the cells around a place, weighted as in interpolation."""
    first = np.floor(index)
    for corner in range(8):
        weight, cell = amount, np.empty(3, np.int64)
        for axis in range(3):
            upper = (corner >> axis) & 1
            part = index[axis] - first[axis]
            weight *= part if upper else 1.0 - part
            place = int(first[axis]) + upper
            cell[axis] = min(max(place, 0), total.shape[axis] - 1)
        total[cell[0], cell[1], cell[2]] += weight


def tissue_share(grid: Grid, network: Network) -> FloatArray:
    """Return the share of each cell outside all vessels.

    Cells near a wall are looked at in 4 × 4 × 4 parts.
    """
    share = np.empty(grid.shape)
    half = grid.step_um / 2
    inner = ((np.arange(_INSIDE) + 0.5) / _INSIDE - 0.5) * grid.step_um
    offsets = np.stack(np.meshgrid(inner, inner, inner, indexing="ij"), axis=-1)
    for number in range(grid.shape[0]):
        centres = grid.plane(number)
        # No farther than it takes to tell whether a wall reaches the cell.
        distance, _ = network.walls.at(centres, 2 * half)
        outside = (distance > 0).astype(float)
        near = np.abs(distance) < np.sqrt(3) * half
        fine = (centres[near, None] + offsets.reshape(-1, 3)).reshape(-1, 3)
        walls, _ = network.walls.at(fine, 2 * half)
        # A part that the wall crosses counts by how far its centre is from the wall.
        part = np.clip(walls / (grid.step_um / _INSIDE) + 0.5, 0.0, 1.0)
        outside[near] = part.reshape(-1, _INSIDE**3).mean(axis=1)
        share[number] = outside.reshape(grid.shape[1:])
    return share
