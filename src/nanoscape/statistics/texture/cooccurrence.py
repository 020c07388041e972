"""Grey level co-occurrence: which levels lie next to each other (GLCM)."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.texture.directions import Steps
from nanoscape.statistics.texture.discretise import Levels

Floats = NDArray[np.float64]
Pairs = NDArray[np.int64]


def cooccurrences(levels: Levels, steps: Steps, count: int) -> list[Pairs]:
    """Return how often levels lie next to each other, for each direction.

    Parameters
    ----------
    levels
        Levels of grey.
    steps
        Steps to the neighbour, each seen both ways.
    count
        Number of levels.

    Returns
    -------
    list of array
        Symmetric, shape ``(count, count)``.
    """
    found = (_pairs(levels, step, count) for step in steps)
    return [pairs + pairs.T for pairs in found]


@numba.njit(nogil=True, cache=True)
def _pairs(levels: Any, step: Any, count: int) -> Any:
    found = np.zeros((count, count), np.int64)
    depth, height, width = levels.shape
    i, j, k = step
    for a in range(max(0, -i), depth - max(0, i)):
        for b in range(max(0, -j), height - max(0, j)):
            for c in range(max(0, -k), width - max(0, k)):
                here, there = levels[a, b, c], levels[a + i, b + j, c + k]
                if here > 0 and there > 0:
                    found[here - 1, there - 1] += 1
    return found


def cooccurrence_features(pairs: Pairs) -> dict[str, float]:
    """Return the features of a matrix, none if it is empty."""
    if not pairs.any():
        return {}
    p = pairs / pairs.sum()
    n = len(p)
    i = np.arange(1.0, n + 1)
    row = p.sum(axis=1)
    gap = np.abs(i[:, None] - i)
    mean = float((i * row).sum())
    variance = float(((i - mean) ** 2 * row).sum())
    product = float((i[:, None] * i * p).sum())
    apart = gap > 0
    return {
        "joint_maximum": float(p.max()),
        "joint_average": mean,
        "joint_variance": variance,
        "joint_entropy_bits": _entropy(p),
        **_along("difference", _gathered(np.subtract.outer(i, i), p), 0),
        **_along("sum", _gathered(np.add.outer(i, i) - 2, p), 2),
        "angular_second_moment": float((p**2).sum()),
        "contrast": float((gap**2 * p).sum()),
        "dissimilarity": float((gap * p).sum()),
        "inverse_difference": float((p / (1 + gap)).sum()),
        "inverse_difference_normalised": float((p / (1 + gap / n)).sum()),
        "inverse_difference_moment": float((p / (1 + gap**2)).sum()),
        "inverse_difference_moment_normalised": float((p / (1 + (gap / n) ** 2)).sum()),
        "inverse_variance": float((p[apart] / gap[apart] ** 2).sum()),
        "correlation": (product - mean**2) / variance if variance else math.nan,
        "autocorrelation": product,
        **{
            f"cluster_{name}": float(((i[:, None] + i - 2 * mean) ** power * p).sum())
            for name, power in (("tendency", 2), ("shade", 3), ("prominence", 4))
        },
        **_information(p, row),
    }


def _gathered(number: Floats, p: Floats) -> Floats:
    """Return the probability of each magnitude of whole numbers, from 0."""
    index = np.abs(number).astype(np.int64)
    return np.bincount(index.ravel(), p.ravel()).astype(np.float64)


def _along(name: str, p: Floats, start: int) -> dict[str, float]:
    k = np.arange(start, start + len(p))
    mean = float((k * p).sum())
    return {
        f"{name}_average": mean,
        f"{name}_variance": float(((k - mean) ** 2 * p).sum()),
        f"{name}_entropy_bits": _entropy(p),
    }


def _information(p: Floats, row: Floats) -> dict[str, float]:
    """Return how much one level tells of its neighbour."""
    alone, joint = _entropy(row), _entropy(p)
    apart = np.outer(row, row)
    held = apart > 0
    crossed = -float((p[held] * np.log2(apart[held])).sum())
    independent = _entropy(apart)
    gap = max(0.0, independent - joint)
    return {
        "information_correlation_1": (joint - crossed) / alone if alone else math.nan,
        "information_correlation_2": math.sqrt(1 - math.exp(-2 * gap)),
    }


def _entropy(p: Floats) -> float:
    held = p[p > 0]
    return max(0.0, -float((held * np.log2(held)).sum()))
