"""Tables in text in which an instrument lists signals against time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.spectrometry.isotopes import isotope_of
from nanoscape.units import ARBITRARY, seconds_per

_LARGEST = 2**28
_PREAMBLE_LINES = 64
_HEAD = 2**16
_SEPARATORS = (";", "\t", ",")
_TIME = re.compile(
    r"(?:time|t_elapsed_buf)(?:\s+in\s+(?P<word>\w+)|\s*[([](?P<unit>\w+)[)\]])?", re.I
)
_LONGEST_UNIT = 60.0
"""Seconds; a table of hours or days is of something else."""
_LINE = re.compile(r"line(?: number)?", re.I)
_UNITS = (
    (re.compile(r"counts per second|\bcps\b|Software:Name=Qtegra", re.I), "counts/s"),
    (re.compile(r"\bcounts\b", re.I), "counts"),
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Header:
    """The line that names the columns.

    Attributes
    ----------
    row
        Its number, from zero.
    separator
        Between cells.
    time, line
        Columns of the time and, where there is one, of the number of the line.
    signals
        Columns of the channels.
    channels
        Their names.
    seconds
        How long a unit of time is, ``None`` where none is stated.
    unit
        Of the signals.
    """

    row: int
    separator: str
    time: int
    line: int | None
    signals: tuple[int, ...]
    channels: tuple[str, ...]
    seconds: float | None
    unit: str


@dataclass(frozen=True)
class LineTable:
    """Signals against time.

    Attributes
    ----------
    header
        What its columns are.
    times
        In seconds, shape ``(points,)``.
    values
        Shape ``(points, channels)``.
    lines
        Number of the line of each point, where the table has such a column.
    """

    header: Header
    times: Floats
    values: Floats
    lines: Floats | None


def is_line_table(path: Path) -> bool:
    """Tell whether a file starts as such a table: a time, and only isotopes beside."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return b"\0" not in head and find_header(_lines(head)) is not None


def find_header(lines: list[str]) -> Header | None:
    """Return what the line with the names of the columns says, ``None`` without one."""
    for row, text in enumerate(lines[:_PREAMBLE_LINES]):
        for separator in _SEPARATORS:
            header = _header(row, text, separator, lines[:row])
            if header is not None:
                return header
    return None


def read_line_table(path: Path) -> LineTable:
    """Read a table.

    Raises
    ------
    UnreadableFile
        If it is none, or a row in it is not made of numbers.
    """
    if path.stat().st_size > _LARGEST:
        raise UnreadableFile(f"{path} is too large for a table of one scan")
    lines = _lines(path.read_bytes())
    header = find_header(lines)
    if header is None:
        raise UnreadableFile(
            f"{path} has no line that names a time and isotopes",
            "columns such as Time [Sec], P31, Au197",
        )
    rows: list[list[float]] = []
    for number, text in enumerate(lines[header.row + 1 :], header.row + 2):
        # Instruments write dwell times below the names, and a footer after a gap.
        if not text.strip(header.separator + " "):
            if rows:
                break
            continue
        row = _row(text, header)
        if row is not None:
            rows.append(row)
        elif rows:
            raise UnreadableFile(
                f"line {number} of {path} is not made of numbers",
                todo="copy or export the file again",
            )
    if not rows:
        raise UnreadableFile(f"{path} holds no measured points")
    table = np.array(rows)
    count = len(header.signals)
    return LineTable(
        header=header,
        times=table[:, count] * (header.seconds or 1.0),
        values=table[:, :count],
        lines=None if header.line is None else table[:, count + 1],
    )


def _lines(data: bytes) -> list[str]:
    """Return lines of text; instruments write UTF-8 or the code of their Windows."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.splitlines()


def _header(row: int, text: str, separator: str, above: list[str]) -> Header | None:
    """Return what a line says if it names a time and otherwise only isotopes."""
    cells = [cell.strip().strip("'\"").strip() for cell in text.split(separator)]
    while cells and not cells[-1]:
        cells.pop()
    times = [i for i, cell in enumerate(cells) if _TIME.fullmatch(cell)]
    numbers = [i for i, cell in enumerate(cells) if _LINE.fullmatch(cell)]
    signals = [i for i, cell in enumerate(cells) if isotope_of(cell)]
    known = len(times) + len(numbers) + len(signals)
    if len(times) != 1 or len(numbers) > 1 or not signals or known != len(cells):
        return None
    match = _TIME.fullmatch(cells[times[0]])
    seconds = _seconds(match["word"] or match["unit"] or "") if match else None
    if seconds is not None and seconds > _LONGEST_UNIT:
        return None
    preamble = "\n".join([*above, text])
    unit = next((name for form, name in _UNITS if form.search(preamble)), ARBITRARY)
    return Header(
        row=row,
        separator=separator,
        time=times[0],
        line=numbers[0] if numbers else None,
        signals=tuple(signals),
        channels=tuple(cells[i] for i in signals),
        seconds=seconds,
        unit=unit,
    )


def _seconds(unit: str) -> float | None:
    try:
        return seconds_per(unit) if unit else None
    except MissingCalibration:
        return None


def _row(text: str, header: Header) -> list[float] | None:
    """Return the numbers of a row in the order signals, time, line; else ``None``."""
    cells = text.split(header.separator)
    wanted = [*header.signals, header.time]
    if header.line is not None:
        wanted.append(header.line)
    try:
        numbers = [cell_number(cells[i], header.separator) for i in wanted]
    except (ValueError, IndexError):
        return None
    return None if np.isnan(numbers[len(header.signals)]) else numbers


def cell_number(text: str, separator: str) -> float:
    """Return the number in a cell, NaN for an empty one.

    Raises
    ------
    ValueError
        If it is no number.
    """
    text = text.strip()
    if separator == ";":
        text = text.replace(",", ".")
    return float(text) if text else np.nan
