"""Values as a few levels of grey."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput

MOST_LEVELS = 1024
"""Levels up to which matrices of pairs of levels are made."""

Levels = NDArray[np.int32]
"""Levels from 1, 0 outside of the region, shape ``z y x``."""


@dataclass(frozen=True)
class Discretisation:
    """How values become levels.

    Attributes
    ----------
    bins
        Number of levels between the smallest and the largest value.
    width
        Width of a level instead of their number.
    start
        Where the first of the levels of that width begins; ``None`` for the smallest
        value.
    """

    bins: int
    width: float | None
    start: float | None

    def text(self, unit: str) -> str:
        """Say in a few words how it is done."""
        if self.width is None:
            return f"{self.bins} levels from smallest to largest value (FBN)"
        where = "the smallest value" if self.start is None else f"{self.start:g} {unit}"
        return f"levels of {self.width:g} {unit} from {where} (FBS)"


def discretised(
    values: NDArray[np.float64],
    inside: NDArray[np.bool_],
    how: Discretisation,
    name: str,
) -> Levels:
    """Return levels from 1, 0 outside.

    Parameters
    ----------
    values
        At least one of them inside.
    inside
        Where the region was measured.
    how
        Number or width of levels.
    name
        Of the image, for the sentence of an error.

    Raises
    ------
    WrongInput
        If there were too many levels, or values below the first.
    """
    x = values[inside]
    low, high = float(x.min()), float(x.max())
    levels = np.zeros(values.shape, np.int32)
    if how.width is None:
        scale = how.bins / (high - low) if high > low else 0.0
        levels[inside] = np.minimum(np.floor((x - low) * scale), how.bins - 1) + 1
        return levels
    start = low if how.start is None else how.start
    if low < start:
        raise WrongInput(
            f"{name} holds values down to {low:g}, below the first level at {start:g}",
            "levels that begin at or below the smallest value",
            "let them begin lower, or leave those pixels out",
        )
    if (high - start) / how.width > MOST_LEVELS:
        raise WrongInput(
            f"levels of {how.width:g} cut the values of {name} into "
            f"{math.ceil((high - start) / how.width):,}",
            f"at most {MOST_LEVELS:,} levels",
            "choose a larger bin width",
        )
    levels[inside] = np.floor((x - start) / how.width + 1e-9) + 1
    return levels
