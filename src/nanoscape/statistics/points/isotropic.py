"""Ripley's edge correction: the share of a circle that lies in the window."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from nanoscape.statistics.points.pairs import cells_of
from nanoscape.statistics.points.window import Floats, Window

_TIE = 1e-12
_LARGEST_WEIGHT = 100.0
_FEWEST_DIRECTIONS, _MOST_DIRECTIONS = 64, 1440


def isotropic_sums(
    first: Floats,
    second: Floats | None,
    radii: Floats,
    window: Window,
    weights: tuple[Floats, Floats] | None = None,
) -> Floats:
    """Return sums over pairs in a plane, divided by the share of circle in the window.

    The circle goes round the first point through the second (Ripley 1976,
    doi:10.2307/3212829). In a rectangle the share is exact, in other windows it is
    that of directions about a quarter of a pixel apart. No pair counts more than 100
    times.

    Parameters
    ----------
    first, second, radii, weights
        As for :func:`~nanoscape.statistics.points.pairs.pair_sums`.
    window
        A window in a plane.
    """
    own = second is None
    others = first if second is None else second
    if len(first) == 0 or len(others) == 0:
        return np.zeros(len(radii))
    if weights is None:
        weights = (np.ones(len(first)), np.ones(len(others)))
    cells = cells_of(others, float(radii[-1]))
    places, order = first, np.arange(len(first))
    if own:
        places, order = cells.places[:, 1:].copy(), cells.order
    sums = _sums(
        places,
        weights[0][order],
        own,
        cells.places[:, 1:].copy(),
        weights[1][cells.order],
        cells.first,
        cells.shape,
        cells.low,
        cells.width,
        radii,
        window.mask,
        np.array(window.spacing),
        window.is_box,
    )
    return np.cumsum(sums)


@numba.njit(nogil=True, cache=True)
def _share_of_box(y: float, x: float, d: float, height: float, width: float) -> float:
    sides = (y, x, height - y, width - x)
    outside = 0.0
    for k in range(4):
        near, next_one = sides[k], sides[(k + 1) % 4]
        if near < d:
            outside += 2 * math.acos(near / d)
        # Directions beyond both sides of a corner were counted twice.
        if near * near + next_one * next_one < d * d:
            outside -= math.acos(near / d) + math.acos(next_one / d) - math.pi / 2
    return 1.0 - outside / (2 * math.pi)


@numba.njit(nogil=True, cache=True)
def _share_of_mask(y: float, x: float, d: float, mask: Any, steps: Any) -> float:
    wanted = 8 * math.pi * d / min(steps[0], steps[1])
    count = int(min(max(wanted, _FEWEST_DIRECTIONS), _MOST_DIRECTIONS))
    inside = 0
    for k in range(count):
        angle = 2 * math.pi * (k + 0.5) / count
        a = math.floor((y + d * math.sin(angle)) / steps[0])
        b = math.floor((x + d * math.cos(angle)) / steps[1])
        if 0 <= a < mask.shape[0] and 0 <= b < mask.shape[1] and mask[a, b]:
            inside += 1
    return inside / count


@numba.njit(nogil=True, cache=True)
def _sums(
    places: Any,
    weight: Any,
    own: bool,
    others: Any,
    other_weight: Any,
    first: Any,
    shape: Any,
    low: Any,
    width: float,
    radii: Any,
    mask: Any,
    steps: Any,
    box: bool,
) -> Any:
    found = np.zeros(len(radii))
    squares = radii * radii * (1 + _TIE)
    tall, wide = mask.shape[0] * steps[0], mask.shape[1] * steps[1]
    for i in range(len(places)):
        y, x = places[i]
        cy = int((y - low[1]) // width)
        cx = int((x - low[2]) // width)
        for by in range(max(cy - 1, 0), min(cy + 2, shape[1])):
            for bx in range(max(cx - 1, 0), min(cx + 2, shape[2])):
                cell = by * shape[2] + bx
                for j in range(first[cell], first[cell + 1]):
                    if own and i == j:
                        continue
                    dy, dx = y - others[j, 0], x - others[j, 1]
                    square = dy * dy + dx * dx
                    if square > squares[-1]:
                        continue
                    k = np.searchsorted(squares, square)
                    d = math.sqrt(square)
                    share = 1.0
                    if d > 0 and box:
                        share = _share_of_box(y, x, d, tall, wide)
                    elif d > 0:
                        share = _share_of_mask(y, x, d, mask, steps)
                    factor = min(1.0 / max(share, 1e-9), _LARGEST_WEIGHT)
                    found[k] += weight[i] * other_weight[j] * factor
    return found
