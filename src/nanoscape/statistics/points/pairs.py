"""Sums over all pairs of points within a distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.points.set_covariance import SetCovariance
from nanoscape.statistics.points.window import Floats

_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class Cells:
    """Points sorted into boxes as wide as the largest distance.

    Attributes
    ----------
    places
        Sorted by box, three axes.
    order
        Where each of them stood before.
    first
        Index of the first point of each box, and one beyond the last.
    shape
        Boxes by axis.
    low, width
        Corner of the first box, and the side of all, in µm.
    """

    places: Floats
    order: NDArray[np.int64]
    first: NDArray[np.int64]
    shape: NDArray[np.int64]
    low: Floats
    width: float


def in_space(places: Floats) -> Floats:
    """Return places with three axes, the missing ones zero."""
    lead = np.zeros((len(places), 3 - places.shape[1]))
    return np.ascontiguousarray(np.concatenate([lead, places], axis=1))


def cells_of(places: Floats, farthest: float) -> Cells:
    """Sort points into boxes; see :class:`Cells`."""
    spread = in_space(places)
    low = spread.min(axis=0)
    extent = float((spread.max(axis=0) - low).max())
    # Boxes without points cost as much as those with: not many more than points.
    width = max(farthest, extent / 256, 1e-12)
    index = np.floor((spread - low) / width).astype(np.int64)
    shape = index.max(axis=0) + 1
    flat = (index[:, 0] * shape[1] + index[:, 1]) * shape[2] + index[:, 2]
    order = np.argsort(flat, kind="stable")
    counts = np.bincount(flat, minlength=int(shape.prod()))
    first = np.concatenate([[0], np.cumsum(counts)])
    return Cells(spread[order], order, first, shape, low, width)


@dataclass(frozen=True, eq=False)
class PairSums:
    """What pairs up to each radius add up to.

    Attributes
    ----------
    plain
        Product of the weights of both points.
    translated
        The same over the overlap of the window with itself at their difference.
    bordered
        Weights of the second point, for first points at least as far from the edge.
    density
        As ``translated``, at each radius instead of up to it: smoothed by
        Epanechnikov's kernel, over µm.
    """

    plain: Floats
    translated: Floats
    bordered: Floats
    density: Floats


def pair_sums(
    first: Floats,
    second: Floats | None,
    radii: Floats,
    covariance: SetCovariance,
    spacing: tuple[float, ...],
    *,
    weights: tuple[Floats, Floats] | None = None,
    edges: Floats | None = None,
    bandwidth: float = 0.0,
) -> PairSums:
    """Return sums over ordered pairs, of a point of each kind or of one kind.

    Parameters
    ----------
    first, second
        Points, shape ``(n, axes)`` in µm; without a second kind all pairs of
        different points of the first.
    radii
        In µm, ascending.
    covariance, spacing
        Of the window, reaching as far as the largest radius and the bandwidth.
    weights
        Of the points of both kinds, 1 by default.
    edges
        Distance of each first point to the edge, for ``bordered``.
    bandwidth
        Half-width of the kernel in µm, 0 for none.
    """
    own = second is None
    others = first if second is None else second
    if len(first) == 0 or len(others) == 0:
        nothing = np.zeros(len(radii))
        return PairSums(nothing, nothing.copy(), nothing.copy(), nothing.copy())
    if weights is None:
        weights = (np.ones(len(first)), np.ones(len(others)))
    cells = cells_of(others, float(radii[-1]) + bandwidth)
    last = np.full(len(first), -1)
    if edges is not None:
        last = np.searchsorted(radii, edges * (1 + _TIE), side="right") - 1
    places = cells.places if own else in_space(first)
    order = cells.order if own else np.arange(len(first))
    steps = np.array([1.0] * (3 - len(spacing)) + list(spacing))
    found = _sums(
        places,
        weights[0][order],
        last[order].astype(np.int64),
        own,
        cells.places,
        weights[1][cells.order],
        cells.first,
        cells.shape,
        cells.low,
        cells.width,
        radii,
        covariance.sizes,
        covariance.reach,
        1.0 / steps,
        bandwidth,
    )
    plain, translated, bordered = np.cumsum(found[:3], axis=1)[:, : len(radii)]
    return PairSums(plain, translated, bordered, found[3, : len(radii)])


@numba.njit(nogil=True, cache=True, inline="always")
def _overlap(sizes: Any, reach: Any, per: Any, dz: float, dy: float, dx: float) -> Any:
    """Return the overlap for a shift, linear between whole pixels."""
    fy, fx = dy * per[1] + reach[1], dx * per[2] + reach[2]
    y, x = int(fy), int(fx)
    fy -= y
    fx -= x
    # At the end of the range the next value has no weight.
    y2, x2 = min(y + 1, sizes.shape[1] - 1), min(x + 1, sizes.shape[2] - 1)
    if reach[0] == 0:
        top = sizes[0, y, x] * (1 - fx) + sizes[0, y, x2] * fx
        low = sizes[0, y2, x] * (1 - fx) + sizes[0, y2, x2] * fx
        return top * (1 - fy) + low * fy
    fz = dz * per[0] + reach[0]
    z = int(fz)
    fz -= z
    total = 0.0
    for k in range(2):
        w = fz if k else 1 - fz
        m = min(z + k, sizes.shape[0] - 1)
        top = sizes[m, y, x] * (1 - fx) + sizes[m, y, x2] * fx
        low = sizes[m, y2, x] * (1 - fx) + sizes[m, y2, x2] * fx
        total += w * (top * (1 - fy) + low * fy)
    return total


@numba.njit(nogil=True, cache=True)
def _sums(
    places: Any,
    weight: Any,
    last: Any,
    own: bool,
    others: Any,
    other_weight: Any,
    first: Any,
    shape: Any,
    low: Any,
    width: float,
    radii: Any,
    sizes: Any,
    reach: Any,
    per: Any,
    bandwidth: float,
) -> Any:
    count = len(radii)
    # The last column takes what is beyond the radii.
    found = np.zeros((4, count + 1))
    squares = radii * radii * (1 + _TIE)
    farthest = radii[-1] + bandwidth
    limit = farthest * farthest * (1 + _TIE)
    scale = (count - 1) / radii[-1] if radii[-1] > 0 else 0.0
    power = 1 if reach[0] == 0 else 2
    for i in range(len(places)):
        z, y, x = places[i]
        cz = int((z - low[0]) // width)
        cy = int((y - low[1]) // width)
        cx = int((x - low[2]) // width)
        for bz in range(max(cz - 1, 0), min(cz + 2, shape[0])):
            for by in range(max(cy - 1, 0), min(cy + 2, shape[1])):
                row = (bz * shape[1] + by) * shape[2]
                start = first[row + min(max(cx - 1, 0), shape[2])]
                stop = first[row + max(min(cx + 2, shape[2]), 0)]
                if own:
                    start = max(start, i + 1)
                for j in range(start, stop):
                    dz = z - others[j, 0]
                    dy = y - others[j, 1]
                    dx = x - others[j, 2]
                    square = dz * dz + dy * dy + dx * dx
                    if square > limit:
                        continue
                    overlap = _overlap(sizes, reach, per, dz, dy, dx)
                    product = weight[i] * other_weight[j]
                    if own:
                        product += weight[j] * other_weight[i]
                    distance = math.sqrt(square)
                    k = min(int(distance * scale), count - 1)
                    while k > 0 and square <= squares[k - 1]:
                        k -= 1
                    while k < count and square > squares[k]:
                        k += 1
                    found[0, k] += product
                    if k <= last[i]:
                        found[2, k] += other_weight[j]
                        found[2, last[i] + 1] -= other_weight[j]
                    if own and k <= last[j]:
                        found[2, k] += weight[i]
                        found[2, last[j] + 1] -= weight[i]
                    if overlap <= 0.0:
                        continue
                    found[1, k] += product / overlap
                    if bandwidth > 0.0 and distance > 0.0:
                        share = product / overlap / distance**power
                        share *= 0.75 / bandwidth
                        for step in (-1, 1):
                            m = k - 1 if step < 0 else k
                            while 0 <= m < count:
                                t = (radii[m] - distance) / bandwidth
                                if t <= -1.0 or t >= 1.0:
                                    break
                                found[3, m] += share * (1.0 - t * t)
                                m += step
    return found
