"""Kinetics of whole areas: the fit of their mean curve, and areas under curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Quantity, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.fitting.levenberg import evaluate
from nanoscape.quantify.fitting.tissue import (
    EXCHANGE,
    EXTENDED_TOFTS,
    NAMES,
    PATLAK,
    TOFTS,
)
from nanoscape.quantify.kinetics.tissue_fit import (
    Plan,
    explained,
    fit,
    half_width,
    mean_by_area,
    plan_for,
)
from nanoscape.quantify.series import (
    Floats,
    curves_of,
    frame_of,
    kept_tags,
    map_curves,
    map_image,
    mask_of,
    mean_curve,
    times_of,
)

_MODELS = {
    "Tofts": TOFTS,
    "extended Tofts": EXTENDED_TOFTS,
    "Patlak": PATLAK,
    "two-compartment exchange": EXCHANGE,
}
_UNITS = {"ktrans": "_per_min", "fp": "_per_min", "ps": "_per_min", "delay": "_s"}
_HIGHEST = {"ktrans": 5.0, "fp": 20.0, "ps": 5.0, "ve": 1.0, "vp": 1.0}


@dataclass(frozen=True)
class AreaKinetics:
    """Kinetics of areas.

    Attributes
    ----------
    summary
        One row for each area: values with 95 % intervals and goodness of fit.
    curves
        Measured and fitted mean curve of each area.
    """

    summary: Table
    curves: Table


@dataclass(frozen=True)
class InitialAreas:
    """Areas under the curve of every pixel, from the arrival on.

    Attributes
    ----------
    iauc60, iauc90
        Over the first 60 and 90 s, in mM·s.
    """

    iauc60: Image
    iauc90: Image


@operation(version=1, title="Kinetics of areas")
def kinetics_of_areas(
    concentration: Annotated[Image, Role(label="Concentration over time")],
    arterial_input: Annotated[Table, Role(label="Arterial input")],
    areas: Annotated[Labels | Regions, Role("Tissue")],
    *,
    model: Literal["Tofts", "extended Tofts", "Patlak", "two-compartment exchange"] = (
        "extended Tofts"
    ),
    delay_s: Annotated[
        tuple[float, float],
        Option(unit="s", minimum=-60.0, maximum=60.0, label="Delay from, to"),
    ] = (0.0, 0.0),
    task: Task | None = None,
) -> AreaKinetics:
    """Fit a model to the mean curve of each area, with intervals.

    Parameters
    ----------
    concentration
        Concentration of the agent over time, in mM.
    arterial_input
        Table with the concentration in plasma.
    areas
        Drawn regions, one for each name, or labels, one for each number.
    model
        See the maps of the same name.
    delay_s
        Earliest and latest arrival, later than the input; fitted when they differ.
    task
        Progress.

    Returns
    -------
    AreaKinetics
        Values and curves.

    Raises
    ------
    CannotCompute
        If an area holds no measured pixel, times are missing or wrong, or the input
        does not cover the series.
    WrongInput
        If the image is not in mM.

    Notes
    -----
    Intervals are those of Student's t for the noise of the curve. They do not hold
    what the arterial input or T1 add.
    """
    task = task or Task()
    code = _MODELS[model]
    bounds = {name: (0.0, high) for name, high in _HIGHEST.items()}
    plan = plan_for(code, concentration, arterial_input, **bounds, delay=delay_s)
    curves = curves_of(concentration)
    rows, parts = [], []
    masks = mean_by_area(concentration, areas)
    for (name, mask), share in zip(masks, task.split(*[1] * len(masks)), strict=True):
        mean, _, count = mean_curve(curves, mask, share)
        if not count:
            raise CannotCompute(
                f"the area {name} of {areas.name} holds no measured pixel",
                "areas inside the image",
            )
        found, errors, squares = fit(mean[np.newaxis], plan)
        fitted = _curve(plan, found[0] / plan.scale)
        row = {"area": name, "pixels": count, "model": model}
        row |= _columns(plan, found[0], errors[0])
        row["r_squared"] = float(explained(mean[np.newaxis], squares)[0])
        row["residual_mM"] = float(np.sqrt(squares[0] / len(mean)))
        rows.append(row)
        columns = {"time_s": plan.times, "measured_mM": mean, "fitted_mM": fitted}
        part = pd.DataFrame(columns)
        part.insert(0, "area", name)
        parts.append(part)
    tags = kept_tags(concentration)
    notes = (
        "intervals hold the noise of the curve, not what arterial input and T1 add",
        *(f"arterial input: {note}" for note in arterial_input.notes),
    )
    name = f"kinetics of {concentration.name}"
    curve_data = pd.concat(parts, ignore_index=True)
    return AreaKinetics(
        Table(data=pd.DataFrame(rows), name=name, notes=notes, tags=tags),
        Table(data=curve_data, name=f"curves of {concentration.name}", tags=tags),
    )


def _columns(plan: Plan, found: Floats, errors: Floats) -> dict[str, float]:
    columns = {}
    names = NAMES[plan.model]
    number = int(plan.free.sum())
    for name, value, error in zip(names, found, errors, strict=True):
        unit = _UNITS.get(name, "")
        half = half_width(float(error), len(plan.times), number)
        columns[f"{name}{unit}"] = float(value)
        if name != "delay" or plan.free[-1]:
            columns[f"{name}_low{unit}"] = float(value) - half
            columns[f"{name}_high{unit}"] = float(value) + half
    return columns


def _curve(plan: Plan, parameters: Floats) -> Floats:
    frames, size = len(plan.times), len(parameters)
    found, by, work = np.empty(frames), np.empty((size, frames)), np.empty((6, frames))
    evaluate(
        plan.model, plan.times, 0.0, plan.nodes, plan.values, parameters, found, by,
        work,
    )  # fmt: skip
    return found


@operation(version=1, title="Initial area under the curve (iAUC)")
def initial_area(
    concentration: Annotated[Image, Role(label="Concentration over time")],
    tissue: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    *,
    arrival_s: Annotated[
        float | None, Option(unit="s", minimum=0.0, label="Agent arrives at")
    ] = None,
    task: Task | None = None,
) -> InitialAreas:
    """Map the area under each pixel's curve in the first 60 and 90 s.

    Needs neither a model nor an arterial input, and therefore mixes flow,
    permeability and volumes.

    Parameters
    ----------
    concentration
        Concentration of the agent over time, in mM, or a signal.
    tissue
        Where to compute; everywhere by default.
    arrival_s
        When the agent arrives, in the time of the series.
    task
        Progress.

    Returns
    -------
    InitialAreas
        Areas over 60 and 90 s.

    Raises
    ------
    CannotCompute
        If the arrival is not given, or the series ends before 90 s after it.

    Notes
    -----
    Trapezoids between the frames; both ends are interpolated.
    """
    times = times_of(concentration)
    if arrival_s is None:
        raise CannotCompute(
            "when the agent arrives is not known", todo="give its time of arrival in s"
        )
    if arrival_s < times[0] or arrival_s + 90 > times[-1]:
        raise CannotCompute(
            f"{concentration.name} covers {times[0]:g} to {times[-1]:g} s",
            f"frames from {arrival_s:g} to {arrival_s + 90:g} s",
        )
    weights = [area_weights(times, arrival_s, arrival_s + span) for span in (60, 90)]
    frame = frame_of(concentration)
    values, _ = map_curves(
        _weighted,
        curves_of(concentration),
        width=2,
        area=None if tissue is None else mask_of(tissue, frame),
        arguments=(np.stack(weights, axis=1),),
        task=task,
        text="adding up",
    )
    unit = f"{concentration.quantity.unit}·s"
    tags = kept_tags(concentration, derivation=[f"from {arrival_s:g} s on"])
    images: list[Any] = [
        map_image(values, n, frame, name, Quantity(name, unit), tags)
        for n, name in enumerate(("iAUC60", "iAUC90"))
    ]
    return InitialAreas(*images)


def area_weights(times: Floats, start: float, stop: float) -> Floats:
    """Return what each sample counts for the area under straight lines between them.

    Parameters
    ----------
    times
        Of the samples; rising.
    start, stop
        Ends of the area, within the times.
    """
    inside = times[(times > start) & (times < stop)]
    every = np.concatenate([[start], inside, [stop]])
    steps = np.diff(every)
    trapezoids = np.zeros(len(every))
    trapezoids[:-1] += steps / 2
    trapezoids[1:] += steps / 2
    units = np.eye(len(times))
    return np.array([np.interp(every, times, unit) @ trapezoids for unit in units])


def _weighted(curves: Floats, weights: Floats) -> tuple[Floats, None]:
    # Sums of products, and no product of matrices, whose rounding depends on its size.
    parts = [(curves * column).sum(axis=1) for column in weights.T]
    return np.stack(parts, axis=1), None
