"""How often each value occurs in each region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, reduce_blocks
from nanoscape.compute.exact import BINS, extrema
from nanoscape.model import Image, Labels, Regions
from nanoscape.statistics.areas import mask_of, masks_of
from nanoscape.statistics.refusals import nothing_measured
from nanoscape.statistics.zones import check_areas, label_names

EXACT_PIXELS = 2**24
"""Pixels up to which every value is sorted; above, values are counted in bins."""


@dataclass(frozen=True, eq=False)
class RegionValues:
    """Values of one region in ascending order, each with its number.

    Attributes
    ----------
    name
        What the region is called.
    missing
        Pixels without a value.
    value, count
        Values, or means of bins, and how many pixels have each.
    total
        Sum of the values of each.
    scatter
        Sum of the squared differences of the values to those of their bins.
    """

    name: str
    missing: int
    value: NDArray[np.float64]
    count: NDArray[np.float64]
    total: NDArray[np.float64]
    scatter: float

    @property
    def n(self) -> int:
        """Number of measured pixels."""
        return int(self.count.sum())

    @property
    def mean(self) -> float:
        """Mean, NaN without any pixel."""
        return float(self.total.sum()) / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """Variance of the population."""
        between = float((self.count * (self.value - self.mean) ** 2).sum())
        return (between + max(self.scatter, 0.0)) / self.n


def region_values(
    image: Image,
    region: Labels | Regions | None,
    exclude: Sequence[Labels | Regions] | None,
    *,
    task: Task | None = None,
) -> list[RegionValues]:
    """Count the values of each label, or of all regions of one name.

    Raises
    ------
    CannotCompute
        If no pixel was measured.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.
    """
    check_areas(image, region, exclude)
    names, areas, labelled = _areas(image, region)
    arrays = [image.data, *areas, *masks_of(exclude, image)]
    exact = math.prod(image.spatial_shape) <= EXACT_PIXELS
    first, second = (task or Task()).split(1, 3)
    low, high = (0.0, 0.0) if exact else extrema(image.data, task=first)
    parts = reduce_blocks(
        _count_block,
        arrays,
        arguments=(len(areas), labelled, exact, low, high),
        task=second,
        text="counting values",
    )
    found = [
        _joined(name, [part[key] for part in parts if key in part], low, high)
        for key, name in _keys(parts, names, region)
    ]
    if not any(item.n for item in found):
        raise nothing_measured(image.name)
    return found


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
    named = label_names(region)
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


def _joined(
    name: str, parts: Sequence[Counted], low: float, high: float
) -> RegionValues:
    place = np.concatenate([p.place for p in parts]) if parts else np.zeros(0)
    missing = sum(part.missing for part in parts)
    if not place.size:
        none = np.zeros(0)
        return RegionValues(name, missing, none, none, none, 0.0)
    groups, where = np.unique(place, return_inverse=True)
    counts = np.concatenate([p.count for p in parts]).astype(np.float64)
    totals = np.concatenate([p.total for p in parts])
    count = np.bincount(where, counts).astype(np.float64)
    total = np.bincount(where, totals).astype(np.float64)
    scatter = sum(part.scatter for part in parts)
    if scatter > 0:
        off = total / count - _middle(groups, low, high)
        scatter -= float((count * off**2).sum())
    return RegionValues(name, missing, total / count, count, total, scatter)
