"""Comparing the means of two groups of subjects."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from nanoscape.compute import tile_generator
from nanoscape.statistics.levels.nest import Floats

_EXACT = 20_000
_SAME = 1e-12
_FARTHEST = 50.0


@dataclass(frozen=True)
class Comparison:
    """Two groups of subjects.

    Attributes
    ----------
    difference, low, high
        Second mean less first, and its interval (Welch).
    t, freedom, p
        Statistic, degrees of freedom and p-value of Welch's test.
    p_permutation
        Two-sided, over ways to deal the subjects out to the groups.
    g, g_low, g_high
        Hedges' g and its interval.
    reason
        Why there is no test.
    """

    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    t: float = math.nan
    freedom: float = math.nan
    p: float = math.nan
    p_permutation: float = math.nan
    g: float = math.nan
    g_low: float = math.nan
    g_high: float = math.nan
    reason: str = ""


def compare(
    first: Floats, second: Floats, confidence: float = 0.95, seed: int = 0
) -> Comparison:
    """Compare two groups of subjects.

    Welch's test (1947, doi:10.1093/biomet/34.1-2.28) allows for unequal variances;
    Hedges' g (1981, doi:10.3102/10769986006002107) is the difference over the common
    standard deviation, without its small-sample bias, with the interval of the
    non-central t distribution.
    """
    n, m = len(first), len(second)
    difference = float(second.mean() - first.mean()) if n and m else math.nan
    if n < 2 or m < 2:
        return Comparison(
            difference=difference, reason="fewer than two subjects in a group"
        )
    variances = np.array([first.var(ddof=1), second.var(ddof=1)])
    parts = variances / [n, m]
    if parts.sum() <= _SAME**2 * max(float(np.abs(first).max()), 1e-300) ** 2:
        return Comparison(
            difference=difference, reason="all subjects of a group are equal"
        )
    error = math.sqrt(parts.sum())
    freedom = float(parts.sum() ** 2 / (parts**2 / [n - 1, m - 1]).sum())
    reach = float(stats.t.ppf((1 + confidence) / 2, freedom)) * error
    t = difference / error
    g, low, high = _hedges(difference, variances, n, m, confidence)
    return Comparison(
        difference,
        difference - reach,
        difference + reach,
        t,
        freedom,
        float(2 * stats.t.sf(abs(t), freedom)),
        permutation_p(first, second, seed),
        g,
        low,
        high,
    )


def permutation_p(first: Floats, second: Floats, seed: int = 0) -> float:
    """Return how often dealt-out subjects differ as much in the mean.

    All ways are tried up to 20,000 of them, else as many at random, the one at hand
    included.
    """
    every = np.concatenate([first, second])
    n, total = len(first), len(every)
    limit = abs(second.mean() - first.mean())
    limit -= _SAME * float(np.abs(every).max())
    if special.comb(total, n) <= _EXACT:
        chosen = np.array(list(itertools.combinations(range(total), n)))
        sums = every[chosen].sum(axis=1)
    else:
        rng = tile_generator(seed)
        order = rng.permuted(np.tile(every, (_EXACT - 1, 1)), axis=1)
        sums = np.concatenate([[first.sum()], order[:, :n].sum(axis=1)])
    apart = np.abs((every.sum() - sums) / (total - n) - sums / n)
    return float((apart >= limit).mean())


def _hedges(
    difference: float, variances: Floats, n: int, m: int, confidence: float
) -> tuple[float, float, float]:
    freedom = n + m - 2
    pooled = math.sqrt(((n - 1) * variances[0] + (m - 1) * variances[1]) / freedom)
    d = difference / pooled
    unbiased = math.exp(
        special.gammaln(freedom / 2)
        - special.gammaln((freedom - 1) / 2)
        - 0.5 * math.log(freedom / 2)
    )
    root = math.sqrt(n * m / (n + m))
    t = d * root
    tail = (1 - confidence) / 2

    def shift(wanted: float) -> float:
        def gap(value: float) -> float:
            return float(stats.nct.cdf(t, freedom, value)) - wanted

        low, high = t - 5.0, t + 5.0
        while gap(low) < 0 and low > t - _FARTHEST:
            low -= 5.0
        while gap(high) > 0 and high < t + _FARTHEST:
            high += 5.0
        if not (gap(low) > 0 > gap(high)):
            return math.nan
        return float(optimize.brentq(gap, low, high, xtol=1e-10))

    ends = [shift(1 - tail) / root, shift(tail) / root]
    return unbiased * d, unbiased * ends[0], unbiased * ends[1]


def holm(p: Floats) -> Floats:
    """Return p-values for many tests (Holm 1979); those that are NaN do not count."""
    adjusted = np.full(len(p), math.nan)
    order = np.argsort(np.where(np.isnan(p), math.inf, p), kind="stable")
    tests = int(np.isfinite(p).sum())
    highest = 0.0
    for rank, k in enumerate(order[:tests]):
        highest = max(highest, min(1.0, (tests - rank) * p[k]))
        adjusted[k] = highest
    return adjusted
