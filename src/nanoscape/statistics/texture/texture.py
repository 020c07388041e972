"""How levels of grey lie next to each other in a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from nanoscape.compute import Task, at_spacing
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.refusals import nothing_measured
from nanoscape.statistics.texture.discretise import (
    MOST_LEVELS,
    Discretisation,
    Levels,
)
from nanoscape.statistics.texture.families import (
    AGGREGATIONS,
    FAMILIES,
    Aggregation,
    Surroundings,
    family_features,
)
from nanoscape.statistics.texture.grey_regions import grey_regions, solid_axes
from nanoscape.statistics.zones import check_areas, without_role

_UNLIKE = 1.05

FamilyName = Literal["all", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]


@operation(version=1, title="Texture")
def texture(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    family: Annotated[FamilyName, Option(label="Features")] = "all",
    bins: Annotated[
        int, Option(minimum=2, maximum=MOST_LEVELS, label="Number of levels")
    ] = 32,
    bin_width: Annotated[
        float | None, Option(minimum=1e-12, label="Width of a level")
    ] = None,
    lowest: Annotated[
        float | None, Option(label="First level begins at", advanced=True)
    ] = None,
    aggregation: Annotated[
        Aggregation, Option(label="Matrices", advanced=True)
    ] = "3D merged",
    distance: Annotated[
        int, Option(minimum=1, maximum=8, label="Neighbours within", advanced=True)
    ] = 1,
    difference: Annotated[
        int, Option(minimum=0, label="Like neighbours differ by", advanced=True)
    ] = 0,
    pixel_size: Annotated[
        float | None,
        Option(unit="µm", minimum=1e-6, label="Pixels of at most", advanced=True),
    ] = None,
    task: Task | None = None,
) -> Table:
    """Describe how levels of grey lie next to each other.

    The texture features of the Image Biomarker Standardisation Initiative (Zwanenburg
    et al. 2020, doi:10.1148/radiol.2020191145) in volumes and sections: co-occurrence
    (GLCM), runs (GLRLM), zones by size (GLSZM) and by distance to the edge (GLDZM),
    differences to the neighbourhood (NGTDM) and like neighbours (NGLDM).

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value are nobody's neighbours.
    region
        Where to measure: each label, or all regions of one name, get a row of their
        own. The whole image by default.
    exclude
        Areas to leave out.
    family
        Which features.
    bins
        Into how many levels the values of each region are cut, from its smallest to
        its largest value. For images without a unit that means something.
    bin_width
        Width of a level in the unit of the image, in place of their number: the same
        value is then in the same level everywhere. For calibrated images.
    lowest
        Where levels of a given width begin. Auto: the smallest value of each region.
        Give it, say 0, to compare regions.
    aggregation
        Which directions and slices share a matrix. A section is a volume of one
        slice.
    distance
        How far a neighbour is, in pixels along each axis, for co-occurrence,
        differences and like neighbours.
    difference
        By how many levels like neighbours may differ (NGLDM).
    pixel_size
        Use the coarsest resolution of the image with pixels not larger than this.
        Auto: its full resolution.
    task
        Progress.

    Returns
    -------
    table
        One row for each region, with its size.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, the image is a series in time, or the
        levels do not fit the values.

    Examples
    --------
    >>> import numpy as np
    >>> board = np.indices((4, 4)).sum(axis=0) % 2 * 1.0
    >>> image = Image.from_array(board, "yx", spacing=1.0)
    >>> table = texture(image, family="glszm", bins=2)
    >>> float(table.data["glszm_zone_percentage"].iloc[0])  # 2 zones of 8 pixels
    0.125
    """
    check_areas(image, region, exclude)
    if pixel_size is not None:
        image = at_spacing(image, pixel_size)
    names = list(FAMILIES) if family == "all" else [family]
    how = Discretisation(bins, bin_width, lowest)
    around = Surroundings(solid_axes(image), distance, difference, 0)
    rows: list[dict[str, Any]] = []
    for item in grey_regions(image, region, exclude, how, task or Task()):
        row = item.row
        if item.levels is not None:
            row |= _features(item.levels, names, aggregation, around, item.task)
        rows.append(row)
    if not any(row["n_pixels"] for row in rows):
        raise nothing_measured(image.name)
    data = pd.DataFrame(rows)
    return Table(
        data=data[[c for c in data if c != "reason"] + ["reason"]],
        name=f"texture of {image.name}",
        notes=_notes(image, how, aggregation, distance, difference),
        tags=without_role(image.tags),
    )


def _features(
    levels: Levels,
    names: Sequence[str],
    aggregation: Aggregation,
    around: Surroundings,
    task: Task,
) -> dict[str, Any]:
    around = replace(around, levels=int(levels.max()))
    row: dict[str, Any] = {"n_levels": around.levels}
    for name, part in zip(names, task.split(*[1] * len(names)), strict=True):
        features = family_features(name, levels, aggregation, around, part)
        row |= {f"{name}_{feature}": value for feature, value in features.items()}
    if np.ptp(levels[levels > 0]) == 0:
        row["reason"] = "all values are in one level, whose correlation is not defined"
    return row


def _notes(
    image: Image,
    how: Discretisation,
    aggregation: Aggregation,
    distance: int,
    difference: int,
) -> tuple[str, ...]:
    steps = list(image.spacing.values())
    notes = [
        "Definitions of the Image Biomarker Standardisation Initiative; percentages "
        "are shares, and the edge of the region is that of its measured pixels.",
        f"Levels: {how.text(image.quantity.unit)}.",
        f"Matrices: {aggregation}, {AGGREGATIONS[aggregation]}.",
        f"Neighbours within {distance} in pixels along each axis, like ones (NGLDM) "
        f"differ by at most {difference} levels.",
        "These figures know where pixels lie. Noise and blur change them all and are "
        "not taken out, and they depend on the levels, the pixels and the size of the "
        "region: compare like with like.",
        "Pixels are not independent: compare animals, not pixels.",
    ]
    if aggregation.startswith("2"):
        notes.append("Slices lie across the first axis of the image.")
    if max(steps) > _UNLIKE * min(steps):
        notes.append(
            "Pixels are longer along one axis than along another, so that neighbours "
            "are not equally far; resample the image to equal sides to compare it."
        )
    return tuple(notes)
