"""Sheets of a spreadsheet, from CSV or XLSX, as cells that know where they stand."""

from __future__ import annotations

import csv
import datetime
import io
import re
import string
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from nanoscape.errors import MissingDependency, UnreadableFile
from nanoscape.io.damage import DAMAGE, refuse_entities

Value: TypeAlias = (
    str | float | bool | datetime.datetime | datetime.date | datetime.time | None
)
"""What a cell holds; text from CSV is not interpreted."""

_MOST_BYTES = 2**25
_MOST_ROWS = 100_000
_MOST_COLUMNS = 1_000
_MOST_CELLS = 1_000_000
_MERGE = re.compile(rb"mergeCell\s")
_MERGED = re.compile(
    rb"mergeCell\s[^>]*?ref\s*=\s*[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']"
)
_DELIMITERS = ";,\t"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    value
        What it holds.
    where
        Its place as spreadsheets name it, such as ``"B4"``.
    problem
        Why the value cannot be used, when the sheet itself says so.
    unit
        What the format of a number shows behind it, such as ``"%"`` or ``"kg"``.
    """

    value: Value
    where: str
    problem: str = ""
    unit: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was entered."""
        text = self.value.strip() if isinstance(self.value, str) else self.value
        return text in (None, "") and not self.problem


@dataclass(frozen=True)
class Cells:
    """A sheet.

    Attributes
    ----------
    rows
        From the top; empty ones are kept, so that places are right.
    delimiter
        What separates the cells of text; empty for a workbook.
    notes
        Sentences that the user should know.
    """

    rows: tuple[tuple[Cell, ...], ...]
    delimiter: str
    notes: tuple[str, ...] = ()


def read_cells(path: Path) -> Cells:
    """Read a sheet from CSV or XLSX.

    Parameters
    ----------
    path
        Text separated by commas, semicolons or tabs, or a workbook, of which the
        first sheet that is not empty is read.

    Raises
    ------
    UnreadableFile
        If it is neither, is damaged, or could be read in two ways.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith(b"PK"):
            return _read_workbook(path)
        if path.stat().st_size > _MOST_BYTES:
            raise UnreadableFile(f"{path} is too large for a sheet")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened: {error.strerror}") from error
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableFile(
            f"{path} is a workbook of an old kind (XLS), or is protected by a password",
            todo="save it as XLSX or CSV",
        )
    return _read_text(data, path)


def place(row: int, column: int) -> str:
    """Return the name of a cell, counted from 0: ``B4`` is ``(3, 1)``."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = string.ascii_uppercase[rest] + letters
    return f"{letters}{row + 1}"


