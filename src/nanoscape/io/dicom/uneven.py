"""Slices at uneven distances, interpolated to even ones when that is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.dicom.geometry import is_even, position_of
from nanoscape.io.dicom.slice import Slice
from nanoscape.io.lazy import Box, Source

_OFF_LINE = 0.02
_MOST_SLICES = 20
"""Even slices for each uneven one, beyond which a distance is taken for an error."""


@dataclass(frozen=True)
class EvenSlices:
    """Where even slices lie between uneven ones.

    Attributes
    ----------
    below
        Of each even slice the number of the uneven one at or before it.
    weights
        How much of the way to the next one it lies, from 0 to 1.
    sentence
        What was done, for the user.
    """

    below: tuple[int, ...]
    weights: tuple[float, ...]
    sentence: str


def even_slices(stack: Sequence[Slice], path: Path) -> EvenSlices | None:
    """Return how a stack is made even, or ``None`` when it is.

    The first and the last slice stay where they are. Between them slices follow at
    the smallest distance that the stack has, or a little closer.

    Raises
    ------
    UnreadableFile
        If the slices do not lie behind one another, or far closer at one place than
        everywhere else.
    """
    if is_even(stack, path):
        return None
    positions = np.array([position_of(part, path) for part in stack])
    line = positions[-1] - positions[0]
    length = float(np.linalg.norm(line))
    heights = (positions - positions[0]) @ line / length
    aside = np.linalg.norm(
        positions - positions[0] - np.outer(heights, line) / length, axis=1
    )
    steps = np.diff(heights)
    count = math.ceil(length / steps.min() - 1e-6) + 1 if steps.min() > 0 else 0
    if aside.max() > _OFF_LINE * length / len(stack):
        raise UnreadableFile(
            f"the slices of {path} do not lie behind one another, but up to "
            f"{aside.max():.3g} mm aside",
            "slices along one line",
            "export each straight part into a folder of its own",
        )
    if not 0 < count <= _MOST_SLICES * len(stack):
        raise UnreadableFile(
            f"two slices of {path} lie {steps.min():.3g} mm apart, and others "
            f"{steps.max():.3g} mm",
            "distances that differ less",
            "check whether a slice was exported twice",
        )
    places = np.linspace(0.0, length, count)
    below = np.clip(np.searchsorted(heights, places, "right") - 1, 0, len(stack) - 2)
    weights = (places - heights[below]) / steps[below]
    return EvenSlices(
        tuple(int(n) for n in below),
        tuple(float(w) for w in np.clip(weights, 0.0, 1.0)),
        f"the slices lie {steps.min():.4g} to {steps.max():.4g} mm apart; as asked, "
        f"{count} slices {length / (count - 1):.4g} mm apart were interpolated from "
        f"{len(stack)}",
    )


class EvenSource(Source):
    """Even slices, linearly interpolated between those of another source.

    Parameters
    ----------
    uneven
        Slices with the axes ``z y x`` or ``t z y x``.
    below, weights
        As in :class:`EvenSlices`.
    """

    def __init__(
        self, uneven: Source, below: Sequence[int], weights: Sequence[float]
    ) -> None:
        self.uneven = uneven
        self.below, self.weights = tuple(below), tuple(weights)
        self.path = uneven.path
        lead = uneven.shape[:-3]
        self.shape = (*lead, len(self.below), *uneven.shape[-2:])
        wide = uneven.dtype.itemsize > 2 and uneven.dtype != np.float32
        self.dtype = np.dtype(np.float64 if wide else np.float32)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (*self.uneven.key(), self.below, self.weights)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of one slice."""
        return (1,) * (self.ndim - 2) + self.shape[-2:]

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return interpolated samples, reading only the slices next to them."""
        lead, plane = box[:-3], box[-2:]
        wanted = range(box[-3].start, box[-3].stop)
        shape = [part.stop - part.start for part in box]
        out = np.empty(shape, self.dtype)
        for place, number in enumerate(wanted):
            first, weight = self.below[number], self.weights[number]
            # A slice that lies where an uneven one does is that one, unchanged.
            low = first + (weight == 1)
            high = low + (1 if weight in (0, 1) else 2)
            near = self.uneven[(*lead, slice(low, high), *plane)].astype(np.float64)
            mixed = near[..., 0, :, :]
            if near.shape[-3] == 2:
                mixed = (1 - weight) * mixed + weight * near[..., 1, :, :]
            out[..., place, :, :] = mixed
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        return EvenSource, (self.uneven, self.below, self.weights)
