"""Order statistics of each bin, from counted values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.distance.binning import Floats

_EXACT_PIXELS = 2**24


@dataclass(frozen=True, eq=False)
class BinnedValues:
    """Which values occur in which bin, and how often.

    Attributes
    ----------
    keys
        Bin and value as one number, ascending.
    counts
        How often each occurs.
    """

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]


def count_values(bins: NDArray[np.int64], values: Floats, shift: int) -> BinnedValues:
    """Count the values of each bin, less some of their last bits."""
    keys = (bins << 32) | (sortable(values) >> shift)
    return BinnedValues(*np.unique(keys, return_counts=True))


def joined_values(values: Sequence[BinnedValues]) -> BinnedValues:
    """Add up the counts of several parts."""
    keys = np.concatenate([item.keys for item in values])
    counts = np.concatenate([item.counts for item in values])
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    if not first.size:
        return BinnedValues(keys, counts)
    return BinnedValues(keys[first], np.add.reduceat(counts, first))


def sortable(values: Floats) -> NDArray[np.int64]:
    """Return whole numbers in the order of the values, rounded to float32."""
    bits = values.astype(np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits) + 2**31


def _unsorted(keys: NDArray[np.int64]) -> Floats:
    bits = keys - 2**31
    plain = np.where(bits < 0, (-bits) | 0x80000000, bits).astype(np.uint32)
    return plain.view(np.float32).astype(np.float64)


def quartiles_of(values: BinnedValues, count: int, shift: int) -> Floats:
    """Return lower quartile, median and upper quartile of each of ``count`` bins."""
    keys, counts = values.keys, values.counts
    bins = keys >> 32
    found = np.full((count, 3), np.nan)
    for number in range(count):
        low, high = np.searchsorted(bins, [number, number + 1])
        if high == low:
            continue
        cumulative = np.cumsum(counts[low:high])
        ranks = np.array([0.25, 0.5, 0.75]) * cumulative[-1]
        chosen = keys[low + np.searchsorted(cumulative, ranks)] & 0xFFFFFFFF
        half = (1 << shift) >> 1
        found[number] = _unsorted((chosen << shift) + half)
    return found


def shift_for(shape: Sequence[int]) -> int:
    """Return how many bits of a value the quartiles of a grid may ignore."""
    return 0 if int(np.prod(shape, dtype=np.int64)) <= _EXACT_PIXELS else 16
