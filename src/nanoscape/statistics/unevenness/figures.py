"""All figures of unevenness of one region."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.unevenness.counted_values import RegionValues
from nanoscape.statistics.unevenness.evenness import entropy, percentile, theil
from nanoscape.statistics.unevenness.levels import BINS


@dataclass(frozen=True)
class Choices:
    """What some figures need to know.

    Attributes
    ----------
    bin_width
        Width of the bins of the entropy; ``None`` for a number of them.
    hot, cold
        How many times the mean a pixel holds at least, or at most, to be hot or cold.
    """

    bin_width: float | None
    hot: float
    cold: float


_RATIOS = {
    "q3_over_q1": (0.75, 0.25),
    "p90_over_p10": (0.9, 0.1),
    "p95_over_p5": (0.95, 0.05),
}


def figures(values: RegionValues, choices: Choices) -> dict[str, Any]:
    """Return the figures of a region, NaN with reasons where there are none."""
    if not values.n:
        one = np.ones(1)
        nothing = RegionValues("", 0, one, one, one, 0.0)
        reason = "no pixel was measured"
        return {
            name: reason if name.endswith("reason") else math.nan
            for name in figures(nothing, choices)
        }
    mean, deviation = values.mean, math.sqrt(values.variance)
    gini_found, gini_reason = gini(values.count, values.total)
    theil_found, theil_reason = theil(values)
    q1, q3 = percentile(values, 0.25), percentile(values, 0.75)
    row: dict[str, Any] = {
        "mean": mean,
        "standard_deviation": deviation,
        "coefficient_of_variation": deviation / mean if mean != 0 else math.nan,
        "gini": gini_found,
        "gini_reason": gini_reason,
        "quartile_coefficient_of_dispersion": _ratio(q3 - q1, q3 + q1),
    }
    for name, (high, low) in _RATIOS.items():
        row[name] = _ratio(percentile(values, high), percentile(values, low))
    row["max_over_mean"] = _ratio(float(values.value[-1]), mean)
    row["hot_fraction"], row["cold_fraction"] = _beyond(values, choices)
    row["entropy_bits"] = entropy(values, choices.bin_width, BINS)
    return row | {"theil": theil_found, "theil_reason": theil_reason}


def without_noise(values: RegionValues, noise: float) -> tuple[RegionValues, str]:
    """Return values drawn towards their mean until noise is out of their variance.

    For normal values with normal noise they have the distribution of the true ones;
    mean and variance are right for any. The order of the pixels stays.

    Parameters
    ----------
    values
        Of a region.
    noise
        Standard deviation of the noise of a pixel.

    Returns
    -------
    values : RegionValues
        None where the noise is larger than the spread.
    reason : str
        Why there are none; empty when there are.
    """
    none = np.zeros(0)
    nothing = RegionValues(values.name, values.missing, none, none, none, 0.0)
    if not values.n:
        return nothing, "no pixel was measured"
    left = values.variance - noise**2
    if left < 0:
        return nothing, "the noise is larger than the spread"
    factor = math.sqrt(left / values.variance) if left else 0.0
    mean = values.mean
    drawn = replace(
        values,
        value=mean + (values.value - mean) * factor,
        total=values.count * mean + (values.total - values.count * mean) * factor,
        scatter=values.scatter * factor**2,
    )
    return drawn, ""


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else math.nan


def _beyond(values: RegionValues, choices: Choices) -> tuple[float, float]:
    """Return which share of the pixels is hot, and which cold."""
    if values.mean <= 0:
        return math.nan, math.nan
    hot = values.value >= choices.hot * values.mean
    cold = values.value <= choices.cold * values.mean
    return (
        float(values.count[hot].sum()) / values.n,
        float(values.count[cold].sum()) / values.n,
    )


def gini(count: NDArray[np.float64], total: NDArray[np.float64]) -> tuple[float, str]:
    """Return the Gini coefficient, or why there is none.

    Parameters
    ----------
    count, total
        Number and sum of groups of values in ascending order.
    """
    everything = float(total.sum())
    if (total < 0).any():
        return math.nan, "some values are negative"
    if everything == 0:
        return math.nan, "all values are zero"
    n = float(count.sum())
    # Twice the mean rank of a group less one more than the number of values.
    rank = 2 * np.cumsum(count) - count - n
    return float((rank * total).sum() / (n * everything)), ""
