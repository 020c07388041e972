"""Series of frames: their times, a function of every pixel's curve, means in areas."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.blocks import lattice, run_blocks
from nanoscape.compute.executor import current_executor
from nanoscape.compute.resample import onto, rasterise
from nanoscape.compute.scratch import as_dask, new_array
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Regions, Tags
from nanoscape.model.raster import single_level

Floats = NDArray[np.float64]
Area = Labels | Regions

_SAMPLES = 2**20
"""Values that are read for one block: few enough to stop soon when asked to."""


def times_of(series: Image) -> Floats:
    """Return the seconds of each frame.

    Raises
    ------
    CannotCompute
        If the image has no times, or they are negative or do not rise.
    WrongInput
        If it is no series.
    """
    if "t" not in series.axes or series.shape[0] < 2:
        raise WrongInput(
            f"{series.name} is a single frame", "a series of frames in time"
        )
    if series.times is None:
        raise CannotCompute(
            f"{series.name} does not say when its frames were taken",
            "times of its frames in the file",
        )
    return checked_times(series.times, series.name)


def checked_times(times: Sequence[float] | Floats, name: str) -> Floats:
    """Return times as an array, or say what is wrong with them."""
    values = np.asarray(times, np.float64)
    if not np.isfinite(values).all():
        raise CannotCompute(f"{name} has a frame without a time", "seconds of each")
    if values[0] < 0:
        raise CannotCompute(
            f"{name} begins at {values[0]:g} s",
            "times that begin at 0 or later",
            "count the time from the first frame",
        )
    steps = np.diff(values)
    if not (steps > 0).all():
        first = int(np.argmax(steps <= 0))
        raise CannotCompute(
            f"frame {first + 2} of {name} at {values[first + 1]:g} s does not come "
            f"after frame {first + 1} at {values[first]:g} s",
            "times that rise",
        )
    return values


def frame_of(series: Image) -> Image:
    """Return the first frame, for its grid."""
    if "t" not in series.axes:
        return series
    levels = single_level(series.data[0], series.spatial_axes)
    return dataclasses.replace(
        series, levels=levels, axes=series.spatial_axes, times=None
    )


def curves_of(series: Image) -> da.Array:
    """Return the samples with time as the last axis."""
    if series.rgb:
        raise WrongInput(f"{series.name} is a colour picture", "measured values")
    return da.moveaxis(series.data, 0, -1)


def mask_of(area: Area, like: Image) -> da.Array:
    """Return where an area lies on the grid of a frame: not zero inside."""
    return onto(area, like) if isinstance(area, Labels) else rasterise(area, like)


def map_curves(
    function: Callable[..., tuple[Floats, Any]],
    curves: da.Array,
    maps: Sequence[da.Array] = (),
    *,
    width: int,
    area: da.Array | None = None,
    arguments: Sequence[Any] = (),
    task: Task | None = None,
    text: str = "",
) -> tuple[da.Array, list[Any]]:
    """Compute some values of every pixel from its own curve.

    Parameters
    ----------
    function
        Importable; called as ``function(curves, *maps, *arguments)`` with curves of
        shape ``(pixels, frames)`` and one value of each map for each pixel, all in
        double precision and finite. Returns values of shape ``(pixels, width)``,
        each from its own pixel alone, and any summary.
    curves
        Samples with the frames as the last axis.
    maps
        Further images without that axis.
    width
        Number of values for each pixel.
    area
        Where to compute; everywhere by default. Outside, and where a sample is
        missing, the values are NaN.
    arguments, task, text
        As in :func:`nanoscape.compute.map_blocks`.

    Returns
    -------
    values : dask.array.Array
        Shape of the maps and ``width`` as the last axis, float32.
    summaries : list
        One of each block that holds pixels to compute.
    """
    executor = current_executor()
    shape = tuple(int(n) for n in curves.shape[:-1])
    given = executor.block_shape
    cores = given if given and len(given) == len(shape) else _cores(curves.shape)
    target = new_array((*shape, width), np.float32, (*cores, width), executor)
    arrays = [curves, *maps, *([] if area is None else [area])]
    summaries = run_blocks(
        _Curves(function, len(maps), width, area is not None),
        arrays,
        lattice(shape, cores),
        target=target,
        arguments=arguments,
        task=task,
        text=text,
    )
    values = as_dask(target, (*cores, width))
    return values, [summary for summary in summaries if summary is not None]


def mean_curve(
    curves: da.Array, area: da.Array, task: Task | None = None
) -> tuple[Floats, Floats, int]:
    """Return mean and standard deviation of each frame over an area, and its size.

    Sums are taken over a lattice that depends on nothing but the shape. Pixels with
    a missing sample are left out.
    """
    shape = tuple(int(n) for n in curves.shape[:-1])
    blocks = lattice(shape, _cores(curves.shape))
    parts = run_blocks(_sums, [curves, area], blocks, task=task, text="averaging")
    count = int(sum(part[0] for part in parts))
    if not count:
        return np.empty(0), np.empty(0), 0
    mean = np.sum([part[1] for part in parts], axis=0) / count
    square = np.sum([part[2] for part in parts], axis=0) / count
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0)), count


def map_image(
    values: da.Array,
    number: int,
    like: Image,
    name: str,
    quantity: Quantity,
    tags: Tags,
) -> Image:
    """Return one of the values that :func:`map_curves` computed as an image."""
    return Image(
        levels=single_level(values[..., number], like.spatial_axes),
        axes=like.spatial_axes,
        grid_to_space=like.grid_to_space,
        space=like.space,
        name=name,
        quantity=quantity,
        tags=tags,
    )


def kept_tags(image: Image, **derived: Any) -> Tags:
    """Return the tags that stay true of what is computed from an image."""
    dropped = ("role", "units", "scan", "derivation", "derivation_warnings")
    kept = {k: t for k, t in image.tags.tags.items() if k not in dropped}
    return Tags(kept).merged(Tags.of("header", **derived))


def _cores(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of blocks: whole planes, or rows where those are large."""
    *lead, rows, columns, frames = (int(n) for n in shape)
    line = max(columns * frames, 1)
    if rows * line > _SAMPLES:
        return (*(1 for _ in lead), max(1, _SAMPLES // line), columns)
    planes = max(1, _SAMPLES // (rows * line))
    return (*(min(planes, n) for n in lead), rows, columns)


@dataclass(frozen=True)
class _Curves:
    """Calls a function with those pixels of a block that have all samples."""

    function: Callable[..., tuple[Floats, Any]]
    maps: int
    width: int
    masked: bool

    def __call__(self, curves: Any, *others: Any) -> tuple[Any, Any]:
        maps = [np.ravel(m).astype(np.float64) for m in others[: self.maps]]
        rest = others[self.maps :]
        flat = curves.reshape(-1, curves.shape[-1]).astype(np.float64)
        wanted = np.isfinite(flat).all(axis=1)
        for values in maps:
            wanted &= np.isfinite(values)
        if self.masked:
            wanted &= np.ravel(rest[0]) != 0
            rest = rest[1:]
        found = np.full((len(flat), self.width), np.nan, np.float32)
        summary = None
        if wanted.any():
            chosen = np.ascontiguousarray(flat[wanted])
            found[wanted], summary = self.function(
                chosen, *(values[wanted] for values in maps), *rest
            )
        return found.reshape(*curves.shape[:-1], self.width), summary


def _sums(curves: Any, area: Any) -> tuple[None, tuple[int, Floats, Floats]]:
    inside = curves[area != 0].astype(np.float64)
    inside = inside[np.isfinite(inside).all(axis=1)]
    return None, (len(inside), inside.sum(axis=0), (inside**2).sum(axis=0))
