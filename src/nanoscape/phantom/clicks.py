"""Landmarks as a person would click them, and as a person gets them wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nanoscape.model import Landmarks, Tags
from nanoscape.phantom.scene import Section
from nanoscape.phantom.streams import CLICKS, sub_seed
from nanoscape.phantom.warp import Raster, tissue_grid

PAIRS = 8
CLICK_SD_PIXELS = 0.25

FloatArray = NDArray[np.float64]


def landmark_places(section: Section, number: int) -> FloatArray:
    """Return places on the slide that spread over the tissue, shape ``(8, 2)``.

    The first is drawn; each other is the one of 200 that lies farthest from those
    taken. They keep a little away from the edge of the tissue.
    """
    generator = np.random.default_rng(sub_seed(section.seed, CLICKS, number, 0))
    grid = tissue_grid(section)
    inner = section.tissue[:2] + (grid - section.tissue[:2]) * 0.93
    pool = generator.permutation(inner)[:200]
    taken = [pool[0]]
    while len(taken) < PAIRS:
        away = np.linalg.norm(pool[:, None] - np.array(taken)[None], axis=2)
        taken.append(pool[away.min(axis=1).argmax()])
    return np.array(taken)


def true_landmarks(
    section: Section, raster: Raster, number: int, names: tuple[str, str], tags: Tags
) -> Landmarks:
    """Return pairs without any error of the hand.

    Parameters
    ----------
    section, raster
        What was clicked upon.
    number
        Number of the instrument within the section.
    names
        Moving and fixed space.
    tags
        What is known of them.
    """
    fixed = landmark_places(section, number)
    return Landmarks(
        moving=raster.warp.inverse(fixed),
        fixed=fixed,
        moving_space=names[0],
        fixed_space=names[1],
        name=f"{names[0]} to {names[1]}",
        tags=tags,
    )


def click(truth: Landmarks, seed: int, pixel_um: float) -> Landmarks:
    """Return clicks that miss on the coarse image, on the slide they are exact.

    Parameters
    ----------
    truth
        Where the places are.
    seed
        Seed of the hand alone.
    pixel_um
        Pixels of the moving image; the error along each axis is a quarter of it.
    """
    error_um = CLICK_SD_PIXELS * pixel_um
    generator = np.random.default_rng(seed)
    moving = truth.moving + generator.normal(0, error_um, truth.moving.shape)
    return dataclasses.replace(truth, moving=moving, click_error_um=error_um)


def swapped(clicks: Landmarks) -> Landmarks:
    """Return clicks of which the second and the fifth were made in wrong order."""
    moving = clicks.moving.copy()
    moving[[1, 4]] = moving[[4, 1]]
    return _flawed(clicks, moving, "swapped")


def mirrored(clicks: Landmarks) -> Landmarks:
    """Return clicks on an image that was shown mirrored."""
    moving = clicks.moving.copy()
    moving[:, 1] = moving[:, 1].max() + moving[:, 1].min() - moving[:, 1]
    return _flawed(clicks, moving, "mirrored")


def _flawed(clicks: Landmarks, moving: FloatArray, flaw: str) -> Landmarks:
    tags = clicks.tags.having("user", flaw=flaw)
    return dataclasses.replace(clicks, moving=moving, tags=tags)
