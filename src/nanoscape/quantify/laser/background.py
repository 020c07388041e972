"""The background: what is counted when nothing is ablated."""

from __future__ import annotations

import math
from typing import Annotated

import dask.array as da

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.calibration.zone_moments import Moments, zone_moments
from nanoscape.quantify.laser.lines import (
    BACKGROUND_ERROR,
    SUBTRACTED,
    changed,
    check_lines,
    in_float,
    is_net,
)


@operation(version=1, title="Subtract the gas blank")
def subtract_background(
    image: Annotated[Image, Role(label="Image of laser lines")],
    blank: Annotated[Labels | Regions | None, Role(label="Where nothing is")] = None,
    *,
    readings: Annotated[
        int, Option(minimum=0, label="Readings before the laser starts")
    ] = 0,
    level: Annotated[float | None, Option(label="Known background")] = None,
    task: Task | None = None,
) -> Image:
    """Subtract what the mass spectrometer counts when nothing is ablated.

    Parameters
    ----------
    image
        Image of one isotope, a row for each line of the laser.
    blank
        An area beside the section, or the line of a blank standard: its mean is
        subtracted from all lines.
    readings
        Readings at the start of each line that were taken before the laser was
        switched on: their mean is subtracted from their own line.
    level
        A background that is known, in the unit of the image; 0 says that the
        background was subtracted before.
    task
        Progress.

    Returns
    -------
    image
        The net signal. Noise about zero keeps its sign.

    Raises
    ------
    WrongInput
        If the background is given in no way or in several, or was subtracted already.
    """
    check_lines(image)
    if is_net(image):
        raise WrongInput(f"the background of {image.name} was subtracted already")
    given = (blank is not None) + (readings > 0) + (level is not None)
    if given != 1:
        raise WrongInput(
            "it is not said what the background is"
            if not given
            else "the background is given in several ways",
            "an area without anything, readings before the laser starts, or its level",
        )
    data = in_float(image)
    if readings:
        if readings >= image.shape[1]:
            raise WrongInput(
                f"the lines of {image.name} have {image.shape[1]} readings",
                f"more than {readings}",
            )
        before = da.nanmean(data[:, :readings], axis=1, keepdims=True)
        step = f"less the mean of the first {readings} readings of each line"
        return _net(image, data - before, step)
    error = 0.0
    if blank is not None:
        moments = Moments()
        for (more,) in zone_moments(image, blank, task=task).values():
            moments = moments.with_more(more)
        if not moments.n:
            raise CannotCompute(f"{blank.name} holds no measured pixel of {image.name}")
        level = moments.mean
        error = moments.sd / math.sqrt(moments.n)
        step = f"less {level:.5g} ± {error:.2g}, the mean of {blank.name}"
    else:
        step = f"less {level:.5g} (stated)"
    assert level is not None
    return _net(image, data - data.dtype.type(level), step, error)


def _net(image: Image, data: da.Array, step: str, error: float = 0.0) -> Image:
    tags = {SUBTRACTED: True, BACKGROUND_ERROR: error}
    found = changed(image, data, step, **tags)
    return found.replace(name=f"{image.name} (net)")
