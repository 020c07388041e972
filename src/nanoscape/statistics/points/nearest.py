"""Distances to the nearest point, and their distribution seen in a window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import spatial

from nanoscape.statistics.points.edge_distance import edge_distance
from nanoscape.statistics.points.window import Floats, Window

Estimate = Literal["Kaplan-Meier", "border", "none"]

_SITES = 2**14


def nearest_distances(first: Floats, second: Floats | None) -> Floats:
    """Return the distance of each point to the nearest other, infinite without any."""
    others = first if second is None else second
    rank = 2 if second is None else 1
    if len(others) < rank or not len(first):
        return np.full(len(first), math.inf)
    distance, _ = spatial.cKDTree(others).query(first, k=[rank])
    return distance[:, 0]


def sites_of(window: Window) -> Floats:
    """Return the centres of at most about 16,000 pixels, evenly over the window."""
    count = int(window.mask.sum())
    step = max(1, math.ceil((count / _SITES) ** (1 / window.mask.ndim) - 1e-9))
    kept = np.zeros_like(window.mask)
    kept[(slice(None, None, step),) * window.mask.ndim] = True
    found = np.argwhere(window.mask & kept)
    if not len(found):
        found = np.argwhere(window.mask)[:1]
    return (found + 0.5) * np.array(window.spacing)


@dataclass(frozen=True, eq=False)
class Seen:
    """Places with their distances to the edge of the window."""

    places: Floats
    edges: Floats

    @classmethod
    def of(cls, window: Window, places: Floats) -> Seen:
        """Return places with their distances to the edge."""
        return cls(places, edge_distance(window, places))


def distribution(
    distances: Floats, edges: Floats, radii: Floats, estimate: Estimate
) -> Floats:
    """Return the share of places with a point within each radius.

    A place nearer to the edge than to a point may have its nearest point outside. It
    counts as censored at its distance to the edge (Kaplan-Meier; Baddeley and Gill
    1997, doi:10.1214/aos/1034276629), or only places at least as far from the edge
    as the radius count (border), or all as they are (none).
    """
    if not len(distances):
        return np.full(len(radii), math.nan)
    if estimate == "none":
        ordered = np.sort(distances)
        return np.searchsorted(ordered, radii, side="right") / len(ordered)
    seen = distances <= edges
    if estimate == "border":
        usable = len(edges) - np.searchsorted(np.sort(edges), radii, side="left")
        joined = np.array([((distances <= r) & (edges >= r)).sum() for r in radii])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(usable > 0, joined / usable, math.nan)
    steps, share = kaplan_meier(np.minimum(distances, edges), seen)
    index = np.searchsorted(steps, radii, side="right")
    return np.concatenate([[0.0], share])[index]


def kaplan_meier(times: Floats, seen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return where the distribution of censored values steps, and to what.

    Parameters
    ----------
    times
        Values, or how far they were followed.
    seen
        Whether the value was reached.
    """
    steps, inverse = np.unique(times, return_inverse=True)
    ended = np.bincount(inverse, seen.astype(np.float64), len(steps))
    leaving = np.bincount(inverse, minlength=len(steps))
    at_risk = len(times) - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    share = 1 - np.cumprod(1 - ended / at_risk)
    kept = ended > 0
    return steps[kept], share[kept]


def mean_of(steps: Floats, share: Floats) -> float:
    """Return the mean of a distribution given by its steps."""
    return float((steps * np.diff(np.concatenate([[0.0], share]))).sum())
