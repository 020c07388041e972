"""Figures of the histogram, defined as by the IBSI."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from nanoscape.compute import Task
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.unevenness.counted_values import RegionValues, region_values
from nanoscape.statistics.unevenness.evenness import entropy, percentile
from nanoscape.statistics.unevenness.levels import BINS, Levels, levels_of
from nanoscape.statistics.zones import without_role

_SHAPE = (
    "mean",
    "variance",
    "skewness",
    "excess_kurtosis",
    "minimum",
    "p10",
    "median",
    "p90",
    "maximum",
    "interquartile_range",
    "range",
    "mean_absolute_deviation",
    "robust_mean_absolute_deviation",
    "median_absolute_deviation",
    "coefficient_of_variation",
    "quartile_coefficient_of_dispersion",
)
"""Figures that the numbers of levels have as well."""

_NOTES = (
    "Definitions of the Image Biomarker Standardisation Initiative; moments are those "
    "of the population, the kurtosis is 0 for a normal distribution.",
    "None of these figures knows where the pixels lie, and noise changes them all; "
    "compare regions of like size.",
    "volume_at_intensity_…: share of the region with at least that part of the range "
    "of values; intensity_at_volume_…: least level that at most this share of the "
    "region reaches.",
    "histogram_…: figures of the numbers of the levels, from 1; gradients are those of "
    "their counts.",
)


@operation(version=2, title="Histogram figures")
def first_order(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    bin_width: Annotated[float | None, Option(minimum=1e-12, label="Bin width")] = None,
    task: Task | None = None,
) -> Table:
    """Describe the histogram of an image's values.

    The intensity-based statistics, the intensity histogram and the figures of the
    intensity-volume histogram of the Image Biomarker Standardisation Initiative
    (Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145).

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
        Width of the levels of the histograms, the entropy and the uniformity, in the
        unit of the image; levels begin at multiples of it. Auto: 64 levels between
        the smallest and the largest value of the region.
    task
        Progress.

    Returns
    -------
    table
        One row for each region.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, the image is a series in time, or the
        bin width makes more than a million levels.
    """
    found = region_values(image, region, exclude, task=task)
    spacing = list(image.spacing.values())
    rows = []
    for values in found:
        row: dict[str, Any] = {
            "region": values.name,
            "unit": image.quantity.unit,
            "n_pixels": values.n,
            "n_not_measured": values.missing,
            f"size_um{len(spacing)}": values.n * math.prod(spacing),
        }
        if values.n:
            levels = levels_of(values, bin_width)
            row |= _figures(values)
            row["entropy_bits"] = entropy(values, bin_width, BINS)
            row["uniformity"] = float(((levels.count / values.n) ** 2).sum())
            row |= _volumes(levels) | _histogram(levels)
        rows.append(row | {"reason": "" if values.n else "no pixel was measured"})
    width = f"{bin_width:g} {image.quantity.unit}" if bin_width else "range / 64"
    return Table(
        data=pd.DataFrame(rows),
        name=f"histogram of {image.name}",
        notes=(*_NOTES, f"Levels: {width}."),
        tags=without_role(image.tags),
    )


def _figures(values: RegionValues) -> dict[str, float]:
    x, count, n = values.value, values.count, values.n
    mean, variance = values.mean, values.variance
    third, fourth = (float((count * (x - mean) ** k).sum()) / n for k in (3, 4))
    p10, q1, median, q3, p90 = (
        percentile(values, share) for share in (0.1, 0.25, 0.5, 0.75, 0.9)
    )
    # Within a bin of a large image values scatter about their mean.
    energy = n * (variance + mean**2)
    spread = variance > 0
    return {
        "mean": mean,
        "variance": variance,
        "skewness": third / variance**1.5 if spread else math.nan,
        "excess_kurtosis": fourth / variance**2 - 3 if spread else math.nan,
        "minimum": float(x[0]),
        "p10": p10,
        "median": median,
        "p90": p90,
        "maximum": float(x[-1]),
        "interquartile_range": q3 - q1,
        "range": float(x[-1] - x[0]),
        "mean_absolute_deviation": float((count * np.abs(x - mean)).sum()) / n,
        "robust_mean_absolute_deviation": _robust(values, p10, p90),
        "median_absolute_deviation": float((count * np.abs(x - median)).sum()) / n,
        "coefficient_of_variation": (
            math.sqrt(variance) / mean if mean != 0 else math.nan
        ),
        "quartile_coefficient_of_dispersion": (
            (q3 - q1) / (q3 + q1) if q3 + q1 > 0 else math.nan
        ),
        "energy": energy,
        "root_mean_square": math.sqrt(energy / n),
    }


def _robust(values: RegionValues, low: float, high: float) -> float:
    """Return the mean absolute deviation of the values between two of them."""
    held = (values.value >= low) & (values.value <= high)
    if not held.any():
        return math.nan
    x, count = values.value[held], values.count[held]
    mean = float((count * x).sum() / count.sum())
    return float((count * np.abs(x - mean)).sum() / count.sum())


def _volumes(levels: Levels) -> dict[str, float]:
    """Return the figures of the intensity-volume histogram."""
    row = {
        f"{what}_{share}": math.nan
        for what in ("volume_at_intensity", "intensity_at_volume")
        for share in (10, 90)
    }
    if len(levels.count) > 1:
        for share in (10, 90):
            first = int(np.argmax(levels.range_share >= share / 100 - 1e-12))
            row[f"volume_at_intensity_{share}"] = float(levels.at_least[first])
            within = np.flatnonzero(levels.at_least <= share / 100 + 1e-12)
            row[f"intensity_at_volume_{share}"] = float(
                levels.bounds[within[0]]
                if len(within)
                else levels.bounds[-1] + levels.width
            )
    for what in ("volume_at_intensity", "intensity_at_volume"):
        row[f"{what}_10_less_90"] = row[f"{what}_10"] - row[f"{what}_90"]
    return row


def _histogram(levels: Levels) -> dict[str, float]:
    """Return the figures of the numbers of the levels."""
    count, values = levels.count, levels.numbers
    most = np.flatnonzero(count == count.max()) + 1.0
    row = {
        "n_levels": float(len(count)),
        "mode": float(most[np.argmin(np.abs(most - values.mean))]),
        **{name: value for name, value in _figures(values).items() if name in _SHAPE},
        "maximum_gradient": math.nan,
        "maximum_gradient_level": math.nan,
        "minimum_gradient": math.nan,
        "minimum_gradient_level": math.nan,
    }
    if len(count) > 1:
        slope = np.gradient(count)
        for name, where in (("maximum", slope.argmax()), ("minimum", slope.argmin())):
            row[f"{name}_gradient"] = float(slope[where])
            row[f"{name}_gradient_level"] = float(where + 1)
    return {f"histogram_{name}": value for name, value in row.items()}
