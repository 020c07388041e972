"""Coarser levels of large images that come without, so that napari shows them fast."""

from __future__ import annotations

import math
from typing import Any
from weakref import WeakKeyDictionary

from nanoscape.compute import Task
from nanoscape.compute.pyramid import with_pyramid
from nanoscape.model import Raster
from nanoscape.model.raster import Level

LARGE_PLANE = 2**22
"""Planes with more pixels take napari longer than a blink to show in full."""

LARGEST = 2**29
"""Samples of an image for which all of it is read when it is opened."""

# By the finest level, which results and their tagged copies share.
_coarser: WeakKeyDictionary[Level, tuple[Level, ...]] = WeakKeyDictionary()


def make_overviews(item: Any, task: Task) -> None:
    """Compute the coarser levels that an image needs; to be done in a worker."""
    if not _needs_overviews(item) or item.levels[0] in _coarser:
        return
    _coarser[item.levels[0]] = with_pyramid(item, task=task).levels[1:]


def with_overviews(item: Any) -> Any:
    """Return an image with the coarser levels that were computed for it."""
    if not isinstance(item, Raster) or len(item.levels) > 1:
        return item
    coarser = _coarser.get(item.levels[0], ())
    return item.replace(levels=(*item.levels, *coarser)) if coarser else item


def _needs_overviews(item: Any) -> bool:
    return (
        isinstance(item, Raster)
        and len(item.levels) == 1
        and math.prod(item.shape[-2:]) > LARGE_PLANE
        and math.prod(item.shape) <= LARGEST
    )
