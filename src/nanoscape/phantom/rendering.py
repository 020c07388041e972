"""Rendering an image tile by tile into a pyramidal OME-TIFF."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, with_pyramid
from nanoscape.compute.blocks import lattice, run_blocks
from nanoscape.compute.executor import current_executor
from nanoscape.compute.scratch import as_dask, new_array
from nanoscape.model import Image
from nanoscape.phantom.files import write_ome_tiff

TILE = 512
"""Side of the tiles; randomness is drawn for each tile of this fixed lattice."""


def write_rendered(
    path: Path,
    render: Callable[..., tuple[NDArray[np.generic], None]],
    arguments: Sequence[Any],
    *,
    channels: Sequence[str],
    shape: tuple[int, int],
    pixel_um: float,
    identifier: uuid.UUID,
    colour: bool = False,
    task: Task | None = None,
) -> None:
    """Render an image and write it, never holding more than a few tiles.

    Parameters
    ----------
    path
        Target, ending in ``.ome.tif``.
    render
        Called with a block and the arguments; returns ``(channels, h, w)`` and None.
    arguments
        What it needs besides the block.
    channels
        Their names.
    shape
        Height and width.
    pixel_um
        Distance of pixel centres.
    identifier
        Identifier of the file.
    colour
        Whether the three channels are red, green and blue as seen, in 8 bits;
        otherwise they are counts in 16 bits.
    task
        Progress.
    """
    rendering, coarser, writing = (task or Task()).split(6, 2, 2)
    count = len(channels)
    chunks = (1, TILE, TILE)
    dtype = np.uint8 if colour else np.uint16
    target = new_array((count, *shape), dtype, chunks, current_executor())
    run_blocks(
        render,
        [],
        lattice((count, *shape), (count, TILE, TILE)),
        target=target,
        arguments=arguments,
        with_block=True,
        task=rendering,
        text="rendering the slide",
    )
    whole = as_dask(target, chunks)
    parts = coarser.split(*[1.0] * count)
    levels = []
    for channel, part in enumerate(parts):
        image = Image.from_array(whole[channel], "yx", spacing=pixel_um)
        pyramid = with_pyramid(image, task=part)
        levels.append([level.data for level in pyramid.levels])
    write_ome_tiff(
        path,
        levels,
        channels=channels,
        pixel_um=pixel_um,
        identifier=identifier,
        colour=colour,
        task=writing,
    )
