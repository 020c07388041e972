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
    smooth = np.empty((depth, length, width), np.float32)
    low = np.empty((depth, length, width), np.float32)
    middle = np.empty((depth, length, width), np.float32)
    high = np.empty((depth, length, width), np.float32)
    sums = np.empty((7, width), np.float32)
    # With y outside, the rows that meet in one sum stay in the processor's cache.
    for y in range(length):
        for z in range(depth):
            _sum_planes(planes[:, :, y], weights, index, z, sums)
            smooth[z, y] = sums[0]
            _eigenvalues_of_row(sums, low[z, y], middle[z, y], high[z, y])
    return smooth, low, middle, high


@numba.njit(nogil=True, cache=True)
def _sum_planes(
    rows: Floats, weights: Floats, index: Indices, z: int, sums: Floats
) -> None:
    """Put (1, zz, zy, zx, yy, yx, xx) of one row into ``sums``."""
    radius = weights.shape[1] - 1
    one, zz, zy, zx = sums[0], sums[1], sums[2], sums[3]
    yy, yx, xx = sums[4], sums[5], sums[6]
    a, c, e, f = rows[0, z], rows[2, z], rows[4, z], rows[5, z]
    w0, w2 = weights[0, 0], weights[2, 0]
    for x in range(sums.shape[1]):
        one[x] = w0 * a[x]
        zz[x] = w2 * a[x]
        zy[x] = 0.0
        zx[x] = 0.0
        yy[x] = w0 * c[x]
        yx[x] = w0 * e[x]
        xx[x] = w0 * f[x]
    for k in range(1, radius + 1):
        low, high = index[radius + z - k], index[radius + z + k]
        w0, w1, w2 = weights[0, k], weights[1, k], weights[2, k]
        a, a2 = rows[0, low], rows[0, high]
        b, b2 = rows[1, low], rows[1, high]
        d, d2 = rows[3, low], rows[3, high]
        for x in range(sums.shape[1]):
            both = a[x] + a2[x]
            one[x] += w0 * both
            zz[x] += w2 * both
            zy[x] += w1 * (b2[x] - b[x])
            zx[x] += w1 * (d2[x] - d[x])
        c, c2 = rows[2, low], rows[2, high]
        e, e2 = rows[4, low], rows[4, high]
        f, f2 = rows[5, low], rows[5, high]
        for x in range(sums.shape[1]):
            yy[x] += w0 * (c[x] + c2[x])
            yx[x] += w0 * (e[x] + e2[x])
            xx[x] += w0 * (f[x] + f2[x])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _eigenvalues_of_row(
    sums: Floats, low: Floats, middle: Floats, high: Floats
) -> None:
    for x in range(sums.shape[1]):
        low[x], middle[x], high[x] = eigenvalues_3x3(
            sums[1, x], sums[4, x], sums[6, x], sums[2, x], sums[3, x], sums[5, x]
        )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def eigenvalues_3x3(
    zz: float, yy: float, xx: float, zy: float, zx: float, yx: float
) -> tuple[float, float, float]:
    """Return the eigenvalues of a symmetric matrix, smallest first.

    The cubic is solved in closed form, with ``cos(acos(r)/3)`` found by Newton's
    method: sums, products and roots are rounded the same on every path through
    the processor, which the library's cosine is not.
    """
    a, b, c = np.float64(zz), np.float64(yy), np.float64(xx)
    d, e, f = np.float64(zy), np.float64(zx), np.float64(yx)
    mean = (a + b + c) * (1.0 / 3.0)
    a, b, c = a - mean, b - mean, c - mean
    squares = (a * a + b * b + c * c + 2.0 * (d * d + e * e + f * f)) * (1.0 / 6.0)
    spread = np.sqrt(squares)
    det = a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)
    r = 0.5 * det / (spread * squares + 1e-290)
    r = r if r < 1.0 else 1.0
    r = r if r > -1.0 else -1.0
    cosine = 0.5 + 0.5 * np.sqrt(0.5 * (1.0 + r))
    for _ in range(3):
        slope = 12.0 * cosine * cosine - 3.0
        # At the double root the slope is zero, and so is the step.
        slope = slope if slope > 1e-12 else 1e-12
        cosine -= ((4.0 * cosine * cosine - 3.0) * cosine - r) / slope
    cosine = cosine if cosine < 1.0 else 1.0
    cosine = cosine if cosine > 0.5 else 0.5
    sine = np.sqrt(1.0 - cosine * cosine)
    high = mean + 2.0 * spread * cosine
    low = mean - spread * (cosine + 1.7320508075688772 * sine)
    return low, 3.0 * mean - high - low, high
