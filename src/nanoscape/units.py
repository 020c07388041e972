"""Physical units at the edge of the program.

Inside, lengths are micrometres, times are seconds and angles are radians. Files
and people use other units; the tables here convert them once, on the way in.
"""

from __future__ import annotations

import re

from nanoscape.errors import MissingCalibration

MICROMETRE = "µm"
SECOND = "s"
ARBITRARY = "a.u."

_MICROMETRES = {
    "angstrom": 1e-4,
    "å": 1e-4,
    "pm": 1e-6,
    "picometer": 1e-6,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "dm": 1e5,
    "m": 1e6,
    "meter": 1e6,
    "inch": 25.4e3,
    "in": 25.4e3,
}

_SECONDS = {
    "ns": 1e-9,
    "nanosecond": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "microsecond": 1e-6,
    "ms": 1e-3,
    "millisecond": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}

_LENGTH = re.compile(r"\s*([0-9.+\-eE]+)\s*([^\s\d]\S*)\s*$")


def micrometres_per(unit: str) -> float:
    """Return how many micrometres one ``unit`` is.

    Parameters
    ----------
    unit
        A unit of length as files write it, such as ``"mm"``, ``"micrometer"``
        or ``"µm"``; British spelling and capitals are understood.

    Raises
    ------
    MissingCalibration
        If the unit is not a unit of length that is known here.

    Examples
    --------
    >>> micrometres_per("mm")
    1000.0
    """
    return _lookup(unit, _MICROMETRES, "a unit of length such as nm, µm or mm")


def seconds_per(unit: str) -> float:
    """Return how many seconds one ``unit`` is.

    Raises
    ------
    MissingCalibration
        If the unit is not a unit of time that is known here.

    Examples
    --------
    >>> seconds_per("min")
    60.0
    """
    return _lookup(unit, _SECONDS, "a unit of time such as ms, s or min")


def parse_length(text: str) -> float:
    """Read a length with its unit, in micrometres.

    Parameters
    ----------
    text
        A number followed by its unit, such as ``"0.5 um"`` or ``"3.27mm"``.

    Raises
    ------
    MissingCalibration
        If the text has no unit, or is not a positive length.

    Examples
    --------
    >>> parse_length("0.5 mm")
    500.0
    """
    match = _LENGTH.match(text)
    try:
        value = float(match.group(1)) if match else 0.0
    except ValueError:
        value = 0.0
    if match is None or not value > 0:
        raise MissingCalibration(
            f"the length {text!r} is not a positive number with a unit",
            todo="write it with its unit, for example 0.5um",
        )
    return value * micrometres_per(match.group(2))


def parse_speed(text: str) -> float:
    """Read a speed with its unit, in micrometres per second.

    Parameters
    ----------
    text
        A number followed by a length over a time, such as ``"40 um/s"``.

    Raises
    ------
    MissingCalibration
        If the text has no unit, or is not a positive speed.

    Examples
    --------
    >>> parse_speed("0.04 mm/s")
    40.0
    """
    length, slash, time = text.partition("/")
    if not slash:
        raise MissingCalibration(
            f"the speed {text!r} is not a positive number with a unit",
            todo="write it with its unit, for example 40um/s",
        )
    return parse_length(length) / seconds_per(time)


def _lookup(unit: str, table: dict[str, float], expected: str) -> float:
    key = unit.strip()
    for form in (key, key.lower(), key.lower().replace("metre", "meter")):
        if form in table:
            return table[form]
    raise MissingCalibration(f"the unit {unit!r} is not known", expected)
