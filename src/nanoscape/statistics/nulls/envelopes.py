"""A curve against those that chance gives: bands and p-values of the whole curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SAME = 1e-12


@dataclass(frozen=True, eq=False)
class Envelope:
    """What chance does to a curve.

    Attributes
    ----------
    mean
        Mean of all curves, the observed one included.
    low, high
        Band that holds a single point of the curve with the stated probability.
    low_global, high_global
        Band that holds the whole curve with the stated probability.
    p_mad, p_dclf
        Probability of a largest, and of a squared mean, deviation as large by chance.
    """

    mean: Floats
    low: Floats
    high: Floats
    low_global: Floats
    high_global: Floats
    p_mad: float
    p_dclf: float


def envelope(
    observed: Floats, simulated: Floats, level: float = 0.05, scaled: bool = False
) -> Envelope:
    """Compare a curve with simulated ones, as a whole.

    The largest absolute deviation from the mean of all curves (MAD), and the mean of
    its square (Diggle 1986, Cressie 1991, Loosmore and Ford: DCLF), are ranked among
    those of the simulations, so that the tests are exact (Baddeley et al. 2014,
    doi:10.1890/13-2042.1). Places where a curve is not defined do not count.

    Parameters
    ----------
    observed
        Shape ``(m,)``.
    simulated
        One row for each simulation, shape ``(s, m)``.
    level
        One minus the probability of the bands.
    scaled
        Whether deviations are divided by their standard deviation at each place, so
        that all places count alike (Myllymäki et al. 2015,
        doi:10.1016/j.spasta.2014.11.004).
    """
    every = np.concatenate([observed[None], simulated])
    known = np.isfinite(every).all(axis=0)
    nothing = np.full(len(observed), math.nan)
    if len(simulated) == 0 or not known.any():
        return Envelope(nothing, nothing, nothing, nothing, nothing, math.nan, math.nan)
    kept = every[:, known]
    mean = kept.mean(axis=0)
    width = np.ones(kept.shape[1])
    if scaled:
        width = kept.std(axis=0)
        width[width <= _SAME * np.abs(mean).max(initial=1.0)] = math.inf
    deviation = (kept - mean) / width
    largest = np.abs(deviation).max(axis=1)
    squared = (deviation**2).mean(axis=1)
    count = len(simulated)
    rank = max(1, math.floor(level * (count + 1) + 1e-9))
    critical = float(np.sort(largest[1:])[-rank]) if rank <= count else 0.0
    half = max(1, math.floor(level / 2 * (count + 1) + 1e-9))
    ordered = np.sort(kept[1:], axis=0)
    reach = np.where(np.isfinite(width), critical * width, 0.0)
    return Envelope(
        _spread(mean, known),
        _spread(ordered[half - 1], known),
        _spread(ordered[-half], known),
        _spread(mean - reach, known),
        _spread(mean + reach, known),
        rank_p(largest),
        rank_p(squared),
    )


def rank_p(values: Floats) -> float:
    """Return the share of values, the first included, that are as large as it."""
    limit = values[0] - _SAME * abs(values[0])
    return float((values >= limit).mean())


def _spread(values: Floats, known: NDArray[np.bool_]) -> Floats:
    full = np.full(len(known), math.nan)
    full[known] = values
    return full
