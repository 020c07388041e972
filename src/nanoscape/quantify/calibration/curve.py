"""Calibration curves: which signal a known concentration gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Regions, Table, Tags
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.calibration.concentration_units import Specimen, Unit
from nanoscape.quantify.calibration.line import Line, Weighting, fit_line, weights_of
from nanoscape.quantify.calibration.standards import Standards, gather
from nanoscape.quantify.calibration.zone_moments import Moments, zone_moments

Limits = Literal["blank tissue", "fit"]
SHARED = ("analyte", "normalisation", "background_subtracted", "drift", "washout")
"""Tags that tell how a signal was made, the same for standards and specimen."""


@dataclass(frozen=True)
class Calibration:
    """A line through standards.

    Attributes
    ----------
    curve
        One row: the line with its errors, and the limits of detection and
        quantification.
    standards
        One row for each standard, with its residual and what the line makes of it.
    """

    curve: Table
    standards: Table


@operation(version=1, title="Calibration curve")
def calibration_curve(
    image: Annotated[Image | None, Role(label="Image of the standards")] = None,
    areas: Annotated[Labels | Regions | None, Role(label="Standards")] = None,
    table: Annotated[Table | None, Role(label="What they hold")] = None,
    blank: Annotated[Labels | Regions | None, Role(label="Blank tissue")] = None,
    *,
    levels: Annotated[str, Option(label="Concentrations")] = "",
    column: Annotated[str, Option(label="Column of the table")] = "",
    unit: Annotated[Unit, Option(label="Concentrations are in")] = "µg/g",
    weights: Annotated[Weighting, Option(label="Weights")] = "1/x",
    limits: Annotated[Limits, Option(label="Limits from")] = "blank tissue",
    through_origin: Annotated[
        bool, Option(label="Through the origin", advanced=True)
    ] = False,
    skip_readings: Annotated[
        int, Option(minimum=0, label="Left out at the start of a line", advanced=True)
    ] = 0,
    thickness_um: Annotated[
        float | None,
        Option(unit="µm", minimum=0.01, label="Thickness", advanced=True),
    ] = None,
    density_g_ml: Annotated[
        float | None,
        Option(unit="g/mL", minimum=0.1, label="Density", advanced=True),
    ] = None,
    molar_mass: Annotated[
        float | None,
        Option(unit="g/mol", minimum=1.0, label="Molar mass", advanced=True),
    ] = None,
    task: Task | None = None,
) -> Calibration:
    """Fit a line to the signals of standards of known concentration.

    Standards are spots of a dilution series, pieces of spiked homogenate (mimetic
    tissue), or lines of a laser over gelatine. The curve then turns images of the
    same signal into amounts, for mass spectrometry imaging, laser ablation and
    imaging mass cytometry alike.

    Parameters
    ----------
    image
        Image of the signal to be calibrated, on which the standards lie. Not needed
        when the table holds the signals.
    areas
        Where the standards are: each label, or all regions of one name, is one.
        Regions may be named by what they hold, such as "5 µg/g" and "blank".
    table
        Concentrations in a column such as "concentration", and the standard in
        "region" or, for lines of a laser, "line"; or signals in "signal".
    blank
        Tissue that was not dosed, in the same image. Without it, standards of
        concentration zero are the blank.
    levels
        What the standards hold, when neither names nor a table say so, such as
        "1 = 0, 2 = 0.5, 3 = 5".
    column
        The column of concentrations, where the table has several.
    unit
        Unit of the concentrations. All others are brought to µg/g. "pg/mm²" and "pg
        per spot" need thickness and density for that, and stay pg/mm² without;
        "µg/mL" needs the density, "µM" the molar mass too.
    weights
        "1/x" and "1/x²" make low standards count as much as high ones whose noise
        is larger; standards of zero are then left out. "1/variance" takes the spread
        of the pixels of each standard, blank included. "given": the column weight.
    limits
        "blank tissue": a pixel is detected from the mean of the blank and 3 standard
        deviations of its pixels on, and quantified from 10. "fit": 3.3 and 10
        residual standard deviations over the slope, for narrow calibrations.
    through_origin
        Whether no signal at all belongs to zero, as after the background was
        subtracted.
    skip_readings
        Readings at the start of each line of a laser, during which the signal rises.
    thickness_um
        Thickness of the section that was dosed.
    density_g_ml
        Mass of a millilitre of tissue.
    molar_mass
        Of the analyte.
    task
        Progress.

    Returns
    -------
    Calibration
        The line and its standards.

    Raises
    ------
    CannotCompute
        If there are too few standards, the signal does not follow them, or there is
        no blank for the limits.
    WrongInput
        If it is not said what a standard holds or where it is.

    Notes
    -----
    Limits by blank and fit follow ICH Q2; concentrations of zero are no part of
    weighted fits, as in ICH M10. The 95 % interval of each standard is Fieller's.
    """
    first, second = (task or Task()).split(2, 1)
    specimen = Specimen(
        _thickness(image, thickness_um, density_g_ml), density_g_ml, molar_mass
    )
    found = gather(
        image, areas, table, levels, column, unit, specimen, skip_readings, first
    )
    data = found.data
    known, signal = (
        data[name].to_numpy(np.float64) for name in ("concentration", "signal")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (data["pixel_sd"] ** 2 / data["n_pixels"]).to_numpy(np.float64)
    weight = weights_of(known, weights, data["weight"].to_numpy(np.float64), variance)
    line = fit_line(known, signal, weight, through_origin=through_origin)
    empty = _blank(image, blank, data, limits, second)
    row = _row(line, found, empty, limits, weights)
    row |= signal_of(image)
    row |= dict(zip(_NOISE, pixel_noise(data, empty), strict=True))
    name = f"calibration of {image.name}" if image is not None else "calibration"
    tags = _tags(image, table)
    notes = _notes(found, line, limits, weights, empty, known)
    return Calibration(
        Table(data=pd.DataFrame([row]), name=name, notes=notes, tags=tags),
        Table(
            data=_standards(line, found, weight),
            name=f"standards of the {name}",
            notes=notes,
            tags=tags,
        ),
    )


_NOISE = ("noise_constant", "noise_shot", "noise_relative", "noise_floor")


def pixel_noise(data: pd.DataFrame, blank: Moments | None) -> tuple[float, ...]:
    """Return a, b and c of the variance a + b·y + c·y² of a pixel, and the lowest y.

    Fitted to the spread of pixels within standards and blank, none below zero; all
    are NaN when nothing was measured pixel by pixel. The lowest y is the mean of the
    blank, or else of the lowest standard: a pixel that has less has it by chance, and
    is not more exact for it.
    """
    means = data["signal"].to_numpy(np.float64)
    spread = data["pixel_sd"].to_numpy(np.float64)
    if blank is not None:
        means, spread = np.append(means, blank.mean), np.append(spread, blank.sd)
    held = np.isfinite(spread) & (spread > 0)
    if not held.any():
        return (math.nan,) * len(_NOISE)
    y = np.maximum(means[held], 0.0)
    variance = spread[held] ** 2
    # Each standard counts by how far, in its own variance, the curve misses it.
    design = np.stack([np.ones_like(y), y, y**2], axis=1) / variance[:, None]
    scale = np.maximum(design.max(axis=0), np.finfo(float).tiny)
    solution, _ = nnls(design / scale, np.ones(len(y)))
    floor = float(y.min()) if blank is None else max(blank.mean, 0.0)
    return (*(float(value) for value in solution / scale), floor)


def _thickness(
    image: Image | None, stated: float | None, density: float | None
) -> float | None:
    """Return the thickness, from the image's tag where only a density is stated."""
    if stated is not None or density is None or image is None:
        return stated
    tagged = image.tags.get("section_thickness_um")
    return None if tagged is None else float(tagged)


