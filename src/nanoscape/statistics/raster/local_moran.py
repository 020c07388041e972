"""Which pixels resemble their neighbours: Moran's I pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, map_blocks
from nanoscape.model import Image, Labels, Quantity, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.raster.judged import (
    NORMAL,
    NOTES,
    PROBABILITY,
    SCORE,
    judge,
    labels_of,
    map_of,
)
from nanoscape.statistics.raster.local_field import Population, centred, local_field
from nanoscape.statistics.raster.local_scores import scores_of_others, sums_of_others
from nanoscape.statistics.zones import without_role

CLASSES = {
    1: "high among high",
    2: "low among low",
    3: "high among low",
    4: "low among high",
}


@dataclass(frozen=True)
class LocalMoran:
    """Which pixels resemble their neighbours.

    Attributes
    ----------
    moran
        Moran's I of each pixel.
    score
        Its standard score: above 0 like the neighbours, below 0 unlike them.
    p
        Two-sided p-value, before the correction for many pixels.
    classes
        Significant pixels: high among high, low among low, high among low, low
        among high.
    summary
        One row: the thresholds, and how much belongs to each class.
    """

    moran: Image
    score: Image
    p: Image
    classes: Labels
    summary: Table


@operation(version=1, title="Local Moran's I")
def local_moran(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    radius: Annotated[
        float | None, Option(unit="µm", minimum=0.0, label="Neighbours within")
    ] = None,
    rate: Annotated[
        float, Option(minimum=1e-6, maximum=0.5, label="Share of false pixels")
    ] = 0.05,
    task: Task | None = None,
) -> LocalMoran:
    """Find pixels that are like their neighbours, and those that are unlike them.

    Local Moran's I (Anselin 1995, doi:10.1111/j.1538-4632.1995.tb00338.x) with the
    mean of each pixel's neighbours. Its score is exact in mean and variance for
    random places of all other values, the pixel's own staying where it is.

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value are nobody's neighbours.
    region
        Where to measure, as one area. The whole image by default.
    exclude
        Areas to leave out.
    radius
        How far neighbours lie at most. A larger value finds coarser patterns. Auto:
        the pixels that touch.
    rate
        Expected share of false ones among the pixels of all classes. A smaller value
        finds fewer.
    task
        Progress.

    Returns
    -------
    LocalMoran
        Maps of the statistic, scores, p-values and classes, and a summary.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.arange(9.0).reshape(3, 3)
    >>> found = local_moran(Image.from_array(values, "yx", spacing=1.0))
    >>> round(float(found.moran.data.compute().mean()), 4)  # Moran's I by row
    0.3556
    """
    first, second, third = (task or Task()).split(2, 8, 2)
    field = local_field(image, region, exclude, radius, task=first)
    maps = [
        map_blocks(
            function,
            field.arrays,
            dtype=np.float32,
            halo=field.near.halo,
            arguments=(field.population, field.reason),
            task=part,
            text="comparing neighbours",
        )
        for function, part in zip(
            (_moran_block, _score_block), second.split(1, 1), strict=True
        )
    ]
    judged = judge(image, field, maps[1], _classes, CLASSES, rate, third)
    name = f"local Moran's I of {image.name}"
    return LocalMoran(
        moran=map_of(image, maps[0], name, Quantity("local Moran's I", "1")),
        score=map_of(image, maps[1], f"score of {name}", SCORE),
        p=map_of(image, judged.p, f"p of {name}", PROBABILITY),
        classes=labels_of(image, judged.classes, f"classes of {name}", CLASSES),
        summary=Table(
            data=judged.row,
            name=name,
            notes=(
                f"Neighbours are {field.near.text}, without the pixel itself; their "
                "weights add up to 1. What is not measured has no weight; there is no "
                "other correction at edges.",
                NORMAL,
                *NOTES,
            ),
            tags=without_role(image.tags),
        ),
    )


def local_values(
    z: NDArray[np.float64], inside: NDArray[np.bool_], population: Population
) -> NDArray[np.float64]:
    """Return local Moran's I of each pixel, NaN outside and without neighbours."""
    total, count = sums_of_others(z, inside, population)
    allowed = inside & (count > 0)
    lag = total / np.where(allowed, count, 1)
    return np.where(allowed, z * lag * (population.n / population.m2), np.nan)


def local_scores(
    z: NDArray[np.float64], inside: NDArray[np.bool_], population: Population
) -> NDArray[np.float64]:
    """Return the standard score of local Moran's I, given each pixel's own value."""
    return np.sign(z) * scores_of_others(z, inside, population)


def _moran_block(values: NDArray[Any], *rest: Any) -> NDArray[np.float32]:
    return _mapped(local_values, values, *rest)


def _score_block(values: NDArray[Any], *rest: Any) -> NDArray[np.float32]:
    return _mapped(local_scores, values, *rest)


def _mapped(function: Any, values: NDArray[Any], *rest: Any) -> NDArray[np.float32]:
    *masks, population, reason = rest
    if reason:
        return np.full(values.shape, np.nan, np.float32)
    return function(*centred(values, masks, population), population).astype(np.float32)


def _classes(
    scores: NDArray[np.float32], values: NDArray[Any], *rest: Any
) -> NDArray[np.uint8]:
    *_, population, threshold = rest
    high = values.astype(np.float64) > population.mean
    alike, unlike = scores >= np.float32(threshold), scores <= -np.float32(threshold)
    classes = np.zeros(scores.shape, np.uint8)
    for number, chosen in enumerate(
        (alike & high, alike & ~high, unlike & high, unlike & ~high), start=1
    ):
        classes[chosen] = number
    return classes
