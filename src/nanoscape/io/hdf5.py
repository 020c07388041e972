"""Arrays in HDF5 files, without following links to other files."""

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingDependency, UnreadableFile
from nanoscape.io.lazy import Box, Source, chunks_for, stamp

MAGIC = b"\x89HDF\r\n\x1a\n"
_MOST_COMPRESSED = 100_000
"""An array that is larger than its file by more than this is damage."""
_LATEST: dict[str, tuple[tuple[int, int], weakref.ref[Any]]] = {}
"""Size, time stamp and file that was opened last under each path."""


class Hdf5Source(Source):
    """Frames of three-dimensional datasets of one file, with the axes ``t z y x``.

    Parameters
    ----------
    path
        The file.
    names
        Path of the dataset of each frame.
    shape
        What is valid of the datasets; they may be padded behind it.
    unsigned
        Whether signed samples are meant as unsigned ones.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        shape: tuple[int, int, int] | None = None,
        unsigned: bool = False,
    ) -> None:
        self.path = path
        self.names = tuple(names)
        self.valid = shape
        self.unsigned = unsigned
        self._stamp = stamp(path)
        first = dataset(path, self.names[0])
        _load_filters(first, path)
        self.stored = np.dtype(first.dtype)
        if self.stored.kind not in "uif" or len(first.shape) != 3:
            raise UnreadableFile(
                f"{self.names[0]} of {path} has the type {first.dtype} and the shape "
                f"{first.shape}",
                "numbers with three axes",
            )
        stored = tuple(int(n) for n in first.shape)
        self.shape = (len(self.names), *(shape or stored))
        if any(n > kept for n, kept in zip(self.shape[1:], stored, strict=True)):
            raise UnreadableFile(
                f"{path} announces {self.shape[1:]} voxels and holds {stored}",
                todo="export it again",
            )
        if first.nbytes > _MOST_COMPRESSED * self._stamp[1]:
            raise UnreadableFile(f"{path} is damaged: an array of {first.nbytes} bytes")
        self.dtype = self.stored.newbyteorder("=")
        if unsigned and self.dtype.kind == "i":
            self.dtype = np.dtype(f"u{self.dtype.itemsize}")
        self._chunks = tuple(int(n) for n in first.chunks or (1, *stored[1:]))

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (*self._stamp, self.names, self.shape, self.unsigned)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of whole chunks of the file, one frame each."""
        depth, height, width = self._chunks
        chunks = chunks_for(self.shape, (1, 1, height, width))
        return (1, min(depth, self.shape[1]), *chunks[2:])

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box."""
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        for place, frame in enumerate(range(box[0].start, box[0].stop)):
            values = dataset(self.path, self.names[frame])[box[1:]]
            out[place] = values.astype(self.dtype, copy=False)
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        return Hdf5Source, (self.path, self.names, self.valid, self.unsigned)


def sniff(path: Path) -> bool:
    """Tell whether a file starts as HDF5 files do."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def open_hdf5(path: Path) -> Any:
    """Return the open file, one for each process; h5py lets one thread in at a time.

    Raises
    ------
    MissingDependency
        If h5py is not installed.
    """
    return _opened(*stamp(path), os.getpid())


@functools.lru_cache(maxsize=16)
def _opened(path: str, size: int, modified: int, process: int) -> Any:
    del process
    try:
        import h5py
    except ImportError as error:
        raise MissingDependency(
            "reading HDF5 needs h5py",
            todo="install it with: pip install 'napari-nanoscape[formats]'",
        ) from error
    # HDF5 goes by what it knows of a file that is open, though it was written anew.
    known, latest = _LATEST.get(path, ((size, modified), lambda: None))
    outdated = latest() if known != (size, modified) else None
    if outdated is not None:
        outdated.close()
    file = h5py.File(path, "r")
    _LATEST[path] = (size, modified), weakref.ref(file)
    return file


def member(path: Path, name: str) -> Any:
    """Return a group or dataset that lies in the file itself.

    Raises
    ------
    UnreadableFile
        If it is missing, or its samples lie in another file.
    """
    found = open_hdf5(path)
    import h5py

    for part in filter(None, name.split("/")):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
            raise UnreadableFile(
                f"{name} of {path} is a link to elsewhere", "samples in the file itself"
            )
        if link is None:
            raise UnreadableFile(
                f"{path} has no {name}", todo="copy or export the file again"
            )
        found = found[part]
    return found


def dataset(path: Path, name: str) -> Any:
    """Return a dataset whose samples lie in the file itself."""
    found = member(path, name)
    import h5py

    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise UnreadableFile(f"{name} of {path} holds no samples of its own")
    return found


def _load_filters(found: Any, path: Path) -> None:
    """Make the decompressors of a dataset known to HDF5.

    Raises
    ------
    MissingDependency
        If they come with a library that is not installed.
    UnreadableFile
        If no library here has them.
    """
    import h5py

    made = found.id.get_create_plist()
    codes = [made.get_filter(number)[0] for number in range(made.get_nfilters())]
    if all(h5py.h5z.filter_avail(code) for code in codes):
        return
    try:
        import hdf5plugin  # noqa: F401  (it registers itself)
    except ImportError as error:
        raise MissingDependency(
            f"the samples of {path} are compressed in a way that needs hdf5plugin",
            todo="install it with: pip install 'napari-nanoscape[formats]'",
        ) from error
    unknown = [code for code in codes if not h5py.h5z.filter_avail(code)]
    if unknown:
        raise UnreadableFile(
            f"the samples of {path} are compressed by the unknown filter {unknown[0]}",
            todo="export it with gzip",
        )