def _blank(
    image: Image | None,
    blank: Labels | Regions | None,
    data: pd.DataFrame,
    limits: Limits,
    task: Task,
) -> Moments | None:
    """Return the moments of the blank; ``None`` where limits need none."""
    total = Moments()
    if blank is not None and image is not None:
        for (moments,) in zone_moments(image, blank, task=task).values():
            total = total.with_more(moments)
    elif blank is None:
        held = data["n_pixels"] > 1
        zero = data[(data["concentration"] == 0) & held & data["pixel_sd"].notna()]
        columns = ("n_pixels", "signal", "pixel_sd")
        for n, mean, sd in zip(*(zero[name].tolist() for name in columns), strict=True):
            total = total.with_more(Moments(int(n), mean, sd**2 * (n - 1)))
    if total.n > 1:
        return total
    if limits == "fit" and blank is None:
        return None
    raise CannotCompute(
        "there is no blank tissue to take the limit of detection from",
        "measured pixels of tissue that was not dosed, or of a standard of zero",
        "choose the blank, or take the limits from the fit",
    )


def _row(
    line: Line,
    found: Standards,
    blank: Moments | None,
    limits: Limits,
    weights: Weighting,
) -> dict[str, Any]:
    data = found.data
    if limits == "fit" or blank is None:
        detected, quantified = (
            line.intercept + k * line.residual_sd * math.copysign(1.0, line.slope)
            for k in (3.3, 10.0)
        )
    else:
        detected, quantified = (
            blank.mean + k * blank.sd * math.copysign(1.0, line.slope)
            for k in (3.0, 10.0)
        )
    return {
        "slope": line.slope,
        "slope_standard_error": math.sqrt(line.slope_variance),
        "intercept": line.intercept,
        "intercept_standard_error": math.sqrt(line.intercept_variance),
        "covariance": line.covariance,
        "residual_standard_deviation": line.residual_sd,
        "r_squared": line.r_squared,
        "degrees_of_freedom": line.freedom,
        "lod": float(line.concentration(detected)),
        "loq": float(line.concentration(quantified)),
        "lod_signal": detected,
        "loq_signal": quantified,
        "lowest_standard": float(data["concentration"].min()),
        "highest_standard": float(data["concentration"].max()),
        "unit": found.unit,
        "weights": weights,
        "limits": limits,
        "n_standards": len(data),
        "blank_mean": blank.mean if blank else math.nan,
        "blank_standard_deviation": blank.sd if blank else math.nan,
        "blank_n_pixels": blank.n if blank else 0,
    }


