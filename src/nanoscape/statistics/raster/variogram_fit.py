"""Laws of a variogram: nugget, sill and range."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[np.float64]

Law = Literal["exponential", "spherical", "Gaussian"]

_FEWEST_BINS = 5
_GRID = 60


@dataclass(frozen=True)
class VariogramFit:
    """A fitted law.

    Attributes
    ----------
    nugget
        Variance between neighbours that are next to each other, noise included.
    sill
        Variance between pixels far from each other, nugget included.
    range
        Distance in µm at which they are as good as unrelated: where a spherical law
        ends, and where others reach 95 % of what the sill adds to the nugget.
    reason
        Why there is none.
    """

    nugget: float = math.nan
    sill: float = math.nan
    range: float = math.nan
    reason: str = ""


def law_of(distance: Floats, reach: float, law: Law) -> Floats:
    """Return the share of the partial sill that a distance has, for a range in µm."""
    h = distance / reach
    if law == "spherical":
        return np.where(h < 1, 1.5 * h - 0.5 * h**3, 1.0)
    if law == "Gaussian":
        return 1 - np.exp(-3 * h**2)
    return 1 - np.exp(-3 * h)


def fit_variogram(
    distance: Floats, variogram: Floats, pairs: Floats, law: Law
) -> VariogramFit:
    """Fit nugget, sill and range by weighted least squares.

    Weights are pairs / γ², γ being the fitted law (Cressie 1985,
    doi:10.1007/BF01032109), found by repeating the fit.
    """
    known = (pairs > 0) & np.isfinite(variogram) & (distance > 0)
    h, g, n = distance[known], variogram[known], pairs[known]
    if len(h) < _FEWEST_BINS:
        return VariogramFit(reason=f"fewer than {_FEWEST_BINS} distances")
    if not g.max() > 0:
        return VariogramFit(reason="all values are equal")
    weights = n / np.maximum(g, 1e-6 * g.max()) ** 2
    reaches = np.geomspace(float(h[0]) / 2, 4 * float(h[-1]), _GRID)
    for _ in range(5):
        errors = [_solve(h, g, weights, reach, law)[0] for reach in reaches]
        best = int(np.argmin(errors))
        low, high = reaches[max(best - 1, 0)], reaches[min(best + 1, _GRID - 1)]
        found = optimize.minimize_scalar(
            lambda reach, w=weights: _solve(h, g, w, reach, law)[0],
            bounds=(float(low), float(high)),
            method="bounded",
            options={"xatol": 1e-6 * float(h[0])},
        )
        reach = float(found.x)
        _, nugget, partial = _solve(h, g, weights, reach, law)
        fitted = nugget + partial * law_of(h, reach, law)
        weights = n / np.maximum(fitted, 1e-6 * g.max()) ** 2
    if partial <= 1e-6 * g.max():
        return VariogramFit(nugget, nugget, math.nan, "neighbours are not alike")
    if reach > float(h[-1]):
        reason = "the variance still rises at the largest distance"
        return VariogramFit(nugget, math.nan, math.nan, reason)
    if reach <= float(h[0]):
        return VariogramFit(nugget, nugget + partial, math.nan, "the range is a pixel")
    return VariogramFit(nugget, nugget + partial, reach)


def _solve(
    h: Floats, g: Floats, weights: Floats, reach: float, law: Law
) -> tuple[float, float, float]:
    """Return the weighted error, nugget and partial sill, none below zero."""
    root = np.sqrt(weights / weights.max())
    design = np.stack([np.ones(len(h)), law_of(h, reach, law)], axis=1) * root[:, None]
    found, error = optimize.nnls(design, g * root)
    return float(error), float(found[0]), float(found[1])
