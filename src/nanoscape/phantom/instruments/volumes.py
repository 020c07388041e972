"""What instruments for volumes have in common: rendering tiles, and the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.blocks import Block, lattice, run_blocks
from nanoscape.compute.executor import current_executor
from nanoscape.compute.scratch import ScratchArray, new_array
from nanoscape.phantom.block import TumourBlock, View

FloatArray = NDArray[np.float64]
Step = tuple[int, int, int]
Shape = tuple[int, int, int, int]
TilePhotons = Callable[[TumourBlock, Any, slice, slice], FloatArray]
"""Returns the photons expected in rows and columns of all planes, ``(c, z, y, x)``."""

FIELDS = ("oxygen", "carrier", "encapsulated", "free")
_LUMEN_UM = 1.0


@dataclass(frozen=True, eq=False)
class Map:
    """Something true of a volume.

    Attributes
    ----------
    values
        Shape ``(z, y, x)`` or ``(c, z, y, x)``; the first is that of the first voxel.
    step
        Voxels of the image from one value to the next along ``z y x``.
    """

    values: NDArray[Any]
    step: Step = (1, 1, 1)


def tiles(shape: Shape, side: tuple[int, int]) -> list[Block]:
    """Return the fixed tiles of a volume, each with all channels and planes."""
    return lattice(shape, (*shape[:2], *side))


def render_counts(
    render: Callable[..., tuple[NDArray[np.uint16], None]],
    block: TumourBlock,
    settings: Any,
    shape: Shape,
    side: tuple[int, int],
    task: Task,
) -> NDArray[np.uint16] | ScratchArray:
    """Render a volume tile by tile; ``render`` returns the counts of a tile."""
    chunks = (1, *shape[1:2], *side)
    target = new_array(shape, np.uint16, chunks, current_executor())
    run_blocks(
        render,
        [],
        tiles(shape, side),
        target=target,
        arguments=(block, settings),
        with_block=True,
        task=task,
        text="rendering the volume",
    )
    return target


def expected_photons(
    photons: TilePhotons,
    block: TumourBlock,
    settings: Any,
    shape: Shape,
    side: tuple[int, int],
    step: Step,
    task: Task | None,
) -> FloatArray:
    """Return the photons expected in every n-th voxel, shape ``(c, z, y, x)``.

    The sides of tiles are multiples of the step.
    """
    parts = tiles(shape, side)
    found = run_blocks(
        _every,
        [],
        parts,
        arguments=(photons, block, settings, step),
        with_block=True,
        task=task,
        text="noting what is true of the volume",
    )
    kept = [-(-n // s) for n, s in zip(shape[1:], step, strict=True)]
    whole = np.empty((shape[0], *kept))
    for part, values in zip(parts, found, strict=True):
        rows, columns = part.core[2].start // step[1], part.core[3].start // step[2]
        height, width = values.shape[2:]
        whole[:, :, rows : rows + height, columns : columns + width] = values
    return whole


def _every(
    part: Block, photons: TilePhotons, block: TumourBlock, settings: Any, step: Step
) -> tuple[None, FloatArray]:
    z, y, x = step
    found = photons(block, settings, part.core[2], part.core[3])
    return None, found[:, ::z, ::y, ::x].copy()


def fields_seen(
    block: TumourBlock, view: View, step: Step, names: Sequence[str] = FIELDS
) -> dict[str, Map]:
    """Return fields, distances and tissue at every n-th voxel, by name.

    Distances are µm of the tumour, at most 600. ``segment`` is given for every voxel:
    the number of the vessel segment whose lumen holds its centre, as in the list of
    segments, and 0 outside; ``perfused`` is 1 where blood flows through it.
    """
    tumour = block.tumour
    axes = view.axes(step)
    shape = len(axes[0]), len(axes[1]), len(axes[2])
    places = view.places(axes)
    depth = tumour.shape.depth(places)
    maps: dict[str, NDArray[Any]] = dict(block.values(names, places, depth))
    chosen: tuple[Literal["all", "perfused"], ...] = ("all", "perfused")
    for vessels in chosen:
        maps[f"distance_{vessels}_um"] = tumour.distance(places, vessels)
    maps["tissue"] = tumour.tissue(places, depth)
    found = {name: Map(m.reshape(shape), step) for name, m in maps.items()}
    wall, segment = view.walls(tumour, view.axes(), _LUMEN_UM)
    number = np.where(wall < 0, segment + 1, 0).astype(np.uint16)
    flows = np.append(False, tumour.network.perfused)[number]
    return {
        **found,
        "segment": Map(number),
        "perfused": Map(flows.astype(np.uint8)),
    }


def inside_block(block: TumourBlock, places_um: FloatArray) -> NDArray[np.bool_]:
    """Tell which places ``(n, 3)`` of a tumour's space lie in the block."""
    size = np.array(block.tumour.shape.size_um)
    return np.all((places_um >= 0) & (places_um <= size), axis=1)
