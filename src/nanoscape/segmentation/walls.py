"""Where a vessel ends: half way between its own light and that around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.segmentation.hessian import Floats, smoothed

Mask = NDArray[np.bool_]

_SHARE = np.float32(0.02)
"""Weight that vessel and surroundings must both have near a wall."""


def at_half_height(
    mask: Mask,
    values: Floats,
    sigmas: tuple[float, ...],
    rounds: int,
    smallest_step: float = 0.0,
) -> Mask:
    """Move the walls of a rough mask to local half height.

    Near each pixel the mean light inside and outside the mask is taken; the pixel
    is inside when it is brighter than half way between them. Where the two hardly
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
    for _ in range(rounds):
        inside = mask.astype(np.float32)
        share = smoothed(inside, sigmas)
        bright = smoothed(inside * values, sigmas) / np.maximum(share, _SHARE)
        rest = np.float32(1) - share
        outside = (np.float32(1) - inside) * values
        dark = smoothed(outside, sigmas) / np.maximum(rest, _SHARE)
        near = (share > _SHARE) & (rest > _SHARE)
        half = np.float32(0.5) * (bright + dark)
        wall = bright - dark > np.float32(smallest_step)
        better = np.where(wall, values > half, share > np.float32(0.5))
        mask = np.where(near, better, mask)
    return mask


def without_small_holes(
    codes: NDArray[np.uint8], reach: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Fill holes that are not longer than ``reach`` pixels along any axis.

    A hole that reaches the edge of what is seen is longer than the halo or open
    at the image's border; it stays when it is longer than the limit.

    Parameters
    ----------
    codes
        Zero outside the vessels.
    reach
        Longest hole, by axis; a halo of one pixel more makes the result that of
        the whole image.
    """
    holes, count = ndimage.label(codes == 0)
    if count == 0:
        return codes
    small = np.zeros(count + 1, bool)
    for number, box in enumerate(ndimage.find_objects(holes), start=1):
        lengths = (part.stop - part.start for part in box)
        small[number] = all(n <= m for n, m in zip(lengths, reach, strict=True))
    return np.where(small[holes], np.uint8(1), codes)
