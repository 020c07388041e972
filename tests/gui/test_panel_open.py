"""The tab Open: files, calibration, tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from nanoscape._napari import readers
from nanoscape._napari.loading import Given
from nanoscape._napari.panels.opening import FilesSection, StudySection
from nanoscape._napari.state import ViewerState
from nanoscape._napari.study_table import edit_tag, pixel_size_text, rows_of
from nanoscape.errors import MissingCalibration, UnevenSlices, UnreadableFile
from nanoscape.io import FORMATS, Opened
from nanoscape.model import Image, Landmarks, Study


@pytest.fixture
def files(
    qtbot: QtBot,
    state: ViewerState,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> FilesSection:
    """The section, over a reader that knows four kinds of files."""

    def read(
        path: Path,
        *,
        pixel_size: float | None = None,
        resample: bool = False,
        **laser: float | None,
    ) -> Opened:
        if path.suffix == ".bad":
            raise UnreadableFile(f"{path.name} is damaged", todo="copy it again")
        if path.suffix == ".bare" and pixel_size is None:
            raise MissingCalibration(f"{path.name} does not state its pixel size")
        if path.suffix == ".uneven" and not resample:
            raise UnevenSlices(f"the slices of {path.name} are not evenly spaced")
        spacing = pixel_size or 0.5
        image = Image.from_array([[0.0, 1.0]], "yx", spacing=spacing, name=path.stem)
        remarks = ("a plane was not acquired",) if path.stem == "b" else ()
        return Opened(path, "made up", (image,), remarks)

    monkeypatch.setattr("nanoscape.io.open_file", read, raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("a.tif", "b.tif", "c.bad", "scan.bare", "ct.uneven"):
        (tmp_path / name).write_bytes(b"")
    section = FilesSection(state)
    qtbot.addWidget(section)
    section.set_open(True)
    section.show()
    return section


def open_and_wait(qtbot: QtBot, files: FilesSection, *names: str) -> None:
    files.open_files(names)
    wait_for_arrivals(qtbot, files)


def wait_for_arrivals(qtbot: QtBot, files: FilesSection) -> None:
    arrivals = files._state.arrivals
    qtbot.waitUntil(lambda: not arrivals.is_busy, timeout=5000)


def test_files_are_read_and_shown(
    qtbot: QtBot, state: ViewerState, files: FilesSection
) -> None:
    open_and_wait(qtbot, files, "a.tif", "b.tif")
    assert [layer.name for layer in state.viewer.layers] == ["a", "b"]
    assert files.note.text() == "Opened 2 images.\n⚠ b: a plane was not acquired"
    assert not files.empty.isVisible()


def test_one_damaged_file_does_not_stop_the_others(
    qtbot: QtBot, state: ViewerState, files: FilesSection
) -> None:
    open_and_wait(qtbot, files, "a.tif", "c.bad", "b.tif")
    assert [layer.name for layer in state.viewer.layers] == ["a", "b"]
    assert "c.bad is damaged. Copy it again." in files.failure.text.text()


def test_a_missing_pixel_size_is_asked_for(
    qtbot: QtBot, state: ViewerState, files: FilesSection
) -> None:
    open_and_wait(qtbot, files, "scan.bare")
    assert files.question.isVisible()
    assert "scan.bare" in files.question.text.text()
    assert files.question.needs == ["pixel_size"]
    files.question.numbers["pixel_size"].setValue(325)
    files.question.units["pixel_size"].setCurrentText("nm")
    files.question.go.click()
    wait_for_arrivals(qtbot, files)
    assert not files.question.isVisible()
    assert state.session["scan"].spacing["x"] == pytest.approx(0.325)


def test_uneven_slices_are_interpolated_when_the_user_says_so(
    qtbot: QtBot, state: ViewerState, files: FilesSection, tmp_path: Path
) -> None:
    open_and_wait(qtbot, files, "ct.uneven")
    assert list(state.session) == []
    assert files.uneven.isVisible()
    assert "ct.uneven lie at uneven distances" in files.uneven.text.text()
    assert not files.failure.text.text()
    files.uneven.go.click()
    wait_for_arrivals(qtbot, files)
    assert not files.uneven.isVisible()
    assert list(state.session) == ["ct"]
    state.session.save(tmp_path / "study")
    assert Study.load(tmp_path / "study").sources["ct"].resample


def test_one_question_follows_the_other(
    qtbot: QtBot, state: ViewerState, files: FilesSection
) -> None:
    open_and_wait(qtbot, files, "ct.uneven", "scan.bare", "a.tif")
    assert files.uneven.isVisible()
    assert not files.question.isVisible()
    files.uneven.skip.click()
    assert not files.uneven.isVisible()
    assert files.question.isVisible()
    files.question.go.click()
    wait_for_arrivals(qtbot, files)
    assert not files.question.isVisible()
    assert set(state.session) == {"a", "scan"}
    assert not state.session.study.sources["scan"].resample


def test_uneven_slices_that_were_dropped_are_asked_about_too(
    qtbot: QtBot,
    state: ViewerState,
    files: FilesSection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[Given | None] = [None, Given(resample=True)]
    said: list[str] = []
    monkeypatch.setattr(readers, "ask_in_a_dialog", lambda _: answers.pop(0))
    monkeypatch.setattr(readers, "show_error", said.append)
    for _ in range(2):
        readers.open_beside(state, [tmp_path / "ct.uneven"])
        wait_for_arrivals(qtbot, files)
    assert not answers
    assert list(state.session) == ["ct"]
    assert said == ["the slices of ct.uneven are not evenly spaced."]


@pytest.fixture
def laser_lines(qtbot: QtBot, state: ViewerState, tmp_path: Path) -> Path:
    """Three lines of laser ablation that say when, not where, they were measured."""
    folder = tmp_path / "lines"
    folder.mkdir()
    rows = "".join(f"{t * 0.5},{t},{2 * t}\n" for t in range(1, 6))
    for line in range(1, 4):
        text = "Time in Seconds,Au197,P31\n" + rows
        (folder / f"line_{line:02}.xl").write_text(text)
    return folder


def test_laser_ablation_is_asked_for_speed_and_spot(
    qtbot: QtBot, state: ViewerState, laser_lines: Path
) -> None:
    files = FilesSection(state)
    qtbot.addWidget(files)
    files.set_open(True)
    files.show()
    files.open_folder(laser_lines)
    wait_for_arrivals(qtbot, files)
    assert files.question.isVisible()
    assert files.question.needs == ["scan_speed", "spot_size"]
    assert "laser" in files.question.text.text()
    files.question.numbers["scan_speed"].setValue(30)
    files.question.numbers["spot_size"].setValue(0.025)
    files.question.units["spot_size"].setCurrentText("mm")
    files.question.go.click()
    wait_for_arrivals(qtbot, files)
    assert files.failure.text.text() == ""
    gold = state.session["lines/Au197"]
    assert gold.spacing == pytest.approx({"y": 25.0, "x": 15.0})
    layer = state.layer_of("lines/Au197")
    np.testing.assert_allclose(layer.scale, (25, 15))
    source = state.session.study.sources["lines"]
    assert (source.scan_speed_um_per_s, source.spot_size_um) == (30, 25)


def test_a_file_is_opened_as_what_the_user_says(
    qtbot: QtBot, state: ViewerState, tmp_path: Path
) -> None:
    path = tmp_path / "numbers.csv"
    rows = ["x_um,y_um"] + [f"{i},{2 * i}" for i in range(4)]
    path.write_text("\n".join(rows))
    files = FilesSection(state)
    qtbot.addWidget(files)
    files.set_open(True)
    files.show()
    titles = {files.kind.itemText(i) for i in range(files.kind.count())}
    assert {form.title for form in FORMATS} < titles
    files.kind.setCurrentIndex(files.kind.findData("laicpms-matrix"))
    files.open_files([path])
    wait_for_arrivals(qtbot, files)
    assert files.kind.currentData() == ""
    assert "expected a table of numbers alone" in files.failure.text.text()
    assert list(state.session) == []
    files.kind.setCurrentIndex(files.kind.findData("points"))
    files.open_files([path])
    wait_for_arrivals(qtbot, files)
    (source,) = state.session.study.sources.values()
    assert source.format == "points"
    assert state.session[source.id].kind == "points"


def test_the_study_is_listed_and_its_tags_are_edited(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    section = StudySection(state)
    qtbot.addWidget(section)
    section.set_open(True)
    texts = [section.table.item(0, c).text() for c in range(6)]
    assert texts == ["CD31", "Vessels", "", "40 × 50", "0.5 µm", "m1"]
    section.table.item(0, 5).setText("m2")
    assert state.session["CD31"].tags["subject"] == "m2"
    assert state.session["CD31"].tags.origin("subject") == "user"
    assert state.session["Liposome"].tags["subject"] == "m1"


def test_tags_of_the_selected_rows_are_edited_below_the_list(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    section = StudySection(state)
    qtbot.addWidget(section)
    section.resize(360, 800)
    section.set_open(True)
    section.show()
    columns = range(section.table.columnCount())
    widths = [section.table.columnWidth(c) for c in columns]
    assert sum(widths) <= section.table.viewport().width()
    assert not section.tags.isVisible()
    section.table.selectAll()
    lesion = section.tags.fields["lesion"]
    lesion.setFocus()
    qtbot.keyClicks(lesion, "left")
    qtbot.keyClick(lesion, Qt.Key.Key_Return)
    assert [state.session[a].tags["lesion"] for a in slide] == ["left", "left"]
    assert section.tags.fields["subject"].text() == "m1"
    section.table.selectRow(0)
    assert section.details.text().startswith("40 × 50 pixels of 0.5 µm")


def test_a_row_selects_its_layer(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    section = StudySection(state)
    qtbot.addWidget(section)
    section.set_open(True)
    section.table.selectRow(0)
    assert [layer.name for layer in state.viewer.layers.selection] == ["CD31"]


@pytest.mark.parametrize(
    ("spacing", "text"),
    [((0.5, 0.5), "0.5 µm"), ((2.0, 0.5), "2 × 0.5 µm"), ((1000.0, 1000.0), "1 mm")],
)
def test_pixel_sizes_have_units(spacing: Any, text: str) -> None:
    image = Image.from_array([[0.0]], "yx", spacing=spacing)
    assert pixel_size_text(image) == text


def test_a_tag_can_be_taken_away(state: ViewerState, slide: list[str]) -> None:
    edit_tag(state.session, "CD31", "section", "  ")
    ((_, texts), *_) = rows_of(state.session)
    assert texts[-1] == ""


def test_a_saved_study_is_opened_again(
    qtbot: QtBot, state: ViewerState, slide: list[str], tmp_path: Path
) -> None:
    state.session.study.landmarks["pairs"] = Landmarks(
        moving=[[0, 0]], fixed=[[1, 1]], moving_space="msi", fixed_space="slide"
    )
    section = StudySection(state)
    qtbot.addWidget(section)
    section.set_open(True)
    with qtbot.waitSignal(section.runner.finished, timeout=10000):
        section.save_in(tmp_path / "study")
    assert section.note.text() == f"Saved as {tmp_path / 'study' / 'study.yaml'}."
    files = FilesSection(state)
    qtbot.addWidget(files)
    files.set_open(True)
    files.open_folder(tmp_path / "study")
    wait_for_arrivals(qtbot, files)
    assert not files.failure.text.text()
    assert list(state.session.study.landmarks) == ["pairs"]
