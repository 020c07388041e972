"""Which of many standard scores are unlikely to be chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray
from scipy import special

from nanoscape.compute import Task, reduce_blocks

_COARSE_BITS = 16


@dataclass(frozen=True)
class Discoveries:
    """What is significant.

    Attributes
    ----------
    p
        Largest p-value that is; 0 when none is.
    z
        Smallest magnitude of a score that is; infinite when none is.
    tests, found
        Number of scores, and of those that are significant.
    """

    p: float
    z: float
    tests: int
    found: int


def two_sided_p(z: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability of a standard normal value this far from zero."""
    return special.erfc(np.abs(z.astype(np.float64)) / math.sqrt(2))


def discoveries(
    scores: da.Array, rate: float, *, task: Task | None = None
) -> Discoveries:
    """Bound the share of false ones among the significant scores.

    The procedure of Benjamini and Hochberg (1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x) over all scores of an image: the largest
    p with at least m·p/rate scores at or below it. Starting from a bound, as many
    scores are counted as lie beyond, which lowers the bound, until it stays: that is
    the answer of sorting, without holding the scores.

    Parameters
    ----------
    scores
        Standard scores as float32; NaN was not tested.
    rate
        Expected share of false ones.
    task
        Progress.
    """
    parts = reduce_blocks(_coarse_counts, [scores], task=task, text="counting scores")
    coarse = np.zeros(2 ** (32 - _COARSE_BITS), np.int64)
    for bins, counts in parts:
        coarse[bins] += counts
    tests = int(coarse.sum())
    if not tests:
        return Discoveries(0.0, math.inf, 0, 0)
    beyond = np.cumsum(coarse[::-1])[::-1]
    found, z = tests, 0.0
    while True:
        # Whole bins hold at least as many scores as lie beyond the bound.
        z = _score_of(rate * found / tests)
        count = int(beyond[_bits(z) >> _COARSE_BITS])
        if count >= found:
            break
        found = count
    while found:
        z = _score_of(rate * found / tests)
        count = sum(reduce_blocks(_count_beyond, [scores], arguments=(z,)))
        if count == found:
            return Discoveries(rate * found / tests, z, tests, found)
        found = count
    return Discoveries(0.0, math.inf, tests, 0)


def _bits(z: float) -> int:
    return int(np.float32(z).view(np.int32))


def _score_of(p: float) -> float:
    """Return the smallest float32 whose p-value is not above one."""
    if p <= 0:
        return math.inf
    low, high = 0, _bits(math.inf)
    while low < high:
        middle = (low + high) // 2
        z = np.array([middle], np.int32).view(np.float32)
        if two_sided_p(z)[0] <= p:
            high = middle
        else:
            low = middle + 1
    return float(np.array([low], np.int32).view(np.float32)[0])


def _magnitudes(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.abs(scores[~np.isnan(scores)])


def _coarse_counts(
    scores: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    bins = _magnitudes(scores).view(np.int32) >> _COARSE_BITS
    counts = np.bincount(bins, minlength=1)
    found = np.flatnonzero(counts)
    return found, counts[found]


def _count_beyond(scores: NDArray[np.float32], z: float) -> int:
    return int(np.count_nonzero(np.abs(scores) >= np.float32(z)))
