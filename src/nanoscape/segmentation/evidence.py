"""What speaks for a vessel at each pixel, and where its wall is."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block, Task
from nanoscape.compute.blocks import run_blocks
from nanoscape.segmentation.calibrate import (
    added,
    core_of,
    counts_of,
    round_off,
    sample_blocks,
    spread_of,
    weighted_mean,
)
from nanoscape.segmentation.hessian import Floats, kernel_radius, smoothed
from nanoscape.segmentation.prepare import Source
from nanoscape.segmentation.ridge import (
    Filter,
    Scale,
    filtered_scales,
    halo_of,
    laplacian_gain,
    noise_gain,
    on_full_grid,
    scales_for,
    strength,
)
from nanoscape.segmentation.walls import (
    BRIGHT,
    as_bright_as_vessels,
    at_half_height,
    reach_of_sharpness,
    where_walls_are_sharp,
    without_holes,
)

_ROUNDS = 4

_SHARE = 0.22
"""Smallest contrast of a vessel, as a share of the typical one."""

_LOW, _HIGH = 3.0, 6.0
"""Signal to noise that a vessel has everywhere, and somewhere."""

_SMALLEST_STEP = 0.25
"""Step at a wall, as a share of the smallest contrast of a vessel."""

_STEPS_FINER = 3
"""How many scales finer the brightness of a pixel is read."""

_SHARPNESS = 0.56
"""Step across a wall, as a share of the contrast, that tells it from a glow."""

_OVER_DARK = 1.15
_OVER_NOISE = 8.0
"""How much bright lines stand out over dark ones and over the noise: where they do
neither, there are no vessels, only structure that is as often dark as it is bright."""

_PEAK = {2: math.sqrt(2 / math.pi) * math.sqrt(2) * math.exp(-1), 3: math.exp(-1)}
"""Answer at its own scale of a band (2D) or cylinder (3D) with a contrast of one."""


@dataclass(frozen=True)
class Plan:
    """All that a block needs to know.

    Attributes
    ----------
    source
        How samples are read.
    shape
        Shape of the whole image.
    scales
        Scales of the filter.
    kind
        Which filter.
    fine
        Standard deviation in pixels of the light smoothing before the wall is
        placed, by axis.
    reach
        Reach in pixels of the search for the wall, by axis.
    around
        Reach in pixels over which walls are judged, by axis.
    holes
        Longest hole in pixels that is noise and no wall, by axis.
    bright_holes
        Longest hole in pixels that is no wall when it is as bright as the vessel
        around it, by axis.
    gains
        Noise of each scale's answer for a pixel noise of one.
    noise
        Standard deviation of the noise of single pixels.
    low, high
        Signal to noise of the answer that a vessel must have everywhere, and
        somewhere.
    contrast
        Smallest contrast in the unit of the image; infinite when nothing looks like
        a vessel.
    """

    source: Source
    shape: tuple[int, ...]
    scales: tuple[Scale, ...]
    kind: Filter
    fine: tuple[float, ...]
    reach: tuple[float, ...]
    around: tuple[float, ...]
    holes: tuple[int, ...]
    bright_holes: tuple[int, ...]
    gains: tuple[float, ...]
    noise: float = 0.0
    low: float = 0.0
    high: float = 0.0
    contrast: float = 0.0

    def source_halo(self, halo: tuple[int, ...]) -> tuple[int, ...]:
        """Return a reach and that of the reading, together."""
        return tuple(n + self.source.halo for n in halo)

    @property
    def halo(self) -> tuple[int, ...]:
        """Reach in pixels of all steps together, by axis."""
        reaches = zip(
            halo_of(self.scales),
            self.fine,
            self.reach,
            self.bright_holes,
            self.around,
            strict=True,
        )
        total = (
            max(filters, kernel_radius(fine))
            + _ROUNDS * kernel_radius(reach)
            + hole
            + 1
            + reach_of_sharpness(reach, around)
            for filters, fine, reach, hole, around in reaches
        )
        return self.source_halo(tuple(total))


def plan_for(
    source: Source,
    shape: tuple[int, ...],
    steps: tuple[float, ...],
    diameters: tuple[float, float],
    kind: Filter,
) -> Plan:
    """Return the plan for an image whose noise is not yet known.

    Parameters
    ----------
    source
        How samples are read.
    shape, steps
        Shape of the image, and distance of its pixels in µm by axis.
    diameters
        Smallest and largest diameter in µm.
    kind
        Which filter.
    """
    scales = scales_for(diameters, steps)
    low = diameters[0]
    # A plane may cut a junction lengthwise, where it is as wide as two vessels.
    # In a volume holes are rare, and looking far takes long.
    widest_hole = 2 * diameters[1] if len(steps) == 2 else low
    return Plan(
        source=source,
        shape=shape,
        scales=scales,
        kind=kind,
        fine=tuple(0.24 * low / step for step in steps),
        reach=tuple(0.6 * low / step for step in steps),
        around=tuple(0.3 * diameters[1] / step for step in steps),
        holes=tuple(int(low / step) for step in steps),
        bright_holes=tuple(int(widest_hole / step) for step in steps),
        gains=tuple(noise_gain(scale) for scale in scales),
    )


def calibrated(plan: Plan, data: da.Array, sensitivity: float, task: Task) -> Plan:
    """Return the plan with the image's noise and the limits that follow from it."""
    parts = task.split(1, 2, 1)
    fold = 4.0 ** (0.5 - sensitivity)
    finest = plan.scales[:1]
    curves = run_blocks(
        _curve_counts,
        [data],
        sample_blocks(data.shape, plan.source_halo(halo_of(finest))),
        arguments=(plan,),
        with_block=True,
        task=parts[0],
        text="measuring the noise",
    )
    noise = spread_of(added(curves)) / laplacian_gain(finest[0])
    first = dataclasses.replace(plan, noise=noise, low=_LOW * fold, high=_HIGH * fold)
    counts = run_blocks(
        _contrast_counts,
        [data],
        sample_blocks(data.shape, plan.halo),
        arguments=(first,),
        with_block=True,
        task=parts[1],
        text="measuring the contrast",
    )
    bright, dark = (weighted_mean(added(part)) for part in zip(*counts, strict=True))
    limit = max(_SHARE * fold * bright, round_off(data, parts[2]))
    if bright < _OVER_DARK * dark and bright < _OVER_NOISE * noise:
        limit = math.inf
    return dataclasses.replace(first, contrast=limit)


