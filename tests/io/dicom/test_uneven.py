"""Even slices between uneven ones, over time, against interpolation in one piece."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.io.dicom.uneven import EvenSource
from nanoscape.io.lazy import Box, Source, lazy_array

HEIGHTS = np.array([0.0, 1.0, 3.0, 3.5])
SAMPLES = np.random.default_rng(3).integers(0, 999, (2, 4, 5, 6)).astype(np.int16)


class Frames(Source):
    """Samples in memory that count which slices are read."""

    path = Path("memory")
    shape = SAMPLES.shape
    dtype = SAMPLES.dtype

    def __init__(self) -> None:
        self.read: list[tuple[int, int]] = []

    def key(self) -> tuple[Any, ...]:
        return ("frames",)

    def read_box(self, box: Box) -> NDArray[Any]:
        self.read.append((box[1].start, box[1].stop))
        return SAMPLES[box]


def even() -> tuple[Frames, EvenSource, NDArray[np.float64]]:
    places = np.arange(8) * 0.5
    below = np.clip(np.searchsorted(HEIGHTS, places, "right") - 1, 0, 2)
    weights = (places - HEIGHTS[below]) / np.diff(HEIGHTS)[below]
    frames = Frames()
    source = EvenSource(frames, [int(n) for n in below], [float(w) for w in weights])
    flat = SAMPLES.astype(float).transpose(0, 2, 3, 1).reshape(-1, 4)
    lines = np.array([np.interp(places, HEIGHTS, line) for line in flat])
    return frames, source, lines.reshape(2, 5, 6, 8).transpose(0, 3, 1, 2)


def test_frames_are_interpolated_slice_by_slice() -> None:
    _, source, truth = even()
    array = lazy_array(source, source.native_chunks())
    np.testing.assert_allclose(array.compute(), truth, rtol=1e-6)
    part = array[1, 2:5, 1:4, ::2].compute()
    np.testing.assert_allclose(part, truth[1, 2:5, 1:4, ::2], rtol=1e-6)
    sent = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(sent[:, 3:5], source[:, 3:5])


def test_only_the_slices_beside_a_place_are_read() -> None:
    frames, source, _ = even()
    assert source[0, 2].shape == (5, 6)  # at 1.0, where a slice lies
    assert source[0, 3].shape == (5, 6)  # at 1.5, between two
    assert source[0, 7].shape == (5, 6)  # at 3.5, the last one
    assert frames.read == [(1, 2), (1, 3), (3, 4)]
