"""Importing a study sheet in the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from nanoscape._napari.panels.sheet import SheetSection
from nanoscape._napari.state import ViewerState
from nanoscape.io import write
from nanoscape.model import Image


@pytest.fixture
def section(qtbot: QtBot, state: ViewerState, tmp_path: Path) -> SheetSection:
    """The section, over a study of two slides."""
    for name in ("a", "b"):
        image = Image.from_array([[0.0, 1.0]], "yx", spacing=0.5, name=name)
        write(image, tmp_path / f"{name}.ome.zarr")
        state.open_paths([tmp_path / f"{name}.ome.zarr"])
    section = SheetSection(state)
    qtbot.addWidget(section)
    section.set_open(True)
    section.show()
    return section


def import_and_wait(qtbot: QtBot, section: SheetSection, path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with qtbot.waitSignal(section.runner.ended, timeout=10000):
        section.import_sheet(path)


def test_a_sheet_is_reported_first_and_used_when_asked(
    qtbot: QtBot, state: ViewerState, section: SheetSection, tmp_path: Path
) -> None:
    text = "file,subject,weight (g),section\na,m1,25,s1\nb,m1,heavy,s2\nc,m1,25,s3\n"
    import_and_wait(qtbot, section, tmp_path / "sheet.csv", text)
    assert section.report.isVisible()
    report = section.report.toPlainText()
    assert "2 of 3 rows fit the study." in report
    assert "C3: weight (g): 'heavy' is not a number" in report
    assert "row 4: c is not in the study" in report
    assert "subject" not in state.session["a"].tags
    section.use.click()
    qtbot.waitUntil(lambda: not state.arrivals.is_busy, timeout=5000)
    assert state.session["a"].tags["subject"] == "m1"
    assert state.session["a"].tags.origin("subject") == "sheet"
    assert [scene.title for scene in state.scenes] == [
        "Subject m1 · section s1",
        "Subject m1 · section s2",
    ]
    # What was seen belongs to the first of them now.
    assert [layer.name for layer in state.viewer.layers] == ["a"]
    assert section.note.text().startswith("Tags of 2 files are set.")
    assert not section.use.isVisible()


def test_amounts_are_added_as_a_table(
    qtbot: QtBot, state: ViewerState, section: SheetSection, tmp_path: Path
) -> None:
    text = "animal,organ,uptake (%ID/g)\nm1,liver,12\nm1,tumour,5\n"
    import_and_wait(qtbot, section, tmp_path / "gamma.csv", text)
    section.use.click()
    assert "gamma with 2 rows is in the study" in section.note.text()
    assert state.session["gamma"].data["uptake_percent_id_per_g"].tolist() == [12, 5]


def test_a_sheet_that_cannot_be_read_says_why(
    qtbot: QtBot, section: SheetSection, tmp_path: Path
) -> None:
    import_and_wait(qtbot, section, tmp_path / "sheet.csv", "file,weight (g)\na,2,5\n")
    assert "separated by semicolons" in section.failure.text.text()
    assert not section.report.isVisible()


def test_a_sheet_read_for_another_study_is_not_used(
    qtbot: QtBot, state: ViewerState, section: SheetSection, tmp_path: Path
) -> None:
    import_and_wait(qtbot, section, tmp_path / "sheet.csv", "file,subject\na,m1\n")
    state.session.save(tmp_path / "study")
    state.open_study(tmp_path / "study")
    section.use.click()
    assert section.note.text() == "The study has changed: choose the sheet again."
    assert "subject" not in state.session["a"].tags


def test_a_template_is_written_but_never_over_a_file(
    section: SheetSection, tmp_path: Path
) -> None:
    section.save_template(tmp_path / "t.csv")
    assert "a.ome.zarr" in (tmp_path / "t.csv").read_text("utf-8")
    section.save_template(tmp_path / "t.csv")
    assert "exists already" in section.failure.text.text()
