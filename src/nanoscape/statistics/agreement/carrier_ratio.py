"""How much drug there is for each carrier, compared with the injected product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task, map_blocks, reduce_blocks
from nanoscape.compute.resample import check_same_space, onto, same_grid
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.areas import mask_of, masks_of
from nanoscape.statistics.raster.judged import labels_of, map_of
from nanoscape.statistics.unevenness.counted_values import RegionValues, region_values
from nanoscape.statistics.unevenness.evenness import percentile
from nanoscape.statistics.zones import check_areas, without_role
from nanoscape.units import ARBITRARY

CLASSES = {
    1: "both measured",
    2: "drug below its limit",
    3: "carrier below its limit",
    4: "both below their limits",
}


@dataclass(frozen=True)
class CarrierRatio:
    """Drug for each carrier.

    Attributes
    ----------
    ratio
        log₂ of the ratio to the reference, missing where a signal is below its limit.
    error
        Standard deviation of the log₂ by the noise of both images.
    classes
        Which of both was measured.
    summary
        One row for each region.
    """

    ratio: Image
    error: Image
    classes: Labels
    summary: Table


@operation(version=1, title="Drug-to-carrier ratio")
def carrier_ratio(
    drug: Annotated[Image, Role("Drug")],
    carrier: Annotated[Image, Role("Carrier")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    product: Annotated[
        float | None,
        Option(minimum=1e-300, label="Drug per carrier in the injected product"),
    ] = None,
    drug_limit: Annotated[float, Option(label="Drug is seen from")] = 0.0,
    carrier_limit: Annotated[float, Option(label="Carrier is seen from")] = 0.0,
    drug_noise: Annotated[
        float, Option(minimum=0.0, label="Noise of the drug", advanced=True)
    ] = 0.0,
    carrier_noise: Annotated[
        float, Option(minimum=0.0, label="Noise of the carrier", advanced=True)
    ] = 0.0,
    task: Task | None = None,
) -> CarrierRatio:
    """Map how much drug there is for each carrier, relative to what was injected.

    The map is log₂ of drug over carrier less log₂ of the same ratio in the injected
    product: 0 where they are together as they were injected, above where there is
    more drug, below where there is more carrier. It does not tell released drug from
    drug that is still carried.

    Parameters
    ----------
    drug
        Image of the drug; results are on its pixels.
    carrier
        Image of the carrier. Where its pixels differ, the nearest one is taken.
    region
        Where to measure: each label, or all regions of one name, get a row of their
        own. The whole image by default.
    exclude
        Areas to leave out.
    product
        Drug per carrier in the injected product, in the units of the images. Auto:
        the ratio of the means over all that is measured, so that only the pattern is
        shown.
    drug_limit, carrier_limit
        Limits of detection in the units of the images. What is not above its limit
        has no ratio; it is marked, and counted.
    drug_noise, carrier_noise
        Standard deviation of a pixel in the units of the images, for the error.
    task
        Progress.

    Returns
    -------
    CarrierRatio
        Maps and a summary.

    Raises
    ------
    CannotCompute
        If drug and carrier are nowhere above their limits together.
    WrongInput
        If the images lie in different spaces, are measured by the same element, or a
        ratio of the product is given for images without a unit.
    """
    _check(drug, carrier, region, exclude, product)
    other = carrier.data if same_grid(carrier, drug) else onto(carrier, drug)
    masks = masks_of(exclude, drug)
    if region is not None:
        masks = [mask_of(region, drug) == 0, *masks]
    limits = (drug_limit, carrier_limit)
    first, second, third, fourth = (task or Task()).split(1, 1, 1, 2)
    mean = _mean_ratio(drug, carrier, [other, *masks], limits, first)
    reference = product or mean
    arrays, log = [drug.data, other, *masks], math.log2(reference)
    ratio = map_blocks(
        _ratio_block, arrays, dtype=np.float32, arguments=(limits, log), task=second
    )
    noise = (drug_noise, carrier_noise)
    error = map_blocks(
        _error_block, arrays, dtype=np.float32, arguments=(limits, noise), task=third
    )
    classes = map_blocks(_class_block, arrays, dtype=np.uint8, arguments=(limits,))
    name = f"{drug.name} per {carrier.name}"
    quantity = Quantity(
        "drug-to-carrier ratio relative to the injected product", "log2"
    )
    if product is None:
        quantity = Quantity("drug-to-carrier ratio relative to its mean", "log2")
    found = map_of(drug, ratio, name, quantity)
    rows = [_row(v) for v in region_values(found, region, exclude, task=fourth)]
    data = pd.DataFrame(rows)
    data.insert(1, "reference_ratio", reference)
    return CarrierRatio(
        ratio=found,
        error=map_of(drug, error, f"error of {name}", Quantity("error", "log2")),
        classes=labels_of(drug, classes, f"classes of {name}", CLASSES),
        summary=Table(
            data=data,
            name=name,
            notes=_notes(drug, carrier, product, reference, limits),
            tags=without_role(drug.tags),
        ),
    )


def _check(
    drug: Image,
    carrier: Image,
    region: Labels | Regions | None,
    exclude: list[Labels | Regions] | None,
    product: float | None,
) -> None:
    check_areas(drug, region, exclude)
    check_areas(carrier, None, None)
    check_same_space(carrier, drug)
    if drug.spatial_axes != carrier.spatial_axes:
        raise WrongInput(
            f"{drug.name} has the axes {drug.spatial_axes} and {carrier.name} the "
            f"axes {carrier.spatial_axes}",
            "two sections or two volumes",
        )
    measured = drug.tags.get("analyte")
    if measured is not None and measured == carrier.tags.get("analyte"):
        raise WrongInput(
            f"{drug.name} and {carrier.name} are both measured by {measured}",
            "two signals that can be told apart",
            "measure drug and carrier by different labels",
        )
    for image in (drug, carrier):
        if product is not None and image.quantity.unit == ARBITRARY:
            raise WrongInput(
                f"{image.name} has no unit to compare with the product",
                "calibrated images of drug and carrier",
                "calibrate the image, or leave the ratio of the product out",
            )


def _mean_ratio(
    drug: Image,
    carrier: Image,
    others: Sequence[da.Array],
    limits: tuple[float, float],
    task: Task,
) -> float:
    parts = reduce_blocks(
        _sum_block, [drug.data, *others], arguments=(limits,), task=task
    )
    total = np.sum(parts, axis=0)
    if not total.all():
        raise CannotCompute(
            f"{drug.name} and {carrier.name} are nowhere above their limits together",
            "at least one pixel with both",
            "check the limits, and that the images and the region overlap",
        )
    return float(total[0] / total[1])


def _class_block(
    drug: NDArray[Any], carrier: NDArray[Any], *rest: Any
) -> NDArray[np.uint8]:
    *masks, limits = rest
    held = np.isfinite(drug) & np.isfinite(carrier)
    for mask in masks:
        held &= mask == 0
    # A ratio needs both above zero, whatever the limits.
    low = drug <= max(limits[0], 0.0), carrier <= max(limits[1], 0.0)
    number = 1 + low[0].astype(np.uint8) + 2 * low[1].astype(np.uint8)
    return np.where(held, number, 0).astype(np.uint8)


def _sum_block(
    drug: NDArray[Any], carrier: NDArray[Any], *rest: Any
) -> NDArray[np.float64]:
    both = _class_block(drug, carrier, *rest) == 1
    return np.array([a[both].astype(np.float64).sum() for a in (drug, carrier)])


def _ratio_block(
    drug: NDArray[Any], carrier: NDArray[Any], *rest: Any
) -> NDArray[np.float32]:
    *rest_of, log = rest
    both = _class_block(drug, carrier, *rest_of) == 1
    out = np.full(drug.shape, np.nan, np.float32)
    a, b = (v[both].astype(np.float64) for v in (drug, carrier))
    out[both] = np.log2(a / b) - log
    return out


def _error_block(
    drug: NDArray[Any], carrier: NDArray[Any], *rest: Any
) -> NDArray[np.float32]:
    *rest_of, noise = rest
    both = _class_block(drug, carrier, *rest_of) == 1
    out = np.full(drug.shape, np.nan, np.float32)
    a, b = (v[both].astype(np.float64) for v in (drug, carrier))
    # First order: d log₂(x) = dx / (x ln 2), the noise of both being independent.
    out[both] = np.hypot(noise[0] / a, noise[1] / b) / math.log(2)
    return out


def _row(values: RegionValues) -> dict[str, Any]:
    row: dict[str, Any] = {
        "region": values.name,
        "n_pixels": values.n,
        "n_without_ratio": values.missing,
    }
    names = ("lower_quartile_log2", "median_log2", "upper_quartile_log2")
    for name, share in zip(names, (0.25, 0.5, 0.75), strict=True):
        row[name] = percentile(values, share) if values.n else math.nan
    row["mean_log2"] = values.mean
    row["reason"] = "" if values.n else "drug and carrier are not both above limits"
    return row


def _notes(
    drug: Image,
    carrier: Image,
    product: float | None,
    reference: float,
    limits: tuple[float, float],
) -> tuple[str, ...]:
    unit = f"{drug.quantity.unit} per {carrier.quantity.unit}"
    what = "of the injected product" if product else "of the means over the region"
    notes = [
        f"0 is the ratio {what}, {reference:.4g} {unit}; 1 is twice as much drug for "
        "each carrier.",
        f"Limits: {limits[0]:g} {drug.quantity.unit} and {limits[1]:g} "
        f"{carrier.quantity.unit}. What is below is marked and has no ratio, so that "
        "medians say nothing where many pixels are below.",
        "More drug for each carrier than was injected is not released drug alone: "
        "the carrier may have lost its label, or the drug its signal.",
        "Pixels are not independent: compare animals, not pixels.",
    ]
    if ARBITRARY in (drug.quantity.unit, carrier.quantity.unit):
        notes.append(
            "An image has no unit: only the pattern counts. Fluorescence of "
            "doxorubicin is quenched in liposomes and in DNA, and is no amount."
        )
    return tuple(notes)
