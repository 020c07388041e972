"""The study sheet: what people know of their files, one row per file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanoscape.compute import Task
from nanoscape.io.tables.cells import read_cells
from nanoscape.model import Source, Study, Table, Tags
from nanoscape.model.study import replace_source
from nanoscape.workflow.sheet.amounts import amounts_table
from nanoscape.workflow.sheet.check import compare_with_headers, images_of
from nanoscape.workflow.sheet.match import matching
from nanoscape.workflow.sheet.report import Report
from nanoscape.workflow.sheet.rows import Row, rows_of
from nanoscape.workflow.sheet.spaces import rename_spaces, renamed_spaces

_PER_IMAGE = ("role", "analyte")


@dataclass
class Sheet:
    """What a sheet says about a study; :func:`apply_sheet` takes it over.

    Attributes
    ----------
    path
        The sheet.
    sources, images
        Tags by source, and by source and image.
    table
        Amounts measured outside of images, or ``None``.
    renamed
        Spaces of animals that the sheet gives another name, old name to new.
    report
        What was found.
    """

    path: Path
    sources: dict[str, Tags]
    images: dict[tuple[str, str], Tags]
    table: Table | None
    report: Report
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """Identifiers of the sources that it says something of."""
        return {*self.sources, *(ident for ident, _ in self.images)}


def read_sheet(study: Study, path: str | Path, *, task: Task | None = None) -> Sheet:
    """Read a study sheet and compare it with the study; nothing is changed.

    Parameters
    ----------
    study
        The study whose files the rows are about.
    path
        CSV or XLSX with one row of headings. The columns are listed in
        :mod:`nanoscape.workflow.sheet.columns`.
    task
        Progress; the headers of the files are read for comparison.

    Returns
    -------
    Sheet
        Tags with the origin ``sheet``, amounts, and a report.

    Raises
    ------
    UnreadableFile
        If the sheet cannot be read, or can be read in two ways.
    """
    path = Path(path)
    task = task or Task()
    cells = read_cells(path)
    report = Report()
    for note in cells.notes:
        report.add("note", path.name, note)
    rows, mark = rows_of(cells, path, report)
    report.rows = len(rows)
    amounts = [row for row in rows if row.amounts and not row.file]
    table = amounts_table(amounts, path, report, mark) if amounts else None
    sheet = Sheet(path, {}, {}, table, report)
    headers = images_of(study, report, task)
    _give_tags([row for row in rows if row not in amounts], study, headers, sheet)
    compare_with_headers(study, sheet.sources, sheet.images, headers, report)
    sheet.renamed = renamed_spaces(study, sheet.sources, headers, report)
    if sheet.files or table is None:
        for source in study.sources.values():
            if source.id not in sheet.files:
                report.add("no row", source.path, "the sheet does not name it")
    return sheet


def apply_sheet(study: Study, sheet: Sheet) -> None:
    """Write what a sheet says into the tags of a study's files.

    The user's word stays where it says otherwise; what the sheet says wins over
    headers and guesses. The table is left to the caller.
    """
    for ident, tags in sheet.sources.items():
        source = study.sources[ident]
        replace_source(study, ident, tags=source.tags.merged(tags))
    for (ident, image), tags in sheet.images.items():
        source = study.sources[ident]
        known = source.objects.get(image, Tags())
        objects = {**source.objects, image: known.merged(tags)}
        replace_source(study, ident, objects=objects)
    rename_spaces(study, sheet.renamed)


def _give_tags(
    rows: Sequence[Row],
    study: Study,
    headers: Mapping[str, Mapping[str, Tags]],
    sheet: Sheet,
) -> None:
    """Find the file of each row and keep its tags, or report why not."""
    report = sheet.report
    taken: dict[tuple[str, str], Row] = {}
    used: Counter[tuple[str, str]] = Counter()
    spoilt: set[tuple[str, str]] = set()
    for row in rows:
        source = _source(row, study, report)
        if source is None:
            continue
        image = _image(row, source, headers.get(source.id, {}), report)
        if image is None:
            continue
        key = (source.id, image)
        first = taken.setdefault(key, row)
        if first is not row and first.tags != row.tags:
            spoilt.add(key)
            report.add(
                "ambiguous",
                f"row {row.number}",
                f"{row.file} stands in row {first.number} too, with other values; "
                "neither is taken over",
            )
            continue
        tags = _resolved(row, source, study, report)
        if len(headers.get(source.id, {})) > 1 and not image:
            tags = _without_image_tags(tags, row, source, report)
        _keep(sheet, key, Tags.of("sheet", **tags))
        used[key] += 1
    for key in spoilt:
        del used[key]
        sheet.images.pop(key, None)
        if not key[1]:
            sheet.sources.pop(key[0], None)
    report.used += used.total()
    _check_groups(rows, report)


def _keep(sheet: Sheet, key: tuple[str, str], tags: Tags) -> None:
    ident, image = key
    if image:
        sheet.images[key] = tags
    else:
        sheet.sources[ident] = tags


def _source(row: Row, study: Study, report: Report) -> Source | None:
    where = f"row {row.number}"
    if not row.file:
        report.add("no file", where, "it names no file and no amount with a unit")
        return None
    found = matching(row.file, study)
    if not found:
        report.add("no file", where, f"{row.file} is not in the study")
        return None
    if len(found) > 1:
        paths = ", ".join(source.path for source in found)
        report.add("ambiguous", where, f"{row.file} may be {paths}: give the path")
        return None
    return found[0]


def _image(
    row: Row, source: Source, images: Mapping[str, Tags], report: Report
) -> str | None:
    """Return the image that a row is about, ``None`` when the file has no such."""
    if not row.image or not images:
        return row.image
    for same in (str, str.casefold):
        found = [name for name in images if same(name) == same(row.image)]
        if len(found) == 1:
            return found[0]
    report.add(
        "no file",
        f"row {row.number}",
        f"{source.path} has no image {row.image}, but {', '.join(images)}",
    )
    return None


def _resolved(row: Row, source: Source, study: Study, report: Report) -> dict[str, Any]:
    """Return the tags of a row, with other files that it names found."""
    tags = dict(row.tags)
    if "drawn_on" in tags:
        found = matching(tags.pop("drawn_on"), study)
        if len(found) == 1 and found[0].id != source.id:
            tags["drawn_on"] = found[0].id
        else:
            report.add(
                "unreadable",
                row.places["drawn_on"],
                "drawn on: not the name of one other file of the study",
            )
    kept = tags.pop("residual_dose_unit", None)
    unit = tags.get("injected_dose_unit", "Bq")
    if kept is not None and kept != unit:
        # Without a dose beside it, its unit would change that of the file's dose.
        del tags["residual_dose"]
        beside = (
            f"the dose in {unit}" if "injected_dose" in tags else "no dose is given"
        )
        report.add(
            "unreadable",
            row.places["residual_dose"],
            f"the residual is in {kept} and {beside}",
        )
    elif kept is not None:
        tags["injected_dose_unit"] = kept
    return tags


def _without_image_tags(
    tags: dict[str, Any], row: Row, source: Source, report: Report
) -> dict[str, Any]:
    """Leave out what cannot hold for all images of a file."""
    for name in _PER_IMAGE:
        if name in tags:
            report.add(
                "ambiguous",
                row.places[name],
                f"{source.path} holds several images: name the one that the {name} is "
                "for in a column image",
            )
    return {name: value for name, value in tags.items() if name not in _PER_IMAGE}


def _check_groups(rows: Sequence[Row], report: Report) -> None:
    """Report animals that stand in two groups."""
    seen: dict[str, Row] = {}
    for row in rows:
        subject, group = row.tags.get("subject"), row.tags.get("group")
        if subject is None or group is None:
            continue
        first = seen.setdefault(subject, row)
        if first.tags["group"] != group:
            report.add(
                "contradiction",
                row.places["group"],
                f"{subject} is in the group {group} here and in "
                f"{first.tags['group']} in row {first.number}",
            )
