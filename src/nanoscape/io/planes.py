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


class PlaneSource(Source):
    """An array of planes: the last axes are ``y x`` or ``y x s``.

    Attributes
    ----------
    lead
        How many axes come before ``y``.
    """

    lead: int

    @abstractmethod
    def plane(self, index: tuple[int, ...]) -> NDArray[Any]:
        """Return one plane, which may be a view of the file."""

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of one plane."""
        return (1,) * self.lead + self.shape[self.lead :]

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box."""
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        ranges = [range(part.start, part.stop) for part in box[: self.lead]]
        for index in itertools.product(*ranges):
            place = tuple(i - r.start for i, r in zip(index, ranges, strict=True))
            out[place] = self.plane(index)[box[self.lead :]]
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
