"""Where zones lie, how much of them was measured, and their means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block, Task, reduce_blocks
from nanoscape.compute.blocks import read_crop
from nanoscape.statistics.zones import Zones, present, ranked, zone_numbers


@dataclass(frozen=True)
class Extent:
    """One zone.

    Attributes
    ----------
    number
        Its number.
    n, missing
        Pixels with and without a value.
    total
        Sum of the values.
    low, high
        Smallest and largest value.
    box
        Indices between which its measured pixels lie.
    """

    number: int
    n: int
    missing: int
    total: float
    low: float
    high: float
    box: tuple[slice, ...]

    @property
    def mean(self) -> float:
        """Mean of the values, NaN without any."""
        return self.total / self.n if self.n else math.nan


def extents(
    image: da.Array,
    zones: Zones,
    excluded: Sequence[da.Array] = (),
    *,
    task: Task | None = None,
) -> list[Extent]:
    """Return the zones that occur, by ascending number."""
    masks = ([] if zones.numbers is None else [zones.numbers]) + list(excluded)
    parts = reduce_blocks(
        _block_extents,
        [image, *masks],
        arguments=(zones.numbers is not None,),
        with_block=True,
        task=task,
        text="finding the zones",
    )
    found: dict[int, Extent] = {}
    for part in parts:
        for item in part:
            known = found.get(item.number)
            found[item.number] = item if known is None else _joined(known, item)
    return [found[number] for number in sorted(found)]


def read_zone(
    image: da.Array, zones: Zones, excluded: Sequence[da.Array], extent: Extent
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the samples of a zone's bounding box, and which were measured in it."""
    values = read_crop(image, extent.box).astype(np.float64)
    masks = ([] if zones.numbers is None else [zones.numbers]) + list(excluded)
    crops = [read_crop(mask, extent.box) for mask in masks]
    numbers = zone_numbers(values.shape, crops, zones.numbers is not None)
    return values, (numbers == extent.number) & np.isfinite(values)


def _joined(a: Extent, b: Extent) -> Extent:
    return Extent(
        a.number,
        a.n + b.n,
        a.missing + b.missing,
        a.total + b.total,
        min(a.low, b.low),
        max(a.high, b.high),
        tuple(
            slice(min(one.start, two.start), max(one.stop, two.stop))
            for one, two in zip(a.box, b.box, strict=True)
        ),
    )


def _block_extents(block: Block, values: NDArray[Any], *rest: Any) -> list[Extent]:
    *masks, zoned = rest
    numbers = zone_numbers(values.shape, masks, zoned)
    known = present(numbers)
    shape = (1,) * (3 - values.ndim) + values.shape
    index = ranked(numbers, known).reshape(shape)
    counts, sums, boxes = _scan(
        values.astype(np.float64).reshape(shape), index, known.size
    )
    lead = 3 - values.ndim
    return [
        Extent(
            int(number),
            int(counts[k, 0]),
            int(counts[k, 1]),
            float(sums[k, 0]),
            float(sums[k, 1]),
            float(sums[k, 2]),
            tuple(
                slice(int(low) + start, int(high) + start)
                for low, high, start in zip(
                    boxes[k, 0, lead:], boxes[k, 1, lead:], block.origin, strict=True
                )
            ),
        )
        for k, number in enumerate(known)
    ]


@numba.njit(nogil=True, cache=True)
def _scan(values: Any, index: Any, zones: int) -> Any:
    counts = np.zeros((zones, 2), np.int64)
    sums = np.zeros((zones, 3))
    sums[:, 1], sums[:, 2] = np.inf, -np.inf
    boxes = np.zeros((zones, 2, 3), np.int64)
    boxes[:, 0, :] = np.iinfo(np.int64).max // 2
    for a in range(values.shape[0]):
        for b in range(values.shape[1]):
            for c in range(values.shape[2]):
                k = index[a, b, c] - 1
                if k < 0:
                    continue
                x = values[a, b, c]
                if not np.isfinite(x):
                    counts[k, 1] += 1
                    continue
                counts[k, 0] += 1
                sums[k, 0] += x
                sums[k, 1] = min(sums[k, 1], x)
                sums[k, 2] = max(sums[k, 2], x)
                for axis, place in enumerate((a, b, c)):
                    boxes[k, 0, axis] = min(boxes[k, 0, axis], place)
                    boxes[k, 1, axis] = max(boxes[k, 1, axis], place + 1)
    return counts, sums, boxes
