"""Our own block of a file: what its format has no words for.

A full transform, the name of the space, quantities, tags and uneven times stand in
a block that other programs leave alone: among the attributes of an OME-Zarr, in an
annotation of an OME-TIFF, in an extension of a NIfTI header.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, ordered
from nanoscape.io.damage import DAMAGE
from nanoscape.io.opening import Options, with_pixel_size
from nanoscape.model import Affine, Image, ImageGroup, Labels, Quantity, Tags
from nanoscape.model.raster import Raster, pyramid_levels

KEY = "nanoscape"
TABLE = "table.parquet"
_VERSION = 1


def block_of(item: Image | ImageGroup | Labels) -> dict[str, Any]:
    """Return the block for an object that is written."""
    members = item.images if isinstance(item, ImageGroup) else (item,)
    first: Raster = members[0]
    block: dict[str, Any] = {
        "version": _VERSION,
        "kind": item.kind,
        "name": item.name,
        "axes": first.axes,
        "shape": list(first.shape[: len(first.axes)]),
        "tags": item.tags.to_dict(),
        "grid_to_space": first.grid_to_space.to_dict(),
        "space": first.space,
        "factors": [list(level.factors) for level in first.levels],
        "times": None if first.times is None else list(first.times),
        "dtype": first.dtype.name,
        "members": [_member(image) for image in members if isinstance(image, Image)],
    }
    if isinstance(item, ImageGroup):
        block["coordinate"] = item.coordinate
    return block


def usable(block: Any, affine: Affine, options: Options) -> bool:
    """Tell whether a block is one of ours and still fits its file.

    A program that rescaled the image changed the scale and left the block.
    """
    if not isinstance(block, Mapping) or block.get("version") != _VERSION:
        return False
    try:
        own = with_pixel_size(
            Affine.from_dict(block["grid_to_space"]), options.pixel_size
        )
    except DAMAGE:
        return False
    fits = own.input_axes == affine.input_axes and np.allclose(
        list(own.spacing.values()), list(affine.spacing.values()), rtol=1e-6
    )
    if not fits:
        options.warn("the image was rescaled by another program; its tags are not used")
    return bool(fits)


def restore(
    stack: Stack,
    block: Mapping[str, Any],
    path: Path,
    options: Options,
) -> Image | ImageGroup | Labels:
    """Return the object that was written, over the arrays of a stack."""
    try:
        own = Affine.from_dict(block["grid_to_space"])
        place = with_pixel_size(own, options.pixel_size)
        tags = Tags.from_dict(block["tags"])
        shared: dict[str, Any] = {
            "grid_to_space": place,
            "space": str(block["space"]),
            "times": None if block["times"] is None else tuple(block["times"]),
        }
        if block["kind"] == "labels":
            return _labels(stack, block, shared, tags.merged(stack.tags), path)
        images = [
            _image(stack, number, member, block, shared)
            for number, member in enumerate(block["members"])
        ]
        if block["kind"] == "image":
            return images[0]
        return ImageGroup(
            images=tuple(images),
            coordinate=str(block["coordinate"]),
            name=str(block["name"]),
            tags=tags.merged(stack.tags),
        )
    except DAMAGE as error:
        raise UnreadableFile(
            f"the metadata of {path} are damaged ({type(error).__name__}: {error})"
        ) from error


def _member(image: Image) -> dict[str, Any]:
    return {
        "name": image.name,
        "quantity": {"name": image.quantity.name, "unit": image.quantity.unit},
        "rgb": image.rgb,
        "dtype": image.dtype.name,
        "tags": image.tags.to_dict(),
    }


def _image(
    stack: Stack,
    number: int,
    member: Mapping[str, Any],
    block: Mapping[str, Any],
    shared: Mapping[str, Any],
) -> Image:
    rgb = bool(member["rgb"])
    if rgb:
        stack = dataclasses.replace(stack, axes=stack.axes.replace("c", "s"))
    stack = ordered(stack)
    arrays = list(stack.arrays)
    axes = stack.axes.rstrip("s")
    if axes.startswith("c"):
        arrays = [array[number] for array in arrays]
        axes = axes[1:]
    if "dtype" in member:
        # Images of a group share an array, and so the widest of their types.
        arrays = [array.astype(np.dtype(str(member["dtype"]))) for array in arrays]
    return Image(
        levels=_levels(arrays, axes, block),
        axes=axes,
        name=str(member["name"]),
        quantity=Quantity(**member["quantity"]),
        tags=Tags.from_dict(member["tags"]).merged(stack.tags),
        rgb=rgb,
        **shared,
    )


def _labels(
    stack: Stack,
    block: Mapping[str, Any],
    shared: Mapping[str, Any],
    tags: Tags,
    path: Path,
) -> Labels:
    dtype = np.dtype(str(block["dtype"]))
    arrays = [array.astype(dtype) for array in stack.arrays]
    table = path / TABLE
    return Labels(
        levels=_levels(arrays, stack.axes, block),
        axes=stack.axes,
        name=str(block["name"]),
        tags=tags,
        table=pd.read_parquet(table) if table.is_file() else None,
        **shared,
    )


def _levels(arrays: list[Any], axes: str, block: Mapping[str, Any]) -> Any:
    levels = pyramid_levels(arrays, axes)
    factors = block["factors"]
    if len(factors) != len(levels):
        return levels
    return tuple(
        dataclasses.replace(level, factors=tuple(float(f) for f in own))
        for level, own in zip(levels, factors, strict=True)
    )


def plain(value: Any) -> Any:
    """Return a tag's value as JSON can carry it."""
    return value.item() if isinstance(value, np.generic) else str(value)
