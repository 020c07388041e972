"""Files that can only be read as a whole, such as tables in text."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import Box, Source, stamp

_LOCK = threading.Lock()


@dataclass(frozen=True, eq=False, kw_only=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    values
        The array, not to be changed.
    """

    values: NDArray[Any]


C = TypeVar("C", bound=Content)
Load = Callable[..., C]
"""A function at the top of a module that reads a path, with further arguments."""


def remembered(
    load: Load[C],
    path: Path,
    files: tuple[Path, ...] = (),
    arguments: tuple[Hashable, ...] = (),
) -> C:
    """Return what a function reads, from memory when it was read just before.

    Parameters
    ----------
    load, path, arguments
        The function and what it is given.
    files
        The files on which the answer depends; by default the path.
    """
    stamps = tuple(stamp(file) for file in files or (path,))
    # One thread reads; the others find the answer when they get the lock.
    with _LOCK:
        found: C = _loaded(load, path, arguments, stamps)
    return found


class EagerSource(Source):
    """An array that is read at once and remembered for the next chunk.

    Parameters
    ----------
    path
        The file or folder that ``load`` takes.
    load
        What reads it, importable by other processes.
    shape, dtype
        Of the values that ``load`` returns.
    files, arguments
        As :func:`remembered` takes them.
    """

    def __init__(
        self,
        path: Path,
        load: Load[Any],
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
        content = remembered(self._load, self.path, self._files, self._arguments)
        if content.values.shape != self.shape:
            raise UnreadableFile(
                f"{self.path} was changed after it was opened", todo="open it again"
            )
        return np.array(content.values[box], dtype=self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.path, self._load, self.shape, self.dtype)
        return EagerSource, (*arguments, self._files, self._arguments)


@functools.lru_cache(maxsize=4)
def _loaded(
    load: Load[Any],
    path: Path,
    arguments: tuple[Hashable, ...],
    stamps: tuple[tuple[str, int, int], ...],
) -> Any:
    """Return what a function reads; another size or time means another file."""
    del stamps
    return load(path, *arguments)
