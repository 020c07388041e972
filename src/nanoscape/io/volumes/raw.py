"""Samples that lie one after the other in a file or several, packed or not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import Box, Source, stamp
from nanoscape.io.volumes.packed import Unpacked, check_announced, unpacked

_PLANE_EDGE = 1024
_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class RawLayout:
    """Where samples lie.

    Attributes
    ----------
    files
        One file, or one for each index of the first axes.
    shape
        Of the whole array, the slowest axis first.
    dtype
        As stored.
    offset
        Bytes before the samples in each file; before the compressed stream when
        they are packed.
    packing
        ``""``, ``"zlib"``, ``"gzip"`` or ``"bzip2"``.
    skip
        Bytes before the samples in what was unpacked.
    """

    files: tuple[Path, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int = 0
    packing: str = ""
    skip: int = 0

    @property
    def lead(self) -> int:
        """Number of first axes that go through the files.

        Raises
        ------
        UnreadableFile
            If the files do not fill whole axes.
        """
        for axes in range(len(self.shape)):
            if math.prod(self.shape[:axes]) == len(self.files):
                return axes
        raise UnreadableFile(
            f"{len(self.files)} files hold an image of the shape {self.shape}",
            "one file for each plane or each volume",
        )

    @property
    def part_bytes(self) -> int:
        """Bytes of the samples in each file."""
        return math.prod(self.shape[self.lead :]) * self.dtype.itemsize


class RawSource(Source):
    """Samples of a fixed type, mapped into memory piece by piece.

    Packed ones are unpacked into a temporary file at the first look, because a
    compressed stream cannot be entered in the middle.

    Parameters
    ----------
    path
        The file that describes the samples.
    layout
        Where they lie.
    """

    def __init__(self, path: Path, layout: RawLayout) -> None:
        self.path = path
        self.layout = layout
        self.shape = layout.shape
        self.dtype = layout.dtype.newbyteorder("=")
        self._held: dict[int, Unpacked] = {}

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        layout = self.layout
        files = tuple(stamp(file) for file in layout.files)
        how = (layout.shape, layout.dtype.str, layout.offset, layout.packing)
        return (type(self).__name__, files, *how, layout.skip)

    def check_complete(self) -> None:
        """Raise :class:`UnreadableFile` when a file ends before its samples do."""
        layout = self.layout
        needed = layout.skip + layout.part_bytes
        for file in layout.files:
            if not file.is_file():
                raise UnreadableFile(
                    f"{self.path} describes samples in {file.name}, which is not "
                    "beside it",
                    todo="copy both files into one folder",
                )
            if layout.packing:
                check_announced(file, layout.packing, layout.offset, needed)
            elif file.stat().st_size < layout.offset + needed:
                raise truncated(file, layout.offset + needed, file.stat().st_size)

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box."""
        lead = self.layout.lead
        result = np.empty([part.stop - part.start for part in box], self.dtype)
        for place in np.ndindex(*result.shape[:lead]):
            index = [p.start + i for p, i in zip(box[:lead], place, strict=True)]
            number = 0
            for position, length in zip(index, self.shape[:lead], strict=True):
                number = number * length + position
            result[place] = self._part(number)[box[lead:]]
        return result

    def _part(self, number: int) -> NDArray[Any]:
        layout = self.layout
        path, offset = layout.files[number], layout.offset
        if layout.packing:
            path, offset = self._unpacked(number).path, layout.skip
        return np.memmap(path, layout.dtype, "r", offset, layout.shape[layout.lead :])

    def _unpacked(self, number: int) -> Unpacked:
        held = self._held.get(number)
        if held is None:
            file, needed = self.layout.files[number], self.layout.part_bytes
            needed += self.layout.skip
            held = unpacked(
                stamp(file), self.layout.packing, self.layout.offset, needed
            )
            if held.size < needed:
                raise truncated(file, needed, held.size)
            self._held[number] = held
        return held

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.layout)


def plane_chunks(
    shape: Sequence[int], axes: str, dtype: np.dtype[Any]
) -> tuple[int, ...]:
    """Return chunks of whole planes, of several where planes are small.

    Parameters
    ----------
    shape
        Shape of the array.
    axes
        One letter for each, with ``y`` before ``x``; what comes after ``x`` stays
        together.
    dtype
        Of the samples.
    """
    lead = axes.index("y")
    chunks = [1] * lead + [min(length, _PLANE_EDGE) for length in shape[lead:]]
    behind = axes.index("x") + 1
    chunks[behind:] = shape[behind:]
    room = _CHUNK_BYTES // max(1, math.prod(chunks) * dtype.itemsize)
    for axis in reversed(range(lead)):
        chunks[axis] = max(1, min(shape[axis], room))
        room //= shape[axis]
    return tuple(chunks)


def truncated(file: Path, needed: int, found: int) -> UnreadableFile:
    """Return the error for a file that ends before its samples do."""
    return UnreadableFile(
        f"{file} is truncated: its samples need {needed} bytes and it has {found}",
        todo="copy the file again",
    )
