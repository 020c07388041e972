"""Iron oxide particles by the rate at which they shorten T2*."""

from __future__ import annotations

from typing import Annotated, Literal

import dask.array as da
import numpy as np

from nanoscape.compute import Task
from nanoscape.compute.resample import check_no_time, onto
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Quantity
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.mri.protocol import seconds_of
from nanoscape.quantify.series import Floats, kept_tags, map_curves, map_image


@operation(version=1, title="Iron oxide by the change of T2*")
def iron_oxide(
    after: Annotated[Image, Role(label="T2* after the particles")],
    before: Annotated[Image, Role(label="T2* before the particles")],
    *,
    unit: Annotated[
        Literal["as in the file", "s", "ms"], Option(label="Unit of the maps")
    ] = "as in the file",
    relaxivity: Annotated[
        float | None,
        Option(unit="1/(mM s)", minimum=1e-3, maximum=1e5, label="Relaxivity r2*"),
    ] = None,
    task: Task | None = None,
) -> Image:
    """Map how much faster T2* decays after iron oxide particles, or their iron.

    Parameters
    ----------
    after, before
        Maps of T2* on one grid, or aligned with each other.
    unit
        Unit of the maps, where their files do not state it.
    relaxivity
        Of the particles as they are in the tissue: it differs between free particles
        and those packed in cells. Without it the result stays a rate.
    task
        Progress.

    Returns
    -------
    image
        ΔR2* in 1/s, or mM of iron. Values below zero are noise and are kept.

    Raises
    ------
    CannotCompute
        If the unit of a map is not known, or no pixel has a T2* in both.

    Notes
    -----
    ΔR2* = 1/T2* − 1/T2*₀, and C = ΔR2* / r2*. Where there is so much iron that no
    signal is left, T2* cannot be measured: the amount there is a lower bound.
    """
    for image in (after, before):
        check_no_time(image)
    late = after.data * seconds_of(after, unit)
    early = onto(before, after, order=1) * seconds_of(before, unit)
    curves = da.stack([late, early], axis=-1)
    values, counts = map_curves(
        _change, curves, width=1, arguments=(relaxivity or 1.0,), task=task,
        text="comparing T2*",
    )  # fmt: skip
    if not sum(counts):
        raise CannotCompute(
            f"no pixel has a T2* in {after.name} and in {before.name}",
            "two maps of one place",
        )
    if relaxivity is None:
        quantity, steps = Quantity("ΔR2*", "1/s"), "1/T2* after less before"
    else:
        quantity = Quantity("iron", "mM")
        steps = f"ΔR2* divided by {relaxivity:g} per mM and s"
    tags = kept_tags(after, derivation=[steps])
    return map_image(values, 0, after, f"{after.name} {quantity.name}", quantity, tags)


def _change(curves: Floats, relaxivity: float) -> tuple[Floats, int]:
    positive = (curves > 0).all(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = 1 / curves
    found = np.where(positive, (rates[:, 0] - rates[:, 1]) / relaxivity, np.nan)
    return found[:, np.newaxis], int(positive.sum())
