"""Vessel filters against scikit-image, vessel masks against Otsu's threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import skimage
from numpy.typing import NDArray
from scipy import ndimage
from skimage import filters

from benchmarks import Result, best_of
from benchmarks._tubes import CLASSES, dice_by_class, section
from nanoscape.compute import Block, Threads, using
from nanoscape.model import Image
from nanoscape.segmentation.ridge import (
    Filter,
    filtered_scales,
    scale_for,
    strength,
)
from nanoscape.segmentation.vessels import vessels

SEEDS = range(101, 106)


def _own(image: NDArray[np.float32], kind: Filter) -> NDArray[np.float32]:
    """Filter at five scales on one thread, without binning."""
    steps = (1.0,) * image.ndim
    scales = [scale_for(float(s), steps, binned=False) for s in range(1, 6)]
    whole = tuple(slice(0, n) for n in image.shape)
    block = Block(whole, whole, whole)
    best = np.zeros_like(image)
    for _, _, values, _ in filtered_scales(image, block, image.shape, tuple(scales)):
        np.maximum(best, strength(values, kind), out=best)
    return best


def _filter(name: str, shape: tuple[int, ...], goal: float) -> Iterator[Result]:
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    peers: dict[Filter, Any] = {"sato": filters.sato, "frangi": filters.frangi}
    for kind, peer in peers.items():
        _own(image[tuple(slice(0, 40) for _ in shape)], kind)
        ours = best_of(lambda kind=kind: _own(image, kind))
        theirs = best_of(
            lambda peer=peer: peer(image, sigmas=range(1, 6), black_ridges=False), 1
        )
        yield Result(
            name,
            f"{kind} filter of {'×'.join(map(str, shape))}, 5 scales, one thread (s)",
            ours,
            f"skimage.filters.{kind}",
            skimage.__version__,
            theirs,
            theirs / ours,
            goal,
        )


def vessel_filter_2d() -> Iterator[Result]:
    """Time the filters on a plane."""
    yield from _filter("vessel_filter_2d", (2048, 2048), 8.0)


def vessel_filter_3d() -> Iterator[Result]:
    """Time the filters on a volume."""
    yield from _filter("vessel_filter_3d", (128, 128, 128), 12.0)


def otsu_mask(image: NDArray[Any], spacing_um: float) -> NDArray[np.bool_]:
    """Return Otsu's mask of the image less its opened, smoothed background."""
    step = max(1, round(4 / spacing_um))
    smooth = ndimage.gaussian_filter(image.astype(np.float64), step / 2)
    small = smooth[::step, ::step]
    radius = 30 / (step * spacing_um)
    axis = np.arange(-int(radius), int(radius) + 1)
    disc = np.hypot(axis[:, None], axis) <= radius
    ground = ndimage.grey_opening(small, footprint=disc)
    ground = ndimage.gaussian_filter(ground, 5)
    scale = np.array(image.shape) / np.array(ground.shape)
    ground = ndimage.zoom(ground, scale, order=1, grid_mode=True, mode="nearest")
    flat = image - ground
    return flat > filters.threshold_otsu(flat)


def vessels_accuracy() -> Iterator[Result]:
    """Score masks by Dice with 1 µm tolerance, mean over five sections."""
    scores: dict[str, dict[str, list[float]]] = {"ours": {}, "otsu": {}}
    for seed in SEEDS:
        truth = section(seed)
        image = Image.from_array(truth.image, "yx", spacing=truth.spacing_um)
        with using(Threads()):
            mask = vessels(image, diameters=(4.0, 45.0)).data.compute() > 0
        found = {"ours": mask, "otsu": otsu_mask(truth.image, truth.spacing_um)}
        for name, candidate in found.items():
            for group, score in dice_by_class(candidate, truth).items():
                scores[name].setdefault(group, []).append(score)
    for group, (low, high) in CLASSES.items():
        ours, otsu = (float(np.nanmean(scores[k][group])) for k in ("ours", "otsu"))
        yield Result(
            "vessels_accuracy",
            f"Dice at 1 µm, {group} vessels ({low:g}–{high:g} µm), mean of 5 sections",
            ours,
            "Otsu on the background-corrected image",
            skimage.__version__,
            otsu,
            ours / otsu,
            1.0,
        )


BENCHMARKS = {
    "vessel_filter_2d": vessel_filter_2d,
    "vessel_filter_3d": vessel_filter_3d,
    "vessels_accuracy": vessels_accuracy,
}
