"""Standards: what is known of each, and the signal that it gave."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Table
from nanoscape.model.raster import single_level
from nanoscape.quantify.calibration.concentration_units import (
    Specimen,
    Unit,
    factor_to,
    unit_of,
)
from nanoscape.quantify.calibration.zone_moments import (
    Area,
    names_of,
    zone_moments,
    zone_sizes,
)

NAMES = ("standard", "region", "level", "name")
"""Columns of a table that say which area a row is about."""
LINE = "line"
"""Column of a table that says which line of a laser a row is about, from one."""
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")
_BLANK = re.compile(r"blank|zero|control", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Standards:
    """Standards ready to be fitted.

    Attributes
    ----------
    data
        One row for each: ``standard``, ``concentration``, ``signal``, ``pixel_sd``,
        ``n_pixels``, and ``weight`` where it is given.
    unit
        Of the concentrations.
    notes
        How they came about.
    """

    data: pd.DataFrame
    unit: str
    notes: tuple[str, ...]


def gather(
    image: Image | None,
    areas: Area | None,
    table: Table | None,
    levels: str,
    column: str,
    unit: Unit,
    specimen: Specimen,
    skip: int = 0,
    task: Task | None = None,
) -> Standards:
    """Return the standards of a calibration from what describes them.

    Parameters
    ----------
    image
        Shows the standards; not needed where the table holds their signals.
    areas
        Where each of them is.
    table
        What is known of each, by its name or line; or with its signal.
    levels
        The same as text, such as ``"spot A = 0.5, spot B = 5"``.
    column
        Of the table, for the concentrations.
    unit, specimen
        Of the concentrations, and what turns them into µg/g.
    skip
        Readings left out at the start of each line of a laser.
    task
        Progress.

    Raises
    ------
    WrongInput
        If it is not said what a standard holds, or what signal it gave.
    """
    if table is not None and "signal" in table.data:
        data = _from_table(table, column, unit)
    elif image is None:
        raise WrongInput(
            "there is no signal of the standards",
            "an image of them, or a table with the column signal",
        )
    else:
        if areas is None and table is not None and LINE in table.data:
            areas = line_areas(image, line_numbers(table), skip)
        known = _known(areas, table, levels, column, unit)
        data = _measured(image, areas, table, known, task)
    per_spot = unit == "pg per spot"
    size = zone_sizes(image) if per_spot and image is not None else math.nan
    notes: dict[str, None] = {}
    factors = []
    final = ""
    for n in data["n_pixels"]:
        area = n * size if per_spot and n * size > 0 else None
        factor, final, account = factor_to(unit, specimen, area)
        factors.append(factor)
        notes[account] = None
    data["concentration"] *= factors
    return Standards(data, final, tuple(note for note in notes if note))


def line_areas(image: Image, numbers: NDArray[np.int64], skip: int) -> Labels:
    """Return labels that number the lines of an image, without their first readings.

    Parameters
    ----------
    image
        With the axes ``yx``, one row for each line.
    numbers
        Lines that are wanted, from one.
    skip
        Readings at the start of a line that are left out.
    """
    rows, readings = image.shape
    wrong = [int(n) for n in numbers if not 1 <= n <= rows]
    if wrong:
        raise WrongInput(
            f"{image.name} has {rows} lines and no line {wrong[0]}",
            "numbers of lines, from 1",
        )
    if skip >= readings:
        raise WrongInput(
            f"the lines of {image.name} have {readings} readings and {skip} are to be "
            "left out",
            "fewer",
        )
    held = np.zeros(image.shape, np.int32)
    held[numbers - 1, skip:] = numbers[:, None]
    return Labels(
        levels=single_level(da.from_array(held, chunks=-1), image.spatial_axes),
        axes=image.axes,
        grid_to_space=image.grid_to_space,
        space=image.space,
        name=f"lines of {image.name}",
    )


def line_numbers(table: Table) -> NDArray[np.int64]:
    """Return the lines that the rows of a table are about, from one."""
    values = _numbers(table.data[LINE], table)
    if (values != np.round(values)).any() or len(np.unique(values)) < len(values):
        raise WrongInput(
            f"{table.name} does not number its lines", "another whole number each"
        )
    return values.astype(np.int64)


def concentration_column(table: Table, column: str, unit: Unit | None) -> str:
    """Return the column of a table that holds concentrations.

    Raises
    ------
    WrongInput
        If there is none or several, or it states another unit.
    """
    names = [str(name) for name in table.data]
    found = [column] if column else [n for n in names if n == "concentration"]
    found = found or [n for n in names if n.startswith("concentration")]
    found = found or [n for n in names if unit_of(n) is not None]
    if len(found) != 1 or found[0] not in names:
        choices = found if found and found[0] in names else names
        raise WrongInput(
            f"it is not said which column of {table.name} holds the concentrations",
            f"one of {', '.join(choices)}",
        )
    stated = unit_of(found[0])
    if unit is not None and stated is not None and stated != unit:
        raise WrongInput(
            f"the column {found[0]} of {table.name} is in {stated}",
            f"{unit}, as chosen for the standards",
            "choose the unit of the column",
        )
    return found[0]


def _from_table(table: Table, column: str, unit: Unit) -> pd.DataFrame:
    known = concentration_column(table, column, unit)
    frame = table.data
    named = next((n for n in (*NAMES, LINE) if n in frame), None)
    names = pd.Series(np.arange(len(frame)) + 1) if named is None else frame[named]
    data = pd.DataFrame({"standard": names.astype(str).to_numpy()})
    data["concentration"] = _numbers(frame[known], table)
    data["signal"] = _numbers(frame["signal"], table)
    for name in ("pixel_sd", "n_pixels", "weight"):
        data[name] = _numbers(frame[name], table) if name in frame else math.nan
    data["n_pixels"] = data["n_pixels"].fillna(0)
    return data


def _known(
    areas: Area | None, table: Table | None, levels: str, column: str, unit: Unit
) -> dict[str, float]:
    """Return the concentration of each standard by its name."""
    if levels.strip():
        return _from_text(levels)
    if table is not None:
        values = _numbers(table.data[concentration_column(table, column, unit)], table)
        return dict(zip(_row_names(table), values, strict=True))
    if areas is None:
        raise WrongInput(
            "it is not said what each standard holds",
            "areas with their concentrations, or a table",
        )
    found = {name: _from_name(name, unit) for name in names_of(areas)}
    if not found or None in found.values():
        first = next((name for name, value in found.items() if value is None), "1")
        raise WrongInput(
            f"it is not said what the standard {first!r} of {areas.name} holds",
            'names such as "5 µg/g" and "blank", a table, or text such as "A = 5"',
        )
    return {name: value for name, value in found.items() if value is not None}


def _from_text(levels: str) -> dict[str, float]:
    found = {}
    for part in levels.split(","):
        name, equals, number = part.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not 0 <= value < math.inf:
            raise WrongInput(
                f"{part.strip()!r} does not say what a standard holds",
                'names and concentrations, such as "spot A = 0.5, spot B = 5"',
            )
        found[name.strip()] = value
    return found


def _from_name(name: str, unit: Unit) -> float | None:
    if _BLANK.fullmatch(name.strip()):
        return 0.0
    match = _NUMBER.fullmatch(name.strip())
    if match is None or float(match[1]) < 0:
        return None
    stated = unit_of(f"x {match[2]}") if match[2] else None
    if match[2] and stated is None:
        return None
    if stated is not None and stated != unit:
        raise WrongInput(
            f"the standard {name!r} is in {stated}", f"{unit}, as chosen",
            "choose the unit that is written on the standards",
        )  # fmt: skip
    return float(match[1])


def _row_names(table: Table) -> list[str]:
    for name in NAMES:
        if name in table.data:
            return [str(value) for value in table.data[name]]
    if LINE in table.data:
        return [str(number) for number in line_numbers(table)]
    raise WrongInput(
        f"{table.name} does not say which standard a row is about",
        f"a column {', '.join(NAMES)} or {LINE}",
    )


def _measured(
    image: Image,
    areas: Area | None,
    table: Table | None,
    known: Mapping[str, float],
    task: Task | None,
) -> pd.DataFrame:
    if areas is None:
        raise WrongInput(
            f"it is not said where the standards lie in {image.name}",
            "labels or regions, or a table with the column line",
        )
    found = zone_moments(image, areas, task=task)
    rows = []
    for name, concentration in known.items():
        if name not in found or not found[name][0].n:
            raise WrongInput(
                f"{areas.name} has no measured area for the standard {name!r}",
                f"one of {', '.join(found) or 'none'}",
            )
        (moments,) = found[name]
        rows.append(
            {
                "standard": name,
                "concentration": concentration,
                "signal": moments.mean,
                "pixel_sd": moments.sd,
                "n_pixels": moments.n,
                "weight": math.nan,
            }
        )
    data = pd.DataFrame(rows)
    if table is not None and "weight" in table.data:
        data["weight"] = _numbers(table.data["weight"], table)
    return data


def _numbers(column: pd.Series[Any], table: Table) -> NDArray[np.float64]:
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(values).all():
        wrong = column[~np.isfinite(values)].iloc[0]
        raise WrongInput(
            f"the column {column.name} of {table.name} holds {wrong!r}",
            "numbers with a decimal point",
        )
    return values
