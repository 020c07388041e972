"""Fits of a model of tissue to the curve of every pixel, or of an area."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np

from nanoscape.compute import Task
from nanoscape.compute.resample import onto
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Regions, Table
from nanoscape.quantify.fitting.convolution import nodes_of
from nanoscape.quantify.fitting.levenberg import fit_curves
from nanoscape.quantify.fitting.search import Candidates, candidates, starts
from nanoscape.quantify.fitting.tissue import NAMES
from nanoscape.quantify.kinetics.arterial_input import check_concentration, plasma_of
from nanoscape.quantify.series import (
    Floats,
    curves_of,
    frame_of,
    kept_tags,
    map_curves,
    map_image,
    mask_of,
    times_of,
)

Bounds = tuple[float, float]

_SMALLEST = 1e-7
_PER_MINUTE = ("ktrans", "fp", "ps")

_QUANTITIES = {
    "ktrans": Quantity("Ktrans", "1/min"),
    "fp": Quantity("plasma flow", "mL/min/mL"),
    "ps": Quantity("PS", "1/min"),
    "ve": Quantity("ve", "1"),
    "vp": Quantity("vp", "1"),
    "delay": Quantity("delay", "s"),
}


@dataclass(frozen=True)
class Plan:
    """All that the fit of a curve needs besides the curve.

    Attributes
    ----------
    model
        Code of the model.
    times
        Of the frames, in s.
    nodes, values
        The arterial input in plasma.
    low, high
        Bounds, in the order of the model's parameters, rates in 1/s.
    candidates
        For the starts.
    """

    model: int
    times: Floats
    nodes: Floats
    values: Floats
    low: Floats
    high: Floats
    candidates: Candidates

    @property
    def free(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each parameter is fitted: all but a delay without a range."""
        found = np.ones(len(self.low), bool)
        found[-1] = self.high[-1] > self.low[-1]
        return found

    @property
    def scale(self) -> Floats:
        """What turns each parameter into the unit in which it is shown."""
        return np.array([60.0 if n in _PER_MINUTE else 1.0 for n in NAMES[self.model]])


def plan_for(
    model: int, concentration: Image, arterial_input: Table, **bounds: Bounds
) -> Plan:
    """Return the plan of a fit.

    Parameters
    ----------
    model
        Code of the model.
    concentration
        mM over time.
    arterial_input
        Columns ``time_s`` and ``plasma_mM``.
    **bounds
        Lowest and highest value by parameter, rates in 1/min.

    Raises
    ------
    CannotCompute
        If times are wrong, the input does not cover the series, or there are too few
        frames.
    WrongInput
        If the image is not in mM, or bounds are in the wrong order.
    """
    check_concentration(concentration)
    times = times_of(concentration)
    nodes, values = nodes_of(
        *plasma_of(arterial_input, float(times[0]), float(times[-1]))
    )
    names = NAMES[model]
    for name in names:
        low, high = bounds[name]
        if low > high or (low == high and name != "delay"):
            raise WrongInput(
                f"the bounds of {name} are {low:g} and {high:g}", "the lower one first"
            )
    if len(times) <= len(names):
        raise CannotCompute(
            f"{concentration.name} has {len(times)} frames for {len(names)} values",
            "more frames",
        )
    plan = Plan(
        model,
        times,
        nodes,
        values,
        *_limits(model, bounds),
        candidates(model, times, nodes, values, bounds["delay"]),
    )
    if not plan.candidates.products[:, 0, 0].any():
        raise CannotCompute(
            f"no contrast agent of {arterial_input.name} arrives before the last frame",
            "an arterial input in the time of the series",
        )
    return plan


def _limits(model: int, bounds: dict[str, Bounds]) -> tuple[Floats, Floats]:
    names = NAMES[model]
    # What is divided by must not be zero: ve, and in two compartments all of them.
    whole = "fp" in names
    floors = [0.0 if n != "ve" and not whole else _SMALLEST for n in names[:-1]]
    units = [60.0 if n in _PER_MINUTE else 1.0 for n in names]
    low, high = (np.array([bounds[n][i] for n in names]) / units for i in (0, 1))
    low[:-1] = np.maximum(low[:-1], floors)
    return low, high


