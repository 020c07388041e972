"""Sums over neighbouring pixels, from which Moran's I and Geary's C follow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block
from nanoscape.statistics.raster.neighbourhood import neighbourhood
from nanoscape.statistics.zones import ranked, zone_numbers

Contiguity = Literal["queen", "rook"]

COLUMNS = (
    "pairs",
    "s0",
    "s1",
    "s2",
    "cross",
    "contrast",
    "m2",
    "m4",
    "lean",
    "m3",
)
"""Columns of the sums of each zone.

Ordered pairs of neighbours; Σ w; ½ Σ (wᵢⱼ + wⱼᵢ)²; Σᵢ (wᵢ. + w.ᵢ)²; Σ w zᵢ zⱼ;
Σ w (zᵢ − zⱼ)²; Σ z²; Σ z⁴; Σ (wᵢ. + w.ᵢ) zᵢ; Σ z³, with z the value less the mean of
its zone.
"""


def offsets(kind: Contiguity, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the steps to the neighbours of a pixel, shape ``(n, 3)``.

    Queen's neighbours touch by a side, an edge or a corner, rook's by a side. Along
    axes of one pixel there are none.
    """
    lengths = (1,) * (3 - len(shape)) + shape
    reach = [range(-1, 2) if n > 1 else range(1) for n in lengths]
    steps = [s for s in itertools.product(*reach) if any(s)]
    if kind == "rook":
        steps = [s for s in steps if sum(map(abs, s)) == 1]
    return np.array(steps, np.int64).reshape(-1, 3)


def offsets_within(
    spacing: Sequence[float], shape: tuple[int, ...], radius: float
) -> NDArray[np.int64]:
    """Return the steps to all pixels within a radius in µm, shape ``(n, 3)``."""
    rows = neighbourhood(spacing, shape, radius).rows
    steps = [(i, j, k) for i, j, half in rows for k in range(-half, half + 1)]
    return np.array([s for s in steps if any(s)], np.int64).reshape(-1, 3)


