"""Frames of one size in a file, each with its own scale and in any order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import Box
from nanoscape.io.volumes.raw import RawLayout, RawSource


class FrameSource(RawSource):
    """Samples ``slope · stored + offset`` of frames on a lattice.

    Parameters
    ----------
    path
        The file that describes the frames.
    layout
        Where they lie, of the shape ``(frames, …)``.
    order
        Number of the frame at each place of the lattice.
    slopes, offsets
        Of each frame at its place of the lattice.
    """

    def __init__(
        self,
        path: Path,
        layout: RawLayout,
        order: NDArray[np.intp],
        slopes: NDArray[np.float64],
        offsets: NDArray[np.float64],
    ) -> None:
        super().__init__(path, layout)
        self.order, self.slopes, self.offsets = order, slopes, offsets
        self.shape = (*order.shape, *layout.shape[1:])
        self.scaled = bool((slopes != 1).any() or offsets.any())
        if self.scaled:
            exact = layout.dtype.kind in "iu" and layout.dtype.itemsize <= 2
            single = exact or layout.dtype == np.float32
            self.dtype = np.dtype(np.float32 if single else np.float64)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        tables = (self.order, self.slopes, self.offsets)
        return (*super().key(), self.shape, *(table.tobytes() for table in tables))

    def check_complete(self) -> None:
        """Raise :class:`UnreadableFile` when samples or scales are damaged."""
        if not (np.isfinite(self.slopes).all() and np.isfinite(self.offsets).all()):
            raise UnreadableFile(
                f"{self.path} states scales that are no numbers",
                todo="copy the file again",
            )
        super().check_complete()

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box, each frame scaled as its own."""
        lead = self.order.ndim
        frames = self._part(0)
        result = np.empty([part.stop - part.start for part in box], self.dtype)
        for place in np.ndindex(*result.shape[:lead]):
            index = tuple(p.start + i for p, i in zip(box[:lead], place, strict=True))
            stored = frames[self.order[index]][box[lead:]]
            if self.scaled:
                stored = stored.astype(np.float64) * self.slopes[index]
                stored = stored + self.offsets[index]
            with np.errstate(over="ignore"):
                result[place] = stored
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        given = (self.path, self.layout, self.order, self.slopes, self.offsets)
        return FrameSource, given
