"""Maps, classes and a summary from the local scores of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task, map_blocks
from nanoscape.compute.exact import bincount
from nanoscape.model import Image, Labels, Quantity
from nanoscape.model.raster import single_level
from nanoscape.statistics.raster.false_discoveries import discoveries, two_sided_p
from nanoscape.statistics.raster.local_field import LocalField
from nanoscape.statistics.zones import without_role

SCORE = Quantity("standard score", "1")
PROBABILITY = Quantity("probability", "1")

NORMAL = (
    "p: two-sided, when the values at hand are put to random places, by the normal "
    "approximation; the map shows it before the correction for many pixels."
)

NOTES = (
    "Classes bound the share of false ones over all measured pixels (Benjamini and "
    "Hochberg).",
    "Pixels are not independent: compare animals, not pixels.",
)


@dataclass(frozen=True, eq=False)
class Judged:
    """What the scores say.

    Attributes
    ----------
    p
        Two-sided p-values.
    classes
        Number of the class of each pixel, 0 for none.
    row
        The summary.
    """

    p: da.Array
    classes: da.Array
    row: pd.DataFrame


def judge(
    image: Image,
    field: LocalField,
    scores: da.Array,
    classify: Callable[..., NDArray[np.uint8]],
    names: Mapping[int, str],
    rate: float,
    task: Task,
) -> Judged:
    """Find the significant scores and sort them into classes.

    Parameters
    ----------
    image, field
        What was measured.
    scores
        Standard scores as float32.
    classify
        Called with crops of the scores and of ``field.arrays``, the population, and
        the smallest magnitude that is significant; returns numbers of classes.
    names
        What the classes are called.
    rate
        Share of false discoveries.
    task
        Progress.
    """
    first, second, third = task.split(2, 1, 1)
    found = discoveries(scores, rate, task=first)
    classes = map_blocks(
        classify,
        [scores, *field.arrays],
        dtype=np.uint8,
        arguments=(field.population, found.z),
        task=second,
        text="finding what is significant",
    )
    counts = bincount(classes, task=third)
    spacing = image.spacing
    unit = f"um{len(spacing)}"
    size = math.prod(spacing.values())
    n = field.population.n
    row: dict[str, Any] = {
        "n_pixels": n,
        "n_not_measured": field.missing,
        "n_tested": found.tests,
        "neighbours": field.near.text,
        "mean": field.population.mean,
        "standard_deviation": math.sqrt(field.population.m2 / n),
        "unit": image.quantity.unit,
        "false_discovery_rate": rate,
        "p_threshold": found.p if found.found else math.nan,
        "score_threshold": found.z if found.found else math.nan,
    }
    for number, name in names.items():
        count = int(counts[number]) if number < len(counts) else 0
        label = name.replace(" ", "_")
        row[f"n_{label}"] = count
        row[f"{label}_fraction"] = count / n
        row[f"{label}_size_{unit}"] = count * size
    reason = field.reason or ("" if found.found else "nothing is significant")
    p = scores.map_blocks(_p_block, dtype=np.float32)
    return Judged(p, classes, pd.DataFrame([row | {"reason": reason}]))


def _p_block(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return two_sided_p(scores).astype(np.float32)


def map_of(image: Image, data: da.Array, name: str, quantity: Quantity) -> Image:
    """Return an image on the grid of another."""
    return Image(
        levels=single_level(data, image.spatial_axes),
        axes=image.axes,
        grid_to_space=image.grid_to_space,
        space=image.space,
        name=name,
        quantity=quantity,
        tags=without_role(image.tags),
    )


def labels_of(
    image: Image, data: da.Array, name: str, names: Mapping[int, str]
) -> Labels:
    """Return classes with their names on the grid of an image."""
    return Labels(
        levels=single_level(data, image.spatial_axes),
        axes=image.axes,
        grid_to_space=image.grid_to_space,
        space=image.space,
        name=name,
        tags=without_role(image.tags),
        table=pd.DataFrame({"index": list(names), "name": list(names.values())}),
    )
