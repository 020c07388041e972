"""Arterial inputs of populations, in blood, as they were published."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy import special

from nanoscape.quantify.series import Floats

Population = Literal[
    "human (Parker 2006)",
    "human (Georgiou 2019)",
    "rat (McGrath 2009)",
    "own two exponentials",
]

SOURCES: dict[str, str] = {
    "human (Parker 2006)": "doi:10.1002/mrm.21066",
    "human (Georgiou 2019)": "doi:10.1002/mrm.27524",
    "rat (McGrath 2009)": "doi:10.1002/mrm.21959, table 1, model B",
    "own two exponentials": "parameters that were given",
}
"""Where the parameters come from."""


def parker(since_s: Floats) -> Floats:
    """Return mM in blood of patients, after 0.1 mmol/kg, from the arrival on.

    Two Gaussians for the first passes and an exponential with a sigmoid (Parker et
    al. 2006, doi:10.1002/mrm.21066, table 1).

    Parameters
    ----------
    since_s
        Seconds since the bolus arrived; before that it is 0.
    """
    t = since_s / 60
    total = 1.050 * np.exp(-0.1685 * t) / (1 + np.exp(-38.078 * (t - 0.483)))
    for area, centre, width in ((0.809, 0.17046, 0.0563), (0.330, 0.365, 0.132)):
        bell = np.exp(-((t - centre) ** 2) / (2 * width**2))
        total = total + area / (width * math.sqrt(2 * math.pi)) * bell
    return np.where(t >= 0, total, 0.0)


def georgiou(since_s: Floats) -> Floats:
    """Return mM in blood of patients, after 0.1 mmol/kg, from the arrival on.

    Three exponentials times the recirculation of a gamma variate (Georgiou et al.
    2019, doi:10.1002/mrm.27524, equation 1 and table 3).
    """
    t = np.maximum(since_s, 0.0) / 60
    alpha, beta, tau = 5.26, 0.032, 0.129
    passes = np.zeros_like(t)
    for k in range(int(t.max() / tau) + 1):
        after = t - k * tau
        shape = (k + 1) * alpha + k
        there = after > 0
        logarithm = (
            special.xlogy(shape, np.where(there, after, 1.0))
            - after / beta
            - (shape + 1) * math.log(beta)
            - special.gammaln(shape + 1)
        )
        passes += np.where(there, np.exp(np.minimum(logarithm, 50.0)), 0.0)
    washout = sum(
        amount * np.exp(-rate * t)
        for amount, rate in ((0.37, 0.11), (0.33, 1.17), (10.06, 16.02))
    )
    return np.where(since_s > 0, washout * passes, 0.0)


def two_exponentials(
    since_s: Floats, amounts_mm: Floats, rates_per_s: Floats, rise_s: float
) -> Floats:
    """Return an input that rises evenly and falls as two exponentials.

    Parameters
    ----------
    since_s
        Seconds since the bolus arrived.
    amounts_mm, rates_per_s
        Of each exponential, from the end of the rise.
    rise_s
        How long it rises.
    """
    after = np.maximum(since_s - rise_s, 0.0)
    fall = sum(
        a * np.exp(-m * after) for a, m in zip(amounts_mm, rates_per_s, strict=True)
    )
    rise = np.clip(since_s / rise_s, 0.0, 1.0) if rise_s > 0 else since_s >= 0
    return np.asarray(fall * rise, np.float64)


def mcgrath(since_s: Floats) -> Floats:
    """Return mM in blood of rats from the arrival on.

    Two exponentials after a rise of 7 s (McGrath et al. 2009,
    doi:10.1002/mrm.21959, table 1, model B).
    """
    return two_exponentials(
        since_s, np.array([3.4, 1.81]), np.array([0.045, 0.0015]), 7.0
    )
