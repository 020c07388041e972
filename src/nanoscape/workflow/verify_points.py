"""Known values of patterns of points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.model import Affine, Image, Labels, Points
from nanoscape.workflow.verify_check import Check, check, run

Floats = NDArray[np.float64]

_SPATSTAT = "spatstat 3.0-6 on Halton points"
_K = {
    "square": {
        "none": 0.022020202020202,
        "border": 0.025079365079365,
        "isotropic": 0.023791661103732,
        "translation": 0.02444111787196,
    },
    "oblong": {
        "none": 0.017575757575758,
        "border": 0.02027027027027,
        "isotropic": 0.018503584609168,
        "translation": 0.019093873669141,
    },
}


def points_checks() -> Iterator[Check]:
    """Yield checks of patterns of points."""
    square = np.stack([_halton(2), _halton(3)], axis=1)
    shapes = {"square": (square, (8, 8)), "oblong": (square[:, ::-1] * [1, 3], (8, 24))}
    for name, (places, shape) in shapes.items():
        for correction, expected in _K[name].items():
            found = _k(places, shape, 1 / 8, 0.103, correction=correction)
            label = f"K(0.103) of 100 points in a {name}, {correction}"
            yield check(label, found[-1], expected, 5e-14, _SPATSTAT)
    x = (np.arange(4096) + 0.5) / 4096
    density = np.tile(100 * (0.5 + x), (2, 1))
    place = Affine.from_spacing("yx", [0.5, 1 / 4096], [0.25, 0.5 / 4096])
    image = Image.from_array(density, "yx", grid_to_space=place)
    area = Labels.from_array(np.ones((2, 4096), int), "yx", grid_to_space=place)
    options: dict[str, Any] = {"steps": 10, "largest_radius": 0.103, "simulations": 0}
    points = _points(square[:, ::-1])
    uneven = run("statistics.ripley", points, area, density=image, **options)
    value = uneven.curves.data["k_um2"].iloc[-1]
    name = "K(0.103) for the density 100 (½ + x), translation"
    yield check(name, value, 0.031910190978691, 1e-11, _SPATSTAT)
    three = np.array([[4.0, 1], [5, 2], [6, 3]])
    for correction, expected in (("translation", 82.304527), ("none", 66.666667)):
        found = _k(three, (10, 10), 1.0, 1.875, correction=correction)
        name = f"K(1.875) of three points, {correction}"
        yield check(name, found[-1], expected, 1e-6, "tests of astropy, and by hand")
    yield from _nearest(square)


def _nearest(square: Floats) -> Iterator[Check]:
    near = run(
        "statistics.nearest_neighbours", *_pattern(square, (8, 8)), simulations=0
    )
    row = near.summary.data.iloc[0]
    for name, column, expected in (
        ("mean distance to the nearest point", "mean_distance_um", 0.070128690680442),
        ("Clark-Evans index", "clark_evans", 1.402573813609),
        ("Clark-Evans index, Donnelly", "clark_evans_donnelly", 1.342926394855),
    ):
        yield check(f"{name}, square", row[column], expected, 1e-12, _SPATSTAT)
    cube = np.stack([_halton(base) for base in (2, 3, 5)], axis=1)
    near = run(
        "statistics.nearest_neighbours", *_pattern(cube, (8,) * 3), simulations=0
    )
    found = near.summary.data["mean_distance_um"].iloc[0]
    name = "mean distance to the nearest point, cube"
    yield check(name, found, 0.157243927331258, 1e-12, _SPATSTAT)
    # In spatstat a point on a border belongs to the quadrat before it.
    row = run("statistics.quadrats", *_pattern(square - 1e-12, (8, 8))).data.iloc[0]
    yield check("X² of 4 × 4 quadrats", row["chi_squared"], 3.04, 1e-12, _SPATSTAT)
    yield check("p of 4 × 4 quadrats", row["p"], 8.73191e-4, 5e-9, _SPATSTAT)


def _halton(base: int, count: int = 100) -> Floats:
    values = []
    for number in range(1, count + 1):
        factor, value = 1.0, 0.0
        while number:
            factor /= base
            number, digit = divmod(number, base)
            value += factor * digit
        values.append(value)
    return np.array(values)


def _points(places: Floats) -> Points:
    axes = "zyx"[-places.shape[1] :]
    return Points(coordinates=places, axes=axes, space="world", name="points")


def _pattern(
    places: Floats, shape: tuple[int, ...], step: float = 1 / 8
) -> tuple[Points, Labels]:
    axes = "zyx"[-len(shape) :]
    place = Affine.from_spacing(axes, step, [step / 2] * len(shape))
    area = Labels.from_array(np.ones(shape, int), axes, grid_to_space=place)
    return _points(places), area


def _k(
    places: Floats, shape: tuple[int, ...], step: float, radius: float, **options: Any
) -> Floats:
    found = run(
        "statistics.ripley",
        *_pattern(places, shape, step),
        largest_radius=radius,
        steps=10,
        simulations=0,
        **options,
    )
    return found.curves.data["k_um2"].to_numpy(np.float64)
