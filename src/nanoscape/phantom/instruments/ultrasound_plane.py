"""The plane of an ultrasound scan: what scatters, what shades, where blood flows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from nanoscape.phantom.animal import Animal
from nanoscape.phantom.texture import smooth_noise

FloatArray = NDArray[np.float64]

GEL_MM = 1.6
"""Gel between transducer and skin above the middle of the lesion. All is chosen."""

SKIN_MM = 0.45

_TEXTURES, _VESSELS = 90, 91
_FEEDING = 12
_REACH_MM = 14.0


@dataclass(frozen=True, eq=False)
class Plane:
    """Where a plane lies in the animal; lengths are mm in RAS+.

    Attributes
    ----------
    origin
        On the face of the transducer, in the middle.
    down
        Unit vector along the beams.
    across
        Unit vector along the transducer.
    """

    origin: FloatArray
    down: FloatArray
    across: FloatArray

    def places(self, depth_mm: FloatArray, lateral_mm: FloatArray) -> FloatArray:
        """Return places of rows and columns, shape ``(h, w, 3)``."""
        y, x = depth_mm[:, None, None], lateral_mm[None, :, None]
        found: FloatArray = self.origin + y * self.down + x * self.across
        return found


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What lies on a grid of the plane at rest, all of shape ``(h, w)``.

    Attributes
    ----------
    scatter
        Mean intensity that tissue scatters back, 1 for bright connective tissue.
    below_skin_mm
        Way of the beam in the body.
    shaded
        Whether a calcification lies above.
    depth
        In the lesion, see :meth:`Lesion.depth`.
    rbv
        Relative blood volume, 1 where all vessels of the rim are perfused.
    transit_s
        Mean transit time.
    delay_s
        From the injection to the arrival.
    """

    scatter: FloatArray
    below_skin_mm: FloatArray
    shaded: NDArray[np.bool_]
    depth: FloatArray
    rbv: FloatArray
    transit_s: FloatArray
    delay_s: FloatArray


def plane_of(animal: Animal) -> Plane:
    """Return the transverse plane through the lesion, seen from the nearest skin."""
    centre = animal.lesion.centre
    outwards = np.array([centre[0], centre[1], 0.0])
    outwards /= np.linalg.norm(outwards)
    steps = np.arange(0.0, _REACH_MM, 0.01)
    on_the_way = centre + steps[:, None] * outwards
    skin = steps[_in_animal(animal, on_the_way)].max()
    across = np.array([-outwards[1], outwards[0], 0.0])
    return Plane(centre + (skin + GEL_MM) * outwards, -outwards, across)


def anatomy(animal: Animal, depth_mm: FloatArray, lateral_mm: FloatArray) -> Anatomy:
    """Return what lies at rows and columns of the animal's plane, in mm."""
    places = plane_of(animal).places(depth_mm, lateral_mm)
    inside = _in_animal(animal, places)
    depth = animal.lesion.depth(places)
    first = np.where(inside.any(axis=0), inside.argmax(axis=0), len(depth_mm))
    surface = np.append(depth_mm, np.inf)[first]
    below = np.maximum(depth_mm[:, None] - surface, 0.0) * inside
    view = _View(animal, depth_mm, lateral_mm)
    scatter, shaded = _scatter(view, inside, depth, below)
    return Anatomy(scatter, below, shaded, depth, *_blood(view, inside, depth))


@dataclass(frozen=True, eq=False)
class _View:
    animal: Animal
    y: FloatArray
    x: FloatArray

    def noise(self, number: int, high_mm: float, wide_mm: float = 0.0) -> FloatArray:
        """Return a texture, with grains as wide as high unless told otherwise."""
        seed = self.animal.stream(_TEXTURES, number)
        wide = wide_mm or high_mm
        found: FloatArray = smooth_noise(seed, self.y / high_mm, self.x / wide, 1.0)
        return found


def _in_animal(animal: Animal, places: FloatArray) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = animal.lesion.in_body(places)
    return inside | (animal.lesion.depth(places) > 0)


