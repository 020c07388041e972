"""Finding vessels: ridges of all diameters, with walls at local half height."""

from __future__ import annotations

from typing import Annotated, Literal

import dask.array as da
import numpy as np
import pandas as pd

from nanoscape.compute import Task, keep_labels, label, map_blocks
from nanoscape.model import Image, Labels
from nanoscape.model.raster import single_level
from nanoscape.operation import Option, Role, operation
from nanoscape.segmentation.evidence import calibrated, classify, plan_for
from nanoscape.segmentation.objects import object_sums
from nanoscape.segmentation.prepare import (
    at_working_spacing,
    check_diameters,
    check_image,
    fill_reach,
    source_for,
)
from nanoscape.segmentation.ridge import Filter
from nanoscape.segmentation.walls import without_holes


@operation(version=2, title="Find vessels", role="Vessels")
def vessels(
    image: Annotated[Image, Role("Vessels")],
    *,
    diameters: Annotated[
        tuple[float, float], Option(unit="µm", minimum=0.1, label="Vessel diameters")
    ] = (5.0, 40.0),
    sensitivity: Annotated[
        float,
        Option(minimum=0.0, maximum=1.0, step=0.05, label="Find fainter vessels"),
    ] = 0.5,
    smallest_extent: Annotated[
        float, Option(unit="µm", minimum=0.0, label="Remove pieces shorter than")
    ] = 15.0,
    vessels_are: Annotated[
        Literal["bright", "dark"], Option(label="Vessels are")
    ] = "bright",
    filter: Annotated[  # noqa: A002 - the word of the field
        Filter, Option(label="Filter", advanced=True)
    ] = "frangi",
    largest_hole: Annotated[
        float | None,
        Option(unit="µm", minimum=0.0, label="Fill holes up to", advanced=True),
    ] = None,
    working_spacing: Annotated[
        float | None,
        Option(unit="µm", minimum=0.001, label="Work at a pixel of", advanced=True),
    ] = None,
    task: Task | None = None,
) -> Labels:
    """Find blood vessels in an image of their stain and number them.

    Places that look like a bright line at any of the diameters are sought, with
    an uneven background taken into account. A vessel must stand out from the
    noise, which is measured on the image, and its wall is put where the stain has
    fallen half way to its surroundings.

    Parameters
    ----------
    image
        An image of a vessel stain such as CD31, one plane (yx) or volume (zyx).
    diameters
        Smallest and largest diameter of the vessels you look for. A larger second
        value finds wider vessels and takes longer.
    sensitivity
        How faint a vessel may be. A larger value finds fainter vessels, and more
        things that are none.
    smallest_extent
        Connected pieces that are shorter than this from end to end are left out.
        A larger value removes more debris and more vessels cut across.
    vessels_are
        Whether vessels are brighter or darker than the tissue around them.
    filter
        "frangi" passes over round spots and flat sheets; "sato" keeps them, and
        with them vessels that are cut straight across.
    largest_hole
        Holes in vessels that are not longer than this are filled. Auto: the
        smallest diameter. Raise it to the widest lumen when only walls are
        stained. Holes as bright as the vessel are filled up to the largest
        diameter, in planes up to twice of it.
    working_spacing
        Pixel size to work at; the nearest resolution that is not coarser is
        taken. Auto: a third of the smallest diameter. A larger value is quicker
        and coarser.
    task
        Progress.

    Returns
    -------
    vessels
        One number per connected vessel, on the grid worked at, with a table of
        area (or volume), extent and centre. Empty when bright lines stand out
        neither from the noise nor more than dark ones.

    Raises
    ------
    WrongInput
        If the image is not one plane or volume of one stain, or the diameters are
        in the wrong order.

    Notes
    -----
    The second derivatives are scale-normalised (Lindeberg 1998,
    doi:10.1023/A:1008097225773) and weighted after Frangi (1998,
    doi:10.1007/BFb0056195) or Sato (1998, doi:10.1016/S1361-8415(98)80009-1).

    Examples
    --------
    >>> import numpy as np
    >>> plane = np.random.default_rng(0).poisson(10, (64, 64))
    >>> plane[28:36] += 40
    >>> found = vessels(Image.from_array(plane, "yx", spacing=1.0))
    >>> len(found.table)
    1
    """
    check_image(image, "vessels")
    check_diameters(diameters)
    parts = (task or Task()).split(2, 1, 4, 10, 1, 4, 2, 1)
    image = at_working_spacing(image, working_spacing or diameters[0] / 3, parts[0])
    reach = fill_reach(diameters)
    source = source_for(image, vessels_are == "bright", reach, parts[1])
    steps = tuple(image.spacing.values())
    plan = plan_for(source, image.shape, steps, diameters, filter)
    plan = calibrated(plan, image.data, sensitivity, parts[2])
    codes = map_blocks(
        classify,
        [image.data],
        dtype=np.uint8,
        halo=plan.halo,
        arguments=(plan,),
        with_block=True,
        task=parts[3],
        text="looking for vessels",
    )
    hole = diameters[0] if largest_hole is None else largest_hole
    short = tuple(int(hole / step) for step in steps)
    # A plane may cut a junction lengthwise, where it is as wide as two vessels.
    widest = diameters[1] * (2 if len(steps) == 2 else 1)
    long = tuple(int(max(hole, widest) / step) for step in steps)
    codes = map_blocks(
        without_holes,
        [codes],
        dtype=np.uint8,
        halo=tuple(n + 1 for n in long),
        arguments=(short, long),
        task=parts[4],
        text="filling holes",
    )
    data, table = _objects(codes, image, smallest_extent, parts[5:])
    return Labels(
        levels=single_level(data, image.spatial_axes),
        axes=image.axes,
        grid_to_space=image.grid_to_space,
        space=image.space,
        name=f"vessels of {image.name}",
        tags=image.tags.having("user", role="Vessels"),
        table=table,
    )


def _objects(
    codes: da.Array, image: Image, smallest_extent: float, parts: list[Task]
) -> tuple[da.Array, pd.DataFrame]:
    """Return the numbered pieces that are sure and long enough, and their table."""
    labels, count = label(codes, task=parts[0])
    sums = object_sums(labels, count, codes == 2, task=parts[1])
    keep = sums.marked > 0
    keep &= sums.extents(tuple(image.spacing.values())) >= smallest_extent
    labels, _ = keep_labels(labels, keep, task=parts[2])
    return labels, sums.chosen(keep).table(image.grid_to_space)
