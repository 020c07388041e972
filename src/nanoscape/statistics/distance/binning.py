"""How distances are binned, and what is counted in the bins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PARTS = 8
BASES_UM = (15.0, 40.0, 100.0)
"""Decay lengths of the shapes in which a gradient is looked for."""


@dataclass(frozen=True)
class Binning:
    """Bins of the profile and the finer ones in which everything is counted.

    Attributes
    ----------
    width
        Width of a bin of the profile in µm.
    count
        Number of bins.
    parts
        Number of fine bins in each.
    """

    width: float
    count: int
    parts: int

    @classmethod
    def of(cls, width: float, largest: float, pixel: float) -> Binning:
        """Return bins up to a distance, cut no finer than half a vessel pixel."""
        count = max(2, math.floor(largest / width + 1e-9))
        parts = max(1, min(_PARTS, round(2 * width / pixel)))
        return cls(width, count, parts)

    @property
    def fine(self) -> int:
        """Number of fine bins."""
        return self.count * self.parts

    @property
    def fine_width(self) -> float:
        """Width of a fine bin in µm."""
        return self.width / self.parts

    @property
    def largest(self) -> float:
        """Upper edge of the last bin in µm."""
        return self.width * self.count

    def index(self, distances: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the fine bin of each distance; all beyond share one more bin."""
        index = np.floor(distances.astype(np.float64) / self.fine_width)
        return np.minimum(index, self.fine).astype(np.int64)

    def coarsened(self, fine: NDArray[Any]) -> NDArray[Any]:
        """Add up fine bins to those of the profile, along the first axis."""
        return fine.reshape((self.count, self.parts, *fine.shape[1:])).sum(axis=1)


@dataclass(frozen=True, eq=False)
class Cells:
    """The drug and the shapes of a gradient, averaged over cells of a grid.

    Attributes
    ----------
    drug
        Mean of the drug in each cell.
    shapes
        Mean of ``exp(-distance / base)`` for each of :data:`BASES_UM`.
    used
        Whether enough of the cell is measured.
    tissue
        Whether the cell lies in the tissue.
    """

    drug: Floats
    shapes: tuple[Floats, ...]
    used: NDArray[np.bool_]
    tissue: NDArray[np.bool_]


Moments = Callable[[float], Floats]
"""For a decay length, sums of 1, g, g², y, gy and y² over each tile, where g is
``exp(-distance / length)`` and y the drug; shape ``(tiles, 6)``."""


@dataclass(frozen=True, eq=False)
class DistanceSums:
    """Everything that is known of the drug by distance.

    Attributes
    ----------
    pixels
        Number of pixels of the vessels' grid in each bin.
    samples
        Number of pixels of the drug that they stand for.
    distance, mean, spread
        Mean distance in µm, mean and standard deviation of the drug in each bin.
    quartiles
        Lower quartile, median and upper quartile, shape ``(bins, 3)``.
    reach
        Share of the tissue outside vessels that is at most as far from a vessel as
        the upper edge of each bin.
    missing
        Number of pixels of the drug in reach that were not measured.
    censored
        Share of the tissue that is nearer to the border than to any vessel.
    moments
        For fitting a law.
    cells
        For testing whether there is a gradient.
    """

    pixels: NDArray[np.int64]
    samples: Floats
    distance: Floats
    mean: Floats
    spread: Floats
    quartiles: Floats
    reach: Floats
    missing: int
    censored: float
    moments: Moments
    cells: Cells


def reach_of(
    ended: NDArray[np.int64], censored: NDArray[np.int64], parts: int
) -> Floats:
    """Return the share within each bin's upper edge, by Kaplan and Meier.

    A pixel nearer to the border than to any vessel says only that its distance is
    at least that to the border (Baddeley and Gill 1997, doi:10.1214/aos/1034276629).

    Parameters
    ----------
    ended
        Number of pixels with a known distance in each fine bin, and beyond.
    censored
        Number of pixels whose distance to the border lies in it.
    parts
        Fine bins of each bin.
    """
    leaving = (ended + censored).astype(np.float64)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    share = np.divide(ended, at_risk, out=np.zeros(len(ended)), where=at_risk > 0)
    survival = np.cumprod(1.0 - share[:-1])
    return (1.0 - survival[parts - 1 :: parts]).astype(np.float64)
