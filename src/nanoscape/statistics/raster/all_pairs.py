"""Sums over all pairs of pixels with weights that fall off with distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nanoscape.statistics.raster.moran_geary import PairSums


def inverse_distance_sums(
    z: NDArray[np.float64], inside: NDArray[np.bool_], spacing: Sequence[float]
) -> PairSums:
    """Return the sums of Moran's I and Geary's C with w = 1 / distance.

    All pairs count; the sums are convolutions, by Fourier transforms.

    Parameters
    ----------
    z
        Values less their mean, 0 outside.
    inside
        Measured pixels.
    spacing
        Distance of pixel centres in µm along each axis.
    """
    shape = [fft.next_fast_len(2 * n - 1, real=True) for n in z.shape]
    squared = np.zeros(shape)
    for axis, (n, step) in enumerate(zip(shape, spacing, strict=True)):
        index = np.minimum(np.arange(n), n - np.arange(n))
        along = [1] * z.ndim
        along[axis] = n
        squared = squared + (index * step).reshape(along) ** 2
    squared.flat[0] = np.inf
    transforms = [fft.rfftn(kernel) for kernel in (1 / np.sqrt(squared), 1 / squared)]
    crop = tuple(slice(0, n) for n in z.shape)

    def convolved(
        values: NDArray[np.float64], transform: NDArray[np.complex128]
    ) -> NDArray[np.float64]:
        product = fft.rfftn(values, shape) * transform
        return fft.irfftn(product, shape)[crop][inside]

    ones = inside.astype(np.float64)
    rows = convolved(ones, transforms[0])
    x = z[inside]
    cross = float((x * convolved(z, transforms[0])).sum())
    return PairSums(
        n=int(inside.sum()),
        s0=float(rows.sum()),
        s1=2 * float(convolved(ones, transforms[1]).sum()),
        s2=4 * float((rows**2).sum()),
        cross=cross,
        contrast=2 * (float((rows * x**2).sum()) - cross),
        m2=float((x**2).sum()),
        m4=float((x**4).sum()),
        lean=2 * float((rows * x).sum()),
        m3=float((x**3).sum()),
    )