def _scatter(
    view: _View, inside: NDArray[np.bool_], depth: FloatArray, below: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Layered muscle under bright skin, a dark lesion, and a calcification in it."""
    layers = np.exp(1.0 * view.noise(0, 0.22, 1.6) + 0.4 * view.noise(1, 0.15))
    fascia = np.exp(-((view.noise(2, 0.9, 4.0) / 0.12) ** 2))
    lumps = np.exp(0.45 * view.noise(3, 0.5) + 0.25 * view.noise(4, 0.2))
    inner = _inner(depth)
    found = 0.22 * layers + 1.2 * fascia
    found = np.where(depth > 0, (0.05 - 0.032 * inner) * lumps, found)
    # A capsule of about 0.15 mm.
    found += 0.5 * np.exp(-(((depth - 0.015) / 0.02) ** 2))
    skin = (below > 0) & (below < SKIN_MM)
    found = np.where(skin, 1.1 + 3.0 * (below < 0.1), found)
    found = np.where(inside, found, 1e-6)
    y, x = _calcification(view.animal)
    dy, dx = view.y[:, None] - y, view.x - x
    chalk = np.hypot(dy / 0.12, dx / 0.28) < 1
    shaded = (np.abs(dx) < 0.25) & (dy > 0.05)
    return np.where(chalk, 14.0, found), shaded


def _calcification(animal: Animal) -> tuple[float, float]:
    """Return depth and lateral place in mm: beside the middle, in the upper half."""
    plane = plane_of(animal)
    middle = float((animal.lesion.centre - plane.origin) @ plane.down)
    half = float(animal.lesion.half_axes[:2].min())
    return middle - 0.35 * half, 0.4 * half


def _inner(depth: FloatArray) -> FloatArray:
    """Return 0 in the rim of the lesion and 1 in its core, as dynamic MRI has it."""
    return np.clip((depth - 0.1) / 0.5, 0.0, 1.0)


def _blood(
    view: _View, inside: NDArray[np.bool_], depth: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return blood volume, transit time and delay.

    The share of perfused vessels falls from 0.92 in the rim to 0.06 in the core: they
    lie in islands that take up this share of the area.
    """
    inner = _inner(depth)
    lesion = depth > 0
    share = np.where(lesion, 0.92 - 0.86 * inner, 0.97)
    islands = special.ndtr((view.noise(5, 0.45) + special.ndtri(share)) / 0.25)
    uneven = np.exp(0.5 * view.noise(6, 0.3) - 0.125)
    rbv = np.where(lesion, 1.0, 0.18) * islands * uneven
    wander = view.noise(7, 0.8)
    transit = np.where(lesion, 11.0 + 16.0 * inner, 9.0) * np.exp(0.12 * wander)
    delay = np.where(lesion, 4.0 + 8.0 * inner, 3.0) + 0.5 * view.noise(8, 0.8)
    for y, x, angle, half, radius in _feeding(view.animal):
        dy, dx = view.y[:, None] - y, view.x - x
        along = np.cos(angle) * dx + np.sin(angle) * dy
        beside = np.cos(angle) * dy - np.sin(angle) * dx
        off = np.hypot(np.maximum(np.abs(along) - half, 0.0), beside)
        rbv = np.where(off < radius, 4.0, rbv)
        transit = np.where(off < radius, 6.0, transit)
        delay = np.where(off < radius, 2.0, delay)
    return np.where(inside, rbv, 0.0), transit, np.maximum(delay, 0.5)


def _feeding(animal: Animal) -> FloatArray:
    """Return feeding vessels around the lesion, as the plane cuts them.

    Rows are depth and lateral place of the middle, the angle from the lateral axis,
    half the length and the radius; mm and radians.
    """
    generator = np.random.default_rng(animal.stream(_VESSELS))
    angle = 2 * np.pi * (np.arange(_FEEDING) + generator.random(_FEEDING)) / _FEEDING
    away = generator.uniform(0.85, 1.2, _FEEDING)
    plane = plane_of(animal)
    rim = animal.lesion.half_axes[:2].mean() * away
    middle = float((animal.lesion.centre - plane.origin) @ plane.down)
    return np.column_stack(
        [
            middle + rim * np.sin(angle),
            rim * np.cos(angle),
            angle + np.pi / 2 + generator.normal(0, 0.5, _FEEDING),
            0.6 * generator.random(_FEEDING) ** 2,
            generator.uniform(0.04, 0.11, _FEEDING),
        ]
    )
