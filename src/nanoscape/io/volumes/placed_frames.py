"""Volumes of one file, each at a place of its own and with a scale of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import Box, Source, stamp
from nanoscape.io.volumes.raw import plane_chunks, truncated


class PlacedFrames(Source):
    """Frames stored plainly in a file.

    Parameters
    ----------
    path
        The file with the samples.
    stored
        Their type there.
    volume
        Shape ``zyx`` of a frame.
    offsets, scales
        Of each frame its first byte and the factor of its samples.
    flipped
        Axes of ``zyx`` that run backwards in the file.
    """

    def __init__(
        self,
        path: Path,
        stored: np.dtype[Any],
        volume: Sequence[int],
        offsets: Sequence[int],
        scales: Sequence[float],
        flipped: str = "",
    ) -> None:
        self.path = path
        self.stored = np.dtype(stored)
        self.volume = tuple(volume)
        self.offsets = tuple(offsets)
        self.scales = tuple(scales)
        self.flipped = flipped
        lead = (len(self.offsets),) if len(self.offsets) > 1 else ()
        self.shape = (*lead, *self.volume)
        self.dtype = self._scaled_dtype()

    def _scaled_dtype(self) -> np.dtype[Any]:
        if all(scale == 1 for scale in self.scales):
            return self.stored.newbyteorder("=")
        wide = self.stored.kind in "iu" and self.stored.itemsize > 2
        return np.dtype(np.float64 if wide or self.stored.itemsize > 4 else np.float32)

    def check_complete(self) -> None:
        """Raise :class:`UnreadableFile` when the file ends before its samples do."""
        size = math.prod(self.volume) * self.stored.itemsize
        if size <= 0 or min(self.offsets) < 0:
            raise UnreadableFile(f"{self.path} is damaged: its frames are empty")
        needed = max(self.offsets) + size
        found = self.path.stat().st_size
        if found < needed:
            raise truncated(self.path, needed, found)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        place = (self.stored.str, self.volume, self.offsets, self.scales, self.flipped)
        return (*stamp(self.path), *place)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of whole planes, several where they are small."""
        return plane_chunks(self.shape, "tzyx"[-self.ndim :], self.stored)

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the scaled samples of a box."""
        if len(self.shape) == 3:
            return self._frame(0, box)
        first = box[0]
        frames = [self._frame(t, box[1:]) for t in range(first.start, first.stop)]
        empty = np.empty((0, *self.volume), self.dtype)
        return np.stack(frames) if frames else empty[(slice(0), *box[1:])]

    def _frame(self, number: int, box: Box) -> NDArray[Any]:
        samples = np.memmap(
            self.path,
            dtype=self.stored,
            mode="r",
            offset=self.offsets[number],
            shape=self.volume,
        )
        turned = samples[
            tuple(
                slice(None, None, -1 if axis in self.flipped else 1) for axis in "zyx"
            )
        ]
        crop = np.array(turned[box])
        scale = self.scales[number]
        return (crop if scale == 1 else crop * scale).astype(self.dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        frames = (self.offsets, self.scales, self.flipped)
        return PlacedFrames, (self.path, self.stored, self.volume, *frames)
