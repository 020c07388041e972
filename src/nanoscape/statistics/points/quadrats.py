"""Whether equal parts of an area hold equally many points."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd
from scipy import stats

from nanoscape.errors import CannotCompute
from nanoscape.model import Labels, Points, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.points.window import Pattern, windows_of
from nanoscape.statistics.zones import without_role

_SMALL = 5.0


@operation(version=1, title="Quadrat test")
def quadrats(
    points: Annotated[Points, Role("Carrier")],
    region: Annotated[Labels | Regions, Role("Tissue")],
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    number: Annotated[
        int, Option(minimum=2, maximum=200, label="Quadrats along each side")
    ] = 4,
) -> Table:
    """Test whether equal parts of a region hold equally many points.

    Pearson's X² over quadrats, of which each should hold points in proportion to its
    share of the region; two-sided, because points that keep apart give too small a
    value. The index of dispersion is variance over mean, 1 for random places.

    Parameters
    ----------
    points
        Particles or cells.
    region
        Where they could have been found.
    exclude
        Areas where none could be found.
    number
        Quadrats along each side of the region's bounding box. More of them look at
        finer structure and need more points.

    Returns
    -------
    table
        One row for each region.

    Raises
    ------
    CannotCompute
        If no region holds a point.
    WrongInput
        If points and region lie in different spaces or dimensions.
    """
    patterns = windows_of(region, exclude).patterns(points)
    if not any(len(pattern.places) for pattern in patterns):
        raise CannotCompute(
            f"{points.name} has no points in the region",
            "at least one",
            "check that points and region overlap",
        )
    rows = [_row(pattern, number) for pattern in patterns]
    return Table(
        data=pd.DataFrame(rows),
        name=f"quadrats of {points.name}",
        notes=(
            "Quadrats are cut at the borders of pixels and count by their share of "
            "the region. p: two-sided, from the chi-squared distribution.",
            "Points of one section are no replicates: compare animals.",
        ),
        tags=without_role(points.tags),
    )


def _row(pattern: Pattern, number: int) -> dict[str, Any]:
    mask = pattern.window.mask
    tile = np.zeros(mask.shape, np.int64)
    for axis, length in enumerate(mask.shape):
        along = np.arange(length) * number // length
        view = [1] * mask.ndim
        view[axis] = length
        tile = tile * number + along.reshape(view)
    size = np.bincount(tile[mask], minlength=number**mask.ndim).astype(np.float64)
    index, _ = pattern.window.pixels(pattern.places)
    count = np.bincount(tile[tuple(index.T)], minlength=len(size))
    held = size > 0
    n, tiles = len(pattern.places), int(held.sum())
    row: dict[str, Any] = {
        "region": pattern.window.name,
        "n_points": n,
        "n_quadrats": tiles,
        "chi_squared": math.nan,
        "degrees_of_freedom": tiles - 1,
        "index_of_dispersion": math.nan,
        "p": math.nan,
        "reason": "",
    }
    if n == 0:
        return row | {"reason": "no points"}
    if tiles < 2:
        return row | {"reason": "the region is a single quadrat"}
    expected = n * size[held] / size[held].sum()
    found = float(((count[held] - expected) ** 2 / expected).sum())
    law = stats.chi2(tiles - 1)
    row |= {
        "chi_squared": found,
        "index_of_dispersion": found / (tiles - 1),
        "p": float(min(1.0, 2 * min(law.cdf(found), law.sf(found)))),
    }
    if np.median(expected) < _SMALL:
        row["reason"] = "fewer than five points are expected: take p with care"
    return row
