"""Comparing a study sheet with what the files themselves say."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from nanoscape.compute import Task
from nanoscape.errors import NanoscapeError
from nanoscape.model import ImageGroup, Source, Study, Tags
from nanoscape.workflow.sheet.report import Report
from nanoscape.workflow.sources import read_calibrated

_SAME_NUMBER = 5e-3
_SAME_TIME_S = 60.0
_UNITS = {
    "weight_g": "g",
    "section_position_um": "µm",
    "section_thickness_um": "µm",
}


def images_of(study: Study, report: Report, task: Task) -> dict[str, dict[str, Tags]]:
    """Return the tags in the headers of a study's files, by source and image.

    A file that cannot be read is left out, with a note.
    """
    found: dict[str, dict[str, Tags]] = {}
    for number, source in enumerate(study.sources.values()):
        task.step(number, len(study.sources), f"comparing with {source.path}")
        try:
            items = read_calibrated(study, source).objects
        except NanoscapeError as error:
            report.add("note", source.path, f"not compared with its header: {error}")
            continue
        members = [
            member
            for item in items
            for member in (item.images if isinstance(item, ImageGroup) else [item])
        ]
        found[source.id] = {member.name: member.tags for member in members}
    return found


def compare_with_headers(
    study: Study,
    sources: Mapping[str, Tags],
    images: Mapping[tuple[str, str], Tags],
    headers: Mapping[str, Mapping[str, Tags]],
    report: Report,
) -> None:
    """Report where a sheet disagrees with headers or with what the user entered."""
    for ident, tags in sources.items():
        source = study.sources[ident]
        _compare_with_user(tags, source.tags, source.path, report)
        for header in headers.get(ident, {}).values():
            _compare(tags, header, source, report)
    for (ident, image), tags in images.items():
        source = study.sources[ident]
        where = f"{source.path}, {image}"
        _compare_with_user(tags, source.objects.get(image, Tags()), where, report)
        own = headers.get(ident, {}).get(image)
        if own is not None:
            _compare(tags, own, source, report)


def _compare(sheet: Tags, header: Tags, source: Source, report: Report) -> None:
    for name, value in sheet.items():
        if name not in header or header.origin(name) != "header":
            continue
        if name == "injected_dose_unit" and "injected_dose" in sheet:
            continue
        if _same(name, value, header[name], sheet, header):
            continue
        report.add(
            "contradiction",
            source.path,
            f"{_plain(name)} is {_shown(name, value, sheet)} in the sheet and "
            f"{_shown(name, header[name], header)} in the file"
            f"{_hint(value, header[name])}; the sheet's is used",
        )


def _compare_with_user(sheet: Tags, known: Tags, where: str, report: Report) -> None:
    for name, value in sheet.items():
        if name not in known or known.origin(name) != "user":
            continue
        if not _same(name, value, known[name], sheet, known):
            report.add(
                "contradiction",
                where,
                f"{_plain(name)} is {_shown(name, value, sheet)} in the sheet; "
                f"{_shown(name, known[name], known)}, which was entered by hand, stays",
            )


def _same(name: str, ours: Any, theirs: Any, sheet: Tags, header: Tags) -> bool:
    if name in ("injected_dose", "residual_dose"):
        units = [tags.get("injected_dose_unit") for tags in (sheet, header)]
        if None not in units and units[0] != units[1]:
            return False
    if isinstance(ours, float) and isinstance(theirs, int | float):
        return math.isclose(ours, float(theirs), rel_tol=_SAME_NUMBER)
    if name.endswith("_time"):
        try:
            moments = [datetime.datetime.fromisoformat(str(t)) for t in (ours, theirs)]
            return abs((moments[0] - moments[1]).total_seconds()) <= _SAME_TIME_S
        except (ValueError, TypeError):
            return False
    return str(ours).strip().casefold() == str(theirs).strip().casefold()


def _hint(ours: Any, theirs: Any) -> str:
    """Return a remark on numbers that a wrong unit would explain."""
    if not isinstance(ours, int | float) or not isinstance(theirs, int | float):
        return ""
    ratio = max(abs(ours), abs(theirs)) / (min(abs(ours), abs(theirs)) or math.inf)
    for factor in (1e3, 1e6):
        if math.isclose(ratio, factor, rel_tol=_SAME_NUMBER):
            return f", {factor:,.0f} times apart: one may be in another unit"
    return ""


def _shown(name: str, value: Any, tags: Tags) -> str:
    """Return a value with its unit."""
    if not isinstance(value, int | float):
        return str(value)
    unit = _UNITS.get(name, "")
    if name in ("injected_dose", "residual_dose"):
        unit = str(tags.get("injected_dose_unit", ""))
    return f"{value:.6g} {unit}".strip()


def _plain(name: str) -> str:
    for ending in ("_g", "_um"):
        name = name.removesuffix(ending)
    return name.replace("_", " ")
