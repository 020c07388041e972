"""Lazy arrays over files: a small source that can be sent anywhere, and dask."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import NanoscapeError, UnreadableFile
from nanoscape.io.damage import DAMAGE

Box = tuple[slice, ...]
"""Contiguous slices, one for each axis, with start and stop."""

_CHUNK_EDGE = 512


class Source(ABC):
    """An array in a file, read where and when it is asked for.

    A source holds only what is needed to find the samples again, so that it can
    be sent to other processes; files are opened by whoever reads.

    Attributes
    ----------
    path
        The file, or the first one of several.
    shape, dtype
        Of the array.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @abstractmethod
    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box; may be called from several threads."""

    @abstractmethod
    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""

    def __getitem__(self, key: Any) -> NDArray[Any]:
        box, rest = _box_of(key, self.shape)
        try:
            values = self.read_box(box)
        except NanoscapeError:
            raise
        except DAMAGE as error:
            raise UnreadableFile(
                f"{self.path} cannot be read: {error}",
                todo="check that the file is complete and still where it was",
            ) from error
        return values[rest]


def lazy_array(source: Source, chunks: Sequence[int]) -> da.Array:
    """Return a dask array over a source.

    Parameters
    ----------
    source
        Where the samples come from.
    chunks
        Shape of the chunks; :func:`chunks_for` proposes one.
    """
    digest = hashlib.sha1(repr(source.key()).encode(), usedforsecurity=False)
    return da.from_array(
        source,
        chunks=tuple(chunks),
        name=f"file-{digest.hexdigest()}",
        asarray=False,
        fancy=False,
        meta=np.empty((0,) * source.ndim, source.dtype),
    )


def chunks_for(shape: Sequence[int], native: Sequence[int]) -> tuple[int, ...]:
    """Return chunks of whole native tiles, about 512 samples along ``y`` and ``x``.

    Parameters
    ----------
    shape
        Shape of the array.
    native
        Shape of the tiles in which the file stores it.
    """
    chunks = []
    for length, tile in zip(shape, native, strict=True):
        wanted = tile if tile <= 1 else tile * max(1, _CHUNK_EDGE // tile)
        chunks.append(max(1, min(wanted, length)))
    return tuple(chunks)


def stamp(path: Path) -> tuple[str, int, int]:
    """Return what changes when a file is replaced: its path, size and time."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


class ByteReader:
    """Reads bytes of a file at given places, from any thread.

    Parameters
    ----------
    path
        The file; it is opened at the first read, in each process by itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: Any = None

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly ``size`` bytes.

        Raises
        ------
        UnreadableFile
            If the file ends before.
        """
        with self._lock:
            if self._file is None:
                self._file = self.path.open("rb", buffering=0)
            self._file.seek(offset)
            parts = []
            missing = size
            while missing > 0:
                part = self._file.read(missing)
                if not part:
                    break
                parts.append(part)
                missing -= len(part)
        if missing:
            raise UnreadableFile(
                f"{self.path} ends {missing} bytes too early",
                todo="copy the file again",
            )
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return ByteReader, (self.path,)

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()


def _box_of(key: Any, shape: tuple[int, ...]) -> tuple[Box, tuple[Any, ...]]:
    """Split a key into a contiguous box and what remains to be done inside it."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in parts:
        where = parts.index(Ellipsis)
        fill = len(shape) - len(parts) + 1
        parts[where : where + 1] = [slice(None)] * fill
    parts += [slice(None)] * (len(shape) - len(parts))
    box: list[slice] = []
    rest: list[Any] = []
    for part, length in zip(parts, shape, strict=True):
        if isinstance(part, slice):
            indices = range(length)[part]
            if len(indices) == 0:
                box.append(slice(0, 0))
                rest.append(slice(None))
                continue
            low, high = min(indices[0], indices[-1]), max(indices[0], indices[-1])
            box.append(slice(low, high + 1))
            rest.append(slice(None, None, indices.step))
        else:
            index = range(length)[int(part)]
            box.append(slice(index, index + 1))
            rest.append(0)
    return tuple(box), tuple(rest)
