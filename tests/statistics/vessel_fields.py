"""Fields of vessels and drugs whose answers are known."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nanoscape.model import Affine, Image, Labels
from nanoscape.statistics.distance.distance_map import distance_map


def vessel_field(seed=0, side=700, per_mm2=100, radius=4):
    """Round vessels at random places, pixels of 1 µm."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, side, (rng.poisson(per_mm2 * side**2 * 1e-6), 2))
    mask = np.zeros((side, side), bool)
    mask[tuple(centres.T)] = True
    mask = ndimage.distance_transform_edt(~mask) <= radius
    return Labels.from_array(mask, "yx", spacing=1.0, name="vessels")


def wall_distance(vessels):
    return distance_map(vessels).data.compute().astype(np.float64)


def image(values, name="drug", **more):
    more = {"spacing": 1.0} | more
    return Image.from_array(values, "zyx"[-values.ndim :], name=name, **more)


def coarse_image(values, pixel, noise=0.0, seed=0, **more):
    """The mean over square pixels, as a coarser instrument sees it."""
    side = values.shape[0] // pixel
    cut = values[: side * pixel, : side * pixel]
    means = cut.reshape(side, pixel, side, pixel).mean(axis=(1, 3))
    means = means + np.random.default_rng(seed).normal(0, noise, means.shape)
    place = Affine.from_spacing("yx", float(pixel), [(pixel - 1) / 2] * 2)
    return Image.from_array(means, "yx", grid_to_space=place, name="drug", **more)
