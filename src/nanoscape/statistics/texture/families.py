"""Families of texture features, and how their matrices become one value each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from nanoscape.compute import Task
from nanoscape.statistics.texture.cooccurrence import (
    cooccurrence_features,
    cooccurrences,
)
from nanoscape.statistics.texture.directions import Steps, directions, steps_within
from nanoscape.statistics.texture.discretise import Levels
from nanoscape.statistics.texture.neighbours import (
    dependences,
    summed,
    tone_differences,
    tone_features,
)
from nanoscape.statistics.texture.occurrences import (
    DEPENDENCES,
    DISTANCES,
    RUNS,
    ZONES,
    features_of,
    merged,
)
from nanoscape.statistics.texture.runs import runs
from nanoscape.statistics.texture.size_zones import distance_zones, size_zones

Aggregation = Literal[
    "3D merged",
    "3D averaged",
    "2D merged",
    "2D averaged",
    "2.5D merged",
    "2.5D averaged",
]

AGGREGATIONS = {
    "3D merged": "one matrix of all directions in the volume",
    "3D averaged": "a matrix for each direction in the volume, features averaged",
    "2D merged": "one matrix of all directions in each slice, features averaged",
    "2D averaged": "a matrix for each direction in each slice, features averaged",
    "2.5D merged": "one matrix of all directions in all slices",
    "2.5D averaged": "a matrix for each direction in all slices, features averaged",
}


@dataclass(frozen=True)
class Surroundings:
    """What is near a voxel.

    Attributes
    ----------
    solid
        For z, y and x whether neighbours along it count.
    distance
        How far neighbours may be, in voxels.
    difference
        By how many levels a like neighbour may differ.
    levels
        Number of levels.
    """

    solid: tuple[bool, bool, bool]
    distance: int
    difference: int
    levels: int

    @property
    def touching(self) -> Steps:
        """One of each two opposite steps to voxels that touch."""
        return directions(self.solid)

    @property
    def near(self) -> Steps:
        """Steps to all neighbours."""
        return steps_within(self.solid, self.distance)


@dataclass(frozen=True)
class Family:
    """Features that are read off one kind of matrix.

    Attributes
    ----------
    matrices
        Makes the matrices of levels in certain surroundings, one for each direction.
    merge
        Adds matrices up.
    features
        Reads the features off a matrix.
    """

    matrices: Callable[[Levels, Surroundings], Sequence[Any]]
    merge: Callable[[Sequence[Any]], Any]
    features: Callable[[Any], dict[str, float]]


FAMILIES = {
    "glcm": Family(
        lambda x, s: cooccurrences(x, s.touching * s.distance, s.levels),
        summed,
        cooccurrence_features,
    ),
    "glrlm": Family(
        lambda x, s: runs(x, s.touching, s.levels),
        merged,
        partial(features_of, words=RUNS),
    ),
    "glszm": Family(
        lambda x, s: [size_zones(x, s.touching)],
        merged,
        partial(features_of, words=ZONES),
    ),
    "gldzm": Family(
        lambda x, s: [distance_zones(x, s.touching, s.solid)],
        merged,
        partial(features_of, words=DISTANCES),
    ),
    "ngtdm": Family(
        lambda x, s: [tone_differences(x, s.near, s.levels)], summed, tone_features
    ),
    "ngldm": Family(
        lambda x, s: [dependences(x, s.near, s.levels, s.difference)],
        merged,
        partial(features_of, words=DEPENDENCES),
    ),
}


def family_features(
    name: str,
    levels: Levels,
    aggregation: Aggregation,
    around: Surroundings,
    task: Task,
) -> dict[str, float]:
    """Return the features of one family.

    Parameters
    ----------
    name
        Which family.
    levels
        Levels of grey, shape ``z y x``.
    aggregation
        Which matrices are added up before features are read off, and over which
        features are averaged.
    around
        What is near a voxel of the volume.
    task
        Progress.
    """
    family = FAMILIES[name]
    by_slice, together = aggregation.startswith("2D"), aggregation.endswith("merged")
    if not aggregation.startswith("3D"):
        around = replace(around, solid=(False, *around.solid[1:]))
    total: list[Any] = []
    found: list[dict[str, float]] = []
    planes = list(_planes(levels, aggregation))
    for done, plane in enumerate(planes):
        task.step(done, len(planes), f"measuring texture ({name.upper()})")
        matrices = list(family.matrices(plane, around))
        if together and matrices:
            matrices = [family.merge(matrices)]
        if by_slice:
            found += [family.features(matrix) for matrix in matrices]
        elif total:
            pairs = zip(total, matrices, strict=True)
            total = [family.merge(pair) for pair in pairs]
        else:
            total = matrices
    found += [family.features(matrix) for matrix in total]
    return _averaged([features for features in found if features])


def _planes(levels: Levels, aggregation: Aggregation) -> Iterator[Levels]:
    if aggregation.startswith("3D"):
        yield levels
        return
    for z in range(len(levels)):
        if levels[z].any():
            yield levels[z : z + 1]


def _averaged(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each feature over the matrices in which it is defined."""
    if not found:
        return {}
    table = np.array([list(features.values()) for features in found])
    defined = np.isfinite(table)
    number = defined.sum(axis=0)
    total = np.where(defined, table, 0.0).sum(axis=0)
    mean = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return dict(zip(found[0], mean.tolist(), strict=True))
