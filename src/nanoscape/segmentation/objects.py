"""Size and place of numbered objects, from whole-number sums over blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Block, Task, reduce_blocks
from nanoscape.model import Affine

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ObjectSums:
    """Sums over the pixels of each object; row 0 is the background and empty.

    Attributes
    ----------
    pixels
        Number of pixels.
    marked
        Number of pixels that a second array marks.
    places
        Sum of the pixels' indices, by axis.
    first, last
        Smallest and largest index, by axis.
    """

    pixels: Integers
    marked: Integers
    places: Integers
    first: Integers
    last: Integers

    def chosen(self, keep: NDArray[np.bool_]) -> ObjectSums:
        """Return the background and the objects that are kept, in their order."""
        stays = keep.copy()
        stays[0] = True
        return ObjectSums(
            self.pixels[stays],
            self.marked[stays],
            self.places[stays],
            self.first[stays],
            self.last[stays],
        )

    def extents(self, spacing: tuple[float, ...]) -> NDArray[np.float64]:
        """Return the diagonal of each object's bounding box in µm."""
        sides = (self.last - self.first + 1) * np.asarray(spacing)
        return np.sqrt((sides**2).sum(axis=1))

    def table(self, grid_to_space: Affine) -> pd.DataFrame:
        """Return one row per object with size, extent and centre."""
        steps = tuple(grid_to_space.spacing.values())
        centre = self.places[1:] / np.maximum(self.pixels[1:, None], 1)
        centre = grid_to_space.apply(centre)
        size = "area_um2" if len(steps) == 2 else "volume_um3"
        columns: dict[str, Any] = {
            "index": np.arange(1, len(self.pixels)),
            size: self.pixels[1:] * float(np.prod(steps)),
            "extent_um": self.extents(steps)[1:],
        }
        for axis, name in enumerate(grid_to_space.output_axes):
            columns[f"{name}_um"] = centre[:, axis]
        return pd.DataFrame(columns)


def object_sums(
    labels: da.Array, count: int, marks: da.Array | None = None, *, task: Task
) -> ObjectSums:
    """Return the sums of every object.

    Parameters
    ----------
    labels
        Lazy labels, 0 to ``count``.
    count
        Number of objects.
    marks
        Pixels to be counted apart; by default none.
    task
        Progress.
    """
    arrays = [labels] if marks is None else [labels, marks]
    axes = labels.ndim
    pixels, marked = np.zeros((2, count + 1), np.int64)
    places = np.zeros((count + 1, axes), np.int64)
    first = np.full((count + 1, axes), np.iinfo(np.int64).max)
    last = np.full((count + 1, axes), -1, np.int64)
    for part in reduce_blocks(
        _block_sums, arrays, with_block=True, task=task, text="measuring objects"
    ):
        numbers, sums = part[0], part[1]
        pixels[numbers] += sums.pixels
        marked[numbers] += sums.marked
        places[numbers] += sums.places
        first[numbers] = np.minimum(first[numbers], sums.first)
        last[numbers] = np.maximum(last[numbers], sums.last)
    return ObjectSums(pixels, marked, places, np.minimum(first, last + 1), last)


def _block_sums(
    block: Block, labels: NDArray[Any], marks: NDArray[Any] | None = None
) -> tuple[Integers, ObjectSums]:
    where = np.nonzero(labels)
    numbers, inverse = np.unique(labels[where], return_inverse=True)
    n = len(numbers)
    pixels = np.bincount(inverse, minlength=n)
    marked = np.zeros(n, np.int64)
    if marks is not None:
        marked = np.bincount(inverse[marks[where] != 0], minlength=n)
    places = np.zeros((n, labels.ndim), np.int64)
    first = np.full((n, labels.ndim), np.iinfo(np.int64).max)
    last = np.full((n, labels.ndim), -1, np.int64)
    for axis, index in enumerate(where):
        place = index + block.outer[axis].start
        # Sums of whole numbers below 2^53 are exact in float64.
        sums = np.bincount(inverse, weights=place, minlength=n)
        places[:, axis] = sums.astype(np.int64)
        np.minimum.at(first[:, axis], inverse, place)
        np.maximum.at(last[:, axis], inverse, place)
    return numbers.astype(np.int64), ObjectSums(pixels, marked, places, first, last)
