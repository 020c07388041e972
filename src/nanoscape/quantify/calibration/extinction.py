"""Tissue extinction: how much of a signal each tissue lets through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import dask.array as da
import numpy as np
import pandas as pd

from nanoscape.compute import Task
from nanoscape.compute.resample import onto, rasterise
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Quantity, Regions, Table, Tags
from nanoscape.model.raster import single_level
from nanoscape.operation import Role, operation
from nanoscape.quantify.calibration.zone_moments import Area, Moments, zone_moments


@dataclass(frozen=True)
class Extinction:
    """What tissues let through.

    Attributes
    ----------
    coefficients
        One row for each tissue.
    map
        The coefficient of each pixel; 1 off the tissue, missing in between.
    """

    coefficients: Table
    map: Image


@operation(version=1, title="Tissue extinction")
def tissue_extinction(
    image: Annotated[Image, Role(label="Image of an even spray")],
    tissue: Annotated[Labels | Regions, Role("Tissue")],
    glass: Annotated[Labels | Regions, Role(label="Off the tissue")],
    *,
    task: Task | None = None,
) -> Extinction:
    """Measure how much less an evenly sprayed compound gives on each tissue.

    Other molecules of the tissue compete for charge, so that the same amount gives
    another signal on each tissue and off it. The coefficient is the mean signal on
    the tissue over that beside it.

    Parameters
    ----------
    image
        Image of a compound that was sprayed over slide and section alike: the drug
        itself on a section that was not dosed, or its labelled form.
    tissue
        Tissues that get a coefficient of their own: each label, or all regions of
        one name.
    glass
        An area beside the section.
    task
        Progress.

    Returns
    -------
    Extinction
        Coefficients with their standard errors, and a map by which signals are
        divided.

    Raises
    ------
    CannotCompute
        If there is no signal off the tissue, or none on it.

    Notes
    -----
    Compared with other calibrations in doi:10.1007/s00216-021-03210-0.
    """
    first, second = (task or Task()).split(1, 1)
    beside = Moments()
    for (moments,) in zone_moments(image, glass, task=first).values():
        beside = beside.with_more(moments)
    if not beside.n or not beside.mean > 0:
        raise CannotCompute(
            f"{image.name} has no signal in {glass.name}",
            "an area beside the section that was sprayed too",
        )
    found = {
        name: moments
        for name, (moments,) in zone_moments(image, tissue, task=second).items()
    }
    if not found:
        raise CannotCompute(f"{tissue.name} holds no measured pixel of {image.name}")
    rows = [_row(name, moments, beside) for name, moments in found.items()]
    data = pd.DataFrame(rows)
    if not (data["extinction_coefficient"] > 0).all():
        raise CannotCompute(f"{image.name} has no signal on a tissue of {tissue.name}")
    tags = Tags({k: t for k, t in image.tags.tags.items() if k != "role"})
    name = f"tissue extinction of {image.name}"
    notes = (
        f"Mean signal over {beside.mean:.4g}, that of {beside.n} pixels beside it.",
        "Standard errors take pixels as independent.",
    )
    coefficients = dict(
        zip(data["tissue"], data["extinction_coefficient"], strict=True)
    )
    return Extinction(
        coefficients=Table(data=data, name=name, notes=notes, tags=tags),
        map=Image(
            levels=single_level(
                _map(image, tissue, glass, coefficients), image.spatial_axes
            ),
            axes=image.axes,
            grid_to_space=image.grid_to_space,
            space=image.space,
            name=name,
            quantity=Quantity("tissue extinction coefficient", "1"),
            tags=tags,
        ),
    )


def _row(name: str, here: Moments, beside: Moments) -> dict[str, Any]:
    coefficient = here.mean / beside.mean
    relative = math.hypot(
        here.sd / math.sqrt(here.n) / here.mean if here.mean else math.nan,
        beside.sd / math.sqrt(beside.n) / beside.mean,
    )
    return {
        "tissue": name,
        "extinction_coefficient": coefficient,
        "standard_error": abs(coefficient) * relative,
        "n_pixels": here.n,
    }


def _map(
    image: Image, tissue: Area, glass: Area, coefficients: dict[str, float]
) -> da.Array:
    found = da.full(image.shape, np.nan, dtype=np.float32)
    beside = (
        onto(glass, image) if isinstance(glass, Labels) else rasterise(glass, image)
    )
    found = da.where(beside != 0, np.float32(1), found)
    if isinstance(tissue, Regions):
        for name, value in coefficients.items():
            inside = rasterise(tissue.named(name), image) != 0
            found = da.where(inside, np.float32(value), found)
        return found
    numbers = onto(tissue, image)
    known = _numbers(tissue)
    for name, value in coefficients.items():
        number = known.get(name)
        inside = numbers == (int(name) if number is None else number)
        found = da.where(inside, np.float32(value), found)
    return found


def _numbers(labels: Labels) -> dict[str, int]:
    if labels.table is None or "name" not in labels.table:
        return {}
    pairs = zip(labels.table["name"], labels.table["index"], strict=True)
    return {str(name): int(index) for name, index in pairs}
