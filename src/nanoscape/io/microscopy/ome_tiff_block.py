"""Our own annotation in an OME-TIFF: what OME has no words for.

It is our block (:mod:`nanoscape.io.own_block`) as JSON,
in a CommentAnnotation under a namespace of its own, which other programs leave alone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from nanoscape.io.build import Stack, without_single
from nanoscape.io.damage import DAMAGE, local_name
from nanoscape.io.opening import Options, Readable
from nanoscape.io.own_block import block_of, plain, restore, usable
from nanoscape.model import Affine, Image, ImageGroup, Labels

_NAMESPACE = "napari-nanoscape"


def annotation_of(item: Image | ImageGroup | Labels) -> dict[str, str]:
    """Return the annotation for an object that is written, as tifffile takes it."""
    return {
        "Namespace": _NAMESPACE,
        "Value": json.dumps(block_of(item), default=plain),
    }


def block_in(root: ElementTree.Element) -> Mapping[str, Any] | None:
    """Return the block of an OME-XML, ``None`` where there is none."""
    for annotation in root.iter():
        if (
            local_name(annotation.tag) != "CommentAnnotation"
            or annotation.get("Namespace") != _NAMESPACE
        ):
            continue
        text = next((e.text for e in annotation if local_name(e.tag) == "Value"), None)
        try:
            block = json.loads(text or "")
        except DAMAGE:
            return None
        return block if isinstance(block, Mapping) else None
    return None


def restored(
    stack: Stack,
    block: Mapping[str, Any],
    spacing: Mapping[str, float],
    path: Path,
    options: Options,
) -> Readable | None:
    """Return the object that was written, ``None`` when the file was changed since.

    Parameters
    ----------
    stack
        The samples with all axes of the file, and the names of its channels.
    block
        What :func:`block_in` returned.
    spacing
        Distance of pixel centres in µm, by axis.
    path
        The file, for messages.
    options
        What the caller gave.
    """
    try:
        arranged = _arranged(stack, block)
    except DAMAGE:
        arranged = None
    if arranged is None:
        options.warn(
            "the image was changed by another program; the tags it was written with "
            "are not used"
        )
        return None
    spatial = [axis for axis in "zyx" if axis in arranged.axes]
    affine = Affine.from_spacing("".join(spatial), {a: spacing[a] for a in spatial})
    if not usable(block, affine, options):
        return None
    return restore(arranged, block, path, options)


def _arranged(stack: Stack, block: Mapping[str, Any]) -> Stack | None:
    """Return a stack with the axes that were written, ``None`` if it is another."""
    axes, shape = str(block["axes"]), [int(n) for n in block["shape"]]
    members = [str(member["name"]) for member in block["members"]]
    group = block["kind"] == "group"
    sizes = dict(zip(stack.axes, stack.arrays[0].shape, strict=True))
    if (
        [sizes.get(axis, 1) for axis in axes] != shape
        or (group and not _same(stack.channels, members))
        or (sizes.get("c", 1) != (len(members) if group else 1))
        or stack.arrays[0].dtype != _stored(np.dtype(str(block["dtype"])))
    ):
        return None
    left_over = {*sizes} - {*axes} - {*"cs"}
    if any(sizes[axis] != 1 for axis in left_over):
        return None
    stack = without_single(stack, "".join({*"tzc"} - {*axes} - {*"c" * group}))
    for axis in axes:
        if axis not in stack.axes:
            arrays = [array[np.newaxis] for array in stack.arrays]
            stack = dataclasses.replace(stack, arrays=arrays, axes=axis + stack.axes)
    return stack


def _same(found: Sequence[str], written: Sequence[str]) -> bool:
    return [name.strip() for name in found] == [name.strip() for name in written]


def _stored(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which TIFF holds samples: a mask is stored as 0 and 1."""
    return np.dtype(np.uint8) if dtype == np.bool_ else dtype
