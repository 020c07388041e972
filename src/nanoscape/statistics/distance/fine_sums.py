"""Counting the drug by distance where its pixels are as fine as the vessels'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block, Task
from nanoscape.compute.blocks import block_shape_for, lattice, run_blocks
from nanoscape.statistics.distance.binning import (
    BASES_UM,
    Binning,
    Cells,
    DistanceSums,
    Floats,
    reach_of,
)
from nanoscape.statistics.value_counts import (
    BinnedValues,
    count_values,
    joined_values,
    quartiles_of,
)

_BATCH = 64
_CELL_UM = 5.0
_TILE_UM = 250.0
_TILES_PER_AXIS = 5


@dataclass(frozen=True)
class Plan:
    """What a block needs to know.

    Attributes
    ----------
    binning
        The bins.
    nearest
        Distance in µm below which pixels are left out.
    leave_out
        Whether pixels nearer to the border than to a vessel are left out.
    spacing, shape
        Of the vessels' grid.
    has_tissue
        Whether the first of the masks is the tissue; the others are excluded.
    tile, cell
        Edges in pixels, powers of two.
    shift
        Bits that are cut off the values for the quartiles.
    """

    binning: Binning
    nearest: float
    leave_out: bool
    spacing: tuple[float, ...]
    shape: tuple[int, ...]
    has_tissue: bool
    tile: int = 1
    cell: int = 1
    shift: int = 0


@dataclass(frozen=True, eq=False)
class Zones:
    """The pixels of a block, sorted by what may be said of them."""

    tissue: NDArray[np.bool_]
    open: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    censored: NDArray[np.bool_]
    ended: NDArray[np.int64]
    cut: NDArray[np.int64]


def zones_of(
    block: Block, distance: NDArray[np.float32], masks: Sequence[Any], plan: Plan
) -> Zones:
    """Sort the pixels of a block.

    ``tissue`` is the tissue, ``open`` what is not excluded of it, ``outside`` what
    of that lies outside vessels and ``censored`` what of that is nearer to the
    border of the field than to a vessel. ``ended`` and ``cut`` count pixels with
    known and with censored distance in the fine bins.
    """
    tissue = np.ones(distance.shape, bool)
    excluded = np.zeros(distance.shape, bool)
    for number, mask in enumerate(masks):
        if number == 0 and plan.has_tissue:
            tissue = mask != 0
        else:
            excluded |= mask != 0
    opened = tissue & ~excluded
    outside = opened & (distance > 0)
    border = to_border(block, plan)
    censored = outside & (border < distance) & plan.leave_out
    known = outside & ~censored
    length = plan.binning.fine + 1
    index = plan.binning.index(distance)
    cut_index = plan.binning.index(border)
    ended = np.bincount(index[known], minlength=length)
    cut = np.bincount(cut_index[censored], minlength=length)
    return Zones(tissue, opened, outside, censored, ended, cut)


def to_border(block: Block, plan: Plan) -> NDArray[np.float32]:
    """Return the distance of each pixel to the border of the field in µm."""
    shape = tuple(part.stop - part.start for part in block.core)
    nearest = np.full(shape, np.inf, np.float32)
    for axis, (part, length, step) in enumerate(
        zip(block.core, plan.shape, plan.spacing, strict=True)
    ):
        # A plane on its own has no border above and below.
        if length == 1:
            continue
        index = np.arange(part.start, part.stop)
        along = (np.minimum(index, length - 1 - index) + 0.5) * step
        view = [1] * len(shape)
        view[axis] = len(along)
        np.minimum(nearest, along.reshape(view).astype(np.float32), out=nearest)
    return nearest


def planned(plan_shape: Sequence[int], spacing: Sequence[float]) -> tuple[int, int]:
    """Return the edges of tiles and cells in pixels, for a grid."""
    top = block_shape_for(plan_shape)[-1]
    longest = max(plan_shape)
    pixel = float(np.median(spacing))
    per_axis = 1024 if len(plan_shape) == 2 else 96
    cell = 1
    while cell < top and (cell * pixel < _CELL_UM or longest / cell > per_axis):
        cell *= 2
    wanted = min(_TILE_UM, longest * pixel / _TILES_PER_AXIS)
    tile = cell
    while tile < top and 2 * tile * pixel <= wanted:
        tile *= 2
    return tile, cell


def count_fine(
    distance: da.Array,
    drug: da.Array,
    masks: Sequence[da.Array],
    plan: Plan,
    pixels_per_sample: float,
    task: Task,
) -> DistanceSums:
    """Count the drug by distance, pixel by pixel.

    Parameters
    ----------
    distance, drug, masks
        Lazy arrays on one grid; the drug is NaN where it was not measured.
    plan
        What to count.
    pixels_per_sample
        How many pixels of the grid lie in one pixel of the drug.
    task
        Progress.
    """
    parts, values = _count_blocks([distance, drug, *masks], plan, task)
    b = plan.binning
    pixels = np.sum([part.pixels for part in parts], axis=0)
    first, second, far = (
        np.sum([getattr(part, name) for part in parts], axis=0)
        for name in ("first", "second", "distance")
    )
    tiles = np.concatenate([part.tiles for part in parts])
    tiles = tiles[tiles[:, 0].any(axis=1)] if len(tiles) else tiles
    middle = np.divide(far, pixels, out=np.zeros(b.fine), where=pixels > 0)
    ended, cut = (
        np.sum([getattr(p, n) for p in parts], axis=0) for n in ("ended", "cut")
    )
    n = b.coarsened(pixels)
    return DistanceSums(
        pixels=n,
        samples=np.floor(n / max(pixels_per_sample, 1.0)),
        quartiles=quartiles_of(values, b.count, plan.shift),
        reach=reach_of(ended, cut, b.parts),
        missing=sum(part.missing for part in parts),
        censored=float(cut.sum() / max(1, ended.sum() + cut.sum())),
        moments=_BinnedMoments(middle, tiles),
        cells=_assembled(parts, plan),
        **summarised(n, b.coarsened(first), b.coarsened(second), b.coarsened(far)),
    )


def _count_blocks(
    arrays: Sequence[da.Array], plan: Plan, task: Task
) -> tuple[list[_FinePart], BinnedValues]:
    """Count block by block, joining the values of many blocks as it goes.

    The blocks are the usual ones, whatever the executor's, so that sums agree.
    """
    blocks = lattice(plan.shape, block_shape_for(plan.shape))
    batches = [blocks[i : i + _BATCH] for i in range(0, len(blocks), _BATCH)]
    parts: list[_FinePart] = []
    values = BinnedValues(np.zeros(0, np.int64), np.zeros(0, np.int64))
    for batch, share in zip(batches, task.split(*map(len, batches)), strict=True):
        found = run_blocks(
            _fine_block,
            arrays,
            batch,
            arguments=(plan,),
            with_block=True,
            task=share,
            text="measuring the drug by distance",
        )
        values = joined_values([values, *(of_block for _, of_block in found)])
        parts.extend(part for part, _ in found)
    return parts, values


def summarised(n: Any, first: Any, second: Any, far: Any) -> dict[str, Floats]:
    """Return mean distance, mean and standard deviation from sums, NaN if empty."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = first / n
        spread = np.sqrt(np.maximum(second / n - mean**2, 0.0))
        return {"distance": far / n, "mean": mean, "spread": spread}


