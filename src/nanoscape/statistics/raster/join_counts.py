"""Which classes lie next to each other more often than by chance."""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task, reduce_blocks
from nanoscape.compute.exact import bincount
from nanoscape.compute.resample import check_no_time, check_same_space
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.areas import masks_of
from nanoscape.statistics.raster.class_joins import ClassJoins, sum_joins
from nanoscape.statistics.raster.moran_geary import FEWEST_PIXELS, two_sided
from nanoscape.statistics.raster.neighbour_sums import Contiguity, offsets
from nanoscape.statistics.zones import Zones, label_names, without_role, zones_of

MOST_CLASSES = 64

_NEIGHBOURS = {
    "queen": "by a side, an edge or a corner",
    "rook": "by a side",
}


@operation(version=1, title="Join counts")
def join_counts(
    classes: Annotated[Labels, Role(label="Classes")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    weights: Annotated[Contiguity, Option(label="Neighbours")] = "queen",
    unlabelled: Annotated[
        Literal["leave out", "a class"], Option(label="Pixels without a class")
    ] = "leave out",
    task: Task | None = None,
) -> Table:
    """Count how often classes lie next to each other, and whether by chance.

    A join is a pair of pixels that touch. Mean and variance of the number of joins
    are exact when the pixels of all classes are put to random places of the region
    (Moran 1948, doi:10.1111/j.2517-6161.1948.tb00012.x; Cliff and Ord 1981), whatever
    holes it has.

    Parameters
    ----------
    classes
        A few classes, such as hot and cold spots, tissues or kinds of cells; not an
        object for each number.
    region
        Where to count: each label, or all regions of one name, get rows of their own.
        Everywhere by default.
    exclude
        Areas to leave out.
    weights
        Which pixels touch.
    unlabelled
        Whether pixels without a class have no joins, or are a class of their own.
    task
        Progress.

    Returns
    -------
    table
        For each region and pair of classes the joins, with expectation, variance,
        standard score and two-sided p-value.

    Raises
    ------
    CannotCompute
        If no region holds a classified pixel.
    WrongInput
        If there are more than 64 classes, or objects lie in different spaces.

    Examples
    --------
    >>> import numpy as np
    >>> halves = np.repeat([1, 2], 8).reshape(4, 4)
    >>> labels = Labels.from_array(halves, "yx", spacing=1.0)
    >>> join_counts(labels, weights="rook").data["joins"].tolist()
    [10, 4, 10]
    """
    check_no_time(classes)
    for item in (region, *(exclude or [])):
        if item is not None:
            check_same_space(item, classes)
    first, second = (task or Task()).split(1, 4)
    known = _known(classes, unlabelled == "a class", first)
    names = {0: "none"} | label_names(classes)
    steps = offsets(weights, classes.spatial_shape)
    excluded = masks_of(exclude, classes)
    groups = zones_of(classes, region)
    rows: list[dict[str, Any]] = []
    for zones, part in zip(groups, second.split(*[1] * len(groups)), strict=True):
        masks = ([] if zones.numbers is None else [zones.numbers]) + excluded
        parts = reduce_blocks(
            sum_joins,
            [classes.data, *masks],
            halo=1,
            arguments=(zones.numbers is not None, known, steps),
            with_block=True,
            task=part,
            text="counting joins",
        )
        rows += _rows(parts, zones, [names.get(int(k), str(k)) for k in known])
    if not any(row["n_pixels"] for row in rows):
        raise CannotCompute(
            f"{classes.name} has no class in the region",
            "at least one pixel with a class",
            "check that region and classes overlap",
        )
    return Table(
        data=pd.DataFrame(rows),
        name=f"joins of {classes.name}",
        notes=(
            f"A join is a pair of pixels that touch {_NEIGHBOURS[weights]}, each "
            "counted once; there is no other correction at edges.",
            "p: two-sided, by the normal approximation, when the pixels of all classes "
            "are put to random places.",
            "Classes that were made from an image whose neighbours are alike, as by "
            "blur, join themselves more often than by chance.",
            "Pixels are not independent: compare animals, not pixels.",
        ),
        tags=without_role(classes.tags),
    )


def _known(classes: Labels, with_none: bool, task: Task) -> NDArray[np.int64]:
    """Return the numbers of the classes that occur."""
    counts = bincount(classes.data, task=task)
    known = np.flatnonzero(counts)
    known = known[known >= (0 if with_none else 1)]
    if len(known) > MOST_CLASSES:
        raise WrongInput(
            f"{classes.name} holds {len(known):,} numbers",
            f"at most {MOST_CLASSES} classes",
            "choose classes, or give the objects of a class one number",
        )
    return known


def _rows(parts: list[Any], zones: Zones, names: list[str]) -> list[dict[str, Any]]:
    total: dict[int, ClassJoins] = {}
    for part in parts:
        for number, *found in zip(*part, strict=True):
            joins, zone = ClassJoins(*found), int(number)
            total[zone] = joins if zone not in total else total[zone] + joins
    rows = []
    for number in sorted(total):
        joins = total[number]
        for a, b in itertools.combinations_with_replacement(range(len(names)), 2):
            row: dict[str, Any] = {
                "region": zones.name(number),
                "n_pixels": joins.n,
                "n_joins": joins.all_joins,
                "class_a": names[a],
                "class_b": names[b],
                "n_a": int(joins.sizes[a]),
                "n_b": int(joins.sizes[b]),
                "joins": joins.between(a, b),
            }
            rows.append(row | _chance(joins, a, b))
    return rows


def _chance(joins: ClassJoins, a: int, b: int) -> dict[str, Any]:
    reason = ""
    if joins.n < FEWEST_PIXELS:
        reason = f"fewer than {FEWEST_PIXELS} pixels have a class"
    elif not joins.all_joins:
        reason = "no two pixels touch"
    expected, variance = (math.nan,) * 2 if reason else joins.moments(a, b)
    z = math.nan
    if not reason and variance > 1e-12 * max(expected, 1.0) ** 2:
        z = (joins.between(a, b) - expected) / math.sqrt(variance)
    elif not reason:
        reason = "the number of joins is the same wherever the pixels lie"
    return {
        "expected": expected,
        "variance": variance,
        "z": z,
        "p": two_sided(z),
        "reason": reason,
    }
