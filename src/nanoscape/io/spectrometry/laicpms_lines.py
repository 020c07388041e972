"""LA-ICP-MS with one table for each line of the laser.

PerkinElmer writes a folder of ``.xl`` files and Agilent a batch (``.b``) of folders
(``.d``) with a table in each; tables as CSV come from Qtegra and from other programs.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import TypeAlias

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options, Readable
from nanoscape.io.spectrometry.line_files import (
    WIDEST_GAP,
    missing_lines,
    natural,
    numbered,
    uneven_lines,
)
from nanoscape.io.spectrometry.line_scan import (
    LineScan,
    line_image,
    scan_time_of,
    stacked,
)
from nanoscape.io.spectrometry.line_table import (
    LineTable,
    is_line_table,
    read_line_table,
)

_PARAMETERS = "parameters.conf"
_BATCH_LOG = "BatchLog.csv"

Lines: TypeAlias = tuple[Path | None, ...]
"""The table of each line; ``None`` for a line that is missing."""


def sniff(path: Path) -> bool:
    """Tell whether a file or the tables of a folder list isotopes against time."""
    try:
        if path.is_file():
            return is_line_table(path)
        first = next((table for table in _tables(path) if table is not None), None)
    except (OSError, ValueError):
        return False
    return first is not None and is_line_table(first)


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read a folder of lines, or one table."""
    if path.is_file():
        return line_image(load_table, path, options)
    lines = _tables(path)
    if not lines:
        raise UnreadableFile(
            f"{path} holds no tables of lines", "files .xl, .csv, or folders .d"
        )
    parameters = path / _PARAMETERS
    extra = (parameters,) if parameters.is_file() else ()
    files = tuple(line for line in lines if line is not None) + extra
    return line_image(load_folder, path, options, files=files, arguments=(lines,))


def load_table(path: Path) -> LineScan:
    """Return the lines of one table: one, or as many as it has a column for."""
    table = read_line_table(path)
    if table.lines is None:
        return _scan([table], table)
    numbers = np.unique(table.lines)
    if not np.isfinite(numbers).all() or np.ptp(numbers) > WIDEST_GAP * len(numbers):
        raise UnreadableFile(f"{path} does not number its lines")
    lines: list[LineTable | None] = []
    for number in range(int(numbers[0]), int(numbers[-1]) + 1):
        own = table.lines == number
        part = LineTable(table.header, table.times[own], table.values[own], None)
        lines.append(part if own.any() else None)
    return _scan(lines, table)


def load_folder(path: Path, lines: Lines) -> LineScan:
    """Return the lines of a folder in the given order.

    Raises
    ------
    UnreadableFile
        If a table is damaged, or its channels are not those of the others.
    """
    tables: list[LineTable | None] = []
    first: LineTable | None = None
    for line in lines:
        if line is None or line.stat().st_size == 0:
            tables.append(None)
            continue
        table = read_line_table(line)
        first = first or table
        if table.header.channels != first.header.channels:
            raise UnreadableFile(
                f"{line} has the channels {', '.join(table.header.channels)}",
                ", ".join(first.header.channels) + " as in the other lines",
                "put lines of one image into the folder",
            )
        tables.append(table)
    if first is None:
        raise UnreadableFile(f"all tables in {path} are empty")
    speed, distance = _parameters(path / _PARAMETERS)
    scan = _scan(tables, first, speed, distance)
    return replace(scan, warnings=(*scan.warnings, *_not_listed(path, lines)))


def _not_listed(path: Path, lines: Lines) -> list[str]:
    """Return a sentence about the lines of a batch that its log does not list."""
    listed = {line.parent.name for line in lines if line is not None}
    tables = (_table_in(f) for f in sorted(path.glob("*.d"), key=natural))
    others = [t.parent.name for t in tables if t is not None]
    spare = [name for name in others if name not in listed]
    if not spare:
        return []
    return [f"lines that {_BATCH_LOG} does not list are left out: {', '.join(spare)}"]


def _scan(
    tables: Sequence[LineTable | None],
    first: LineTable,
    scan_speed: float | None = None,
    line_distance: float | None = None,
) -> LineScan:
    """Return tables as one scan."""
    found = [table for table in tables if table is not None]
    warnings = missing_lines(tables)
    warnings += uneven_lines([len(table.times) for table in found])
    steps = [step for t in found if (step := scan_time_of(t.times)) is not None]
    if steps and first.header.seconds is None:
        warnings.append("the times have no unit and are taken as seconds")
    values = [None if table is None else table.values for table in tables]
    return LineScan(
        values=stacked(values, len(first.header.channels)),
        channels=first.header.channels,
        scan_time=float(np.median(steps)) if steps else None,
        scan_speed=scan_speed,
        line_distance=line_distance,
        unit=first.header.unit,
        warnings=tuple(warnings),
    )


def _tables(folder: Path) -> Lines:
    """Return the tables of a folder in the order of the lines."""
    batch = sorted((f for f in folder.glob("*.d") if f.is_dir()), key=natural)
    if batch:
        logged = _logged(folder)
        if logged:
            return tuple(_table_in(folder / name) for name in logged)
        by_folder = {table.parent: table for f in batch if (table := _table_in(f))}
        return tuple(
            by_folder.get(f) if f is not None else None for f in numbered(batch)
        )
    for pattern in ("*.xl", "*.csv"):
        found = sorted((f for f in folder.glob(pattern) if f.is_file()), key=natural)
        if found:
            # One table that is something else makes it some other folder.
            tables = [f for f in found if f.stat().st_size == 0 or is_line_table(f)]
            return tuple(numbered(found)) if len(tables) == len(found) else ()
    return ()


def _table_in(folder: Path) -> Path | None:
    """Return the table of an Agilent folder; it has the folder's name."""
    table = folder / f"{folder.stem}.csv"
    return table if table.is_file() else None


def _logged(folder: Path) -> list[str]:
    """Return the names of the folders of a batch in the order of acquisition."""
    log = folder / _BATCH_LOG
    if not log.is_file():
        return []
    try:
        with log.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("File Name")]
    except csv.Error:
        return []
    # Only the last part counts: the batch was written on another computer.
    names = dict.fromkeys(PureWindowsPath(row["File Name"]).name for row in rows)
    return [name for name in names if name.lower().endswith(".d")]


def _parameters(path: Path) -> tuple[float | None, float | None]:
    """Return scan speed in µm/s and distance of lines in µm that PerkinElmer states."""
    found: dict[str, float] = {}
    if path.is_file():
        for line in path.read_text("utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            try:
                number = float(value)
            except ValueError:
                continue
            if np.isfinite(number) and number > 0:
                found[name.strip()] = number
    # The file counts in mm.
    speed, distance = found.get("ablation.speed"), found.get("space.interval")
    return (speed and speed * 1e3, distance and distance * 1e3)
