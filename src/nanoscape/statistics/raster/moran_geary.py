"""Moran's I and Geary's C from sums over pairs, with their moments by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

FEWEST_PIXELS = 4
"""The variance under randomisation divides by n − 3."""


@dataclass(frozen=True)
class PairSums:
    """What Moran's I and Geary's C are made of.

    Attributes
    ----------
    n
        Number of pixels.
    s0, s1, s2
        Σ w, ½ Σ (wᵢⱼ + wⱼᵢ)² and Σᵢ (wᵢ. + w.ᵢ)².
    cross, contrast
        Σ w zᵢ zⱼ and Σ w (zᵢ − zⱼ)².
    m2, m4
        Σ z² and Σ z⁴, with z the value less the mean.
    """

    n: int
    s0: float
    s1: float
    s2: float
    cross: float
    contrast: float
    m2: float
    m4: float

    @property
    def kurtosis(self) -> float:
        """Fourth moment over the square of the second."""
        return self.n * self.m4 / self.m2**2


@dataclass(frozen=True)
class Score:
    """A statistic and what is expected of it by chance.

    Attributes
    ----------
    value, expected
        What was found, and its mean by chance.
    variance_normality
        Variance if values were drawn from one normal distribution.
    variance_randomisation
        Variance if the values at hand were put to random places.
    """

    value: float
    expected: float
    variance_normality: float
    variance_randomisation: float

    @property
    def z(self) -> float:
        """Standard score under randomisation."""
        return _standard(self.value - self.expected, self.variance_randomisation)

    @property
    def p(self) -> float:
        """Two-sided probability under randomisation."""
        return two_sided(self.z)

    @property
    def p_normality(self) -> float:
        """Two-sided probability under normality."""
        return two_sided(_standard(self.value - self.expected, self.variance_normality))


def two_sided(z: float) -> float:
    """Return the probability of a standard normal value this far from zero."""
    return float(special.erfc(abs(z) / math.sqrt(2)))


def _standard(gap: float, variance: float) -> float:
    return gap / math.sqrt(variance) if variance > 0 else math.nan


def moran(sums: PairSums) -> Score:
    """Return Moran's I (Cliff and Ord 1981, Spatial Processes)."""
    n, s0, s1, s2, k = sums.n, sums.s0, sums.s1, sums.s2, sums.kurtosis
    expected = -1 / (n - 1)
    normal = (n * n * s1 - n * s2 + 3 * s0 * s0) / ((n * n - 1) * s0 * s0)
    placed = n * ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0 * s0)
    placed -= k * ((n * n - n) * s1 - 2 * n * s2 + 6 * s0 * s0)
    placed /= (n - 1) * (n - 2) * (n - 3) * s0 * s0
    return Score(
        n / s0 * sums.cross / sums.m2,
        expected,
        normal - expected**2,
        placed - expected**2,
    )


def geary(sums: PairSums) -> Score:
    """Return Geary's C (Cliff and Ord 1981, Spatial Processes)."""
    n, s0, s1, s2, k = sums.n, sums.s0, sums.s1, sums.s2, sums.kurtosis
    normal = ((2 * s1 + s2) * (n - 1) - 4 * s0 * s0) / (2 * (n + 1) * s0 * s0)
    placed = (n - 1) * s1 * (n * n - 3 * n + 3 - (n - 1) * k)
    placed -= (n - 1) * s2 * (n * n + 3 * n - 6 - (n * n - n + 2) * k) / 4
    placed += s0 * s0 * (n * n - 3 - (n - 1) ** 2 * k)
    placed /= n * (n - 2) * (n - 3) * s0 * s0
    value = (n - 1) / (2 * s0) * sums.contrast / sums.m2
    return Score(value, 1.0, normal, placed)
