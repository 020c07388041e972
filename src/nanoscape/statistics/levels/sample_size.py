"""How many subjects a comparison of two groups needs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
from scipy import stats

from nanoscape.statistics.levels.nest import Floats, Nest

_MOST = 10_000
_PARTS = (1, 2, 3, 5)


def power_of(n: int, effect: float, alpha: float = 0.05) -> float:
    """Return the power of a two-sided t test of two groups of ``n`` subjects.

    Parameters
    ----------
    n
        Subjects in each group.
    effect
        Difference of the means over the standard deviation of subjects.
    alpha
        Probability of an error of the first kind.
    """
    freedom = 2 * n - 2
    shift = effect * math.sqrt(n / 2)
    limit = stats.t.ppf(1 - alpha / 2, freedom)
    law = stats.nct(freedom, shift)
    return float(law.sf(limit) + law.cdf(-limit))


def subjects_needed(effect: float, power: float, alpha: float = 0.05) -> int | None:
    """Return the least number of subjects in each group, ``None`` above 10,000."""
    if not effect > 0:
        return None
    low, high = 2, 2
    while power_of(high, effect, alpha) < power:
        low, high = high, 2 * high
        if high > _MOST:
            return None
    while low < high:
        middle = (low + high) // 2
        if power_of(middle, effect, alpha) >= power:
            high = middle
        else:
            low = middle + 1
    return high


def designs(
    nest: Nest, components: Floats, mean: float, difference: float, power: float
) -> pd.DataFrame:
    """Return the subjects needed, by how many groups of each lower level are measured.

    The variance of a subject's mean is that of subjects plus that of each lower level
    over the number of its groups.
    """
    lower = [*nest.levels[1:], nest.residual]
    kept = np.maximum(components, 0.0)
    rows = []
    for counts in itertools.product(*[_PARTS[:3]] * (len(lower) - 1), _PARTS):
        spread = kept[0] + sum(
            part / each for part, each in zip(kept[1:], np.cumprod(counts), strict=True)
        )
        effect = abs(mean) * difference / math.sqrt(spread) if spread > 0 else math.inf
        needed = subjects_needed(min(effect, 100.0), power)
        row: dict[str, float] = {
            f"n_{name}_in_each": n for name, n in zip(lower, counts, strict=True)
        }
        row |= {
            "standard_deviation_of_subjects": math.sqrt(spread),
            "effect": effect,
            "subjects_per_group": math.nan if needed is None else needed,
        }
        rows.append(row)
    return pd.DataFrame(rows)