def fit(curves: Floats, plan: Plan) -> tuple[Floats, Floats, Floats]:
    """Return parameters and their standard errors as shown, and squares, of curves."""
    begin = starts(plan.model, curves, plan.candidates)
    found, errors, squares = fit_curves(
        plan.model, plan.times, 0.0, plan.nodes, plan.values, curves, begin,
        plan.low, plan.high, plan.free,
    )  # fmt: skip
    return found * plan.scale, errors * plan.scale, squares


def explained(curves: Floats, squares: Floats) -> Floats:
    """Return the share of each curve's variance that a fit explains."""
    total = ((curves - curves.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, 1 - squares / total, np.nan)


def fit_maps(
    model: int,
    concentration: Image,
    arterial_input: Table,
    tissue: Labels | Regions | None,
    scale_error: Image | None,
    task: Task | None,
    **bounds: Bounds,
) -> dict[str, Image]:
    """Fit every pixel.

    Parameters
    ----------
    model, concentration, arterial_input, **bounds
        As in :func:`plan_for`.
    tissue
        Where to fit; everywhere by default.
    scale_error
        Relative error that all samples of a pixel share.
    task
        Progress.

    Returns
    -------
    dict
        Images by name: each parameter, its error as ``…_error``, ``r_squared`` and
        ``residual``.

    Raises
    ------
    CannotCompute
        Also if the area holds no pixel with a curve.
    """
    plan = plan_for(model, concentration, arterial_input, **bounds)
    frame = frame_of(concentration)
    names = NAMES[model]
    values, counts = map_curves(
        _fitted,
        curves_of(concentration),
        [] if scale_error is None else [onto(scale_error, frame, order=1)],
        width=2 * len(names) + 2,
        area=None if tissue is None else mask_of(tissue, frame),
        arguments=(plan, scale_error is not None),
        task=task,
        text="fitting curves",
    )
    if not sum(counts):
        where = concentration.name if tissue is None else tissue.name
        raise CannotCompute(
            f"{where} holds no pixel with a curve", "an area with measured pixels"
        )
    steps = [f"arterial input: {note}" for note in arterial_input.notes]
    tags = kept_tags(concentration, derivation=steps or None)

    def image(number: int, quantity: Quantity) -> Image:
        return map_image(values, number, frame, str(quantity.name), quantity, tags)

    found: dict[str, Image] = {}
    for number, name in enumerate(names):
        quantity = _QUANTITIES[name]
        found[name] = image(number, quantity)
        error = Quantity(f"standard error of {quantity.name}", quantity.unit)
        found[f"{name}_error"] = image(len(names) + number, error)
    found["r_squared"] = image(2 * len(names), Quantity("R²", "1"))
    found["residual"] = image(2 * len(names) + 1, Quantity("residual", "mM"))
    return found


def _fitted(curves: Floats, *rest: Any) -> tuple[Floats, int]:
    """Return all values of each curve side by side, and how many curves there are.

    After the curves come the error of their scale, where it is known, the plan, and
    whether it is. All values but the delay are in proportion to the scale.
    """
    *scale, plan, has_scale = rest
    found, errors, squares = fit(curves, plan)
    if has_scale:
        errors[:, :-1] = np.hypot(errors[:, :-1], found[:, :-1] * scale[0][:, None])
    size = np.sqrt(squares / curves.shape[1])
    parts = [found, errors, explained(curves, squares)[:, None], size[:, None]]
    return np.concatenate(parts, axis=1), len(curves)


def mean_by_area(
    concentration: Image, areas: Labels | Regions
) -> list[tuple[str, da.Array]]:
    """Return the name and the mask of each area.

    Raises
    ------
    CannotCompute
        If there is none.
    """
    frame = frame_of(concentration)
    if isinstance(areas, Regions):
        names = list(dict.fromkeys(areas.names))
        found = [(name, mask_of(areas.named(name), frame)) for name in names]
    else:
        grid = mask_of(areas, frame)
        numbers = [
            int(n) for n in np.unique(grid.compute(scheduler="synchronous")) if n
        ]
        found = [(str(number), grid == number) for number in numbers]
    if not found:
        raise CannotCompute(f"{areas.name} holds no area", "drawn regions or labels")
    return found


def half_width(error: float, frames: int, parameters: int) -> float:
    """Return half of the 95 % interval of Student's t distribution."""
    from scipy import stats

    if not math.isfinite(error):
        return math.nan
    return error * float(stats.t.ppf(0.975, frames - parameters))
