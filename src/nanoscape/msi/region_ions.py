"""How much of each ion two areas of a section hold."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from nanoscape.compute import Task
from nanoscape.compute.resample import check_same_space, onto, rasterise
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions, Spectra, Table
from nanoscape.msi.grid import at_spectra, on_grid
from nanoscape.msi.peak_list import intensities, ions_to_compare, isotope_of
from nanoscape.msi.survey import survey_of
from nanoscape.operation import Option, Role, operation

Floats = NDArray[np.float64]


@operation(version=1, title="Ions of two areas")
def region_ions(
    spectra: Spectra,
    first: Annotated[Labels | Regions, Role(label="One area")],
    second: Annotated[Labels | Regions, Role(label="The other area")],
    targets: Annotated[Table | None, Role(label="List of ions")] = None,
    *,
    number: Annotated[
        int, Option(minimum=1, maximum=5000, label="Peaks to compare")
    ] = 200,
    tolerance_ppm: Annotated[
        float, Option(unit="ppm", minimum=1e-3, maximum=1e5, label="Tolerance")
    ] = 5.0,
    by_total: Annotated[bool, Option(label="Share of the total ion current")] = False,
    task: Task | None = None,
) -> Table:
    """Measure how much of each ion two areas of a section hold.

    The table describes one section. Whether areas differ is asked of animals: give the
    tables of all sections to *Discriminating ions*.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    first, second
        Areas in the space of the spectra: all labels, or all regions, that are given.
    targets
        Ions to compare. Without a list, the strongest peaks of the mean spectrum.
    number
        How many peaks of the mean spectrum are compared where there is no list.
    tolerance_ppm
        Half width of the window around each ion.
    by_total
        Whether intensities are divided by the total ion current of their pixel.
    task
        Progress.

    Returns
    -------
    table
        One row for each ion: its mean in both areas, log₂ of their ratio, and the
        area under the receiver operating characteristic of single pixels, which
        describes this section and is no test.

    Raises
    ------
    CannotCompute
        If an area holds no spectrum, or both are the same.
    """
    one, two = (_inside(area, spectra) for area in (first, second))
    for area, inside in ((first, one), (second, two)):
        if not inside.any():
            raise CannotCompute(f"{area.name} holds no spectrum of {spectra.name}")
    if (one & two).any():
        raise CannotCompute(
            f"{first.name} and {second.name} share {int((one & two).sum())} pixels",
            "areas that do not overlap",
        )
    finding, measuring = (task or Task()).split(1, 1)
    ions = ions_to_compare(spectra, targets, number, tolerance_ppm, finding)
    divisor = np.ones(len(spectra))
    if by_total:
        totals = survey_of(spectra, measuring).totals
        divisor = np.where(totals > 0, totals, np.nan)
    rows: list[dict[str, Any]] = []
    for part, block in intensities(spectra, ions, measuring):
        for ion, values in zip(part, block, strict=True):
            shares = values / divisor
            row = {"name": ion.label, "mz": ion.mz}
            row |= compared(shares[one], shares[two])
            row["isotope_of_mz"] = isotope_of(ion.mz, ions)
            rows.append(row)
    name = f"{first.name} and {second.name} of {spectra.name}"
    return Table(
        data=pd.DataFrame(rows),
        name=name,
        notes=(
            f"first: {first.name}, {int(one.sum())} pixels; second: {second.name}, "
            f"{int(two.sum())} pixels.",
            "pixel_auc is the share of pairs of pixels of which that of the first area "
            "holds more. It describes this section; pixels are no replicates.",
        ),
        tags=spectra.tags.having(
            "header", first_area=first.name, second_area=second.name
        ),
    )


def compared(one: Floats, two: Floats) -> dict[str, float]:
    """Return means of two sets of pixels, log₂ of their ratio and the AUC.

    Parameters
    ----------
    one, two
        Intensities; what is not a number was not measured.
    """
    one, two = one[np.isfinite(one)], two[np.isfinite(two)]
    means = [float(a.mean()) if a.size else math.nan for a in (one, two)]
    both = min(means) > 0
    auc = math.nan
    if one.size and two.size:
        ranks = rankdata(np.concatenate([one, two]))[: one.size].sum()
        auc = (ranks - one.size * (one.size + 1) / 2) / (one.size * two.size)
    return {
        "mean_first": means[0],
        "mean_second": means[1],
        "log2_ratio": math.log2(means[0] / means[1]) if both else math.nan,
        "pixel_auc": float(auc),
    }


def _inside(area: Labels | Regions, spectra: Spectra) -> NDArray[np.bool_]:
    """Return which spectra lie in an area."""
    if spectra.axes != "yx" and isinstance(area, Regions):
        raise WrongInput(f"{spectra.name} is a volume", "labels instead of outlines")
    like = on_grid(spectra, np.zeros(len(spectra)), "", "", spectra.tags)
    check_same_space(area, like)
    mask = onto(area, like) if isinstance(area, Labels) else rasterise(area, like)
    held = Image.from_array(
        mask != 0, spectra.axes, grid_to_space=spectra.grid_to_space,
        space=spectra.space,
    )  # fmt: skip
    return at_spectra(held, spectra).astype(bool)
