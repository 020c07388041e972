"""Regions of an image as levels of grey, one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nanoscape.compute import Task
from nanoscape.model import Image, Labels, Regions
from nanoscape.statistics.areas import masks_of
from nanoscape.statistics.texture.discretise import (
    Discretisation,
    Levels,
    discretised,
)
from nanoscape.statistics.zone_extent import Extent, extents, read_zone
from nanoscape.statistics.zones import zones_of

HELD_PIXELS = 2**25
"""Pixels of a region's bounding box up to which it is held in memory."""


@dataclass(frozen=True, eq=False)
class GreyRegion:
    """One region.

    Attributes
    ----------
    row
        What is known of it: name, size, pixels, levels, and why nothing can be
        measured.
    levels
        Levels of grey, shape ``z y x``; ``None`` where there is a reason.
    task
        Progress of what is measured of it.
    """

    row: dict[str, Any]
    levels: Levels | None
    task: Task


def grey_regions(
    image: Image,
    region: Labels | Regions | None,
    exclude: Sequence[Labels | Regions] | None,
    how: Discretisation,
    task: Task,
) -> Iterator[GreyRegion]:
    """Yield each label, or all regions of one name.

    Parameters
    ----------
    image, region, exclude
        What is measured.
    how
        How values become levels.
    task
        Progress.

    Raises
    ------
    WrongInput
        If the levels do not fit the values.
    """
    excluded = masks_of(exclude, image)
    groups = zones_of(image, region)
    for zones, part in zip(groups, task.split(*[1] * len(groups)), strict=True):
        first, second = part.split(1, 9)
        found = extents(image.data, zones, excluded, task=first)
        tasks = second.split(*[1] * len(found)) if found else []
        for extent, own in zip(found, tasks, strict=True):
            row = _row(image, zones.name(extent.number), extent, how)
            levels = None
            if not row["reason"]:
                held = read_zone(image.data, zones, excluded, extent)
                levels = discretised(*held, how, image.name)
                levels = levels.reshape((1,) * (3 - levels.ndim) + levels.shape)
            yield GreyRegion(row, levels, own)


def solid_axes(image: Image) -> tuple[bool, bool, bool]:
    """Return for z, y and x whether there is more than one layer of voxels."""
    z, y, x = (1,) * (3 - len(image.spatial_shape)) + tuple(image.spatial_shape)
    if x == y == z == 1:
        return (True, True, True)
    return (z > 1, y > 1, x > 1)


def _row(
    image: Image, name: str, extent: Extent, how: Discretisation
) -> dict[str, Any]:
    spacing = image.spacing
    return {
        "region": name,
        "n_pixels": extent.n,
        "n_not_measured": extent.missing,
        f"size_um{len(spacing)}": extent.n * math.prod(spacing.values()),
        **{f"pixel_{axis}_um": step for axis, step in spacing.items()},
        "levels": how.text(image.quantity.unit),
        "spatial": "yes",
        "reason": _reason(extent),
    }


def _reason(extent: Extent) -> str:
    if not extent.n:
        return "no pixel was measured"
    if math.prod(part.stop - part.start for part in extent.box) > HELD_PIXELS:
        return f"the region is larger than {HELD_PIXELS:,} pixels: choose larger pixels"
    return ""
