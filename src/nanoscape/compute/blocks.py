"""The block driver: whole images through a function, one block at a time.

Blocks lie on a fixed lattice that does not follow the chunks of the input. A
block is read with a halo, so that a function with a bounded reach gives for
every pixel what it would give on the whole image.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np

from nanoscape.compute.executor import current_executor
from nanoscape.compute.scratch import ScratchArray, as_dask, new_array
from nanoscape.compute.task import Task
from nanoscape.errors import WrongInput

_EDGE = {1: 2**20, 2: 1024, 3: 128}

Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Block:
    """One block of an image.

    Attributes
    ----------
    core
        The part of the image that the block is responsible for.
    outer
        The part that is read: the core and its halo, cut at the image's border.
    inner
        Where the core lies in the outer part.
    """

    core: Slices
    outer: Slices
    inner: Slices

    @property
    def origin(self) -> tuple[int, ...]:
        """Index of the first pixel of the outer part."""
        return tuple(part.start for part in self.outer)


def block_shape_for(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the usual shape of blocks: 1024² pixels or 128³ voxels.

    Leading axes beyond three are cut into single planes.
    """
    spatial = min(len(shape), 3)
    lead = len(shape) - spatial
    return (1,) * lead + (_EDGE[spatial],) * spatial


def lattice(
    shape: Sequence[int], block_shape: Sequence[int], halo: Sequence[int] | int = 0
) -> list[Block]:
    """Cut an image into blocks, the last axis fastest.

    Parameters
    ----------
    shape
        Shape of the image.
    block_shape
        Shape of the cores; the last ones may be smaller.
    halo
        Pixels to read around each core, by axis or one number for all.
    """
    halos = [halo] * len(shape) if isinstance(halo, int) else list(halo)
    starts = [range(0, n, b) for n, b in zip(shape, block_shape, strict=True)]
    blocks = []
    for corner in itertools.product(*starts):
        core, outer, inner = [], [], []
        for start, size, length, reach in zip(
            corner, block_shape, shape, halos, strict=True
        ):
            stop = min(start + size, length)
            low, high = max(start - reach, 0), min(stop + reach, length)
            core.append(slice(start, stop))
            outer.append(slice(low, high))
            inner.append(slice(start - low, stop - low))
        blocks.append(Block(tuple(core), tuple(outer), tuple(inner)))
    return blocks


def read_crop(array: da.Array, slices: Slices) -> np.ndarray[Any, Any]:
    """Return a part of a lazy array, contiguous, computed in this thread."""
    crop = array[slices].compute(scheduler="synchronous")
    return np.ascontiguousarray(crop)


def map_blocks(
    function: Callable[..., Any],
    arrays: Sequence[da.Array],
    *,
    dtype: Any,
    halo: Sequence[int] | int = 0,
    arguments: Sequence[Any] = (),
    with_block: bool = False,
    task: Task | None = None,
    text: str = "",
) -> da.Array:
    """Compute an array of the same shape, block by block.

    Parameters
    ----------
    function
        Called as ``function(*crops, *arguments)`` with crops that include the
        halo; returns an array of the crop's shape, of which the core is kept. At
        the image's border crops end, and the function decides what lies beyond.
        For a cluster it must be importable.
    arrays
        Lazy arrays that share a shape, or its leading axes.
    dtype
        Type of the result.
    halo
        Reach of the function in pixels, by axis or one number for all.
    arguments
        Further arguments, the same for each block.
    with_block
        Whether the :class:`Block` is passed before the crops.
    task, text
        Progress, and what to say is being done.

    Returns
    -------
    dask.array.Array
        The finished result, in memory or in a scratch folder.
    """
    result, _ = map_reduce_blocks(
        _WithoutSummary(function),
        arrays,
        dtype=dtype,
        halo=halo,
        arguments=arguments,
        with_block=with_block,
        task=task,
        text=text,
    )
    return result


def map_reduce_blocks(
    function: Callable[..., Any],
    arrays: Sequence[da.Array],
    *,
    dtype: Any,
    halo: Sequence[int] | int = 0,
    arguments: Sequence[Any] = (),
    with_block: bool = False,
    block_shape: Sequence[int] | None = None,
    each: Sequence[tuple[Any, ...]] | None = None,
    task: Task | None = None,
    text: str = "",
) -> tuple[da.Array, list[Any]]:
    """Compute an array and a summary of each block.

    As :func:`map_blocks`, but the function returns an array and any summary. The
    summaries come in the order of the blocks. With a ``block_shape`` of their own
    blocks may also have arguments of their own, ``each``.
    """
    executor = current_executor()
    shape = _common_shape(arrays)
    cores = tuple(block_shape or executor.block_shape or block_shape_for(shape))
    # Blocks written at the same time must not share a chunk.
    chunks = tuple(
        min(core, usual) if core >= length else core
        for core, usual, length in zip(
            cores, block_shape_for(shape), shape, strict=True
        )
    )
    target = new_array(shape, dtype, chunks, executor)
    summaries = run_blocks(
        function,
        arrays,
        lattice(shape, cores, halo),
        target=target,
        arguments=arguments,
        each=each,
        with_block=with_block,
        task=task,
        text=text,
    )
    return as_dask(target, chunks), summaries