def signal_of(image: Image | None) -> dict[str, str]:
    """Return what an image must share with that of the standards to be calibrated."""
    if image is None:
        return dict.fromkeys(("signal", "signal_unit", *SHARED), "")
    shared = {name: str(image.tags.get(name) or "") for name in SHARED}
    return {
        "signal": image.quantity.name,
        "signal_unit": image.quantity.unit,
        **shared,
    }


def _tags(image: Image | None, table: Table | None) -> Tags:
    tags = image.tags if image is not None else table.tags if table else Tags()
    return Tags({name: tag for name, tag in tags.tags.items() if name != "role"})


def _standards(
    line: Line, found: Standards, weight: NDArray[np.float64]
) -> pd.DataFrame:
    data = found.data.copy()
    signal = data["signal"].to_numpy(np.float64)
    known = data["concentration"].to_numpy(np.float64)
    back = line.concentration(signal)
    data["weight"] = weight
    data["residual"] = signal - (line.intercept + line.slope * known)
    data["back_calculated"] = back
    with np.errstate(divide="ignore", invalid="ignore"):
        data["accuracy_percent"] = np.where(known > 0, 100 * back / known, np.nan)
    # The mean of a standard scatters about the line like the standards themselves.
    with np.errstate(divide="ignore"):
        scatter = np.where(weight > 0, _unit_variance(data, line) / weight, np.nan)
    intervals = [
        line.interval(y, v) if math.isfinite(v) else (math.nan, math.nan)
        for y, v in zip(signal, scatter, strict=True)
    ]
    data["low_95"] = [low for low, _ in intervals]
    data["high_95"] = [high for _, high in intervals]
    data["unit"] = found.unit
    return data


def _unit_variance(data: pd.DataFrame, line: Line) -> float:
    """Return the variance of a standard of weight 1."""
    return float((data["weight"] * data["residual"] ** 2).sum() / line.freedom)


def _notes(
    found: Standards,
    line: Line,
    limits: Limits,
    weights: Weighting,
    blank: Moments | None,
    known: NDArray[np.float64],
) -> tuple[str, ...]:
    t = line.quantile()
    notes = [
        f"Concentrations in {found.unit}; signal = intercept + slope × concentration.",
        f"Standard errors by weighted least squares; 95 % intervals by Fieller's "
        f"theorem with t = {t:.3f}.",
        *(f"Standards: {note}." for note in found.notes),
    ]
    if limits == "blank tissue" and blank is not None:
        notes.append(
            "Limits: mean and 3 (detection) or 10 (quantification) standard "
            f"deviations of {blank.n} single pixels of the blank, read off the line."
        )
    else:
        notes.append(
            "Limits: 3.3 (detection) or 10 (quantification) residual standard "
            "deviations over the slope."
        )
    left_out = int((known == 0).sum())
    if weights in ("1/x", "1/x²") and left_out:
        notes.append(
            f"{left_out} of the standards hold nothing and are left out of the fit, "
            f"where {weights} has no end."
        )
    return tuple(notes)
