"""Runs of one level of grey along each direction (GLRLM)."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from nanoscape.statistics.texture.directions import Steps
from nanoscape.statistics.texture.discretise import Levels
from nanoscape.statistics.texture.occurrences import Occurrences, of_table


def runs(levels: Levels, steps: Steps, count: int) -> list[Occurrences]:
    """Return how often runs of each length occur, for each direction.

    Parameters
    ----------
    levels
        Levels of grey; a voxel outside ends a run.
    steps
        Directions.
    count
        Number of levels.
    """
    voxels = int(np.count_nonzero(levels))
    return [of_table(_runs(levels, step, count), voxels) for step in steps]


@numba.njit(nogil=True, cache=True)
def _runs(levels: Any, step: Any, count: int) -> Any:
    depth, height, width = levels.shape
    found = np.zeros((count, max(levels.shape)), np.int64)
    for a in range(depth):
        for b in range(height):
            for c in range(width):
                here = levels[a, b, c]
                if here == 0:
                    continue
                i, j, k = a - step[0], b - step[1], c - step[2]
                if (
                    0 <= i < depth
                    and 0 <= j < height
                    and 0 <= k < width
                    and levels[i, j, k] == here
                ):
                    continue
                length = 0
                i, j, k = a, b, c
                while (
                    0 <= i < depth
                    and 0 <= j < height
                    and 0 <= k < width
                    and levels[i, j, k] == here
                ):
                    length += 1
                    i, j, k = i + step[0], j + step[1], k + step[2]
                found[here - 1, length - 1] += 1
    return found
