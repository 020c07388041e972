"""Segments of a CZI file: header, directory, metadata, time stamps, samples.

The layout follows Zeiss, *ZISRAW (CZI) File Format Design Specification*, 1.2.2
(2016), and the open implementation libCZI for compressions that came later.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import ByteReader

MAGIC = b"ZISRAWFILE"

_HEADER = 32
"""Bytes of a segment's own header: name, allocated and used size."""
_ENTRY = struct.Struct("<2siqiiB5si")
_DIMENSION = struct.Struct("<4siifi")
_LARGEST_TILE = 2**31
_LONGEST_EDGE = 2**16

PIXEL_TYPES: Mapping[int, tuple[str, int]] = {
    0: ("u1", 1),
    1: ("<u2", 1),
    2: ("<f4", 1),
    3: ("u1", 3),
    4: ("<u2", 3),
    8: ("<f4", 3),
    9: ("u1", 4),
    12: ("<i4", 1),
    13: ("<f8", 1),
}
"""Type of the samples and their number; colours stand in the order blue first."""

_NONE, _JPEG_XR, _ZSTD, _ZSTD_SHUFFLED = 0, 4, 5, 6


@dataclass(frozen=True, eq=False)
class Tile:
    """One entry of the directory: a rectangle of one plane.

    Attributes
    ----------
    position
        Where its segment begins in the file.
    pixel_type, compression
        Codes of the format.
    start
        Index along each dimension; ``X`` and ``Y`` in pixels of the finest level.
    size
        Extent in pixels of the finest level, as ``(height, width)``.
    stored
        Extent of the samples in the file; smaller in coarser levels.
    """

    position: int
    pixel_type: int
    compression: int
    start: Mapping[str, int]
    size: tuple[int, int]
    stored: tuple[int, int]

    @property
    def mosaic(self) -> int:
        """Place in the order in which tiles lie on each other, the last on top."""
        return self.start.get("M", 0)

    @property
    def factor(self) -> int:
        """Size of a stored pixel in pixels of the finest level."""
        axis = int(self.stored[1] > self.stored[0])
        return max(1, round(self.size[axis] / self.stored[axis]))


@dataclass(frozen=True)
class Contents:
    """What a file announces: its tiles, its metadata and the times of its frames."""

    tiles: tuple[Tile, ...]
    metadata: bytes
    times: tuple[float, ...]


def read_contents(path: Path) -> Contents:
    """Read the directory and the metadata; no samples.

    Raises
    ------
    UnreadableFile
        If a segment is missing or damaged, or the image goes on in other files.
    """
    reader = ByteReader(path)
    size = path.stat().st_size
    head = _segment(reader, path, 0, b"ZISRAWFILE", 80)
    part, directory, metadata = struct.unpack_from("<iqq", head, 48)
    (attachments,) = struct.unpack_from("<q", head, 72)
    if part != 0 or not directory:
        raise UnreadableFile(
            f"{path} is one part of a CZI that is spread over several files, or was "
            "not finished",
            todo="export it from ZEN as one file",
        )
    data = _segment(reader, path, directory, b"ZISRAWDIRECTORY", 128)
    (count,) = struct.unpack_from("<i", data, 0)
    if not 0 < count <= size // _ENTRY.size:
        raise UnreadableFile(f"{path} announces {count} tiles", "at least one")
    start = directory + _HEADER + 128
    entries = reader.read(start, min(count * 512, size - start))
    tiles = []
    offset = 0
    for _ in range(count):
        tile, offset = _tile(entries, offset, path)
        tiles.append(tile)
    text = b""
    if metadata:
        (length,) = struct.unpack_from(
            "<i", _segment(reader, path, metadata, b"ZISRAWMETADATA", 256), 0
        )
        _check_size(path, length, size)
        text = reader.read(metadata + _HEADER + 256, length).rstrip(b"\0")
    times = _times(reader, path, attachments) if attachments else ()
    return Contents(tuple(tiles), text, times)


def read_tile(reader: ByteReader, tile: Tile, rows: slice) -> NDArray[np.generic]:
    """Return rows of a tile as ``(row, column)`` or ``(row, column, colour)``.

    Of a tile that is not compressed nothing but these rows is read.
    """
    path = reader.path
    head = _segment(reader, path, tile.position, b"ZISRAWSUBBLOCK", 48)
    metadata, _, length = struct.unpack_from("<iiq", head, 0)
    (dimensions,) = struct.unpack_from("<i", head, 16 + 28)
    begin = tile.position + _HEADER + max(256, 16 + 32 + 20 * dimensions) + metadata
    _check_size(path, length, path.stat().st_size)
    code, samples = PIXEL_TYPES[tile.pixel_type]
    dtype = np.dtype(code)
    height, width = tile.stored
    row = width * samples * dtype.itemsize
    if tile.compression == _NONE:
        if length < height * row:
            raise UnreadableFile(f"{path} is damaged: a tile has only {length} bytes")
        data = reader.read(begin + rows.start * row, (rows.stop - rows.start) * row)
        values = np.frombuffer(data, dtype).reshape(-1, width, samples)
    else:
        data = reader.read(begin, length)
        values = _decoded(data, tile, path).reshape(height, width, samples)[rows]
    if samples == 1:
        return values[..., 0]
    return values[..., 2::-1]


