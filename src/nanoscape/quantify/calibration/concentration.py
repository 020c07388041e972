"""Amounts by a calibration curve, with their errors and limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.resample import check_no_time, check_same_space, onto
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Quantity, Regions, Table, Tags
from nanoscape.model.raster import Level, single_level
from nanoscape.operation import Role, operation
from nanoscape.quantify.calibration.curve import signal_of
from nanoscape.quantify.calibration.line import Line
from nanoscape.quantify.calibration.zone_moments import Moments, zone_moments

FLAGS = {
    1: "quantified",
    2: "detected, below the limit of quantification",
    3: "below the limit of detection",
    4: "above the highest standard",
}


@dataclass(frozen=True)
class Concentration:
    """An image of amounts.

    Attributes
    ----------
    image
        The concentration of each pixel; nothing is removed, and noise about zero
        keeps its sign.
    error
        Standard error of each pixel, by its noise and by the line.
    flags
        Which pixels are quantified, detected, or neither.
    summary
        One row for each area.
    """

    image: Image
    error: Image
    flags: Labels
    summary: Table


@operation(version=1, title="Signal to concentration")
def concentration(
    image: Annotated[Image, Role(label="Image of the signal")],
    calibration: Annotated[Table, Role(label="Calibration curve")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    extinction: Annotated[Image | None, Role(label="Tissue extinction")] = None,
    *,
    task: Task | None = None,
) -> Concentration:
    """Convert an image of a signal to concentrations by a calibration curve.

    Parameters
    ----------
    image
        Image of the signal that was calibrated: the same ion or isotope, normalised
        in the same way.
    calibration
        What *Calibration curve* gave.
    region
        Areas to average: each label, or all regions of one name. The whole image by
        default.
    extinction
        Tissue-extinction coefficients, by which the signal is divided, where the
        standards were measured off the tissue.
    task
        Progress.

    Returns
    -------
    Concentration
        Amounts with errors, flags and means.

    Raises
    ------
    WrongInput
        If the table is no calibration curve, or one of another signal.

    Notes
    -----
    Pixels below the limits are flagged and kept: removing them would raise means and
    shorten decay lengths. The error is first order (delta method); the interval of a
    mean is Fieller's. It holds the noise of the pixels and the error of the line, not
    the difference between animals.
    """
    row = _row(calibration)
    check_no_time(image)
    _check_same_signal(image, row)
    line = line_of(row)
    levels = image.levels if extinction is None else image.levels[:1]
    divisor = None if extinction is None else _divisor(extinction, image)
    parts = [
        Level(
            _amount(level.data if divisor is None else level.data / divisor, line),
            level.factors,
        )
        for level in levels
    ]
    signal = image.data if divisor is None else image.data / divisor
    noise = tuple(float(row[f"noise_{name}"]) for name in _NOISE)
    dtype = np.result_type(image.dtype, np.float32)
    error = signal.map_blocks(_error_block, line, noise, dtype=dtype)
    limits = (float(row["lod_signal"]), float(row["loq_signal"]))
    top = line.intercept + line.slope * float(row["highest_standard"])
    flags = signal.map_blocks(_flag_block, *limits, top, line.slope, dtype=np.uint8)
    unit = str(row["unit"])
    kept = {k: t for k, t in image.tags.tags.items() if k not in ("units", "role")}
    account = _account(row, line, extinction)
    tags = Tags(kept).having("header", derivation=account)
    found = image.replace(
        levels=tuple(parts),
        name=f"{image.name} ({unit})",
        quantity=Quantity("concentration", unit),
        tags=tags,
    )
    summary = _summary(found, signal, flags, region, line, noise, row, task)
    plain = found.replace(tags=Tags(kept))
    return Concentration(
        image=found,
        error=plain.replace(
            levels=single_level(error, image.spatial_axes),
            name=f"standard error of {found.name}",
            quantity=Quantity("standard error", unit),
        ),
        flags=Labels(
            levels=single_level(flags, image.spatial_axes),
            axes=image.axes,
            grid_to_space=image.grid_to_space,
            space=image.space,
            name=f"limits of {found.name}",
            tags=Tags(kept),
            table=pd.DataFrame({"index": list(FLAGS), "name": list(FLAGS.values())}),
        ),
        summary=summary,
    )


_NOISE = ("constant", "shot", "relative", "floor")
_NEEDED = (
    "slope",
    "intercept",
    "covariance",
    "degrees_of_freedom",
    "lod_signal",
    "loq_signal",
    "highest_standard",
    "unit",
    *(f"noise_{name}" for name in _NOISE),
)


def line_of(row: pd.Series[Any]) -> Line:
    """Return the line that a calibration curve describes."""
    return Line(
        slope=float(row["slope"]),
        intercept=float(row["intercept"]),
        slope_variance=float(row["slope_standard_error"]) ** 2,
        intercept_variance=float(row["intercept_standard_error"]) ** 2,
        covariance=float(row["covariance"]),
        residual_sd=float(row["residual_standard_deviation"]),
        r_squared=float(row["r_squared"]),
        freedom=int(row["degrees_of_freedom"]),
    )


def _row(calibration: Table) -> pd.Series[Any]:
    data = calibration.data
    if len(data) != 1 or any(name not in data for name in _NEEDED):
        raise WrongInput(
            f"{calibration.name} is no calibration curve",
            "one row with slope, intercept and limits",
            "run Calibration curve first and choose its table curve",
        )
    return data.iloc[0]


def _check_same_signal(image: Image, row: pd.Series[Any]) -> None:
    """Refuse an image of another signal than that of the standards."""
    if not row.get("signal"):
        return
    for name, value in signal_of(image).items():
        theirs = str(row.get(name) or "")
        # An ion need not be named; when both are, they must be the same.
        if value != theirs and not (name == "analyte" and not (value and theirs)):
            word = name.replace("_", " ")
            raise WrongInput(
                f"{image.name} has the {word} {value or 'none'!r} and the standards "
                f"had {theirs or 'none'!r}",
                "an image made in the same way as that of the standards",
            )


def _divisor(extinction: Image, image: Image) -> da.Array:
    check_same_space(extinction, image)
    data = onto(extinction, image)
    return da.where(data > 0, data, np.nan)


def _amount(signal: da.Array, line: Line) -> da.Array:
    dtype = np.result_type(signal.dtype, np.float32)
    return ((signal - line.intercept) / line.slope).astype(dtype)


def pixel_variance(
    signal: NDArray[np.float64] | float, noise: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return the variance of single pixels; zero where their noise is not known."""
    a, b, c, floor = (0.0 if math.isnan(value) else value for value in noise)
    y = np.maximum(np.asarray(signal, np.float64), floor)
    return a + b * y + c * y**2


