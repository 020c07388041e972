"""The tab History: every step, and doing it again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from nanoscape._napari.drawings import drawing_of
from nanoscape._napari.following import follow
from nanoscape._napari.naming import object_words
from nanoscape._napari.notes import FailureNote, Text
from nanoscape._napari.nothing_open import NothingOpen
from nanoscape._napari.results import (
    duration,
    how_it_came_about,
    result_line,
    tables_of,
)
from nanoscape._napari.tasks import describe, tell, unwritable
from nanoscape.errors import NanoscapeError
from nanoscape.model import Record
from nanoscape.workflow.registry import resolve

_RECORD = Qt.ItemDataRole.UserRole


class HistoryTab(QWidget):
    """Lists the steps of the study, the newest first.

    Parameters
    ----------
    state
        State of the viewer.
    """

    again_asked = Signal(object)
    results_asked = Signal(object)

    def __init__(self, state: Any) -> None:
        super().__init__()
        self._state = state
        self.empty = Text(
            "No steps yet: open images, then run something in the tabs Segment or "
            "Measure. What you run in the other tabs is written down here with "
            "all its settings, so that it can be done again, exported as a script, or "
            "saved as a workflow for other animals."
        )
        self.first = NothingOpen(state)
        self.list = QListWidget()
        self.list.setAccessibleName("Steps of the study")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.currentItemChanged.connect(lambda *_: self._show_step())
        self.details = Text()
        self.details.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
        )
        self.again = QPushButton("Change and run again")
        self.results = QPushButton("Show plot and table")
        self.script = QPushButton("Export script…")
        self.script.setToolTip("<qt>A Python script that gives the same results.</qt>")
        self.workflow = QPushButton("Save as workflow…")
        self.workflow.setToolTip(
            "<qt>The steps without file names, to be applied to other animals with "
            "<i>nanoscape run</i>.</qt>"
        )
        self.note = Text()
        self.failure = FailureNote()
        self._lay_out()
        self.again.clicked.connect(lambda: self._emit(self.again_asked))
        self.results.clicked.connect(lambda: self._emit(self.results_asked))
        self.script.clicked.connect(self._ask_script)
        self.workflow.clicked.connect(self._ask_workflow)
        follow(state.history_changed, self, self.refresh)
        follow(state.scene_changed, self, self.refresh)
        self.refresh()

    @property
    def current(self) -> Record | None:
        """The step that is selected."""
        item = self.list.currentItem()
        ident = item.data(_RECORD) if item is not None else None
        for record in self._state.session.study.records:
            if record.id == ident:
                return record
        return None

    def refresh(self) -> None:
        """List the steps again."""
        records = self._state.session.study.records
        self.list.clear()
        for number, record in reversed(list(enumerate(records, start=1))):
            item = QListWidgetItem(f"{number}  {step_title(record)}")
            item.setToolTip(item.text())
            item.setData(_RECORD, record.id)
            self.list.addItem(item)
        self.list.setCurrentRow(0 if records else -1)
        self.empty.setVisible(not records)
        self.list.setVisible(bool(records))
        for button in (self.script, self.workflow):
            button.setEnabled(bool(records))
        self._show_step()

    def export_script(self, path: Path) -> None:
        """Write the steps as a Python script."""
        from nanoscape.workflow import export_script

        self._write(lambda: export_script(self._state.session, path), "script")

    def save_workflow(self, path: Path) -> None:
        """Write the steps as a recipe."""
        from nanoscape.workflow import recipe_from_history

        self._write(
            lambda: recipe_from_history(self._state.session, path.stem).save(path),
            "workflow",
        )

    def _write(self, write: Any, what: str) -> None:
        self.failure.clear()
        try:
            written = write()
        except (NanoscapeError, OSError) as error:
            failure = describe(unwritable(what, error), f"Save the {what}")
            self.failure.show_failure(failure)
            self.note.tell("")
            tell(failure)
        else:
            self.note.tell(f"Saved the {what} as {written}.")

    def _show_step(self) -> None:
        record = self.current
        self.details.tell("" if record is None else step_text(self._state, record))
        self.again.setEnabled(record is not None)
        session = self._state.session
        self.results.setEnabled(
            record is not None
            and bool(tables_of(session, record) or drawing_of(session, record))
        )

    def _emit(self, signal: Any) -> None:
        if self.current is not None:
            signal.emit(self.current)

    def _ask_script(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Export script", "analysis.py", "Python (*.py)"
        )
        if name:
            self.export_script(Path(name).with_suffix(".py"))

    def _ask_workflow(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save as workflow", "workflow.yaml", "Workflow (*.yaml)"
        )
        if name:
            self.save_workflow(Path(name).with_suffix(".yaml"))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 6, 4)
        layout.addWidget(self.first)
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.details)
        column.addStretch(1)
        area.setWidget(inner)
        layout.addWidget(area, 1)
        grid = QGridLayout()
        buttons = (self.again, self.results, self.script, self.workflow)
        for number, button in enumerate(buttons):
            grid.addWidget(button, *divmod(number, 2))
        layout.addLayout(grid)
        layout.addWidget(self.note)
        layout.addWidget(self.failure)
        self.note.setVisible(False)


def step_title(record: Record) -> str:
    """Return one line for a step: what, where, how long."""
    scope = " ".join(str(value) for value in record.scope.values())
    title = resolve(record.operation).title
    return " · ".join(filter(None, [title, scope, duration(record.seconds)]))


def step_text(state: Any, record: Record) -> str:
    """Return all that is known of a step, for reading."""
    spec = resolve(record.operation)
    session = state.session
    lines = [f"{spec.title}, version {record.version}, {_when(record.started)}"]
    for port in spec.inputs:
        names = [
            object_words(session, address)
            for address in record.inputs.get(port.name, ())
        ]
        if names:
            lines.append(f"{port.label}: {', '.join(names)}")
    for parameter in spec.parameters:
        if parameter.name in record.parameters:
            value = _parameter_text(record.parameters[parameter.name])
            unit = parameter.option.unit if value != "auto" else ""
            lines.append(f"{parameter.label}: {value} {unit}".rstrip())
    if all(address in session for address in record.outputs.values()):
        lines.append(result_line(session, record))
        lines.extend(how_it_came_about(session, record))
    return "\n".join([*lines, *record.notes])


def _parameter_text(value: Any) -> str:
    if value is None or value == "":
        return "auto"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " – ".join(_parameter_text(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{k} {_parameter_text(v)}" for k, v in value.items())
    return str(value)


def _when(started: str) -> str:
    """Return a time stamp as it is read, in the time of this place."""
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{moment.astimezone():%d %b %Y, %H:%M}"
