"""Numbers about a whole image that do not depend on how it is cut.

Counts are whole numbers in bins with exact edges. Sums are taken in float64 over
a fixed lattice of blocks and added in a fixed order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.blocks import reduce_blocks
from nanoscape.compute.task import Task
from nanoscape.errors import CannotCompute

BINS = 65536


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of samples in equal bins; NaN is not counted.

    Attributes
    ----------
    counts
        Whole numbers, one per bin.
    low, high
        Smallest and largest sample; the outer edges of the bins.
    """

    counts: NDArray[np.int64]
    low: float
    high: float

    @property
    def total(self) -> int:
        """Number of samples."""
        return int(self.counts.sum())

    @property
    def centres(self) -> NDArray[np.float64]:
        """Middle of each bin."""
        n = len(self.counts)
        centres: NDArray[np.float64] = (
            self.low + (self.high - self.low) * (np.arange(n) + 0.5) / n
        )
        return centres

    def quantile(self, q: float) -> float:
        """Return the value below which the fraction ``q`` lies, to one bin."""
        if self.high <= self.low:
            return self.low
        cumulative = np.cumsum(self.counts)
        index = int(np.searchsorted(cumulative, q * cumulative[-1]))
        return float(self.centres[min(index, len(self.counts) - 1)])

    def otsu(self) -> float:
        """Return the threshold that best separates two classes.

        It maximises the variance between the classes (Otsu 1979,
        doi:10.1109/TSMC.1979.4310076).
        """
        weights = self.counts.astype(np.float64)
        below = np.cumsum(weights)
        above = below[-1] - below
        moments = np.cumsum(weights * self.centres)
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = moments / below - (moments[-1] - moments) / above
            between = below * above * gap**2
        return float(self.centres[int(np.nanargmax(between[:-1]))])


def extrema(
    array: da.Array, mask: da.Array | None = None, *, task: Task | None = None
) -> tuple[float, float]:
    """Return the smallest and largest finite sample, inside a mask if given.

    Raises
    ------
    CannotCompute
        If there is no finite sample.
    """
    arrays = [array] if mask is None else [array, mask]
    parts = [p for p in reduce_blocks(_block_extrema, arrays, task=task) if p]
    if not parts:
        raise CannotCompute(
            "the image has no measured pixel here", "at least one pixel with a value"
        )
    return min(low for low, _ in parts), max(high for _, high in parts)


def histogram(
    array: da.Array, mask: da.Array | None = None, *, task: Task | None = None
) -> Histogram:
    """Count the samples in bins between the smallest and the largest one.

    Parameters
    ----------
    array
        Lazy samples; NaN is left out.
    mask
        Samples to count, same shape; all by default.
    task
        Progress.
    """
    first, second = (task or Task()).split(1, 1)
    low, high = extrema(array, mask, task=first)
    arrays = [array] if mask is None else [array, mask]
    parts = reduce_blocks(_block_counts, arrays, arguments=(low, high), task=second)
    return Histogram(np.sum(parts, axis=0, dtype=np.int64), low, high)


def total(
    array: da.Array, mask: da.Array | None = None, *, task: Task | None = None
) -> tuple[int, float, float]:
    """Return number, sum and sum of squares of the finite samples."""
    arrays = [array] if mask is None else [array, mask]
    count, first, second = 0, 0.0, 0.0
    for n, s1, s2 in reduce_blocks(_block_sums, arrays, task=task):
        count, first, second = count + n, first + s1, second + s2
    return count, first, second


def bincount(labels: da.Array, *, task: Task | None = None) -> NDArray[np.int64]:
    """Return the number of pixels of each label, background first."""
    parts = reduce_blocks(_block_bincount, [labels], task=task)
    counts = np.zeros(max(len(part) for part in parts), np.int64)
    for part in parts:
        counts[: len(part)] += part
    return counts


def _chosen(values: NDArray[Any], mask: NDArray[Any] | None) -> NDArray[Any]:
    chosen = values.ravel() if mask is None else values[mask.astype(bool)]
    if np.issubdtype(chosen.dtype, np.floating):
        chosen = chosen[np.isfinite(chosen)]
    return chosen


def _block_extrema(
    values: NDArray[Any], mask: NDArray[Any] | None = None
) -> tuple[float, float] | None:
    chosen = _chosen(values, mask)
    return (float(chosen.min()), float(chosen.max())) if chosen.size else None


def _block_counts(values: NDArray[Any], *rest: Any) -> NDArray[np.int64]:
    mask, low, high = rest if len(rest) == 3 else (None, *rest)
    chosen = _chosen(values, mask).astype(np.float64)
    scale = BINS / (high - low) if high > low else 0.0
    bins = np.minimum((chosen - low) * scale, BINS - 1).astype(np.int64)
    return np.bincount(bins, minlength=BINS)


def _block_sums(
    values: NDArray[Any], mask: NDArray[Any] | None = None
) -> tuple[int, float, float]:
    chosen = _chosen(values, mask).astype(np.float64)
    return chosen.size, float(chosen.sum()), float((chosen * chosen).sum())


def _block_bincount(labels: NDArray[Any]) -> NDArray[np.int64]:
    return np.bincount(labels.ravel().astype(np.int64))
