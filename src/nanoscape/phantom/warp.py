"""How the grid of another instrument lies against the slide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nanoscape.model import Affine
from nanoscape.phantom.areas import outline
from nanoscape.phantom.scene import Section
from nanoscape.phantom.streams import WARP, sub_seed

FloatArray = NDArray[np.float64]

_WAVES = 5
_DRAWS = 200
RMS_PIXELS = 0.4
MAX_PIXELS = 0.95


@dataclass(frozen=True, eq=False)
class Warp:
    """Maps µm of an instrument's space to µm of the slide.

    x → A x + b + Σ a_k cos(2π f_k · x + φ_k)

    Attributes
    ----------
    affine
        The affine map that fits the whole best, over the tissue.
    amplitudes
        Vectors a_k in µm, shape ``(k, 2)``; none for an affine map.
    frequencies
        Vectors f_k in 1/µm, shape ``(k, 2)``.
    phases
        Shape ``(k,)``.
    """

    affine: Affine
    amplitudes: FloatArray
    frequencies: FloatArray
    phases: FloatArray

    def bend(self, moving: ArrayLike) -> FloatArray:
        """Return the sum of the waves at places of shape ``(n, 2)``."""
        places = np.asarray(moving, dtype=np.float64)
        angle = 2 * np.pi * places @ self.frequencies.T + self.phases
        bend: FloatArray = np.cos(angle) @ self.amplitudes
        return bend

    def apply(self, moving: ArrayLike) -> FloatArray:
        """Map places of the instrument, shape ``(n, 2)``, to the slide."""
        return self.affine.apply(moving) + self.bend(moving)

    def inverse(self, fixed: ArrayLike) -> FloatArray:
        """Map places of the slide to the instrument, to better than a nanometre."""
        back = self.affine.inverse()
        target = np.asarray(fixed, dtype=np.float64)
        moving = back.apply(target)
        for _ in range(60):
            moving = back.apply(target - self.bend(moving))
        return moving


@dataclass(frozen=True, eq=False)
class Raster:
    """The pixels of an instrument over the section.

    Attributes
    ----------
    warp
        Where they lie on the slide.
    shape
        Rows and columns.
    pixel_um
        Distance of pixel centres.
    """

    warp: Warp
    shape: tuple[int, int]
    pixel_um: float

    def footprints(self, samples: int) -> FloatArray:
        """Return places on the slide that sample each pixel evenly.

        Returns
        -------
        ndarray
            Shape ``(rows · columns · samples², 2)``, pixel by pixel.
        """
        inner = (np.arange(samples) + 0.5) / samples - 0.5
        rows, columns = (np.arange(n)[:, None] + inner for n in self.shape)
        y, x = np.broadcast_arrays(rows[:, None, :, None], columns[None, :, None, :])
        places = np.stack([y.ravel(), x.ravel()], axis=1) * self.pixel_um
        return self.warp.apply(places)

    def means(self, values: FloatArray, samples: int) -> FloatArray:
        """Average over the samples of :meth:`footprints`; shape ``shape``."""
        mean: FloatArray = values.reshape(*self.shape, samples**2).mean(axis=-1)
        return mean


def lay_raster(
    section: Section,
    number: int,
    pixel_um: float,
    rotation_deg: tuple[float, float],
    *,
    deformed: bool,
    margin: int = 3,
) -> Raster:
    """Draw how an instrument's raster lies over a section.

    It is turned by an angle from ``rotation_deg``, to either side, scaled by up to
    2 %, sheared by up to 1 %, and covers the tissue with a margin of pixels. With
    ``deformed`` a smooth displacement remains after the best affine map: its root
    mean square over the tissue is 0.4 pixels, and nowhere more than one.
    """
    generator = np.random.default_rng(sub_seed(section.seed, WARP, number))
    angle = np.deg2rad(generator.uniform(*rotation_deg)) * generator.choice([-1, 1])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.eye(2) + generator.uniform(-0.01, 0.01, (2, 2))
    linear = turn @ shear * generator.uniform(0.98, 1.02)
    corners = outline(section.tissue) @ np.linalg.inv(linear).T
    first = corners.min(axis=0) - (margin + generator.uniform(0, 1, 2)) * pixel_um
    extent = corners.max(axis=0) + margin * pixel_um - first
    shape = (int(extent[0] / pixel_um) + 1, int(extent[1] / pixel_um) + 1)
    affine = Affine.from_linear(linear, linear @ first, "yx")
    warp = Warp(affine, np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
    if deformed:
        warp = _deform(generator, section, affine, pixel_um)
    return Raster(warp, shape, pixel_um)


def tissue_grid(section: Section, points: int = 60) -> FloatArray:
    """Return an even grid of places in the tissue, about ``points`` along a side."""
    corners = outline(section.tissue)
    low, high = corners.min(axis=0), corners.max(axis=0)
    axes = [np.linspace(low[i], high[i], points) for i in range(2)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return grid[section.in_tissue(grid)]


def best_affine(moving: FloatArray, fixed: FloatArray) -> Affine:
    """Return the affine map with the least squared distance between places."""
    design = np.column_stack([moving, np.ones(len(moving))])
    solution = np.linalg.lstsq(design, fixed, rcond=None)[0]
    return Affine.from_linear(solution[:2].T, solution[2], "yx")


def _deform(
    generator: np.random.Generator, section: Section, affine: Affine, pixel_um: float
) -> Warp:
    """Add waves of which no affine part and the stated size remain.

    Fields with a larger maximum than allowed are drawn again.
    """
    moving = affine.inverse().apply(tissue_grid(section))
    extent = float(np.ptp(moving, axis=0).max())
    for _ in range(_DRAWS):
        frequencies = generator.normal(0, 1, (_WAVES, 2))
        lengths = np.linalg.norm(frequencies, axis=1, keepdims=True)
        frequencies *= generator.uniform(0.5, 1.3, (_WAVES, 1)) / lengths / extent
        phases = generator.uniform(0, 2 * np.pi, _WAVES)
        waves = Warp(affine, generator.normal(0, 1, (_WAVES, 2)), frequencies, phases)
        trend = best_affine(moving, waves.bend(moving))
        rest = np.linalg.norm(waves.bend(moving) - trend.apply(moving), axis=1)
        scale = RMS_PIXELS * pixel_um / np.sqrt((rest**2).mean())
        if rest.max() * scale <= MAX_PIXELS * pixel_um:
            break
    else:
        raise AssertionError("no deformation within the stated bounds was drawn")
    matrix = affine.matrix.copy()
    matrix[:2] -= scale * trend.matrix[:2]
    return Warp(
        Affine(matrix, "yx", "yx"), waves.amplitudes * scale, frequencies, phases
    )
