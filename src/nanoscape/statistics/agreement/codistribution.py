"""Whether two drugs, or a drug and its carrier, are found in the same places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import dask.array as da
import numpy as np
import pandas as pd

from nanoscape.compute import Task, reduce_blocks
from nanoscape.compute.resample import check_same_space, onto, same_grid
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.agreement.costes import regression, threshold
from nanoscape.statistics.agreement.two_channels import (
    LEVELS,
    Ranks,
    Survey,
    cell_factor,
    joined_cells,
    line_block,
    overlap_block,
    product_block,
    survey_block,
)
from nanoscape.statistics.areas import masks_of
from nanoscape.statistics.nulls.shifts import (
    Floats,
    correlation_p,
    effective_size,
    rim_to_core,
    shift_test,
)
from nanoscape.statistics.value_counts import shift_for
from nanoscape.statistics.zone_extent import Extent, extents
from nanoscape.statistics.zones import check_areas, without_role, zones_of

Thresholds = Literal["Costes", "given"]

_FEWEST_PIXELS = 3


@operation(version=1, title="Co-distribution")
def codistribution(
    first: Annotated[Image, Role("Drug")],
    second: Annotated[Image, Role("Carrier")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    thresholds: Annotated[Thresholds, Option(label="Thresholds")] = "Costes",
    first_threshold: Annotated[
        float, Option(label="Threshold of the first", advanced=True)
    ] = 0.0,
    second_threshold: Annotated[
        float, Option(label="Threshold of the second", advanced=True)
    ] = 0.0,
    task: Task | None = None,
) -> Table:
    """Measure how much two images agree, and whether chance would do as well.

    Pearson's and Spearman's correlations, Li's intensity correlation quotient (2004,
    doi:10.1523/JNEUROSCI.0346-04.2004), and Manders' coefficients (1993,
    doi:10.1111/j.1365-2818.1993.tb03313.x), the share of each image that lies where
    the other exceeds its threshold. Neighbouring pixels are alike, so that p-values
    come from shifts of one image against the other.

    Parameters
    ----------
    first
        Image of the drug; results are on its pixels.
    second
        Image of the carrier, of another drug or of a marker. Where its pixels differ,
        the nearest one is taken.
    region
        Where to measure: each label, or all regions of one name, get a row of their
        own. The whole image by default. Empty surroundings raise every correlation.
    exclude
        Areas to leave out.
    thresholds
        Costes finds those below which the images are not correlated; or the two given
        below.
    first_threshold, second_threshold
        Used when thresholds are given. A larger value counts fewer pixels as holding
        any.
    task
        Progress.

    Returns
    -------
    table
        One row for each region.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured in both images.
    WrongInput
        If the objects lie in different spaces, or an image is a series in time.

    Examples
    --------
    >>> import numpy as np
    >>> a = Image.from_array(np.array([[0.0, 1, 2, 3]]), "yx", spacing=1.0)
    >>> b = Image.from_array(np.array([[0.0, 2, 4, 6]]), "yx", spacing=1.0)
    >>> round(float(codistribution(a, b).data["pearson"].iloc[0]), 6)
    1.0
    """
    check_areas(first, region, exclude)
    check_areas(second, None, None)
    check_same_space(second, first)
    if first.spatial_axes != second.spatial_axes:
        raise WrongInput(
            f"{first.name} has the axes {first.spatial_axes} and {second.name} the "
            f"axes {second.spatial_axes}",
            "two sections or two volumes",
        )
    other = second.data if same_grid(first, second) else onto(second, first)
    excluded = masks_of(exclude, first)
    given = (first_threshold, second_threshold) if thresholds == "given" else None
    task = task or Task()
    groups = zones_of(first, region)
    rows, factors = [], {1}
    for zones, part in zip(groups, task.split(*[1] * len(groups)), strict=True):
        before, during = part.split(1, 6)
        found = extents(first.data, zones, excluded, task=before)
        tasks = during.split(*[1] * len(found)) if found else []
        for extent, own in zip(found, tasks, strict=True):
            masks = [] if zones.numbers is None else [zones.numbers]
            pair = _pair(first.data, other, [*masks, *excluded], extent, bool(masks))
            rows.append({"region": zones.name(extent.number)} | pair.row(given, own))
            factors.add(pair.factor)
    if not any(row["n_pixels"] for row in rows):
        raise CannotCompute(
            f"{first.name} and {second.name} hold no pixel in the region that was "
            "measured in both",
            "at least one",
            "check that the images and the region overlap",
        )
    data = pd.DataFrame(rows)
    data.insert(1, "first", first.name)
    data.insert(2, "second", second.name)
    return Table(
        data=data,
        name=f"co-distribution of {first.name} and {second.name}",
        notes=_notes(thresholds, same_grid(first, second), max(factors)),
        tags=without_role(first.tags),
    )


def _pair(
    first: da.Array,
    second: da.Array,
    masks: list[da.Array],
    extent: Extent,
    zoned: bool,
) -> _Pair:
    box = extent.box if extent.n else tuple(slice(0, 1) for _ in first.shape)
    arrays = [array[box] for array in (first, second, *masks)]
    shape = tuple(int(n) for n in arrays[0].shape)
    return _Pair(arrays, extent, zoned, shape, cell_factor(shape))


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two images in one zone."""

    arrays: list[da.Array]
    extent: Extent
    zoned: bool
    shape: tuple[int, ...]
    factor: int

    @property
    def _number(self) -> int:
        return self.extent.number if self.zoned else 0

    def row(self, given: tuple[float, float] | None, task: Task) -> dict[str, Any]:
        """Return what there is to say of the two."""
        first, second, third = task.split(2, 2, 2)
        shift = shift_for(self.shape)
        surveys: list[Survey] = reduce_blocks(
            survey_block,
            self.arrays,
            arguments=(self._number, shift, self.factor),
            with_block=True,
            task=first,
            text="looking at both images",
        )
        n = sum(s.n for s in surveys)
        low = np.min([s.low for s in surveys], axis=0)
        high = np.max([s.high for s in surveys], axis=0)
        row = dict(_EMPTY) | {
            "n_pixels": n,
            # Pixels outside the box of the first image were not measured in it.
            "n_not_measured": self.extent.n + self.extent.missing - n,
        }
        reason = ""
        if n < _FEWEST_PIXELS:
            reason = f"fewer than {_FEWEST_PIXELS} pixels were measured in both"
        elif (low == high).any():
            reason = "all values of an image are equal"
        if reason:
            return row | {"reason": reason, "manders_reason": reason}
        means = np.sum([s.total for s in surveys], axis=0) / n
        ranks = tuple(Ranks.of([s.counted[k] for s in surveys], shift) for k in (0, 1))
        products = np.sum(
            reduce_blocks(
                product_block,
                self.arrays,
                arguments=(self._number, means, (n + 1) / 2, ranks),
                task=second,
                text="comparing both images",
            ),
            axis=0,
        )
        row |= {
            "pearson": _correlation(products[:3]),
            "spearman": _correlation(products[3:6]),
            "icq": float(products[6]) / n - 0.5,
        }
        cells = joined_cells([s.cells for s in surveys], self.shape, self.factor)
        row |= _chance(cells, self.factor, row["pearson"])
        return row | self._manders(given, low, high, means, products, n, third)

    def _manders(
        self,
        given: tuple[float, float] | None,
        low: Floats,
        high: Floats,
        means: Floats,
        products: Floats,
        n: int,
        task: Task,
    ) -> dict[str, Any]:
        before, after = task.split(1, 1)
        bounds = given or self._costes(low, high, means, products, before)
        row: dict[str, Any] = {
            "first_threshold": bounds[0],
            "second_threshold": bounds[1],
        }
        if not math.isfinite(bounds[0]):
            reason = "Costes needs images that rise together"
            return row | {"manders_reason": reason}
        if (low < 0).any():
            return row | {"manders_reason": "some values are negative"}
        sums = np.sum(
            reduce_blocks(
                overlap_block,
                self.arrays,
                arguments=(self._number, bounds),
                task=after,
                text="adding up what overlaps",
            ),
            axis=0,
        )
        shares = sums / (means * n)
        return row | {"manders_m1": float(shares[0]), "manders_m2": float(shares[1])}

    def _costes(
        self, low: Floats, high: Floats, means: Floats, products: Floats, task: Task
    ) -> tuple[float, float]:
        line = regression(means, products)
        if line is None:
            return math.nan, math.nan
        ends = [(value - line.offset) / line.slope for value in (low[1], high[1])]
        start = max(float(low[0]), float(ends[0]))
        stop = max(float(high[0]), float(ends[1]))
        sums = reduce_blocks(
            line_block,
            self.arrays,
            arguments=(self._number, line.slope, line.offset, start, stop, means),
            task=task,
            text="looking for thresholds",
        )
        return threshold(line, start, stop, np.sum(sums, axis=0))


