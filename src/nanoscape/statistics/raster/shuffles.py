"""Sums over neighbours of shuffled images: what chance does with the same values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, tile_generator
from nanoscape.compute.executor import current_executor
from nanoscape.statistics.raster.neighbour_sums import reach_of

_PER_JOB = 64
_SAME = 1e-11


def shuffled_p(
    z: NDArray[np.float64],
    inside: NDArray[np.bool_],
    steps: NDArray[np.int64],
    by_row: bool,
    permutations: int,
    seed: int,
    mean: float | None = None,
    task: Task | None = None,
) -> tuple[float, float]:
    """Return how often shuffled values are as far from expectation as these.

    Parameters
    ----------
    z
        Values less their mean, shape ``z y x``.
    inside
        Pixels among which values are exchanged.
    steps
        Steps to the neighbours of a pixel, shape ``(n, 3)``.
    by_row
        Whether the weights of a pixel add up to one.
    permutations, seed
        How many, and from where the random numbers start. Jobs of 64 permutations
        have a stream each, so that the number of workers does not matter.
    mean
        Mean of the values, for the second of the results; NaN without it.
    task
        Progress.

    Returns
    -------
    of_moran, of_g : float
        (r + 1) / (m + 1), with r of the m permutations at least as far from the
        expectation as what was found: for Σ w zᵢ zⱼ and for Σ w xᵢ xⱼ, with
        x = z + mean, from the same permutations.
    """
    padded = np.pad(inside, [(r, r) for r in reach_of(steps).tolist()])
    places = np.flatnonzero(padded)
    # Products of two float32 are exact in float64, so that ties stay ties.
    values = z[inside].astype(np.float32)
    moves = steps @ np.array([padded[0].size, padded.shape[2], 1])
    factor, lean = _weights(padded, places, moves, by_row)
    lean *= mean or 0.0
    # Most pixels have the same; the sum over all of them never changes.
    usual = _most_common(lean)
    odd = np.flatnonzero(lean != usual)
    lean = lean[odd] - usual
    box = np.zeros((0, 3), np.int64)
    if not by_row:
        # The other half of the pairs says the same again.
        if inside.all():
            box = np.concatenate([[inside.shape], steps[moves > 0]])
        moves = moves[moves > 0]
    shared = (values, padded.size, places, moves, factor, odd, lean, box)
    jobs = [
        (*shared, count, _state(seed, number))
        for number, count in enumerate(_shares(permutations))
    ]
    if len(box):
        cross = _cross_of_box(values, box)
    else:
        cross = _cross(_laid(values, padded.size, places), places, moves, factor)
    # Moran's I, and the G of Getis and Ord.
    observed = np.array([cross, cross + _dot(lean, odd, values)])
    x = values.astype(np.float64)
    expected = _expected(values, padded, places, moves, factor)
    expectation = np.array([expected, expected + lean.sum() * x.mean()])
    slack = _SAME * ((x**2).sum() + np.array([0.0, np.abs(lean * x[odd]).sum()]))
    limit = np.abs(observed - expectation) - slack
    task = task or Task()
    task.step(0, len(jobs), "shuffling")
    as_far = np.zeros(2, np.int64)
    for done, (_, found) in enumerate(
        current_executor().run(shuffled_crosses, jobs, task), start=1
    ):
        as_far += (np.abs(found - expectation) >= limit).sum(axis=0)
        task.step(done, len(jobs), "shuffling")
    of_moran, of_g = ((as_far + 1) / (permutations + 1)).tolist()
    return of_moran, of_g if mean is not None else math.nan


def _most_common(values: NDArray[np.float64]) -> float:
    each, count = np.unique(values, return_counts=True)
    return float(each[count.argmax()])


def _weights(
    padded: NDArray[np.bool_],
    places: NDArray[np.int64],
    moves: NDArray[np.int64],
    by_row: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the weight of each pixel's neighbours, and the sum of its own weights.

    Without weights by row the first is empty, and each pair counts once.
    """
    flat = padded.ravel()
    degree = np.zeros(padded.size, np.int64)
    for move in moves:
        degree[places] += flat[places + move]
    if not by_row:
        return np.ones(0, np.float32), degree[places].astype(np.float64)
    share = np.where(degree > 0, 1.0 / np.maximum(degree, 1), 0.0)
    inward = np.zeros(len(places))
    for move in moves:
        inward += share[places + move]
    factor = (1.0 / np.maximum(degree, 1)).astype(np.float32)[places]
    return factor, inward + (degree[places] > 0)