def _curve_counts(
    block: Block, crop: NDArray[Any], plan: Plan
) -> tuple[None, NDArray[np.int64]]:
    """Count the size of the Laplacian at the finest scale.

    Places that are exactly level, as round a cut-out, tell nothing of the noise.
    """
    finest = plan.scales[:1]
    values = plan.source.read(crop)
    scale, _, eigenvalues, covered = next(
        filtered_scales(values, block, plan.shape, finest)
    )
    curve = np.abs(np.sum(eigenvalues, axis=0, dtype=np.float32))
    curve = core_of(block, on_full_grid(curve, covered, block, plan.shape, scale))
    known = np.isfinite(crop[block.inner])
    return None, counts_of(curve[known & (curve > 0)])


def evidence(
    crop: NDArray[Any], block: Block, plan: Plan
) -> tuple[Floats, Floats, Floats]:
    """Return the fine image, and signal to noise and contrast of the best scale.

    A scale speaks only for pixels that are brighter than the image smoothed at
    that scale: at the wall of a vessel of its own size that is half height. How
    bright they are is read from the image at a scale about three times finer.
    """
    values = plan.source.read(crop)
    fine = smoothed(values, plan.fine)
    signal = np.zeros(values.shape, np.float32)
    contrast = np.zeros(values.shape, np.float32)
    peak = np.float32(_PEAK[values.ndim])
    results = filtered_scales(values, block, plan.shape, plan.scales)
    finer = [fine] * _STEPS_FINER
    for number, (scale, smooth, eigenvalues, covered) in enumerate(results):
        ridge = strength(eigenvalues, plan.kind)
        ridge = on_full_grid(ridge, covered, block, plan.shape, scale)
        if number:
            around = on_full_grid(smooth, covered, block, plan.shape, scale)
            ridge = np.where(finer[number] > around, ridge, np.float32(0))
            finer.append(around)
        else:
            finer.append(fine)
        noise = max(plan.noise * plan.gains[number], 1e-12)
        np.maximum(signal, ridge / np.float32(noise), out=signal)
        np.maximum(contrast, ridge / peak, out=contrast)
    return fine, signal, contrast


def classify(block: Block, crop: NDArray[Any], plan: Plan) -> NDArray[np.uint8]:
    """Return 1 for vessel, 2 where it stands out clearly, else 0.

    Places outside the vessels that are as bright as those around are 3: the middle
    of a junction that is wider than the widest vessel, or nothing.
    """
    fine, signal, contrast = evidence(crop, block, plan)
    rough = (signal > np.float32(plan.low)) & (contrast > np.float32(plan.contrast))
    sure = signal > np.float32(plan.high)
    sure &= contrast > np.float32(1.6 * plan.contrast)
    step = _SMALLEST_STEP * plan.contrast
    mask = at_half_height(rough, fine, plan.reach, _ROUNDS, step)
    bright = as_bright_as_vessels(mask, fine, contrast, plan.around)
    codes = np.where(mask, np.uint8(1), np.uint8(BRIGHT) * bright)
    solid = without_holes(codes, plan.holes, plan.bright_holes) > 0
    mask &= where_walls_are_sharp(
        solid, fine, contrast, plan.reach, plan.around, plan.contrast, _SHARPNESS
    )
    if np.issubdtype(crop.dtype, np.inexact):
        mask &= np.isfinite(crop)
    return mask.astype(np.uint8) + (mask & sure) + np.uint8(BRIGHT) * (bright & ~mask)


def _contrast_counts(
    block: Block, crop: NDArray[Any], plan: Plan
) -> tuple[None, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Count the contrast of clear lines, of bright ones and of dark ones."""
    counts = []
    for bright in (plan.source.bright, not plan.source.bright):
        source = dataclasses.replace(plan.source, bright=bright)
        results = evidence(crop, block, dataclasses.replace(plan, source=source))
        signal, contrast = (core_of(block, values) for values in results[1:])
        counts.append(counts_of(contrast[signal > np.float32(plan.high)]))
    return None, (counts[0], counts[1])
