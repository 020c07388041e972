"""What the filters see: one plane or volume of float32, complete and bright."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, level_for, reduce_blocks, with_pyramid
from nanoscape.errors import WrongInput
from nanoscape.model import Image
from nanoscape.segmentation.hessian import Floats, kernel_radius, smoothed


@dataclass(frozen=True)
class Source:
    """How samples are turned into what the filters see.

    Attributes
    ----------
    bright
        Whether the objects are brighter than their surroundings.
    fill_sigmas
        Fine and wide reach, in pixels by axis, of the fill of unmeasured places;
        empty when every sample is a number.
    """

    bright: bool
    fill_sigmas: tuple[tuple[float, ...], ...] = ()

    @property
    def halo(self) -> int:
        """Reach in pixels."""
        sigmas = (sigma for part in self.fill_sigmas for sigma in part)
        return max((kernel_radius(sigma) for sigma in sigmas), default=0)

    def read(self, crop: NDArray[Any]) -> Floats:
        """Return samples as float32 in which the objects are bright.

        Unmeasured samples take a weighted mean of the measured ones near by, and
        zero far from all of them.
        """
        values = crop.astype(np.float32)
        if not self.bright:
            values = -values
        if self.fill_sigmas and not np.isfinite(values).all():
            values = _filled(values, self.fill_sigmas)
        return values


def source_for(
    image: Image, bright: bool, reach_um: tuple[float, float], task: Task
) -> Source:
    """Return how to read an image.

    Parameters
    ----------
    image
        The image.
    bright
        Whether the objects are brighter than their surroundings.
    reach_um
        Fine and wide reach of the fill of unmeasured places.
    task
        Progress.
    """
    if not np.issubdtype(image.dtype, np.inexact):
        return Source(bright)
    if all(reduce_blocks(_is_complete, [image.data], task=task)):
        return Source(bright)
    steps = image.spacing.values()
    return Source(bright, tuple(tuple(r / step for step in steps) for r in reach_um))


def fill_reach(diameters: tuple[float, float]) -> tuple[float, float]:
    """Return the reach in µm of the fill for a filter of given diameters."""
    return 0.5 * diameters[0], 0.4 * diameters[1]


def _is_complete(crop: NDArray[Any]) -> bool:
    return bool(np.isfinite(crop).all())


def check_image(image: Image, what: str) -> None:
    """Refuse images on which objects cannot be sought.

    Raises
    ------
    WrongInput
        If the image is coloured, has a time axis, is complex, or has other than
        two or three spatial axes.
    """
    if image.rgb:
        raise WrongInput(
            f"{image.name} is a colour image",
            f"an image of one stain or channel to find {what}",
            "split its channels or unmix its stains first",
        )
    if "t" in image.axes:
        raise WrongInput(
            f"{image.name} has {image.shape[0]} frames",
            f"one plane or volume to find {what}",
            "choose one frame or average them first",
        )
    if len(image.axes) not in (2, 3):
        raise WrongInput(
            f"{image.name} has the axes {image.axes!r}",
            f"a plane (yx) or a volume (zyx) to find {what}",
        )
    if np.issubdtype(image.dtype, np.complexfloating):
        raise WrongInput(
            f"{image.name} holds complex numbers", "real ones", "take its magnitude"
        )


def check_diameters(diameters: tuple[float, float]) -> None:
    """Refuse diameters that are not in order."""
    low, high = diameters
    if not 0 < low <= high < math.inf:
        raise WrongInput(
            f"the vessel diameters are {low:g} and {high:g} µm",
            "the smallest first and the largest second, both above zero",
        )


def at_working_spacing(image: Image, spacing_um: float, task: Task) -> Image:
    """Return the coarsest level that is not coarser, made first when missing."""
    finest = max(image.spacing[axis] for axis in image.axes[-2:])
    if len(image.levels) == 1 and 2 * finest <= spacing_um * (1 + 1e-6):
        image = with_pyramid(image, task=task)  # type: ignore[assignment]
    return image.at_level(level_for(image, spacing_um))


def _filled(values: Floats, sigmas: tuple[tuple[float, ...], ...]) -> Floats:
    """Continue the values into unmeasured places, the finer the nearer."""
    known = np.isfinite(values)
    share = known.astype(np.float32)
    values = np.where(known, values, np.float32(0))
    fill = np.zeros_like(values)
    for part in reversed(sigmas):
        weight = smoothed(share, part)
        mean = smoothed(values, part)
        fill = (mean + _THIN * fill) / (weight + _THIN)
    return np.where(known, values, fill)


_THIN = np.float32(1e-4)
"""Share of measured pixels near by from which their own mean is trusted."""