@dataclass(frozen=True, eq=False)
class _FinePart:
    pixels: NDArray[np.int64]
    first: Floats
    second: Floats
    distance: Floats
    tiles: Floats
    cells: Floats
    origin: tuple[int, ...]
    ended: NDArray[np.int64]
    cut: NDArray[np.int64]
    missing: int


def _fine_block(
    block: Block, distance: NDArray[np.float32], drug: NDArray[Any], *rest: Any
) -> tuple[None, tuple[_FinePart, BinnedValues]]:
    *masks, plan = rest
    zones = zones_of(block, distance, masks, plan)
    b = plan.binning
    wanted = zones.outside & ~zones.censored
    wanted &= (distance < b.largest) & (distance >= plan.nearest)
    measured = np.isfinite(drug)
    missing = int((wanted & ~measured).sum())
    wanted &= measured
    place = np.nonzero(wanted)
    d, y = distance[wanted].astype(np.float64), drug[wanted].astype(np.float64)
    fine = np.minimum(b.index(distance[wanted]), b.fine - 1)
    tile, tiles_shape = _coarse_index(place, distance.shape, plan.tile)
    number = int(np.prod(tiles_shape))
    joint = tile * b.fine + fine
    by_tile = np.stack(
        [
            weighted(joint, weights, number * b.fine).reshape(number, b.fine)
            for weights in (np.ones(len(y)), y, y * y)
        ],
        axis=1,
    )
    part = _FinePart(
        pixels=np.bincount(fine, minlength=b.fine),
        first=weighted(fine, y, b.fine),
        second=weighted(fine, y * y, b.fine),
        distance=weighted(fine, d, b.fine),
        tiles=by_tile,
        cells=_cells(place, d, y, zones.tissue, plan),
        origin=tuple(part.start // plan.cell for part in block.core),
        ended=zones.ended,
        cut=zones.cut,
        missing=missing,
    )
    return None, (part, count_values(fine // b.parts, y, plan.shift))


def weighted(index: NDArray[np.int64], weights: Floats, length: int) -> Floats:
    """Return sums of weights by index."""
    return np.bincount(index, weights, length).astype(np.float64)


def _coarse_index(
    place: tuple[NDArray[np.int64], ...], shape: Sequence[int], edge: int
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    coarse = tuple(-(-int(n) // edge) for n in shape)
    index = np.zeros(len(place[0]), np.int64)
    for where, length in zip(place, coarse, strict=True):
        index = index * length + where // edge
    return index, coarse


def _cells(
    place: tuple[NDArray[np.int64], ...],
    d: Floats,
    y: Floats,
    tissue: NDArray[np.bool_],
    plan: Plan,
) -> Floats:
    """Return sums of 1, y and the shapes, then tissue and all pixels, by cell."""
    cell, shape = _coarse_index(place, tissue.shape, plan.cell)
    number = int(np.prod(shape))
    inside, _ = _coarse_index(np.nonzero(tissue), tissue.shape, plan.cell)
    every, _ = _coarse_index(np.nonzero(tissue | True), tissue.shape, plan.cell)
    sums = [np.bincount(cell, minlength=number), np.bincount(cell, y, number)]
    sums += [np.bincount(cell, np.exp(-d / base), number) for base in BASES_UM]
    sums += [
        np.bincount(inside, minlength=number),
        np.bincount(every, minlength=number),
    ]
    return np.stack(sums).reshape(len(sums), *shape).astype(np.float64)


def _assembled(parts: Sequence[_FinePart], plan: Plan) -> Cells:
    shape = tuple(-(-n // plan.cell) for n in plan.shape)
    sums = np.zeros((len(BASES_UM) + 4, *shape))
    for part in parts:
        where = tuple(
            slice(start, start + length)
            for start, length in zip(part.origin, part.cells.shape[1:], strict=True)
        )
        sums[(slice(None), *where)] = part.cells
    used = sums[0] >= 0.5 * sums[-1]
    count = np.where(used, sums[0], 1.0)
    return Cells(
        drug=np.where(used, sums[1] / count, 0.0),
        shapes=tuple(np.where(used, s / count, 0.0) for s in sums[2:-2]),
        used=used,
        tissue=sums[-2] > 0.5 * sums[-1],
    )


class _BinnedMoments:
    """Sums over tiles from counts in fine bins; see :data:`Moments`."""

    def __init__(self, middle: Floats, tiles: Floats) -> None:
        self._middle = middle
        self._count, self._first = tiles[:, 0], tiles[:, 1]
        self._squares = tiles[:, 2].sum(axis=1)

    def __call__(self, length: float) -> Floats:
        g = np.exp(-self._middle / length)
        columns = [
            self._count.sum(axis=1),
            self._count @ g,
            self._count @ (g * g),
            self._first.sum(axis=1),
            self._first @ g,
            self._squares,
        ]
        return np.stack(columns, axis=1)
