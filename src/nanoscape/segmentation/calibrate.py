"""Noise and typical contrast of a whole image, from counts on a fixed lattice.

Large images are judged from a fixed choice of tiles. Counts are whole numbers in
bins whose edges never move, so the figures do not depend on blocks or workers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block, Task
from nanoscape.compute.blocks import lattice, run_blocks
from nanoscape.compute.exact import extrema
from nanoscape.segmentation.hessian import Floats
from nanoscape.segmentation.prepare import Source

_TILE = {2: 512, 3: 64}
_MOST_TILES = 96
_SHIFT = 16
MAD_TO_SIGMA = 1.482602218505602

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


def median_of(counts: NDArray[np.int64]) -> float:
    """Return the median of counted numbers; zero when there are none."""
    total = int(counts.sum())
    if total == 0:
        return 0.0
    place = np.searchsorted(np.cumsum(counts), 0.5 * total)
    return float(bin_centres()[place])


def sample_blocks(shape: Sequence[int], halo: Sequence[int] | int) -> list[Block]:
    """Return tiles spread evenly over an image, all of them when it is small."""
    tiles = lattice(shape, (_TILE[len(shape)],) * len(shape), halo)
    if len(tiles) <= _MOST_TILES:
        return tiles
    chosen = np.linspace(0, len(tiles) - 1, _MOST_TILES).round().astype(int)
    return [tiles[i] for i in chosen]


def noise_sigma(array: da.Array, source: Source, task: Task) -> float:
    """Return the standard deviation of the noise of single pixels.

    A mask that is blind to planes and parabolas is laid on the pixels along the
    last two axes (Immerkær 1996, doi:10.1006/cviu.1996.0060); the median of its
    absolute value is hardly touched by edges. Places that are exactly flat, such
    as a cut-out's surroundings, are left out.
    """
    blocks = sample_blocks(array.shape, 1)
    parts = run_blocks(
        _noise_counts,
        [array],
        blocks,
        arguments=(source.bright,),
        task=task,
        text="measuring the noise",
    )
    counts = added(parts)
    return MAD_TO_SIGMA * median_of(counts) / 6.0


def _noise_counts(crop: NDArray[Any], bright: bool) -> tuple[None, NDArray[np.int64]]:
    values = Source(bright).read(crop)
    if min(values.shape[-2:]) < 3:
        return None, np.zeros(BINS, np.int64)
    lead = values.ndim - 2
    moved = [values[(slice(None),) * lead + step] for step in _neighbours()]
    weights = [w for row in _MASK for w in row]
    response = np.zeros_like(moved[0])
    for weight, part in zip(weights, moved, strict=True):
        response += np.float32(weight) * part
    flat = np.logical_and.reduce([part == moved[0] for part in moved[1:]])
    return None, counts_of(np.abs(response[np.isfinite(response) & ~flat]))


_MASK = ((1, -2, 1), (-2, 4, -2), (1, -2, 1))


def _neighbours() -> list[tuple[slice, slice]]:
    shifts = (slice(0, -2), slice(1, -1), slice(2, None))
    return list(itertools.product(shifts, shifts))


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
