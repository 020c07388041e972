"""What kind of tissue lies where, and the cells in it.

Everything is a function of place, so that any part of the tumour can be made alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.streams import TUMOUR_TISSUE, hash_unit, sub_seed
from nanoscape.phantom.tumour.grid import Grid
from nanoscape.phantom.tumour.shape import Shape
from nanoscape.phantom.tumour.texture import Texture
from nanoscape.phantom.tumour.walls import Walls

FloatArray = NDArray[np.float64]

CAPSULE_UM = 25.0
STROMA_SHARE = 0.12
STROMA_CELLULARITY = 0.3
"""Cells of stroma and capsule, relative to viable tumour. Chosen, as all here are."""

NUCLEUS_PITCH_UM = 11.0
CLUSTER_PITCH_UM = 110.0

# Of a Gaussian texture this much lies within STROMA_SHARE: erf(t / √2) = 0.12.
_STROMA_LEVEL = 0.15097
_STROMA_GRAIN_UM = 90.0
_CLUSTER_EDGE_UM = 8.0
_POOL_GRAIN_UM = 60.0
_RIM_DEPTH = 0.15
_LAYER = 2**20


class Tissue(IntEnum):
    """Kinds of tissue, the values of its mask."""

    OUTSIDE = 0
    CAPSULE = 1
    STROMA = 2
    VIABLE = 3
    NECROSIS = 4


@dataclass(frozen=True, eq=False)
class Stroma:
    """Tissue that does not depend on oxygen: capsule, septa and tumour cells.

    Attributes
    ----------
    shape
        Outline of the tumour.
    septa
        Stroma lies in sheets where this texture is close to 0.
    """

    shape: Shape
    septa: Texture

    @classmethod
    def draw(cls, seed: int, shape: Shape) -> Stroma:
        """Draw the septa of a tumour."""
        generator = np.random.default_rng(sub_seed(seed, TUMOUR_TISSUE))
        return cls(shape, Texture.draw(generator, _STROMA_GRAIN_UM))

    def at(
        self, places_um: FloatArray, depth_um: FloatArray | None = None
    ) -> NDArray[np.uint8]:
        """Return the kind of tissue at places ``(n, 3)``, necrosis left aside.

        The depth of the places below the surface is looked up if it is not given.
        """
        depth = self.shape.depth(places_um) if depth_um is None else depth_um
        kind = np.full(len(depth), Tissue.OUTSIDE, np.uint8)
        kind[depth > 0] = Tissue.CAPSULE
        deep = np.flatnonzero(depth >= CAPSULE_UM)
        sheet = np.abs(self.septa.at(places_um[deep])) < _STROMA_LEVEL
        kind[deep] = np.where(sheet, Tissue.STROMA, Tissue.VIABLE)
        return kind

    def cellularity(self, grid: Grid) -> FloatArray:
        """Return the cells of each cell of a grid: 1 where all is viable tumour."""
        amount = np.array([0.0, STROMA_CELLULARITY, STROMA_CELLULARITY, 1.0])
        planes = [amount[self.at(grid.plane(i))] for i in range(grid.shape[0])]
        return np.concatenate(planes).reshape(grid.shape)


@dataclass(frozen=True, eq=False)
class Macrophages:
    """Clusters of macrophages, balls of 15 to 35 µm.

    Attributes
    ----------
    balls
        ``z, y, x, radius`` in µm, shape ``(n, 4)``.
    """

    balls: FloatArray

    @classmethod
    def draw(
        cls, seed: int, shape: Shape, grid: Grid, oxygen: FloatArray, dying_mmhg: float
    ) -> Macrophages:
        """Draw clusters on a jittered lattice.

        They are most frequent in the rim and around necroses, and absent inside
        these.

        Parameters
        ----------
        seed
            Seed of the tumour.
        shape
            Outline of the tumour.
        grid, oxygen
            Partial pressure in mmHg on a grid.
        dying_mmhg
            Below this tissue is necrotic; around it macrophages gather.
        """
        high = np.array(shape.size_um)
        key = sub_seed(seed, TUMOUR_TISSUE, 1)
        drawn = jittered(key, np.zeros(3), high, CLUSTER_PITCH_UM, 0.9)
        place, u = np.ascontiguousarray(drawn[:, :3]), drawn[:, 3:]
        pressure = grid.interpolate(oxygen, place)
        near = (shape.relative_depth(place) < _RIM_DEPTH) | (pressure < 5 * dying_mmhg)
        chance = np.where(near, 0.7, 0.25)
        chance[(shape.depth(place) <= CAPSULE_UM) | (pressure < dying_mmhg)] = 0.0
        keep = u[:, 0] < chance
        radius = 15.0 + 20.0 * u[keep, 1]
        return cls(np.column_stack([place[keep], radius]))

    @cached_property
    def _walls(self) -> Walls:
        centre = self.balls[:, :3]
        return Walls.build(np.column_stack([centre, centre, self.balls[:, 3]]))

    def at(self, places_um: FloatArray) -> FloatArray:
        """Return their share of the cells at places ``(n, 3)``, from 0 to 1."""
        distance, _ = self._walls.at(places_um, _CLUSTER_EDGE_UM)
        share: FloatArray = np.clip(-distance / _CLUSTER_EDGE_UM, 0.0, 1.0)
        return share


def pools(seed: int, grid: Grid, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which dead cells of a grid blood seeps into, a sixth of them in patches."""
    generator = np.random.default_rng(sub_seed(seed, TUMOUR_TISSUE, 3))
    texture = Texture.draw(generator, _POOL_GRAIN_UM)
    found = np.zeros(grid.shape, bool)
    for number, cells in enumerate(dead):
        places = grid.plane(number)[cells.ravel()]
        found[number][cells] = texture.at(places) > 1.0
    return found


