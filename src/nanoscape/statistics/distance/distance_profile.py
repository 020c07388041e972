"""The drug by distance to the nearest vessel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from nanoscape.compute import Task, at_spacing
from nanoscape.compute.resample import (
    check_no_time,
    check_same_space,
    index_map,
    onto,
)
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.areas import masks_of
from nanoscape.statistics.distance.binning import Binning, DistanceSums
from nanoscape.statistics.distance.curve import area_to, half_distance, wall_value
from nanoscape.statistics.distance.decay import DecayFit, fit_exponential
from nanoscape.statistics.distance.distance_map import distance_map
from nanoscape.statistics.distance.fine_sums import Plan, count_fine, planned
from nanoscape.statistics.distance.footprints import (
    LARGEST_DRUG,
    DrugGrid,
    count_footprints,
)
from nanoscape.statistics.distance.gradient import GradientTest, gradient_test
from nanoscape.statistics.value_counts import shift_for
from nanoscape.statistics.zones import without_role

_NARROWEST_BIN_UM = 2.0
_COARSE = 1.5
_AUC_UM = 100.0
_PIXELS_TO_HALF = 4


@dataclass(frozen=True)
class DistanceProfile:
    """The drug by distance to the vessels.

    Attributes
    ----------
    profile
        One row per bin of distance.
    summary
        One row: half-distances, decay length, area under the profile, and reasons
        for those that are missing.
    """

    profile: Table
    summary: Table


@operation(version=1, title="Distance profile")
def distance_profile(
    drug: Annotated[Image, Role("Drug")],
    vessels: Annotated[Labels, Role("Vessels")],
    tissue: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[
        list[Labels | Regions] | None, Role("Exclude", also=("Necrosis",))
    ] = None,
    *,
    bin_width: Annotated[
        float | None, Option(unit="µm", minimum=0.1, maximum=200.0, label="Bin width")
    ] = None,
    largest_distance: Annotated[
        float,
        Option(unit="µm", minimum=10.0, maximum=2000.0, label="Largest distance"),
    ] = 150.0,
    nearest_distance: Annotated[
        float,
        Option(
            unit="µm",
            minimum=0.0,
            maximum=100.0,
            label="Leave out next to the wall",
            advanced=True,
        ),
    ] = 0.0,
    border: Annotated[
        Literal["leave out", "keep"], Option(label="Places near the image border")
    ] = "leave out",
    law: Annotated[
        Literal["exponential", "none"], Option(label="Law to fit")
    ] = "exponential",
    seed: Annotated[int, Option(minimum=0, label="Random seed", advanced=True)] = 0,
    task: Task | None = None,
) -> DistanceProfile:
    """Measure how the drug falls off with distance to the nearest vessel.

    Distances run from the vessel wall and are taken to all vessels of the field,
    then restricted to the tissue. The inside of vessels is left out. The decay
    length belongs to the law ``offset + amplitude · exp(-distance / length)``;
    where the drug's pixels are coarser than the vessels' image the law is averaged
    over each pixel, and over the error of the registration, before it is compared.

    Parameters
    ----------
    drug
        Image of the drug or its carrier. Pixels without a value are skipped.
    vessels
        All vessels of the field, or the perfused ones.
    tissue
        Where to measure; everywhere by default.
    exclude
        Areas to leave out, such as necrosis, folds and tears.
    bin_width
        Width of a bin of distance. A larger value gives a smoother, coarser profile.
        Auto: 2 µm, a vessel pixel or half a pixel of the drug, whichever is largest.
    largest_distance
        Where the profile ends. A larger value takes in tissue farther from vessels.
    nearest_distance
        Leave out what is nearer to the wall than this, where light from blood
        spills into the tissue. A larger value leaves out more.
    border
        What to do with places that are nearer to the border of the field than to any
        vessel: their nearest vessel may lie outside. Leaving them out is unbiased.
    law
        The law whose decay length is fitted.
    seed
        Seed of the interval of the decay length.
    task
        Progress.

    Returns
    -------
    DistanceProfile
        Profile and summary.

    Raises
    ------
    CannotCompute
        If there are no vessels, or no measured tissue near them.
    WrongInput
        If the objects lie in different spaces or the drug is a series in time.
    """
    task = task or Task()
    first, second, third = task.split(4, 4, 1)
    _check(drug, vessels, tissue, exclude)
    distances = distance_map(vessels, task=first)
    drug = at_spacing(drug, max(vessels.spacing.values()) * (1 + 1e-3))
    width = bin_width or _auto_width(drug, vessels)
    pixel = min(vessels.spacing.values())
    binning = Binning.of(width, largest_distance, pixel)
    plan = _plan(vessels, binning, nearest_distance, border, tissue is not None)
    areas = ([tissue] if tissue is not None else []) + list(exclude or [])
    masks = masks_of(areas, vessels)
    volume = _pixel_volume(drug) / _pixel_volume(vessels)
    coarse = _is_coarse(drug, vessels)
    if coarse:
        grid = _drug_grid(drug, vessels, volume)
        sums = count_footprints(distances.data, grid, masks, plan, second)
    else:
        on_grid = onto(drug, vessels)
        sums = count_fine(distances.data, on_grid, masks, plan, volume, second)
    if not sums.pixels.any():
        raise CannotCompute(
            f"{drug.name} was measured nowhere within {binning.largest:.0f} µm of "
            f"{vessels.name}",
            "some measured tissue near vessels",
            "check that the images overlap and that tissue and excluded areas leave "
            "something over",
        )
    third.step(0, 1, "fitting")
    found = gradient_test(sums.cells)
    resolution = _resolution(drug)
    fit = DecayFit(reason="no law was asked for")
    if law == "exponential":
        fit = _fit(sums, found, resolution, pixel, binning.largest, seed)
    notes = _notes(drug, vessels, sums, coarse, border)
    third.step(1, 1)
    return DistanceProfile(
        profile=Table(
            data=_profile_rows(sums, binning, drug),
            name=f"{drug.name} by distance to {vessels.name}",
            notes=notes,
            tags=without_role(drug.tags),
        ),
        summary=Table(
            data=_summary_row(sums, binning, drug, vessels, found, fit),
            name=f"distance profile of {drug.name}",
            notes=notes,
            tags=without_role(drug.tags),
        ),
    )


def _check(
    drug: Image,
    vessels: Labels,
    tissue: Labels | Regions | None,
    exclude: list[Labels | Regions] | None,
) -> None:
    check_no_time(drug)
    for item in (drug, tissue, *(exclude or [])):
        if item is not None:
            check_same_space(item, vessels)
    if drug.spatial_axes != vessels.spatial_axes:
        raise WrongInput(
            f"{drug.name} has the axes {drug.spatial_axes} and {vessels.name} the "
            f"axes {vessels.spatial_axes}",
            "two sections or two volumes",
        )


def _pixel_volume(raster: Image | Labels) -> float:
    return math.prod(raster.spacing.values())


def _is_coarse(drug: Image, vessels: Labels) -> bool:
    ratio = max(drug.spacing.values()) / max(vessels.spacing.values())
    size = math.prod(drug.spatial_shape)
    return ratio > _COARSE and size <= LARGEST_DRUG


def _auto_width(drug: Image, vessels: Labels) -> float:
    pixel, coarse = max(vessels.spacing.values()), max(drug.spacing.values())
    return max(_NARROWEST_BIN_UM, pixel, coarse / 2)


def _plan(
    vessels: Labels, binning: Binning, nearest: float, border: str, has_tissue: bool
) -> Plan:
    spacing = tuple(vessels.spacing.values())
    tile, cell = planned(vessels.spatial_shape, spacing)
    return Plan(
        binning=binning,
        nearest=nearest,
        leave_out=border == "leave out",
        spacing=spacing,
        shape=vessels.spatial_shape,
        has_tissue=has_tissue,
        tile=tile,
        cell=cell,
        shift=shift_for(vessels.spatial_shape),
    )


def _error(drug: Image) -> float:
    """Return the expected error of the registration in µm, 0 when unknown."""
    value = drug.tags.get("registration_error_um")
    if not isinstance(value, int | float) or not math.isfinite(value):
        return 0.0
    return max(float(value), 0.0)


def _drug_grid(drug: Image, vessels: Labels, volume: float) -> DrugGrid:
    # At most LARGEST_DRUG pixels: small enough to hold.
    values = drug.data.compute(scheduler="synchronous").astype(np.float64)
    return DrugGrid(
        values=values,
        from_vessels=index_map(vessels, drug),
        spacing=tuple(drug.spacing.values()),
        error=_error(drug),
        pixels_per_sample=volume,
    )


def _resolution(drug: Image) -> float:
    """Return the standard deviation in µm with which the drug's place is known."""
    pixel = max(drug.spacing.values())
    return math.sqrt(pixel**2 / 12 + _error(drug) ** 2)


