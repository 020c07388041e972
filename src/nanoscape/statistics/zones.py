"""Zones: areas of an image that each get numbers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.resample import check_no_time, check_same_space
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Regions, Tags
from nanoscape.model.raster import Raster
from nanoscape.statistics.areas import mask_of

_LOOKED_UP = 2**22


@dataclass(frozen=True, eq=False)
class Zones:
    """Areas that do not overlap.

    Attributes
    ----------
    numbers
        Lazy number of the zone of each pixel, 0 outside; one zone everywhere by
        default.
    names
        What zones are called; others go by their number.
    """

    numbers: da.Array | None = None
    names: dict[int, str] = field(default_factory=dict)

    def name(self, number: int) -> str:
        """Return what a zone is called."""
        return self.names.get(number, str(number))


def zones_of(image: Raster, region: Labels | Regions | None) -> list[Zones]:
    """Return the zones of a region: labels together, names of drawn regions apart.

    Drawn regions of different names may overlap, labels cannot.
    """
    if region is None:
        return [Zones(names={1: "whole image"})]
    if isinstance(region, Labels):
        return [Zones(mask_of(region, image), label_names(region))]
    return [
        Zones(mask_of(region.named(name), image) != 0, {1: name})
        for name in dict.fromkeys(region.names)
    ]


def label_names(labels: Labels) -> dict[int, str]:
    """Return the names that a table of labels gives to their numbers."""
    if labels.table is None or "name" not in labels.table:
        return {}
    pairs = zip(labels.table["index"], labels.table["name"], strict=True)
    return {int(index): str(name) for index, name in pairs}


def without_role(tags: Tags) -> Tags:
    """Return what holds for a result as well: all but the role of the input."""
    return Tags({name: tag for name, tag in tags.tags.items() if name != "role"})


def check_areas(
    image: Image,
    region: Labels | Regions | None,
    exclude: Sequence[Labels | Regions] | None,
) -> None:
    """Refuse what cannot be measured together.

    Raises
    ------
    WrongInput
        If spaces differ, or the image is a series in time or in colour.
    """
    check_no_time(image)
    if image.rgb:
        raise WrongInput(
            f"{image.name} is a colour image",
            "one value for each pixel",
            "choose one channel",
        )
    for item in (region, *(exclude or [])):
        if item is not None:
            check_same_space(item, image)


def zone_numbers(
    shape: tuple[int, ...], masks: Sequence[NDArray[Any]], zoned: bool
) -> NDArray[np.int64]:
    """Return the zone of each pixel of a block, 0 outside and where excluded.

    Parameters
    ----------
    shape
        Shape of the block.
    masks
        Numbers of zones if ``zoned``, then excluded areas.
    zoned
        Whether the first of the masks holds zones.
    """
    numbers = masks[0].astype(np.int64) if zoned else np.ones(shape, np.int64)
    for mask in masks[int(zoned) :]:
        numbers[mask != 0] = 0
    return numbers


def present(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the zones that occur, in ascending order."""
    highest = int(numbers.max(initial=0))
    if highest < _LOOKED_UP:
        return np.flatnonzero(np.bincount(numbers.ravel())[1:]) + 1
    found = np.unique(numbers)
    return found[found > 0]


def ranked(numbers: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 1 for the first of the known zones, 2 for the next; 0 for none."""
    if known.size and int(known[-1]) < _LOOKED_UP:
        table = np.zeros(int(known[-1]) + 1, np.int64)
        table[known] = np.arange(1, known.size + 1)
        return table[numbers]
    return np.where(numbers > 0, np.searchsorted(known, numbers) + 1, 0)
