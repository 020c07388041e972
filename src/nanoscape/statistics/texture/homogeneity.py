"""How large the areas are over which a drug is the same."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd

from nanoscape.compute import Task, at_spacing
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.refusals import nothing_measured
from nanoscape.statistics.texture.directions import directions
from nanoscape.statistics.texture.discretise import MOST_LEVELS, Discretisation
from nanoscape.statistics.texture.grey_regions import grey_regions, solid_axes
from nanoscape.statistics.texture.occurrences import Occurrences
from nanoscape.statistics.texture.size_zones import size_zones
from nanoscape.statistics.zones import check_areas, without_role


@operation(version=1, title="Drug homogeneity index")
def drug_homogeneity(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    smallest_zone: Annotated[
        int, Option(minimum=1, label="Smallest zone, in pixels")
    ] = 10,
    bins: Annotated[
        int, Option(minimum=2, maximum=MOST_LEVELS, label="Number of levels")
    ] = 32,
    bin_width: Annotated[
        float | None, Option(minimum=1e-12, label="Width of a level")
    ] = None,
    lowest: Annotated[
        float | None, Option(label="First level begins at", advanced=True)
    ] = None,
    pixel_size: Annotated[
        float | None,
        Option(unit="µm", minimum=1e-6, label="Pixels of at most", advanced=True),
    ] = None,
    task: Task | None = None,
) -> Table:
    """Measure over how large an area a drug is the same.

    The drug homogeneity index of Prasad et al. (2018,
    doi:10.1021/acs.analchem.8b01870): values become levels, pixels of one level that
    touch are a zone, and the index is the mean size of the zones that are not smaller
    than a stated size, over that of the region. It is 1 when one zone fills the
    region.

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value belong to no zone.
    region
        Where to measure: each label, or all regions of one name, get a row of their
        own. The whole image by default.
    exclude
        Areas to leave out.
    smallest_zone
        Smaller zones are taken for noise and left out. A larger value gives a larger
        index.
    bins
        Into how many levels the values of each region are cut, from its smallest to
        its largest value. More levels give smaller zones.
    bin_width
        Width of a level in the unit of the image, in place of their number.
    lowest
        Where levels of a given width begin. Auto: the smallest value of each region.
    pixel_size
        Use the coarsest resolution of the image with pixels not larger than this.
        Auto: its full resolution.
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
        levels do not fit the values.

    Examples
    --------
    >>> import numpy as np
    >>> halves = np.array([[0.0, 0, 0, 1, 1, 1]])
    >>> image = Image.from_array(halves, "yx", spacing=1.0)
    >>> table = drug_homogeneity(image, smallest_zone=1)
    >>> float(table.data["drug_homogeneity_index"].iloc[0])
    0.5
    """
    check_areas(image, region, exclude)
    if pixel_size is not None:
        image = at_spacing(image, pixel_size)
    how = Discretisation(bins, bin_width, lowest)
    pixel = math.prod(image.spacing.values())
    size = f"um{len(image.spacing)}"
    steps, rows = directions(solid_axes(image)), []
    for item in grey_regions(image, region, exclude, how, task or Task()):
        row = item.row | {
            "smallest_zone_pixels": smallest_zone,
            f"smallest_zone_{size}": smallest_zone * pixel,
        }
        if item.levels is not None:
            row |= _index(size_zones(item.levels, steps), smallest_zone, pixel, size)
            item.task.step(1, 1, "finding zones")
        rows.append(row)
    if not any(row["n_pixels"] for row in rows):
        raise nothing_measured(image.name)
    data = pd.DataFrame(rows)
    return Table(
        data=data[[c for c in data if c != "reason"] + ["reason"]],
        name=f"homogeneity of {image.name}",
        notes=(
            "drug_homogeneity_index: mean size of the zones of at least "
            f"{smallest_zone} pixels over the size of the region.",
            f"Levels: {how.text(image.quantity.unit)}. Zones are pixels of one level "
            "that touch by a side, an edge or a corner.",
            "It knows where pixels lie. Noise breaks zones up and is not taken out: "
            "choose levels wider than the noise. It depends on levels, pixels and the "
            "size of the region: compare like with like.",
            "Pixels are not independent: compare animals, not pixels.",
        ),
        tags=without_role(image.tags),
    )


def _index(
    zones: Occurrences, smallest: int, pixel: float, unit: str
) -> dict[str, Any]:
    large = zones.size >= smallest
    number = int(zones.count[large].sum())
    row: dict[str, Any] = {
        "n_zones": int(zones.count.sum()),
        "n_large_zones": number,
        "drug_homogeneity_index": math.nan,
        f"mean_large_zone_{unit}": math.nan,
        "large_zone_fraction": 0.0,
    }
    if not number:
        return row | {"reason": f"no zone has {smallest} pixels"}
    held = int(np.dot(zones.size[large], zones.count[large]))
    return row | {
        "drug_homogeneity_index": held / number / zones.voxels,
        f"mean_large_zone_{unit}": held / number * pixel,
        "large_zone_fraction": held / zones.voxels,
    }
