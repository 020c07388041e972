"""Zones of touching voxels of one level: their sizes and depths (GLSZM, GLDZM)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.texture.directions import Steps
from nanoscape.statistics.texture.discretise import Levels
from nanoscape.statistics.texture.occurrences import Occurrences, counted


def size_zones(levels: Levels, steps: Steps) -> Occurrences:
    """Return how often zones of each size occur.

    Parameters
    ----------
    levels
        Levels of grey.
    steps
        One of each two opposite steps to voxels that touch.
    """
    level, size, _ = _zones(levels, steps, np.zeros((1, 1, 1), np.int32))
    return counted(level, size, int(np.count_nonzero(levels)))


def distance_zones(levels: Levels, steps: Steps, solid: Sequence[bool]) -> Occurrences:
    """Return how often zones of each distance to the edge of the region occur.

    The distance of a zone is that of its nearest voxel, by steps across faces to
    the outside, 1 at the edge.

    Parameters
    ----------
    levels
        Levels of grey.
    steps
        One of each two opposite steps to voxels that touch.
    solid
        For z, y and x whether there is an edge along it.
    """
    depth = depths(levels, np.array(solid, np.bool_))
    level, _, near = _zones(levels, steps, depth)
    return counted(level, near, int(np.count_nonzero(levels)))


@numba.njit(nogil=True, cache=True)
def _root(parent: Any, place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return place


@numba.njit(nogil=True, cache=True)
def _zones(levels: Any, steps: Any, depth: Any) -> Any:
    """Return level, size and least depth of each zone, by its first voxel."""
    parent = _joined(levels, steps)
    flat, deep = levels.ravel(), depth.ravel()
    size = np.zeros(flat.size, np.int32)
    near = np.zeros(deep.size, np.int32)
    zones = 0
    for place in range(flat.size):
        if flat[place] == 0:
            continue
        root = _root(parent, place)
        zones += root == place
        size[root] += 1
        if deep.size == flat.size and (size[root] == 1 or deep[place] < near[root]):
            near[root] = deep[place]
    found = np.zeros((3, zones), np.int64)
    zones = 0
    for place in range(flat.size):
        if flat[place] > 0 and parent[place] == place:
            found[0, zones] = flat[place]
            found[1, zones] = size[place]
            if deep.size == flat.size:
                found[2, zones] = near[place]
            zones += 1
    return found


@numba.njit(nogil=True, cache=True)
def _joined(levels: Any, steps: Any) -> Any:
    """Return for each voxel another of its zone, in the end the first one."""
    high, tall, wide = levels.shape
    parent = np.arange(levels.size, dtype=np.int32)
    for a in range(high):
        for b in range(tall):
            for c in range(wide):
                here = levels[a, b, c]
                if here == 0:
                    continue
                own = (a * tall + b) * wide + c
                for n in range(len(steps)):
                    i, j, k = a - steps[n, 0], b - steps[n, 1], c - steps[n, 2]
                    if i < 0 or not (0 <= j < tall and 0 <= k < wide):
                        continue
                    if levels[i, j, k] != here:
                        continue
                    one = _root(parent, own)
                    two = _root(parent, (i * tall + j) * wide + k)
                    if one < two:
                        parent[two] = one
                    else:
                        parent[one] = two
    return parent


@numba.njit(nogil=True, cache=True)
def depths(levels: Any, solid: Any) -> NDArray[np.int32]:
    """Return steps across faces to the outside of the region, 0 outside.

    One sweep forth and one back are exact for such steps.
    """
    shape = levels.shape
    far = np.int32(levels.size + 1)
    depth = np.zeros(shape, np.int32)
    for sweep in range(2):
        for n in range(levels.size):
            place = n if sweep == 0 else levels.size - 1 - n
            c = place % shape[2]
            b = (place // shape[2]) % shape[1]
            a = place // (shape[1] * shape[2])
            if levels[a, b, c] == 0:
                continue
            least = far if sweep == 0 else depth[a, b, c]
            move = 1 if sweep else -1
            for axis in range(3):
                if not solid[axis]:
                    continue
                i, j, k = a, b, c
                if axis == 0:
                    i += move
                    beyond = i < 0 or i >= shape[0]
                elif axis == 1:
                    j += move
                    beyond = j < 0 or j >= shape[1]
                else:
                    k += move
                    beyond = k < 0 or k >= shape[2]
                least = min(least, np.int32(1 if beyond else depth[i, j, k] + 1))
            depth[a, b, c] = least
    return depth
