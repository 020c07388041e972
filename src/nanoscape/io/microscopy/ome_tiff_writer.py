"""Writing OME-TIFF with tiles and a pyramid, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import dask.array as da
import numpy as np
import tifffile
from numpy.typing import NDArray

from nanoscape.compute.blocks import read_crop
from nanoscape.compute.pyramid import with_pyramid
from nanoscape.compute.task import Task
from nanoscape.errors import WrongInput
from nanoscape.io.microscopy.ome_tiff_block import annotation_of
from nanoscape.model import Image, ImageGroup, Labels
from nanoscape.model.raster import Raster

_TILE = 512
_CLASSIC_LIMIT = 2**31


def write_ome_tiff(item: Image | ImageGroup | Labels, path: Path, task: Task) -> None:
    """Write pixels, spacing and channel names, and the rest as an annotation.

    Parameters
    ----------
    item
        What is written; a group becomes channels.
    path
        A new file. The caller removes it when writing fails.
    task
        Progress, counted in rows of tiles.

    Raises
    ------
    WrongInput
        If the grid is turned or sheared, which OME-TIFF cannot say.
    """
    members = list(item.images) if isinstance(item, ImageGroup) else [item]
    if not members[0].grid_to_space.is_axis_aligned:
        raise WrongInput(
            f"{item.name} lies turned in its space, which OME-TIFF cannot keep",
            todo="write .ome.zarr",
        )
    if len({member.dtype for member in members}) > 1:
        raise WrongInput(
            f"the images of {item.name} have different number types",
            "one type in an OME-TIFF",
            "write .ome.zarr",
        )
    pyramids, writing = task.split(1.0, 3.0)
    rasters: list[Raster] = [
        with_pyramid(member, task=part)
        for member, part in zip(
            members, pyramids.split(*[1.0] * len(members)), strict=True
        )
    ]
    first = rasters[0]
    rgb = isinstance(first, Image) and first.rgb
    names = [image.name for image in rasters]
    metadata = _metadata(first, names, isinstance(item, ImageGroup), rgb)
    metadata["CommentAnnotation"] = annotation_of(_described(item, rasters))
    stacks = [
        [raster.levels[level].data for raster in rasters]
        for level in range(min(len(raster.levels) for raster in rasters))
    ]
    size = sum(array.nbytes for stack in stacks for array in stack)
    with tifffile.TiffWriter(path, bigtiff=size > _CLASSIC_LIMIT, ome=True) as file:
        parts = writing.split(*(float(stack[0].size) for stack in stacks))
        for level, (stack, part) in enumerate(zip(stacks, parts, strict=True)):
            shape = stack[0].shape
            if isinstance(item, ImageGroup):
                lead = int("t" in first.axes)
                shape = (*shape[:lead], len(stack), *shape[lead:])
            file.write(
                _tiles(stack, "t" in first.axes, rgb, part),
                shape=shape,
                dtype=_stored(first.dtype),
                tile=(_TILE, _TILE),
                photometric="rgb" if rgb else "minisblack",
                compression="zlib",
                predictor=first.dtype.kind in "iu",
                subifds=len(stacks) - 1 if level == 0 else None,
                subfiletype=int(level > 0),
                metadata=metadata if level == 0 else None,
            )


def _described(
    item: Image | ImageGroup | Labels, rasters: list[Raster]
) -> Image | ImageGroup | Labels:
    """Return the object with the pyramids that are written."""
    if isinstance(item, ImageGroup):
        return ImageGroup(
            images=tuple(cast(list[Image], rasters)),
            coordinate=item.coordinate,
            name=item.name,
            tags=item.tags,
        )
    return cast(Image | Labels, rasters[0])


def _metadata(
    raster: Raster, names: list[str], channels: bool, rgb: bool
) -> dict[str, Any]:
    axes = raster.axes.upper()
    if channels:
        axes = axes.replace("T", "TC") if "T" in axes else f"C{axes}"
    metadata: dict[str, Any] = {"axes": axes + ("S" if rgb else "")}
    for axis, length in raster.spacing.items():
        metadata[f"PhysicalSize{axis.upper()}"] = length
        metadata[f"PhysicalSize{axis.upper()}Unit"] = "µm"
    if raster.times is not None and len(raster.times) > 1:
        steps = np.diff(raster.times)
        metadata["TimeIncrement"] = float(steps.mean())
        metadata["TimeIncrementUnit"] = "s"
        # For each plane, because frames need not follow at even times.
        depth = raster.spatial_shape[0] if "z" in raster.axes else 1
        planes = len(names if channels else names[:1]) * depth
        moments = [time for time in raster.times for _ in range(planes)]
        metadata["Plane"] = {
            "DeltaT": moments,
            "DeltaTUnit": ["s"] * len(moments),
        }
    metadata["Channel"] = {"Name": names if channels else names[:1]}
    return metadata


def _stored(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.uint8) if dtype == np.bool_ else dtype


def _tiles(
    stack: list[da.Array], time: bool, rgb: bool, task: Task
) -> Iterator[NDArray[Any]]:
    """Yield all tiles of a level in the order of the file, reading row by row."""
    shape = stack[0].shape
    y, x = (shape[-3:-1]) if rgb else shape[-2:]
    inner = shape[1:] if time else shape
    lead = inner[: len(inner) - 2 - rgb]
    frames = shape[0] if time else 1
    done, total = 0, frames * len(stack) * int(np.prod(lead)) * -(-y // _TILE)
    for frame in range(frames):
        for array in stack:
            for plane in np.ndindex(*lead):
                index = ((frame,) if time else ()) + plane
                for top in range(0, y, _TILE):
                    task.step(done, total, "writing")
                    done += 1
                    rows = slice(top, min(top + _TILE, y))
                    crop = read_crop(array, (*map(_one, index), rows))
                    strip = crop.reshape(crop.shape[len(index) :])
                    for left in range(0, x, _TILE):
                        yield _padded(strip[:, left : left + _TILE])


def _one(index: int) -> slice:
    return slice(index, index + 1)


def _padded(tile: NDArray[Any]) -> NDArray[Any]:
    padding = [(0, _TILE - n) for n in tile.shape[:2]] + [(0, 0)] * (tile.ndim - 2)
    return np.ascontiguousarray(np.pad(tile, padding).astype(_stored(tile.dtype)))
