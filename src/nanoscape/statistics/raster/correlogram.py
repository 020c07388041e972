"""Whether pixels at a distance are more alike than by chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import fft

from nanoscape.compute import Task
from nanoscape.statistics.levels.two_groups import holm
from nanoscape.statistics.raster.lag_bins import LagBins
from nanoscape.statistics.raster.moran_geary import FEWEST_PIXELS, PairSums, moran
from nanoscape.statistics.zone_extent import read_zone

HELD_PIXELS = 2**22
"""Pixels of a zone's bounding box up to which distances are tested."""

TESTED = (
    "correlation_expected",
    "correlation_variance",
    "z",
    "p",
    "p_holm",
    "p_reason",
)


def correlogram_p(
    held: tuple[Any, ...], bins: LagBins, found: pd.DataFrame, task: Task
) -> pd.DataFrame:
    """Return mean and variance by chance and p-values of the correlation.

    At each distance the correlation is Moran's I with weights of 1 for pairs at that
    distance, so that its moments are those of Cliff and Ord (1981). They need how
    many measured pixels each pixel has at the distance: a convolution.

    Parameters
    ----------
    held
        Image, zones, excluded areas and the extent of the zone.
    bins
        Bins of distance.
    found
        For each of them its number, pairs and mean product.
    task
        Progress.
    """
    extent = held[-1]
    table = pd.DataFrame(math.nan, index=found.index, columns=list(TESTED[:-1]))
    reason = ""
    if math.prod(part.stop - part.start for part in extent.box) > HELD_PIXELS:
        reason = f"the region is larger than {HELD_PIXELS:,} pixels"
    elif extent.n < FEWEST_PIXELS or extent.low == extent.high:
        reason = f"fewer than {FEWEST_PIXELS} different pixels were measured"
    table[TESTED[-1]] = reason
    if reason:
        return table
    values, inside = read_zone(*held)
    z = values[inside] - extent.mean
    degrees = _Degrees(inside, bins)
    for done, (row, item) in enumerate(found.iterrows()):
        task.step(done, len(found), "testing distances")
        pairs = 2 * item.n_pairs
        score = moran(
            PairSums(
                n=extent.n,
                s0=pairs,
                s1=2 * pairs,
                s2=4 * degrees.squared(int(item.bin)),
                cross=item["product"] * pairs,
                contrast=math.nan,
                m2=float((z**2).sum()),
                m4=float((z**4).sum()),
            )
        )
        table.loc[row, list(TESTED[:4])] = [
            score.expected,
            score.variance_randomisation,
            score.z,
            score.p,
        ]
    table["p_holm"] = holm(table["p"].to_numpy(np.float64))
    return table


class _Degrees:
    """How many measured pixels each pixel has at a distance."""

    def __init__(self, inside: NDArray[np.bool_], bins: LagBins) -> None:
        self._inside, self._bins = inside, bins
        sizes = zip(inside.shape, bins.reach, strict=True)
        self._shape = [fft.next_fast_len(n + 2 * r, real=True) for n, r in sizes]
        self._far = fft.rfftn(inside.astype(np.float64), self._shape)

    def squared(self, number: int) -> float:
        """Return the sum of their squares over all pixels."""
        near = fft.rfftn(self._bins.mask(number).astype(np.float64), self._shape)
        count = np.rint(fft.irfftn(self._far * near, self._shape))
        core = tuple(
            slice(r, r + n)
            for n, r in zip(self._inside.shape, self._bins.reach, strict=True)
        )
        return float((count[core][self._inside] ** 2).sum())
