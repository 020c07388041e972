"""Whether neighbouring pixels are alike: Moran's I, Geary's C, Getis and Ord's G."""

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
    general_g,
    moran,
)
from nanoscape.statistics.raster.neighbour_sums import (
    COLUMNS,
    halo_of,
    offsets,
    offsets_within,
    sum_neighbours,
)
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

Weights = Literal["queen", "rook", "within radius", "inverse distance"]
Standardisation = Literal["none", "rows"]

_NAMES = {
    "queen": "1 for pixels that touch by a side, an edge or a corner (queen)",
    "rook": "1 for pixels that touch by a side (rook)",
    "within radius": "1 for pixels within {radius:g} µm",
    "inverse distance": "1 / distance in µm for all pairs",
}


@operation(version=2, title="Autocorrelation")
def autocorrelation(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    weights: Annotated[Weights, Option(label="Neighbours")] = "queen",
    radius: Annotated[
        float | None, Option(unit="µm", minimum=1e-6, label="Neighbours within")
    ] = None,
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
    doi:10.2307/2986645) is below 1 when they do. The G of Getis and Ord (1992,
    doi:10.1111/j.1538-4632.1992.tb00261.x) is above its expectation when high values
    gather, and below when low ones do. Mean and variance by chance are exact (Cliff
    and Ord 1981), whatever holes the region has.

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
        Which pixels are compared: those that touch, those within a radius, or all,
        the nearer the more.
    radius
        How far neighbours lie at most, for weights within a radius. A larger value
        looks at coarser patterns. Auto: twice the longest side of a pixel.
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
        All three statistics of each region with expectation, variance under
        normality and under randomisation, standard score and two-sided p-values.

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
    radius = radius or 2 * max(image.spacing.values())
    rows = []
    for zones, part in zip(groups, task.split(*[1] * len(groups)), strict=True):
        first, second, third = part.split(1, 3, 6)
        found = extents(image.data, zones, excluded, task=first)
        field = _Field(image, zones, excluded, weights, radius, standardise == "rows")
        sums = field.sums(found, second)
        tasks = third.split(*[1] * len(found)) if found else []
        for extent, pairs, own in zip(found, sums, tasks, strict=True):
            row = _row(zones.name(extent.number), extent, pairs, weights)
            rows.append(row | field.chance(extent, row, permutations, seed, own))
    if not any(row["n_pixels"] for row in rows):
        raise nothing_measured(image.name)
    return Table(
        data=pd.DataFrame(rows),
        name=f"autocorrelation of {image.name}",
        notes=_notes(weights, radius, standardise, permutations, seed),
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
        radius: float,
        by_row: bool,
    ) -> None:
        self._image = image
        self._zones, self._excluded = zones, excluded
        self._masks = [] if zones.numbers is None else [zones.numbers]
        self._masks += list(excluded)
        self._zoned = zones.numbers is not None
        self._weights, self._radius = weights, radius
        self._by_row = by_row and weights != "inverse distance"

    @property
    def _steps(self) -> NDArray[np.int64]:
        assert self._weights != "inverse distance"
        shape = self._image.spatial_shape
        if self._weights == "within radius":
            spacing = list(self._image.spacing.values())
            return offsets_within(spacing, shape, self._radius)
        return offsets(self._weights, shape)

    def sums(self, found: Sequence[Extent], task: Task) -> list[PairSums | None]:
        """Return the sums of each zone, ``None`` where the zone is too large."""
        if self._weights == "inverse distance":
            return [self._all_pairs(extent) for extent in found]
        known = np.array([extent.number for extent in found], np.int64)
        means = np.nan_to_num(np.array([extent.mean for extent in found]))
        parts = reduce_blocks(
            sum_neighbours,
            [self._image.data, *self._masks],
            halo=halo_of(self._steps, len(self._image.spatial_shape)),
            arguments=(self._zoned, known, means, self._steps, self._by_row),
            with_block=True,
            task=task,
            text="comparing neighbours",
        )
        total = np.zeros((len(found), len(COLUMNS)))
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
        self,
        extent: Extent,
        row: dict[str, Any],
        permutations: int,
        seed: int,
        task: Task,
    ) -> dict[str, Any]:
        """Return the p-values of permutations, and why there are none."""
        found = {"moran_p_permutation": math.nan, "g_p_permutation": math.nan}
        reason, held = row["reason"], None
        if not reason and not permutations:
            reason = "no permutations were asked for"
        elif not reason and self._weights == "inverse distance":
            reason = "permutations are not made for all pairs"
        elif not reason:
            held = self.held(extent)
            if held is None:
                reason = f"the region is larger than {HELD_PIXELS:,} pixels"
        if held is not None:
            z, inside = held
            shape = (1,) * (3 - z.ndim) + z.shape
            p = shuffled_p(
                z.reshape(shape),
                inside.reshape(shape),
                self._steps,
                self._by_row,
                permutations,
                seed,
                None if row["g_reason"] else extent.mean,
                task,
            )
            found = dict(zip(found, p, strict=True))
        return found | {"permutation_reason": reason}


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
    return row | _gathering(extent, sums, reason) | {"reason": reason}


def _gathering(extent: Extent, sums: PairSums | None, reason: str) -> dict[str, Any]:
    """Return the G of Getis and Ord, or why there is none."""
    if not reason and extent.low < 0:
        reason = "some values are negative"
    score = general_g(sums, extent.mean) if sums and not reason else None
    return {
        "getis_ord_g": score.value if score else math.nan,
        "g_expected": score.expected if score else math.nan,
        "g_variance_randomisation": (
            score.variance_randomisation if score else math.nan
        ),
        "g_z": score.z if score else math.nan,
        "g_p": score.p if score else math.nan,
        "g_reason": reason,
    }


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
        return "no two measured pixels are neighbours"
    return ""


def _notes(
    weights: Weights, radius: float, standardise: str, permutations: int, seed: int
) -> tuple[str, ...]:
    by_row = standardise == "rows" and weights != "inverse distance"
    notes = [
        f"Weights: {_NAMES[weights].format(radius=radius)}"
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
