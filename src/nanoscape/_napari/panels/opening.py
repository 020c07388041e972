"""The tab Open: files into the study, and what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from nanoscape._napari.following import follow
from nanoscape._napari.loading import Loaded
from nanoscape._napari.notes import EmptyState, FailureNote, Text
from nanoscape._napari.panels.section import Section
from nanoscape._napari.study_table import COLUMNS, EDITABLE, edit_tag, rows_of
from nanoscape._napari.tasks import Failure, Runner, describe, tell
from nanoscape.compute import Task
from nanoscape.errors import MissingCalibration
from nanoscape.model.study import STUDY_FILE
from nanoscape.units import micrometres_per

_UNITS = ("µm", "nm", "mm")
_ROWS = 9
_WIDEST_COLUMN = 140
"""A long name must not push the other columns out of sight; it is in the tooltip."""


class CalibrationQuestion(QWidget):
    """Asks how large the pixels are of files that do not say so."""

    answered = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.text = Text()
        self.number = QDoubleSpinBox()
        self.number.setDecimals(4)
        self.number.setRange(0.0001, 1e6)
        self.number.setValue(1.0)
        self.number.setAccessibleName("Pixel size")
        self.number.setToolTip("Distance from one pixel to the next.")
        self.unit = QComboBox()
        self.unit.addItems(_UNITS)
        self.unit.setAccessibleName("Unit of the pixel size")
        self.go = QPushButton("Open with this pixel size")
        self.go.clicked.connect(self._answer)
        self.skip = QPushButton("Leave out")
        self.skip.clicked.connect(lambda: self.setVisible(False))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.text, 0, 0, 1, 2)
        grid.addWidget(self.number, 1, 0)
        grid.addWidget(self.unit, 1, 1)
        grid.addWidget(self.go, 2, 0)
        grid.addWidget(self.skip, 2, 1)
        grid.setColumnStretch(0, 1)
        self.setVisible(False)

    def ask(self, paths: Iterable[Path]) -> None:
        """Ask for the pixel size of some files."""
        names = ", ".join(path.name for path in paths)
        self.text.setText(
            f"{names} does not say how large its pixels are. Enter it as the "
            "microscope or scanner states it:"
        )
        self.setVisible(True)
        self.number.setFocus()

    def value_um(self) -> float:
        """Return the pixel size in µm."""
        return self.number.value() * micrometres_per(self.unit.currentText())

    def _answer(self) -> None:
        self.setVisible(False)
        self.answered.emit(self.value_um())


class FilesSection(Section):
    """Opens files, folders and studies."""

    sample_asked = Signal()

    def __init__(self, state: Any) -> None:
        super().__init__(
            "Open files",
            "Open images of one animal, lesion or section. Files are left as they "
            "are. You can also drop them onto the canvas.",
        )
        self._state = state
        self._uncalibrated: list[Path] = []
        self.files = QPushButton("Files…")
        self.folder = QPushButton("Folder or study…")
        self.folder.setToolTip(
            "<qt>A folder of a DICOM series, an OME-Zarr, or a saved study.</qt>"
        )
        self.note = Text()
        self.failure = FailureNote()
        self.question = CalibrationQuestion()
        self.empty = EmptyState(
            "Nothing is open yet. To look around first, open the sample study: a "
            "small tumour with vessels, a drug and its carrier.",
            "Open the sample study",
        )
        self.empty.asked.connect(self.sample_asked)

    def fill(self) -> None:
        """Make the buttons."""
        row = QHBoxLayout()
        row.addWidget(self.files)
        row.addWidget(self.folder)
        self.content.addLayout(row)
        for widget in (self.note, self.question, self.failure, self.empty):
            self.content.addWidget(widget)
        self.note.setVisible(False)
        self.files.clicked.connect(self._ask_files)
        self.folder.clicked.connect(self._ask_folder)
        self.question.answered.connect(self._open_calibrated)
        self._state.arrivals.started.connect(self._show_empty)
        self._state.arrivals.ended.connect(self._show_empty)
        follow(self._state.objects_changed, self, self._show_empty)
        self._show_empty()

    def open_files(
        self, paths: Iterable[str | Path], pixel_size_um: float | None = None
    ) -> None:
        """Read files beside the window and show them."""
        self.failure.clear()
        self.note.tell("")
        self._state.arrivals.open_files(
            paths,
            pixel_size_um,
            on_loaded=self._on_loaded,
            on_failed=self._on_failed,
        )

    def open_folder(self, path: str | Path) -> None:
        """Open a study, or an image that is stored as a folder."""
        if not (Path(path) / STUDY_FILE).exists():
            self.open_files([path])
            return
        self.failure.clear()
        self.note.tell("")
        self._state.arrivals.open_study(Path(path), self._on_failed)

    def _on_loaded(self, loaded: Loaded) -> None:
        count = len(loaded.addresses)
        opened = f"Opened {count} image{'' if count == 1 else 's'}."
        self.note.tell(opened if count else "")
        others = []
        self._uncalibrated = []
        for path, error in loaded.refused:
            if isinstance(error, MissingCalibration):
                self._uncalibrated.append(path)
            else:
                others.append(error)
        if self._uncalibrated:
            self.question.ask(self._uncalibrated)
        if others:
            self._on_failed(describe(others[0], "Open files"))
            more = [str(error) for error in others[1:]]
            self.failure.text.setText("\n".join([self.failure.text.text(), *more]))

    def _open_calibrated(self, pixel_size_um: float) -> None:
        self.open_files(self._uncalibrated, pixel_size_um)

    def _on_failed(self, failure: Failure) -> None:
        self.failure.show_failure(failure)
        tell(failure)

    def _show_empty(self) -> None:
        is_empty = not list(self._state.session) and not self._state.arrivals.is_busy
        self.empty.setVisible(is_empty)

    def _ask_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Open files")
        if names:
            self.open_files(names)

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a folder or study")
        if name:
            self.open_folder(name)


class StudySection(Section):
    """Lists what is in the study; tags are changed by a double click."""

    def __init__(self, state: Any) -> None:
        super().__init__(
            "In this study",
            "Everything that is open. Double-click a tag to change it; a click on a "
            "row selects its layer.",
        )
        self._state = state
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels([column.title for column in COLUMNS])
        self.table.setAccessibleName("Objects of the study")
        self.table.verticalHeader().setVisible(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.empty = Text("Nothing is open yet: use Open files above.")
        self.save = QPushButton("Save study…")
        self.save.setToolTip(
            "<qt>Keeps what is open, its tags, alignments, steps and results in a "
            "folder. The images stay where they are.</qt>"
        )
        self.note = Text()
        self.failure = FailureNote()
        self.runner = Runner("Save study", self)
        self._addresses: list[str] = []
        self._filling = False

    def fill(self) -> None:
        """Make the table."""
        for widget in (self.empty, self.table, self.save, self.note, self.failure):
            self.content.addWidget(widget)
        self.note.setVisible(False)
        self.save.clicked.connect(self._ask_folder)
        self.runner.started.connect(lambda: self.save.setEnabled(False))
        self.runner.ended.connect(lambda: self.save.setEnabled(True))
        self.runner.finished.connect(lambda path: self.note.tell(f"Saved as {path}."))
        self.runner.failed.connect(self._on_failed)
        self.table.itemChanged.connect(self._on_edited)
        self.table.itemSelectionChanged.connect(self._on_selected)
        state = self._state
        for signal in (state.objects_changed, state.roles_changed, state.scene_changed):
            follow(signal, self, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """List the objects again."""
        self._filling = True
        rows = rows_of(self._state.session)
        self._addresses = [address for address, _ in rows]
        self.table.setRowCount(len(rows))
        for row, (address, texts) in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(address if column == 0 else text)
                if COLUMNS[column].tag not in EDITABLE:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()
        for column in range(len(COLUMNS)):
            width = min(self.table.columnWidth(column), _WIDEST_COLUMN)
            self.table.setColumnWidth(column, width)
        height = self.table.verticalHeader().defaultSectionSize()
        shown = min(max(len(rows), 2), _ROWS)
        self.table.setMinimumHeight(height * (shown + 2))
        self.table.setVisible(bool(rows))
        self.save.setEnabled(bool(rows))
        self.empty.setVisible(not rows)
        self._filling = False

    def save_in(self, folder: str | Path) -> None:
        """Save the study in a folder, beside the window."""
        self.failure.clear()
        self.note.tell("Saving…")
        session = self._state.session

        def work(task: Task) -> Path:
            return session.save(Path(folder), task=task)

        self.runner.start(work)

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Save the study in a folder")
        if name:
            self.save_in(name)

    def _on_failed(self, failure: Failure) -> None:
        self.note.tell("")
        self.failure.show_failure(failure)
        tell(failure)

    def _on_edited(self, item: QTableWidgetItem) -> None:
        if self._filling:
            return
        tag = COLUMNS[item.column()].tag
        edit_tag(self._state.session, self._addresses[item.row()], tag, item.text())
        self._state.objects_changed.emit()
        self._state.roles_changed.emit()

    def _on_selected(self) -> None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        found = (self._state.layer_of(self._addresses[row]) for row in sorted(rows))
        layers = [layer for layer in found if layer is not None]
        if layers and not self._filling:
            self._state.viewer.layers.selection.clear()
            self._state.viewer.layers.selection.update(layers)
