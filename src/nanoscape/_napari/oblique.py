"""Volumes that lie at an angle, resampled for display along the scene's axes.

Napari slices a volume along its own axes and leaves a rotation out of the slice
away, so that an oblique volume would be seen in the wrong place. It is shown
through a lazy resampling instead; measurements use the original.
"""

from __future__ import annotations

import itertools
from typing import TypeVar

import dask.array as da
import numpy as np

from nanoscape._napari.place import layer_order, to_reference
from nanoscape.compute.resample import onto
from nanoscape.model import Affine, Image, Labels, Raster, Study, placed
from nanoscape.model.raster import single_level

Grid = TypeVar("Grid", Image, Labels)

IN_MEMORY_BYTES = 2**28
"""Sources up to this size are read once, before they are resampled."""


def is_oblique(item: object, study: Study) -> bool:
    """Whether napari cannot slice a volume along the axes of the scene.

    Colour volumes are left to it, as they are.
    """
    if not isinstance(item, Raster) or item.spatial_axes != "zyx":
        return False
    if item.data.ndim > len(item.axes):
        return False
    whole = item.grid_to_space.then(to_reference(item, study))
    time = len(item.axes) - 3
    columns = [column - time for column in layer_order(item, study)[time:]]
    linear = whole.linear[:, columns]
    directions = linear / np.linalg.norm(linear, axis=0)
    out_of_slice = [*directions[0, 1:], *directions[1:, 0]]
    return bool(np.abs(out_of_slice).max() > 1e-8)


def upright(item: Grid, study: Study) -> Grid:
    """Return a volume as seen along the axes of the space it is aligned to.

    Parameters
    ----------
    item
        An oblique volume, with or without time; colours are not resampled.
    study
        Knows how spaces lie to each other.

    Returns
    -------
    Image or Labels
        In the space that the volume is aligned to, with the spacing of the
        original's nearest axes, large enough to hold all of it.
    """
    root = study.root_of(item.space)
    there = placed(item, to_reference(item, study), root)
    like = _upright_grid(there)
    planes = (1, *like.shape[1:])
    frames = [there.data] if there.axes == "zyx" else list(there.data)
    seen = [
        onto(_frame(there, _held(frame)), like, order=1, chunks=planes)
        for frame in frames
    ]
    data = seen[0] if there.axes == "zyx" else da.stack(seen)
    return there.replace(
        levels=single_level(data, "zyx"), grid_to_space=like.grid_to_space
    )


def computed(item: Grid) -> Grid:
    """Return a resampled volume in memory when it is small; to be done in a worker."""
    if item.data.nbytes > IN_MEMORY_BYTES:
        return item
    data = da.from_array(item.data.compute(), name=f"seen-{item.data.name}")
    return item.replace(levels=single_level(data, "zyx"))


def _held(frame: da.Array) -> da.Array:
    if frame.nbytes > IN_MEMORY_BYTES:
        return frame
    return da.from_array(frame.compute(), name=f"held-{frame.name}")


def _upright_grid(item: Grid) -> Grid:
    """Return the item with an upright grid that holds it, without samples."""
    ends = [(-0.5, n - 0.5) for n in item.spatial_shape]
    corners = item.grid_to_space.apply(np.array(list(itertools.product(*ends))))
    linear = np.abs(item.grid_to_space.linear)
    nearest = np.argmax(linear / linear.sum(axis=0), axis=1)
    spacing = np.linalg.norm(linear, axis=0)[nearest]
    low, high = corners.min(axis=0), corners.max(axis=0)
    shape = np.maximum(np.ceil((high - low) / spacing - 1e-6), 1).astype(int)
    grid = Affine.from_spacing("zyx", spacing.tolist(), (low + spacing / 2).tolist())
    empty = da.zeros(tuple(shape.tolist()), chunks=-1, dtype=item.dtype)
    return _frame(item, empty).replace(grid_to_space=grid)


def _frame(item: Grid, data: da.Array) -> Grid:
    return item.replace(levels=single_level(data, "zyx"), axes="zyx", times=None)
