"""Importing a study sheet in the tab Open."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
)

from nanoscape._napari.following import follow
from nanoscape._napari.notes import FailureNote, Text
from nanoscape._napari.panels.section import Section
from nanoscape._napari.tasks import Failure, Runner, describe, tell
from nanoscape.compute import Task
from nanoscape.errors import NanoscapeError
from nanoscape.model import Scene, Study
from nanoscape.workflow.sheet.reading import Sheet, read_sheet
from nanoscape.workflow.sheet.session import take_over
from nanoscape.workflow.sheet.template import write_template

_KINDS = "Sheets (*.csv *.tsv *.txt *.xlsx *.xlsm);;All files (*)"
_REPORT_ROWS = 12


def _read(study: Study, path: Path, task: Task) -> Sheet:
    return read_sheet(study, path, task=task)


def _as_it_is_now(study: Study) -> Study:
    """Return a copy to read beside the window, which may open files meanwhile."""
    copy = Study(study.root)
    copy.sources = dict(study.sources)
    copy.edges = list(study.edges)
    copy.landmarks = dict(study.landmarks)
    return copy


class SheetSection(Section):
    """Reads a study sheet, shows what was found, and takes it over when asked."""

    def __init__(self, state: Any) -> None:
        super().__init__(
            "Import study sheet",
            "Tells animals, groups, sections, weights and doses of all files at once, "
            "from a spreadsheet with one row per file.",
        )
        self._state = state
        self._study: Study | None = None
        self._sheet: Sheet | None = None
        self.runner = Runner("Import study sheet", self)
        self.choose = QPushButton("Sheet…")
        self.choose.setToolTip("<qt>A CSV or XLSX file. Nothing changes yet.</qt>")
        self.template = QPushButton("Write one to fill in…")
        self.template.setToolTip(
            "<qt>A sheet with the files of this study and the columns that are "
            "understood.</qt>"
        )
        self.report = QPlainTextEdit()
        self.report.setReadOnly(True)
        self.report.setAccessibleName("What the sheet says and what does not fit")
        self.use = QPushButton("Use this sheet")
        self.cancel = QPushButton("Cancel")
        self.note = Text()
        self.failure = FailureNote()

    def fill(self) -> None:
        """Make the buttons and the report."""
        row = QHBoxLayout()
        row.addWidget(self.choose)
        row.addWidget(self.template)
        self.content.addLayout(row)
        for widget in (self.cancel, self.report, self.use, self.note, self.failure):
            self.content.addWidget(widget)
        line = self.report.fontMetrics().lineSpacing()
        self.report.setMinimumHeight(line * _REPORT_ROWS)
        for widget in (self.cancel, self.report, self.use, self.note):
            widget.setVisible(False)
        self.choose.clicked.connect(self._ask_sheet)
        self.template.clicked.connect(self._ask_template)
        self.use.clicked.connect(self.take_over)
        self.cancel.clicked.connect(self.runner.cancel)
        self.runner.started.connect(lambda: self._show_busy(True))
        self.runner.ended.connect(lambda: self._show_busy(False))
        self.runner.progressed.connect(lambda _, text: self.note.tell(text))
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(lambda: self.note.tell("Cancelled."))
        follow(self._state.objects_changed, self, self._show_usable)
        self._show_usable()

    def import_sheet(self, path: str | Path) -> None:
        """Read a sheet beside the window and show what was found."""
        self.failure.clear()
        self._study, self._sheet = self._state.session.study, None
        self.report.setVisible(False)
        self.use.setVisible(False)
        work = partial(_read, _as_it_is_now(self._study), Path(path))
        self.runner.start(work, on_done=self._show_report)

    def take_over(self) -> None:
        """Write what the sheet says into the study and its open objects."""
        sheet, study = self._sheet, self._state.session.study
        files = set() if sheet is None else sheet.files
        if sheet is None or self._study is not study or files - set(study.sources):
            self.note.tell("The study has changed: choose the sheet again.")
            return
        before = self._state.scene
        changed = take_over(self._state.session, sheet)
        self._sheet = None
        self.use.setVisible(False)
        told = f"Tags of {len(files)} file{'' if len(files) == 1 else 's'} are set"
        table = sheet.table
        if table is not None:
            told += f", and {changed[-1]} with {len(table)} rows is in the study"
        self.note.tell(f"{told}. Save the study to keep them.")
        self._show_changes(before)

    def save_template(self, path: str | Path) -> None:
        """Write a sheet to fill in."""
        self.failure.clear()
        try:
            written = write_template(self._state.session.study, path)
        except NanoscapeError as error:
            self._on_failed(describe(error, self.title))
        else:
            self.note.tell(f"Saved as {written}.")

    def _show_changes(self, before: Scene | None) -> None:
        """Show the scene that what was seen before belongs to now."""
        state = self._state
        seen = set(before.sources) if before else set()
        after = next((s for s in state.scenes if seen & set(s.sources)), None)
        if before is not None and after is not None and before.id != after.id:
            state.arrivals.go_to_scene(after.id)
            return
        for name in ("objects_changed", "roles_changed", "scene_changed"):
            getattr(state, name).emit()

    def _show_report(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self.note.tell(
            "Read the report, then use the sheet, or mend it and choose it again."
        )
        self.report.setPlainText(sheet.report.text())
        self.report.setVisible(True)
        self.use.setVisible(bool(sheet.files) or sheet.table is not None)

    def _show_usable(self) -> None:
        any_file = bool(self._state.session.study.sources)
        self.template.setEnabled(any_file)
        if not any_file:
            self.note.tell("Open the files of the study first.")

    def _show_busy(self, busy: bool) -> None:
        self.cancel.setVisible(busy)
        self.choose.setEnabled(not busy)

    def _on_failed(self, failure: Failure) -> None:
        self.note.tell("")
        self.failure.show_failure(failure)
        tell(failure)

    def _ask_sheet(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Study sheet", "", _KINDS)
        if name:
            self.import_sheet(name)

    def _ask_template(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Write a study sheet", "study.xlsx", "Workbook (*.xlsx);;Text (*.csv)"
        )
        if name:
            self.save_template(name)
