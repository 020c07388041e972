"""Connected components of any image, numbered the same however it is cut."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from nanoscape.compute.blocks import (
    Block,
    block_shape_for,
    map_blocks,
    map_reduce_blocks,
)
from nanoscape.compute.executor import current_executor
from nanoscape.compute.task import Task


@dataclass(frozen=True, eq=False)
class _Part:
    """What one block tells about its components.

    ``first`` holds the index of each component's first pixel in the whole image,
    ``faces`` the labels on the block's low and high face along each axis.
    """

    core: tuple[slice, ...]
    first: NDArray[np.int64]
    faces: list[tuple[NDArray[np.int32], NDArray[np.int32]]]


def label(mask: da.Array, *, task: Task | None = None) -> tuple[da.Array, int]:
    """Give each connected component of a mask a number.

    Pixels that touch, corners included, belong together. Components are numbered
    in the order of their first pixel, so that the numbers depend neither on
    blocks nor on workers.

    Parameters
    ----------
    mask
        Lazy array; whatever is not zero is foreground.
    task
        Progress.

    Returns
    -------
    labels : dask.array.Array
        Of type int32, finished.
    count : int
        Number of components.
    """
    first_task, second_task = (task or Task()).split(2, 1)
    cores = current_executor().block_shape or block_shape_for(mask.shape)
    shape = tuple(int(n) for n in mask.shape)
    local, parts = map_reduce_blocks(
        _label_block,
        [mask],
        dtype=np.int32,
        arguments=(shape,),
        with_block=True,
        block_shape=cores,
        task=first_task,
        text="finding objects",
    )
    offsets = np.cumsum([0] + [len(part.first) for part in parts])
    numbers = _global_numbers(parts, offsets, shape, cores)
    labels, _ = map_reduce_blocks(
        _renumber_block,
        [local],
        dtype=np.int32,
        block_shape=cores,
        each=[(numbers[a:b],) for a, b in itertools.pairwise(offsets)],
        task=second_task,
        text="numbering objects",
    )
    return labels, int(numbers.max(initial=0))


def keep_labels(
    labels: da.Array, keep: NDArray[np.bool_], *, task: Task | None = None
) -> tuple[da.Array, int]:
    """Remove some objects and close the gaps in the numbering.

    Parameters
    ----------
    labels
        Lazy labels.
    keep
        For each label, background included, whether it stays.
    task
        Progress.

    Returns
    -------
    labels : dask.array.Array
        Of type int32, finished; the order of the objects is kept.
    count : int
        Number of objects left.
    """
    kept = keep.copy()
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    result = map_blocks(
        _look_up,
        [labels],
        dtype=np.int32,
        arguments=(numbers,),
        task=task,
        text="removing objects",
    )
    return result, int(kept.sum())


def _label_block(
    block: Block, mask: NDArray[Any], shape: tuple[int, ...]
) -> tuple[NDArray[np.int32], _Part]:
    structure = np.ones((3,) * mask.ndim, bool)
    labels, count = ndimage.label(mask, structure=structure, output=np.int32)
    flat = labels.ravel()
    places = np.flatnonzero(flat)
    _, where = np.unique(flat[places], return_index=True)
    corner = [part.start for part in block.core]
    index = np.unravel_index(places[where], labels.shape)
    shifted = tuple(i + c for i, c in zip(index, corner, strict=True))
    first = np.ravel_multi_index(shifted, shape).astype(np.int64)
    assert len(first) == count
    faces = [
        (labels.take(0, axis).copy(), labels.take(-1, axis).copy())
        for axis in range(labels.ndim)
    ]
    return labels, _Part(block.core, first, faces)


def _global_numbers(
    parts: list[_Part],
    offsets: NDArray[np.int64],
    shape: tuple[int, ...],
    cores: tuple[int, ...],
) -> NDArray[np.int32]:
    """Return the final number of each block-wise component."""
    count = int(offsets[-1])
    if count == 0:
        return np.zeros(0, np.int32)
    pairs = [
        found
        for axis in range(len(shape))
        for found in _touching(parts, offsets, shape, cores, axis)
    ]
    rows, columns = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), int)
    graph = sparse.coo_matrix(
        (np.ones(len(rows), bool), (rows, columns)), shape=(count, count)
    )
    groups, membership = sparse.csgraph.connected_components(graph, directed=False)
    first = np.concatenate([part.first for part in parts])
    earliest = np.full(groups, np.iinfo(np.int64).max)
    np.minimum.at(earliest, membership, first)
    rank = np.empty(groups, np.int32)
    rank[np.argsort(earliest)] = np.arange(1, groups + 1, dtype=np.int32)
    return rank[membership]


def _touching(
    parts: list[_Part],
    offsets: NDArray[np.int64],
    shape: tuple[int, ...],
    cores: tuple[int, ...],
    axis: int,
) -> list[NDArray[np.int64]]:
    """Return pairs of components that touch across the planes along one axis."""
    others = [i for i in range(len(shape)) if i != axis]
    plane = tuple(shape[i] for i in others)
    low: dict[int, NDArray[np.int64]] = {}
    high: dict[int, NDArray[np.int64]] = {}
    for part, offset in zip(parts, offsets[:-1], strict=True):
        layer = part.core[axis].start // cores[axis]
        where = tuple(part.core[i] for i in others)
        for planes, face in zip((low, high), part.faces[axis], strict=True):
            target = planes.setdefault(layer, np.full(plane, -1, np.int64))
            target[where] = np.where(face > 0, face.astype(np.int64) - 1 + offset, -1)
    pairs = []
    for layer in sorted(high):
        if layer + 1 not in low:
            continue
        for shift in itertools.product((-1, 0, 1), repeat=len(others)):
            a = high[layer][tuple(_shifted(s, 1) for s in shift)]
            b = low[layer + 1][tuple(_shifted(s, -1) for s in shift)]
            both = (a >= 0) & (b >= 0)
            if both.any():
                pairs.append(np.unique(np.stack([a[both], b[both]]), axis=1))
    return pairs


def _shifted(shift: int, sign: int) -> slice:
    step = shift * sign
    return slice(max(step, 0), min(step, 0) or None)


def _renumber_block(
    labels: NDArray[np.int32], numbers: NDArray[np.int32]
) -> tuple[NDArray[np.int32], None]:
    return _look_up(labels, np.concatenate([[0], numbers]).astype(np.int32)), None


def _look_up(labels: NDArray[Any], numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    return numbers[labels]
