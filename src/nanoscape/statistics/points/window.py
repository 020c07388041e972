"""Where points could have been found: a window of pixels, of any shape, with holes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.blocks import read_crop
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Labels, Points, Regions
from nanoscape.model.transform import Affine
from nanoscape.statistics.areas import masks_of
from nanoscape.statistics.zones import present, zone_numbers, zones_of

Floats = NDArray[np.float64]

LARGEST_WINDOW = 2**24
"""Pixels of a window; a finer grid is looked at in coarser steps."""

_SIDE_OF_DRAWN = 1024
_RIGHT_ANGLE = 1e-6


@dataclass(frozen=True, eq=False)
class Window:
    """A union of pixels.

    Coordinates inside are in µm along the axes of the grid, from the outer corner of
    the first pixel.

    Attributes
    ----------
    name
        What the area is called.
    mask
        Pixels that belong to it, cut to where there are any.
    spacing
        Sides of a pixel in µm, by axis.
    """

    name: str
    mask: NDArray[np.bool_]
    spacing: tuple[float, ...]

    @property
    def sides(self) -> Floats:
        """Sides of the bounding box in µm, by axis."""
        return np.array(self.mask.shape) * np.array(self.spacing)

    @property
    def size(self) -> float:
        """Area in µm² or volume in µm³."""
        return float(self.mask.sum()) * math.prod(self.spacing)

    @property
    def is_box(self) -> bool:
        """Whether it fills its bounding box."""
        return bool(self.mask.all())

    def holds(self, places: Floats) -> NDArray[np.bool_]:
        """Return which places lie in the window."""
        index, inside = self.pixels(places)
        found = np.zeros(len(places), bool)
        found[inside] = self.mask[tuple(index[inside].T)]
        return found

    def pixels(self, places: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return in which pixel places lie, and whether the grid reaches there."""
        scaled = places / np.array(self.spacing)
        shape = np.array(self.mask.shape)
        index = np.floor(scaled).astype(np.int64)
        # The far border of the grid belongs to its last pixel.
        index[np.abs(scaled - shape) < 1e-9] -= 1
        return index, ((index >= 0) & (index < shape)).all(axis=1)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Points in one window, in its own coordinates.

    Attributes
    ----------
    window
        Where points could have been found.
    places
        Points in it, shape ``(n, axes)`` in µm.
    kept
        Index of each of them among all points.
    """

    window: Window
    places: Floats
    kept: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of an area, and the way into them from the space of the points."""

    windows: tuple[Window, ...]
    origins: tuple[Floats, ...]
    grid: Labels

    def patterns(self, points: Points) -> list[Pattern]:
        """Return the points of each window."""
        check_together(points, self.grid)
        index = self.grid.grid_to_space.inverse().apply(points.coordinates)
        found = []
        for window, origin in zip(self.windows, self.origins, strict=True):
            places = (index - origin + 0.5) * np.array(window.spacing)
            kept = np.flatnonzero(window.holds(places))
            found.append(Pattern(window, places[kept], kept))
        return found

    def place_of(self, number: int) -> Affine:
        """Return how pixels of one window lie in the space of the points."""
        axes = self.grid.spatial_axes
        shift = Affine.from_spacing(axes, 1.0, self.origins[number].tolist())
        return shift.then(self.grid.grid_to_space)


def windows_of(
    area: Labels | Regions, exclude: Sequence[Labels | Regions] | None
) -> Windows:
    """Return each label, or all regions of one name, as a window.

    Raises
    ------
    CannotCompute
        If nothing of the area is left.
    WrongInput
        If its axes are not at right angles.
    """
    grid = _grid_of(area)
    spacing = tuple(grid.spacing.values())
    directions = grid.grid_to_space.linear / np.array(spacing)
    if np.abs(directions.T @ directions - np.eye(len(spacing))).max() > _RIGHT_ANGLE:
        raise WrongInput(
            f"the axes of {area.name} are not at right angles",
            "a grid that is not sheared",
        )
    excluded = masks_of(exclude, grid)
    whole = tuple(slice(0, n) for n in grid.spatial_shape)
    windows, origins = [], []
    for zones in zones_of(grid, area):
        assert zones.numbers is not None
        masks = [read_crop(mask, whole) for mask in (zones.numbers, *excluded)]
        numbers = zone_numbers(grid.spatial_shape, masks, True)
        for number in present(numbers):
            mask = numbers == number
            box = _bounds(mask)
            windows.append(Window(zones.name(int(number)), mask[box].copy(), spacing))
            origins.append(np.array([part.start for part in box], np.float64))
    if not windows:
        raise CannotCompute(
            f"nothing of {area.name} is left",
            "an area in which points could lie",
            "check that it is drawn, and not excluded as a whole",
        )
    return Windows(tuple(windows), tuple(origins), grid)


def too_few(first: Floats, second: Floats | None) -> str:
    """Return why there are no pairs of points, or nothing."""
    if second is None:
        return "fewer than two points" if len(first) < 2 else ""
    both = len(first) > 0 and len(second) > 0
    return "" if both else "fewer than one point of each kind"


def check_together(points: Points, area: Labels | Regions) -> None:
    """Refuse points and an area of different spaces or dimensions."""
    axes = area.spatial_axes if isinstance(area, Labels) else area.axes
    if points.space != area.space:
        raise WrongInput(
            f"{points.name} lie in the space {points.space!r} and {area.name} in "
            f"{area.space!r}",
            "objects in one space",
            "align the two first",
        )
    if points.axes != axes:
        raise WrongInput(
            f"{points.name} have the axes {points.axes} and {area.name} has {axes}",
            "points and area of as many dimensions",
            "give labels of the volume for points in space",
        )


def _grid_of(area: Labels | Regions) -> Labels:
    """Return the grid on which an area is looked at."""
    if isinstance(area, Labels):
        shape, place = area.spatial_shape, area.grid_to_space
        axes = area.spatial_axes
        factor = 1
        while math.prod(-(-n // factor) for n in shape) > LARGEST_WINDOW:
            factor += 1
        if factor == 1:
            return area
        middle = [(factor - 1) / 2] * len(shape)
        place = Affine.from_spacing(axes, float(factor), middle).then(place)
        shape = tuple(-(-n // factor) for n in shape)
        return _empty(shape, axes, place, area.space, area.name)
    corners = np.concatenate(area.polygons) if area.polygons else np.zeros((1, 2))
    low, high = corners.min(axis=0), corners.max(axis=0)
    step = float(max((high - low).max(), 1e-9)) / _SIDE_OF_DRAWN
    shape = tuple(int(n) for n in np.maximum(np.ceil((high - low) / step - 1e-9), 1))
    place = Affine.from_spacing(area.axes, step, (low + step / 2).tolist())
    return _empty(shape, area.axes, place, area.space, area.name)


def _empty(
    shape: tuple[int, ...], axes: str, place: Affine, space: str, name: str
) -> Labels:
    data = da.zeros(shape, dtype=bool, chunks=shape)
    return Labels.from_array(data, axes, grid_to_space=place, space=space, name=name)


def _bounds(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    box = []
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        found = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(found[0]), int(found[-1]) + 1))
    return tuple(box)