_EMPTY: dict[str, Any] = {
    "n_pixels": 0,
    "n_not_measured": 0,
    **dict.fromkeys(
        (
            "pearson",
            "spearman",
            "icq",
            "n_effective",
            "p_effective",
            "p_shifts",
            "p_shifts_beyond_rim",
            "manders_m1",
            "manders_m2",
            "first_threshold",
            "second_threshold",
        ),
        math.nan,
    ),
    "manders_reason": "",
    "reason": "",
}


def _correlation(products: Floats) -> float:
    xx, yy, xy = (float(value) for value in products)
    return xy / math.sqrt(xx * yy) if xx > 0 and yy > 0 else math.nan


def _chance(cells: Floats, factor: int, pearson: float) -> dict[str, Any]:
    """Return p-values of the correlation, from maps of cells."""
    count, *sums = cells
    used = count >= 0.5 * factor ** (cells.ndim - 1)
    safe = np.where(used, count, 1.0)
    a, b = (np.where(used, total / safe, 0.0) for total in sums)
    ones = [np.ones(used.shape)]
    size = effective_size(a, b, used)
    plain = shift_test(a, b, used, ones)
    beyond = shift_test(a, b, used, rim_to_core(count > 0))
    reason = ""
    if math.isnan(plain.p):
        reason = "p: the field is too small to tell agreement from chance"
    return {
        "n_effective": size,
        "p_effective": correlation_p(pearson, size),
        "p_shifts": plain.p,
        "p_shifts_beyond_rim": beyond.p,
        "reason": reason,
    }


def _notes(thresholds: Thresholds, same: bool, factor: int) -> tuple[str, ...]:
    notes = [
        "Manders M1 is the share of the first image where the second exceeds its "
        "threshold, M2 the other way round; background is not subtracted.",
        "Thresholds: "
        + (
            f"Costes, to 1/{LEVELS} of the range."
            if thresholds == "Costes"
            else "as given."
        ),
        "p of shifts: one image is shifted against the other by all shifts with a "
        "quarter of the pixels in the overlap; beyond rim: a trend with depth from "
        "the edge of the tissue is removed from both first.",
        "p_effective: t test with the effective number of pixels of Clifford, "
        "Richardson and Hémon.",
        "Pixels are not independent: compare animals, not pixels.",
    ]
    if not same:
        notes.append("The second image was brought onto the pixels of the first.")
    if factor > 1:
        notes.append(f"p-values come from means over {factor} pixels along each axis.")
    return tuple(notes)
