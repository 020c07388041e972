"""Intervals of variance components and of their shares."""

from __future__ import annotations

import numpy as np
from scipy import stats

from nanoscape.statistics.levels.anova import Anova
from nanoscape.statistics.levels.nest import Floats

_DRAWS = 2**13


def drawn_components(found: Anova) -> Floats:
    """Return variance components as the mean squares allow them.

    Each sum of squares over its expectation is a chi-squared value; drawn ones
    instead give what the expectations may be (generalised pivots: Weerahandi 1993,
    doi:10.1080/01621459.1993.10476355; Burdick, Borror and Montgomery 2005). Exact for
    one level with groups of one size, close for others.

    Returns
    -------
    array
        Shape ``(draws, components)``; some are below zero.
    """
    # Evenly spread draws give the tails ten times closer than random ones.
    even = stats.qmc.Sobol(len(found.freedom), scramble=False).random(_DRAWS)
    chi = stats.chi2.ppf(even + 0.5 / _DRAWS, found.freedom)
    expected = found.squares / chi
    return np.asarray(np.linalg.solve(found.coefficients, expected.T).T, np.float64)


def interval(values: Floats, level: float) -> tuple[float, float]:
    """Return the middle share of drawn values."""
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
