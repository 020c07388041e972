"""Drift: how the sensitivity changes during a run, by standards before and after."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Table, Tags
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.calibration.standards import (
    LINE,
    concentration_column,
    line_areas,
    line_numbers,
)
from nanoscape.quantify.calibration.zone_moments import Moments, zone_moments
from nanoscape.quantify.laser.lines import (
    BACKGROUND_ERROR,
    SUBTRACTED,
    changed,
    check_lines,
    in_float,
    is_net,
    line_numbers_of,
)

_WHEN = ("before", "after")


@dataclass(frozen=True)
class Bracketing:
    """What standards before and after a run tell.

    Attributes
    ----------
    drift
        Two rows: sensitivity and background before and after, and the decay time of
        the ablation cell.
    standards
        The lines of the standards as they would be at the mean sensitivity.
    """

    drift: Table
    standards: Image


@operation(version=1, title="Drift from bracketing standards")
def bracketing_standards(
    image: Annotated[Image, Role(label="Lines of the standards")],
    table: Annotated[Table, Role(label="What they hold")],
    *,
    column: Annotated[str, Option(label="Column of concentrations")] = "",
    skip_readings: Annotated[
        int, Option(minimum=0, label="Left out at the start of a line")
    ] = 12,
    subtract: Annotated[bool, Option(label="Subtract the background")] = True,
    task: Task | None = None,
) -> Bracketing:
    """Measure the sensitivity before and after a run from lines over standards.

    Parameters
    ----------
    image
        Image of one isotope over the standards, a row for each line.
    table
        For each line its number in "line", whether it was measured "before" or
        "after" in "measured", and what it holds.
    column
        The column of concentrations, where there are several.
    skip_readings
        Readings at the start of a line that are left out, because the cell fills.
    subtract
        Whether the signal of a concentration of zero is subtracted, from the
        standards and later from the specimen.
    task
        Progress.

    Returns
    -------
    Bracketing
        Sensitivities for *Correct the drift*, and standards for *Calibration curve*.

    Raises
    ------
    CannotCompute
        If the sensitivity cannot be told from zero before or after.
    WrongInput
        If the table does not say what was measured when.
    """
    check_lines(image)
    groups = _groups(table)
    known = table.data[concentration_column(table, column, None)]
    amounts = dict(zip(line_numbers(table), known.astype(np.float64), strict=True))
    areas = line_areas(image, line_numbers(table), skip_readings)
    found = {
        int(name): moments
        for name, (moments,) in zone_moments(image, areas, task=task).items()
    }
    rows = [
        {"measured": when} | _sensitivity(image, when, lines, amounts, found)
        for when, lines in groups.items()
    ]
    data = pd.DataFrame(rows)
    data["reference_sensitivity"] = data["sensitivity"].mean()
    data["washout_s"] = _washout(image, amounts, found, skip_readings)
    data["analyte"] = str(image.tags.get("analyte") or "")
    data["background_subtracted"] = is_net(image)
    data["subtract"] = subtract
    tags = Tags({k: t for k, t in image.tags.tags.items() if k != "role"})
    loss = 100 * (1 - data["sensitivity"].iloc[1] / data["sensitivity"].iloc[0])
    notes = (
        f"The sensitivity fell by {loss:.3g} % during the run."
        if loss >= 0
        else f"The sensitivity rose by {-loss:.3g} % during the run.",
        "Between the standards it is taken to change evenly with time.",
    )
    name = f"drift of {image.name}"
    factors = np.ones(image.shape[0])
    backgrounds = np.zeros((image.shape[0], 2))
    reference = float(data["reference_sensitivity"].iloc[0])
    middle = 0.0 if subtract else float(data["background"].mean())
    for row, lines in zip(rows, groups.values(), strict=True):
        at = np.array(lines) - 1
        factors[at] = reference / row["sensitivity"]
        backgrounds[at] = row["background"], middle
    corrected = in_float(image).map_blocks(
        _by_line, factors, backgrounds, dtype=np.result_type(image.dtype, np.float32)
    )
    step = f"at the mean sensitivity, {reference:.5g}"
    standards = changed(image, corrected, step, **_made(data))
    return Bracketing(
        drift=Table(data=data, name=name, notes=notes, tags=tags),
        standards=standards.replace(name=f"{image.name} (drift corrected)"),
    )


@operation(version=1, title="Correct the drift")
def correct_drift(
    image: Annotated[Image, Role(label="Image of laser lines")],
    drift: Annotated[Table, Role(label="Drift")],
) -> Image:
    """Correct the drift of an image by standards measured before and after it.

    Parameters
    ----------
    image
        Image of one isotope, a row for each line in the order of acquisition.
    drift
        What *Drift from bracketing standards* gave for the same isotope.

    Returns
    -------
    image
        The signal as it would be at the mean sensitivity.

    Raises
    ------
    WrongInput
        If the table is no drift, or one of another isotope, or the background was
        subtracted from only one of both.

    Notes
    -----
    With S the sensitivity, which changes evenly from before to after, and B the
    background, the result is (y − B) · S̄ / S, or B̄ more where the background stays.
    """
    check_lines(image)
    data = _drift_of(drift, image)
    lines, readings = image.shape
    before, after = data["sensitivity"].astype(np.float64)
    levels = data["background"].to_numpy(np.float64)
    reference = float(data["reference_sensitivity"].iloc[0])
    middle = 0.0 if bool(data["subtract"].iloc[0]) else float(levels.mean())
    corrected = in_float(image).map_blocks(
        _by_time,
        (before, after, reference),
        (*levels.tolist(), middle),
        lines * readings,
        dtype=np.result_type(image.dtype, np.float32),
    )
    step = (
        f"drift from {before:.5g} to {after:.5g} corrected to the mean sensitivity, "
        f"{reference:.5g}"
    )
    found = changed(image, corrected, step, **_made(data))
    return found.replace(name=f"{image.name} (drift corrected)")


def _made(data: pd.DataFrame) -> dict[str, Any]:
    """Return the tags of a signal whose drift was corrected."""
    if not bool(data["subtract"].iloc[0]) or bool(
        data["background_subtracted"].iloc[0]
    ):
        return {"drift": "corrected"}
    errors = data["background_error"].to_numpy(np.float64)
    error = float(np.sqrt(np.sum(errors**2)) / len(errors))
    return {"drift": "corrected", SUBTRACTED: True, BACKGROUND_ERROR: error}


def _groups(table: Table) -> dict[str, list[int]]:
    """Return the lines measured before and after."""
    if LINE not in table.data or "measured" not in table.data:
        raise WrongInput(
            f"{table.name} does not say which line was measured when",
            'the columns "line" and "measured", with "before" and "after"',
        )
    when = table.data["measured"].astype(str).str.strip().str.lower()
    groups = {
        word: line_numbers(table)[(when == word).to_numpy()].tolist() for word in _WHEN
    }
    if not all(groups.values()) or sum(map(len, groups.values())) < len(table):
        raise WrongInput(
            f"{table.name} says of its lines that they were measured "
            f"{', '.join(dict.fromkeys(when))}",
            "before and after",
        )
    return groups


def _sensitivity(
    image: Image,
    when: str,
    lines: list[int],
    amounts: dict[int, float],
    found: dict[int, Moments],
) -> dict[str, Any]:
    """Return signal per concentration of some lines, and the signal of none."""
    held = [n for n in lines if n in found and found[n].n > 1]
    x = np.array([amounts[n] for n in held])
    y = np.array([found[n].mean for n in held])
    # The variance of a mean; a line without any spread counts like the quietest one.
    variance = np.array([found[n].m2 / (found[n].n - 1) / found[n].n for n in held])
    positive = variance[variance > 0]
    variance = np.maximum(variance, positive.min() if positive.size else 1.0)
    columns = [np.ones(len(x)), x] if len(np.unique(x)) > 1 else [x]
    if len(columns) == 1 and not is_net(image):
        raise CannotCompute(
            f"there is one concentration only {when} the run",
            "two, or an image without its background",
            "subtract the background first",
        )
    design = np.stack(columns, axis=1)
    normal = (design / variance[:, None]).T @ design
    if not len(x) or np.linalg.cond(normal) > 1e15:
        raise CannotCompute(f"the standards {when} the run hold nothing")
    inverse = np.linalg.inv(normal)
    solution = inverse @ (design / variance[:, None]).T @ y
    known = is_net(image) or len(columns) == 1
    slope, error = float(solution[-1]), math.sqrt(inverse[-1, -1])
    if slope <= 3 * error:
        raise CannotCompute(
            f"{image.name} hardly rises with the standards {when} the run: "
            f"{slope:.3g} ± {error:.2g} for each unit",
            "a signal of the standards",
            "check the column of concentrations and the isotope",
        )
    return {
        "sensitivity": slope,
        "standard_error": error,
        "background": 0.0 if known else float(solution[0]),
        "background_error": 0.0 if known else math.sqrt(inverse[0, 0]),
        "n_lines": len(held),
    }


def _washout(
    image: Image, amounts: dict[int, float], found: dict[int, Moments], skip: int
) -> float:
    """Return the decay time of the cell from how the lines of standards rise."""
    scan = image.tags.get("scan_time_s")
    levels = {n: found[n].mean for n, x in amounts.items() if x > 0 and n in found}
    blank = [found[n].mean for n, x in amounts.items() if x == 0 and n in found]
    if not scan or not levels or skip < 3 or not (blank or is_net(image)):
        return math.nan
    empty = float(np.mean(blank)) if blank else 0.0
    strong = max(levels.values())
    best = [n for n, level in levels.items() if level > 0.5 * strong]
    rows = np.asarray(image.data[[n - 1 for n in best], :skip].compute(), np.float64)
    full = np.array([levels[n] for n in best])[:, None] - empty
    rise = np.nanmean((rows - empty) / full, axis=0)
    k = np.arange(1, skip + 1)

    def misfit(keep: float) -> float:
        return float(np.nansum((rise - (1 - keep**k)) ** 2))

    keep = float(minimize_scalar(misfit, bounds=(0.0, 0.999), method="bounded").x)
    return float(scan) / -math.log(keep) if keep > 0.01 else 0.0


def _drift_of(drift: Table, image: Image) -> pd.DataFrame:
    if image.tags.get("drift"):
        raise WrongInput(f"the drift of {image.name} was corrected already")
    data = drift.data
    needed = ("measured", "sensitivity", "background", "background_error",
              "reference_sensitivity", "subtract")  # fmt: skip
    if any(name not in data for name in needed) or list(data["measured"]) != [*_WHEN]:
        raise WrongInput(
            f"{drift.name} is no drift",
            "sensitivities before and after",
            "run Drift from bracketing standards first",
        )
    analyte = str(image.tags.get("analyte") or "")
    if analyte and data["analyte"].iloc[0] and analyte != data["analyte"].iloc[0]:
        raise WrongInput(
            f"{drift.name} is of {data['analyte'].iloc[0]}, {image.name} of {analyte}",
            "the drift of the same isotope",
        )
    if bool(data["background_subtracted"].iloc[0]) != is_net(image):
        which = image.name if is_net(image) else "the standards"
        raise WrongInput(
            f"the background was subtracted from {which} only", "from both or none"
        )
    return data


def _by_line(
    data: NDArray[Any],
    factors: NDArray[np.float64],
    backgrounds: NDArray[np.float64],
    block_info: Any = None,
) -> NDArray[Any]:
    at = line_numbers_of(data, block_info)
    own, middle = backgrounds[at, :1], backgrounds[at, 1:]
    found = middle + (data - own) * factors[at, None]
    return found.astype(data.dtype)


def _by_time(
    data: NDArray[Any],
    sensitivities: tuple[float, float, float],
    backgrounds: tuple[float, float, float],
    total: int,
    block_info: Any = None,
) -> NDArray[Any]:
    before, after, reference = sensitivities
    readings = data.shape[1]
    order = line_numbers_of(data, block_info)[:, None] * readings + np.arange(readings)
    time = (order + 0.5) / total
    own = backgrounds[0] + (backgrounds[1] - backgrounds[0]) * time
    now = before + (after - before) * time
    found = backgrounds[2] + (data - own) * reference / now
    return found.astype(data.dtype)
