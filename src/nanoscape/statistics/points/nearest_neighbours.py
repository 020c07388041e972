"""How far it is to the nearest point: G, F and J, and the Clark-Evans index."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from nanoscape.compute import Task, tile_generator
from nanoscape.errors import WrongInput
from nanoscape.model import Labels, Points, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.nulls.envelopes import envelope, rank_p
from nanoscape.statistics.nulls.simulations import simulated
from nanoscape.statistics.points.nearest import (
    Estimate,
    Seen,
    distribution,
    kaplan_meier,
    mean_of,
    nearest_distances,
    sites_of,
)
from nanoscape.statistics.points.simulate import random_labels, random_places
from nanoscape.statistics.points.window import (
    Floats,
    Pattern,
    Window,
    too_few,
    windows_of,
)
from nanoscape.statistics.refusals import too_few_points
from nanoscape.statistics.zones import without_role

Null = Literal["random places", "random labels"]

_CURVES = ("g", "f", "j")
_FAR = 0.99
_DISTANCES = (
    "mean_distance_um",
    "clark_evans",
    "clark_evans_donnelly",
    "clark_evans_kaplan_meier",
    "p_clark_evans",
)


@dataclass(frozen=True)
class NearestNeighbours:
    """How far it is to the nearest point.

    Attributes
    ----------
    curves
        G, F and J by radius, with what chance gives.
    summary
        One row for each region: mean distance, Clark-Evans index and p-values.
    """

    curves: Table
    summary: Table


@operation(version=1, title="Nearest neighbours")
def nearest_neighbours(
    points: Annotated[Points, Role("Carrier")],
    region: Annotated[Labels | Regions, Role("Tissue")],
    other: Annotated[Points | None, Role(label="Nearest of other points")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    estimate: Annotated[Estimate, Option(label="At the edge")] = "Kaplan-Meier",
    largest_radius: Annotated[
        float | None, Option(unit="µm", minimum=1e-6, label="Radius up to")
    ] = None,
    steps: Annotated[
        int, Option(minimum=1, maximum=2000, label="Number of radii", advanced=True)
    ] = 50,
    null: Annotated[Null, Option(label="Compare with")] = "random places",
    simulations: Annotated[
        int, Option(minimum=0, maximum=9999, label="Simulations")
    ] = 199,
    level: Annotated[
        float, Option(minimum=0.001, maximum=0.5, label="Outside the bands by chance")
    ] = 0.05,
    seed: Annotated[int, Option(minimum=0, label="Random seed", advanced=True)] = 0,
    task: Task | None = None,
) -> NearestNeighbours:
    """Measure how far it is to the nearest point.

    G is the distribution of distances from points, F that from any place of the
    region, and J = (1 - G)/(1 - F) is below 1 when points gather and above when they
    keep apart (van Lieshout and Baddeley 1996,
    doi:10.1111/j.1467-9574.1996.tb01501.x). The index of Clark and Evans (1954,
    doi:10.2307/1931034) is the mean distance over that of random places.

    Parameters
    ----------
    points
        Particles or cells.
    region
        Where they could have been found; each label, or all regions of one name, is
        a pattern of its own.
    other
        Points of another kind: how far the nearest of them is.
    exclude
        Areas where none could be found.
    estimate
        How the nearest point beyond the edge is allowed for.
    largest_radius
        Auto: the one within which random places have a point in 99 %.
    steps
        Radii between zero and the largest.
    null
        What chance is.
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
    NearestNeighbours
        Curves and summary.

    Raises
    ------
    CannotCompute
        If no region holds two points.
    WrongInput
        If objects lie in different spaces, or a choice needs points of another kind.
    """
    if other is None and null == "random labels":
        raise WrongInput(
            "random labels need points of another kind",
            "two kinds of points",
            "choose other points, or compare with random places",
        )
    windows = windows_of(region, exclude)
    patterns = windows.patterns(points)
    others = windows.patterns(other) if other is not None else [None] * len(patterns)
    task = task or Task()
    frames, rows = [], []
    for first, second, own in zip(
        patterns, others, task.split(*[1] * len(patterns)), strict=True
    ):
        pair = _Pair(first, None if second is None else second.places, estimate, null)
        radii = pair.radii(largest_radius, steps)
        frame, row = pair.measure(radii, simulations, level, seed, own)
        frames.append(frame)
        rows.append(row)
    if all(row["reason"] for row in rows):
        raise too_few_points(points.name, "two points")
    name = points.name if other is None else f"{points.name} and {other.name}"
    notes, tags = _notes(estimate, null, simulations, seed), without_role(points.tags)
    names = (f"nearest neighbours of {name}", f"nearest neighbours of {name}, summary")
    data = (pd.concat(frames, ignore_index=True), pd.DataFrame(rows))
    curves, summary = (
        Table(data=part, name=text, notes=notes, tags=tags)
        for part, text in zip(data, names, strict=True)
    )
    return NearestNeighbours(curves, summary)


@dataclass(frozen=True, eq=False)
class _Pair:
    first: Pattern
    second: Floats | None
    estimate: Estimate
    null: Null

    @property
    def window(self) -> Window:
        return self.first.window

    @property
    def rate(self) -> float:
        """Density of the points that are looked for."""
        others = self.first.places if self.second is None else self.second
        return len(others) / self.window.size

    def radii(self, largest: float | None, steps: int) -> Floats:
        axes = len(self.window.spacing)
        if largest is None:
            unit = math.pi if axes == 2 else 4 / 3 * math.pi
            rate = max(self.rate, 1 / self.window.size)
            largest = (-math.log(1 - _FAR) / unit / rate) ** (1 / axes)
        return np.linspace(0.0, largest, steps + 1)

    def curves(
        self, first: Floats, second: Floats | None, sites: Seen, radii: Floats
    ) -> tuple[Floats, Floats]:
        """Return G, F and J one below the other, and the distances from points."""
        near = nearest_distances(first, second)
        edges = Seen.of(self.window, first).edges
        g = distribution(near, edges, radii, self.estimate)
        targets = first if second is None else second
        far = nearest_distances(sites.places, targets)
        f = distribution(far, sites.edges, radii, self.estimate)
        with np.errstate(invalid="ignore", divide="ignore"):
            j = np.where(f < 1 - 1e-9, (1 - g) / (1 - f), math.nan)
        return np.array([g, f, j]), near

    def measure(
        self, radii: Floats, simulations: int, level: float, seed: int, task: Task
    ) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Return the curves of this window and what they come to."""
        window, axes = self.window, len(self.window.spacing)
        reason = too_few(self.first.places, self.second)
        row: dict[str, Any] = {
            "region": window.name,
            "n_points": len(self.first.places),
            "n_other": 0 if self.second is None else len(self.second),
            f"size_um{axes}": window.size,
        }
        observed = np.full((3, len(radii)), math.nan)
        near, found = np.zeros(0), []
        if not reason:
            sites = Seen.of(window, sites_of(window))
            observed, near = self.curves(self.first.places, self.second, sites, radii)
            found = self._simulated(sites, radii, simulations, seed, task)
        frame = {"region": window.name, "radius_um": radii}
        frame["random"] = _of_chance(radii, self.rate, axes)
        row |= self._distances(near)
        means = np.array(
            [near.mean() if len(near) else math.nan, *[m for _, m in found]]
        )
        row["p_mean_distance"] = math.nan
        if found:
            row["p_mean_distance"] = rank_p(np.abs(means - means.mean()))
        for number, name in enumerate(_CURVES):
            drawn = [curves[number] for curves, _ in found]
            simulated = np.array(drawn) if drawn else np.empty((0, len(radii)))
            # J scatters ever more as F comes near one.
            bands = envelope(observed[number], simulated, level, scaled=name == "j")
            frame[name] = observed[number]
            frame[f"{name}_low"], frame[f"{name}_high"] = bands.low, bands.high
            frame[f"{name}_low_global"] = bands.low_global
            frame[f"{name}_high_global"] = bands.high_global
            row[f"p_mad_{name}"], row[f"p_dclf_{name}"] = bands.p_mad, bands.p_dclf
        return pd.DataFrame(frame), row | {"reason": reason}

    def _distances(self, near: Floats) -> dict[str, float]:
        """Return the mean distance and the index of Clark and Evans."""
        if not len(near):
            return dict.fromkeys(_DISTANCES, math.nan)
        mean, n = float(near.mean()), len(near)
        expected, deviation = _moments(self.rate, len(self.window.spacing))
        edges = Seen.of(self.window, self.first.places).edges
        steps, share = kaplan_meier(np.minimum(near, edges), near <= edges)
        z = (mean - expected) / (deviation / math.sqrt(n))
        corrected = math.nan
        if self.window.is_box and self.window.mask.ndim == 2 and self.second is None:
            around = 2 * float(self.window.sides.sum())
            corrected = expected + (0.0514 + 0.0412 / math.sqrt(n)) * around / n
        values = (
            mean,
            mean / expected,
            mean / corrected,
            mean_of(steps, share) / expected,
            float(2 * stats.norm.sf(abs(z))),
        )
        return dict(zip(_DISTANCES, values, strict=True))

    def _simulated(
        self, sites: Seen, radii: Floats, simulations: int, seed: int, task: Task
    ) -> list[tuple[Floats, float]]:
        jobs = [(self, sites, radii, seed, number) for number in range(simulations)]
        return simulated(_simulate, jobs, task, "simulating points")


