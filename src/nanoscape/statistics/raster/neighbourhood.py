"""Which pixels are near a pixel, and exact sums over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

FIXED = 2.0**40
"""Values are counted in parts of their largest magnitude: whole numbers add up the
same in any order, so that sums do not depend on how an image is cut."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The pixels around a pixel, itself among them, as rows along the last axis.

    Attributes
    ----------
    rows
        Steps along z and y and half the width of each row, shape ``(n, 3)``.
    halo
        Its reach in pixels along each axis of the image.
    text
        What it is, in a few words.
    """

    rows: NDArray[np.int64]
    halo: tuple[int, ...]
    text: str

    @property
    def size(self) -> int:
        """Number of its pixels."""
        return int((2 * self.rows[:, 2] + 1).sum())


def neighbourhood(
    spacing: Sequence[float], shape: Sequence[int], radius: float | None
) -> Neighbourhood:
    """Return all pixels within a radius, or those that touch.

    Parameters
    ----------
    spacing, shape
        Distance of pixel centres in µm, and length, of each axis.
    radius
        In µm, between pixel centres; ``None`` for pixels that touch by a side, an
        edge or a corner.
    """
    lead = 3 - len(shape)
    steps = [1.0] * lead + list(spacing)
    lengths = [1] * lead + list(shape)
    rows = []
    if radius is None:
        text = "pixels that touch by a side, an edge or a corner"
        reach = [min(n - 1, 1) for n in lengths]
    else:
        text = f"pixels within {radius:g} µm"
        # A pixel exactly at the radius belongs, whatever the last bits say.
        radius *= 1 + 1e-9
        reach = [
            min(n - 1, int(radius / s)) for n, s in zip(lengths, steps, strict=True)
        ]
    for dz in range(-reach[0], reach[0] + 1):
        for dy in range(-reach[1], reach[1] + 1):
            half = reach[2]
            if radius is not None:
                left = radius**2 - (dz * steps[0]) ** 2 - (dy * steps[1]) ** 2
                if left < 0:
                    continue
                half = min(half, int(math.sqrt(left) / steps[2]))
            rows.append((dz, dy, half))
    return Neighbourhood(np.array(rows, np.int64), tuple(reach[lead:]), text)


def sums_near(
    z: NDArray[np.float64],
    inside: NDArray[np.bool_],
    rows: NDArray[np.int64],
    largest: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return sum and number of the measured pixels near each pixel.

    Parameters
    ----------
    z
        Values, 0 outside.
    inside
        Where there are any.
    rows
        Rows of the neighbourhood.
    largest
        Largest magnitude of all values of the image, greater than 0.
    """
    _, total, count = fixed_sums_near(z, inside, rows, largest)
    return total.astype(np.float64) * (largest / FIXED), count


def fixed_sums_near(
    z: NDArray[np.float64],
    inside: NDArray[np.bool_],
    rows: NDArray[np.int64],
    largest: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return values, sums and numbers as :func:`sums_near`, in parts of the largest."""
    shape = (1,) * (3 - z.ndim) + z.shape
    fixed = np.rint(z * (FIXED / largest)).astype(np.int64).reshape(shape)
    total, count = _row_sums(fixed, inside.reshape(shape), rows)
    return fixed.reshape(z.shape), total.reshape(z.shape), count.reshape(z.shape)


@numba.njit(nogil=True, cache=True)
def _row_sums(fixed: Any, inside: Any, rows: Any) -> Any:
    depth, height, width = fixed.shape
    sums = np.zeros((depth, height, width + 1), np.int64)
    counts = np.zeros((depth, height, width + 1), np.int64)
    for a in range(depth):
        for b in range(height):
            for c in range(width):
                sums[a, b, c + 1] = sums[a, b, c] + fixed[a, b, c]
                counts[a, b, c + 1] = counts[a, b, c] + inside[a, b, c]
    total = np.zeros(fixed.shape, np.int64)
    count = np.zeros(fixed.shape, np.int64)
    for a in range(depth):
        for b in range(height):
            for k in range(len(rows)):
                i, j, half = a + rows[k, 0], b + rows[k, 1], rows[k, 2]
                if i < 0 or j < 0 or i >= depth or j >= height:
                    continue
                for c in range(width):
                    low, high = max(c - half, 0), min(c + half + 1, width)
                    total[a, b, c] += sums[i, j, high] - sums[i, j, low]
                    count[a, b, c] += counts[i, j, high] - counts[i, j, low]
    return total, count
