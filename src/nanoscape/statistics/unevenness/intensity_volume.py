"""Which share of a region holds at least how much."""

from __future__ import annotations

import math
from typing import Annotated

import pandas as pd

from nanoscape.compute import Task
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.unevenness.counted_values import region_values
from nanoscape.statistics.unevenness.levels import levels_of
from nanoscape.statistics.zones import without_role


@operation(version=1, title="Intensity-volume histogram")
def intensity_volume(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    bin_width: Annotated[float | None, Option(minimum=1e-12, label="Bin width")] = None,
    task: Task | None = None,
) -> Table:
    """Show which share of a region holds at least how much.

    The cumulative histogram of El Naqa et al. (2009,
    doi:10.1016/j.patcog.2008.08.011) as the Image Biomarker Standardisation Initiative
    defines it: 1 at the lowest level, and the lower the less of the region reaches a
    level.

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value are left out.
    region
        Where to measure: each label, or all regions of one name, get a curve of
        their own. The whole image by default.
    exclude
        Areas to leave out.
    bin_width
        Width of a level in the unit of the image; levels begin at multiples of it.
        Auto: 64 levels between the smallest and the largest value of the region.
    task
        Progress.

    Returns
    -------
    table
        For each level its lower bound, where it lies between the lowest and the
        highest, and how much of the region reaches it.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, the image is a series in time, or the
        bin width makes more than a million levels.

    Examples
    --------
    >>> import numpy as np
    >>> image = Image.from_array(np.array([[1.0, 2, 2, 3]]), "yx", spacing=1.0)
    >>> intensity_volume(image, bin_width=1.0).data["volume_share"].tolist()
    [1.0, 0.75, 0.25]
    """
    spacing = image.spacing
    pixel, frames, missing = math.prod(spacing.values()), [], []
    for values in region_values(image, region, exclude, task=task):
        if not values.n:
            missing.append(f"{values.name} has no curve: no pixel was measured.")
            continue
        levels = levels_of(values, bin_width)
        frames.append(
            pd.DataFrame(
                {
                    "region": values.name,
                    "intensity": levels.bounds,
                    "unit": image.quantity.unit,
                    "intensity_share": levels.range_share,
                    "volume_share": levels.at_least,
                    f"size_um{len(spacing)}": levels.at_least * values.n * pixel,
                }
            )
        )
    return Table(
        data=pd.concat(frames, ignore_index=True),
        name=f"intensity-volume histogram of {image.name}",
        notes=(
            "intensity: lower bound of a level; volume_share: share of the region "
            "with at least that level.",
            "It does not know where the pixels lie, and noise makes it less steep.",
            *missing,
        ),
        tags=without_role(image.tags),
    )
