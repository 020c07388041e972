"""How unevenly a drug is spread over an area, whatever its pattern."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pandas as pd

from nanoscape.compute import Task
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.unevenness.counted_values import RegionValues, region_values
from nanoscape.statistics.unevenness.figures import Choices, figures, without_noise
from nanoscape.statistics.unevenness.levels import BINS
from nanoscape.statistics.zones import without_role

_NOTES = (
    "None of these figures knows where the pixels lie: exchanging pixels leaves them "
    "as they are.",
    "The standard deviation is that of the population (division by n).",
    "Noise of the measurement increases all of them, and all depend on the size of "
    "the region: compare regions of like size.",
)


@operation(version=2, title="Heterogeneity")
def heterogeneity(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    bin_width: Annotated[
        float | None, Option(minimum=1e-12, label="Bin width of the entropy")
    ] = None,
    noise: Annotated[
        float | None, Option(minimum=0.0, label="Standard deviation of the noise")
    ] = None,
    hot: Annotated[float, Option(minimum=1.0, label="Hot: times the mean")] = 2.0,
    cold: Annotated[
        float, Option(minimum=0.0, maximum=1.0, label="Cold: times the mean")
    ] = 0.5,
    task: Task | None = None,
) -> Table:
    """Measure how unevenly the values of an image are spread.

    Gives the coefficient of variation, as the Image Biomarker Standardisation
    Initiative defines it (Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145),
    and the Gini coefficient, 0 when all pixels hold the same and near 1 when one
    holds everything (Gini 1912; as mean difference over twice the mean), Theil's
    index, the entropy, ratios of percentiles, and which share is hot or cold. They
    do not know where pixels lie; for spots that gather see Hot spots.

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value are left out and counted.
    region
        Where to measure: each label, or all regions of one name, get a row of their
        own. The whole image by default.
    exclude
        Areas to leave out.
    bin_width
        Width of the bins in which values are counted for the entropy, in the unit of
        the image; bins begin at 0. Wider ones give less. Auto: 64 bins between the
        smallest and the largest value of the region.
    noise
        Standard deviation of the noise of a pixel, in the unit of the image, from a
        repeated measurement or an even region. Each figure is given without it as
        well.
    hot, cold
        How many times the mean a pixel holds at least to be hot, or at most to be
        cold.
    task
        Progress.

    Returns
    -------
    table
        One row for each region, with its size and the reasons for what is missing.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.

    Examples
    --------
    >>> import numpy as np
    >>> image = Image.from_array(np.array([[0, 0, 0, 1.0]]), "yx", spacing=1.0)
    >>> float(heterogeneity(image).data["gini"].iloc[0])
    0.75
    """
    found = region_values(image, region, exclude, task=task)
    choices = Choices(bin_width, hot, cold)
    rows = [_row(item, image, choices, noise) for item in found]
    bins = f"{BINS} bins between smallest and largest value of the region"
    if bin_width:
        bins = f"bins of {bin_width:g} {image.quantity.unit} from 0"
    notes = [
        *_NOTES,
        f"Entropy: {bins}.",
        f"Hot: at least {hot:g} times the mean of the region; cold: at most {cold:g} "
        "times.",
    ]
    if noise is not None:
        notes.append(
            "noise_free_…: of values drawn towards their mean until the variance of "
            "the noise is out; exact for the standard deviation, and for the rest "
            "when values and noise are normal."
        )
    if any(row["gini_reason"].startswith("some") for row in rows):
        notes.append("The Gini coefficient is not defined for negative values.")
    return Table(
        data=pd.DataFrame(rows),
        name=f"heterogeneity of {image.name}",
        notes=tuple(notes),
        tags=without_role(image.tags),
    )


def _row(
    values: RegionValues, image: Image, choices: Choices, noise: float | None
) -> dict[str, Any]:
    spacing = list(image.spacing.values())
    size, pixel = f"size_um{len(spacing)}", math.prod(spacing)
    row: dict[str, Any] = {
        "region": values.name,
        "unit": image.quantity.unit,
        "n_pixels": values.n,
        "n_not_measured": values.missing,
        size: values.n * pixel,
        "spatial": "no",
    }
    found = figures(values, choices)
    for what in ("hot", "cold"):
        found[f"{what}_{size}"] = found[f"{what}_fraction"] * values.n * pixel
    row |= found
    if noise is None:
        return row
    true, reason = without_noise(values, noise)
    row["noise"] = noise
    for name, value in figures(true, choices).items():
        if name != "mean" and not name.endswith("reason"):
            row[f"noise_free_{name}"] = value
    return row | {"noise_reason": reason}