def _simulate(
    pair: _Pair, sites: Seen, radii: Floats, seed: int, number: int
) -> tuple[Floats, float]:
    rng = tile_generator(seed, number)
    first, second = pair.first.places, pair.second
    if second is None:
        first = random_places(pair.window, len(first), rng)
    elif pair.null == "random labels":
        first, second = random_labels(first, second, rng)
    else:
        second = random_places(pair.window, len(second), rng)
    curves, near = pair.curves(first, second, sites, radii)
    return curves, float(near.mean())


def _of_chance(radii: Floats, rate: float, axes: int) -> Floats:
    size = math.pi * radii**2 if axes == 2 else 4 / 3 * math.pi * radii**3
    return 1 - np.exp(-rate * size)


def _moments(rate: float, axes: int) -> tuple[float, float]:
    """Return mean and standard deviation of the distance among random places."""
    unit = math.pi if axes == 2 else 4 / 3 * math.pi
    scale = (unit * rate) ** (-1 / axes)
    mean = math.gamma(1 + 1 / axes)
    return scale * mean, scale * math.sqrt(math.gamma(1 + 2 / axes) - mean**2)


def _notes(estimate: str, null: str, simulations: int, seed: int) -> tuple[str, ...]:
    notes = [
        f"Estimate of G, F and J at the edge: {estimate}. F is measured from at most "
        "about 16,000 places, evenly over the region.",
        "clark_evans and its p (normal, two-sided) take no account of the edge; "
        "Donnelly's correction is for one kind of points in a rectangle; that of "
        "Kaplan and Meier holds in any region. p_mean_distance compares with "
        "simulations, which have the same edge.",
    ]
    if simulations:
        notes.append(
            f"Chance: {null}; {simulations} simulations, random numbers start at "
            f"{seed}; p is (r + 1) / (s + 1)."
        )
    notes.append("Points of one section are no replicates: compare animals.")
    return tuple(notes)
