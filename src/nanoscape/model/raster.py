"""What images and labels have in common: a grid with a place in the world."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import dask.array as da
import numpy as np

from nanoscape.errors import WrongInput
from nanoscape.model.tags import Tags
from nanoscape.model.transform import SPATIAL_AXES, Affine

AXES = "tzyx"


@dataclass(frozen=True, eq=False)
class Level:
    """One resolution of a raster.

    Attributes
    ----------
    data
        The samples, lazily.
    factors
        Size of one pixel in pixels of the finest level, by spatial axis.
    """

    data: da.Array
    factors: tuple[float, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Raster:
    """Samples on a grid that knows where it lies.

    Attributes
    ----------
    levels
        Resolutions, the finest first; at least one.
    axes
        Axes of the samples in the order ``tzyx``; colour samples are not an axis.
    grid_to_space
        Maps indices of the finest level's pixel centres to µm.
    space
        Name of the space in which the grid lies.
    name
        What it is, in a few words.
    tags
        What else is known.
    times
        Seconds of each frame, when there is an axis ``t``.
    """

    kind: ClassVar[str]

    levels: tuple[Level, ...]
    axes: str
    grid_to_space: Affine
    space: str
    name: str
    tags: Tags = field(default_factory=Tags)
    times: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.levels:
            raise WrongInput(f"{self.name} has no data")
        order = [AXES.find(axis) for axis in self.axes]
        if -1 in order or order != sorted(set(order)):
            raise WrongInput(
                f"{self.name} has the axes {self.axes!r}", f"some of {AXES!r} in order"
            )
        if self.grid_to_space.input_axes != self.spatial_axes:
            raise WrongInput(
                f"{self.name} has the axes {self.axes!r} and a transform from "
                f"{self.grid_to_space.input_axes!r}"
            )
        wanted = len(self.axes) + self._sample_axes
        for level in self.levels:
            if level.data.ndim != wanted:
                raise WrongInput(
                    f"{self.name} has {level.data.ndim} dimensions for the axes "
                    f"{self.axes!r}"
                )
            if 0 in level.data.shape:
                raise WrongInput(f"{self.name} is empty: its shape is {self.shape}")
        if self.times is not None and len(self.times) != self._length("t"):
            raise WrongInput(f"{self.name} has {len(self.times)} times for its frames")

    @property
    def _sample_axes(self) -> int:
        return 0

    def _length(self, axis: str) -> int:
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def data(self) -> da.Array:
        """Samples of the finest level."""
        return self.levels[0].data

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples."""
        return np.dtype(self.data.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each of the axes on the finest level."""
        return tuple(int(n) for n in self.data.shape[: len(self.axes)])

    @property
    def spatial_axes(self) -> str:
        """The axes without time."""
        return "".join(axis for axis in self.axes if axis in SPATIAL_AXES)

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Length of each spatial axis on the finest level."""
        return self.shape[len(self.axes) - len(self.spatial_axes) :]

    @property
    def spacing(self) -> dict[str, float]:
        """Distance of neighbouring pixel centres in µm, by spatial axis."""
        return self.grid_to_space.spacing

    def level_to_space(self, index: int) -> Affine:
        """Return the map from pixel centres of one level to µm.

        Pixel ``i`` of a level with factor ``f`` lies at ``(i + ½)·f − ½`` on the
        finest level.
        """
        factors = np.asarray(self.levels[index].factors)
        to_finest = Affine.from_linear(
            np.diag(factors), (factors - 1) / 2, self.spatial_axes
        )
        return to_finest.then(self.grid_to_space)

    def level_spacing(self, index: int) -> dict[str, float]:
        """Distance of neighbouring pixel centres on one level in µm, by axis."""
        return self.level_to_space(index).spacing

    def at_level(self, index: int) -> Self:
        """Return the raster as if one level were its finest."""
        if index == 0:
            return self
        base = np.asarray(self.levels[index].factors)
        levels = tuple(
            Level(level.data, tuple((np.asarray(level.factors) / base).tolist()))
            for level in self.levels[index:]
        )
        return dataclasses.replace(
            self, levels=levels, grid_to_space=self.level_to_space(index)
        )

    def cropped(self, ranges: Mapping[str, tuple[int, int]]) -> Self:
        """Return a part of the finest level, which stays where it is.

        Parameters
        ----------
        ranges
            First and last-plus-one index by axis; other axes stay whole.
        """
        bounds = [
            (max(ranges.get(axis, (0, n))[0], 0), min(ranges.get(axis, (0, n))[1], n))
            for axis, n in zip(self.axes, self.shape, strict=True)
        ]
        data = self.data[tuple(slice(start, stop) for start, stop in bounds)]
        origin = [bounds[self.axes.index(axis)][0] for axis in self.spatial_axes]
        shift = Affine.from_spacing(self.spatial_axes, 1.0, origin)
        times = self.times
        if times is not None and "t" in self.axes:
            times = times[slice(*bounds[self.axes.index("t")])]
        return dataclasses.replace(
            self,
            levels=single_level(data, self.spatial_axes),
            grid_to_space=shift.then(self.grid_to_space),
            times=times,
        )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)


def single_level(data: Any, spatial_axes: str) -> tuple[Level, ...]:
    """Return the levels of a raster that has only one resolution."""
    array = data if isinstance(data, da.Array) else da.asarray(data)
    return (Level(array, (1.0,) * len(spatial_axes)),)


def pyramid_levels(arrays: Sequence[da.Array], axes: str) -> tuple[Level, ...]:
    """Return levels whose factors follow from the shapes of the arrays.

    Parameters
    ----------
    arrays
        The same view at several resolutions, in any order.
    axes
        Axes of the arrays; a trailing colour axis is not among them.

    Returns
    -------
    tuple of Level
        The finest first. A factor is the nearest whole number where the shape is
        that of a grid halved by rounding up or down, else the ratio of lengths.
    """
    ordered = sorted(arrays, key=lambda array: -int(np.prod(array.shape)))
    spatial = [i for i, axis in enumerate(axes) if axis in SPATIAL_AXES]
    finest = ordered[0].shape
    levels = []
    for array in ordered:
        factors = tuple(_factor(finest[i], array.shape[i]) for i in spatial)
        levels.append(Level(array, factors))
    return tuple(levels)


def _factor(fine: int, coarse: int) -> float:
    whole = round(fine / coarse)
    if whole * (coarse - 1) < fine < whole * (coarse + 1):
        return float(whole)
    return fine / coarse


def grid_affine(
    spatial_axes: str,
    spacing: Mapping[str, float] | Sequence[float] | float | None,
    grid_to_space: Affine | None,
    name: str,
) -> Affine:
    """Return the grid's place from either of two ways to state it."""
    if (spacing is None) == (grid_to_space is None):
        raise WrongInput(f"{name} needs either a spacing or a transform")
    if grid_to_space is not None:
        return grid_to_space
    assert spacing is not None
    return Affine.from_spacing(spatial_axes, spacing)
