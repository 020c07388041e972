"""How unevenly a drug is spread over an area, whatever its pattern."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.unevenness.counted_values import RegionValues, region_values
from nanoscape.statistics.unevenness.evenness import entropy, percentile, theil
from nanoscape.statistics.zones import without_role

_BINS = 64

_NOTES = (
    "None of these figures knows where the pixels lie: exchanging pixels leaves them "
    "as they are.",
    "The standard deviation is that of the population (division by n).",
    "Noise of the measurement increases all of them, and all depend on the size of "
    "the region: compare regions of like size.",
)


@operation(version=1, title="Heterogeneity")
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
    task: Task | None = None,
) -> Table:
    """Measure how unevenly the values of an image are spread.

    Gives the coefficient of variation, as the Image Biomarker Standardisation
    Initiative defines it (Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145),
    and the Gini coefficient, 0 when all pixels hold the same and near 1 when one
    holds everything (Gini 1912; as mean difference over twice the mean), Theil's
    index, the entropy, and ratios of percentiles.

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
        repeated measurement or an even region. It is taken out of the spread.
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
    rows = [_row(item, image, bin_width, noise) for item in found]
    bins = f"{_BINS} bins between smallest and largest value of the region"
    if bin_width:
        bins = f"bins of {bin_width:g} {image.quantity.unit} from 0"
    notes = [*_NOTES, f"Entropy: {bins}."]
    if any(row["gini_reason"].startswith("some") for row in rows):
        notes.append("The Gini coefficient is not defined for negative values.")
    return Table(
        data=pd.DataFrame(rows),
        name=f"heterogeneity of {image.name}",
        notes=tuple(notes),
        tags=without_role(image.tags),
    )


def _row(
    values: RegionValues, image: Image, bin_width: float | None, noise: float | None
) -> dict[str, Any]:
    spacing = list(image.spacing.values())
    row: dict[str, Any] = {
        "region": values.name,
        "unit": image.quantity.unit,
        "n_pixels": values.n,
        "n_not_measured": values.missing,
    }
    row |= _spread(values) if values.n else _EMPTY
    row[f"size_um{len(spacing)}"] = values.n * math.prod(spacing)
    row |= _percentiles(values) if values.n else dict.fromkeys(_PERCENTILES, math.nan)
    row["entropy_bits"] = entropy(values, bin_width, _BINS) if values.n else math.nan
    row["theil"], row["theil_reason"] = theil(values)
    if noise is not None:
        row |= _without_noise(row, noise)
    return row


_EMPTY = {
    "mean": math.nan,
    "standard_deviation": math.nan,
    "coefficient_of_variation": math.nan,
    "gini": math.nan,
    "gini_reason": "no pixel was measured",
}

_PERCENTILES = ("quartile_coefficient_of_dispersion", "p90_over_p10", "max_over_mean")


def _spread(values: RegionValues) -> dict[str, Any]:
    mean, deviation = values.mean, math.sqrt(values.variance)
    gini, reason = _gini(values.count, values.total)
    return {
        "mean": mean,
        "standard_deviation": deviation,
        "coefficient_of_variation": deviation / mean if mean != 0 else math.nan,
        "gini": gini,
        "gini_reason": reason,
    }


def _percentiles(values: RegionValues) -> dict[str, float]:
    p10, q1, q3, p90 = (percentile(values, q) for q in (0.1, 0.25, 0.75, 0.9))
    ratios = ((q3 - q1, q3 + q1), (p90, p10), (float(values.value[-1]), values.mean))
    return {
        name: above / below if below > 0 else math.nan
        for name, (above, below) in zip(_PERCENTILES, ratios, strict=True)
    }


def _without_noise(row: dict[str, Any], noise: float) -> dict[str, Any]:
    left = row["standard_deviation"] ** 2 - noise**2
    deviation = math.sqrt(left) if left >= 0 else math.nan
    mean = row["mean"]
    reason = "the noise is larger than the spread" if left < 0 else ""
    return {
        "noise": noise,
        "noise_free_standard_deviation": deviation,
        "noise_free_coefficient_of_variation": (
            deviation / mean if mean != 0 else math.nan
        ),
        "noise_reason": reason or ("" if row["n_pixels"] else row["gini_reason"]),
    }


def _gini(count: NDArray[np.float64], total: NDArray[np.float64]) -> tuple[float, str]:
    """Return the Gini coefficient of groups of values in ascending order."""
    everything = float(total.sum())
    if (total < 0).any():
        return math.nan, "some values are negative"
    if everything == 0:
        return math.nan, "all values are zero"
    n = float(count.sum())
    # Twice the mean rank of a group less one more than the number of values.
    rank = 2 * np.cumsum(count) - count - n
    return float((rank * total).sum() / (n * everything)), ""