def reduce_blocks(
    function: Callable[..., Any],
    arrays: Sequence[da.Array],
    *,
    halo: Sequence[int] | int = 0,
    arguments: Sequence[Any] = (),
    with_block: bool = False,
    task: Task | None = None,
    text: str = "",
) -> list[Any]:
    """Return what a function says of each block, in the order of the blocks.

    Blocks always lie on the usual lattice, whatever the executor's own block
    shape, so that sums over them come out the same to the last bit.
    """
    shape = _common_shape(arrays)
    blocks = lattice(shape, block_shape_for(shape), halo)
    return run_blocks(
        _OnlySummary(function),
        arrays,
        blocks,
        arguments=arguments,
        with_block=with_block,
        task=task,
        text=text,
    )


@dataclass(frozen=True)
class _WithoutSummary:
    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> tuple[Any, None]:
        return self.function(*arguments), None


@dataclass(frozen=True)
class _OnlySummary:
    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> tuple[None, Any]:
        return None, self.function(*arguments)


def run_blocks(
    function: Callable[..., Any],
    arrays: Sequence[da.Array],
    blocks: Sequence[Block],
    *,
    target: np.ndarray[Any, Any] | ScratchArray | None = None,
    arguments: Sequence[Any] = (),
    each: Sequence[tuple[Any, ...]] | None = None,
    with_block: bool = False,
    task: Task | None = None,
    text: str = "",
) -> list[Any]:
    """Run a function over given blocks; the ground on which the others stand.

    Parameters
    ----------
    function
        Called with the crops of each block; returns the values for its core, or
        ``None``, and a summary.
    arrays
        Lazy arrays, cut by each block's ``outer``.
    blocks
        What to read, what to keep of it, and where to write it.
    target
        Where the values go, by each block's ``core``.
    each
        Arguments of each block, after the common ones.
    arguments, with_block, task, text
        As in :func:`map_blocks`.

    Returns
    -------
    list
        The summaries, in the order of the blocks.
    """
    executor = current_executor()
    task = task or Task()
    own = each if each is not None else [()] * len(blocks)
    jobs = _Jobs(function, arrays, blocks, tuple(arguments), own, with_block, target)
    summaries: list[Any] = [None] * len(blocks)
    task.step(0, len(blocks), text)
    for done, (number, summary) in enumerate(
        executor.run(_run_block, jobs, task), start=1
    ):
        summaries[number] = summary
        task.step(done, len(blocks), text)
    return summaries


class _Jobs(Sequence[tuple[Any, ...]]):
    """The arguments of each block's call, made only when its turn comes."""

    def __init__(
        self,
        function: Callable[..., Any],
        arrays: Sequence[da.Array],
        blocks: Sequence[Block],
        arguments: tuple[Any, ...],
        each: Sequence[tuple[Any, ...]],
        with_block: bool,
        target: Any,
    ) -> None:
        self._function = function
        self._arrays = arrays
        self._blocks = blocks
        self._arguments = arguments
        self._each = each
        self._with_block = with_block
        self._target = target

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, number: Any) -> tuple[Any, ...]:
        if number >= len(self._blocks):
            raise IndexError(number)
        block = self._blocks[number]
        crops = _Crops([array[block.outer] for array in self._arrays])
        return (
            self._function,
            crops,
            block,
            self._arguments + self._each[number],
            self._with_block,
            self._target,
        )


@dataclass(frozen=True)
class _Crops:
    """Lazy crops, hidden from schedulers that would compute them too early."""

    arrays: list[da.Array]

    def read(self) -> list[np.ndarray[Any, Any]]:
        return [
            np.ascontiguousarray(array.compute(scheduler="synchronous"))
            for array in self.arrays
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        import dask

        return _Crops, (list(dask.optimize(*self.arrays)),)


def _run_block(
    function: Callable[..., Any],
    crops: _Crops,
    block: Block,
    arguments: tuple[Any, ...],
    with_block: bool,
    target: np.ndarray[Any, Any] | ScratchArray | None,
) -> Any:
    lead = (block,) if with_block else ()
    values, summary = function(*lead, *crops.read(), *arguments)
    if values is not None and target is not None:
        target[block.core] = np.asarray(values)[block.inner]
    return summary


def _common_shape(arrays: Sequence[da.Array]) -> tuple[int, ...]:
    shapes = [tuple(int(n) for n in array.shape) for array in arrays]
    shortest = min(shapes, key=len)
    for shape in shapes:
        if shape[: len(shortest)] != shortest:
            raise WrongInput(
                "arrays of shapes " + " and ".join(str(shape) for shape in shapes),
                "one shape",
                "bring both to the same grid first",
            )
    return shortest
