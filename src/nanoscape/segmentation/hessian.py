"""Gaussian derivatives and the eigenvalues of the Hessian, in two and three axes.

Every pixel is the sum of the same products in the same order wherever a block
begins, so that an image filtered in blocks equals the image filtered whole to the
last bit. Beyond the edge of what they are given, the filters see its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

TRUNCATE = 4.0
"""Half width of the kernels, in standard deviations."""

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Kernels:
    """One-dimensional kernels of a Gaussian and its derivatives along one axis.

    Attributes
    ----------
    smooth, first, second
        The centre and the right half of each, shape ``(radius + 1,)``. ``first``
        is odd: its left half has the other sign.
    """

    smooth: Floats
    first: Floats
    second: Floats

    @property
    def radius(self) -> int:
        """Reach of the kernels in pixels."""
        return len(self.smooth) - 1


def kernel_radius(sigma: float) -> int:
    """Return the reach in pixels of the kernels of one standard deviation."""
    return max(1, int(TRUNCATE * sigma + 0.5))


def gaussian_kernels(sigma: float) -> Kernels:
    """Return sampled kernels that are exact for parabolas.

    The smoothing kernel sums to one, the first derivative of ``x`` is one, and
    the second derivative of ``x²/2`` is one and that of a constant zero, whatever
    the truncation.

    Parameters
    ----------
    sigma
        Standard deviation in pixels.
    """
    x = np.arange(kernel_radius(sigma) + 1, dtype=np.float64)
    smooth = np.exp(-0.5 * (x / sigma) ** 2)
    smooth /= smooth[0] + 2 * smooth[1:].sum()
    first = x * smooth
    first /= 2 * (x * first).sum()
    second = (x**2 / sigma**2 - 1) * smooth
    second -= smooth * (second[0] + 2 * second[1:].sum())
    second /= (x**2 * second).sum()
    return Kernels(*(part.astype(np.float32) for part in (smooth, first, second)))


def mirrored(length: int, radius: int) -> Indices:
    """Return the index of each sample of a line extended on both sides.

    The line is continued by its mirror image, ``c b a | a b c | c b a``, as often
    as needed.
    """
    index = np.arange(-radius, length + radius) % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def smoothed(array: Floats, sigmas: tuple[float, ...]) -> Floats:
    """Return an array of any number of axes smoothed by a Gaussian.

    Parameters
    ----------
    array
        Samples.
    sigmas
        Standard deviation in pixels by axis; zero leaves an axis as it is.
    """
    result = np.ascontiguousarray(array, dtype=np.float32)
    for axis, sigma in enumerate(sigmas):
        if sigma <= 0:
            continue
        kernel = gaussian_kernels(sigma).smooth
        index = mirrored(result.shape[axis], len(kernel) - 1)
        before = int(np.prod(result.shape[:axis]))
        after = int(np.prod(result.shape[axis + 1 :]))
        shape = result.shape
        if after == 1:
            rows = result.reshape(before, shape[axis])
            result = _smooth_rows(rows, kernel, index).reshape(shape)
        else:
            planes = result.reshape(before, shape[axis], after)
            result = _smooth_columns(planes, kernel, index).reshape(shape)
    return result


def hessian_eigenvalues(
    array: Floats, sigmas: tuple[float, ...], steps: tuple[float, ...]
) -> tuple[Floats, ...]:
    """Return the smoothed array and the eigenvalues of its Hessian.

    Parameters
    ----------
    array
        Samples with the axes ``yx`` or ``zyx``.
    sigmas
        Standard deviation in pixels by axis.
    steps
        Distance of pixel centres by axis; the second derivatives are taken per
        squared unit of it.

    Returns
    -------
    tuple of ndarray
        The smoothed samples, then the eigenvalues from the smallest to the
        largest, all float32 and of the array's shape.
    """
    array = np.ascontiguousarray(array, dtype=np.float32)
    kernels = [gaussian_kernels(sigma) for sigma in sigmas]
    index = [mirrored(n, k.radius) for n, k in zip(array.shape, kernels, strict=True)]
    scales = np.float32(1.0) / np.asarray(steps, dtype=np.float32)
    weights = [
        np.stack([k.smooth, k.first * scale, k.second * scale * scale])
        for k, scale in zip(kernels, scales, strict=True)
    ]
    if array.ndim == 2:
        rows = _derive_rows(array, weights[1], index[1])
        return _eigenvalues_2d(rows, weights[0], index[0])
    shape = array.shape
    rows = _derive_rows(array.reshape(-1, shape[2]), weights[2], index[2])
    planes = _derive_columns(rows.reshape(3, *shape), weights[1], index[1])
    return _eigenvalues_3d(planes, weights[0], index[0])


@numba.njit(nogil=True, cache=True)
def _smooth_rows(rows: Floats, kernel: Floats, index: Indices) -> Floats:
    count, length = rows.shape
    radius = len(kernel) - 1
    out = np.empty((count, length), np.float32)
    line = np.empty(length + 2 * radius, np.float32)
    for row in range(count):
        for i in range(len(line)):
            line[i] = rows[row, index[i]]
        target = out[row]
        for x in range(length):
            target[x] = kernel[0] * line[radius + x]
        for k in range(1, radius + 1):
            left, right, weight = line[radius - k :], line[radius + k :], kernel[k]
            for x in range(length):
                target[x] += weight * (left[x] + right[x])
    return out


@numba.njit(nogil=True, cache=True)
def _smooth_columns(planes: Floats, kernel: Floats, index: Indices) -> Floats:
    count, length, width = planes.shape
    radius = len(kernel) - 1
    out = np.empty((count, length, width), np.float32)
    for plane in range(count):
        for y in range(length):
            target = out[plane, y]
            centre = planes[plane, y]
            for x in range(width):
                target[x] = kernel[0] * centre[x]
            for k in range(1, radius + 1):
                low = planes[plane, index[radius + y - k]]
                high = planes[plane, index[radius + y + k]]
                weight = kernel[k]
                for x in range(width):
                    target[x] += weight * (low[x] + high[x])
    return out


@numba.njit(nogil=True, cache=True)
def _derive_rows(rows: Floats, weights: Floats, index: Indices) -> Floats:
    """Return each row smoothed, derived once and derived twice."""
    count, length = rows.shape
    radius = weights.shape[1] - 1
    out = np.empty((3, count, length), np.float32)
    line = np.empty(length + 2 * radius, np.float32)
    for row in range(count):
        for i in range(len(line)):
            line[i] = rows[row, index[i]]
        smooth, first, second = out[0, row], out[1, row], out[2, row]
        w0, w2 = weights[0, 0], weights[2, 0]
        for x in range(length):
            smooth[x] = w0 * line[radius + x]
            first[x] = 0.0
            second[x] = w2 * line[radius + x]
        for k in range(1, radius + 1):
            left, right = line[radius - k :], line[radius + k :]
            w0, w1, w2 = weights[0, k], weights[1, k], weights[2, k]
            for x in range(length):
                both = left[x] + right[x]
                smooth[x] += w0 * both
                first[x] += w1 * (right[x] - left[x])
                second[x] += w2 * both
    return out


@numba.njit(nogil=True, cache=True)
def _derive_columns(rows: Floats, weights: Floats, index: Indices) -> Floats:
    """Return y-derivatives up to the second order in all: (1, y, yy, x, xy, xx)."""
    _, depth, length, width = rows.shape
    radius = weights.shape[1] - 1
    out = np.zeros((6, depth, length, width), np.float32)
    for z in range(depth):
        for y in range(length):
            o0, o1, o2 = out[0, z, y], out[1, z, y], out[2, z, y]
            o3, o4, o5 = out[3, z, y], out[4, z, y], out[5, z, y]
            a, b, c = rows[0, z, y], rows[1, z, y], rows[2, z, y]
            w0, w2 = weights[0, 0], weights[2, 0]
            for x in range(width):
                o0[x] = w0 * a[x]
                o2[x] = w2 * a[x]
                o3[x] = w0 * b[x]
                o5[x] = w0 * c[x]
            for k in range(1, radius + 1):
                low, high = index[radius + y - k], index[radius + y + k]
                a, a2 = rows[0, z, low], rows[0, z, high]
                b, b2 = rows[1, z, low], rows[1, z, high]
                c, c2 = rows[2, z, low], rows[2, z, high]
                w0, w1, w2 = weights[0, k], weights[1, k], weights[2, k]
                for x in range(width):
                    both = a[x] + a2[x]
                    o0[x] += w0 * both
                    o1[x] += w1 * (a2[x] - a[x])
                    o2[x] += w2 * both
                for x in range(width):
                    o3[x] += w0 * (b[x] + b2[x])
                    o4[x] += w1 * (b2[x] - b[x])
                    o5[x] += w0 * (c[x] + c2[x])
    return out


@numba.njit(nogil=True, cache=True)
def _eigenvalues_2d(
    rows: Floats, weights: Floats, index: Indices
) -> tuple[Floats, ...]:
    _, length, width = rows.shape
    radius = weights.shape[1] - 1
    smooth = np.empty((length, width), np.float32)
    low = np.empty((length, width), np.float32)
    high = np.empty((length, width), np.float32)
    yy = np.empty(width, np.float32)
    xy = np.empty(width, np.float32)
    xx = np.empty(width, np.float32)
    for y in range(length):
        target = smooth[y]
        a, c = rows[0, y], rows[2, y]
        w0, w2 = weights[0, 0], weights[2, 0]
        for x in range(width):
            target[x] = w0 * a[x]
            yy[x] = w2 * a[x]
            xy[x] = 0.0
            xx[x] = w0 * c[x]
        for k in range(1, radius + 1):
            below, above = index[radius + y - k], index[radius + y + k]
            a, a2 = rows[0, below], rows[0, above]
            b, b2 = rows[1, below], rows[1, above]
            c, c2 = rows[2, below], rows[2, above]
            w0, w1, w2 = weights[0, k], weights[1, k], weights[2, k]
            for x in range(width):
                both = a[x] + a2[x]
                target[x] += w0 * both
                yy[x] += w2 * both
                xy[x] += w1 * (b2[x] - b[x])
                xx[x] += w0 * (c[x] + c2[x])
        for x in range(width):
            middle = np.float32(0.5) * (yy[x] + xx[x])
            half = np.float32(0.5) * (yy[x] - xx[x])
            reach = np.sqrt(half * half + xy[x] * xy[x])
            low[y, x] = middle - reach
            high[y, x] = middle + reach
    return smooth, low, high


@numba.njit(nogil=True, cache=True)
def _eigenvalues_3d(
    planes: Floats, weights: Floats, index: Indices
) -> tuple[Floats, ...]:
    _, depth, length, width = planes.shape
    radius = weights.shape[1] - 1
    smooth = np.empty((depth, length, width), np.float32)
    low = np.empty((depth, length, width), np.float32)
    middle = np.empty((depth, length, width), np.float32)
    high = np.empty((depth, length, width), np.float32)
    sums = np.empty((7, width), np.float32)
    # With y outside, the rows that meet in one sum stay in the processor's cache.
    for y in range(length):
        for z in range(depth):
            sums[:] = 0.0
            w0, w2 = weights[0, 0], weights[2, 0]
            for x in range(width):
                sums[0, x] = w0 * planes[0, z, y, x]
                sums[1, x] = w2 * planes[0, z, y, x]
                sums[4, x] = w0 * planes[2, z, y, x]
                sums[5, x] = w0 * planes[4, z, y, x]
                sums[6, x] = w0 * planes[5, z, y, x]
            for k in range(1, radius + 1):
                below, above = index[radius + z - k], index[radius + z + k]
                _add_planes(planes[:, below, y], planes[:, above, y], weights, k, sums)
            for x in range(width):
                smooth[z, y, x] = sums[0, x]
                low[z, y, x], middle[z, y, x], high[z, y, x] = eigenvalues_3x3(
                    sums[1, x], sums[4, x], sums[6, x],
                    sums[2, x], sums[3, x], sums[5, x],
                )  # fmt: skip
    return smooth, low, middle, high


@numba.njit(nogil=True, cache=True)
def _add_planes(
    below: Floats, above: Floats, weights: Floats, k: int, sums: Floats
) -> None:
    """Add one pair of planes to (1, zz, zy, zx, yy, yx, xx)."""
    w0, w1, w2 = weights[0, k], weights[1, k], weights[2, k]
    for x in range(sums.shape[1]):
        both = below[0, x] + above[0, x]
        sums[0, x] += w0 * both
        sums[1, x] += w2 * both
        sums[2, x] += w1 * (above[1, x] - below[1, x])
        sums[3, x] += w1 * (above[3, x] - below[3, x])
    for x in range(sums.shape[1]):
        sums[4, x] += w0 * (below[2, x] + above[2, x])
        sums[5, x] += w0 * (below[4, x] + above[4, x])
        sums[6, x] += w0 * (below[5, x] + above[5, x])


@numba.njit(nogil=True, cache=True)
def eigenvalues_3x3(
    zz: float, yy: float, xx: float, zy: float, zx: float, yx: float
) -> tuple[float, float, float]:
    """Return the eigenvalues of a symmetric matrix, smallest first.

    The cubic is solved in closed form, with ``cos(acos(r)/3)`` found by Newton's
    method: sums, products and roots are rounded the same on every path through
    the processor, which the library's cosine is not.
    """
    a, b, c = float(zz), float(yy), float(xx)
    d, e, f = float(zy), float(zx), float(yx)
    mean = (a + b + c) / 3.0
    a, b, c = a - mean, b - mean, c - mean
    spread = np.sqrt((a * a + b * b + c * c + 2.0 * (d * d + e * e + f * f)) / 6.0)
    if spread == 0.0:
        return mean, mean, mean
    det = a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)
    r = min(1.0, max(-1.0, 0.5 * det / (spread * spread * spread)))
    cosine = 0.5 + 0.5 * np.sqrt(0.5 * (1.0 + r))
    for _ in range(5):
        slope = 12.0 * cosine * cosine - 3.0
        if slope <= 1e-12:
            break
        cosine -= ((4.0 * cosine * cosine - 3.0) * cosine - r) / slope
    cosine = min(1.0, max(0.5, cosine))
    sine = np.sqrt(1.0 - cosine * cosine)
    high = mean + 2.0 * spread * cosine
    low = mean - spread * (cosine + np.sqrt(3.0) * sine)
    return low, 3.0 * mean - high - low, high
