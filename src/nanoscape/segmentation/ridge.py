"""Ridges at several scales: how strongly each place looks like a vessel.

The second derivatives are multiplied by the squared scale (Lindeberg 1998,
doi:10.1023/A:1008097225773), so that vessels of all diameters are judged alike.
A coarse scale is computed on binned pixels that lie on one lattice of the whole
image; its result does not depend on where a block begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np

from nanoscape.compute import Block
from nanoscape.segmentation.hessian import (
    TRUNCATE,
    Floats,
    gaussian_kernels,
    hessian_eigenvalues,
)

Filter = Literal["frangi", "sato"]

_FINEST_SIGMA = 2.0
"""Smallest standard deviation, in pixels, that is still binned to."""

_RATIO = 1.5
"""Largest ratio of neighbouring scales."""


@dataclass(frozen=True)
class Scale:
    """One scale of a filter on one grid.

    Attributes
    ----------
    sigma_um
        Standard deviation in µm.
    bins
        Pixels that are averaged before filtering, by axis; powers of two.
    sigmas
        Standard deviation in binned pixels, by axis, less what the binning itself
        smooths.
    steps
        Distance of binned pixels in µm, by axis.
    """

    sigma_um: float
    bins: tuple[int, ...]
    sigmas: tuple[float, ...]
    steps: tuple[float, ...]

    @property
    def halo(self) -> tuple[int, ...]:
        """Reach in pixels of the unbinned grid, by axis."""
        # Two bins for interpolation, one for cutting to the lattice.
        return tuple(
            (max(1, int(TRUNCATE * sigma + 0.5)) + 3) * bins
            for sigma, bins in zip(self.sigmas, self.bins, strict=True)
        )


def sigma_for(diameter_um: float) -> float:
    """Return the scale of a vessel: ``d / (2·√2)``.

    A solid cylinder answers most strongly at this scale; a band in a plane
    reaches 86 % of its strongest answer, from a smaller surrounding.
    """
    return diameter_um / (2 * math.sqrt(2))


def scales_for(
    diameters: tuple[float, float], spacing: tuple[float, ...]
) -> tuple[Scale, ...]:
    """Return scales in equal ratios from the smallest to the largest diameter.

    Parameters
    ----------
    diameters
        Smallest and largest diameter in µm.
    spacing
        Distance of pixel centres in µm, by axis.
    """
    low, high = diameters
    count = 1 + math.ceil(math.log(high / low) / math.log(_RATIO) - 1e-9)
    sizes = np.geomspace(low, high, count) if count > 1 else np.array([low])
    return tuple(scale_for(sigma_for(float(size)), spacing) for size in sizes)


def scale_for(
    sigma_um: float, spacing: tuple[float, ...], *, binned: bool = True
) -> Scale:
    """Return one scale on a grid, binned as far as nothing is lost."""
    bins, sigmas, steps = [], [], []
    for step in spacing:
        pixels = sigma_um / step
        factor = 1
        while binned and pixels / (2 * factor) >= _FINEST_SIGMA:
            factor *= 2
        # A box of f pixels has the variance (f² − 1)/12 by itself.
        variance = pixels**2 - (factor**2 - 1) / 12
        bins.append(factor)
        sigmas.append(max(math.sqrt(variance) / factor, 0.3))
        steps.append(step * factor)
    return Scale(sigma_um, tuple(bins), tuple(sigmas), tuple(steps))


def normalised_eigenvalues(array: Floats, scale: Scale) -> tuple[Floats, ...]:
    """Return the smoothed array and the eigenvalues of σ²·Hessian, unbinned."""
    smooth, *values = hessian_eigenvalues(array, scale.sigmas, scale.steps)
    factor = np.float32(scale.sigma_um**2)
    return smooth, *(value * factor for value in values)


def strength(values: tuple[Floats, ...], kind: Filter) -> Floats:
    """Return how strongly bright ridges stand out, in the unit of the image.

    Parameters
    ----------
    values
        Scale-normalised eigenvalues, smallest first.
    kind
        ``"sato"`` takes the curvature across (Sato 1998,
        doi:10.1016/S1361-8415(98)80009-1); ``"frangi"`` weakens round and flat
        shapes (Frangi 1998, doi:10.1007/BFb0056195).
    """
    across = np.maximum(-values[0], np.float32(0))
    if len(values) == 3:
        # Of a plate only one curvature is strong, of a tube two.
        across *= np.maximum(-values[1], np.float32(0))
        np.sqrt(across, out=across)
    if kind == "sato":
        return across
    return across * shape_weight(values)


def shape_weight(values: tuple[Floats, ...]) -> Floats:
    """Return Frangi's factors for round and flat shapes, with α = β = ½."""
    tiny = np.float32(1e-30)
    if len(values) == 2:
        # Beyond a ratio of ten the weight is zero in float32.
        ratio = np.clip(values[1] / np.minimum(values[0], -tiny), -10, 10)
        return np.exp(np.float32(-2) * ratio * ratio)
    blob, plate = _ratios_3d(*values)
    weight = np.exp(np.float32(-2) * blob)
    return weight * (np.float32(1) - np.exp(np.float32(-2) * plate))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _ratios_3d(low: Floats, middle: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return the squares of Frangi's ratios for blobs and plates."""
    tiny = np.float32(1e-30)
    blob, plate = np.empty_like(low), np.empty_like(low)
    for i in range(low.size):
        a, b, c = abs(low.flat[i]), abs(middle.flat[i]), abs(high.flat[i])
        largest, least = max(a, b, c), min(a, b, c)
        between = max(min(a, b), min(max(a, b), c))
        blob.flat[i] = least / max(between, tiny) * (least / max(largest, tiny))
        ratio = between / max(largest, tiny)
        plate.flat[i] = ratio * ratio
    return blob, plate


def structureness(values: tuple[Floats, ...]) -> Floats:
    """Return the length of the vector of eigenvalues."""
    total = np.zeros_like(values[0])
    for value in values:
        total += value * value
    return np.sqrt(total)


def noise_gain(scale: Scale) -> float:
    """Return the standard deviation of σ²·∂²/∂x² for white noise of one.

    The noise is that of single, unbinned pixels, independent of each other; the
    largest value over the axes is taken.
    """
    kernels = [gaussian_kernels(sigma) for sigma in scale.sigmas]
    smooth = [_norm(kernel.smooth) for kernel in kernels]
    bins = math.sqrt(math.prod(scale.bins))
    gains = []
    for axis, kernel in enumerate(kernels):
        others = math.prod(n for i, n in enumerate(smooth) if i != axis)
        curve = _norm(kernel.second) * scale.sigma_um**2 / scale.steps[axis] ** 2
        gains.append(curve * others / bins)
    return max(gains)


def laplacian_gain(scale: Scale) -> float:
    """Return the standard deviation of σ²·∇² for white noise of one."""
    kernels = [gaussian_kernels(sigma) for sigma in scale.sigmas]
    weights = [(scale.sigma_um / step) ** 2 for step in scale.steps]
    variance = 0.0
    for i, own in enumerate(weights):
        for j, other in enumerate(weights):
            product = own * other
            for axis, kernel in enumerate(kernels):
                a = kernel.second if axis == i else kernel.smooth
                b = kernel.second if axis == j else kernel.smooth
                product *= _product(a, b)
            variance += product
    return math.sqrt(variance / math.prod(scale.bins))


def _norm(half: Floats) -> float:
    return math.sqrt(_product(half, half))


def _product(a: Floats, b: Floats) -> float:
    products = a.astype(np.float64) * b
    return float(products[0] + 2 * products[1:].sum())


def on_binned_grid(
    crop: Floats, block: Block, shape: tuple[int, ...], scale: Scale
) -> tuple[Floats, tuple[slice, ...]]:
    """Return a crop averaged over the bins of the image's own lattice.

    Parameters
    ----------
    crop
        Samples of ``block.outer``.
    block
        Where they lie.
    shape
        Shape of the whole image.
    scale
        Tells the bins.

    Returns
    -------
    binned : ndarray
        Means of whole bins. At the far border of the image the last bin is
        completed by the mirror image.
    covered : tuple of slice
        The bins, counted from the image's first pixel.
    """
    keep, covered, padding = [], [], []
    for part, bins, length in zip(block.outer, scale.bins, shape, strict=True):
        first = -(-part.start // bins)
        last = -(-length // bins) if part.stop == length else part.stop // bins
        keep.append(slice(first * bins - part.start, last * bins - part.start))
        covered.append(slice(first, last))
        padding.append((0, max(0, last * bins - part.stop)))
    values = crop[tuple(keep)]
    if any(after for _, after in padding):
        values = np.pad(values, padding, mode="symmetric")
    for axis, bins in enumerate(scale.bins):
        values = _binned(values, axis, bins)
    return np.ascontiguousarray(values), tuple(covered)


def _binned(values: Floats, axis: int, bins: int) -> Floats:
    while bins > 1:
        even = values[(slice(None),) * axis + (slice(0, None, 2),)]
        odd = values[(slice(None),) * axis + (slice(1, None, 2),)]
        values = np.float32(0.5) * (even + odd)
        bins //= 2
    return values


def on_full_grid(
    binned: Floats,
    covered: tuple[slice, ...],
    block: Block,
    shape: tuple[int, ...],
    scale: Scale,
) -> Floats:
    """Interpolate linearly back to the pixels of ``block.outer``.

    Pixels whose bins are not covered take the nearest value there is.
    """
    values = binned
    for axis, (bins, span, part, length) in enumerate(
        zip(scale.bins, covered, block.outer, shape, strict=True)
    ):
        if bins == 1:
            continue
        place = (np.arange(part.start, part.stop) + 0.5) / bins - 0.5
        low = np.floor(place).astype(np.int64)
        weight = (place - low).astype(np.float32)
        last = -(-length // bins) - 1
        indices = [
            np.clip(np.clip(i, 0, last) - span.start, 0, span.stop - span.start - 1)
            for i in (low, low + 1)
        ]
        form = [1] * values.ndim
        form[axis] = -1
        weight = weight.reshape(form)
        below = values.take(indices[0], axis)
        values = below + weight * (values.take(indices[1], axis) - below)
    return values


def filtered_scales(
    crop: Floats, block: Block, shape: tuple[int, ...], scales: tuple[Scale, ...]
) -> Iterator[tuple[Scale, Floats, tuple[Floats, ...], tuple[slice, ...]]]:
    """Yield each scale's smoothed samples and eigenvalues, on its binned grid."""
    for scale in scales:
        binned, covered = on_binned_grid(crop, block, shape, scale)
        smooth, *values = normalised_eigenvalues(binned, scale)
        yield scale, smooth, tuple(values), covered


def halo_of(scales: tuple[Scale, ...]) -> tuple[int, ...]:
    """Return the reach in pixels of all scales, by axis."""
    return tuple(int(n) for n in np.max([scale.halo for scale in scales], axis=0))
