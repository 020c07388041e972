"""Where high or low values gather: the Getis-Ord statistic of each pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, map_blocks
from nanoscape.compute.blocks import read_crop
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.raster.conditional import conditional_p, score_of_p
from nanoscape.statistics.raster.judged import (
    NORMAL,
    NOTES,
    PROBABILITY,
    SCORE,
    judge,
    labels_of,
    map_of,
)
from nanoscape.statistics.raster.local_field import LocalField, centred, local_field
from nanoscape.statistics.raster.local_scores import scores_near, scores_of_others
from nanoscape.statistics.zones import without_role

CLASSES = {1: "hot", 2: "cold"}

HELD_PIXELS = 2**22
"""Pixels of the region's bounding box up to which neighbours are drawn."""


@dataclass(frozen=True)
class HotSpots:
    """Where high or low values gather.

    Attributes
    ----------
    score
        Standard score of each pixel's neighbourhood.
    p
        Two-sided p-value, before the correction for many pixels.
    classes
        1 where significantly high values gather, 2 where low ones do.
    summary
        One row: the thresholds, and how much is hot and cold.
    """

    score: Image
    p: Image
    classes: Labels
    summary: Table


@operation(version=2, title="Hot spots")
def hot_spots(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    radius: Annotated[
        float | None, Option(unit="µm", minimum=0.0, label="Neighbours within")
    ] = None,
    rate: Annotated[
        float, Option(minimum=1e-6, maximum=0.5, label="Share of false spots")
    ] = 0.05,
    with_self: Annotated[
        bool, Option(label="The pixel itself counts", advanced=True)
    ] = True,
    permutations: Annotated[
        int, Option(minimum=0, maximum=99_999, label="Permutations")
    ] = 0,
    seed: Annotated[int, Option(minimum=0, label="Random seed", advanced=True)] = 0,
    task: Task | None = None,
) -> HotSpots:
    """Find where high values of an image gather, and where low ones do.

    The Getis-Ord statistic Gi* compares the sum over each pixel's neighbourhood,
    itself included, with what random places of the same values give (Ord and Getis
    1995, doi:10.1111/j.1538-4632.1995.tb00912.x). Which pixels are hot is decided
    over all pixels at once (Benjamini and Hochberg 1995).

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value are nobody's neighbours.
    region
        Where to measure, as one area. The whole image by default.
    exclude
        Areas to leave out.
    radius
        How far neighbours lie at most. A larger value finds larger spots. Auto: the
        pixels that touch.
    rate
        Expected share of false ones among the hot and cold pixels. A smaller value
        finds fewer spots.
    with_self
        Whether a pixel belongs to its own neighbourhood (Gi*) or not (Gi).
    permutations
        How often neighbours are drawn from all other pixels for the p-values, 0 for
        the normal approximation. With many pixels take many: no p-value is below one
        over their number.
    seed
        Seed of the draws.
    task
        Progress.

    Returns
    -------
    HotSpots
        Maps of scores, p-values and classes, and a summary.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.arange(25.0).reshape(5, 5) ** 1.5
    >>> found = hot_spots(Image.from_array(values, "yx", spacing=1.0))
    >>> round(float(found.score.data.compute()[0, 0]), 4)
    -2.382
    """
    first, second, third, fourth = (task or Task()).split(2, 4, 4, 2)
    field = local_field(image, region, exclude, radius, task=first)
    scores = map_blocks(
        _score_block,
        field.arrays,
        dtype=np.float32,
        halo=field.near.halo,
        arguments=(field.population, field.reason, with_self),
        task=second,
        text="adding up neighbours",
    )
    tested, reason = scores, _no_permutations(field, permutations)
    if not reason:
        tested = _permuted(field, scores, permutations, seed, third)
    judged = judge(image, field, tested, _classes, CLASSES, rate, fourth)
    summary = judged.row.assign(permutation_reason=reason)
    how = NORMAL
    if not reason:
        summary["score_threshold"] = math.nan
        how = (
            f"p: two-sided, (r + 1) / (m + 1), with r of m = {permutations} draws of "
            "neighbours from all other pixels as far from the mean of all draws; "
            f"random numbers start at {seed}. The map shows it before the correction "
            "for many pixels."
        )
    name = f"{'Gi*' if with_self else 'Gi'} of {image.name}"
    own = "included" if with_self else "left out"
    return HotSpots(
        score=map_of(image, scores, name, SCORE),
        p=map_of(image, judged.p, f"p of {name}", PROBABILITY),
        classes=labels_of(image, judged.classes, f"hot spots of {image.name}", CLASSES),
        summary=Table(
            data=summary,
            name=f"hot spots of {image.name}",
            notes=(
                f"{name} over {field.near.text}, the pixel itself {own}; weights are "
                "1. What is not measured has no weight; there is no other correction "
                "at edges.",
                how,
                *NOTES,
            ),
            tags=without_role(image.tags),
        ),
    )


def _no_permutations(field: LocalField, permutations: int) -> str:
    """Return why there are none, or nothing."""
    if field.reason:
        return field.reason
    if not permutations:
        return "no permutations were asked for"
    if math.prod(part.stop - part.start for part in field.box) > HELD_PIXELS:
        return f"the region is larger than {HELD_PIXELS:,} pixels"
    return ""


def _score_block(values: NDArray[Any], *rest: Any) -> NDArray[np.float32]:
    *masks, population, reason, with_self = rest
    if reason:
        return np.full(values.shape, np.nan, np.float32)
    z, inside = centred(values, masks, population)
    score = scores_near if with_self else scores_of_others
    return score(z, inside, population).astype(np.float32)


def _permuted(
    field: LocalField, scores: da.Array, permutations: int, seed: int, task: Task
) -> da.Array:
    """Return scores that have the p-values of permutations, NaN outside."""
    values, *masks = (read_crop(array, field.box) for array in field.arrays)
    z, inside = centred(values, masks, field.population)
    p = conditional_p(z, inside, field.population.rows, permutations, seed, task)
    found = np.full(scores.shape, np.nan, np.float32)
    found[field.box] = score_of_p(p, read_crop(scores, field.box))
    return da.from_array(found, chunks=scores.chunks)


def _classes(scores: NDArray[np.float32], *rest: Any) -> NDArray[np.uint8]:
    threshold = np.float32(rest[-1])
    classes = np.zeros(scores.shape, np.uint8)
    classes[scores >= threshold] = 1
    classes[scores <= -threshold] = 2
    return classes
