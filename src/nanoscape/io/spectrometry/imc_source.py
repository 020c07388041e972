"""Values of an acquisition in an ``.mcd`` file, block by block."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import Box, Source, stamp

_POSITIONS = 3
Table = NDArray[np.float32]


class AcquisitionSource(Source):
    """The channels of an acquisition; spots that were not ablated are NaN.

    Parameters
    ----------
    path
        The file.
    offset
        Byte of the first spot.
    shape
        Channels, rows and columns.
    spots
        How many spots the file holds, not more than pixels.
    """

    shape: tuple[int, int, int]

    def __init__(
        self, path: Path, offset: int, shape: tuple[int, int, int], spots: int
    ) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(np.float32)
        self._offset = offset
        self._spots = spots
        self._stamp = stamp(path)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (*self._stamp, self._offset, self.shape, self._spots)

    def read_box(self, box: Box) -> NDArray[np.float32]:
        """Return the values of a box."""
        channels, rows, columns = box
        _, height, width = self.shape
        table = _table(self.path, self._offset, self.shape, self._spots)
        start = rows.start * width
        stop = min(rows.stop * width, self._spots)
        block = table[start:stop]
        count = (rows.stop - rows.start) * width
        values = np.full((channels.stop - channels.start, count), np.nan, np.float32)
        wanted = slice(_POSITIONS + channels.start, _POSITIONS + channels.stop)
        if np.array_equal(_pixels(block, width, height), np.arange(start, stop)):
            values[:, : len(block)] = block[:, wanted].T
        else:
            order = _order(*self._stamp, self._offset, self.shape, self._spots)
            order = order[start : start + count]
            values[:, order >= 0] = table[order[order >= 0], wanted].T
        shape = (-1, rows.stop - rows.start, width)
        return values.reshape(shape)[:, :, columns]

    def __reduce__(self) -> tuple[Any, ...]:
        return AcquisitionSource, (self.path, self._offset, self.shape, self._spots)


def _table(path: Path, offset: int, shape: tuple[int, int, int], spots: int) -> Table:
    """Return the rows of the file, one for each spot, without reading them."""
    columns = _POSITIONS + shape[0]
    return np.memmap(path, "<f4", mode="r", offset=offset, shape=(spots, columns))


def _pixels(block: Table, width: int, height: int) -> NDArray[np.int64]:
    """Return the number of the pixel of each spot, -1 for no pixel of the raster."""
    places = np.asarray(block[:, :2])
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(places) & (places >= 0) & (places < (width, height))
    inside: NDArray[np.bool_] = np.all(whole, axis=1)
    x, y = np.where(inside[:, np.newaxis], places, 0).astype(np.int64).T
    return np.where(inside, y * width + x, -1)


@functools.lru_cache(maxsize=8)
def _order(
    path: str,
    size: int,
    modified: int,
    offset: int,
    shape: tuple[int, int, int],
    spots: int,
) -> NDArray[np.int64]:
    """Return the spot of each pixel of a raster that was not ablated line by line."""
    del size, modified
    _, height, width = shape
    pixels = _pixels(_table(Path(path), offset, shape, spots), width, height)
    outside = np.count_nonzero(pixels < 0)
    if outside:
        raise UnreadableFile(
            f"{path} is damaged: {outside} spots have positions "
            f"outside the raster of {width} × {height} pixels",
            todo="read the text file of the acquisition instead",
        )
    order = np.full(height * width, -1, np.int64)
    order[pixels] = np.arange(spots)
    return order
