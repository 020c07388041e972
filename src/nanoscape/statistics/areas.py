"""Which part of a grid is measured: tissue and excluded areas as lazy masks."""

from __future__ import annotations

from collections.abc import Sequence

import dask.array as da

from nanoscape.compute.resample import onto, rasterise
from nanoscape.model import Labels, Regions
from nanoscape.model.raster import Raster

Area = Labels | Regions


def mask_of(area: Area, like: Raster) -> da.Array:
    """Return where an area lies on a grid: a lazy array, not zero inside."""
    return onto(area, like) if isinstance(area, Labels) else rasterise(area, like)


def masks_of(areas: Sequence[Area] | None, like: Raster) -> list[da.Array]:
    """Return one lazy mask for each area."""
    return [mask_of(area, like) for area in areas or []]
