"""Sums over the pixels of two images, block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block
from nanoscape.statistics.nulls.shifts import Floats
from nanoscape.statistics.value_counts import (
    BinnedValues,
    count_values,
    joined_values,
    sortable,
)

LONGEST = {1: 1024, 2: 256, 3: 64}
"""Longest side in cells of the maps that are shifted, by number of axes."""

LEVELS = 2048
"""Thresholds that are tried along the regression line."""


@dataclass(frozen=True, eq=False)
class Ranks:
    """Mean rank of each value of an image.

    Attributes
    ----------
    keys
        Values, or narrow bins of them, as ascending whole numbers.
    ranks
        Mean rank of each.
    shift
        How many of the last bits of a value do not matter.
    """

    keys: NDArray[np.int64]
    ranks: Floats
    shift: int

    @classmethod
    def of(cls, counted: Sequence[BinnedValues], shift: int) -> Ranks:
        """Return ranks from the counted values of all blocks."""
        values = joined_values(counted)
        last = np.cumsum(values.counts)
        return cls(values.keys, last - (values.counts - 1) / 2.0, shift)

    def __call__(self, values: Floats) -> Floats:
        """Return the rank of each value."""
        return self.ranks[np.searchsorted(self.keys, sortable(values) >> self.shift)]


@dataclass(frozen=True, eq=False)
class Survey:
    """First look at the pixels measured in both images.

    Attributes
    ----------
    n
        Pixels measured in both.
    total, low, high
        Sum, smallest and largest value of each image.
    counted
        Values of each image.
    cells
        Where the block's cells begin, and pixels and sums in each.
    """

    n: int
    total: Floats
    low: Floats
    high: Floats
    counted: tuple[BinnedValues, BinnedValues]
    cells: tuple[tuple[int, ...], Floats]


def chosen(
    x: NDArray[Any], y: NDArray[Any], masks: Sequence[NDArray[Any]], number: int
) -> NDArray[np.bool_]:
    """Return where both images were measured.

    Parameters
    ----------
    x, y
        Samples.
    masks
        Zones if ``number`` is not 0, then excluded areas.
    number
        The zone to measure, 0 for everything.
    """
    inside = masks[0] == number if number else np.ones(x.shape, bool)
    for mask in masks[int(number > 0) :]:
        inside = inside & (mask == 0)
    return inside & np.isfinite(x) & np.isfinite(y)


def survey_block(block: Block, x: NDArray[Any], y: NDArray[Any], *rest: Any) -> Survey:
    """Look at one block; ``rest`` is masks, zone, shift of values, size of cells."""
    *masks, number, shift, factor = rest
    both = chosen(x, y, masks, number)
    pair = [image[both].astype(np.float64) for image in (x, y)]
    empty = not pair[0].size
    zero = np.zeros(pair[0].size, np.int64)
    maps = [np.where(both, image, 0.0).astype(np.float64) for image in (x, y)]
    return Survey(
        n=pair[0].size,
        total=np.array([v.sum() for v in pair]),
        low=np.array([math.inf if empty else v.min() for v in pair]),
        high=np.array([-math.inf if empty else v.max() for v in pair]),
        counted=(
            count_values(zero, pair[0], shift),
            count_values(zero, pair[1], shift),
        ),
        cells=_cells([both.astype(np.float64), *maps], block.origin, factor),
    )


def cell_factor(shape: Sequence[int]) -> int:
    """Return how many pixels a cell is long, so that the map can be shifted."""
    return -(-max(shape) // LONGEST[len(shape)])


def _cells(
    maps: Sequence[Floats], origin: Sequence[int], factor: int
) -> tuple[tuple[int, ...], Floats]:
    stacked = np.stack(maps)
    first = []
    for axis, start in enumerate(origin):
        index = (start + np.arange(stacked.shape[axis + 1])) // factor
        edges = np.flatnonzero(np.diff(index, prepend=index[0] - 1))
        stacked = np.add.reduceat(stacked, edges, axis=axis + 1)
        first.append(int(index[0]))
    return tuple(first), stacked


def joined_cells(
    parts: Sequence[tuple[tuple[int, ...], Floats]], shape: Sequence[int], factor: int
) -> Floats:
    """Add up the cells of all blocks: pixels and both sums."""
    whole = np.zeros((3, *(-(-n // factor) for n in shape)))
    for first, sums in parts:
        part = tuple(
            slice(a, a + n) for a, n in zip(first, sums.shape[1:], strict=True)
        )
        whole[(slice(None), *part)] += sums
    return whole


def product_block(x: NDArray[Any], y: NDArray[Any], *rest: Any) -> Floats:
    """Return products of one block; ``rest`` is masks, zone, means, mean rank, ranks.

    Sums of the squares and the product of the differences to the means, the same of
    the ranks, and the number of pixels on the same side of both means.
    """
    *masks, number, means, middle, ranks = rest
    both = chosen(x, y, masks, number)
    pair = [image[both].astype(np.float64) for image in (x, y)]
    a, b = (v - mean for v, mean in zip(pair, means, strict=True))
    sums = [(a * a).sum(), (b * b).sum(), (a * b).sum()]
    c, d = (rank(v) - middle for rank, v in zip(ranks, pair, strict=True))
    sums += [(c * c).sum(), (d * d).sum(), (c * d).sum()]
    return np.array([*sums, np.count_nonzero(a * b > 0)], np.float64)


def line_block(x: NDArray[Any], y: NDArray[Any], *rest: Any) -> Floats:
    """Sort one block along a line; ``rest`` is masks, zone, line, range, means.

    Returns
    -------
    sums : array of shape ``(6, LEVELS)``
        Number, both sums, both sums of squares and sum of products of the pixels
        that come to lie below both thresholds at each level, values less the means.
    """
    *masks, number, slope, offset, low, high, means = rest
    both = chosen(x, y, masks, number)
    a, b = (image[both].astype(np.float64) for image in (x, y))
    along = np.maximum(a, (b - offset) / slope)
    level = np.floor((along - low) * (LEVELS / (high - low))).astype(np.int64)
    level = np.clip(level, 0, LEVELS - 1)
    a, b = a - means[0], b - means[1]
    columns = (np.ones(a.size), a, b, a * a, b * b, a * b)
    return np.array([np.bincount(level, v, LEVELS) for v in columns])


def overlap_block(x: NDArray[Any], y: NDArray[Any], *rest: Any) -> Floats:
    """Return sums of both images where the other exceeds its threshold."""
    *masks, number, thresholds = rest
    both = chosen(x, y, masks, number)
    a, b = (image[both].astype(np.float64) for image in (x, y))
    return np.array([a[b > thresholds[1]].sum(), b[a > thresholds[0]].sum()])