def _decoded(data: bytes, tile: Tile, path: Path) -> NDArray[np.generic]:
    code, samples = PIXEL_TYPES[tile.pixel_type]
    dtype = np.dtype(code)
    size = tile.stored[0] * tile.stored[1] * samples * dtype.itemsize
    if size > _LARGEST_TILE:
        raise UnreadableFile(f"{path} has a tile of {size} bytes")
    if tile.compression == _JPEG_XR:
        return _jpegxr(data, samples).astype(dtype, copy=False)
    headed = tile.compression == _ZSTD_SHUFFLED
    shuffled, skip = _zstd_header(data) if headed else (False, 0)
    raw = imagecodecs.zstd_decode(data[skip:], out=size)
    if shuffled:
        # All low bytes of 16-bit samples, then all high ones.
        halves = np.frombuffer(raw, np.uint8).reshape(2, -1)
        raw = np.ascontiguousarray(halves.T).tobytes()
    return np.frombuffer(raw, dtype)


def _jpegxr(data: bytes, samples: int) -> NDArray[np.generic]:
    """Return decoded JPEG XR; its decoder gives colours with red first."""
    values: NDArray[np.generic] = imagecodecs.jpegxr_decode(data)
    return values[..., ::-1] if samples == 3 else values


def _zstd_header(data: bytes) -> tuple[bool, int]:
    """Return whether bytes are shuffled, and the length of the header."""
    if data[0] == 1:
        return False, 1
    if data[0] == 3 and data[1] == 1:
        return bool(data[2] & 1), 3
    raise ValueError("an unknown header of compressed samples")


def _segment(
    reader: ByteReader, path: Path, position: int, name: bytes, size: int
) -> bytes:
    if position < 0:
        raise UnreadableFile(f"{path} is damaged: a segment at {position}")
    data = reader.read(position, _HEADER + size)
    if data[:16].rstrip(b"\0") != name:
        raise UnreadableFile(
            f"{path} is damaged: there is no segment {name.decode()} at {position}",
            todo="copy or export the file again",
        )
    return data[_HEADER:]


def _tile(data: bytes, offset: int, path: Path) -> tuple[Tile, int]:
    """Return an entry of the directory and where the next one begins."""
    schema, pixel, position, part, compression, _, _, count = _ENTRY.unpack_from(
        data, offset
    )
    offset += _ENTRY.size
    if schema != b"DV" or part != 0 or not 0 < count <= 20:
        raise UnreadableFile(
            f"{path} has a directory that is damaged, or goes on in other files",
            todo="export it from ZEN as one file",
        )
    known = (_NONE, _JPEG_XR, _ZSTD, _ZSTD_SHUFFLED)
    if pixel not in PIXEL_TYPES or compression not in known:
        raise UnreadableFile(
            f"{path} holds samples of type {pixel} in the compression {compression}",
            "8, 16 or 32 bit, uncompressed or as JPEG XR or zstd",
            "export it from ZEN without compression",
        )
    start, size, stored = {}, {}, {}
    for _ in range(count):
        letter, first, length, _, kept = _DIMENSION.unpack_from(data, offset)
        offset += _DIMENSION.size
        name = letter.rstrip(b"\0").decode("ascii")
        start[name], size[name], stored[name] = first, length, kept or length
    extent, kept_extent = (size["Y"], size["X"]), (stored["Y"], stored["X"])
    if not 0 < min(kept_extent) <= max(kept_extent) <= _LONGEST_EDGE:
        raise UnreadableFile(f"{path} is damaged: a tile measures {kept_extent}")
    tile = Tile(position, pixel, compression, start, extent, kept_extent)
    for whole, kept in zip(extent, kept_extent, strict=True):
        if not kept <= whole <= tile.factor * (kept + 1):
            raise UnreadableFile(f"{path} is damaged: a tile shows {extent} pixels")
    return tile, offset


def _times(reader: ByteReader, path: Path, position: int) -> tuple[float, ...]:
    """Return the seconds of the frames from the attachment ``TimeStamps``."""
    data = _segment(reader, path, position, b"ZISRAWATTDIR", 256)
    (count,) = struct.unpack_from("<i", data, 0)
    _check_size(path, count * 128, path.stat().st_size)
    entries = reader.read(position + _HEADER + 256, count * 128)
    for i in range(count):
        entry = entries[i * 128 : (i + 1) * 128]
        if entry[48:128].rstrip(b"\0") != b"TimeStamps":
            continue
        (where,) = struct.unpack_from("<q", entry, 12)
        _segment(reader, path, where, b"ZISRAWATTACH", 256)
        body = where + _HEADER + 256
        _, number = struct.unpack("<ii", reader.read(body, 8))
        _check_size(path, number * 8, path.stat().st_size)
        return struct.unpack(f"<{number}d", reader.read(body + 8, number * 8))
    return ()


def _check_size(path: Path, length: int, size: int) -> None:
    if not 0 <= length <= size:
        raise UnreadableFile(
            f"{path} is damaged: a part of {length} bytes in a file of {size}",
            todo="copy the file again",
        )
