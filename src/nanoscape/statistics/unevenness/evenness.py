"""Figures of unevenness from counted values."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.unevenness.counted_values import RegionValues


def percentile(values: RegionValues, share: float) -> float:
    """Return the value below which a share lies, between two values by a line."""
    last = np.cumsum(values.count)
    rank = share * (values.n - 1)
    below, above = (
        float(values.value[np.searchsorted(last, whole, side="right")])
        for whole in (math.floor(rank), math.ceil(rank))
    )
    return below + (rank - math.floor(rank)) * (above - below)


def entropy(values: RegionValues, bin_width: float | None, bins: int) -> float:
    """Return -Σ p log₂ p over bins (Shannon 1948).

    Parameters
    ----------
    values
        Counted values, at least one.
    bin_width
        Width of the bins, from 0; ``None`` for a number of bins between the smallest
        and the largest value.
    bins
        Their number.
    """
    x = values.value
    if bin_width is None:
        width = float(x[-1] - x[0]) / bins
        place = np.minimum((x - x[0]) / width, bins - 1) if width > 0 else 0 * x
    else:
        place = x / bin_width
    _, where = np.unique(np.floor(place), return_inverse=True)
    share = np.bincount(where, values.count) / values.n
    return max(0.0, float(-(share * np.log2(share)).sum()))


def theil(values: RegionValues) -> tuple[float, str]:
    """Return Theil's index T, the mean of (x/µ) ln(x/µ), or why there is none."""
    if not values.n:
        return math.nan, "no pixel was measured"
    if values.value[0] < 0:
        return math.nan, "some values are negative"
    if values.mean == 0:
        return math.nan, "all values are zero"
    ratio = values.value / values.mean
    logarithm = np.log(np.where(ratio > 0, ratio, 1.0))
    return float((values.count * ratio * logarithm).sum()) / values.n, ""


def lorenz(values: RegionValues, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of the total the lowest pixels hold (Lorenz 1905).

    Parameters
    ----------
    values
        Counted values, none negative and not all zero.
    shares
        Shares of the pixels, from 0 to 1.
    """
    pixels = np.concatenate([[0.0], np.cumsum(values.count)]) / values.n
    held = np.concatenate([[0.0], np.cumsum(values.total)])
    return np.interp(shares, pixels, held / held[-1])
