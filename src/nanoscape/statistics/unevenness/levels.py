"""Values of a region counted in levels of equal width."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.statistics.unevenness.counted_values import RegionValues

BINS = 64
"""Levels between the smallest and the largest value where no width is given."""

_MOST_LEVELS = 10**6

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Levels:
    """How many values of a region are in each level.

    Attributes
    ----------
    count
        Number of values, for each level from the first to the last that occurs.
    start
        Lower bound of the first level.
    width
        Width of each; 0 when all values are the same.
    """

    count: Floats
    start: float
    width: float

    @property
    def bounds(self) -> Floats:
        """Lower bounds of the levels."""
        steps: Floats = np.arange(len(self.count), dtype=np.float64)
        return self.start + steps * self.width

    @property
    def at_least(self) -> Floats:
        """Share of the region with at least each level."""
        above: Floats = np.cumsum(self.count[::-1])[::-1] / self.count.sum()
        return above

    @property
    def range_share(self) -> Floats:
        """Where each level lies between the first, 0, and the last, 1."""
        return np.arange(len(self.count)) / max(len(self.count) - 1, 1)

    @property
    def numbers(self) -> RegionValues:
        """The numbers of the levels, from 1, as values."""
        index = np.flatnonzero(self.count)
        count: Floats = self.count[index]
        number = index.astype(np.float64) + 1
        return RegionValues("", 0, number, count, count * number, 0.0)


def levels_of(values: RegionValues, bin_width: float | None) -> Levels:
    """Count values in levels.

    Parameters
    ----------
    values
        At least one.
    bin_width
        Width of a level; levels begin at multiples of it. ``None`` for 64 levels
        between the smallest and the largest value.

    Raises
    ------
    WrongInput
        If there were more than a million levels.
    """
    low, high = float(values.value[0]), float(values.value[-1])
    width = bin_width or (high - low) / BINS
    if not width:
        return Levels(np.array([float(values.n)]), low, 0.0)
    if (high - low) / width > _MOST_LEVELS:
        raise WrongInput(
            f"levels of {width:g} cut the values into {(high - low) / width:.2g}",
            f"at most {_MOST_LEVELS:,} levels",
            "choose a larger bin width",
        )
    start = math.floor(low / width) if bin_width else low / width
    index = np.floor(values.value / width - start + 1e-9).astype(np.int64)
    if bin_width is None:
        index = np.minimum(index, BINS - 1)
    count = np.bincount(index, values.count).astype(np.float64)
    return Levels(count, start * width, width)
