"""Figures of the histogram, defined as by the IBSI."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.unevenness.counted_values import RegionValues, region_values
from nanoscape.statistics.unevenness.evenness import entropy, percentile
from nanoscape.statistics.zones import without_role

_BINS = 64
_MOST_LEVELS = 10**6
_NOTES = (
    "Definitions of the Image Biomarker Standardisation Initiative; moments are those "
    "of the population, the kurtosis is 0 for a normal distribution.",
    "None of these figures knows where the pixels lie, and noise changes them all; "
    "compare regions of like size.",
    "volume_at_intensity_…: share of the region with at least that part of the range "
    "of values; intensity_at_volume_…: least level that at most this share of the "
    "region reaches.",
)


@operation(version=1, title="Histogram figures")
def first_order(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    bin_width: Annotated[float | None, Option(minimum=1e-12, label="Bin width")] = None,
    task: Task | None = None,
) -> Table:
    """Describe the histogram of an image's values.

    The intensity-based statistics and the intensity-volume histogram of the Image
    Biomarker Standardisation Initiative (Zwanenburg et al. 2020,
    doi:10.1148/radiol.2020191145).

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
        Width of the levels of the intensity-volume histogram, the entropy and the
        uniformity, in the unit of the image; levels begin at multiples of it. Auto:
        64 levels between the smallest and the largest value of the region.
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
            row |= _figures(values) | _levels(values, bin_width)
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


def _levels(values: RegionValues, bin_width: float | None) -> dict[str, float]:
    low, high = float(values.value[0]), float(values.value[-1])
    names = [f"volume_at_intensity_{share}" for share in (10, 90)]
    names += [f"intensity_at_volume_{share}" for share in (10, 90)]
    row = {
        "entropy_bits": entropy(values, bin_width, _BINS),
        "uniformity": 1.0,
        **dict.fromkeys(names, math.nan),
    }
    width = bin_width or (high - low) / _BINS
    if not width:
        return row
    if (high - low) / width > _MOST_LEVELS:
        raise WrongInput(
            f"levels of {width:g} cut the values into {(high - low) / width:.2g}",
            f"at most {_MOST_LEVELS:,} levels",
            "choose a larger bin width",
        )
    start = math.floor(low / width) if bin_width else low / width
    index = np.floor(values.value / width - start + 1e-9).astype(np.int64)
    if bin_width is None:
        index = np.minimum(index, _BINS - 1)
    held = np.bincount(index, values.count)
    row["uniformity"] = float(((held / values.n) ** 2).sum())
    if len(held) < 2:
        return row
    # Share of the region at or above each level.
    above = np.cumsum(held[::-1])[::-1] / values.n
    level = (start + np.arange(len(held))) * width
    part = np.arange(len(held)) / (len(held) - 1)
    for share in (10, 90):
        first = int(np.argmax(part >= share / 100 - 1e-12))
        row[f"volume_at_intensity_{share}"] = float(above[first])
        within = np.flatnonzero(above <= share / 100 + 1e-12)
        last = level[-1] + width
        row[f"intensity_at_volume_{share}"] = float(
            level[within[0]] if len(within) else last
        )
    return row
