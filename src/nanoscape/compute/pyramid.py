"""Coarser levels for display, computed block by block."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.blocks import Block, block_shape_for, lattice, run_blocks
from nanoscape.compute.executor import current_executor
from nanoscape.compute.scratch import as_dask, new_array
from nanoscape.compute.task import Task
from nanoscape.model.labels import Labels
from nanoscape.model.raster import Level, Raster

SMALLEST = 1024
"""A level whose longer side is not longer than this needs no coarser one."""


def with_pyramid(raster: Raster, *, task: Task | None = None) -> Raster:
    """Return the raster with levels halved in ``y`` and ``x`` until it is small.

    Images are averaged. Of labels the largest number of each 2 × 2 pixels is
    kept, so that thin objects stay visible; measure on the finest level.

    Parameters
    ----------
    raster
        An image or labels; its own coarser levels are kept when there are any.
    task
        Progress.
    """
    if len(raster.levels) > 1 or max(raster.shape[-2:]) <= SMALLEST:
        return raster
    rule = _largest if isinstance(raster, Labels) else _mean
    levels = list(raster.levels)
    task = task or Task()
    while (
        max(levels[-1].data.shape[len(raster.axes) - 2 : len(raster.axes)]) > SMALLEST
    ):
        data = _halve(levels[-1].data, len(raster.axes), rule, task)
        spatial = len(raster.spatial_axes)
        factor = 2.0 ** len(levels)
        factors = tuple(1.0 if i < spatial - 2 else factor for i in range(spatial))
        levels.append(Level(data, factors))
    return raster.replace(levels=tuple(levels))


def _halve(array: da.Array, axes: int, rule: Any, task: Task) -> da.Array:
    factors = [2 if i in (axes - 2, axes - 1) else 1 for i in range(array.ndim)]
    shape = tuple(-(-int(n) // f) for n, f in zip(array.shape, factors, strict=True))
    chunks = block_shape_for(shape[:axes]) + shape[axes:]
    blocks = [_doubled(b, factors, array.shape) for b in lattice(shape, chunks)]
    target = new_array(shape, array.dtype, chunks, current_executor())
    run_blocks(
        rule,
        [array],
        blocks,
        target=target,
        arguments=(tuple(factors),),
        task=task,
        text="making overview images",
    )
    return as_dask(target, chunks)


def _doubled(block: Block, factors: list[int], shape: tuple[int, ...]) -> Block:
    outer = tuple(
        slice(part.start * f, min(part.stop * f, n))
        for part, f, n in zip(block.core, factors, shape, strict=True)
    )
    inner = tuple(slice(0, part.stop - part.start) for part in block.core)
    return Block(block.core, outer, inner)


def _groups(values: NDArray[Any], factors: tuple[int, ...]) -> NDArray[Any]:
    padding = [(0, -n % f) for n, f in zip(values.shape, factors, strict=True)]
    padded = np.pad(values, padding, mode="edge")
    shape = [n for m, f in zip(padded.shape, factors, strict=True) for n in (m // f, f)]
    return padded.reshape(shape)


def _mean(values: NDArray[Any], factors: tuple[int, ...]) -> tuple[NDArray[Any], None]:
    groups = _groups(values, factors)
    axes = tuple(range(1, groups.ndim, 2))
    means = groups.mean(axis=axes, dtype=np.float64)
    if np.issubdtype(values.dtype, np.integer):
        means = np.rint(means)
    return means.astype(values.dtype), None


def _largest(
    values: NDArray[Any], factors: tuple[int, ...]
) -> tuple[NDArray[Any], None]:
    groups = _groups(values, factors)
    return groups.max(axis=tuple(range(1, groups.ndim, 2))), None
