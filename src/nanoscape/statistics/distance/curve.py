"""What is read off a distance profile without any law."""

from __future__ import annotations

import math

import numpy as np

from nanoscape.statistics.distance.binning import Floats


def wall_value(distance: Floats, mean: Floats) -> float:
    """Return the value at the wall, by a straight line through two bins.

    Parameters
    ----------
    distance, mean
        Of the bins that hold anything, in order.
    """
    if len(mean) < 2:
        return math.nan
    slope = (mean[1] - mean[0]) / (distance[1] - distance[0])
    return float(mean[0] - slope * distance[0])


def half_distance(distance: Floats, mean: Floats) -> tuple[float, str]:
    """Return where the profile first crosses half its value at the wall.

    Returns
    -------
    distance : float
        In µm, NaN when it is not reached.
    reason : str
        Why not; empty when it is.
    """
    wall = wall_value(distance, mean)
    if not math.isfinite(wall):
        return math.nan, "fewer than two bins hold any pixels"
    if wall <= 0:
        return math.nan, "the value at the wall is not positive"
    d, v = np.concatenate([[0.0], distance]), np.concatenate([[wall], mean])
    below = np.flatnonzero(v <= wall / 2)
    if not below.size:
        return math.nan, f"not reached within {distance[-1]:.0f} µm"
    k = int(below[0])
    share = (v[k - 1] - wall / 2) / (v[k - 1] - v[k])
    return float(d[k - 1] + share * (d[k] - d[k - 1])), ""


def area_to(
    distance: Floats, mean: Floats, limit: float, slack: float
) -> tuple[float, str]:
    """Return the area under the profile from the wall to a distance.

    Parameters
    ----------
    distance, mean
        The profile.
    limit
        Upper end in µm.
    slack
        How much short of it the last bin's middle may lie, in µm.

    Returns
    -------
    area : float
        In µm times the unit of the drug, by trapezoids; NaN when the profile ends
        before the limit.
    reason : str
        Why it is missing; empty when it is not.
    """
    wall = wall_value(distance, mean)
    if not math.isfinite(wall):
        return math.nan, "fewer than two bins hold any pixels"
    if distance[-1] < limit - slack:
        return math.nan, f"no tissue is farther than {distance[-1]:.0f} µm"
    inner = distance < limit
    d = np.concatenate([[0.0], distance[inner], [limit]])
    end = np.interp(limit, distance, mean)
    v = np.concatenate([[wall], mean[inner], [end]])
    return float(np.sum(np.diff(d) * (v[1:] + v[:-1]) / 2)), ""
