"""Counting tissue and drug by distance to vessels and to the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block
from nanoscape.statistics.distance.binning import Floats
from nanoscape.statistics.distance.fine_sums import to_border, zones_of


@dataclass(frozen=True, eq=False)
class ReachSums:
    """Counts in fine bins of distance, and beyond.

    Attributes
    ----------
    axes
        Axes along which the field has more than one pixel.
    tissue
        Pixels of tissue outside vessels.
    ended, cut
        Those with a known distance to a vessel, and the distances to the border of
        those that are nearer to it.
    border
        Distances to the border of all, by fine bin.
    left
        Distances to the border of those whose distance to a vessel is known.
    measured, drug, above
        Pixels with a known distance and a value, sum of the values, and how many are
        above the threshold, by distance to the vessel.
    measured_cut, above_cut
        The same for pixels near the border, all together.
    """

    axes: tuple[int, ...]
    tissue: int
    ended: NDArray[np.int64]
    cut: NDArray[np.int64]
    border: NDArray[np.int64]
    left: NDArray[np.int64]
    measured: NDArray[np.int64]
    drug: Floats
    above: NDArray[np.int64]
    measured_cut: int
    above_cut: int

    @classmethod
    def joined(cls, parts: Sequence[ReachSums]) -> ReachSums:
        """Return the sums of all blocks, added in their order."""
        names = [name for name in cls.__dataclass_fields__ if name != "axes"]
        totals: dict[str, Any] = {
            name: sum(getattr(part, name) for part in parts) for name in names
        }
        return cls(axes=parts[0].axes, **totals)


def reach_block(
    block: Block, distance: NDArray[np.float32], drug: NDArray[Any], *rest: Any
) -> ReachSums:
    """Return the counts of one block.

    Parameters
    ----------
    block, distance, drug
        The block, with the drug NaN where it was not measured.
    rest
        Masks as the plan has them, the plan, and the threshold of the drug or NaN.
    """
    *masks, plan, threshold = rest
    zones = zones_of(block, distance, masks, plan)
    length = plan.binning.fine + 1
    index = plan.binning.index(distance)
    border = plan.binning.index(to_border(block, plan))
    known = zones.outside & ~zones.censored
    values = drug.astype(np.float64)
    held = np.isfinite(values)
    enough = held & (values >= threshold)
    return ReachSums(
        axes=tuple(a for a, n in enumerate(plan.shape) if n > 1),
        tissue=int(zones.outside.sum()),
        ended=zones.ended,
        cut=zones.cut,
        border=np.bincount(border[zones.outside], minlength=length),
        left=np.bincount(border[known], minlength=length),
        measured=np.bincount(index[known & held], minlength=length),
        drug=np.asarray(
            np.bincount(index[known & held], values[known & held], length), np.float64
        ),
        above=np.bincount(index[known & enough], minlength=length),
        measured_cut=int((zones.censored & held).sum()),
        above_cut=int((zones.censored & enough).sum()),
    )


def reduced_sample(sums: ReachSums) -> Floats:
    """Return the share within each fine bin, of places as far from the border."""
    far = np.cumsum(sums.border[::-1])[::-1]
    usable = np.concatenate([far[1:], [0]]).astype(np.float64)
    # Near a vessel and still far from the border.
    joint = np.cumsum(sums.ended) - np.cumsum(sums.left)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(usable > 0, joint / usable, np.nan)[:-1]


def accumulated(sums: ReachSums, values: NDArray[Any]) -> Floats:
    """Return sums by distance, made up for the places near the border.

    A place counts as many times as there are ones, for each of which the border is
    as far away as its vessel.
    """
    far = np.cumsum(sums.border[::-1])[::-1].astype(np.float64)
    share = far / max(float(far[0]), 1.0)
    return np.divide(values, share, out=np.zeros(len(values)), where=share > 0)
