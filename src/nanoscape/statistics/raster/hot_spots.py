"""Where high or low values gather: the Getis-Ord statistic of each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, map_blocks
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.raster.judged import (
    NOTES,
    PROBABILITY,
    SCORE,
    judge,
    labels_of,
    map_of,
)
from nanoscape.statistics.raster.local_field import Population, centred, local_field
from nanoscape.statistics.raster.neighbourhood import sums_near
from nanoscape.statistics.zones import without_role

CLASSES = {1: "hot", 2: "cold"}


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


@operation(version=1, title="Hot spots")
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
    first, second, third = (task or Task()).split(2, 4, 2)
    field = local_field(image, region, exclude, radius, task=first)
    scores = map_blocks(
        _score_block,
        field.arrays,
        dtype=np.float32,
        halo=field.near.halo,
        arguments=(field.population, field.reason),
        task=second,
        text="adding up neighbours",
    )
    judged = judge(image, field, scores, _classes, CLASSES, rate, third)
    name = f"Gi* of {image.name}"
    return HotSpots(
        score=map_of(image, scores, name, SCORE),
        p=map_of(image, judged.p, f"p of {name}", PROBABILITY),
        classes=labels_of(image, judged.classes, f"hot spots of {image.name}", CLASSES),
        summary=Table(
            data=judged.row,
            name=f"hot spots of {image.name}",
            notes=(
                f"Gi* over {field.near.text}, the pixel itself included; weights are "
                "1. What is not measured has no weight; there is no other correction "
                "at edges.",
                *NOTES,
            ),
            tags=without_role(image.tags),
        ),
    )


def scores_near(
    z: NDArray[np.float64], inside: NDArray[np.bool_], population: Population
) -> NDArray[np.float64]:
    """Return Gi* of each pixel, NaN outside.

    Parameters
    ----------
    z
        Values less the mean, 0 outside.
    inside
        Measured pixels.
    population
        What is compared with.
    """
    total, count = sums_near(z, inside, population.rows, population.largest)
    n = population.n
    spread = population.m2 / n * (n * count - count.astype(np.float64) ** 2) / (n - 1)
    allowed = inside & (spread > 0)
    return np.where(allowed, total / np.sqrt(np.where(allowed, spread, 1.0)), np.nan)


def _score_block(values: NDArray[Any], *rest: Any) -> NDArray[np.float32]:
    *masks, population, reason = rest
    if reason:
        return np.full(values.shape, np.nan, np.float32)
    z, inside = centred(values, masks, population)
    return scores_near(z, inside, population).astype(np.float32)


def _classes(scores: NDArray[np.float32], *rest: Any) -> NDArray[np.uint8]:
    threshold = np.float32(rest[-1])
    classes = np.zeros(scores.shape, np.uint8)
    classes[scores >= threshold] = 1
    classes[scores <= -threshold] = 2
    return classes
