"""Sections with vessels whose walls are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

CLASSES = {"thin": (4.0, 10.0), "mid": (10.0, 20.0), "thick": (20.0, 45.0)}


@dataclass(frozen=True, eq=False)
class Section:
    """An image in photons, and the diameter in µm of the vessel of each pixel."""

    image: NDArray[np.uint16]
    diameter_um: NDArray[np.float32]
    spacing_um: float


def section(seed: int, size: int = 1024, spacing_um: float = 1.0) -> Section:
    """Return a section with winding vessels 4 to 45 µm wide.

    Vessels differ in brightness; the background is uneven and holds round bright
    debris; then come the point spread (0.8 µm) and Poisson noise.
    """
    rng = np.random.default_rng(seed)
    width = np.zeros((size, size), np.float32)
    light = np.zeros((size, size))
    counts = {"thin": 30, "mid": 14, "thick": 6}
    for name in ("thick", "mid", "thin"):
        low, high = CLASSES[name]
        for _ in range(counts[name]):
            diameter = rng.uniform(low, high)
            inside = _tube(rng, size, diameter / spacing_um, spacing_um)
            inside &= width == 0
            width[inside] = diameter
            light[inside] = rng.uniform(15, 80)
    y, x = np.mgrid[:size, :size] / size
    phase = rng.uniform(0, 6, 4)
    background = 80 + 40 * np.sin(3 * x + phase[0]) * np.sin(4 * y + phase[1])
    background += 15 * np.sin(9 * x + phase[2]) * np.sin(8 * y + phase[3])
    clean = light + background + _debris(rng, size)
    clean = ndimage.gaussian_filter(clean, 0.8 / spacing_um)
    return Section(rng.poisson(clean).astype(np.uint16), width, spacing_um)


def _tube(rng: Any, size: int, width: float, spacing_um: float) -> NDArray[Any]:
    steps = int(rng.uniform(100, 600) / spacing_um / 0.5)
    turns = ndimage.gaussian_filter1d(rng.normal(size=steps), 30) * 0.12
    angle = rng.uniform(0, 2 * np.pi) + np.cumsum(turns)
    path = rng.uniform(0, size, 2) + 0.5 * np.cumsum(
        np.stack([np.sin(angle), np.cos(angle)], 1), 0
    )
    centre = np.ones((size, size), bool)
    index = np.rint(path).astype(int)
    index = index[((index >= 0) & (index < size)).all(1)]
    if not len(index):
        return np.zeros((size, size), bool)
    centre[tuple(index.T)] = False
    near = ndimage.distance_transform_edt(centre) <= width / 2 + 2
    found = np.zeros((size, size), bool)
    where = np.argwhere(near)
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(path).query(where)
    inside = where[distance <= width / 2]
    found[tuple(inside.T)] = True
    return found


def _debris(rng: Any, size: int) -> NDArray[Any]:
    spots = np.zeros((size, size))
    place = rng.integers(0, size, (80, 2))
    spots[tuple(place.T)] = rng.uniform(15, 80, 80)
    return ndimage.gaussian_filter(spots, 2.5) * (2 * np.pi * 2.5**2)


def dice_by_class(
    mask: NDArray[Any], truth: Section, tolerance_um: float = 1.0
) -> dict[str, float]:
    """Return Dice of each diameter class with a tolerance at the wall.

    A found pixel is right when a true one lies within the tolerance, and the other
    way round. Found pixels belong to the class of the nearest true vessel.
    """
    true = truth.diameter_um > 0
    step = truth.spacing_um
    to_true, nearest = ndimage.distance_transform_edt(
        ~true, sampling=step, return_indices=True
    )
    to_found = ndimage.distance_transform_edt(~mask, sampling=step)
    owner = truth.diameter_um[tuple(nearest)]
    scores = {}
    for name, (low, high) in CLASSES.items():
        mine = (owner >= low) & (owner < high)
        right = (mine & mask & (to_true <= tolerance_um)).sum()
        hit = (mine & true & (to_found <= tolerance_um)).sum()
        everything = (mine & mask).sum() + (mine & true).sum()
        scores[name] = float((right + hit) / everything) if everything else np.nan
    return scores
