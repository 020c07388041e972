"""Whether points near each other carry like values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd

from nanoscape.compute import Task, tile_generator
from nanoscape.errors import WrongInput
from nanoscape.model import Labels, Points, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.nulls.envelopes import envelope
from nanoscape.statistics.nulls.simulations import simulated
from nanoscape.statistics.points.curves import usual_width
from nanoscape.statistics.points.pairs import pair_sums
from nanoscape.statistics.points.set_covariance import SetCovariance, set_covariance
from nanoscape.statistics.points.window import Floats, Pattern, windows_of
from nanoscape.statistics.refusals import too_few_points
from nanoscape.statistics.zones import without_role


@dataclass(frozen=True)
class MarkCorrelation:
    """Whether points near each other carry like values.

    Attributes
    ----------
    curves
        Mark correlation and mark variogram by radius, with what chance gives.
    summary
        One row for each region, with p-values of the whole curve.
    """

    curves: Table
    summary: Table


@operation(version=1, title="Values of neighbours")
def mark_correlation(
    points: Annotated[Points, Role("Carrier")],
    region: Annotated[Labels | Regions, Role("Tissue")],
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    mark: Annotated[str, Option(label="Column of the value")] = "",
    largest_radius: Annotated[
        float | None, Option(unit="µm", minimum=1e-6, label="Radius up to")
    ] = None,
    steps: Annotated[
        int, Option(minimum=1, maximum=2000, label="Number of radii", advanced=True)
    ] = 50,
    bandwidth: Annotated[
        float | None,
        Option(unit="µm", minimum=1e-6, label="Smoothed over", advanced=True),
    ] = None,
    simulations: Annotated[
        int, Option(minimum=0, maximum=9999, label="Simulations")
    ] = 199,
    level: Annotated[
        float, Option(minimum=0.001, maximum=0.5, label="Outside the bands by chance")
    ] = 0.05,
    seed: Annotated[int, Option(minimum=0, label="Random seed", advanced=True)] = 0,
    task: Task | None = None,
) -> MarkCorrelation:
    """Measure whether points near each other carry like values.

    The mark correlation is the mean product of the values of two points at a
    distance, over the square of the mean of all (Stoyan and Stoyan 1994, *Fractals,
    Random Shapes and Point Fields*); the mark variogram is half the mean square of
    their difference. Chance deals the values out at random over the points.

    Parameters
    ----------
    points
        Particles or cells with a table.
    region
        Where they could have been found; each label, or all regions of one name, is
        a pattern of its own.
    exclude
        Areas where none could be found.
    mark
        Name of the column of the table, which may stay empty when there is only one
        column of numbers.
    largest_radius
        Auto: a quarter of the shortest side of the region.
    steps
        Radii between zero and the largest.
    bandwidth
        Half-width of the kernel over distances. A larger value gives a smoother
        curve. Auto: 0.34 over the root of the density.
    simulations
        How often values are dealt out. More give finer p-values.
    level
        Share of curves of chance that leave the bands.
    seed
        Seed of the random numbers.
    task
        Progress.

    Returns
    -------
    MarkCorrelation
        Curves and summary.

    Raises
    ------
    CannotCompute
        If no region holds two points with different values.
    WrongInput
        If there is no such column, or objects lie in different spaces.
    """
    name, values = _marks(points, mark)
    patterns = windows_of(region, exclude).patterns(points)
    task = task or Task()
    frames, rows = [], []
    for pattern, own in zip(patterns, task.split(*[1] * len(patterns)), strict=True):
        marked = _Marked.of(pattern, values, largest_radius, steps, bandwidth)
        frame, row = marked.measure(simulations, level, seed, own)
        frames.append(frame)
        rows.append(row)
    if all(row["reason"] for row in rows):
        raise too_few_points(points.name, "two points with different values")
    notes = (
        f"Values: {name}. Distances are smoothed by Epanechnikov's kernel, the edge "
        "is corrected by translation.",
        f"Chance: values dealt out at random over the points, {simulations} times; "
        f"random numbers start at {seed}; p is (r + 1) / (s + 1).",
    )
    tags, title = without_role(points.tags), f"values of neighbours among {points.name}"
    return MarkCorrelation(
        Table(
            data=pd.concat(frames, ignore_index=True),
            name=title,
            notes=notes,
            tags=tags,
        ),
        Table(
            data=pd.DataFrame(rows), name=f"{title}, summary", notes=notes, tags=tags
        ),
    )


def _marks(points: Points, mark: str) -> tuple[str, Floats]:
    table = points.table if points.table is not None else pd.DataFrame()
    numbers = [str(c) for c in table.select_dtypes("number") if c != "index"]
    if not mark and len(numbers) == 1:
        mark = numbers[0]
    if mark not in numbers:
        raise WrongInput(
            f"{points.name} have no column {mark!r}" if mark else "no column is named",
            f"one of {', '.join(numbers)}" if numbers else "points with a table",
        )
    return mark, table[mark].to_numpy(np.float64)


@dataclass(frozen=True, eq=False)
class _Marked:
    pattern: Pattern
    places: Floats
    values: Floats
    missing: int
    radii: Floats
    bandwidth: float
    covariance: SetCovariance

    @classmethod
    def of(
        cls,
        pattern: Pattern,
        values: Floats,
        largest: float | None,
        steps: int,
        bandwidth: float | None,
    ) -> _Marked:
        window, own = pattern.window, values[pattern.kept]
        known = np.isfinite(own)
        width = bandwidth or usual_width(int(known.sum()), window)
        radii = np.linspace(0.0, largest or float(window.sides.min()) / 4, steps + 1)
        covariance = set_covariance(window, float(radii[-1]) + width)
        places = pattern.places[known]
        missing = int((~known).sum())
        return cls(pattern, places, own[known], missing, radii, width, covariance)

    def sums(self, one: Floats, two: Floats) -> Floats:
        return pair_sums(
            self.places,
            None,
            self.radii,
            self.covariance,
            self.pattern.window.spacing,
            weights=(one, two),
            bandwidth=self.bandwidth,
        ).density

    def curves(self, values: Floats, every: Floats) -> Floats:
        """Return mark correlation and variogram, one below the other."""
        ones = np.ones(len(values))
        mean = float(self.values.mean())
        with np.errstate(invalid="ignore", divide="ignore"):
            product = self.sums(values, values) / every
            square = self.sums(values**2, ones) / every
            alike = product / mean**2 if mean != 0 else np.full(len(every), math.nan)
        return np.array([alike, square - product])

    def measure(
        self, simulations: int, level: float, seed: int, task: Task
    ) -> tuple[pd.DataFrame, dict[str, Any]]:
        reason = ""
        if len(self.values) < 2:
            reason = "fewer than two points with a value"
        elif self.values.min() == self.values.max():
            reason = "all values are equal"
        observed = np.full((2, len(self.radii)), math.nan)
        found: list[Any] = []
        if not reason:
            every = self.sums(np.ones(len(self.values)), np.ones(len(self.values)))
            observed = self.curves(self.values, every)
            jobs = [(self, every, seed, number) for number in range(simulations)]
            found = simulated(_dealt, jobs, task, "dealing out values")
        frame: dict[str, Any] = {
            "region": self.pattern.window.name,
            "radius_um": self.radii,
        }
        row: dict[str, Any] = {
            "region": self.pattern.window.name,
            "n_points": len(self.values),
            "n_not_measured": self.missing,
            "mean": float(self.values.mean()) if len(self.values) else math.nan,
            "variance": float(self.values.var()) if len(self.values) else math.nan,
            "bandwidth_um": self.bandwidth,
        }
        for k, name in enumerate(("mark_correlation", "mark_variogram")):
            drawn = np.array([c[k] for c in found]) if found else observed[:0]
            bands = envelope(observed[k], drawn, level, scaled=True)
            frame[name] = observed[k]
            frame[f"{name}_low"], frame[f"{name}_high"] = bands.low, bands.high
            frame[f"{name}_low_global"] = bands.low_global
            frame[f"{name}_high_global"] = bands.high_global
            row[f"p_mad_{name}"] = bands.p_mad
        return pd.DataFrame(frame), row | {"reason": reason}


def _dealt(marked: _Marked, every: Floats, seed: int, number: int) -> Floats:
    rng = tile_generator(seed, number)
    return marked.curves(rng.permutation(marked.values), every)
