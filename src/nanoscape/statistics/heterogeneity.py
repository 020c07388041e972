"""How unevenly a drug is spread over an area, whatever its pattern."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task, reduce_blocks
from nanoscape.compute.exact import BINS, extrema
from nanoscape.compute.resample import check_no_time, check_same_space
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Regions, Table, Tags
from nanoscape.operation import Role, operation
from nanoscape.statistics.areas import mask_of, masks_of

EXACT_PIXELS = 2**24
"""Pixels up to which every value is sorted; above, values are counted in bins."""

_NOTES = (
    "Coefficient of variation and Gini coefficient do not know where the pixels lie: "
    "exchanging pixels leaves them as they are.",
    "The standard deviation is that of the population (division by n).",
    "Noise of the measurement increases all of them.",
)


@operation(version=1, title="Heterogeneity")
def heterogeneity(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    task: Task | None = None,
) -> Table:
    """Measure how unevenly the values of an image are spread.

    Gives the coefficient of variation, as the Image Biomarker Standardisation
    Initiative defines it (Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145),
    and the Gini coefficient, 0 when all pixels hold the same and near 1 when one
    holds everything (Gini 1912; as mean difference over twice the mean).

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value are left out and counted.
    region
        Where to measure: each label, or all regions of one name, get a row of their
        own. The whole image by default.
    exclude
        Areas to leave out.
    task
        Progress.

    Returns
    -------
    table
        Number of pixels, mean, standard deviation, coefficient of variation and
        Gini coefficient of each region.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.

    Examples
    --------
    >>> import numpy as np
    >>> image = Image.from_array(np.array([[0, 0, 0, 1.0]]), "yx", spacing=1.0)
    >>> float(heterogeneity(image).data["gini"].iloc[0])
    0.75
    """
    check_no_time(image)
    for item in (region, *(exclude or [])):
        if item is not None:
            check_same_space(item, image)
    names, areas, labelled = _areas(image, region)
    excluded = masks_of(exclude, image)
    arrays = [image.data, *areas, *excluded]
    exact = math.prod(image.spatial_shape) <= EXACT_PIXELS
    first, second = (task or Task()).split(1, 3)
    low, high = (0.0, 0.0) if exact else extrema(image.data, task=first)
    parts = reduce_blocks(
        _count_block,
        arrays,
        arguments=(len(areas), labelled, exact, low, high),
        task=second,
        text="measuring heterogeneity",
    )
    unit = image.quantity.unit
    rows = [
        _row(name, [part[key] for part in parts if key in part], unit, low, high)
        for key, name in _keys(parts, names, region)
    ]
    if not any(row["n_pixels"] for row in rows):
        raise CannotCompute(
            f"{image.name} holds no measured pixel in the region",
            "at least one pixel with a value",
            "check that region and image overlap",
        )
    negative = any(row["gini_reason"].startswith("some") for row in rows)
    notes = _NOTES + (
        ("The Gini coefficient is not defined for negative values.",)
        if negative
        else ()
    )
    tags = {name: tag for name, tag in image.tags.tags.items() if name != "role"}
    return Table(
        data=pd.DataFrame(rows),
        name=f"heterogeneity of {image.name}",
        notes=notes,
        tags=Tags(tags),
    )


@dataclass(frozen=True, eq=False)
class Counted:
    """Values of one region in one block: each with its number, or bins with sums.

    Attributes
    ----------
    place
        Values, or numbers of bins, in ascending order.
    count
        How many pixels each stands for.
    total
        Sum of the values of each.
    scatter
        Sum of the squared differences to the middles of the bins; 0 without bins.
    missing
        Pixels without a value.
    """

    place: NDArray[Any]
    count: NDArray[np.int64]
    total: NDArray[np.float64]
    scatter: float
    missing: int


def _areas(
    image: Image, region: Labels | Regions | None
) -> tuple[list[str], list[da.Array], bool]:
    """Return names, lazy masks, and whether the one mask holds numbers."""
    if region is None:
        return ["whole image"], [], False
    if isinstance(region, Labels):
        return [], [mask_of(region, image)], True
    names = list(dict.fromkeys(region.names))
    masks = [mask_of(region.named(name), image) for name in names]
    return names, masks, False


def _keys(
    parts: Sequence[dict[int, Counted]],
    names: Sequence[str],
    region: Labels | Regions | None,
) -> list[tuple[int, str]]:
    if not isinstance(region, Labels):
        return list(enumerate(names))
    named: dict[int, str] = {}
    if region.table is not None and "name" in region.table:
        pairs = zip(region.table["index"], region.table["name"], strict=True)
        named = {int(index): str(name) for index, name in pairs}
    found = sorted({key for part in parts for key in part})
    return [(key, named.get(key, str(key))) for key in found]


def _count_block(values: NDArray[Any], *rest: Any) -> dict[int, Counted]:
    *masks, number, labelled, exact, low, high = rest
    allowed = np.ones(values.shape, bool)
    for mask in masks[number:]:
        allowed &= mask == 0
    if labelled:
        labels = np.where(allowed, masks[0], 0)
        present = [int(key) for key in np.unique(labels) if key != 0]
        chosen = {key: labels == key for key in present}
    elif number:
        chosen = {i: allowed & (mask != 0) for i, mask in enumerate(masks[:number])}
    else:
        chosen = {0: allowed}
    return {key: _counted(values[m], exact, low, high) for key, m in chosen.items()}


def _counted(values: NDArray[Any], exact: bool, low: float, high: float) -> Counted:
    finite = values[np.isfinite(values)]
    x = finite.astype(np.float64)
    if exact:
        each, count = np.unique(finite, return_counts=True)
        total = each.astype(np.float64) * count
        return Counted(each, count, total, 0.0, values.size - finite.size)
    scale = BINS / (high - low) if high > low else 0.0
    bins = np.minimum((x - low) * scale, BINS - 1).astype(np.int64)
    sums = np.bincount(bins, x, BINS).astype(np.float64)
    counts = np.bincount(bins, minlength=BINS)
    place = np.flatnonzero(counts)
    scatter = float(((x - _middle(bins, low, high)) ** 2).sum())
    missing = values.size - finite.size
    return Counted(place, counts[place], sums[place], scatter, missing)


def _middle(bins: NDArray[Any], low: float, high: float) -> NDArray[np.float64]:
    return (low + (bins + 0.5) * ((high - low) / BINS)).astype(np.float64)


def _row(
    name: str, parts: Sequence[Counted], unit: str, low: float, high: float
) -> dict[str, Any]:
    row: dict[str, Any] = {"region": name, "unit": unit}
    place = np.concatenate([p.place for p in parts]) if parts else np.zeros(0)
    missing = sum(part.missing for part in parts)
    numbers = ("mean", "standard_deviation", "coefficient_of_variation", "gini")
    if not place.size:
        empty = dict.fromkeys(numbers, math.nan)
        reason = "no pixel was measured"
        return (
            row
            | {"n_pixels": 0, "n_not_measured": missing}
            | empty
            | {"gini_reason": reason}
        )
    groups, where = np.unique(place, return_inverse=True)
    counts = np.concatenate([p.count for p in parts]).astype(np.float64)
    totals = np.concatenate([p.total for p in parts])
    count = np.bincount(where, counts).astype(np.float64)
    total = np.bincount(where, totals).astype(np.float64)
    n = float(count.sum())
    mean = float(total.sum()) / n
    within = sum(part.scatter for part in parts)
    if within > 0:
        off = total / count - _middle(groups, low, high)
        within -= float((count * off**2).sum())
    between = float((count * (total / count - mean) ** 2).sum())
    deviation = math.sqrt((between + max(within, 0.0)) / n)
    gini, reason = _gini(count, total)
    return row | {
        "n_pixels": int(n),
        "n_not_measured": missing,
        "mean": mean,
        "standard_deviation": deviation,
        "coefficient_of_variation": deviation / mean if mean != 0 else math.nan,
        "gini": gini,
        "gini_reason": reason,
    }


def _gini(count: NDArray[np.float64], total: NDArray[np.float64]) -> tuple[float, str]:
    """Return the Gini coefficient of groups of values in ascending order."""
    everything = float(total.sum())
    if (total < 0).any():
        return math.nan, "some values are negative"
    if everything == 0:
        return math.nan, "all values are zero"
    n = float(count.sum())
    # Twice the mean rank of a group less one more than the number of values.
    rank = 2 * np.cumsum(count) - count - n
    return float((rank * total).sum() / (n * everything)), ""