def reach_of(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how far steps go along each axis."""
    return np.abs(steps).max(axis=0, initial=0)


def halo_of(steps: NDArray[np.int64], axes: int) -> tuple[int, ...]:
    """Return how much around a block it takes: the neighbours of its neighbours."""
    return tuple((2 * reach_of(steps)[3 - axes :]).tolist())


def sum_neighbours(
    block: Block,
    values: NDArray[Any],
    *rest: Any,
) -> NDArray[np.float64]:
    """Return the sums of one block, shape ``(zones, len(COLUMNS))``.

    Parameters
    ----------
    block
        What to sum over: pairs belong to the block of their first pixel.
    values
        Samples with the halo of the steps, :func:`halo_of`.
    rest
        Masks as for :func:`~nanoscape.statistics.zones.zone_numbers`, then whether
        the first holds zones, the known zones in ascending order, their means, the
        steps to neighbours, and whether weights of a pixel add up to one.
    """
    *masks, zoned, known, means, steps, by_row = rest
    missing = 3 - values.ndim
    shape = (1,) * missing + values.shape
    reach = reach_of(steps)
    around = [(r, r) for r in reach.tolist()]
    low = np.array([0] * missing + [part.start for part in block.inner]) + reach
    high = np.array([1] * missing + [part.stop for part in block.inner]) + reach
    numbers = zone_numbers(values.shape, masks, zoned).reshape(shape)
    x = values.reshape(shape).astype(np.float64)
    if known.size == 1 and not by_row:
        inside = (numbers == known[0]) & np.isfinite(x)
        z = np.zeros([n + 2 * r for n, r in zip(shape, reach, strict=True)])
        core = tuple(slice(r, r + n) for n, r in zip(shape, reach, strict=True))
        np.subtract(x, means[0], out=z[core], where=inside)
        forward = steps[[tuple(step) > (0, 0, 0) for step in steps.tolist()]]
        return _sums_of_one(z, np.pad(inside, around), low, high, forward)
    index = ranked(numbers, known)
    index[~np.isfinite(x)] = 0
    z = np.where(index > 0, x - np.concatenate([[0.0], means])[index], 0.0)
    z, index = np.pad(z, around), np.pad(index, around)
    return _sums(z, index, low, high, steps, by_row, known.size)


@numba.njit(nogil=True, cache=True)
def _degrees(index: Any, steps: Any) -> Any:
    degree = np.zeros(index.shape, np.int64)
    for a in range(index.shape[0]):
        for b in range(index.shape[1]):
            for c in range(index.shape[2]):
                own = index[a, b, c]
                if own > 0:
                    # Around the zones there is room for a step.
                    for k in range(len(steps)):
                        other = index[a + steps[k, 0], b + steps[k, 1], c + steps[k, 2]]
                        degree[a, b, c] += own == other
    return degree


@numba.njit(nogil=True, cache=True)
def _sums(
    z: Any, index: Any, low: Any, high: Any, steps: Any, by_row: bool, zones: int
) -> Any:
    found = np.zeros((zones, 10))
    degree = _degrees(index, steps) if by_row else np.zeros((1, 1, 1), np.int64)
    for a in range(low[0], high[0]):
        for b in range(low[1], high[1]):
            for c in range(low[2], high[2]):
                own = index[a, b, c]
                if own == 0:
                    continue
                here = z[a, b, c]
                lag, contrast, inward, squared = 0.0, 0.0, 0.0, 0.0
                number = 0
                weight = 1.0
                if by_row and degree[a, b, c] > 0:
                    weight = 1.0 / degree[a, b, c]
                for k in range(len(steps)):
                    i, j, m = a + steps[k, 0], b + steps[k, 1], c + steps[k, 2]
                    if index[i, j, m] != own:
                        continue
                    there = z[i, j, m]
                    lag += there
                    contrast += (here - there) ** 2
                    number += 1
                    if by_row:
                        back = 1.0 / degree[i, j, m]
                        inward += back
                        squared += (weight + back) ** 2
                if not by_row:
                    inward, squared = 1.0 * number, 4.0 * number
                outward = weight * number
                row = found[own - 1]
                row[0] += number
                row[1] += outward
                row[2] += squared / 2
                row[3] += (outward + inward) ** 2
                row[4] += weight * here * lag
                row[5] += weight * contrast
                row[6] += here**2
                row[7] += here**4
                row[8] += (outward + inward) * here
                row[9] += here**3
    return found


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _sums_of_one(z: Any, inside: Any, low: Any, high: Any, forward: Any) -> Any:
    """Return the sums of a single zone, in loops that the compiler can widen.

    ``forward`` holds one of each two opposite steps; values outside the zone are zero.
    """
    found = np.zeros((1, 10))
    row = found[0]
    width = high[2] - low[2]
    degree = np.zeros(width)
    for a in range(low[0], high[0]):
        for b in range(low[1], high[1]):
            here = z[a, b, low[2] : high[2]]
            own = inside[a, b, low[2] : high[2]]
            degree[:] = 0.0
            cross, contrast = 0.0, 0.0
            for k in range(len(forward)):
                i, j, m = forward[k]
                there = z[a + i, b + j, low[2] + m : high[2] + m]
                other = inside[a + i, b + j, low[2] + m : high[2] + m]
                back = inside[a - i, b - j, low[2] - m : high[2] - m]
                for c in range(width):
                    difference = here[c] - there[c]
                    both = own[c] & other[c]
                    cross += here[c] * there[c]
                    contrast += difference * difference * both
                    degree[c] += both + (own[c] & back[c])
            pairs, squares, second, fourth = 0.0, 0.0, 0.0, 0.0
            lean, third = 0.0, 0.0
            for c in range(width):
                pairs += degree[c]
                squares += degree[c] * degree[c]
                square = here[c] * here[c]
                second += square
                fourth += square * square
                lean += degree[c] * here[c]
                third += square * here[c]
            row[0] += pairs
            row[1] += pairs
            row[2] += 2 * pairs
            row[3] += 4 * squares
            row[4] += 2 * cross
            row[5] += 2 * contrast
            row[6] += second
            row[7] += fourth
            row[8] += 2 * lean
            row[9] += third
    return found
