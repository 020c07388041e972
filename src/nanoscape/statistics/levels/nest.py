"""Groups within groups, and sums over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Nest:
    """Values in groups within groups.

    Attributes
    ----------
    levels
        Names of the levels, the highest first; each may be told from the others.
    residual
        What the differences between values of one group of the lowest level are.
    values
        Sorted, so that groups of every level are contiguous.
    starts
        For each level the index of the first value of each of its groups.
    merged
        Sentences about levels that cannot be told apart.
    """

    levels: tuple[str, ...]
    residual: str
    values: Floats
    starts: tuple[NDArray[np.int64], ...]
    merged: tuple[str, ...] = ()

    def sizes(self, level: int) -> NDArray[np.int64]:
        """Return the number of values in each group of a level."""
        return np.diff(np.concatenate([self.starts[level], [len(self.values)]]))

    def parents(self, level: int) -> NDArray[np.int64]:
        """Return the group of the level above in which each group lies."""
        above = self.starts[level - 1]
        return np.searchsorted(above, self.starts[level], side="right") - 1


def nested(frame: pd.DataFrame, levels: Sequence[str]) -> Nest:
    """Return the values of a table by those of its levels that can be told apart.

    A level whose groups hold one value each is the residual; one that has a single
    group in each group above it cannot be told from that.

    Parameters
    ----------
    frame
        With the column ``value`` and the levels.
    levels
        The highest first; those that are no columns are left out.
    """
    present = [level for level in levels if level in frame]
    ordered = frame.sort_values(present, kind="stable").reset_index(drop=True)
    values = ordered["value"].to_numpy(np.float64)
    kept: list[str] = []
    starts: list[NDArray[np.int64]] = []
    merged: list[str] = []
    residual = "within"
    for number, level in enumerate(present):
        path = ordered[present[: number + 1]]
        change = (path != path.shift()).any(axis=1).to_numpy()
        first = np.flatnonzero(change).astype(np.int64)
        if len(first) == len(values):
            residual = level
            break
        if starts and len(first) == len(starts[-1]):
            merged.append(
                f"Each {kept[-1]} has one {level}: what differs between them cannot "
                "be told apart."
            )
            kept[-1] = f"{kept[-1]} and {level}"
            continue
        kept.append(level)
        starts.append(first)
    return Nest(tuple(kept), residual, values, tuple(starts), tuple(merged))
