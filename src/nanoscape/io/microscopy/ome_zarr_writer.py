"""Writing OME-Zarr 0.5, block by block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from nanoscape.compute.blocks import block_shape_for, lattice, run_blocks
from nanoscape.compute.pyramid import with_pyramid
from nanoscape.compute.task import Task
from nanoscape.errors import WrongInput
from nanoscape.io.own_block import KEY, TABLE, block_of, plain
from nanoscape.model import Image, ImageGroup, Labels
from nanoscape.model.raster import Raster

_VERSION = "0.5"
_CHUNK = {1: 2**18, 2: 512, 3: 64}


def write_ome_zarr(item: Image | ImageGroup | Labels, folder: Path, task: Task) -> None:
    """Write an object with its pyramid into a new folder.

    Parameters
    ----------
    item
        Images of one group go into one array with a channel axis.
    folder
        Must not exist yet. The caller removes it when writing fails.
    task
        Progress; the image is never in memory as a whole.
    """
    members = list(item.images) if isinstance(item, ImageGroup) else [item]
    pyramids, writing = task.split(1.0, 3.0)
    rasters: list[Raster] = [
        with_pyramid(member, task=part)
        for member, part in zip(
            members, pyramids.split(*[1.0] * len(members)), strict=True
        )
    ]
    count = min(len(raster.levels) for raster in rasters)
    rasters = [raster.replace(levels=raster.levels[:count]) for raster in rasters]
    group = zarr.open_group(str(folder), mode="w", zarr_format=3)
    weights = [float(level.data.size) for level in rasters[0].levels]
    for level, part in enumerate(writing.split(*weights)):
        _write_level(rasters, isinstance(item, ImageGroup), level, folder, part)
    if isinstance(item, Labels) and item.table is not None:
        item.table.to_parquet(folder / TABLE)
    described: Any = rasters[0]
    if isinstance(item, ImageGroup):
        described = ImageGroup(
            images=tuple(cast(list[Image], rasters)),
            coordinate=item.coordinate,
            name=item.name,
            tags=item.tags,
        )
    block = json.loads(json.dumps(block_of(described), default=plain))
    group.attrs.update({"ome": _ome(item, rasters), KEY: block})


@dataclass(frozen=True)
class _Part:
    """One image's share of an array on disk; takes blocks from any process.

    Attributes
    ----------
    path
        Folder of the array.
    channel
        Index along the channel axis, ``None`` when the array has none.
    lead
        Number of axes before the channel axis.
    rgb
        Whether blocks bring their colours as the last axis.
    """

    path: str
    channel: int | None
    lead: int
    rgb: bool

    def __setitem__(self, core: tuple[slice, ...], values: NDArray[Any]) -> None:
        array = zarr.open_array(self.path, mode="r+")
        place: list[Any] = list(core)
        if self.rgb:
            values = np.moveaxis(values, -1, self.lead)
            place.insert(self.lead, place.pop())
        elif self.channel is not None:
            values = np.expand_dims(values, self.lead)
            place.insert(self.lead, slice(self.channel, self.channel + 1))
        array[tuple(place)] = values


def _write_level(
    rasters: Sequence[Raster], channels: bool, level: int, folder: Path, task: Task
) -> None:
    first = rasters[0]
    data = first.levels[level].data
    rgb = isinstance(first, Image) and first.rgb
    lead = int("t" in first.axes)
    shape = list(data.shape)
    chunks = _chunks(shape[: len(first.axes)], lead)
    if rgb:
        shape.insert(lead, shape.pop())
        chunks.insert(lead, shape[lead])
    elif channels:
        shape.insert(lead, len(rasters))
        chunks.insert(lead, 1)
    path = folder / str(level)
    dtype = np.result_type(*(raster.dtype for raster in rasters))
    if dtype.kind == "f" and any(
        raster.dtype.kind in "iu" and raster.dtype.itemsize == 8 for raster in rasters
    ):
        raise WrongInput(
            f"{first.name} stands beside 64-bit whole numbers, which one array "
            "cannot hold together with others",
            "images of one type",
            "write the images one by one",
        )
    zarr.create_array(
        str(path),
        shape=tuple(shape),
        dtype=np.uint8 if dtype == np.bool_ else dtype,
        chunks=tuple(chunks),
        compressors=zarr.codecs.BloscCodec(cname="zstd", clevel=3),
        dimension_names=list(_names(first, channels)),
        zarr_format=3,
    )
    parts = task.split(*[1.0] * len(rasters))
    for number, (raster, part) in enumerate(zip(rasters, parts, strict=True)):
        values = raster.levels[level].data
        # Frames one by one, as chunks are: blocks that are written at the same time
        # must not share a chunk.
        steps = (1,) * lead + block_shape_for(values.shape[lead : len(first.axes)])
        blocks = lattice(values.shape, steps + values.shape[len(first.axes) :])
        run_blocks(
            _keep,
            [values],
            blocks,
            target=cast(Any, _Part(str(path), number if channels else None, lead, rgb)),
            task=part,
            text="writing",
        )


def _keep(values: NDArray[Any]) -> tuple[NDArray[Any], None]:
    return values, None


def _chunks(shape: Sequence[int], lead: int) -> list[int]:
    """Return chunks that divide the blocks in which the array is written."""
    edge = _CHUNK[len(shape) - lead]
    return [1] * lead + [min(edge, n) for n in shape[lead:]]


def _names(raster: Raster, channels: bool) -> str:
    """Return the axes of the array in the order of OME-Zarr, ``t c z y x``."""
    time = "t" if "t" in raster.axes else ""
    colour = "c" if channels or (isinstance(raster, Image) and raster.rgb) else ""
    return time + colour + raster.spatial_axes


def _ome(item: Image | ImageGroup | Labels, rasters: Sequence[Raster]) -> Any:
    """Return the attributes that OME-Zarr defines."""
    first = rasters[0]
    names = _names(first, isinstance(item, ImageGroup))
    ome: dict[str, Any] = {
        "version": _VERSION,
        "multiscales": [
            {
                "name": item.name,
                "axes": [_axis(name) for name in names],
                "datasets": [
                    {
                        "path": str(level),
                        "coordinateTransformations": _steps(first, names, level),
                    }
                    for level in range(len(first.levels))
                ],
            }
        ],
    }
    if isinstance(item, ImageGroup):
        ome["omero"] = {"channels": [_omero(image) for image in item.images]}
    if isinstance(item, Labels):
        ome["image-label"] = {"version": _VERSION}
    return ome


def _axis(name: str) -> dict[str, str]:
    if name == "c":
        return {"name": "c", "type": "channel"}
    if name == "t":
        return {"name": "t", "type": "time", "unit": "second"}
    return {"name": name, "type": "space", "unit": "micrometer"}


def _steps(raster: Raster, names: str, level: int) -> list[dict[str, Any]]:
    """Return scale and translation of a level; directions are left to our block."""
    place = raster.level_to_space(level)
    spacing = place.spacing
    shift = dict(zip(place.output_axes, place.shift.tolist(), strict=True))
    times = raster.times or (0.0,)
    step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
    spacing["t"], shift["t"] = step or 1.0, times[0]
    return [
        {"type": "scale", "scale": [spacing.get(n, 1.0) for n in names]},
        {"type": "translation", "translation": [shift.get(n, 0.0) for n in names]},
    ]


def _omero(image: Image) -> dict[str, Any]:
    """Return what viewers need to show a channel."""
    low, high = 0.0, 1.0
    if np.issubdtype(image.dtype, np.integer):
        limits = np.iinfo(image.dtype)
        low, high = float(limits.min), float(limits.max)
    window = {"min": low, "max": high, "start": low, "end": high}
    return {"label": image.name, "color": "FFFFFF", "active": True, "window": window}
