"""Thresholds below which two images are not correlated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nanoscape.statistics.nulls.shifts import Floats


@dataclass(frozen=True)
class Line:
    """Orthogonal regression of the second image on the first."""

    slope: float
    offset: float


def regression(means: Floats, products: Floats) -> Line | None:
    """Return the principal axis of two images, ``None`` when it does not rise.

    Parameters
    ----------
    means
        Of both images.
    products
        Sums of the squares of both and of their product, less the means.
    """
    xx, yy, xy = products[:3]
    if xy <= 0:
        return None
    gap = yy - xx
    slope = (gap + math.sqrt(gap**2 + 4 * xy**2)) / (2 * xy)
    return Line(slope, float(means[1] - slope * means[0]))


def threshold(line: Line, low: float, high: float, sums: Floats) -> tuple[float, float]:
    """Return the highest thresholds below both of which nothing is correlated.

    Thresholds move down the regression line until the correlation of the pixels below
    both is no longer above 0 (Costes et al. 2004, doi:10.1529/biophysj.103.038422).

    Parameters
    ----------
    line
        Where both thresholds lie.
    low, high
        First and last threshold of the first image.
    sums
        Sums of the pixels by level, shape ``(6, levels)``.

    Returns
    -------
    first, second : float
        The lowest ones when pixels are correlated down to the last level.
    """
    n, a, b, aa, bb, ab = np.cumsum(sums, axis=1)
    size = np.maximum(n, 1)
    covariance = ab - a * b / size
    spread = (aa - a**2 / size) * (bb - b**2 / size)
    scale = float((aa[-1] - a[-1] ** 2 / size[-1]) * (bb[-1] - b[-1] ** 2 / size[-1]))
    # What is left of equal values is rounding.
    defined = (n > 2) & (spread > 1e-18 * scale)
    stop = np.flatnonzero(~defined | (covariance <= 0))
    level = int(stop[-1]) + 1 if stop.size else 0
    first = low + level * (high - low) / sums.shape[1]
    return first, line.slope * first + line.offset
