"""Averaging pixels over cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pooled(values: Floats, factor: int) -> Floats:
    """Return means over cells of so many pixels along each axis.

    What lies beyond the end of the array counts as zero.
    """
    edges = [min(factor, n) for n in values.shape]
    padding = [(0, -n % f) for n, f in zip(values.shape, edges, strict=True)]
    padded = np.pad(values, padding)
    split = [k for n, f in zip(padded.shape, edges, strict=True) for k in (n // f, f)]
    return padded.reshape(split).mean(axis=tuple(range(1, 2 * values.ndim, 2)))
