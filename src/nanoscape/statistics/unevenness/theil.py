"""How much unevenness lies between areas, and how much within them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd

from nanoscape.compute import Task
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Role, operation
from nanoscape.statistics.unevenness.counted_values import RegionValues, region_values
from nanoscape.statistics.unevenness.evenness import theil
from nanoscape.statistics.zones import without_role


@dataclass(frozen=True)
class TheilDecomposition:
    """How much unevenness lies between areas, and how much within them.

    Attributes
    ----------
    areas
        One row per area, with what it adds to both parts.
    summary
        One row: the whole, between and within.
    """

    areas: Table
    summary: Table


@operation(version=1, title="Unevenness between and within areas")
def theil_decomposition(
    image: Annotated[Image, Role("Drug")],
    areas: Annotated[Labels, Role("Tissue")],
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    task: Task | None = None,
) -> TheilDecomposition:
    """Split the unevenness of a drug into that between areas and that within them.

    Theil's index of all pixels is the sum of both parts, exactly (Theil 1967,
    Economics and Information Theory; Shorrocks 1980, doi:10.2307/1913126).

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value are left out.
    areas
        Areas that do not overlap, each with a number; pixels outside are left out.
    exclude
        Areas to leave out.
    task
        Progress.

    Returns
    -------
    TheilDecomposition
        Each area's part, and the sums.

    Raises
    ------
    CannotCompute
        If no pixel of the areas was measured.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.

    Examples
    --------
    >>> import numpy as np
    >>> image = Image.from_array(np.array([[0.0, 0, 10, 10]]), "yx", spacing=1.0)
    >>> halves = Labels.from_array(np.array([[1, 1, 2, 2]]), "yx", spacing=1.0)
    >>> found = theil_decomposition(image, halves).summary.data
    >>> round(float(found["theil_between"].iloc[0]), 6)  # ln 2
    0.693147
    """
    found = [v for v in region_values(image, areas, exclude, task=task) if v.n]
    reason = _reason(found)
    n = sum(values.n for values in found)
    total = sum(float(values.total.sum()) for values in found)
    rows = [_row(values, n, total, reason) for values in found]
    data = pd.DataFrame(rows)
    size = math.prod(image.spacing.values())
    data.insert(2, f"size_um{len(image.spacing)}", data["n_pixels"] * size)
    parts = {
        f"theil_{k}": float(np.sum(data[k].to_numpy())) for k in ("between", "within")
    }
    summary = {
        "n_areas": len(found),
        "n_pixels": n,
        "theil": sum(parts.values()),
        **parts,
        "between_fraction": parts["theil_between"] / sum(parts.values())
        if sum(parts.values()) > 0
        else math.nan,
        "reason": reason,
    }
    notes = ("Noise within the areas counts as unevenness within them.",)
    tags = without_role(image.tags)
    name = f"unevenness of {image.name} between and within {areas.name}"
    return TheilDecomposition(
        areas=Table(data=data, name=name, notes=notes, tags=tags),
        summary=Table(data=pd.DataFrame([summary]), name=name, notes=notes, tags=tags),
    )


def _reason(found: list[RegionValues]) -> str:
    if any(values.value[0] < 0 for values in found):
        return "some values are negative"
    if not any(values.mean for values in found):
        return "all values are zero"
    return ""


def _row(
    values: RegionValues, n: int, total: float, reason: str
) -> dict[str, str | int | float]:
    own, _ = theil(values)
    row: dict[str, str | int | float] = {
        "region": values.name,
        "n_pixels": values.n,
        "mean": values.mean,
        "share_of_total": math.nan,
        "theil": own,
        "between": math.nan,
        "within": math.nan,
    }
    if reason:
        return row
    share = float(values.total.sum()) / total
    if share == 0:
        return row | {"share_of_total": 0.0, "between": 0.0, "within": 0.0}
    return row | {
        "share_of_total": share,
        "between": share * math.log(share * n / values.n),
        "within": share * own,
    }
