"""Whether points gather or keep apart, at each distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pandas as pd

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Points, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.points.curves import Correction
from nanoscape.statistics.points.expected import Intensity, expected_of
from nanoscape.statistics.points.point_pair import Null, PointPair
from nanoscape.statistics.points.window import Window, windows_of
from nanoscape.statistics.refusals import too_few_points
from nanoscape.statistics.zones import without_role

_CORRECTIONS = {
    "translation": "translation (overlap of the region with itself at each difference)",
    "border": "border (points at least as far from the edge as the radius)",
    "isotropic": "isotropic (share of the circle in the region)",
    "none": "none: K is too small, the more the larger the radius",
}

_NULLS = {
    "random places": "points at random places of the region, as many as there are",
    "random labels": "the two kinds dealt out at random over all places",
    "random shifts": "the other points shifted together against the first",
}


@dataclass(frozen=True)
class RipleyResult:
    """How points lie to each other.

    Attributes
    ----------
    curves
        K, L and the pair correlation by radius, with what chance gives.
    summary
        One row for each region: number, density, and p-values of the whole curve.
    """

    curves: Table
    summary: Table


@operation(version=1, title="Clustering of points")
def ripley(
    points: Annotated[Points, Role("Carrier")],
    region: Annotated[Labels | Regions, Role("Tissue")],
    other: Annotated[Points | None, Role(label="About other points")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    density: Annotated[Image | None, Role(label="Expected density")] = None,
    *,
    correction: Annotated[Correction, Option(label="At the edge")] = "translation",
    largest_radius: Annotated[
        float | None, Option(unit="µm", minimum=1e-6, label="Radius up to")
    ] = None,
    steps: Annotated[
        int, Option(minimum=1, maximum=2000, label="Number of radii", advanced=True)
    ] = 50,
    intensity: Annotated[Intensity, Option(label="Points are expected")] = "even",
    bandwidth: Annotated[
        float | None,
        Option(unit="µm", minimum=1e-6, label="Smoothed over", advanced=True),
    ] = None,
    null: Annotated[Null, Option(label="Compare with")] = "random places",
    simulations: Annotated[
        int, Option(minimum=0, maximum=9999, label="Simulations")
    ] = 199,
    level: Annotated[
        float, Option(minimum=0.001, maximum=0.5, label="Outside the bands by chance")
    ] = 0.05,
    seed: Annotated[int, Option(minimum=0, label="Random seed", advanced=True)] = 0,
    task: Task | None = None,
) -> RipleyResult:
    """Measure whether points gather or keep apart, by distance.

    Ripley's K (1976, doi:10.2307/3212829) is the number of neighbours within a radius
    over their density; L is the radius of a disc (or ball) of that size, and equals
    the radius for points at random places. The pair correlation is 1 there. Windows
    may have any shape and holes; a test of the whole curve stands beside it.

    Parameters
    ----------
    points
        Particles or cells.
    region
        Where they could have been found; each label, or all regions of one name, is
        a pattern of its own.
    other
        Points of another kind: how they lie about the first.
    exclude
        Areas where none could be found, such as holes.
    density
        Expected density of points in any unit of area, for tissue that is not the
        same everywhere.
    correction
        How neighbours beyond the edge of the region are made up for.
    largest_radius
        Auto: a quarter of the shortest side, and not more than 1,000 neighbours.
    steps
        Radii between zero and the largest.
    intensity
        Whether points are expected everywhere alike, or as smoothed from the points
        themselves.
    bandwidth
        How widely they are smoothed. A larger value calls more of the unevenness
        gathering. Auto: an eighth of the shortest side.
    null
        What chance is. Labels ask whether the kinds are mixed; shifts, whether they
        lie to each other as if they knew nothing of each other.
    simulations
        How many patterns chance makes. More give finer p-values.
    level
        Share of curves of chance that leave the bands.
    seed
        Seed of the random numbers.
    task
        Progress.

    Returns
    -------
    RipleyResult
        Curves and summary.

    Raises
    ------
    CannotCompute
        If no region holds two points.
    WrongInput
        If objects lie in different spaces, or a choice needs points of another kind.
    """
    _check(points, other, correction, null, density is not None or intensity != "even")
    windows = windows_of(region, exclude)
    patterns = windows.patterns(points)
    others = windows.patterns(other) if other is not None else [None] * len(patterns)
    task = task or Task()
    curves, rows = [], []
    for number, own in enumerate(task.split(*[1] * len(patterns))):
        expected = expected_of(windows, number, density, intensity, bandwidth)
        pair = PointPair(patterns[number], others[number], expected, null)
        radii = pair.radii(largest_radius, steps)
        frame, row = pair.measure(radii, correction, simulations, level, seed, own)
        curves.append(frame)
        rows.append(row)
    if all(row["reason"].startswith("fewer") for row in rows):
        raise too_few_points(points.name, "two points")
    name = points.name if other is None else f"{other.name} about {points.name}"
    notes = _notes(correction, null, simulations, seed, level, patterns[0].window)
    tags = without_role(points.tags)
    return RipleyResult(
        Table(
            data=pd.concat(curves, ignore_index=True),
            name=f"clustering of {name}",
            notes=notes,
            tags=tags,
        ),
        Table(
            data=pd.DataFrame(rows),
            name=f"clustering of {name}, summary",
            notes=notes,
            tags=tags,
        ),
    )


def _check(
    points: Points, other: Points | None, correction: str, null: str, uneven: bool
) -> None:
    if other is None and null != "random places":
        raise WrongInput(
            f"{null} need points of another kind",
            "two kinds of points",
            "choose other points, or compare with random places",
        )
    if len(points.axes) == 3 and correction == "isotropic":
        raise WrongInput(
            "the isotropic correction is for points in a plane",
            "translation or border for points in space",
        )
    if uneven and null != "random places":
        raise WrongInput(
            f"an uneven density does not go with {null}", "random places", ""
        )


def _notes(
    correction: str,
    null: str,
    simulations: int,
    seed: int,
    level: float,
    window: Window,
) -> tuple[str, ...]:
    notes = [
        f"Correction at the edge: {_CORRECTIONS[correction]}. The pair correlation "
        "always takes translation, with Epanechnikov's kernel.",
        f"The region is a union of pixels of {_product(window)} µm.",
    ]
    if simulations:
        notes.append(
            f"Chance: {_NULLS[null]}; {simulations} simulations, random numbers start "
            f"at {seed}. p_mad and p_dclf are (r + 1) / (s + 1), for the largest and "
            "the mean squared deviation of L from the mean of all curves. Bands: "
            f"{1 - level:.3g} of all curves of chance, at one radius (low, high) or "
            "as a whole (global)."
        )
    notes.append("Points of one section are no replicates: compare animals.")
    return tuple(notes)


def _product(window: Window) -> str:
    return " × ".join(f"{step:.3g}" for step in window.spacing)
