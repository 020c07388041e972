"""Sums over all pairs of pixels at each lag, by Fourier transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nanoscape.compute import Block
from nanoscape.statistics.zones import zone_numbers

Floats = NDArray[np.float64]


def lag_block(block: Block, values: NDArray[Any], *rest: Any) -> Floats:
    """Return sums over the pairs whose first pixel lies in a block's core.

    Parameters
    ----------
    block
        Read with a halo of ``reach``.
    values
        Samples of the outer part.
    rest
        Masks as for :func:`~nanoscape.statistics.zones.zone_numbers`, then whether
        the first holds zones, the number of the zone, its mean, and the reach in
        pixels by axis.

    Returns
    -------
    array
        Pairs, Σ (zᵢ − zⱼ)² and Σ zᵢ zⱼ for lags from −reach to reach, shape
        ``(3, 2 · reach + 1, …)``.
    """
    *masks, zoned, number, mean, reach = rest
    x = values.astype(np.float64)
    inside = zone_numbers(values.shape, masks, zoned) == number
    inside &= np.isfinite(x)
    z = np.where(inside, x - mean, 0.0)
    # What the image's border cut off the halo.
    padding = [
        (r - part.start, r - (n - part.stop))
        for r, part, n in zip(reach, block.inner, values.shape, strict=True)
    ]
    around = [np.pad(a, padding) for a in (inside.astype(np.float64), z, z * z)]
    core = [a[block.inner] for a in (inside.astype(np.float64), z, z * z)]
    shape = [fft.next_fast_len(n, real=True) for n in around[0].shape]
    far = [fft.rfftn(a, shape) for a in around]
    near = [np.conj(fft.rfftn(a, shape)) for a in core]
    window = tuple(slice(0, 2 * r + 1) for r in reach)
    pairs = np.rint(fft.irfftn(far[0] * near[0], shape)[window])
    product = fft.irfftn(far[1] * near[1], shape)[window]
    squares = fft.irfftn(far[2] * near[0] + far[0] * near[2], shape)[window]
    return np.array([pairs, squares - 2 * product, product])
