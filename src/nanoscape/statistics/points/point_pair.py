"""K, L and the pair correlation of points in a window, and of what chance makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from nanoscape.compute import Task, tile_generator
from nanoscape.statistics.nulls.envelopes import Envelope, envelope
from nanoscape.statistics.nulls.simulations import simulated
from nanoscape.statistics.points.curves import (
    Correction,
    Curves,
    Estimator,
    k_of_chance,
    usual_width,
)
from nanoscape.statistics.points.expected import Expected
from nanoscape.statistics.points.set_covariance import set_covariance
from nanoscape.statistics.points.simulate import random_labels, random_places, shifted
from nanoscape.statistics.points.window import Floats, Pattern, Window, too_few

Null = Literal["random places", "random labels", "random shifts"]

_MOST_NEIGHBOURS = 1000.0


@dataclass(frozen=True, eq=False)
class PointPair:
    """Points of one or two kinds in one window.

    Attributes
    ----------
    first, other
        The points, and those of another kind.
    expected
        Their density by chance.
    null
        What chance is.
    """

    first: Pattern
    other: Pattern | None
    expected: Expected
    null: Null

    @property
    def window(self) -> Window:
        """Where points could have been found."""
        return self.first.window

    @property
    def second(self) -> Floats | None:
        """Places of the other points."""
        return None if self.other is None else self.other.places

    def radii(self, largest: float | None, steps: int) -> Floats:
        """Return radii from 0, as far as there is something to see by default."""
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
            curves = self.curves(estimator, self.first.places, self.second)
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

    def curves(
        self, estimator: Estimator, first: Floats, second: Floats | None
    ) -> Curves:
        """Return the curves of points in this window."""
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
        return simulated(_simulate, jobs, task, "simulating points")


def _simulate(
    pair: PointPair, estimator: Estimator, seed: int, number: int
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
    curves = pair.curves(estimator, first, second)
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
