"""How much of a window overlaps itself when it is shifted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nanoscape.compute.blocks import block_shape_for, lattice
from nanoscape.statistics.points.window import Window


@dataclass(frozen=True, eq=False)
class SetCovariance:
    """Size of the overlap of a window with itself, for whole steps of pixels.

    Between them it is linear along each axis, exactly, because the window is made of
    pixels: the indicator of pixels convolved with itself is that of lattice points
    convolved with triangles.

    Attributes
    ----------
    sizes
        In µm² or µm³, three axes, the middle one without a shift.
    reach
        Whole steps on either side of the middle, by axis.
    """

    sizes: NDArray[np.float64]
    reach: NDArray[np.int64]


def set_covariance(window: Window, farthest: float) -> SetCovariance:
    """Return the overlap for all shifts up to a distance.

    Parameters
    ----------
    window
        Any window.
    farthest
        Largest distance in µm.
    """
    mask = window.mask
    reach = [
        min(math.floor(farthest / step) + 1, n)
        for step, n in zip(window.spacing, mask.shape, strict=True)
    ]
    total = np.zeros([2 * r + 1 for r in reach])
    padded = np.pad(mask, [(r, r) for r in reach])
    # Blocks bound the memory; counts of pixels add up exactly.
    for block in lattice(mask.shape, block_shape_for(mask.shape)):
        core = mask[block.core]
        around = padded[
            tuple(
                slice(part.start, part.stop + 2 * r)
                for part, r in zip(block.core, reach, strict=True)
            )
        ]
        shape = [fft.next_fast_len(n, real=True) for n in around.shape]
        product = fft.rfftn(around.astype(np.float64), shape)
        product *= np.conj(fft.rfftn(core.astype(np.float64), shape))
        counts = fft.irfftn(product, shape)
        total += np.rint(counts[tuple(slice(0, 2 * r + 1) for r in reach)])
    lead = 3 - mask.ndim
    return SetCovariance(
        (total * math.prod(window.spacing)).reshape((1,) * lead + total.shape),
        np.array([0] * lead + reach, np.int64),
    )
