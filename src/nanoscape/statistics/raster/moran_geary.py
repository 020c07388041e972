"""Moran's I, Geary's C and Getis' G from sums over pairs, with moments by chance."""

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
    lean, m3
        Σ (wᵢ. + w.ᵢ) zᵢ and Σ z³.
    """

    n: int
    s0: float
    s1: float
    s2: float
    cross: float
    contrast: float
    m2: float
    m4: float
    lean: float = 0.0
    m3: float = 0.0

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


def general_g(sums: PairSums, mean: float) -> Score:
    """Return the G of Getis and Ord (1992), for values of 0 and more.

    Over random places its denominator is constant, and with x = z + mean its numerator
    is Σ w zᵢ zⱼ + mean Σ (wᵢ. + w.ᵢ) zᵢ + mean² Σ w. Its variance follows from those of
    the first two and their covariance, in which nothing cancels.

    Parameters
    ----------
    sums
        Of the values less their mean.
    mean
        Their mean.
    """
    n, s0, s2 = sums.n, sums.s0, sums.s2
    pairs = n * (n - 1)
    below = pairs * mean**2 - sums.m2
    cross = moran(sums).variance_randomisation * (s0 * sums.m2 / n) ** 2
    lean = sums.m2 / (n - 1) * (s2 - 4 * s0 * s0 / n)
    both = -s2 * sums.m3 / pairs + (2 * s0 * s0 - s2) * 2 * sums.m3 / (pairs * (n - 2))
    return Score(
        (sums.cross + mean * sums.lean + mean**2 * s0) / below,
        s0 / pairs,
        math.nan,
        (cross + mean**2 * lean + 2 * mean * both) / below**2,
    )
