"""The list of a reference study's files: the study itself and its sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from nanoscape.model import Landmarks, Study, Tags
from nanoscape.phantom import clicks as hand
from nanoscape.phantom.cohort import CohortTable
from nanoscape.phantom.instruments.registry import (
    BlockInstrument,
    Instrument,
    Scanner,
)
from nanoscape.phantom.reference.clicks import landmark_places
from nanoscape.phantom.reference.lesion import LesionWork
from nanoscape.phantom.reference.tables import write_csv
from nanoscape.phantom.reference.truth import FOLDER
from nanoscape.phantom.sources import add_source
from nanoscape.phantom.streams import CLICKS, sub_seed

SHEET = "sheet.csv"

_HEADINGS = (
    "file",
    "group",
    "subject",
    "lesion",
    "section",
    "section position (µm)",
    "batch",
)
_FLUORESCENCE = "fluorescence"


def list_study(
    out: Path,
    table: CohortTable,
    works: Sequence[LesionWork],
    chosen: dict[str, Instrument],
    whole: dict[str, BlockInstrument],
    scanned: dict[str, Scanner],
) -> Study:
    """Write the study, with clicked landmarks, and its sheet."""
    study = Study(out)
    groups = dict(zip(table.sections["subject"], table.sections["group"], strict=True))
    rows = []
    for work in works:
        subject, lesion = work.name.split("_")
        scope = {"group": groups[subject], "subject": subject, "lesion": lesion}
        scope["batch"] = f"day {work.batch + 1}"
        cells = {"section": "", "section_position_um": "", **scope}
        paths = [
            _list_scan(study, work.name, ending, scanner, scope)
            for scanner in scanned.values()
            for ending in scanner.files
        ]
        paths += [_list_block(study, work.name, one, scope) for one in whole.values()]
        rows += [[path, *(cells[name] for name in _SHEET_TAGS)] for path in paths]
        for section in range(len(work.levels)):
            for instrument in chosen.values():
                place = f"{work.depth_um(section, instrument.number):g}"
                tags = {**scope, "section": f"s{section + 1}"}
                tags["section_position_um"] = place
                listed = _list_image(
                    study, work.section_name(section), instrument, tags
                )
                rows += [
                    [path, *(own[name] for name in _SHEET_TAGS)]
                    for path, own in listed.items()
                ]
                if _FLUORESCENCE in chosen and instrument.number:
                    _list_landmarks(study, work, section, instrument, tags)
    write_csv(out / SHEET, pd.DataFrame(rows, columns=list(_HEADINGS)))
    study.save()
    return study


_SHEET_TAGS = ("group", "subject", "lesion", "section", "section_position_um", "batch")


def _list_scan(
    study: Study, stem: str, ending: str, scanner: Scanner, scope: dict[str, str]
) -> str:
    """Add a scan of an animal and return its path."""
    path = study.root / "images" / f"{stem}{ending}"
    own = {**scope, "modality": scanner.modality, **scanner.tags[ending]}
    add_source(study, path, own)
    return path.relative_to(study.root).as_posix()


def _list_block(
    study: Study, stem: str, instrument: BlockInstrument, scope: dict[str, str]
) -> str:
    """Add a volume of an uncut block and return its path."""
    path = study.root / "images" / f"{stem}{instrument.ending}"
    own = {**scope, "modality": instrument.modality}
    add_source(study, path, own, instrument.images)
    return path.relative_to(study.root).as_posix()


def _list_image(
    study: Study, stem: str, instrument: Instrument, tags: dict[str, str]
) -> dict[str, dict[str, str]]:
    """Add an instrument's files and return their paths and tags."""
    own = {**tags, "modality": instrument.modality, **instrument.tags}
    path = study.root / "images" / f"{stem}{instrument.ending}"
    add_source(study, path, own, instrument.images)
    listed = {path.relative_to(study.root).as_posix(): own}
    for ending in instrument.extra:
        path = study.root / "images" / f"{stem}{ending}"
        other = {**own, "section": f"{tags['section']} standards"}
        add_source(study, path, other)
        listed[path.relative_to(study.root).as_posix()] = other
    return listed


def _list_landmarks(
    study: Study,
    work: LesionWork,
    section: int,
    instrument: Instrument,
    tags: dict[str, str],
) -> None:
    """Add landmarks as a hand would click them."""
    stem = work.section_name(section)
    exact = pd.read_csv(landmarks_file(study.root, stem, instrument))
    name = space_of(stem, instrument)
    pairs = Landmarks(
        moving=exact[["moving_y_um", "moving_x_um"]].to_numpy(),
        fixed=exact[["slide_y_um", "slide_x_um"]].to_numpy(),
        moving_space=name,
        fixed_space=f"{stem}_slide",
        name=f"{name} to {stem}_slide",
        tags=Tags.of("sheet", **tags, modality=instrument.modality),
    )
    seed = sub_seed(work.seed, CLICKS, section, instrument.number)
    made = hand.click(pairs, seed, max(instrument.pitch_um))
    study.landmarks[f"{name}_landmarks"] = made


def space_of(stem: str, instrument: Instrument) -> str:
    """Return the name of the space of an instrument's image."""
    return stem + instrument.ending.split(".")[0]


def landmarks_file(out: Path, stem: str, instrument: Instrument) -> Path:
    """Return where the exact places of landmarks lie."""
    return out / FOLDER / f"{space_of(stem, instrument)}_landmarks.csv"


def write_landmarks(
    out: Path, work: LesionWork, section: int, instrument: Instrument
) -> None:
    """Write the exact places of landmarks on an image and on the slide."""
    moving = work.specimen(section, instrument.number)
    fixed = work.specimen(section, 0)
    a, b = landmark_places(moving, fixed)
    table = pd.DataFrame(
        np.hstack([a, b]).round(4),
        columns=["moving_y_um", "moving_x_um", "slide_y_um", "slide_x_um"],
    )
    write_csv(landmarks_file(out, work.section_name(section), instrument), table)
