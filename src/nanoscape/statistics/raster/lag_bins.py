"""Lags between pixels in bins of distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LagBins:
    """Bins of all lags from −reach to reach.

    Attributes
    ----------
    reach
        Largest lag in pixels along each axis.
    distance
        Length of each lag in µm, flat.
    index
        Its bin, −1 for none.
    """

    reach: tuple[int, ...]
    distance: NDArray[np.float64]
    index: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        reach: tuple[int, ...],
        spacing: Sequence[float],
        width: float,
        largest: float | None,
    ) -> LagBins:
        """Sort lags into bins around multiples of a width.

        Parameters
        ----------
        reach, spacing
            Largest lag, and µm of a pixel, along each axis.
        width
            Of a bin, in µm.
        largest
            Largest distance; by default as far as is seen in all directions.
        """
        squared: Any = 0.0
        for axis, (r, step) in enumerate(zip(reach, spacing, strict=True)):
            view = [1] * len(reach)
            view[axis] = 2 * r + 1
            squared = squared + ((np.arange(-r, r + 1) * step) ** 2).reshape(view)
        distance = np.sqrt(squared).ravel()
        # Lags beyond the shortest reach are not seen in all directions.
        far = min(
            [r * step for r, step in zip(reach, spacing, strict=True) if r > 0],
            default=0.0,
        )
        if largest is not None:
            far = min(max(far, largest), max(np.multiply(reach, spacing)))
        index = np.floor(distance / width + 0.5 + 1e-9).astype(np.int64)
        index[(distance <= 0) | (distance > far * (1 + 1e-9))] = -1
        return cls(reach, distance, index)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """Return which lags are in a bin, on their grid."""
        return (self.index == number).reshape([2 * r + 1 for r in self.reach])
