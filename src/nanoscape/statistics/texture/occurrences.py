"""Features that runs, zones and dependences have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Occurrences:
    """How often each level of grey occurs with each size.

    Attributes
    ----------
    level, size, count
        Of the same length; what does not occur is not there.
    voxels
        Number of voxels that were looked at.
    """

    level: Whole
    size: Whole
    count: Whole
    voxels: int


class Words(NamedTuple):
    """What a size is called in one family of features."""

    small: str
    large: str
    thing: str
    size: str
    share: str


RUNS = Words("short_run", "long_run", "run", "run_length", "run")
ZONES = Words("small_zone", "large_zone", "zone", "zone_size", "zone")
DISTANCES = Words("small_distance", "large_distance", "zone", "zone_distance", "zone")
DEPENDENCES = Words(
    "low_dependence",
    "high_dependence",
    "count",
    "dependence_count",
    "dependence_count",
)


def counted(level: Whole, size: Whole, voxels: int) -> Occurrences:
    """Return how often each pair of level and size occurs."""
    return _gathered(level, size, np.ones(len(level), np.int64), voxels)


def of_table(table: Whole, voxels: int) -> Occurrences:
    """Return what a table with a row for each level and a column for each size holds.

    Both begin at 1.
    """
    level, size = np.nonzero(table)
    return Occurrences(level + 1, size + 1, table[level, size], voxels)


def merged(parts: Sequence[Occurrences]) -> Occurrences:
    """Return the sum of several matrices, and of their voxels."""
    level, size, count = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("level", "size", "count")
    )
    return _gathered(level, size, count, sum(part.voxels for part in parts))


def _gathered(level: Whole, size: Whole, count: Whole, voxels: int) -> Occurrences:
    pairs, where = np.unique(np.stack([level, size]), axis=1, return_inverse=True)
    total = np.bincount(where.ravel(), count, pairs.shape[1]).astype(np.int64)
    return Occurrences(pairs[0], pairs[1], total, voxels)


def features_of(found: Occurrences, words: Words) -> dict[str, float]:
    """Return the features of a matrix, none if it is empty."""
    number = int(found.count.sum())
    if not number:
        return {}
    p = found.count / number
    i, j = found.level.astype(np.float64), found.size.astype(np.float64)
    by_level, by_size = (
        np.bincount(index, found.count) for index in (found.level, found.size)
    )
    small, large, thing, size, share = words
    weights = {
        f"{small}_emphasis": j**-2,
        f"{large}_emphasis": j**2,
        f"low_grey_level_{thing}_emphasis": i**-2,
        f"high_grey_level_{thing}_emphasis": i**2,
        f"{small}_low_grey_level_emphasis": (i * j) ** -2,
        f"{small}_high_grey_level_emphasis": (i / j) ** 2,
        f"{large}_low_grey_level_emphasis": (j / i) ** 2,
        f"{large}_high_grey_level_emphasis": (i * j) ** 2,
    }
    features = {name: float((weight * p).sum()) for name, weight in weights.items()}
    for name, counts in (("grey_level", by_level), (size, by_size)):
        squares = float((counts**2).sum())
        features[f"{name}_non_uniformity"] = squares / number
        features[f"{name}_non_uniformity_normalised"] = squares / number**2
    features[f"{share}_percentage"] = number / found.voxels
    for name, x in (("grey_level", i), (size, j)):
        mean = float((x * p).sum())
        features[f"{name}_variance"] = float(((x - mean) ** 2 * p).sum())
    features[f"{size}_entropy_bits"] = max(0.0, -float((p * np.log2(p)).sum()))
    if words is DEPENDENCES:
        features[f"{size}_energy"] = float((p**2).sum())
    return features
