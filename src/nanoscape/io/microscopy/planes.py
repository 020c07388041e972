"""Arrays that a library gives one plane at a time."""

from __future__ import annotations

import functools
import itertools
import os
import threading
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.io.lazy import Box, Source, stamp

_LARGE_PLANE = 2**22
"""Samples of a chunk, where planes can be cut."""


class PlaneSource(Source):
    """An array of planes: the last axes are ``y x`` or ``y x s``.

    Attributes
    ----------
    lead
        How many axes come before ``y``.
    in_rows
        Whether a few rows of a plane can be had without the rest of it.
    """

    lead: int
    in_rows: bool = False

    @abstractmethod
    def plane(self, index: tuple[int, ...], inside: Box) -> NDArray[Any]:
        """Return a part of one plane, which no longer depends on the file."""

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of one plane, or of some rows of it where it is large."""
        plane = self.shape[self.lead :]
        row = max(1, int(np.prod(plane[1:], dtype=np.int64)))
        rows = max(1, _LARGE_PLANE // row) if self.in_rows else plane[0]
        return (1,) * self.lead + (min(rows, plane[0]), *plane[1:])

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box."""
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        ranges = [range(part.start, part.stop) for part in box[: self.lead]]
        for index in itertools.product(*ranges):
            place = tuple(i - r.start for i, r in zip(index, ranges, strict=True))
            out[place] = self.plane(index, box[self.lead :])
        return out


class Shared:
    """A file that a library keeps open, used by one thread at a time.

    Parameters
    ----------
    file
        What the library opened.
    """

    def __init__(self, file: Any) -> None:
        self.file = file
        self.lock = threading.RLock()

    def __del__(self) -> None:
        self.file.close()


def shared(path: Path, opener: Callable[[str], Any]) -> Shared:
    """Return a file, opened once in each process until it is replaced.

    Parameters
    ----------
    path
        The file.
    opener
        Function of a module that opens it.
    """
    return _shared(*stamp(path), opener, os.getpid())


@functools.lru_cache(maxsize=8)
def _shared(
    path: str, size: int, modified: int, opener: Callable[[str], Any], process: int
) -> Shared:
    del size, modified, process
    return Shared(opener(path))
