"""A section that runs one operation: form, preview, run bar, result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from nanoscape._napari.form import OperationForm
from nanoscape._napari.notes import FailureNote, Text
from nanoscape._napari.overviews import make_overviews
from nanoscape._napari.panels.section import Section
from nanoscape._napari.preview import Preview, preview_port
from nanoscape._napari.results import how_it_came_about, result_line
from nanoscape._napari.steps import Stepwise
from nanoscape._napari.tasks import Failure, Runner, describe, tell
from nanoscape.compute import Task
from nanoscape.errors import NanoscapeError
from nanoscape.model import Record
from nanoscape.operation import OperationSpec
from nanoscape.workflow.registry import resolve

_STEPS = 1000
_SETTLE_MS = 50


class RunBar(QWidget):
    """Run, Cancel, progress with what is being done, and why it cannot start."""

    run_asked = Signal()

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self._runner = runner
        self.run = QPushButton("Run")
        self.run.clicked.connect(self.run_asked)
        self.cancel = QPushButton("Cancel")
        self.cancel.setEnabled(False)
        self.cancel.clicked.connect(runner.cancel)
        self.progress = QProgressBar()
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.progress.setVisible(False)
        self.note = Text()
        self.note.setVisible(False)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run, 1)
        buttons.addWidget(self.cancel, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(buttons)
        layout.addWidget(self.progress)
        layout.addWidget(self.note)
        self._problem: str | None = None
        runner.started.connect(self._on_started)
        runner.progressed.connect(self._on_progress)
        runner.cancelled.connect(self._on_cancelled)
        runner.ended.connect(self._on_ended)

    def set_problem(self, problem: str | None) -> None:
        """Say why Run is not possible, or make it possible."""
        self._problem = problem
        if not self._runner.is_running:
            self.run.setEnabled(problem is None)
            self.note.tell(problem or "")

    def _on_started(self) -> None:
        self.run.setEnabled(False)
        self.cancel.setEnabled(True)
        self.progress.setRange(0, 0)
        self.progress.setVisible(True)
        self.note.tell("Starting…")

    def _on_progress(self, fraction: float, text: str) -> None:
        if fraction < 0:
            self.cancel.setEnabled(False)
        else:
            self.progress.setRange(0, _STEPS)
            self.progress.setValue(round(fraction * _STEPS))
        self.note.tell(text[:1].upper() + text[1:] or f"{fraction:.0%}")

    def _on_cancelled(self) -> None:
        self.note.tell("Cancelled. Nothing was changed.")

    def _on_ended(self) -> None:
        self.progress.setVisible(False)
        self.cancel.setEnabled(False)
        self.run.setEnabled(self._problem is None)
        if not self.note.text().startswith("Cancelled"):
            self.note.tell(self._problem or "")


class OperationSection(Section):
    """A section for one operation.

    Parameters
    ----------
    state
        State of the viewer.
    operation
        Qualified name.
    title
        The heading.
    sentence
        What it does, in the user's words; by default the operation's first line.
    show_results
        Called with the record when the user asks for the plot or table.
    """

    ran = Signal(object)

    def __init__(
        self,
        state: Any,
        operation: str,
        title: str,
        sentence: str = "",
        *,
        show_results: Callable[[Record], Any] | None = None,
    ) -> None:
        super().__init__(title, sentence)
        self.operation = operation
        self._state = state
        self._show_results = show_results
        self._waiting: list[Callable[[], Any]] = []
        self.form: OperationForm | None = None
        self.preview: Preview | None = None
        self.preview_box: QCheckBox | None = None
        self.record: Record | None = None
        self.runner = Runner(title, self)
        self.run_bar = RunBar(self.runner)
        self.failure = FailureNote()
        self.result = Text()
        self.result.setVisible(False)
        self.link = QPushButton("Show plot and table")
        self.link.setVisible(False)

    def fill(self) -> None:
        """Load the operation beside the window, then make its form."""
        self._loading = Text("Loading…")
        self.content.addWidget(self._loading)
        self._loader = Runner(f"Loading {self.title}", self, is_listed=False)
        self._loader.failed.connect(self.failure.show_failure)
        name = self.operation
        self._loader.start(lambda _: resolve(name), on_done=self._build)
        self.content.addWidget(self.failure)

    def when_ready(self, action: Callable[[], Any]) -> None:
        """Do something as soon as the form is there."""
        if self.form is not None:
            action()
        else:
            self._waiting.append(action)

    def set_up(self, inputs: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Open the section with given inputs and parameters."""
        self.set_open(True)
        self.when_ready(lambda: self._enter(inputs, values))

    def run(self) -> None:
        """Run the operation on everything."""
        assert self.form is not None
        self.failure.clear()
        try:
            self._state.settle()
            problem = self.form.problem()
            if problem is not None:
                self.run_bar.set_problem(problem)
                return
            inputs, values = self.form.inputs(), self.form.values()
        except NanoscapeError as error:
            self._on_failed(describe(error, self.title))
            return
        state, operation = self._state, self.operation

        def work(task: Task) -> Any:
            running, drawing = task.split(9, 1)
            outcome = state.session.compute(operation, inputs, values, task=running)
            for item in outcome.outputs.values():
                make_overviews(item, drawing)
            return outcome

        self.result.setVisible(False)
        self.link.setVisible(False)
        self.runner.start(work, on_done=lambda outcome: self._keep(inputs, outcome))

    def on_closed(self) -> None:
        """End the preview; a run goes on."""
        if self.preview_box is not None:
            self.preview_box.setChecked(False)

    def _build(self, spec: OperationSpec) -> None:
        self._loading.setVisible(False)
        if not self.sentence.text():
            self.sentence.tell(spec.summary)
        self.form = OperationForm(spec, self._state)
        self.content.insertWidget(self.content.count() - 1, self.form)
        if preview_port(spec) is not None:
            self._add_preview()
        at = self.content.count() - 1
        self.content.insertWidget(at, self.run_bar)
        self.content.addWidget(self.result)
        self.content.addWidget(self.link, alignment=Qt.AlignmentFlag.AlignLeft)
        self.link.clicked.connect(self._on_link)
        self.run_bar.run_asked.connect(self.run)
        self.runner.failed.connect(self._on_failed)
        self.form.changed.connect(self._check)
        self._check()
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()

    def _add_preview(self) -> None:
        assert self.form is not None
        self.preview = Preview(self._state, self.operation, self.form)
        self.preview_box = QCheckBox("Preview on the visible area")
        self.preview_box.setToolTip(
            "Shows what the settings would give where you look. It is not kept."
        )
        self.preview_box.toggled.connect(self.preview.turn)
        note = Text()
        note.setVisible(False)
        self.preview.told.connect(note.tell)
        self.preview_box.toggled.connect(lambda _: note.tell(""))
        self.content.insertWidget(self.content.count() - 1, self.preview_box)
        self.content.insertWidget(self.content.count() - 1, note)

    def _enter(self, inputs: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        assert self.form is not None
        known = {parameter.name for parameter in self.form.spec.parameters}
        self.form.set_values({k: v for k, v in values.items() if k in known})
        self.form.set_inputs(inputs)
        self._check()

    def _check(self) -> None:
        assert self.form is not None
        self.run_bar.set_problem(self.form.problem())

    def _keep(self, inputs: Mapping[str, Any], outcome: Any) -> Stepwise[None]:
        if self.preview_box is not None:
            self.preview_box.setChecked(False)
        state = self._state
        self.record = yield from state.keeping(self.operation, inputs, outcome)
        yield
        session = self._state.session
        lines = [result_line(session, self.record)]
        self.result.tell("\n".join([*lines, *how_it_came_about(session, self.record)]))
        kinds = {self._state.session[a].kind for a in self.record.outputs.values()}
        has_table = "table" in kinds
        self.link.setVisible(has_table and self._show_results is not None)
        if has_table:
            yield
            self._on_link()
        self.ran.emit(self.record)
        # The layout grows first; then there is something to scroll to.
        QTimer.singleShot(_SETTLE_MS, self._show_end)

    def _show_end(self) -> None:
        """Scroll so that the result is seen."""
        area: QWidget | None = self
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None and self.is_open:
            last = self.link if self.link.isVisible() else self.result
            area.ensureWidgetVisible(last)

    def _on_failed(self, failure: Failure) -> None:
        self.failure.show_failure(failure)
        tell(failure)

    def _on_link(self) -> None:
        if self.record is not None and self._show_results is not None:
            self._show_results(self.record)
