"""Samples of a TIFF file, tile by tile, from any thread or process."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import Box, ByteReader, Source, chunks_for, stamp
from nanoscape.io.microscopy.ome_companion import companion_text

_PAGE_AXES = {"S": 0, "Z": 1, "Y": 2, "X": 3}
_STRIP_SAMPLES = 2**20


class TiffSource(Source):
    """One level of one series of a TIFF file.

    Parameters
    ----------
    path
        The file.
    series, level
        Which image of the file, and which of its resolutions.
    """

    def __init__(self, path: Path, series: int, level: int) -> None:
        self.path = path
        self.series = series
        self.level = level
        self._stamp = stamp(path)
        opened = _opened(*self._stamp)
        shown = opened.series[series].levels[level]
        self.shape = tuple(int(n) for n in shown.shape)
        self.dtype = np.dtype(shown.dtype).newbyteorder("=")
        self.axes = str(shown.axes)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (*self._stamp, self.series, self.level)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of whole tiles, or of whole rows where there are none."""
        page = _opened(*self._stamp).series[self.series].levels[self.level].keyframe
        depth, length, width = (
            (page.tiledepth, page.tilelength, page.tilewidth)
            if page.is_tiled
            else (1, page.rowsperstrip, page.imagewidth)
        )
        if not page.is_tiled:
            rows = max(1, _STRIP_SAMPLES // max(1, page.imagewidth))
            length = max(length, rows // length * length)
        tiles = {"Z": depth, "Y": length, "X": width}
        lead = len(self.shape) - len(page.axes)
        native = [1] * lead
        for axis, size in zip(page.axes, page.shape, strict=True):
            native.append(min(size, tiles.get(axis, size)))
        return chunks_for(self.shape, native)

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box, decoding only the tiles that it touches."""
        opened = _opened(*self._stamp)
        series = opened.series[self.series].levels[self.level]
        shape = [part.stop - part.start for part in box]
        if series.dataoffset is not None:
            stored = np.memmap(
                _file_of(series.keyframe),
                dtype=series.keyframe.dtype.newbyteorder(opened.file.byteorder),
                mode="r",
                offset=series.dataoffset,
                shape=self.shape,
            )
            return np.array(stored[box], dtype=self.dtype)
        out = np.zeros(shape, self.dtype)
        page_axes = series.keyframe.axes
        lead = len(box) - len(page_axes)
        ranges = [range(part.start, part.stop) for part in box[:lead]]
        for index in itertools.product(*ranges):
            number = int(np.ravel_multi_index(index, self.shape[:lead])) if lead else 0
            place = tuple(i - r.start for i, r in zip(index, ranges, strict=True))
            out[place] = opened.read_page(series, number, box[lead:])
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        return TiffSource, (self.path, self.series, self.level)


class _OpenTiff:
    """A parsed file; pages are looked up under a lock and decoded outside it.

    The file is open only while something is looked up, so that nobody is kept from
    deleting it.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._readers: dict[str, ByteReader] = {}
        self._users = 0
        self.file = tifffile.TiffFile(path)
        try:
            metadata = companion_text(self.file.pages.first.description, path)
            if metadata is not None:
                self.file.close()
                self.file = tifffile.TiffFile(path, omexml=metadata)
            # Recent versions of tifffile find the series only when one is asked for.
            self.series = list(self.file.series)
        finally:
            self.file.close()

    @contextlib.contextmanager
    def looked_up(self) -> Iterator[tifffile.TiffFile]:
        """Hold the lock and the open file inside a ``with`` block."""
        with self._lock:
            self.file.filehandle.open()
            self._users += 1
            try:
                yield self.file
            finally:
                self._users -= 1
                if not self._users:
                    self.file.filehandle.close()

    def page(self, series: Any, number: int) -> Any:
        """Return a page of a series, loading its offsets when needed."""
        with self.looked_up():
            return series.pages[number]

    def reader(self, page: Any) -> ByteReader:
        """Return what reads the file in which a page lies."""
        path = _file_of(page)
        with self._lock:
            return self._readers.setdefault(str(path), ByteReader(path))

    def read_page(self, series: Any, number: int, box: Box) -> NDArray[Any]:
        """Return a box of one page."""
        keyframe = series.keyframe
        with self.looked_up():
            page = series.pages[number]
            # These look into the file when they are first asked for.
            tables, header = page.jpegtables, keyframe.jpegheader
            decode = keyframe.decode
        reader = self.reader(page)
        inner = _shaped_box(keyframe, box)
        out = np.zeros([part.stop - part.start for part in inner], keyframe.dtype)
        for segment in _segments(keyframe, inner):
            size = page.databytecounts[segment]
            data = reader.read(page.dataoffsets[segment], size) if size else None
            values, where, _ = decode(
                data,
                segment,
                jpegtables=tables,
                jpegheader=header,
            )
            if values is not None:
                _paste(out, inner, values[np.newaxis], where)
        return out.reshape([part.stop - part.start for part in box])


@functools.lru_cache(maxsize=16)
def _opened(path: str, size: int, modified: int) -> _OpenTiff:
    """Return the parsed file; another size or time means another file."""
    del size, modified
    return _OpenTiff(Path(path))


@contextlib.contextmanager
def open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Give a parsed TIFF file, shared by all who read it, inside a ``with`` block.

    Raises
    ------
    UnreadableFile
        If it is not a TIFF file, or is damaged.
    """
    check_chain(path)
    try:
        opened = _opened(*stamp(path))
    except tifffile.TiffFileError as error:
        raise UnreadableFile(
            f"{path} is damaged: {error}",
            "a complete TIFF file",
            "copy or export the file again",
        ) from error
    with opened.looked_up() as file:
        yield file


def check_chain(path: Path) -> None:
    """Raise :class:`UnreadableFile` when a page's directory lies beyond the file.

    Directories are chained by offsets; who follows them leniently loses planes
    without a word.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
        big = int.from_bytes(head[2:4], order) == 43
        offset_bytes, count_bytes, entry = (8, 8, 20) if big else (4, 2, 12)
        start = 8 if big else 4
        offset = int.from_bytes(head[start : start + offset_bytes], order)
        seen = set()
        while offset and offset not in seen:
            seen.add(offset)
            file.seek(offset)
            count = int.from_bytes(file.read(count_bytes), order)
            end = offset + count_bytes + count * entry + offset_bytes
            _check_end(path, size, end)
            file.seek(end - offset_bytes)
            offset = int.from_bytes(file.read(offset_bytes), order)
            _check_end(path, size, offset)


def check_complete(path: Path, series: int) -> None:
    """Raise :class:`UnreadableFile` when samples of a series lie beyond its files."""
    opened = _opened(*stamp(path))
    for level in opened.series[series].levels:
        pages = math.prod(level.shape) // math.prod(level.keyframe.shape)
        end = 0
        if level.dataoffset is not None:
            end = level.dataoffset + level.nbytes
            _check_end(*_existing(level.keyframe, path), end)
            continue
        found = len(level.pages)
        for number in range(found):
            page = opened.page(level, number)
            if page is None:
                raise UnreadableFile(
                    f"{path} misses plane {number + 1} of {pages}",
                    "all planes, in this file or in those beside it",
                    "put all files of the image into one folder",
                )
            holder, size = _existing(page, path)
            end = max(
                (
                    offset + count
                    for offset, count in zip(
                        page.dataoffsets, page.databytecounts, strict=True
                    )
                ),
                default=0,
            )
            _check_end(holder, size, end)
        if found != pages:
            raise UnreadableFile(f"{path} holds {found} planes of {pages}")


def _file_of(page: Any) -> Path:
    """Return the file in which a page lies; an image may go on in others."""
    return Path(page.parent.filehandle.dirname, page.parent.filehandle.name)


def _existing(page: Any, path: Path) -> tuple[Path, int]:
    """Return the file in which a page lies, and its size."""
    holder = _file_of(page)
    if not holder.is_file():
        raise UnreadableFile(
            f"{path} goes on in {holder.name}, which is missing",
            todo="put all files of the image into one folder",
        )
    return holder, holder.stat().st_size


def _check_end(path: Path, size: int, end: int) -> None:
    if end > size:
        raise UnreadableFile(
            f"{path} is truncated: it needs {end} bytes and it has {size}",
            todo="copy the file again",
        )


def _shaped_box(page: Any, box: Box) -> list[slice]:
    """Return a box of the page in the form separate, depth, length, width, sample."""
    full = [slice(0, n) for n in page.shaped]
    for axis, part in zip(page.axes, box, strict=True):
        where = _PAGE_AXES[axis]
        if axis == "S" and page.shaped[4] > 1:
            where = 4
        full[where] = part
    return full


def _segments(page: Any, box: list[slice]) -> list[int]:
    """Return the numbers of the tiles or strips that a box touches."""
    _, depth, length, width, _ = page.shaped
    if page.is_tiled:
        steps = (page.tiledepth, page.tilelength, page.tilewidth)
    else:
        steps = (1, page.rowsperstrip, width)
    counts = [-(-n // s) for n, s in zip((depth, length, width), steps, strict=True)]
    ranges = [
        range(part.start // step, -(-part.stop // step))
        for part, step in zip(box[1:4], steps, strict=True)
    ]
    separate = range(box[0].start, box[0].stop)
    return [
        ((s * counts[0] + z) * counts[1] + y) * counts[2] + x
        for s, z, y, x in itertools.product(separate, *ranges)
    ]


def _paste(
    out: NDArray[Any], box: list[slice], values: NDArray[Any], where: tuple[int, ...]
) -> None:
    """Copy the part of a decoded tile that lies inside a box."""
    target, source = [], []
    for part, start, length in zip(box, where, values.shape, strict=True):
        low, high = max(part.start, start), min(part.stop, start + length)
        if low >= high:
            return
        target.append(slice(low - part.start, high - part.start))
        source.append(slice(low - start, high - start))
    out[tuple(target)] = values[tuple(source)]