def _read_text(data: bytes, path: Path) -> Cells:
    text, notes = _decoded(data, path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise UnreadableFile(f"{path} is empty", "a sheet with a row of headings")
    declared = re.fullmatch(r"sep=(.)\s*", first, re.IGNORECASE)
    if declared:
        text = text[text.index(first) + len(first) :].lstrip("\r\n")
        delimiter = declared[1]
    else:
        delimiter = _delimiter(first)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = _limited(reader, path)
    except (csv.Error, ValueError) as error:
        raise UnreadableFile(f"{path} is not a table: {error}") from error
    shift = int(bool(declared))
    rows = tuple(
        tuple(Cell(value, place(r + shift, c)) for c, value in enumerate(line))
        for r, line in enumerate(lines)
    )
    _check_width(rows, delimiter, path)
    return Cells(rows, delimiter, notes)


def _decoded(data: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16"), ()
        if b"\0" in data:
            raise UnreadableFile(f"{path} is not text", "a sheet as CSV or XLSX")
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        note = f"{path.name} is taken for Windows text (cp1252): check µ and umlauts"
        return data.decode("cp1252", errors="replace"), (note,)


def _delimiter(line: str) -> str:
    outside = re.sub(r'"[^"]*"', "", line)
    return max(_DELIMITERS, key=outside.count)


def _limited(lines: Iterator[Sequence[Any]], path: Path) -> list[Sequence[Any]]:
    kept: list[Sequence[Any]] = []
    for line in lines:
        kept.append(line)
        if len(kept) > _MOST_ROWS or len(line) > _MOST_COLUMNS:
            raise UnreadableFile(
                f"{path} is too large for a sheet",
                f"at most {_MOST_ROWS} rows and {_MOST_COLUMNS} columns",
            )
    return kept


def _check_width(
    rows: tuple[tuple[Cell, ...], ...], delimiter: str, path: Path
) -> None:
    """Refuse rows that are longer than the headings: their cells have shifted."""
    filled = [row for row in rows if sum(not cell.is_empty for cell in row) > 1]
    if not filled:
        return
    width = max(i for i, cell in enumerate(filled[0]) if not cell.is_empty) + 1
    for row in filled[1:]:
        if any(not cell.is_empty for cell in row[width:]):
            todo = (
                "if its numbers have decimal commas, save it separated by "
                "semicolons or as XLSX"
                if delimiter == ","
                else "put cells that contain the separator in quotes"
            )
            raise UnreadableFile(
                f"the row of {row[0].where} in {path} has more cells than there are "
                "headings",
                f"{width} cells",
                todo,
            )


def _read_workbook(path: Path) -> Cells:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingDependency(
            f"{path} is a workbook, which needs openpyxl",
            todo='install it with: pip install "napari-nanoscape[formats]", '
            "or save the sheet as CSV",
        ) from error
    try:
        _check_archive(path)
        # Opened files, because openpyxl goes by the suffix of a name.
        with (
            path.open("rb") as first,
            path.open("rb") as second,
            warnings.catch_warnings(),
        ):
            # It warns of drop-down lists and styles, which do not matter here.
            warnings.simplefilter("ignore")
            # Not as streams, in which merged cells are not known.
            values = openpyxl.load_workbook(first, data_only=True)
            formulas = openpyxl.load_workbook(second)
            return _first_sheet(values, formulas, path)
    except UnreadableFile:
        raise
    except (*DAMAGE, zipfile.BadZipFile) as error:
        raise UnreadableFile(
            f"{path} is not a readable workbook ({type(error).__name__}: {error})",
            todo="save it again as XLSX or CSV",
        ) from error


def _check_archive(path: Path) -> None:
    """Refuse a workbook that unpacks to too much, or that hides something in XML."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > _MOST_BYTES:
            raise UnreadableFile(f"{path} is too large for a sheet")
        for member in members:
            if member.filename.lower().endswith((".xml", ".rels")):
                with archive.open(member) as file:
                    _check_part(file.read(member.file_size + 1), path)


def _check_part(text: bytes, path: Path) -> None:
    """Refuse XML that is not what it looks like, or that merges no end of cells."""
    encoding = re.search(rb"encoding\s*=\s*[\"']([^\"']*)", text[:200])
    plain = encoding is None or encoding[1].lower() in (b"utf-8", b"us-ascii")
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or not plain:
        raise UnreadableFile(f"{path} has parts in an unusual encoding", "UTF-8")
    refuse_entities(text, path)
    merged = 0
    ranges = _MERGED.findall(text)
    if len(ranges) < len(_MERGE.findall(text)):
        raise UnreadableFile(f"{path} merges cells in an unusual way")
    for left, top, right, bottom in ranges:
        height = int(bottom) - int(top) + 1
        merged += height * (_column_number(right) - _column_number(left) + 1)
    if merged > _MOST_CELLS:
        raise UnreadableFile(f"{path} merges too many cells for a sheet")


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _first_sheet(values: Any, formulas: Any, path: Path) -> Cells:
    for sheet in values.worksheets:
        if sheet.max_row * sheet.max_column > _MOST_CELLS:
            raise UnreadableFile(
                f"{path} has cells as far out as {place(sheet.max_row - 1, 0)}",
                f"at most {_MOST_CELLS} cells",
                "copy what counts into a new sheet",
            )
    filled = [
        sheet
        for sheet in values.worksheets
        if any(cell.value is not None for row in sheet.iter_rows() for cell in row)
    ]
    if not filled:
        raise UnreadableFile(f"{path} is empty", "a sheet with a row of headings")
    sheet = filled[0]
    notes = []
    if len(filled) > 1:
        notes.append(f"only the first sheet of {path.name}, {sheet.title}, is read")
    other = formulas[sheet.title]
    pairs = zip(
        _limited(sheet.iter_rows(), path),
        _limited(other.iter_rows(), path),
        strict=True,
    )
    rows = tuple(
        tuple(_typed(cell, formula, r, c) for c, (cell, formula) in enumerate(both))
        for r, both in enumerate(
            (zip(row, formulas, strict=False) for row, formulas in pairs)
        )
    )
    if sheet.merged_cells.ranges:
        rows = _unmerged(rows, sheet.merged_cells.ranges)
        notes.append("what stands in merged cells counts for each of their rows")
    return Cells(rows, "", tuple(notes))


def _unmerged(
    rows: tuple[tuple[Cell, ...], ...], ranges: Iterable[Any]
) -> tuple[tuple[Cell, ...], ...]:
    """Repeat what stands in merged cells in each of their rows."""
    filled = [list(row) for row in rows]
    for merged in ranges:
        left, top, _, bottom = (edge - 1 for edge in merged.bounds)
        for number in range(top + 1, min(bottom + 1, len(filled))):
            if top < len(filled) and left < len(filled[number]):
                where = filled[number][left].where
                filled[number][left] = replace(filled[top][left], where=where)
    return tuple(map(tuple, filled))


def _typed(cell: Any, formula: Any, row: int, column: int) -> Cell:
    """Return a workbook's cell; times without a date keep that they have none."""
    value, where = cell.value, place(row, column)
    if getattr(formula, "data_type", "") == "f" and value is None:
        return Cell(None, where, "a formula whose value was not saved")
    if getattr(cell, "data_type", "") == "e":
        return Cell(str(value), where, f"the error {value}")
    if isinstance(value, datetime.datetime):
        shows_clock = "h" in str(cell.number_format).lower()
        if value.time() == datetime.time() and not shows_clock:
            return Cell(value.date(), where)
    if isinstance(value, datetime.timedelta):
        return Cell(str(value), where, "a duration, where a day and a time belong")
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = str(cell.number_format)
        literal = re.search(r'"\s*([^"]+?)\s*"', shown)
        if literal is None and "%" in shown:
            return Cell(float(value) * 100, where, unit="%")
        return Cell(float(value), where, unit=literal[1] if literal else "")
    return Cell(value, where)
