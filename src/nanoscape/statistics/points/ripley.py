"""Whether points gather or keep apart, at each distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from nanoscape.compute import Task, tile_generator
from nanoscape.compute.executor import current_executor
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Points, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.nulls.envelopes import Envelope, envelope
from nanoscape.statistics.points.curves import (
    Correction,
    Curves,
    Estimator,
    k_of_chance,
    usual_width,
)
from nanoscape.statistics.points.expected import Expected, Intensity, expected_of
from nanoscape.statistics.points.set_covariance import set_covariance
from nanoscape.statistics.points.simulate import random_labels, random_places, shifted
from nanoscape.statistics.points.window import (
    Floats,
    Pattern,
    Window,
    too_few,
    windows_of,
)
from nanoscape.statistics.zones import without_role

Null = Literal["random places", "random labels", "random shifts"]

_MOST_NEIGHBOURS = 1000.0

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
        pair = _Pair(patterns[number], others[number], expected, null)
        radii = pair.radii(largest_radius, steps)
        frame, row = pair.measure(radii, correction, simulations, level, seed, own)
        curves.append(frame)
        rows.append(row)
    if all(row["reason"].startswith("fewer") for row in rows):
        raise CannotCompute(
            f"no region holds enough of {points.name}",
            "at least two points in one region",
            "check that points and region overlap",
        )
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


@dataclass(frozen=True, eq=False)
class _Pair:
    """Points of one or two kinds in one window."""

    first: Pattern
    other: Pattern | None
    expected: Expected
    null: Null

    @property
    def window(self) -> Window:
        return self.first.window

    @property
    def second(self) -> Floats | None:
        return None if self.other is None else self.other.places

    def radii(self, largest: float | None, steps: int) -> Floats:
        axes = len(self.window.spacing)
        count = len(self.first.places if self.second is None else self.second)
        if largest is None:
            rate = max(count, 1) / self.window.size
            ball = _MOST_NEIGHBOURS / rate / k_of_chance(np.ones(1), axes)[0]
            largest = min(self.window.sides.min() / 4, ball ** (1 / axes))
        return np.linspace(0.0, float(largest), steps + 1)

    def bandwidth(self) -> float:
        """Return the half-width for the pair correlation in µm."""
        others = self.first.places if self.second is None else self.second
        return usual_width(len(others), self.window) if len(others) else 0.0

    def measure(
        self,
        radii: Floats,
        correction: Correction,
        simulations: int,
        level: float,
        seed: int,
        task: Task,
    ) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Return the curves of this window and what they come to."""
        window, width = self.window, self.bandwidth()
        axes = len(window.spacing)
        reason = too_few(self.first.places, self.second)
        nothing = np.full(len(radii), math.nan)
        curves = Curves(nothing, nothing, nothing)
        bands = [envelope(nothing, np.empty((0, len(radii))), level)] * 2
        if not reason:
            covariance = set_covariance(window, float(radii[-1]) + width)
            estimator = Estimator(window, radii, correction, covariance, width)
            curves = self._curves(estimator, self.first.places, self.second)
            found = self._simulated(estimator, simulations, seed, task)
            bands = _bands(curves, found, level)
        frame = _frame(window, radii, curves, *bands)
        row = {
            "region": window.name,
            "n_points": len(self.first.places),
            "n_other": 0 if self.second is None else len(self.second),
            f"size_um{axes}": window.size,
            f"density_per_um{axes}": len(self.first.places) / window.size,
            "largest_radius_um": float(radii[-1]),
            "bandwidth_um": width,
            "n_simulations": simulations,
            "p_mad": bands[0].p_mad,
            "p_dclf": bands[0].p_dclf,
            "reason": reason
            or ("" if simulations else "no simulations were asked for"),
        }
        return frame, row

    def _curves(
        self, estimator: Estimator, first: Floats, second: Floats | None
    ) -> Curves:
        own = self.expected.at(first)
        densities = None
        if own is not None:
            far = own if second is None else self.expected.at(second)
            assert far is not None
            densities = (own, far)
        return estimator(first, second, densities)

    def _simulated(
        self, estimator: Estimator, simulations: int, seed: int, task: Task
    ) -> list[tuple[Floats, Floats, float]]:
        jobs = [(self, estimator, seed, number) for number in range(simulations)]
        found: list[Any] = [None] * simulations
        task.step(0, max(simulations, 1), "simulating points")
        for done, (number, curves) in enumerate(
            current_executor().run(_simulate, jobs, task), start=1
        ):
            found[number] = curves
            task.step(done, simulations, "simulating points")
        return found


def _simulate(
    pair: _Pair, estimator: Estimator, seed: int, number: int
) -> tuple[Floats, Floats, float]:
    """Return L, the pair correlation and the share of the window of one pattern."""
    rng = tile_generator(seed, number)
    first, second, window = pair.first.places, pair.second, pair.window
    share = 1.0
    if second is None:
        first = random_places(window, len(first), rng, pair.expected.map(first))
    elif pair.null == "random labels":
        first, second = random_labels(first, second, rng)
    elif pair.null == "random shifts":
        second, smaller, _ = shifted(second, window, rng)
        if smaller is not window:
            first = first[smaller.holds(first)]
            share = smaller.size / window.size
            reach = float(estimator.radii[-1]) + estimator.bandwidth
            estimator = Estimator(
                smaller,
                estimator.radii,
                estimator.correction,
                set_covariance(smaller, reach),
                estimator.bandwidth,
            )
    else:
        second = random_places(window, len(second), rng, pair.expected.map(second))
    curves = pair._curves(estimator, first, second)
    return curves.l, curves.g, share


def _bands(
    curves: Curves, found: Sequence[tuple[Floats, Floats, float]], level: float
) -> list[Envelope]:
    bands = []
    for k, observed in enumerate((curves.l, curves.g)):
        simulated = np.array([item[k] for item in found])
        if not len(found):
            simulated = np.empty((0, len(observed)))
        else:
            # Curves of smaller windows scatter more.
            share = np.array([item[2] for item in found])[:, None]
            mean = np.concatenate([observed[None], simulated]).mean(axis=0)
            simulated = np.where(
                share < 1, mean + (simulated - mean) * np.sqrt(share), simulated
            )
        bands.append(envelope(observed, simulated, level))
    return bands


def _frame(
    window: Window, radii: Floats, curves: Curves, of_l: Envelope, of_g: Envelope
) -> pd.DataFrame:
    axes = len(window.spacing)
    return pd.DataFrame(
        {
            "region": window.name,
            "radius_um": radii,
            f"k_um{axes}": curves.k,
            f"k_random_um{axes}": k_of_chance(radii, axes),
            "l_um": curves.l,
            "l_mean_um": of_l.mean,
            "l_low_um": of_l.low,
            "l_high_um": of_l.high,
            "l_low_global_um": of_l.low_global,
            "l_high_global_um": of_l.high_global,
            "pair_correlation": curves.g,
            "pair_correlation_low": of_g.low,
            "pair_correlation_high": of_g.high,
        }
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