def _expected(
    values: NDArray[np.float32],
    padded: NDArray[np.bool_],
    places: NDArray[np.int64],
    moves: NDArray[np.int64],
    factor: NDArray[np.float32],
) -> float:
    """Return the mean over all permutations, from the sum of all pairs."""
    x = values.astype(np.float64)
    pairs = (x.sum() ** 2 - (x**2).sum()) / (x.size * (x.size - 1.0))
    ones = padded.ravel().astype(np.float32)
    return float(pairs * _cross(ones, places, moves, factor))


def _state(seed: int, number: int) -> NDArray[np.uint64]:
    return tile_generator(seed, number).integers(1, 2**64, 2, np.uint64)


def _shares(permutations: int) -> Sequence[int]:
    starts = range(0, permutations, _PER_JOB)
    return [min(_PER_JOB, permutations - start) for start in starts]


def _laid(
    values: NDArray[np.float32], size: int, places: NDArray[np.int64]
) -> NDArray[np.float32]:
    grid = np.zeros(size, np.float32)
    grid[places] = values
    return grid


@numba.njit(nogil=True, cache=True)
def shuffled_crosses(
    values: Any,
    size: int,
    places: Any,
    moves: Any,
    factor: Any,
    odd: Any,
    lean: Any,
    box: Any,
    count: int,
    state: Any,
) -> Any:
    """Return Σ w zᵢ zⱼ of each of ``count`` permutations, and it with Σ lean z added.

    The latter is over the pixels ``odd``.

    In a whole box, whose shape and steps ``box`` holds, values need not be laid out
    on a grid again after each shuffle.
    """
    shuffled = values.copy()
    grid = np.zeros(size, np.float32)
    found = np.empty((count, 2))
    for number in range(count):
        _shuffle(shuffled, state)
        if len(box):
            found[number, 0] = _cross_of_box(shuffled, box)
        else:
            for k in range(len(places)):
                grid[places[k]] = shuffled[k]
            found[number, 0] = _cross(grid, places, moves, factor)
        found[number, 1] = found[number, 0] + _dot(lean, odd, shuffled)
    return found


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _dot(weights: Any, places: Any, values: Any) -> float:
    total = 0.0
    for i in range(len(places)):
        total += weights[i] * np.float64(values[places[i]])
    return total


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _cross(grid: Any, places: Any, moves: Any, factor: Any) -> float:
    total = 0.0
    if len(factor) == 0:
        first, last = places[0], places[-1] + 1
        for move in moves:
            stop = min(last, len(grid) - move)
            here, there = grid[first:stop], grid[first + move : stop + move]
            part = 0.0
            for i in range(len(here)):
                part += np.float64(here[i]) * np.float64(there[i])
            total += part
        return total
    for k in range(len(places)):
        lag = 0.0
        for move in moves:
            lag += grid[places[k] + move]
        total += factor[k] * grid[places[k]] * lag
    return total


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _cross_of_box(values: Any, box: Any) -> float:
    grid = values.reshape((box[0, 0], box[0, 1], box[0, 2]))
    total = 0.0
    for k in range(1, len(box)):
        i, j, m = box[k]
        left, right = max(0, -m), grid.shape[2] - max(0, m)
        for a in range(grid.shape[0] - i):
            for b in range(max(0, -j), grid.shape[1] - max(0, j)):
                here = grid[a, b, left:right]
                there = grid[a + i, b + j, left + m : right + m]
                part = 0.0
                for c in range(len(here)):
                    part += np.float64(here[c]) * np.float64(there[c])
                total += part
    return total


@numba.njit(nogil=True, cache=True)
def _shuffle(values: Any, state: Any) -> None:
    """Shuffle in place (Durstenfeld 1964, doi:10.1145/364520.364540).

    Random bits come from xoroshiro128++ (Blackman and Vigna 2021,
    doi:10.1145/3460772), two whole numbers without bias from each draw (Lemire 2019,
    doi:10.1145/3230636).
    """
    a, b = state[0], state[1]
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    i = len(values) - 1
    while i > 0:
        total = a + b
        bits = ((total << np.uint64(17)) | (total >> np.uint64(47))) + a
        b ^= a
        a = ((a << np.uint64(49)) | (a >> np.uint64(15))) ^ b ^ (b << np.uint64(21))
        b = (b << np.uint64(28)) | (b >> np.uint64(36))
        wide, narrow = np.uint64(i + 1), np.uint64(i)
        first, second = (bits >> half) * wide, (bits & low) * narrow
        rest, other = first & low, second & low
        if (rest < wide or other < narrow) and (
            rest < (low - wide + np.uint64(1)) % wide
            or other < (low - narrow + np.uint64(1)) % narrow
        ):
            continue
        j, k = np.int64(first >> half), np.int64(second >> half)
        values[i], values[j] = values[j], values[i]
        values[i - 1], values[k] = values[k], values[i - 1]
        i -= 2
    state[0], state[1] = a, b
