"""The tab Align: what lies on what, and landmarks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from nanoscape._napari.alignment import Pair, accept, pairs_of
from nanoscape._napari.following import follow
from nanoscape._napari.landmark_layers import LandmarkLayers
from nanoscape._napari.notes import Text
from nanoscape._napari.panels.operation_section import OperationSection
from nanoscape._napari.panels.section import Section
from nanoscape._napari.pickers import named
from nanoscape._napari.results import value_text
from nanoscape._napari.tasks import describe
from nanoscape.errors import NanoscapeError
from nanoscape.model import Record

OPERATION = "registration.align_landmarks"
_HEADINGS = ("Pair", "Error (µm)", "Left out (µm)")
_ROWS = 6


class PairList(QWidget):
    """The spaces of the scene with their state; Accept, Undo, Redo."""

    chosen = Signal(object)

    def __init__(self, state: Any) -> None:
        super().__init__()
        self._state = state
        self._pairs: list[Pair] = []
        self.list = QListWidget()
        self.list.setAccessibleName("Images to align")
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self._on_row)
        self.empty = Text()
        self.warnings = Text()
        self.accept = QPushButton("Accept")
        self.accept.setToolTip("States that the two lie on each other as they should.")
        self.undo = QPushButton("Undo")
        self.redo = QPushButton("Redo")
        self.accept.clicked.connect(self._on_accept)
        self.undo.clicked.connect(lambda: state.moving.undo())
        self.redo.clicked.connect(lambda: state.moving.redo())
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.empty, 0, 0, 1, 3)
        grid.addWidget(self.list, 1, 0, 1, 3)
        grid.addWidget(self.warnings, 2, 0, 1, 3)
        for column, button in enumerate((self.accept, self.undo, self.redo)):
            grid.addWidget(button, 3, column)
        for signal in (state.objects_changed, state.edges_changed, state.scene_changed):
            follow(signal, self, self.refresh)
        self.refresh()

    @property
    def current(self) -> Pair | None:
        """The pair that is selected."""
        row = self.list.currentRow()
        return self._pairs[row] if 0 <= row < len(self._pairs) else None

    def refresh(self) -> None:
        """List the pairs again."""
        row = max(self.list.currentRow(), 0)
        self._pairs = pairs_of(self._state)
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItems([pair.line for pair in self._pairs])
        self.list.setCurrentRow(min(row, len(self._pairs) - 1))
        self.list.blockSignals(False)
        height = self.list.fontMetrics().height() * 2 + 8
        self.list.setFixedHeight(height * min(max(len(self._pairs), 1), 3) + 8)
        self.list.setVisible(bool(self._pairs))
        self.empty.tell(self._says_empty())
        self.undo.setEnabled(self._state.moving.can_undo)
        self.redo.setEnabled(self._state.moving.can_redo)
        self._on_row(self.list.currentRow())

    def _says_empty(self) -> str:
        if self._pairs:
            return ""
        if not self._state.scene_objects():
            return "Nothing to align yet: open images in the tab Open."
        return "Everything in this scene already lies in one space."

    def _on_row(self, _row: int) -> None:
        pair = self.current
        self.accept.setEnabled(
            pair is not None and bool(pair.edges) and not pair.is_accepted
        )
        edges = pair.edges if pair else ()
        self.warnings.tell(
            "\n".join(f"⚠ {text}" for edge in edges for text in edge.quality.warnings)
        )
        if pair is not None:
            self.chosen.emit(pair)

    def _on_accept(self) -> None:
        if self.current is not None:
            accept(self._state, self.current)


class PairsSection(Section):
    """The list of pairs as a section of its own."""

    chosen = Signal(object)

    def __init__(self, state: Any) -> None:
        super().__init__(
            "What lies on what",
            "Images that were taken on different instruments, and whether they lie "
            "on each other. Choose a pair, then align it below.",
        )
        self._state = state
        self.pairs: PairList | None = None

    def fill(self) -> None:
        """Make the list."""
        self.pairs = PairList(self._state)
        self.pairs.chosen.connect(self.chosen)
        self.content.addWidget(self.pairs)
        self.pairs.refresh()


class LandmarksSection(OperationSection):
    """Collects clicked pairs and fits a transform to them."""

    def __init__(
        self, state: Any, *, show_results: Callable[[Record], Any] | None = None
    ) -> None:
        super().__init__(
            state,
            OPERATION,
            "Landmarks",
            "Click places that are the same in both images, in turn; then Run.",
            show_results=show_results,
        )
        self.clicks: LandmarkLayers | None = None
        self.moving = _image_box("Image to move")
        self.fixed = _image_box("Image that stays")
        self.start = QPushButton("Click landmarks")
        self.start.setCheckable(True)
        self.start.setToolTip(
            "<qt>Adds a layer of points to each image. Click a place in the image to "
            "move, then the same place in the one that stays.</qt>"
        )
        self.back = QPushButton("Remove last")
        self.side_by_side = QCheckBox("Side by side while clicking")
        self.table = _error_table()
        self.hint = Text()

    def fill(self) -> None:
        """Put the clicking above the form."""
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.addWidget(Text("Move"), 0, 0)
        grid.addWidget(self.moving, 0, 1)
        grid.addWidget(Text("onto"), 1, 0)
        grid.addWidget(self.fixed, 1, 1)
        self.content.addLayout(grid)
        row = QHBoxLayout()
        row.addWidget(self.start, 1)
        row.addWidget(self.back, 1)
        self.content.addLayout(row)
        self.content.addWidget(self.side_by_side)
        self.content.addWidget(self.hint)
        self.content.addWidget(self.table)
        self.start.toggled.connect(self._on_start)
        self.back.clicked.connect(self._on_back)
        self.side_by_side.toggled.connect(self._on_side_by_side)
        self.table.itemSelectionChanged.connect(self._on_row)
        self.ran.connect(lambda _: self._show_errors())
        state = self._state
        for signal in (state.objects_changed, state.scene_changed):
            follow(signal, self, self.refresh)
        self.refresh()
        super().fill()

    def choose(self, pair: Pair) -> None:
        """Take the two images of a pair, and its landmarks if it has some."""
        if self.clicks is not None:
            return
        self.refresh()
        for box, address in (
            (self.moving, pair.moving_address),
            (self.fixed, pair.fixed_address),
        ):
            box.setCurrentIndex(max(box.findData(address), 0))

    def refresh(self) -> None:
        """List the images again."""
        session = self._state.session
        kinds = ("image", "spectra", "labels")
        found = [a for a in self._state.scene_objects() if session[a].kind in kinds]
        for number, box in enumerate((self.moving, self.fixed)):
            before = box.currentData()
            box.clear()
            for address, name in named(self._state, found):
                box.addItem(name, address)
            index = box.findData(before)
            box.setCurrentIndex(index if index >= 0 else min(number, len(found) - 1))
        self.start.setEnabled(len(found) > 1)
        self._tell_count()

    def run(self) -> None:
        """Store what was clicked, then fit."""
        if self.clicks is not None:
            self._store()
        super().run()

    def on_closed(self) -> None:
        """Take the layers of points away; the pairs stay in the study."""
        super().on_closed()
        self.start.setChecked(False)

    def _on_start(self, on: bool) -> None:
        self.failure.clear()
        if not on:
            if self.clicks is not None:
                self._store()
                self.clicks.close()
                self.clicks = None
            self._lock(False)
            return
        moving, fixed = self.moving.currentData(), self.fixed.currentData()
        session = self._state.session
        if moving is None or session[moving].space == session[fixed].space:
            self.hint.tell("The two images already lie in one space: choose others.")
            self.start.setChecked(False)
            return
        self.clicks = LandmarkLayers(self._state, moving, fixed)
        for layer in self.clicks.layers.values():
            layer.events.data.connect(self._on_click)
        self.clicks.show_side_by_side(self.side_by_side.isChecked())
        self._lock(True)
        self._tell_count()

    def _lock(self, on: bool) -> None:
        self.start.setText("Stop clicking" if on else "Click landmarks")
        for box in (self.moving, self.fixed):
            box.setEnabled(not on)
        self.back.setEnabled(on)

    def _store(self) -> None:
        assert self.clicks is not None
        try:
            ident = self.clicks.store()
        except NanoscapeError as error:
            self._on_failed(describe(error, self.title))
            return
        if self.form is not None and self.clicks.count:
            self.form.refresh()
            self.form.set_inputs({"landmarks": ident})

    def _on_click(self, _event: Any = None) -> None:
        if self.clicks is not None:
            self._store()
            self._tell_count()

    def _on_back(self) -> None:
        if self.clicks is not None:
            self.clicks.remove_last()
            self._on_click()

    def _on_side_by_side(self, on: bool) -> None:
        if self.clicks is not None:
            self.clicks.show_side_by_side(on)

    def _tell_count(self) -> None:
        if self.clicks is None:
            self.hint.tell("")
            return
        count = self.clicks.count
        need = "; at least 4 are needed to tell the error" if count < 4 else ""
        self.hint.tell(f"{count} pair{'' if count == 1 else 's'}{need}.")

    def _show_errors(self) -> None:
        """Show how far each pair lies apart after the fit."""
        assert self.record is not None
        session = self._state.session
        tables = [session[a] for a in self.record.outputs.values()]
        frame = next((t.data for t in tables if t.kind == "table"), None)
        if frame is None:
            return
        self.table.setRowCount(len(frame))
        for row, values in enumerate(frame.itertuples(index=False)):
            texts = [
                f"{values.landmark} ⚠" if values.outlier else str(values.landmark),
                value_text(values.residual_um),
                value_text(values.left_out_error_um),
            ]
            for column, text in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(text))
        height = self.table.verticalHeader().defaultSectionSize()
        self.table.setFixedHeight(height * (min(len(frame), _ROWS) + 1) + 8)
        self.table.setVisible(True)

    def _on_row(self) -> None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        if rows and self.clicks is not None:
            self.clicks.look_at(min(rows))


def _image_box(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    box.setMinimumContentsLength(6)
    return box


def _error_table() -> QTableWidget:
    table = QTableWidget(0, len(_HEADINGS))
    table.setHorizontalHeaderLabels(_HEADINGS)
    table.setAccessibleName("Errors of the landmarks")
    table.verticalHeader().setVisible(False)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.setToolTip(
        "<qt>Error: how far the pair lies apart after the fit. Left out: how far it "
        "would lie if it had not been used. ⚠: farther than chance explains; check "
        "the click.</qt>"
    )
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setVisible(False)
    return table
