"""Sums over neighbourhoods when all other pixels change places."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import special

from nanoscape.compute import Task, tile_generator
from nanoscape.compute.executor import current_executor
from nanoscape.statistics.raster.neighbourhood import fixed_sums_near

_PER_JOB = 32

Floats = NDArray[np.float64]


def conditional_p(
    z: Floats,
    inside: NDArray[np.bool_],
    rows: NDArray[np.int64],
    permutations: int,
    seed: int,
    task: Task,
) -> Floats:
    """Return how often other neighbours are as far from expectation, for each pixel.

    A pixel keeps its own value; its neighbours are drawn from all others, none twice
    (conditional permutation, Anselin 1995, doi:10.1111/j.1538-4632.1995.tb00338.x).
    Pixels share the draws: where a pixel itself is among the first of them it is left
    out and the next one taken.

    Parameters
    ----------
    z
        Values less their mean, 0 outside.
    inside
        Measured pixels.
    rows
        Rows of the neighbourhood.
    permutations, seed
        How many draws, and from where the random numbers start. Jobs of 32 have a
        stream each, so that the number of workers does not matter.
    task
        Progress.

    Returns
    -------
    array
        (r + 1) / (m + 1), with r of m draws at least as far from the mean of all
        draws; NaN outside.
    """
    fixed, total, count = fixed_sums_near(z, inside, rows, float(np.abs(z).max()))
    own = fixed[inside]
    others, number = total[inside] - own, count[inside] - 1
    draws = int(number.max()) + 1
    shared = (own, others, number, min(draws, len(own)))
    jobs = [
        (*shared, min(_PER_JOB, permutations - start), seed, start)
        for start in range(0, permutations, _PER_JOB)
    ]
    far = np.zeros(len(own), np.int64)
    task.step(0, len(jobs), "drawing neighbours")
    for done, (_, found) in enumerate(
        current_executor().run(count_far, jobs, task), start=1
    ):
        far += found
        task.step(done, len(jobs), "drawing neighbours")
    p = np.full(z.shape, np.nan)
    p[inside] = (far + 1) / (permutations + 1)
    return p


def score_of_p(p: Floats, sign: Floats) -> NDArray[np.float32]:
    """Return the standard score that has a two-sided p-value."""
    return (np.sign(sign) * -special.ndtri(p / 2)).astype(np.float32)


def count_far(
    own: NDArray[np.int64],
    others: NDArray[np.int64],
    number: NDArray[np.int64],
    draws: int,
    permutations: int,
    seed: int,
    start: int,
) -> NDArray[np.int64]:
    """Return for each pixel how many draws are as far as its own neighbours.

    Parameters
    ----------
    own
        Values in whole numbers.
    others, number
        Sum and number of each pixel's neighbours.
    draws
        Pixels to draw each time.
    permutations
        How often.
    seed, start
        Of the random numbers.
    """
    rng = tile_generator(seed, start)
    chosen = np.array(
        [rng.choice(len(own), draws, replace=False) for _ in range(permutations)]
    )
    found: NDArray[np.int64] = _count(own, others, number, chosen)
    return found


@numba.njit(nogil=True, cache=True)
def _count(own: Any, others: Any, number: Any, chosen: Any) -> Any:
    n, draws = len(own), chosen.shape[1]
    everything = 0.0
    for i in range(n):
        everything += own[i]
    mean, gap = np.empty(n), np.empty(n)
    for i in range(n):
        mean[i] = number[i] * ((everything - own[i]) / max(n - 1, 1))
        # Sums that are the same stay so, whatever the last bits of the mean.
        gap[i] = abs(others[i] - mean[i]) - 4 * (number[i] + 1)
    far = np.zeros(n, np.int64)
    prefix = np.zeros(draws + 1, np.int64)
    for draw in chosen:
        for j in range(draws):
            prefix[j + 1] = prefix[j] + own[draw[j]]
        for i in range(n):
            far[i] += abs(prefix[number[i]] - mean[i]) >= gap[i]
        for j in range(draws):
            i = draw[j]
            k = number[i]
            if j < k:
                far[i] -= abs(prefix[k] - mean[i]) >= gap[i]
                far[i] += abs(prefix[k + 1] - own[i] - mean[i]) >= gap[i]
    return far
