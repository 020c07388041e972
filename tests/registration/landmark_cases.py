"""Sections with known alignment, from which landmarks are clicked."""

from __future__ import annotations

import numpy as np
from scipy.spatial import Delaunay

from nanoscape.model import Landmarks

SIZE = 3200.0
PIXEL = 50.0


def linear_map(model, ndim, rng):
    """A random map of the kind that a model can follow."""
    linear = np.linalg.qr(rng.normal(size=(ndim, ndim)))[0]
    linear[:, -1] *= np.sign(np.linalg.det(linear))
    if model != "rigid":
        linear = linear * rng.uniform(0.95, 1.05)
    if model == "affine":
        linear = linear @ (np.eye(ndim) + rng.normal(size=(ndim, ndim)) * 0.02)
    return linear, rng.uniform(-500, 500, ndim)


def smooth_deformation(rms, ndim, rng):
    """Waves of the section's size, without the affine part, of given RMS in µm."""
    waves = rng.normal(size=(12, ndim)) * 1.6 * np.pi / SIZE
    phases, amplitudes = rng.uniform(0, 2 * np.pi, 12), rng.normal(size=(12, ndim))
    grid = np.stack(np.meshgrid(*[np.linspace(0, SIZE, 12)] * ndim), -1)
    grid = grid.reshape(-1, ndim)
    design = np.column_stack([grid, np.ones(len(grid))])
    values = np.cos(grid @ waves.T + phases) @ amplitudes
    affine = np.linalg.lstsq(design, values, rcond=None)[0]
    rest = values - design @ affine
    scale = rms / np.sqrt((rest**2).sum(axis=1).mean())

    def deformation(places):
        raw = np.cos(places @ waves.T + phases) @ amplitudes
        return scale * (raw - np.column_stack([places, np.ones(len(places))]) @ affine)

    return deformation


def truth(model, ndim, rms, rng):
    linear, shift = linear_map(model, ndim, rng)
    deformation = smooth_deformation(rms, ndim, rng)
    return lambda places: places @ linear.T + shift + deformation(places)


def clicked(model, count, *, ndim=2, rms=0.0, click=0.25 * PIXEL, stated=None, rng):
    """Landmarks with click errors, and the true map."""
    place = truth(model, ndim, rms, rng)
    moving = rng.uniform(0, SIZE, (count, ndim))
    fixed = place(moving) + click * rng.normal(size=(count, ndim))
    pairs = Landmarks(
        moving=moving,
        fixed=fixed,
        moving_space="msi",
        fixed_space="slide",
        axes="zyx"[-ndim:],
        click_error_um=stated,
    )
    return pairs, place


def inside(pairs, rng, count=200):
    """Places between the landmarks."""
    ndim = pairs.moving.shape[1]
    places = rng.uniform(0, SIZE, (count * 4, ndim))
    return places[Delaunay(pairs.moving).find_simplex(places) >= 0][:count]
