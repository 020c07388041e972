"""Sums over the neighbourhood of a pixel, against chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.raster.local_field import Population
from nanoscape.statistics.raster.neighbourhood import sums_near

Floats = NDArray[np.float64]


def scores_near(z: Floats, inside: NDArray[np.bool_], population: Population) -> Floats:
    """Return Gi* of each pixel, NaN outside.

    Parameters
    ----------
    z
        Values less the mean, 0 outside.
    inside
        Measured pixels.
    population
        What is compared with.
    """
    total, count = sums_near(z, inside, population.rows, population.largest)
    n = population.n
    spread = population.m2 / n * (n * count - count.astype(np.float64) ** 2) / (n - 1)
    allowed = inside & (spread > 0)
    return np.where(allowed, total / np.sqrt(np.where(allowed, spread, 1.0)), np.nan)


def scores_of_others(
    z: Floats, inside: NDArray[np.bool_], population: Population
) -> Floats:
    """Return Gi of each pixel, which keeps its own value out, NaN outside.

    Mean and variance are those of random places of all other values.
    """
    total, count = sums_of_others(z, inside, population)
    n = population.n
    mean = -z / (n - 1)
    variance = np.maximum((population.m2 - z**2) / (n - 1) - mean**2, 0.0)
    spread = count * variance * (n - 1 - count) / (n - 2)
    allowed = inside & (spread > 0)
    gap = total - count * mean
    return np.where(allowed, gap / np.sqrt(np.where(allowed, spread, 1.0)), np.nan)


def sums_of_others(
    z: Floats, inside: NDArray[np.bool_], population: Population
) -> tuple[Floats, NDArray[np.int64]]:
    """Return sum and number of the neighbours of each pixel, itself left out."""
    total, count = sums_near(z, inside, population.rows, population.largest)
    return total - z, count - inside
