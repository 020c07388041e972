"""Bringing one raster, or drawn regions, onto the grid of another.

The results are lazy: a block of them reads only the part of the source that it
needs. Every pixel is computed from its own index on the whole grid, so that it
comes out the same however the grid is cut.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from typing import Any, Literal

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.blocks import block_shape_for
from nanoscape.errors import WrongInput
from nanoscape.model.labels import Labels
from nanoscape.model.raster import Raster
from nanoscape.model.regions import Regions

# Pixel centres that lie on the border of two source pixels belong to the second,
# whatever the last bits of the transform say.
_NUDGE = 1e-9

Slices = tuple[slice, ...]


def onto(
    raster: Raster,
    like: Raster,
    *,
    order: Literal[0, 1] = 0,
    chunks: tuple[int, ...] | None = None,
) -> da.Array:
    """Return the values of a raster at the pixel centres of another grid.

    Parameters
    ----------
    raster
        An image or labels, two- or three-dimensional, without time or colours.
    like
        The raster whose grid is wanted; it lies in the same space.
    order
        0 takes the pixel in which a centre lies, 1 interpolates between pixels.
        Labels always take 0.
    chunks
        Shape of the chunks; by default that of the blocks of whole-image work.

    Returns
    -------
    dask.array.Array
        Lazy, of the shape of ``like``; outside the raster NaN, or 0 for labels.
        An image of whole numbers becomes one of floats unless the grids are one.

    Raises
    ------
    WrongInput
        If the spaces or dimensions differ, or there is an axis of time or colour.
    """
    check_same_space(raster, like)
    for item in (raster, like):
        check_no_time(item)
    if raster.spatial_axes != like.spatial_axes:
        raise WrongInput(
            f"{raster.name} has the axes {raster.spatial_axes} and {like.name} the "
            f"axes {like.spatial_axes}",
            "the same axes",
        )
    if same_grid(raster, like):
        return raster.data
    discrete = isinstance(raster, Labels)
    dtype = raster.dtype if discrete else _float_for(raster.dtype)
    view = _Resampled(
        raster.data,
        index_map(like, raster),
        like.spatial_shape,
        dtype,
        0 if discrete else order,
    )
    return _lazy(view, like.spatial_shape, "onto", chunks)


def rasterise(regions: Regions, like: Raster) -> da.Array:
    """Return the mask of the pixels whose centres lie in any of the regions.

    Parameters
    ----------
    regions
        Polygons in the space of ``like``. Polygons drawn in ``yx`` reach through
        all planes of a three-dimensional grid.
    like
        The raster whose grid is wanted.

    Returns
    -------
    dask.array.Array
        Lazy mask of the shape of ``like``. Where a polygon crosses itself, the
        even-odd rule holds; overlapping polygons are united, and a hole is one only in
        its own polygon.

    Raises
    ------
    WrongInput
        If the regions lie in another space, or not in the planes of the grid.
    """
    check_same_space(regions, like)
    check_no_time(like)
    matrix = like.grid_to_space.matrix
    in_plane = matrix[-3:, -3:]
    tilted = matrix.shape[0] == 4 and np.abs(matrix[1:3, 0]).max() > 1e-9
    if regions.axes != "yx" or like.grid_to_space.output_axes[-2:] != "yx" or tilted:
        raise WrongInput(
            f"{regions.name} is drawn in {regions.axes} and does not lie in the "
            f"planes of {like.name}",
            "regions drawn in the planes of the image",
        )
    back = np.linalg.inv(in_plane)
    areas = [
        [
            ring @ back[:2, :2].T + back[:2, 2]
            for ring in (polygon, *regions.holes_of(i))
        ]
        for i, polygon in enumerate(regions.polygons)
    ]
    return _lazy(_Filled(areas, like.spatial_shape), like.spatial_shape, "regions")


def same_grid(a: Raster, b: Raster) -> bool:
    """Whether the pixel centres of two rasters of one space are the same."""
    if a.spatial_shape != b.spatial_shape or a.spatial_axes != b.spatial_axes:
        return False
    smallest = min(a.spacing.values())
    ends = np.array([np.zeros(len(a.spatial_shape)), np.array(a.spatial_shape) - 1])
    corners = np.array(list(itertools.product(*ends.T)))
    gap = a.grid_to_space.apply(corners) - b.grid_to_space.apply(corners)
    return bool(np.abs(gap).max() <= 1e-3 * smallest)


def check_same_space(item: Raster | Regions, like: Raster) -> None:
    """Raise :class:`WrongInput` when two objects lie in different spaces."""
    if item.space != like.space:
        raise WrongInput(
            f"{item.name} lies in the space {item.space!r} and {like.name} in "
            f"{like.space!r}",
            "objects in one space",
            "align the two first",
        )


def check_no_time(raster: Raster) -> None:
    """Raise :class:`WrongInput` for a series in time or a colour picture."""
    if "t" in raster.axes:
        raise WrongInput(
            f"{raster.name} is a series in time", "one frame", "choose a frame first"
        )
    if raster.data.ndim != len(raster.axes):
        raise WrongInput(
            f"{raster.name} is a colour picture",
            "one measured value in each pixel",
            "take one channel or a stain of it first",
        )


def index_map(like: Raster, raster: Raster) -> NDArray[np.float64]:
    """Return the homogeneous matrix from indices of ``like`` to those of ``raster``."""
    return like.grid_to_space.then(raster.grid_to_space.inverse()).matrix


def nearest_pixel(
    slices: Slices, matrix: NDArray[np.float64], shape: Sequence[int]
) -> NDArray[np.int64]:
    """Return in which pixel of another grid each pixel centre of a crop lies.

    Parameters
    ----------
    slices
        The crop, by axis.
    matrix
        From indices of the crop's grid to those of the other, as by
        :func:`index_map`.
    shape
        Shape of the other grid.

    Returns
    -------
    array of int
        Of the crop's shape: flat index into the other grid, or -1 outside it.
    """
    flat = np.zeros(tuple(part.stop - part.start for part in slices), np.int64)
    inside = np.ones(flat.shape, bool)
    for coordinate, length in zip(_coordinates(slices, matrix), shape, strict=True):
        index = _round(coordinate)
        inside &= (index >= 0) & (index < length)
        flat = flat * int(length) + index
    return np.where(inside, flat, -1)


def _float_for(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.result_type(dtype, np.float32)


def _lazy(
    view: Any,
    shape: tuple[int, ...],
    name: str,
    chunks: tuple[int, ...] | None = None,
) -> da.Array:
    # A name of its own keeps dask from hashing all that the view holds.
    return da.from_array(
        view,
        chunks=chunks or block_shape_for(shape),
        name=f"{name}-{uuid.uuid4().hex}",
        asarray=False,
        fancy=False,
        meta=np.empty((0,) * len(shape), view.dtype),
    )


class _View:
    """Something array-like whose values are computed when they are asked for."""

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype)
        self.ndim = len(self.shape)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        keys += (slice(None),) * (self.ndim - len(keys))
        crop: list[slice] = []
        rest: list[Any] = []
        for part, length in zip(keys, self.shape, strict=True):
            if isinstance(part, slice):
                start, stop, step = part.indices(length)
                if step < 0:
                    raise WrongInput("an image is read with a negative step")
                crop.append(slice(start, max(start, stop)))
                rest.append(slice(None, None, step))
            else:
                place = int(part) % length
                crop.append(slice(place, place + 1))
                rest.append(0)
        return self.crop(tuple(crop))[tuple(rest)]

    def crop(self, slices: Slices) -> NDArray[Any]:
        raise NotImplementedError


class _Resampled(_View):
    def __init__(
        self,
        source: da.Array,
        matrix: NDArray[np.float64],
        shape: Sequence[int],
        dtype: Any,
        order: int,
    ) -> None:
        super().__init__(shape, dtype)
        self.source = source
        self.matrix = matrix
        self.order = order

    def crop(self, slices: Slices) -> NDArray[Any]:
        fill = np.nan if np.issubdtype(self.dtype, np.floating) else 0
        out = np.full([s.stop - s.start for s in slices], fill, self.dtype)
        needed = self._needed(slices)
        if needed is None:
            return out
        part = self.source[needed].compute(scheduler="synchronous")
        origin = [s.start for s in needed]
        coordinates = _coordinates(slices, self.matrix)
        rule = _nearest if self.order == 0 else _linear
        values, inside = rule(part, coordinates, origin, self.source.shape)
        np.copyto(out, values, where=inside, casting="unsafe")
        return out

    def _needed(self, slices: Slices) -> Slices | None:
        """Return the part of the source under a crop, or ``None`` outside it."""
        ends = [(s.start, s.stop - 1) for s in slices]
        if any(high < low for low, high in ends):
            return None
        corners = np.array(list(itertools.product(*ends)), np.float64)
        mapped = corners @ self.matrix[:-1, :-1].T + self.matrix[:-1, -1]
        needed = []
        for axis, length in enumerate(self.source.shape):
            low = max(int(np.floor(mapped[:, axis].min())) - 1, 0)
            high = min(int(np.ceil(mapped[:, axis].max())) + 2, int(length))
            if high <= low:
                return None
            needed.append(slice(low, high))
        return tuple(needed)


class _Filled(_View):
    def __init__(
        self, areas: list[list[NDArray[np.float64]]], shape: Sequence[int]
    ) -> None:
        super().__init__(shape, np.bool_)
        self.areas = areas

    def crop(self, slices: Slices) -> NDArray[np.bool_]:
        rows, columns = slices[-2:]
        plane = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
        for outer, *holes in self.areas:
            inside = _fill(outer, rows, columns)
            for hole in holes:
                inside &= ~_fill(hole, rows, columns)
            plane |= inside
        shape = [s.stop - s.start for s in slices]
        return np.broadcast_to(plane, shape).copy()


def _coordinates(
    slices: Slices, matrix: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Return for each source axis the coordinate of every pixel of a crop.

    Each is built from the index on the whole grid by the same operations in the
    same order. Axes that do not matter have length one.
    """
    grids = np.ogrid[slices]
    found = []
    for row in matrix[:-1]:
        coordinate = np.full((1,) * len(slices), row[-1])
        for factor, grid in zip(row[:-1], grids, strict=True):
            if factor != 0.0:
                coordinate = coordinate + factor * grid
        found.append(coordinate)
    return found