def _fit(
    sums: DistanceSums,
    found: GradientTest,
    resolution: float,
    pixel: float,
    largest: float,
    seed: int,
) -> DecayFit:
    if found.direction == "none":
        return DecayFit(reason="the drug does not depend on the distance to vessels")
    if found.direction == "untested":
        return DecayFit(reason="the field is too small to tell a gradient from chance")
    if found.direction == "rises":
        return DecayFit(reason="the drug rises with distance to vessels")
    fit = fit_exponential(sums.moments, max(pixel / 2, 1.0), 2 * largest, seed)
    if fit.reason:
        return fit
    if fit.amplitude <= 0:
        return DecayFit(reason="the drug rises with distance to vessels")
    if resolution > fit.length / 2:
        return DecayFit(
            reason=f"pixel size and registration blur the drug by {resolution:.3g} µm, "
            f"more than half of the fitted {fit.length:.3g} µm"
        )
    return fit


def _profile_rows(sums: DistanceSums, binning: Binning, drug: Image) -> pd.DataFrame:
    edges = np.arange(binning.count + 1) * binning.width
    return pd.DataFrame(
        {
            "from_um": edges[:-1],
            "to_um": edges[1:],
            "distance_um": sums.distance,
            "mean": sums.mean,
            "standard_deviation": sums.spread,
            "lower_quartile": sums.quartiles[:, 0],
            "median": sums.quartiles[:, 1],
            "upper_quartile": sums.quartiles[:, 2],
            "unit": drug.quantity.unit,
            "n_pixels": sums.pixels,
            "n_samples": sums.samples.astype(np.int64),
            "tissue_within": sums.reach,
        }
    )


