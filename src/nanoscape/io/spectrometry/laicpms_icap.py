"""LA-ICP-MS from Thermo's Qtegra: all lines of a sample in one exported table.

Its cells are scans (``MainRuns``), elements and kinds of reading; the lines of the
laser are its columns or its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options, Readable
from nanoscape.io.spectrometry.line_scan import (
    COUNTS_PER_SECOND,
    LineScan,
    line_image,
    scan_time_of,
)
from nanoscape.io.spectrometry.line_table import cell_number

_MARK = "MainRuns"
_HEAD = 4096
_LARGEST = 2**30
_SIGNALS = ("Counter", "Analog")
"""Kinds of reading in the order in which they are preferred."""

Entry = tuple[int, str, str, list[str]]
"""Scan, element and kind of reading, with a cell for each line."""


def sniff(path: Path) -> bool:
    """Tell whether a table of text starts with the runs of Qtegra."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    lines = head.decode("latin-1").splitlines()[:8]
    return any(_separator(line) and _MARK in _cells(line) for line in lines)


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the lines of a table."""
    return line_image(load, path, options)


def load(path: Path) -> LineScan:
    """Return the lines of a table.

    Raises
    ------
    UnreadableFile
        If it is not complete.
    """
    if path.stat().st_size > _LARGEST:
        raise UnreadableFile(f"{path} is too large for a table")
    lines = path.read_bytes().decode("utf-8-sig", errors="replace").splitlines()
    rows = [_cells(line) for line in lines if line.strip(";, ")]
    across = any(row[0] == _MARK for row in rows)
    entries = list(_by_column(rows) if across else _by_row(path, rows))
    if not entries:
        raise UnreadableFile(f"{path} holds no {_MARK}")
    kinds = {kind for _, _, kind, _ in entries}
    signal = next((kind for kind in _SIGNALS if kind in kinds), None)
    if signal is None:
        raise UnreadableFile(
            f"{path} holds the readings {', '.join(sorted(kinds))}",
            " or ".join(_SIGNALS),
            "export it again with the counts",
        )
    elements = list(dict.fromkeys(e for _, e, kind, _ in entries if kind == signal))
    separator = next(filter(None, map(_separator, lines)), ",")
    values = _readings(path, entries, elements, signal, separator)
    times = (
        _readings(path, entries, elements[:1], "Time", separator)
        if "Time" in kinds
        else np.empty((1, 1, 0))
    )
    return LineScan(
        values=values,
        channels=tuple(elements),
        scan_time=scan_time_of(times),
        unit=COUNTS_PER_SECOND if signal == "Counter" else "a.u.",
    )


def _separator(line: str) -> str:
    """Return what stands between the cells of a line, empty without cells."""
    return next((s for s in (";", ",") if line.count(s) >= 3), "")


def _cells(line: str) -> list[str]:
    separator = _separator(line) or ","
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _by_column(rows: list[list[str]]) -> Iterator[Entry]:
    """Yield the entries of a table in which each line of the laser is a column."""
    for row in rows:
        if row[0] == _MARK and len(row) > 4:
            scan, element, kind = row[1:4]
            # A separator ends each row.
            cells = row[4:-1] if not row[-1] and len(row) > 5 else row[4:]
            yield int(scan), element, kind, cells


def _by_row(path: Path, rows: list[list[str]]) -> Iterator[Entry]:
    """Yield the entries of a table in which each line of the laser is a row."""
    start = next((i for i, row in enumerate(rows) if _MARK in row), None)
    if start is None or len(rows) < start + 5:
        raise UnreadableFile(f"{path} holds no complete {_MARK}")
    marks, scans, elements, kinds = rows[start : start + 4]
    lines = rows[start + 4 :]
    for column, mark in enumerate(marks):
        if mark == _MARK:
            cells = [row[column] for row in lines]
            yield int(scans[column]), elements[column], kinds[column], cells


def _readings(
    path: Path,
    entries: Sequence[Entry],
    elements: Sequence[str],
    kind: str,
    separator: str,
) -> np.ndarray[tuple[int, int, int], np.dtype[np.float64]]:
    """Return readings of one kind, shape ``(element, line, scan)``; NaN for none."""
    own = [e for e in entries if e[2] == kind and e[1] in elements]
    scans = sorted({scan for scan, *_ in own})
    counts = {len(cells) for *_, cells in own}
    if len(counts) != 1 or len(scans) * len(elements) != len(own):
        raise UnreadableFile(
            f"{path} does not have a {kind} for each element, scan and line",
            todo="export the file again",
        )
    place = {scan: number for number, scan in enumerate(scans)}
    values = np.full((len(elements), counts.pop(), len(scans)), np.nan)
    for scan, element, _, cells in own:
        try:
            numbers = [cell_number(cell, separator) for cell in cells]
        except ValueError as error:
            raise UnreadableFile(f"{path} has a damaged reading: {error}") from error
        values[elements.index(element), :, place[scan]] = numbers
    return values
