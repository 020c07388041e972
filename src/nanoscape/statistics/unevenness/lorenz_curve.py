"""How much of a drug the pixels with the least of it hold."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Role, operation
from nanoscape.statistics.unevenness.counted_values import region_values
from nanoscape.statistics.unevenness.evenness import lorenz, theil
from nanoscape.statistics.zones import without_role

_POINTS = 101


@operation(version=1, title="Lorenz curve")
def lorenz_curve(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    task: Task | None = None,
) -> Table:
    """Show which share of the drug the pixels with the least of it hold.

    The curve of Lorenz (1905, doi:10.2307/2276207): a straight line when all pixels
    hold the same; the area between line and curve is half the Gini coefficient.

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value are left out.
    region
        Where to measure: each label, or all regions of one name, get a curve of
        their own. The whole image by default.
    exclude
        Areas to leave out.
    task
        Progress.

    Returns
    -------
    table
        Share of the pixels, in hundredths, and share of the drug that they hold.

    Raises
    ------
    CannotCompute
        If no region has a curve: nothing was measured, some values are negative or
        all are zero.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.

    Examples
    --------
    >>> import numpy as np
    >>> image = Image.from_array(np.array([[1.0, 3.0]]), "yx", spacing=1.0)
    >>> float(lorenz_curve(image).data["drug_share"].iloc[50])
    0.25
    """
    shares = np.linspace(0, 1, _POINTS)
    curves, missing = [], []
    for values in region_values(image, region, exclude, task=task):
        _, reason = theil(values)
        if reason:
            missing.append(f"{values.name} has no curve: {reason}.")
            continue
        curves.append(
            pd.DataFrame(
                {
                    "region": values.name,
                    "pixel_share": shares,
                    "drug_share": lorenz(values, shares),
                }
            )
        )
    if not curves:
        raise CannotCompute(
            f"{image.name} has no Lorenz curve: {missing[0].split(': ')[1][:-1]}",
            "values of 0 and more",
            "subtract the background without going below 0, or leave such areas out",
        )
    return Table(
        data=pd.concat(curves, ignore_index=True),
        name=f"Lorenz curve of {image.name}",
        notes=("Pixels are in the order of their values.", *missing),
        tags=without_role(image.tags),
    )
