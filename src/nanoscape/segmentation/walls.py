"""Where a vessel ends: half way between its own light and that around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.segmentation.hessian import Floats, kernel_radius, smoothed

Mask = NDArray[np.bool_]

BRIGHT = 3
"""Code of a place outside the vessels that is as bright as those around it."""

_BRIGHT_SHARE = 0.1
"""Share of bright pixels that makes a hole bright; tissue has hardly any."""

_SHARE = np.float32(0.02)
"""Weight that vessel and surroundings must both have near a wall."""

_FURTHER = 1.6
"""Ratio of the two reaches by which a wall is told from a slope."""


def at_half_height(
    mask: Mask,
    values: Floats,
    sigmas: tuple[float, ...],
    rounds: int,
    smallest_step: float = 0.0,
) -> Mask:
    """Move the walls of a rough mask to local half height.

    Near each pixel the mean light inside and outside the mask is taken; the pixel
    is inside when it is brighter than half way between them. From the second round
    on, pixels far from half height weigh more. Where the two hardly
    differ there is no wall, and the pixel goes with the majority; pixels with only
    one of the two near by stay what they are.

    Parameters
    ----------
    mask
        Rough mask, whose walls lie within the reach of the right ones.
    values
        Lightly smoothed samples.
    sigmas
        Reach in pixels by axis.
    rounds
        How often the step is repeated with the better mask.
    smallest_step
        Smallest difference between inside and outside that makes a wall.
    """
    inside = mask.astype(np.float32)
    outside = np.float32(1) - inside
    for number in range(rounds):
        share, bright = _local_mean(inside, values, sigmas)
        rest, dark = _local_mean(outside, values, sigmas)
        near = (share > _SHARE) & (rest > _SHARE)
        half = np.float32(0.5) * (bright + dark)
        wall = bright - dark > np.float32(smallest_step)
        better = np.where(wall, values > half, share > rest)
        mask = np.where(near, better, mask)
        if number + 1 < rounds:
            inside, outside = _weights(mask, values, bright, dark, near & wall)
    return mask


def as_bright_as_vessels(
    mask: Mask, values: Floats, contrast: Floats, reach: tuple[float, ...]
) -> Mask:
    """Return what is less than half a contrast darker than the vessels around it.

    Parameters
    ----------
    mask
        The vessels.
    values
        Lightly smoothed samples.
    contrast
        Contrast of the best scale at each pixel.
    reach
        Reach in pixels of "around", by axis.
    """
    inside = mask.astype(np.float32)
    share, half = _local_mean(inside, values - np.float32(0.5) * contrast, reach)
    return (share > _SHARE) & (values > half)


def where_walls_are_sharp(
    mask: Mask,
    values: Floats,
    contrast: Floats,
    reach: tuple[float, ...],
    around: tuple[float, ...],
    smallest_contrast: float,
    smallest_share: float,
) -> Mask:
    """Return where a mask has walls; a glow that fades away has none.

    The light falls across a wall at once, down a slope bit by bit: of the difference
    between inside and outside the part that grows with the reach is taken away.
    What is left is compared, wall by wall, with the contrast just inside, so that a
    bright vessel near by does not speak for its neighbour; the mean over the walls
    around each pixel decides.

    Parameters
    ----------
    mask
        Mask whose walls lie at half height.
    values
        Lightly smoothed samples.
    contrast
        Contrast of the best scale at each pixel.
    reach
        Reach in pixels of the step, by axis.
    around
        Reach in pixels of the mean over walls, by axis.
    smallest_contrast
        Smallest contrast of a vessel.
    smallest_share
        Smallest mean share of the contrast that the steps must have.
    """
    inside = mask.astype(np.float32)
    outside = np.float32(1) - inside
    far = tuple(_FURTHER * sigma for sigma in reach)
    share, near_step = _step(inside, outside, values, reach)
    far_step = _step(inside, outside, values, far)[1]
    step = (np.float32(_FURTHER) * near_step - far_step) / np.float32(_FURTHER - 1)
    height = _local_mean(inside, contrast, reach)[1]
    height = np.maximum(height, np.float32(max(smallest_contrast, 1e-30)))
    wall = (share > np.float32(0.25)) & (share < np.float32(0.75))
    sharpness = np.where(wall, np.clip(step / height, 0, 1), np.float32(0))
    length = smoothed(wall.astype(np.float32), around)
    return smoothed(sharpness, around) >= np.float32(smallest_share) * length


def reach_of_sharpness(reach: float, around: float) -> int:
    """Return how far :func:`where_walls_are_sharp` looks, in pixels."""
    return kernel_radius(_FURTHER * reach) + kernel_radius(around)


def _step(
    inside: Floats, outside: Floats, values: Floats, sigmas: tuple[float, ...]
) -> tuple[Floats, Floats]:
    """Return the share of vessel near each pixel, and how much brighter it is."""
    share, bright = _local_mean(inside, values, sigmas)
    dark = _local_mean(outside, values, sigmas)[1]
    return share, bright - dark


def _local_mean(
    weights: Floats, values: Floats, sigmas: tuple[float, ...]
) -> tuple[Floats, Floats]:
    share = smoothed(weights, sigmas)
    total = smoothed(weights * values, sigmas)
    return share, np.divide(total, np.maximum(share, _SHARE), dtype=np.float32)


def _weights(
    mask: Mask, values: Floats, bright: Floats, dark: Floats, near: Mask
) -> tuple[Floats, Floats]:
    """Return how much each pixel tells of the light inside, and of that outside.

    Blur makes pixels at a wall neither; the further a pixel is from half height,
    the more it counts.
    """
    step = np.maximum(bright - dark, np.float32(1e-30))
    height = np.clip((values - dark) / step, np.float32(0), np.float32(1))
    height = np.where(near, height, mask.astype(np.float32))
    far = np.abs(np.float32(2) * height - np.float32(1))
    inside = np.where(mask, far, np.float32(0))
    return inside, np.where(mask, np.float32(0), far)


def without_holes(
    codes: NDArray[np.uint8], short: tuple[int, ...], long: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Fill short holes, and longer ones that are as bright as the vessel around.

    A hole that reaches the edge of what is seen is longer than the halo or open
    at the image's border; it stays when it is longer than the limit.

    Parameters
    ----------
    codes
        Zero outside the vessels, or :data:`BRIGHT`; the result has zero there.
    short
        Longest hole that is filled in any case, in pixels by axis.
    long
        Longest hole that is filled when it is bright. A halo of one pixel
        more makes the result that of the whole image.
    """
    outside = (codes == 0) | (codes == BRIGHT)
    cleaned = np.where(outside, np.uint8(0), codes)
    holes, count = ndimage.label(outside)
    if count == 0:
        return cleaned
    area = np.bincount(holes.ravel(), minlength=count + 1)
    bright = np.bincount(holes[codes == BRIGHT], minlength=count + 1)
    filled = np.zeros(count + 1, bool)
    for number, box in enumerate(ndimage.find_objects(holes), start=1):
        lengths = [part.stop - part.start for part in box]
        limit = long if bright[number] >= _BRIGHT_SHARE * area[number] else short
        filled[number] = all(n <= m for n, m in zip(lengths, limit, strict=True))
    return np.where(filled[holes], np.uint8(1), cleaned)
