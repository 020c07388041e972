"""Compressed samples, unpacked once into a temporary file of a stated size."""

from __future__ import annotations

import bz2
import functools
import gzip
import shutil
import tempfile
import threading
import weakref
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE

_PART = 2**20
# No stream of Deflate grows more than this (RFC 1951: 258 bytes in 2 bits).
_DEFLATE_RATIO = 1032
_MOST_BEHIND = 64 * _PART
_ONE_AT_A_TIME = threading.Lock()


class Unpacked:
    """A compressed stream unpacked into a temporary file, which goes with this object.

    No more is unpacked than was announced: a small file can hold terabytes.

    Parameters
    ----------
    path
        The file.
    packing
        ``"gzip"``, ``"zlib"`` or ``"bzip2"``.
    offset
        Where the compressed stream starts.
    needed
        Bytes that its header announces.

    Attributes
    ----------
    path
        The temporary file.
    size
        Bytes in it; fewer than announced when the stream ends early.

    Raises
    ------
    UnreadableFile
        If the stream is damaged, or there is no room for what it holds.
    """

    def __init__(self, path: Path, packing: str, offset: int, needed: int) -> None:
        check_announced(path, packing, offset, needed)
        room = max(needed, _MOST_BEHIND)
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115  (outlives this call)
            prefix="nanoscape-", suffix=".raw", delete=False
        )
        self.path = Path(handle.name)
        weakref.finalize(self, self.path.unlink, missing_ok=True)
        with handle, path.open("rb") as file:
            try:
                file.seek(offset)
                stream = _stream(file, packing)
                while needed > 0 and (part := stream.read(min(needed, _PART))):
                    handle.write(part)
                    needed -= len(part)
                _check_end(stream, room)
            except DAMAGE as error:
                raise UnreadableFile(
                    f"{path} is damaged: {error}", todo="copy the file again"
                ) from error
        self.size = self.path.stat().st_size


def unpacked(
    stamp: tuple[str, int, int], packing: str, offset: int, needed: int
) -> Unpacked:
    """Return an unpacked file, unpacking it when it is asked for the first time.

    Parameters
    ----------
    stamp
        Path, size and time of the file: another size or time means another file.
    packing, offset, needed
        As for :class:`Unpacked`.
    """
    with _ONE_AT_A_TIME:
        return _unpacked(stamp, packing, offset, needed)


def check_announced(path: Path, packing: str, offset: int, needed: int) -> None:
    """Raise :class:`UnreadableFile` when what is announced cannot be unpacked.

    The stream may be too short for it, or the disk too small. Only the length of the
    file is looked at, so that the answer costs nothing.
    """
    held = path.stat().st_size - offset
    if held <= 0 or (packing != "bzip2" and needed > held * _DEFLATE_RATIO):
        raise UnreadableFile(
            f"{path} is truncated or damaged: its samples need {needed} bytes, which "
            f"{max(held, 0)} compressed bytes cannot hold",
            todo="copy the file again",
        )
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        raise UnreadableFile(
            f"{path} unpacks to {needed / 1e9:.1f} GB, and the folder for "
            f"temporary files has {free / 1e9:.1f} GB left",
            todo="make room, or set TMPDIR to a larger disk",
        )


@functools.lru_cache(maxsize=8)
def _unpacked(
    stamp: tuple[str, int, int], packing: str, offset: int, needed: int
) -> Unpacked:
    return Unpacked(Path(stamp[0]), packing, offset, needed)


def _check_end(stream: _Stream, room: int) -> None:
    """Read on to the end of a stream, where its checksum is compared.

    Damaged streams go on behind what was announced more often than not. One that goes
    on for longer than there is room is left unchecked.
    """
    while room > 0 and (part := stream.read(min(room, _PART))):
        room -= len(part)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _stream(file: BinaryIO, packing: str) -> _Stream:
    if packing == "bzip2":
        return bz2.BZ2File(file)
    if packing == "gzip":
        return gzip.GzipFile(fileobj=file)
    return _Zlib(file)


class _Zlib:
    """A zlib stream (RFC 1950), or a gzip one in its place, read like a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def read(self, size: int, /) -> bytes:
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(_PART)
            part = self._inflate.decompress(packed, size)
            if part or not packed:
                return part
        return b""
