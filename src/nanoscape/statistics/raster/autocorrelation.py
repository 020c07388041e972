"""Whether neighbouring pixels are alike: Moran's I and Geary's C."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task, reduce_blocks
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.areas import masks_of
from nanoscape.statistics.raster.all_pairs import inverse_distance_sums
from nanoscape.statistics.raster.moran_geary import (
    FEWEST_PIXELS,
    PairSums,
    geary,
    moran,
)
from nanoscape.statistics.raster.neighbour_sums import HALO, offsets, sum_neighbours
from nanoscape.statistics.raster.shuffles import shuffled_p
from nanoscape.statistics.refusals import nothing_measured
from nanoscape.statistics.zone_extent import Extent, extents, read_zone
from nanoscape.statistics.zones import (
    Zones,
    check_areas,
    without_role,
    zones_of,
)

HELD_PIXELS = 2**22
"""Pixels of a zone's bounding box up to which it is held in memory."""

Weights = Literal["queen", "rook", "inverse distance"]
Standardisation = Literal["none", "rows"]

_NAMES = {
    "queen": "1 for pixels that touch by a side, an edge or a corner (queen)",
    "rook": "1 for pixels that touch by a side (rook)",
    "inverse distance": "1 / distance in µm for all pairs",
}


@operation(version=1, title="Autocorrelation")
def autocorrelation(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    weights: Annotated[Weights, Option(label="Neighbours")] = "queen",
    standardise: Annotated[
        Standardisation, Option(label="Weights add up to one over", advanced=True)
    ] = "none",
    permutations: Annotated[
        int, Option(minimum=0, maximum=99_999, label="Permutations")
    ] = 999,
    seed: Annotated[int, Option(minimum=0, label="Random seed", advanced=True)] = 0,
    task: Task | None = None,
) -> Table:
    """Measure whether neighbouring pixels are more alike than chance would have it.

    Moran's I (1950, doi:10.1093/biomet/37.1-2.17) is near 1 when pixels resemble
    their neighbours and near -1 on a chessboard; Geary's C (1954,
    doi:10.2307/2986645) is below 1 when they do. Mean and variance by chance are
    exact (Cliff and Ord 1981), whatever holes the region has.

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value have no neighbours.
    region
        Where to measure: each label, or all regions of one name, get a row of their
        own, and are no neighbours of others. The whole image by default.
    exclude
        Areas to leave out.
    weights
        Which pixels are compared: those that touch, or all, the nearer the more.
    standardise
        Whether the weights of each pixel are divided by their sum. Pixels at the
        edge of the region then count as much as others.
    permutations
        How often values are put to random places; 0 leaves it at the exact
        variance. More give finer p-values and take longer.
    seed
        Seed of the random places.
    task
        Progress.

    Returns
    -------
    table
        Both statistics of each region with expectation, variance under normality and
        under randomisation, standard score and two-sided p-values.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.

    Examples
    --------
    >>> import numpy as np
    >>> image = Image.from_array(np.arange(9.0).reshape(3, 3), "yx", spacing=1.0)
    >>> table = autocorrelation(image, weights="rook", permutations=0)
    >>> float(table.data["moran_i"].iloc[0])
    0.5
    """
    check_areas(image, region, exclude)
    excluded = masks_of(exclude, image)
    groups = zones_of(image, region)
    task = task or Task()
    rows = []
    for zones, part in zip(groups, task.split(*[1] * len(groups)), strict=True):
        first, second, third = part.split(1, 3, 6)
        found = extents(image.data, zones, excluded, task=first)
        field = _Field(image, zones, excluded, weights, standardise == "rows")
        sums = field.sums(found, second)
        tasks = third.split(*[1] * len(found)) if found else []
        for extent, pairs, own in zip(found, sums, tasks, strict=True):
            row = _row(zones.name(extent.number), extent, pairs, weights)
            p, why = field.chance(extent, row["reason"], permutations, seed, own)
            rows.append(row | {"moran_p_permutation": p, "permutation_reason": why})
    if not any(row["n_pixels"] for row in rows):
        raise nothing_measured(image.name)
    return Table(
        data=pd.DataFrame(rows),
        name=f"autocorrelation of {image.name}",
        notes=_notes(weights, standardise, permutations, seed),
        tags=without_role(image.tags),
    )


