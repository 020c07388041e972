"""Pairs of landmarks as a table: one row per pair, coordinates in µm."""

from __future__ import annotations

import csv
import re
import uuid
from collections.abc import Sequence
from pathlib import Path

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options, Readable, stem
from nanoscape.model import Landmarks

_COLUMN = re.compile(r"(?P<side>.+)_(?P<axis>[zyx])_um$")
_ERROR = "click_error_um"
_LONGEST_HEADER = 4096


def sniff(path: Path) -> bool:
    """Tell whether a text file's first line names landmarks of two spaces."""
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_HEADER)
        header = next(csv.reader([line.decode("utf-8-sig").strip()]), [])
        return _columns(header) is not None
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read pairs; the first space that the header names is the moving one."""
    del options
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if any(row.values())]
            file.seek(0)
            header = next(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise UnreadableFile(f"{path} is not a table of landmarks: {error}") from error
    found = _columns(header)
    if found is None:
        raise UnreadableFile(
            f"{path} has the columns {', '.join(header)}",
            "name, moving_y_um, moving_x_um, fixed_y_um, fixed_x_um",
        )
    moving, fixed, axes = found
    sides = []
    for side in (moving, fixed):
        try:
            columns = [f"{side}_{axis}_um" for axis in axes]
            sides.append([[float(row[name]) for name in columns] for row in rows])
        except (TypeError, ValueError) as error:
            raise UnreadableFile(
                f"{path} has a row that is not complete: {error}", "numbers in µm"
            ) from error
    errors = {row[_ERROR] for row in rows if row.get(_ERROR)}
    try:
        error_um = float(errors.pop()) if len(errors) == 1 else None
    except ValueError as error:
        raise UnreadableFile(f"{path} has a click error that is no number") from error
    names = tuple((row.get("name") or f"L{i + 1}") for i, row in enumerate(rows))
    return [
        Landmarks(
            moving=sides[0],  # type: ignore[arg-type]
            fixed=sides[1],  # type: ignore[arg-type]
            moving_space=moving,
            fixed_space=fixed,
            axes=axes,
            names=names,
            click_error_um=error_um,
            name=stem(path),
        )
    ]


def write_landmarks(pairs: Landmarks, path: str | Path) -> Path:
    """Write pairs as a table that :func:`read` understands.

    Parameters
    ----------
    pairs
        What to write; the columns carry the names of the two spaces.
    path
        The file; an old one is replaced when the new one is complete.
    """
    path = Path(path)
    sides = [(pairs.moving_space, pairs.moving), (pairs.fixed_space, pairs.fixed)]
    header = ["name", *(f"{s}_{a}_um" for s, _ in sides for a in pairs.axes)]
    known = [] if pairs.click_error_um is None else [repr(pairs.click_error_um)]
    new = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        with new.open("x", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow([*header, *([_ERROR] if known else [])])
            for i, name in enumerate(pairs.names):
                values = [repr(float(v)) for _, points in sides for v in points[i]]
                table.writerow([name, *values, *known])
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return path


def _columns(header: Sequence[str]) -> tuple[str, str, str] | None:
    """Return the names of both spaces and their axes, ``None`` for other tables."""
    sides: dict[str, set[str]] = {}
    for column in header:
        match = _COLUMN.match(column.strip())
        if match:
            sides.setdefault(match["side"], set()).add(match["axis"])
    if len(sides) != 2:
        return None
    (moving, first), (fixed, second) = sides.items()
    if first != second or not {"y", "x"} <= first:
        return None
    return moving, fixed, "".join(axis for axis in "zyx" if axis in first)
