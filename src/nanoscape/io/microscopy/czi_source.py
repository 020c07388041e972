"""Samples of one view of a CZI file, put together from its tiles."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.io.lazy import Box, ByteReader, Source, chunks_for, stamp
from nanoscape.io.microscopy.czi_segments import PIXEL_TYPES, Tile, read_tile

_LARGEST_CHUNK = 2048


class CziSource(Source):
    """One channel of one scene at one resolution, with the axes ``t z y x``.

    Colours are a fifth axis. What no tile covers is zero; where tiles overlap, the
    one with the highest mosaic index is seen.

    Parameters
    ----------
    path
        The file.
    tiles
        The tiles of this view and no others, all of one type and one factor.
    corner
        Smallest ``Y`` and ``X`` of the scene.
    shape
        Height and width of the scene at the finest level.
    frames, planes
        Indices of the frames and planes, in order.
    """

    def __init__(
        self,
        path: Path,
        tiles: Sequence[Tile],
        corner: tuple[int, int],
        shape: tuple[int, int],
        frames: Sequence[int],
        planes: Sequence[int],
    ) -> None:
        self.path = path
        self.tiles = tuple(sorted(tiles, key=lambda tile: tile.mosaic))
        self.corner = corner
        self.scene = shape
        self.frames = tuple(frames)
        self.planes = tuple(planes)
        self._stamp = stamp(path)
        code, samples = PIXEL_TYPES[self.tiles[0].pixel_type]
        self.factor = self.tiles[0].factor
        self.dtype = np.dtype(code).newbyteorder("=")
        height, width = (-(-n // self.factor) for n in shape)
        colours = () if samples == 1 else (3,)
        self.shape = (len(self.frames), len(self.planes), height, width, *colours)
        self._by_plane: dict[tuple[int, int], list[Tile]] = {}
        for tile in self.tiles:
            place = (tile.start.get("T", 0), tile.start.get("Z", 0))
            self._by_plane.setdefault(place, []).append(tile)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        positions = tuple(tile.position for tile in self.tiles)
        return (*self._stamp, positions, self.corner, self.scene)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks about as large as the tiles."""
        height, width = self.tiles[0].stored
        if self.tiles[0].compression == 0:
            height = min(height, max(64, 2**20 // width))
        native = (1, 1, height, min(width, _LARGEST_CHUNK), *self.shape[4:])
        return chunks_for(self.shape, native)

    def planes_missing(self) -> int:
        """Return how many planes no tile belongs to."""
        return len(self.frames) * len(self.planes) - len(self._by_plane)

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box, decoding only the tiles that it touches."""
        out = np.zeros([part.stop - part.start for part in box], self.dtype)
        ranges = [range(part.start, part.stop) for part in box[:2]]
        colours = box[4] if len(box) > 4 else slice(None)
        for t, z in itertools.product(*ranges):
            plane = out[t - box[0].start, z - box[1].start]
            for tile in self._by_plane.get((self.frames[t], self.planes[z]), ()):
                self._paste(plane, tile, box[2], box[3], colours)
        return out

    def _paste(
        self,
        plane: NDArray[Any],
        tile: Tile,
        rows: slice,
        columns: slice,
        colours: slice,
    ) -> None:
        top, left = (
            round((tile.start[axis] - first) / self.factor)
            for axis, first in zip("YX", self.corner, strict=True)
        )
        low_y, high_y = max(rows.start, top), min(rows.stop, top + tile.stored[0])
        low_x = max(columns.start, left)
        high_x = min(columns.stop, left + tile.stored[1])
        if low_y >= high_y or low_x >= high_x:
            return
        wanted = slice(low_y - top, high_y - top)
        if tile.compression == 0:
            values = read_tile(_reader(*self._stamp), tile, wanted)
        else:
            values = _decoded(self._stamp, tile)[wanted]
        values = values[:, low_x - left : high_x - left]
        plane[
            low_y - rows.start : high_y - rows.start,
            low_x - columns.start : high_x - columns.start,
        ] = values if values.ndim == 2 else values[..., colours]

    def __reduce__(self) -> tuple[Any, ...]:
        return CziSource, (
            self.path,
            self.tiles,
            self.corner,
            self.scene,
            self.frames,
            self.planes,
        )


@functools.lru_cache(maxsize=16)
def _reader(path: str, size: int, modified: int) -> ByteReader:
    del size, modified
    return ByteReader(Path(path))


@functools.lru_cache(maxsize=8)
def _decoded(of: tuple[str, int, int], tile: Tile) -> NDArray[Any]:
    """Return a whole tile; neighbouring chunks ask for the same ones."""
    return read_tile(_reader(*of), tile, slice(0, tile.stored[0]))
