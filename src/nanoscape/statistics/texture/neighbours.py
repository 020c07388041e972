"""A voxel against its neighbourhood: tone differences and dependences.

NGTDM after Amadasun and King (1989, doi:10.1109/21.44046), NGLDM after Sun and Wee
(1983, doi:10.1016/0734-189X(83)90032-4), both as defined by the IBSI.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.texture.directions import Steps
from nanoscape.statistics.texture.discretise import Levels
from nanoscape.statistics.texture.occurrences import Occurrences, of_table

Floats = NDArray[np.float64]

_EVEN = 1e6
"""Coarseness where all levels are the same, by convention of the IBSI."""


def tone_differences(levels: Levels, steps: Steps, count: int) -> Floats:
    """Return voxels of each level, and sums of their differences to the neighbours.

    Parameters
    ----------
    levels
        Levels of grey.
    steps
        Steps to all neighbours.
    count
        Number of levels.

    Returns
    -------
    array
        Shape ``(2, count)``; voxels without any neighbour are left out.
    """
    found: Floats = _tones(levels, steps, count)
    return found


@numba.njit(nogil=True, cache=True)
def _tones(levels: Any, steps: Any, count: int) -> Any:
    found = np.zeros((2, count))
    depth, height, width = levels.shape
    for a in range(depth):
        for b in range(height):
            for c in range(width):
                here = levels[a, b, c]
                if here == 0:
                    continue
                total, number = 0, 0
                for n in range(len(steps)):
                    i, j, k = a + steps[n, 0], b + steps[n, 1], c + steps[n, 2]
                    if 0 <= i < depth and 0 <= j < height and 0 <= k < width:
                        total += levels[i, j, k]
                        number += levels[i, j, k] > 0
                if number:
                    found[0, here - 1] += 1
                    found[1, here - 1] += abs(here * number - total) / number
    return found


def summed(parts: Sequence[Floats]) -> Floats:
    """Return the sum of several matrices."""
    return np.sum(parts, axis=0)


def tone_features(tones: Floats) -> dict[str, float]:
    """Return the features of a matrix, none if it is empty."""
    number = float(tones[0].sum())
    if not number:
        return {}
    level = np.flatnonzero(tones[0]) + 1.0
    p, s = tones[0][tones[0] > 0] / number, tones[1][tones[0] > 0]
    groups, total, weighted = len(p), float(s.sum()), float((p * s).sum())
    gap = level[:, None] - level
    both = p[:, None] + p
    apart = float(np.abs((level * p)[:, None] - level * p).sum())
    pairs = groups * (groups - 1)
    spread = float((np.outer(p, p) * gap**2).sum())
    lean = (p * s)[:, None] + p * s
    return {
        "coarseness": 1 / weighted if weighted else _EVEN,
        "contrast": spread / pairs * total / number if pairs else 0.0,
        "busyness": weighted / apart if pairs and apart else 0.0,
        "complexity": float((np.abs(gap) * lean / both).sum()) / number,
        "strength": float((both * gap**2).sum()) / total if total else 0.0,
    }


def dependences(
    levels: Levels, steps: Steps, count: int, difference: int
) -> Occurrences:
    """Return how often each number of like neighbours, itself included, occurs.

    Parameters
    ----------
    levels
        Levels of grey.
    steps
        Steps to all neighbours.
    count
        Number of levels.
    difference
        By how many levels a like neighbour may differ.
    """
    table = _dependences(levels, steps, count, difference)
    return of_table(table, int(np.count_nonzero(levels)))


@numba.njit(nogil=True, cache=True)
def _dependences(levels: Any, steps: Any, count: int, difference: int) -> Any:
    found = np.zeros((count, len(steps) + 1), np.int64)
    depth, height, width = levels.shape
    for a in range(depth):
        for b in range(height):
            for c in range(width):
                here = levels[a, b, c]
                if here == 0:
                    continue
                alike = 0
                for n in range(len(steps)):
                    i, j, k = a + steps[n, 0], b + steps[n, 1], c + steps[n, 2]
                    if not (0 <= i < depth and 0 <= j < height and 0 <= k < width):
                        continue
                    there = levels[i, j, k]
                    alike += there > 0 and abs(there - here) <= difference
                found[here - 1, alike] += 1
    return found
