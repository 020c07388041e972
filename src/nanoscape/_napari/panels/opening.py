"""The tab Open: files into the study, and what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
)

from nanoscape._napari.calibration import CalibrationQuestion
from nanoscape._napari.following import follow
from nanoscape._napari.loading import Given, Loaded
from nanoscape._napari.notes import EmptyState, FailureNote, Text
from nanoscape._napari.panels.section import Section
from nanoscape._napari.study_table import (
    COLUMNS,
    EDITABLE,
    details_text,
    edit_tag,
    rows_of,
)
from nanoscape._napari.tag_fields import TagFields
from nanoscape._napari.tasks import Failure, Runner, describe, tell
from nanoscape._napari.uneven import UnevenQuestion
from nanoscape.compute import Task
from nanoscape.errors import MissingCalibration, NanoscapeError, UnevenSlices
from nanoscape.io import FORMATS
from nanoscape.model.study import STUDY_FILE

_ROWS = 6
_WIDEST_COLUMN = 140
"""A long name must not push the other columns out of sight; it is in the tooltip."""


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
        self._unanswered: dict[Path, tuple[NanoscapeError, Given]] = {}
        self._asked: list[Path] = []
        self.kind = _kind_box()
        self.files = QPushButton("Files…")
        self.folder = QPushButton("Folder or study…")
        self.folder.setToolTip(
            "<qt>A folder of a DICOM series, an OME-Zarr, or a saved study.</qt>"
        )
        self.note = Text()
        self.failure = FailureNote()
        self.question = CalibrationQuestion()
        self.uneven = UnevenQuestion()
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
        kinds = QHBoxLayout()
        label = QLabel("Open as")
        label.setBuddy(self.kind)
        kinds.addWidget(label)
        kinds.addWidget(self.kind, 1)
        self.content.addLayout(kinds)
        questions = (self.question, self.uneven)
        for widget in (self.note, *questions, self.failure, self.empty):
            self.content.addWidget(widget)
        self.note.setVisible(False)
        self.files.clicked.connect(self._ask_files)
        self.folder.clicked.connect(self._ask_folder)
        for question in questions:
            question.answered.connect(self._open_answered)
            question.skip.clicked.connect(self._take_asked)
            question.skip.clicked.connect(self._ask_next)
        self._state.arrivals.started.connect(self._show_empty)
        self._state.arrivals.ended.connect(self._show_empty)
        follow(self._state.objects_changed, self, self._show_empty)
        self._show_empty()

    def open_files(
        self, paths: Iterable[str | Path], given: Given | None = None
    ) -> None:
        """Read files beside the window, as the kind that is chosen, and show them."""
        self.failure.clear()
        self.note.tell("")
        given = given or Given(format=self.kind.currentData())
        # The next files may be of any kind again.
        self.kind.setCurrentIndex(0)
        self._state.arrivals.open_files(
            paths,
            given,
            on_loaded=partial(self._on_loaded, given),
            on_failed=self._on_failed,
        )

    def ask_kind(self) -> None:
        """Lead the user to the choice of the kind of file."""
        self.set_open(True)
        self.kind.setFocus()
        self.note.tell(
            "Choose under “Open as” what the file is, then Files… or Folder…"
        )

    def open_folder(self, path: str | Path) -> None:
        """Open a study, or an image that is stored as a folder."""
        if not (Path(path) / STUDY_FILE).exists():
            self.open_files([path])
            return
        self.failure.clear()
        self.note.tell("")
        self._state.arrivals.open_study(Path(path), self._on_failed)

    def _on_loaded(self, given: Given, loaded: Loaded) -> None:
        count = len(loaded.addresses)
        opened = f"Opened {count} image{'' if count == 1 else 's'}."
        remarks = [f"⚠ {remark}" for remark in loaded.remarks]
        self.note.tell("\n".join([opened, *remarks]) if count else "")
        others = []
        for path, error in loaded.refused:
            if isinstance(error, MissingCalibration | UnevenSlices):
                self._unanswered[path] = error, given
            else:
                others.append(error)
        self._ask_next()
        if others:
            self._on_failed(describe(others[0], "Open files"))
            more = [str(error) for error in others[1:]]
            self.failure.text.setText("\n".join([self.failure.text.text(), *more]))

    def _ask_next(self) -> None:
        """Ask about the next files; those about which the same is asked go together."""
        if self._asked or not self._unanswered:
            return
        first = _question_of(*next(iter(self._unanswered.values())))
        self._asked = [
            path
            for path, why in self._unanswered.items()
            if _question_of(*why) == first
        ]
        needs, given = first
        if needs:
            self.question.ask(self._asked, needs, given)
        else:
            self.uneven.ask(self._asked, given)

    def _take_asked(self) -> list[Path]:
        """Return the files that were asked about, and ask no more about them."""
        asked, self._asked = self._asked, []
        for path in asked:
            self._unanswered.pop(path, None)
        return asked

    def _open_answered(self, given: Given) -> None:
        self.open_files(self._take_asked(), given)

    def _on_failed(self, failure: Failure) -> None:
        self.failure.show_failure(failure)
        tell(failure)

    def _show_empty(self) -> None:
        is_empty = not list(self._state.session) and not self._state.arrivals.is_busy
        self.empty.setVisible(is_empty)

    def _ask_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(
            self, "Open files", "", self._name_filter()
        )
        if names:
            self.open_files(names)

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a folder or study")
        if name:
            self.open_folder(name)

    def _name_filter(self) -> str:
        """Return the usual names of the chosen kind, for the file dialog."""
        name = self.kind.currentData()
        if not name:
            return ""
        found = next(form for form in FORMATS if form.name == name)
        # Brackets in a title would be read as names.
        title = found.title.partition(" (")[0]
        return f"{title} ({' '.join(found.patterns)});;All files (*)"


def _question_of(error: NanoscapeError, given: Given) -> tuple[tuple[str, ...], Given]:
    """Return what is asked because of an error, and what was said already."""
    return error.needs if isinstance(error, MissingCalibration) else (), given


def _kind_box() -> QComboBox:
    """Return a choice of all formats, automatic by default."""
    box = QComboBox()
    box.addItem("Automatic (by content)", "")
    for form in sorted(FORMATS, key=lambda form: form.title.lower()):
        box.addItem(form.title, form.name)
    box.setAccessibleName("Kind of file")
    box.setToolTip(
        "<qt>What a file is, where its content does not tell: tables and folders "
        "are often ambiguous.</qt>"
    )
    box.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    box.setMinimumContentsLength(8)
    return box


class StudySection(Section):
    """Lists what is in the study; tags are changed by a double click."""

    def __init__(self, state: Any) -> None:
        super().__init__(
            "In this study",
            "Everything that is open. A click on a row selects its layer; its tags are "
            "changed below the list.",
        )
        self._state = state
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels([column.title for column in COLUMNS])
        self.table.setAccessibleName("Objects of the study")
        self.table.verticalHeader().setVisible(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for number, column in enumerate(COLUMNS):
            self.table.setColumnHidden(number, not column.is_shown)
        self.details = Text()
        self.tags = TagFields()
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
        selected = (self.details, self.tags)
        rest = (self.save, self.note, self.failure)
        for widget in (self.empty, self.table, *selected, *rest):
            self.content.addWidget(widget)
        self.tags.edited.connect(self._edit)
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
        for row, (_, texts) in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if COLUMNS[column].tag not in EDITABLE:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()
        for column in range(1, len(COLUMNS)):
            width = min(self.table.columnWidth(column), _WIDEST_COLUMN)
            self.table.setColumnWidth(column, width)
        height = self.table.verticalHeader().defaultSectionSize()
        shown = min(max(len(rows), 2), _ROWS)
        self.table.setMinimumHeight(height * (shown + 2))
        self.table.setVisible(bool(rows))
        self.save.setEnabled(bool(rows))
        self.empty.setVisible(not rows)
        self._filling = False
        self._show_details()

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
        self._state.tell_all()

    def _edit(self, tag: str, text: str) -> None:
        """Change a tag of all selected rows."""
        for address in self._selected():
            edit_tag(self._state.session, address, tag, text)
        self._state.tell_all()

    def _selected(self) -> list[str]:
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return [self._addresses[row] for row in rows if row < len(self._addresses)]

    def _show_details(self) -> None:
        session, chosen = self._state.session, self._selected()
        self.details.tell(details_text(session, chosen[0]) if len(chosen) == 1 else "")
        self.tags.show_tags([getattr(session[a], "tags", {}) for a in chosen])

    def _on_selected(self) -> None:
        if self._filling:
            return
        self._show_details()
        found = (self._state.layer_of(address) for address in self._selected())
        layers = [layer for layer in found if layer is not None]
        if layers:
            self._state.viewer.layers.selection.clear()
            self._state.viewer.layers.selection.update(layers)
