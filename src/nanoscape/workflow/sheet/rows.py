"""Rows of a study sheet, each cell read by what its column means."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanoscape.errors import UnreadableFile
from nanoscape.io.tables.cells import Cell, Cells
from nanoscape.workflow.sheet import values
from nanoscape.workflow.sheet.columns import Column, column_of
from nanoscape.workflow.sheet.report import Report
from nanoscape.workflow.sheet.values import Unreadable

_MOST_HEADING_ROWS = 20
_NUMBERS = ("length", "mass", "dose", "amount")


@dataclass
class Row:
    """A row of a sheet, read as far as it can be.

    Attributes
    ----------
    number
        As the spreadsheet counts.
    tags
        What it says.
    places
        Names of the cells that say so.
    file, image
        What it is about; empty where it does not say.
    amounts
        Cells with amounts, by column.
    amount_unit
        Their unit, when a column of its own states it.
    """

    number: int
    tags: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    file: str = ""
    image: str = ""
    amounts: dict[Column, Cell] = field(default_factory=dict)
    amount_unit: str = ""


def rows_of(cells: Cells, path: Path, report: Report) -> tuple[list[Row], str]:
    """Return the rows below the headings, and the decimal mark of their numbers."""
    start, columns = _headings(cells, path)
    _note_columns(columns, path, report)
    body = [
        (number, row)
        for number, row in enumerate(cells.rows[start + 1 :], start + 2)
        if not all(cell.is_empty for cell in row)
    ]
    by_kind: dict[str, list[Cell]] = {}
    for _, row in body:
        for column, cell in zip(columns, row, strict=False):
            if column is not None:
                by_kind.setdefault(column.kind, []).append(cell)
    numbers = [cell for kind in _NUMBERS for cell in by_kind.get(kind, [])]
    mark = values.decimal_mark(numbers, cells.delimiter, path)
    dates = [*by_kind.get("time", []), *by_kind.get("date", [])]
    day_first = values.day_is_first(dates)
    rows = [_row(number, columns, row, mark, day_first, report) for number, row in body]
    return rows, mark


def _headings(cells: Cells, path: Path) -> tuple[int, list[Column | None]]:
    """Return the row of headings: the first in which columns are recognised."""
    for number, row in enumerate(cells.rows[:_MOST_HEADING_ROWS]):
        columns = [None if c.is_empty else column_of(str(c.value)) for c in row]
        filled = [c for c in columns if c is not None]
        known = [c for c in filled if c.known or c.kind == "amount"]
        tags = [c.tag for c in known]
        about_files = "file" in tags and len(filled) > 1
        if not about_files and not ("subject" in tags and len(tags) > 1):
            continue
        doubled = {tag for tag in tags if tags.count(tag) > 1}
        if doubled:
            names = [c.heading for c in known if c.tag in doubled]
            raise UnreadableFile(
                f"{path} has columns that mean the same: {', '.join(names)}",
                "one of them",
            )
        return number, columns
    raise UnreadableFile(
        f"{path} has no row of headings that is understood",
        "a column for the file or the animal, and one more, such as: file, subject, "
        "group, weight (g)",
        'write a template with "nanoscape sheet STUDY --template sheet.csv"',
    )


def _note_columns(columns: Sequence[Column | None], path: Path, report: Report) -> None:
    for column in columns:
        if column is not None and not column.known and column.kind == "text":
            report.add(
                "note",
                path.name,
                f'the column "{column.heading}" is kept as the tag {column.tag}',
            )
        elif column is not None and column.kind == "reading":
            report.add(
                "note",
                path.name,
                f'the column "{column.heading}" is not used: how a file is read is '
                "said when it is opened",
            )


def _row(
    number: int,
    columns: Sequence[Column | None],
    cells: Sequence[Cell],
    mark: str,
    day_first: bool | None,
    report: Report,
) -> Row:
    row = Row(number)
    pairs = [
        (column, cell)
        for column, cell in zip(columns, cells, strict=False)
        if column is not None
        and column.kind != "reading"
        and not values.is_missing(cell)
    ]
    by_tag = {column.tag: cell for column, cell in pairs}
    reader = _Reader(by_tag, mark, day_first)
    for column, cell in pairs:
        try:
            if column.kind == "amount":
                row.amounts[column] = cell
                values.number_and_unit(cell, mark)
                continue
            found = reader.read(column, cell)
        except Unreadable as error:
            row.amounts.pop(column, None)
            report.add("unreadable", cell.where, f"{column.heading}: {error}")
            continue
        if column.tag == "file":
            row.file = found["file"]
        elif column.tag == "image":
            row.image = found["image"]
        elif column.tag == "unit":
            row.amount_unit = found["unit"]
        else:
            row.tags |= found
            row.places |= dict.fromkeys(found, cell.where)
    return row


@dataclass(frozen=True)
class _Reader:
    """Reads the cells of one row."""

    cells: Mapping[str, Cell]
    mark: str
    day_first: bool | None

    def read(self, column: Column, cell: Cell) -> dict[str, Any]:
        """Return the tags that a cell gives."""
        tag, unit = column.tag, column.unit
        if column.kind == "length":
            return {tag: values.length_um(cell, unit, self.mark)}
        if column.kind == "mass":
            return {tag: values.mass_g(cell, unit, self.mark)}
        if column.kind == "dose":
            amount, kept = values.dose(cell, unit or self._dose_unit(), self.mark)
            return {tag: amount, f"{tag}_unit": kept}
        if column.kind == "role":
            return {tag: values.role(cell)}
        if column.kind == "time":
            return {tag: values.moment(cell, self._day(tag), self.day_first)}
        if column.kind == "date":
            values.day(cell, self.day_first)
            return {}
        if column.tag == "injected_dose_unit":
            # The doses carry it, converted; by itself it says nothing.
            return {}
        return {tag: values.text(cell)}

    def _dose_unit(self) -> str:
        cell = self.cells.get("injected_dose_unit")
        return "" if cell is None else values.text(cell)

    def _day(self, tag: str) -> datetime.date | None:
        cell = self.cells.get(tag.replace("_time", "_date"))
        return None if cell is None else values.day(cell, self.day_first)
