"""Our own extension of a NIfTI header: what NIfTI has no words for.

It is our block (:mod:`nanoscape.io.own_block`) as JSON, in a comment extension, which
other programs leave alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Extension

from nanoscape.io.build import Stack
from nanoscape.io.damage import DAMAGE
from nanoscape.io.opening import Options, Readable, calibration_tags, with_pixel_size
from nanoscape.io.own_block import block_of, plain, restore, usable
from nanoscape.model import Affine, Image, Labels

_NAMESPACE = "napari-nanoscape"
_COMMENT = 6
# Numbers of the header have 24 bits.
_PRECISION = 1e-6
_SHIFT = 1e-3


def extension_of(item: Image | Labels) -> Nifti1Extension:
    """Return the extension for an object that is written."""
    text = json.dumps({_NAMESPACE: block_of(item)}, default=plain)
    return Nifti1Extension(_COMMENT, text.encode())


def described(item: Image | Labels) -> bytes:
    """Return what stands in the header's description: a text of 79 bytes."""
    text = str(item.quantity) if isinstance(item, Image) else ""
    return text.encode("ascii", "replace")[:79]


def restored(header: Any, image: Image, path: Path, options: Options) -> Readable:
    """Return the object that was written, or the image as other programs see it.

    Parameters
    ----------
    header
        Header of the file, with its extensions.
    image
        What the header alone says.
    path
        The file, for messages.
    options
        What the caller gave.
    """
    block = _block_in(header)
    if block is None:
        return image
    stack = Stack(
        arrays=[image.data],
        axes=image.axes + "s" * image.rgb,
        name=image.name,
        space=image.space,
        tags=calibration_tags(options),
    )
    try:
        fits = _is_unchanged(image, block, options)
        fits = fits and usable(block, image.grid_to_space, options)
        found = restore(stack, block, path, options) if fits else None
        if isinstance(found, Image | Labels) and described(found) == _description(
            header
        ):
            return found
    except DAMAGE:
        pass
    options.warn(
        "the image was changed by another program; the tags it was written with "
        "are not used"
    )
    return image


def _block_in(header: Any) -> Mapping[str, Any] | None:
    for extension in header.extensions:
        if extension.get_code() != _COMMENT:
            continue
        try:
            content = extension.get_content()
            own = json.loads(content)
            block = own[_NAMESPACE]
        except (*DAMAGE, UnicodeError):
            continue
        return block if isinstance(block, Mapping) else None
    return None


def _description(header: Any) -> bytes:
    return bytes(header["descrip"].item()).rstrip(b"\0")


def _is_unchanged(image: Image, block: Mapping[str, Any], options: Options) -> bool:
    """Tell whether size and place are those that were written."""
    if list(image.shape[: len(image.axes)]) != block["shape"]:
        return False
    own = with_pixel_size(Affine.from_dict(block["grid_to_space"]), options.pixel_size)
    here, there = image.grid_to_space.matrix, own.matrix
    spacing = np.linalg.norm(there[:3, :3], axis=0)
    turned = np.abs(here - there)[:3, :3] <= _PRECISION * spacing.max()
    far = _SHIFT * spacing.min() + _PRECISION * np.abs(there[:3, 3])
    return bool(turned.all() and (np.abs(here - there)[:3, 3] <= far).all())
