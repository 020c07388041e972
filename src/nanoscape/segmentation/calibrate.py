"""Noise and typical contrast of a whole image, from counts on a fixed lattice.

Large images are judged from a fixed choice of tiles. Counts are whole numbers in
bins whose edges never move, so the figures do not depend on blocks or workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block, Task
from nanoscape.compute.blocks import lattice
from nanoscape.compute.exact import extrema
from nanoscape.segmentation.hessian import Floats

_TILE = {2: 512, 3: 64}
_MOST_TILES = 96
_SHIFT = 16
_QUARTER = 0.3186393639643752
"""A quarter of normally distributed values lie closer to zero, in deviations."""

BINS = 2 ** (31 - _SHIFT)
"""Bins of positive numbers: 128 for each power of two."""


def counts_of(values: NDArray[Any]) -> NDArray[np.int64]:
    """Count numbers that are not negative in bins 0.8 % wide."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).ravel()
    return np.bincount(bits >> _SHIFT, minlength=BINS).astype(np.int64)


def added(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the sum of counts from several blocks."""
    total = np.zeros_like(parts[0])
    for part in parts:
        total += part
    return total


def bin_centres() -> NDArray[np.float64]:
    """Return the middle of each bin of :func:`counts_of`."""
    edges = (np.arange(BINS, dtype=np.uint32) << _SHIFT).view(np.float32)
    edges = np.where(np.isfinite(edges), edges, np.finfo(np.float32).max)
    low = edges.astype(np.float64)
    return 0.5 * (low + np.append(low[1:], low[-1]))


def quantile_of(counts: NDArray[np.int64], q: float) -> float:
    """Return a quantile of counted numbers; zero when there are none."""
    total = int(counts.sum())
    if total == 0:
        return 0.0
    place = np.searchsorted(np.cumsum(counts), q * total)
    return float(bin_centres()[place])


def sample_blocks(shape: Sequence[int], halo: Sequence[int] | int) -> list[Block]:
    """Return tiles spread evenly over an image, all of them when it is small."""
    tiles = lattice(shape, (_TILE[len(shape)],) * len(shape), halo)
    if len(tiles) <= _MOST_TILES:
        return tiles
    chosen = np.linspace(0, len(tiles) - 1, _MOST_TILES).round().astype(int)
    return [tiles[i] for i in chosen]


def spread_of(counts: NDArray[np.int64]) -> float:
    """Return the standard deviation of noise from counted absolute values.

    It follows from the lower quarter, which is noise even where objects are dense.
    """
    return quantile_of(counts, 0.25) / _QUARTER


def round_off(array: da.Array, task: Task) -> float:
    """Return a contrast below which filtered float32 is rounding, not image.

    Raises
    ------
    CannotCompute
        If there is no finite sample.
    """
    low, high = extrema(array, task=task)
    return 1e-5 * max(abs(low), abs(high))


def weighted_mean(counts: NDArray[np.int64]) -> float:
    """Return the mean of counted numbers, each weighted by itself.

    Unlike the plain mean it is not drawn down by a multitude of small numbers.
    """
    values = bin_centres()
    filled = counts > 0
    first = float((counts[filled] * values[filled]).sum())
    second = float((counts[filled] * values[filled] ** 2).sum())
    return second / first if first > 0 else 0.0


def core_of(block: Block, values: Floats) -> Floats:
    """Return the part of a block's values that counts."""
    return np.ascontiguousarray(values[block.inner])
