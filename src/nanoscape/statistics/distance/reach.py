"""How much of the tissue is within reach of vessels, and holds enough of the drug."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd

from nanoscape.compute import Task, at_spacing, reduce_blocks
from nanoscape.compute.resample import check_same_space, onto
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.areas import masks_of
from nanoscape.statistics.distance.binning import Binning, reach_of
from nanoscape.statistics.distance.distance_map import distance_map
from nanoscape.statistics.distance.fine_sums import Plan
from nanoscape.statistics.distance.reach_sums import (
    ReachSums,
    accumulated,
    reach_block,
    reduced_sample,
)
from nanoscape.statistics.zones import check_areas, without_role

_STEPS = 75


@dataclass(frozen=True)
class Reach:
    """How much of the tissue is within reach.

    Attributes
    ----------
    summary
        One row: shares of the tissue within reach and above the threshold.
    curve
        Shares of tissue and drug within each distance.
    """

    summary: Table
    curve: Table


@operation(version=1, title="Within reach of vessels")
def reach(
    drug: Annotated[Image, Role("Drug")],
    vessels: Annotated[Labels, Role("Vessels")],
    tissue: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    distance: Annotated[
        float, Option(unit="µm", minimum=0.1, label="Within reach is")
    ] = 100.0,
    threshold: Annotated[
        float | None, Option(label="Enough of the drug, in its unit")
    ] = None,
    largest_distance: Annotated[
        float, Option(unit="µm", minimum=1.0, label="Largest distance")
    ] = 300.0,
    task: Task | None = None,
) -> Reach:
    """Measure how much tissue is near vessels, and how much holds enough of the drug.

    A place nearer to the border of the field than to any vessel says only that its
    distance is at least that to the border. Such places count as censored (Kaplan
    and Meier; Baddeley and Gill 1997, doi:10.1214/aos/1034276629), or only those as
    far from the border as the distance count (reduced sample); deleting them would
    make the share too large.

    Parameters
    ----------
    drug
        Image of the drug or its carrier. Pixels without a value are left out.
    vessels
        All vessels of the field, or the perfused ones.
    tissue
        Viable tissue; everywhere by default.
    exclude
        Areas to leave out, such as necrosis, folds and tears.
    distance
        From the wall. A larger value calls more of the tissue reached.
    threshold
        How much of the drug is enough, such as the concentration that stops half of
        the cells, in the unit of the image.
    largest_distance
        Where the curve ends.
    task
        Progress.

    Returns
    -------
    Reach
        Summary and curve.

    Raises
    ------
    CannotCompute
        If there are no vessels, or no tissue outside of them.
    WrongInput
        If the objects lie in different spaces, or the reach is beyond the curve.
    """
    check_areas(drug, tissue, exclude)
    check_same_space(drug, vessels)
    if drug.spatial_axes != vessels.spatial_axes:
        raise WrongInput(
            f"{drug.name} has the axes {drug.spatial_axes} and {vessels.name} the "
            f"axes {vessels.spatial_axes}",
            "two sections or two volumes",
        )
    if distance > largest_distance:
        raise WrongInput(
            f"{distance:g} µm is beyond the end of the curve",
            f"at most {largest_distance:g} µm",
            "move the end of the curve",
        )
    task = task or Task()
    first, second = task.split(3, 2)
    distances = distance_map(vessels, task=first)
    drug = at_spacing(drug, max(vessels.spacing.values()) * (1 + 1e-3))
    spacing = tuple(vessels.spacing.values())
    # A whole number of bins ends at the distance that is asked for.
    width = distance / max(1, round(distance / (largest_distance / _STEPS)))
    binning = Binning.of(width, largest_distance, min(spacing))
    areas = ([tissue] if tissue is not None else []) + list(exclude or [])
    plan = Plan(binning, 0.0, True, spacing, vessels.spatial_shape, tissue is not None)
    parts = reduce_blocks(
        reach_block,
        [distances.data, onto(drug, vessels), *masks_of(areas, vessels)],
        arguments=(plan, math.nan if threshold is None else threshold),
        with_block=True,
        task=second,
        text="measuring what is within reach",
    )
    sums = ReachSums.joined(parts)
    if not sums.tissue:
        raise CannotCompute(
            f"there is no tissue outside {vessels.name}",
            "some tissue",
            "check that the images overlap and what is excluded",
        )
    curve = _curve(sums, binning, threshold)
    row = _summary(drug, vessels, sums, curve, distance, threshold)
    notes = _notes(drug, vessels, sums)
    tags, name = without_role(drug.tags), f"{drug.name} within reach of {vessels.name}"
    return Reach(
        Table(data=pd.DataFrame([row]), name=name, notes=notes, tags=tags),
        Table(data=curve, name=f"{name}, by distance", notes=notes, tags=tags),
    )


def _curve(sums: ReachSums, b: Binning, threshold: float | None) -> pd.DataFrame:
    within = reach_of(sums.ended, sums.cut, b.parts)
    mass, weight, above = (
        accumulated(sums, values) for values in (sums.drug, sums.measured, sums.above)
    )
    ends = slice(b.parts - 1, b.fine, b.parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.cumsum(mass)[ends] / mass.sum()
        by_bin = b.coarsened(mass[:-1]) / b.coarsened(weight[:-1])
        enough = b.coarsened(above[:-1]) / b.coarsened(weight[:-1])
    if (sums.drug < 0).any():
        share = np.full(len(share), math.nan)
    frame = pd.DataFrame(
        {
            "distance_um": np.arange(1, b.count + 1) * b.width,
            "tissue_within": within,
            "tissue_within_reduced_sample": reduced_sample(sums)[ends],
            "drug_within": share,
            "mean": by_bin,
        }
    )
    if len(sums.axes) == 2:
        frame["tissue_within_in_space"] = 1 - (1 - within) ** 2
    if threshold is not None:
        frame["above_threshold"] = enough
    return frame


def _summary(
    drug: Image,
    vessels: Labels,
    sums: ReachSums,
    curve: pd.DataFrame,
    distance: float,
    threshold: float | None,
) -> dict[str, Any]:
    at = int(np.argmin(np.abs(curve["distance_um"].to_numpy() - distance)))
    width = float(curve["distance_um"].iloc[0])
    within = curve["tissue_within"].to_numpy()
    measured = int(sums.measured.sum() + sums.measured_cut)
    row: dict[str, Any] = {
        "drug": drug.name,
        "vessels": vessels.name,
        "unit": drug.quantity.unit,
        "reach_um": float(curve["distance_um"].iloc[at]),
        "tissue_within_reach": within[at],
        "tissue_within_reach_reduced_sample": float(
            curve["tissue_within_reduced_sample"].iloc[at]
        ),
        "drug_within_reach": float(curve["drug_within"].iloc[at]),
        "half_of_tissue_within_um": _crossing(curve, "tissue_within", 0.5),
        "half_of_drug_within_um": _crossing(curve, "drug_within", 0.5),
        "mean_distance_um": math.nan,
        "n_pixels": sums.tissue,
        "n_not_measured": sums.tissue - measured,
        "near_border_fraction": float(sums.cut.sum()) / sums.tissue,
    }
    if within[-1] > 1 - 1e-9:
        steps = np.diff(np.concatenate([[0.0], within]))
        centres = curve["distance_um"].to_numpy() - width / 2
        row["mean_distance_um"] = float((steps * centres).sum())
    if len(sums.axes) == 2:
        row["tissue_within_reach_in_space"] = float(
            curve["tissue_within_in_space"].iloc[at]
        )
        row["mean_distance_in_space_um"] = row["mean_distance_um"] / math.sqrt(2)
    return row | _above(sums, curve, measured, threshold)


def _above(
    sums: ReachSums, curve: pd.DataFrame, measured: int, threshold: float | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "threshold": math.nan if threshold is None else threshold,
        "tissue_above_threshold": math.nan,
        "zone_of_influence_um": math.nan,
        "reason": "",
    }
    if not measured:
        return row | {"reason": "the drug was not measured in the tissue"}
    if threshold is None:
        return row | {"reason": "no threshold was given"}
    row["tissue_above_threshold"] = float(sums.above.sum() + sums.above_cut) / measured
    mean = curve["mean"].to_numpy()
    known = np.isfinite(mean)
    below = np.flatnonzero(known & (mean < threshold))
    if not len(below):
        return row | {"reason": "the mean stays above the threshold"}
    end = int(below[0])
    distance = curve["distance_um"].to_numpy()
    centre = distance - distance[0] / 2
    before = np.flatnonzero(known[:end])
    if not len(before):
        return row | {"zone_of_influence_um": 0.0}
    last = int(before[-1])
    share = (mean[last] - threshold) / (mean[last] - mean[end])
    row["zone_of_influence_um"] = float(
        centre[last] + share * (centre[end] - centre[last])
    )
    return row


def _crossing(curve: pd.DataFrame, column: str, level: float) -> float:
    """Return the distance within which a share lies, by a line between bins."""
    values = np.concatenate([[0.0], curve[column].to_numpy()])
    distance = np.concatenate([[0.0], curve["distance_um"].to_numpy()])
    reached = np.flatnonzero(values >= level)
    if not len(reached):
        return math.nan
    k = int(reached[0])
    share = (level - values[k - 1]) / (values[k] - values[k - 1])
    return float(distance[k - 1] + share * (distance[k] - distance[k - 1]))


def _notes(drug: Image, vessels: Labels, sums: ReachSums) -> tuple[str, ...]:
    notes = [
        "Shares of the tissue outside vessels; distances run from the wall to all "
        "vessels of the field. tissue_within: Kaplan–Meier; the reduced sample beside "
        "it. Shares of the drug weight each place by how seldom one so far from a "
        "vessel is so far from the border.",
    ]
    if len(sums.axes) == 2:
        notes.append(
            "Vessels above and below the section are not seen. ..._in_space: for thin "
            "vessels in all directions at random places, with which a share 1 − s² "
            "is within reach where 1 − s is seen, and distances are 1 / √2 of these."
        )
    if max(drug.spacing.values()) > 1.5 * max(vessels.spacing.values()):
        notes.append(
            f"The drug's pixels of {max(drug.spacing.values()):.3g} µm are coarser "
            "than the vessels': shares of the drug are blurred by them."
        )
    if (sums.drug < 0).any():
        notes.append("Shares of the drug are not defined with negative values.")
    return (*notes, "Pixels are not independent: compare animals, not pixels.")