class _Field:
    """An image in its zones, with the weights of its pairs."""

    def __init__(
        self,
        image: Image,
        zones: Zones,
        excluded: Sequence[da.Array],
        weights: Weights,
        by_row: bool,
    ) -> None:
        self._image = image
        self._zones, self._excluded = zones, excluded
        self._masks = [] if zones.numbers is None else [zones.numbers]
        self._masks += list(excluded)
        self._zoned = zones.numbers is not None
        self._weights = weights
        self._by_row = by_row and weights != "inverse distance"

    @property
    def _steps(self) -> NDArray[np.int64]:
        assert self._weights != "inverse distance"
        return offsets(self._weights, self._image.spatial_shape)

    def sums(self, found: Sequence[Extent], task: Task) -> list[PairSums | None]:
        """Return the sums of each zone, ``None`` where the zone is too large."""
        if self._weights == "inverse distance":
            return [self._all_pairs(extent) for extent in found]
        known = np.array([extent.number for extent in found], np.int64)
        means = np.nan_to_num(np.array([extent.mean for extent in found]))
        parts = reduce_blocks(
            sum_neighbours,
            [self._image.data, *self._masks],
            halo=HALO,
            arguments=(self._zoned, known, means, self._steps, self._by_row),
            with_block=True,
            task=task,
            text="comparing neighbours",
        )
        total = np.zeros((len(found), 8))
        for part in parts:
            total += part
        return [
            PairSums(extent.n, *map(float, row[1:]))
            for extent, row in zip(found, total, strict=True)
        ]

    def held(
        self, extent: Extent
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
        """Return values less their mean, and where they were measured."""
        if math.prod(part.stop - part.start for part in extent.box) > HELD_PIXELS:
            return None
        values, inside = read_zone(
            self._image.data, self._zones, self._excluded, extent
        )
        return np.where(inside, values - extent.mean, 0.0), inside

    def _all_pairs(self, extent: Extent) -> PairSums | None:
        held = self.held(extent) if extent.n else None
        if held is None:
            return None
        spacing = list(self._image.spacing.values())
        return inverse_distance_sums(*held, spacing)

    def chance(
        self, extent: Extent, reason: str, permutations: int, seed: int, task: Task
    ) -> tuple[float, str]:
        """Return the p-value of permutations, or why there is none."""
        if reason:
            return math.nan, reason
        if not permutations:
            return math.nan, "no permutations were asked for"
        if self._weights == "inverse distance":
            return math.nan, "permutations are made for touching pixels only"
        held = self.held(extent)
        if held is None:
            return math.nan, f"the region is larger than {HELD_PIXELS:,} pixels"
        z, inside = held
        shape = (1,) * (3 - z.ndim) + z.shape
        p = shuffled_p(
            z.reshape(shape),
            inside.reshape(shape),
            self._steps,
            self._by_row,
            permutations,
            seed,
            task=task,
        )
        return p, ""


def _row(
    name: str, extent: Extent, sums: PairSums | None, weights: str
) -> dict[str, Any]:
    reason = _reason(extent, sums)
    row: dict[str, Any] = {
        "region": name,
        "n_pixels": extent.n,
        "n_not_measured": extent.missing,
        "weights": weights,
        "weights_sum": sums.s0 if sums else math.nan,
    }
    for label, statistic in (("moran_i", moran), ("geary_c", geary)):
        short = label.split("_")[0]
        score = statistic(sums) if sums and not reason else None
        row |= {
            label: score.value if score else math.nan,
            f"{short}_expected": score.expected if score else math.nan,
            f"{short}_variance_normality": (
                score.variance_normality if score else math.nan
            ),
            f"{short}_variance_randomisation": (
                score.variance_randomisation if score else math.nan
            ),
            f"{short}_z": score.z if score else math.nan,
            f"{short}_p": score.p if score else math.nan,
            f"{short}_p_normality": score.p_normality if score else math.nan,
        }
    return row | {"reason": reason}


def _reason(extent: Extent, sums: PairSums | None) -> str:
    if extent.n == 0:
        return "no pixel was measured"
    if extent.n < FEWEST_PIXELS:
        return f"fewer than {FEWEST_PIXELS} pixels were measured"
    if extent.low == extent.high:
        return "all values are equal"
    if sums is None:
        return f"the region is larger than {HELD_PIXELS:,} pixels"
    if sums.s0 == 0:
        return "no two measured pixels touch"
    return ""


def _notes(
    weights: Weights, standardise: str, permutations: int, seed: int
) -> tuple[str, ...]:
    by_row = standardise == "rows" and weights != "inverse distance"
    notes = [
        f"Weights: {_NAMES[weights]}"
        + (", divided by their sum over each pixel's neighbours." if by_row else "."),
        "p: two-sided, from the variance when the values at hand are put to random "
        "places (randomisation). There is no correction at edges: what is not "
        "measured has no weight.",
        "Pixels are not independent: compare animals, not pixels.",
    ]
    if permutations and weights != "inverse distance":
        notes.append(
            f"p of permutations: (r + 1) / (m + 1), with r of m = {permutations} "
            f"permutations as far from the expectation; random numbers start at {seed}."
        )
    return tuple(notes)
