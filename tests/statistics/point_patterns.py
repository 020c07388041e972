"""Patterns of points with known properties."""

from __future__ import annotations

import numpy as np

from nanoscape.model import Labels, Points


def halton(count: int, base: int) -> np.ndarray:
    """Return the van der Corput sequence of one base, from 1 on."""
    found = []
    for number in range(1, count + 1):
        factor, value = 1.0, 0.0
        while number:
            factor /= base
            value += factor * (number % base)
            number //= base
        found.append(value)
    return np.array(found)


def pattern(places: np.ndarray, name: str = "particles", **table) -> Points:
    axes = "zyx"[-places.shape[1] :]
    return Points(coordinates=places, axes=axes, space="world", name=name, **table)


def window(mask: np.ndarray, spacing) -> Labels:
    """Return a window whose first pixel begins at the origin of the space."""
    from nanoscape.model.transform import Affine

    axes = "zyx"[-mask.ndim :]
    steps = np.broadcast_to(np.asarray(spacing, float), mask.ndim)
    place = Affine.from_spacing(axes, steps.tolist(), (steps / 2).tolist())
    return Labels.from_array(mask.astype(np.int32), axes, grid_to_space=place)


def holed(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return a mask with ragged edges and holes."""
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.75
    mask[tuple(n // 2 for n in shape)] = True
    return mask


def places_in(mask: np.ndarray, spacing, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = np.argwhere(mask)
    chosen = pixels[rng.integers(0, len(pixels), count)]
    return (chosen + rng.random(chosen.shape)) * np.broadcast_to(spacing, mask.ndim)


def overlap(mask: np.ndarray, spacing, shift: np.ndarray) -> float:
    """Return the size of a window's overlap with itself, over all pairs of pixels."""
    steps = np.broadcast_to(np.asarray(spacing, float), mask.ndim)
    pixels = np.argwhere(mask) * steps
    apart = np.abs(pixels[:, None] - pixels[None] + shift)
    return float(np.maximum(steps - apart, 0).prod(axis=-1).sum())


def gap_to_outside(mask: np.ndarray, spacing, place: np.ndarray) -> float:
    """Return the distance of a place to the nearest pixel outside."""
    steps = np.broadcast_to(np.asarray(spacing, float), mask.ndim)
    outside = np.argwhere(~np.pad(mask, 1)) - 1
    low, high = outside * steps, (outside + 1) * steps
    apart = np.maximum(np.maximum(low - place, place - high), 0)
    return float(np.sqrt((apart**2).sum(axis=1)).min())
