"""Arrays that can only be read as a whole, such as tables in text."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import Box, Source, stamp

Load = Callable[..., NDArray[Any]]
"""A function at the top of a module: path and arguments to an array."""

_LOCK = threading.Lock()


class WholeSource(Source):
    """An array that is read at once and remembered for the next chunk.

    Parameters
    ----------
    path
        The file or folder that ``load`` takes.
    load
        What reads it, importable by other processes.
    shape, dtype
        What ``load`` returns.
    files
        The files on which the array depends; by default the path.
    arguments
        Further arguments of ``load``.
    """

    def __init__(
        self,
        path: Path,
        load: Load,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        files: tuple[Path, ...] = (),
        arguments: tuple[Hashable, ...] = (),
    ) -> None:
        self.path = path
        self.shape = shape
        self.dtype = dtype
        self._load = load
        self._files = files or (path,)
        self._arguments = arguments
        self._stamps = tuple(stamp(file) for file in self._files)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        name = f"{self._load.__module__}.{self._load.__qualname__}"
        return (name, str(self.path), self._arguments, *self._stamps)

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box."""
        # One thread reads; the others find the array when they get the lock.
        with _LOCK:
            array = _loaded(self._load, self.path, self._arguments, self._stamps)
        if array.shape != self.shape:
            raise UnreadableFile(
                f"{self.path} was changed after it was opened", todo="open it again"
            )
        return np.array(array[box], dtype=self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.path, self._load, self.shape, self.dtype)
        return WholeSource, (*arguments, self._files, self._arguments)


@functools.lru_cache(maxsize=4)
def _loaded(
    load: Load,
    path: Path,
    arguments: tuple[Hashable, ...],
    stamps: tuple[tuple[str, int, int], ...],
) -> NDArray[Any]:
    """Return what a function reads; another size or time means another file."""
    del stamps
    return load(path, *arguments)
