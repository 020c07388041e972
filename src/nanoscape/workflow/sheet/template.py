"""A study sheet to fill in: the files of a study and what is known of them."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanoscape.errors import MissingDependency, WrongInput
from nanoscape.io.whole import new_file
from nanoscape.model import Study
from nanoscape.workflow.sheet.columns import KNOWN

HEADINGS = {
    "file": "file",
    "image": "image",
    "subject": "subject",
    "group": "group",
    "lesion": "lesion",
    "block": "block",
    "section": "section",
    "section position (µm)": "section_position_um",
    "section thickness (µm)": "section_thickness_um",
    "stain": "stain",
    "batch": "batch",
    "role": "role",
    "analyte": "analyte",
    "weight (g)": "weight_g",
    "injected dose": "injected_dose",
    "residual dose": "residual_dose",
    "dose unit": "injected_dose_unit",
    "injection time": "injection_time",
    "acquisition time": "acquisition_time",
}
"""Columns of a template, and the tags that fill them."""

_FORMULAS = ("=", "+", "-", "@")


def write_template(study: Study, path: str | Path) -> Path:
    """Write a sheet with one row for each file of a study.

    Cells hold what was entered or imported before; what only the header of a file
    says is left empty, because it is known without the sheet.

    Parameters
    ----------
    study
        The study.
    path
        A new file, ``.csv`` or ``.xlsx``.

    Raises
    ------
    WrongInput
        If the name ends in neither, or is taken.
    """
    path = Path(path)
    rows = [list(HEADINGS), *_rows(study)]
    if path.suffix.lower() == ".csv":
        with (
            new_file(path) as new,
            new.open("w", encoding="utf-8-sig", newline="") as f,
        ):
            table = csv.writer(f)
            table.writerows([_harmless(value) for value in row] for row in rows)
    elif path.suffix.lower() == ".xlsx":
        _write_workbook(rows, path)
    else:
        raise WrongInput(
            f"the name {path.name} tells no kind of sheet", ".csv or .xlsx"
        )
    return path


def _rows(study: Study) -> list[list[Any]]:
    rows = []
    for source in study.sources.values():
        rows.append(_row(source.path, "", source.tags))
        for image, tags in source.objects.items():
            rows.append(_row(source.path, image, tags))
    return rows


def _row(path: str, image: str, tags: Mapping[str, Any]) -> list[Any]:
    known = {"file": path, "image": image} | dict(tags)
    return [known.get(tag, "") for tag in HEADINGS.values()]


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from running a text as a formula."""
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value


def _write_workbook(rows: list[list[Any]], path: Path) -> None:
    try:
        from openpyxl import Workbook
        from openpyxl.comments import Comment
    except ImportError as error:
        raise MissingDependency(
            "XLSX needs openpyxl",
            todo='install it with: pip install "napari-nanoscape[formats]", '
            "or write .csv",
        ) from error
    book = Workbook()
    sheet = book.active
    sheet.title = "study"
    for r, row in enumerate(rows, 1):
        for c, value in enumerate(row, 1):
            cell = sheet.cell(r, c)
            moment = _moment(list(HEADINGS.values())[c - 1], value) if r > 1 else None
            if moment is not None:
                cell.value = moment
                cell.number_format = "yyyy-mm-dd hh:mm:ss"
            elif isinstance(value, int | float) and not isinstance(value, bool):
                cell.value = value
            elif value != "":
                # As text, so that 1-2 stays a section and = starts no formula.
                cell.value, cell.data_type = str(value), "s"
                cell.number_format = "@"
    for c, tag in enumerate(HEADINGS.values(), 1):
        meaning = next(known.meaning for known in KNOWN if known.tag == tag)
        sheet.cell(1, c).comment = Comment(meaning, "napari-nanoscape")
    sheet.freeze_panes = "C2"
    with new_file(path) as new:
        book.save(new)


def _moment(tag: str, value: Any) -> datetime.datetime | None:
    if not tag.endswith("_time"):
        return None
    try:
        return datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return None