def _error_block(
    signal: NDArray[Any], line: Line, noise: tuple[float, ...]
) -> NDArray[Any]:
    y = signal.astype(np.float64)
    found = line.standard_error(y, pixel_variance(y, noise))
    return found.astype(np.result_type(signal.dtype, np.float32))


def _flag_block(
    signal: NDArray[Any], lod: float, loq: float, top: float, slope: float
) -> NDArray[np.uint8]:
    # A signal that falls with the concentration is compared upside down.
    sign = math.copysign(1.0, slope)
    y = sign * signal
    flags = np.full(signal.shape, 1, np.uint8)
    flags[y > sign * top] = 4
    flags[y < sign * loq] = 2
    flags[y < sign * lod] = 3
    flags[~np.isfinite(signal)] = 0
    return flags


def _account(row: pd.Series[Any], line: Line, extinction: Image | None) -> list[str]:
    unit, per = row["unit"], row.get("signal_unit") or "signal"
    steps = []
    if extinction is not None:
        steps.append(f"signal over the tissue extinction of {extinction.name}")
    steps.append(
        f"(signal − {line.intercept:.6g}) / {line.slope:.6g}, from "
        f"{row['n_standards']} standards up to {row['highest_standard']:.4g} {unit} "
        f"(slope ± {row['slope_standard_error']:.2g} {per} per {unit}, "
        f"weights {row['weights']})"
    )
    steps.append(
        f"detected from {row['lod']:.4g}, quantified from {row['loq']:.4g} {unit} on, "
        f"by the {row['limits']}"
    )
    return steps


def _summary(
    found: Image,
    signal: da.Array,
    flags: da.Array,
    region: Labels | Regions | None,
    line: Line,
    noise: tuple[float, ...],
    row: pd.Series[Any],
    task: Task | None,
) -> Table:
    shares = [da.where(flags > 0, flags == flag, np.nan) for flag in FLAGS]
    arrays = [found.data, signal, *shares]
    zones = zone_moments(found, region, arrays, task)
    # What was subtracted from all pixels alike is not averaged away.
    shared = float(found.tags.get("background_error") or 0.0) ** 2
    rows = [_zone_row(name, m, line, noise, shared) for name, m in zones.items()]
    data = pd.DataFrame(rows)
    data["lod"], data["loq"] = float(row["lod"]), float(row["loq"])
    data["unit"] = str(row["unit"])
    notes = [
        f"Mean concentrations in {row['unit']}, all pixels included, those below the "
        "limits too.",
        "low_95 and high_95: Fieller's interval by the line and the noise of pixels; "
        "it says nothing about other animals.",
    ]
    if math.isnan(noise[0]):
        notes.append("The noise of pixels is not known; errors are those of the line.")
    tags = Tags({k: t for k, t in found.tags.tags.items() if k != "derivation"})
    half = [r["region"] for r in rows if r["below_lod_fraction"] > 0.5]
    if half:
        notes.append(
            f"More than half of the pixels are not detected: {', '.join(half)}."
        )
    return Table(data=data, name=f"mean {found.name}", notes=tuple(notes), tags=tags)


def _zone_row(
    name: str,
    moments: list[Moments],
    line: Line,
    noise: tuple[float, ...],
    shared: float,
) -> dict[str, Any]:
    amount, signal, *shares = moments
    row: dict[str, Any] = {"region": name, "n_pixels": amount.n, "mean": amount.mean}
    low = high = error = math.nan
    if amount.n:
        # That the variance is curved is made up for by the spread of the signal.
        spread = signal.m2 / signal.n
        curved = 0.0 if math.isnan(noise[2]) else noise[2] * spread
        variance = (float(pixel_variance(signal.mean, noise)) + curved) / signal.n
        variance += shared
        low, high = line.interval(signal.mean, variance)
        error = float(line.standard_error(np.asarray(signal.mean), variance))
    row |= {"standard_error": error, "low_95": low, "high_95": high}
    row["standard_deviation"] = amount.sd
    names = ("quantified", "below_loq", "below_lod", "above_standards")
    for label, share in zip(names, shares, strict=True):
        row[f"{label}_fraction"] = share.mean
    return row