@numba.njit(nogil=True, cache=True)
def jittered(
    seed: int, low: FloatArray, high: FloatArray, pitch_um: float, jitter: float
) -> FloatArray:
    """Return places of a jittered lattice in a box with five uniform numbers each.

    Each lattice cell holds one, made of hashes of the cell's number, so that boxes
    can be made one by one.

    Returns
    -------
    ndarray
        ``z, y, x`` and five numbers in [0, 1), shape ``(n, 8)``.
    """
    first = np.floor(low / pitch_um).astype(np.int64) - 1
    last = np.floor(high / pitch_um).astype(np.int64) + 1
    found = np.empty((int(np.prod(last - first + 1)), 8))
    place = np.empty(3)
    count = 0
    for layer in range(first[0], last[0] + 1):
        for row in range(first[1], last[1] + 1):
            for column in range(first[2], last[2] + 1):
                line, key = layer * _LAYER + row, 8 * column
                cell = (layer, row, column)
                inside = True
                for axis in range(3):
                    shift = jitter * (hash_unit(seed, line, key + axis) - 0.5)
                    place[axis] = (cell[axis] + 0.5 + shift) * pitch_um
                    inside &= low[axis] <= place[axis] < high[axis]
                if inside:
                    found[count, :3] = place
                    for k in range(5):
                        found[count, 3 + k] = hash_unit(seed, line, key + 3 + k)
                    count += 1
    return found[:count]


def nuclei(
    seed: int, stroma: Stroma, walls: Walls, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Return the nuclei whose centres lie in a box, necrosis left aside.

    Nuclei are spheroids whose half axis along the first axis of symmetry is the
    longer one. Stroma and capsule hold fewer.

    Parameters
    ----------
    seed
        Seed of the tumour.
    stroma
        Kinds of tissue.
    walls
        All vessels; nuclei keep out of them.
    low, high
        Corners of the box, ``(z, y, x)`` in µm.

    Returns
    -------
    ndarray
        ``z, y, x, long half axis, short half axis, angle, brightness``, shape
        ``(n, 7)``; µm, and radians in the plane of a section.
    """
    drawn = jittered(
        sub_seed(seed, TUMOUR_TISSUE, 2), low, high, NUCLEUS_PITCH_UM, 0.95
    )
    place = np.ascontiguousarray(drawn[:, :3])
    u = drawn[:, 3:]
    chance = np.array([0.0, 0.9 * STROMA_CELLULARITY, 0.9 * STROMA_CELLULARITY, 0.9])
    keep = u[:, 0] < chance[stroma.at(place)]
    place, u = place[keep], u[keep]
    free = walls.at(place, 10.0)[0] > 1.5
    place, u = place[free], u[free]
    long = 2.8 + 1.9 * u[:, 1]
    return np.column_stack(
        [
            place,
            long,
            long * (0.6 + 0.4 * u[:, 2]),
            math.pi * u[:, 3],
            0.55 + 0.6 * u[:, 4],
        ]
    )