def _summary_row(
    sums: DistanceSums,
    binning: Binning,
    drug: Image,
    vessels: Labels,
    found: GradientTest,
    fit: DecayFit,
) -> pd.DataFrame:
    filled = sums.pixels > 0
    distance, mean = sums.distance[filled], sums.mean[filled]
    wall = wall_value(distance, mean)
    half, half_reason = half_distance(distance, mean)
    pixel = max(drug.spacing.values())
    if _is_coarse(drug, vessels) and half < _PIXELS_TO_HALF * pixel:
        half_reason = f"the profile is blurred by pixels of {pixel:.3g} µm"
        half = math.nan
    area, area_reason = area_to(distance, mean, _AUC_UM, binning.width)
    row: dict[str, Any] = {
        "drug": drug.name,
        "vessels": vessels.name,
        "unit": drug.quantity.unit,
        "gradient": found.direction,
        "gradient_p": found.p,
        "wall_value": wall,
        "half_distance_um": half,
        "half_distance_reason": half_reason,
        "auc_0_100_um": area,
        "auc_0_100_unit": f"µm × {drug.quantity.unit}",
        "auc_0_100_normalised_um": area / wall if wall > 0 else math.nan,
        "auc_0_100_reason": area_reason,
        "law": "exponential with offset",
        "decay_length_um": fit.length,
        "decay_length_low_um": fit.low,
        "decay_length_high_um": fit.high,
        "decay_length_reason": fit.reason,
        "excess_half_distance_um": fit.excess_half_distance,
        "law_half_distance_um": fit.half_distance,
        "amplitude": fit.amplitude,
        "offset": fit.offset,
        "n_pixels": int(sums.pixels.sum()),
        "n_not_measured": sums.missing,
        "near_border_fraction": sums.censored,
        "drug_pixel_um": pixel,
        "vessel_pixel_um": max(vessels.spacing.values()),
        "registration_error_um": drug.tags.get("registration_error_um") or math.nan,
    }
    return pd.DataFrame([row])


def _notes(
    drug: Image, vessels: Labels, sums: DistanceSums, coarse: bool, border: str
) -> tuple[str, ...]:
    notes = [
        "Distances run from the vessel wall to all vessels of the field; the inside "
        "of vessels is left out.",
        "Pixels are not independent: compare animals, not pixels.",
    ]
    if len(vessels.spatial_axes) == 2 or 1 in vessels.spatial_shape:
        notes.append(
            "Vessels above and below the section are not seen, so that true distances "
            "are shorter."
        )
    if coarse:
        notes.append(
            f"The drug's pixels of {max(drug.spacing.values()):.3g} µm are coarser "
            "than the vessels' and blur the profile; the law was averaged over each "
            "pixel, with the wall's value inside vessels."
        )
    elif _error(drug) > 0:
        notes.append(
            f"The registration is known to {_error(drug):.3g} µm; the profile and the "
            "fit are not corrected for it."
        )
    if border == "leave out":
        notes.append(
            f"{sums.censored:.0%} of the tissue is nearer to the border than to any "
            "vessel and left out; the share of tissue within a distance is the "
            "Kaplan–Meier estimate."
        )
    if shift_for(vessels.spatial_shape):
        notes.append("Quartiles are rounded to 0.4 % of their value.")
    return tuple(notes)
