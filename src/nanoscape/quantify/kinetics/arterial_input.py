"""How much of a contrast agent arteries bring: of a population, or measured."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions, Table, Tags
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.kinetics.population import (
    SOURCES,
    Population,
    georgiou,
    mcgrath,
    parker,
    two_exponentials,
)
from nanoscape.quantify.series import (
    Floats,
    checked_times,
    curves_of,
    frame_of,
    mask_of,
    mean_curve,
    times_of,
)

_STEP_S = 0.5
_PER_SECOND = {"s": 1.0, "min": 60.0}

_Hematocrit = Annotated[
    float | None, Option(minimum=0.0, maximum=0.9, label="Hematocrit")
]


@operation(version=1, title="Arterial input of a population")
def population_input(
    series: Annotated[Image, Role(label="Dynamic series")],
    *,
    population: Population = "human (Parker 2006)",
    arrival_s: Annotated[
        float | None, Option(unit="s", minimum=0.0, label="Bolus arrives at")
    ] = None,
    hematocrit: _Hematocrit = None,
    relative_dose: Annotated[
        float, Option(minimum=1e-3, maximum=1e3, label="Dose relative to theirs")
    ] = 1.0,
    amounts_mm: Annotated[
        tuple[float, float],
        Option(unit="mM", minimum=0.0, label="Amounts, own", advanced=True),
    ] = (0.0, 0.0),
    rates_per_s: Annotated[
        tuple[float, float],
        Option(unit="1/s", minimum=0.0, label="Rates, own", advanced=True),
    ] = (0.0, 0.0),
    rise_s: Annotated[
        float, Option(unit="s", minimum=0.0, label="Rise, own", advanced=True)
    ] = 0.0,
) -> Table:
    """Make the arterial input of a population, for the times of a series.

    Where the blood of the animal itself can be measured, that is better: most of the
    error of a kinetic map comes from the arterial input.

    Parameters
    ----------
    series
        Dynamic series whose times the input is to cover.
    population
        Whose blood it is. With "own two exponentials" the amounts, rates and the
        time of rise below are taken, such as those published for mice.
    arrival_s
        When the bolus reaches the arteries, in the time of the series.
    hematocrit
        Share of the blood that is cells: about 0.42 in people, 0.45 in mice.
    relative_dose
        Dose divided by that of the population; that of Parker and of Georgiou is
        0.1 mmol/kg.
    amounts_mm, rates_per_s, rise_s
        In blood, of two exponentials after an even rise.

    Returns
    -------
    table
        Columns ``time_s``, ``blood_mM`` and ``plasma_mM``, every half second.

    Raises
    ------
    CannotCompute
        If the time of arrival or the hematocrit is not given.

    Notes
    -----
    Plasma holds blood / (1 − hematocrit). Parameters: doi:10.1002/mrm.21066,
    doi:10.1002/mrm.27524, doi:10.1002/mrm.21959.
    """
    last = float(times_of(series)[-1])
    if arrival_s is None:
        raise CannotCompute(
            "when the bolus reaches the arteries is not known",
            todo="give the time at which it arrives, in seconds of the series",
        )
    if arrival_s >= last:
        raise CannotCompute(
            f"the bolus at {arrival_s:g} s arrives after the last frame at {last:g} s"
        )
    time: Floats = np.arange(int(np.ceil(last / _STEP_S)) + 1) * np.float64(_STEP_S)
    since = time - arrival_s
    if population == "own two exponentials":
        if not any(amounts_mm):
            raise CannotCompute(
                "the amounts of the own input are not given",
                todo="give amounts in mM and rates in 1/s",
            )
        own = np.array(amounts_mm), np.array(rates_per_s)
        blood = two_exponentials(since, *own, rise_s)
    else:
        curves = {"P": parker, "G": georgiou, "M": mcgrath}
        blood = curves[population.partition("(")[2][0]](since)
    note = f"{population}, {SOURCES[population]}; arrives at {arrival_s:g} s"
    if relative_dose != 1:
        note += f"; times {relative_dose:g} for the dose"
    return _table(time, blood * relative_dose, hematocrit, note, series.tags)


@operation(version=1, title="Arterial input of an area")
def measured_input(
    concentration: Annotated[Image, Role(label="Concentration over time")],
    artery: Annotated[Labels | Regions, Role(label="Artery or heart")],
    *,
    hematocrit: _Hematocrit = None,
    task: Task | None = None,
) -> Table:
    """Measure the arterial input in an area that holds nothing but blood.

    Parameters
    ----------
    concentration
        Concentration of the contrast agent over time, in mM.
    artery
        Area inside an artery or a chamber of the heart. Pixels at a wall hold less
        blood than they seem to, and inflow makes blood too bright.
    hematocrit
        Share of the blood that is cells: about 0.42 in people, 0.45 in mice.
    task
        Progress.

    Returns
    -------
    table
        Columns ``time_s``, ``blood_mM``, its standard deviation over the pixels
        ``blood_sd_mM``, and ``plasma_mM``.

    Raises
    ------
    CannotCompute
        If the area holds no pixel, or the hematocrit is not given.
    WrongInput
        If the image is not in mM.

    Notes
    -----
    Plasma holds blood / (1 − hematocrit).
    """
    check_concentration(concentration)
    times = times_of(concentration)
    frame = frame_of(concentration)
    blood, spread, count = mean_curve(
        curves_of(concentration), mask_of(artery, frame), task
    )
    if not count:
        raise CannotCompute(
            f"{artery.name} holds no measured pixel of {concentration.name}",
            "an area inside an artery",
            "draw it where both images overlap",
        )
    note = f"mean of {count} pixels of {concentration.name} in {artery.name}"
    found = _table(times, blood, hematocrit, note, concentration.tags)
    found.data.insert(2, "blood_sd_mM", spread)
    return found


@operation(version=1, title="Arterial input of a table")
def input_from_table(
    table: Table,
    *,
    time_column: Annotated[str, Option(label="Column of times")] = "time_s",
    time_unit: Literal["s", "min"] = "s",
    value_column: Annotated[str, Option(label="Column of values")] = "plasma_mM",
    holds: Annotated[Literal["plasma", "blood"], Option(label="Values are of")] = (
        "plasma"
    ),
    hematocrit: _Hematocrit = None,
) -> Table:
    """Take the arterial input from a table, such as samples of blood.

    Parameters
    ----------
    table
        Times and concentrations in mM.
    time_column, time_unit
        Which column holds the times, and in which unit, in the time of the series.
    value_column
        Which column holds the concentrations in mM.
    holds
        Whether they are of plasma or of whole blood.
    hematocrit
        Share of the blood that is cells; needed for whole blood.

    Returns
    -------
    table
        Columns ``time_s`` and ``plasma_mM``, and ``blood_mM`` where it is known.

    Raises
    ------
    CannotCompute
        If times are missing, negative or do not rise, or the hematocrit is missing.
    WrongInput
        If the table has no such column.
    """
    time = _column(table, time_column) * _PER_SECOND[time_unit]
    values = _column(table, value_column)
    time = checked_times(time, table.name)
    if not np.isfinite(values).all():
        raise CannotCompute(
            f"{table.name} has no concentration in row "
            f"{int(np.argmax(~np.isfinite(values))) + 1}"
        )
    note = f"{value_column} of {table.name}"
    if holds == "blood":
        return _table(time, values, hematocrit, note, table.tags)
    data = pd.DataFrame({"time_s": time, "plasma_mM": values})
    return Table(data=data, name="arterial input", notes=(note,), tags=table.tags)


def check_concentration(image: Image) -> None:
    """Raise :class:`WrongInput` unless an image is in mM."""
    if image.quantity.unit != "mM":
        raise WrongInput(
            f"{image.name} is in {image.quantity.unit}",
            "a concentration in mM",
            "convert the signal to concentration first",
        )


def plasma_of(table: Table, first_s: float, last_s: float) -> tuple[Floats, Floats]:
    """Return times and plasma concentrations of an arterial input.

    Parameters
    ----------
    table
        Columns ``time_s`` and ``plasma_mM``.
    first_s, last_s
        What it must cover.

    Raises
    ------
    CannotCompute
        If it does not, or its times are wrong.
    WrongInput
        If a column is missing.
    """
    time = checked_times(_column(table, "time_s"), table.name)
    plasma = _column(table, "plasma_mM")
    if not np.isfinite(plasma).all():
        raise CannotCompute(f"{table.name} has a time without a concentration")
    if len(time) < 2 or not plasma.any():
        raise CannotCompute(
            f"{table.name} holds no contrast agent", "an arterial input"
        )
    late, early = time[0] - first_s, last_s - time[-1]
    if early > 1e-6 * max(last_s, 1.0) or (late > 1e-6 and plasma[0] > 0):
        raise CannotCompute(
            f"{table.name} covers {time[0]:g} to {time[-1]:g} s, and the series "
            f"{first_s:g} to {last_s:g} s",
            "an arterial input for all of the series",
        )
    return time, plasma


def _column(table: Table, name: str) -> Floats:
    if name not in table.data:
        raise WrongInput(
            f"{table.name} has no column {name!r}",
            "one of " + ", ".join(str(column) for column in table.data),
        )
    try:
        return table.data[name].to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise WrongInput(
            f"the column {name!r} of {table.name} holds text", "numbers"
        ) from error


def _table(
    time: Floats, blood: Floats, hematocrit: float | None, note: str, tags: Tags
) -> Table:
    if hematocrit is None:
        raise CannotCompute(
            "the hematocrit, which turns blood into plasma, is not given",
            "such as 0.45",
            "give the share of the blood that is cells",
        )
    plasma = blood / (1 - hematocrit)
    data = pd.DataFrame({"time_s": time, "blood_mM": blood, "plasma_mM": plasma})
    kept = {k: t for k, t in tags.tags.items() if k in ("subject", "group")}
    return Table(
        data=data,
        name="arterial input",
        notes=(note, f"plasma = blood / (1 − {hematocrit:g})"),
        tags=Tags(kept),
    )