def _round(coordinate: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(coordinate + (0.5 + _NUDGE)).astype(np.int64)


def _inside(
    coordinates: list[NDArray[np.float64]], shape: Sequence[int]
) -> NDArray[np.bool_]:
    inside = np.ones((1,) * len(shape), bool)
    for coordinate, length in zip(coordinates, shape, strict=True):
        index = _round(coordinate)
        inside = inside & (index >= 0) & (index < length)
    return inside


def _nearest(
    part: NDArray[Any],
    coordinates: list[NDArray[np.float64]],
    origin: list[int],
    shape: Sequence[int],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    index = tuple(
        np.clip(_round(c) - start, 0, n - 1)
        for c, start, n in zip(coordinates, origin, part.shape, strict=True)
    )
    return part[index], _inside(coordinates, shape)


def _linear(
    part: NDArray[Any],
    coordinates: list[NDArray[np.float64]],
    origin: list[int],
    shape: Sequence[int],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    lower, share = [], []
    for coordinate, length in zip(coordinates, shape, strict=True):
        clipped = np.clip(coordinate, 0, length - 1)
        low = np.floor(clipped)
        lower.append(low.astype(np.int64))
        share.append(clipped - low)
    total: NDArray[np.float64] = np.zeros((1,) * len(shape))
    for corner in itertools.product((0, 1), repeat=len(shape)):
        weight: NDArray[np.float64] = np.ones((1,) * len(shape))
        index = []
        for axis, step in enumerate(corner):
            weight = weight * (share[axis] if step else 1.0 - share[axis])
            place = lower[axis] + step - origin[axis]
            index.append(np.clip(place, 0, part.shape[axis] - 1))
        # A missing neighbour of weight zero does not make the pixel missing.
        total = total + np.where(weight > 0, weight * part[tuple(index)], 0.0)
    return total, _inside(coordinates, shape)


def _fill(
    polygon: NDArray[np.float64], rows: slice, columns: slice
) -> NDArray[np.bool_]:
    """Return which pixel centres of a crop lie in a polygon of grid coordinates."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    start, end = polygon, np.roll(polygon, -1, axis=0)
    low = np.minimum(start[:, 0], end[:, 0])
    high = np.maximum(start[:, 0], end[:, 0])
    # An edge crosses the rows from its lower end, included, to its upper one.
    first = np.clip(np.ceil(low), rows.start, rows.stop).astype(np.int64)
    last = np.clip(np.ceil(high), rows.start, rows.stop).astype(np.int64)
    count = last - first
    edge = np.repeat(np.arange(len(polygon)), count)
    if edge.size == 0:
        return np.zeros((height, width), bool)
    row = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count)
    row = row + first[edge]
    (y0, x0), (y1, x1) = start[edge].T, end[edge].T
    crossing = x0 + (row - y0) / (y1 - y0) * (x1 - x0)
    beyond = np.clip(np.ceil(crossing), columns.start, columns.stop) - columns.start
    flat = (row - rows.start) * (width + 1) + beyond.astype(np.int64)
    crossings = np.bincount(flat, minlength=height * (width + 1))
    crossings = crossings.reshape(height, width + 1)[:, ::-1]
    to_the_right = np.cumsum(crossings, axis=1)[:, ::-1]
    return to_the_right[:, 1:] % 2 == 1
