"""Cells of a study sheet as values of tags, or a reason why not."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from nanoscape.errors import UnreadableFile
from nanoscape.io.tables.cells import Cell
from nanoscape.model import ROLES
from nanoscape.workflow.sheet.columns import DOSES, LENGTHS, MASSES, unit_named

_MISSING = {"", "-", "–", "—", "n/a", "na", "n.a.", "nan", "none", "null", "?"}
_COMMA = re.compile(r"[+-]?(\d+,\d{1,2}|\d+,\d{4,}|0,\d+|\d{1,3}(\.\d{3})+,\d+)")
_POINT = re.compile(
    r"[+-]?(\d+\.\d{1,2}|\d+\.\d{4,}|0\.\d+|\d{1,3}(,\d{3})+\.\d+)([eE][+-]?\d+)?"
)
_PLAIN = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
_NUMBER_AND_UNIT = re.compile(r"([+-]?[\d.,]+(?:[eE][+-]?\d+)?)\s*([^\d\s].*)?")
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[ T,]+(.*))?")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")


class Unreadable(ValueError):
    """A cell holds no value that can be used; the message says why."""


def is_missing(cell: Cell) -> bool:
    """Whether a cell says that nothing is known."""
    if cell.problem:
        return False
    value = cell.value
    return value is None or (
        isinstance(value, str) and value.strip().lower() in _MISSING
    )


def decimal_mark(cells: Iterable[Cell], delimiter: str, path: Path) -> str:
    """Return the decimal mark that numbers which stand as text agree on.

    Returns
    -------
    str
        ``"."``, ``","``, or ``""`` where the sheet does not tell.

    Raises
    ------
    UnreadableFile
        If some have a decimal comma and others a decimal point.
    """
    seen: dict[str, Cell] = {}
    for cell in cells:
        match = _NUMBER_AND_UNIT.fullmatch(str(cell.value).strip())
        if not isinstance(cell.value, str) or match is None:
            continue
        if _COMMA.fullmatch(match[1]):
            seen.setdefault(",", cell)
        elif _POINT.fullmatch(match[1]):
            seen.setdefault(".", cell)
    if len(seen) > 1:
        comma, point = seen[","], seen["."]
        raise UnreadableFile(
            f"{path} has decimal commas ({comma.value} in {comma.where}) and decimal "
            f"points ({point.value} in {point.where})",
            "one of the two",
            "save the sheet again from one program, best as XLSX",
        )
    if seen:
        return next(iter(seen))
    return "." if delimiter == "," else ""


def day_is_first(cells: Iterable[Cell]) -> bool | None:
    """Return the order of dates with slashes or dashes, ``None`` if unknown."""
    for cell in cells:
        match = _DAY_FIRST.fullmatch(str(cell.value).strip())
        if match and match[2] != ".":
            if int(match[1]) > 12:
                return True
            if int(match[3]) > 12:
                return False
    return None


def text(cell: Cell) -> str:
    """Return a name; whole numbers lose the decimals that Excel gives them."""
    value = _usable(cell)
    if isinstance(value, datetime.date | datetime.time):
        raise Unreadable(
            f"{value} is a date: the spreadsheet may have changed what was typed; "
            "format the column as text"
        )
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return f"{value:.15g}"
    plain = str(value).strip()
    # A quote before a formula keeps spreadsheets from running it.
    return plain[1:] if plain[:2] in ("'=", "'+", "'-", "'@") else plain


def number_and_unit(cell: Cell, mark: str) -> tuple[float, str]:
    """Return a number and the unit behind it, which may be empty."""
    value = _usable(cell)
    if isinstance(value, bool) or not isinstance(value, float | str):
        raise Unreadable(f"{value} is not a number")
    if isinstance(value, float):
        return _finite(value), cell.unit
    plain = re.sub(r"[\u00a0\u2009\u202f]", " ", value).strip()
    match = _NUMBER_AND_UNIT.fullmatch(plain)
    if match is None:
        raise Unreadable(f"{value!r} is not a number")
    return _finite(_number(match[1], mark)), (match[2] or "").strip()


def length_um(cell: Cell, unit: str, mark: str) -> float:
    """Return a length in µm."""
    return _scaled(cell, unit, mark, LENGTHS, "a length such as 10 µm")


def mass_g(cell: Cell, unit: str, mark: str) -> float:
    """Return a mass in g."""
    mass = _scaled(cell, unit, mark, MASSES, "a weight such as 25 g")
    if mass <= 0:
        raise Unreadable(f"a weight of {mass:g} g cannot be")
    return mass


def dose(cell: Cell, unit: str, mark: str) -> tuple[float, str]:
    """Return a dose and its unit: Bq, mg, mg/kg, µmol or µmol/kg."""
    value, own = number_and_unit(cell, mark)
    named = _unit(own, unit, DOSES, "a dose such as 5 MBq or 2 mg/kg")
    if value < 0:
        raise Unreadable(f"a dose of {value:g} {named} cannot be")
    factor, kept = DOSES[named]
    return value * factor, kept


def role(cell: Cell) -> str:
    """Return one of the roles, however it is capitalised."""
    wanted = text(cell)
    for known in ROLES:
        if known.lower() == wanted.lower():
            return known
    raise Unreadable(f"{wanted!r} is no role: one of {', '.join(ROLES)}")


def day(cell: Cell, day_first: bool | None) -> datetime.date:
    """Return a day."""
    found = _moment(cell, day_first)
    if isinstance(found, datetime.datetime):
        return found.date()
    if isinstance(found, datetime.date):
        return found
    raise Unreadable(f"{cell.value} is a time without a day")


def moment(cell: Cell, other: datetime.date | None, day_first: bool | None) -> str:
    """Return a day and time as ISO 8601, local as the scanner's clock.

    Parameters
    ----------
    cell
        Day and time, or the time of day alone.
    other
        The day, when it stands in another column.
    day_first
        Order of dates with slashes.
    """
    found = _moment(cell, day_first)
    if isinstance(found, datetime.time):
        if other is None:
            raise Unreadable(f"{cell.value} is a time without a day")
        found = datetime.datetime.combine(other, found)
    if not isinstance(found, datetime.datetime):
        raise Unreadable(f"{cell.value} is a day without a time")
    return found.isoformat()


def _moment(
    cell: Cell, day_first: bool | None
) -> datetime.datetime | datetime.date | datetime.time:
    value = _usable(cell)
    if isinstance(value, datetime.date | datetime.time):
        return value
    if not isinstance(value, str):
        raise Unreadable(
            f"{value} is a number, not a date: format the cell as a date in the "
            "spreadsheet"
        )
    plain = value.strip()
    match = _DAY_FIRST.fullmatch(plain)
    try:
        if _CLOCK.fullmatch(plain):
            return _clock(plain)
        if match is None:
            return _iso(plain)
        date = _ordered(match, day_first)
        clock = (match[5] or "").strip()
        return datetime.datetime.combine(date, _clock(clock)) if clock else date
    except ValueError as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(
            f"{value!r} is not a date and time such as 2026-03-31 14:05"
        ) from error


def _clock(plain: str) -> datetime.time:
    return datetime.time.fromisoformat(f"0{plain}" if plain[1:2] == ":" else plain)


def _iso(plain: str) -> datetime.datetime | datetime.date:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", plain):
        return datetime.date.fromisoformat(plain)
    if not re.match(r"\d{4}-\d{2}-\d{2}[ T]", plain):
        raise ValueError(plain)
    found = datetime.datetime.fromisoformat(plain)
    if found.tzinfo is not None:
        raise Unreadable(
            f"{plain!r} has a time zone: give the time that the scanner's clock showed"
        )
    return found


def _ordered(match: re.Match[str], day_first: bool | None) -> datetime.date:
    """Return the date of ``31.3.2026`` or ``3/31/2026``; dots mean day first."""
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if match[2] == ".":
        day_first = True
    if day_first is None and first != second:
        raise Unreadable(
            f"{match[0]!r} can be read as two different days: write it as 2026-03-31"
        )
    if day_first is False:
        first, second = second, first
    return datetime.date(year, second, first)


def _usable(cell: Cell) -> str | float | bool | datetime.date | datetime.time | None:
    if cell.problem:
        raise Unreadable(cell.problem)
    return cell.value


def _number(plain: str, mark: str) -> float:
    if not _PLAIN.fullmatch(plain):
        grouped = plain.count(",") + plain.count(".") > 1
        if not (
            grouped and mark and (_COMMA if mark == "," else _POINT).fullmatch(plain)
        ):
            raise Unreadable(f"{plain!r} is not a number")
        plain = plain.replace("." if mark == "," else ",", "")
    used = next((sign for sign in ",." if sign in plain), "")
    if used and used != mark:
        # Three digits behind the mark may be decimals or thousands.
        raise Unreadable(
            f"{plain!r} may mean {plain.replace(used, '.')} or "
            f"{plain.replace(used, '')}"
        )
    return float(plain.replace(",", "."))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise Unreadable(f"{value} is not a number")
    return value


def _scaled(
    cell: Cell, unit: str, mark: str, units: dict[str, float], expected: str
) -> float:
    value, own = number_and_unit(cell, mark)
    return value * units[_unit(own, unit, units, expected)]


def _unit(own: str, stated: str, units: Mapping[str, object], expected: str) -> str:
    """Return the unit of a cell: its own, else that of its heading."""
    wanted = own or stated
    if not wanted:
        raise Unreadable(
            f"no unit is given, neither in the heading nor here: {expected}"
        )
    named = unit_named(wanted, units)
    if not named:
        raise Unreadable(f"the unit {wanted!r} is not known: {expected}")
    if own and stated and named != unit_named(stated, units):
        raise Unreadable(f"the unit {own} is not that of the heading, {stated}")
    return named
