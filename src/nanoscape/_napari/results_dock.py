"""The dock below the canvas: the plot and the tables of a result."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDockWidget,
    QFrame,
    QMainWindow,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from nanoscape._napari.drawings import drawing_of
from nanoscape._napari.following import follow
from nanoscape._napari.notes import Text
from nanoscape._napari.plots import PlotCanvas
from nanoscape._napari.results import tables_of
from nanoscape._napari.tables import TableView
from nanoscape.model import Record
from nanoscape.workflow.registry import resolve

NAME = "Results"
_HEIGHT = 240


class ResultsDock(QWidget):
    """Shows the results of one run at a time; the others are one click away.

    Parameters
    ----------
    viewer
        Its theme is followed.
    state
        State of the viewer.
    """

    def __init__(self, viewer: Any, state: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._state = state
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Result to show")
        self.chooser.currentIndexChanged.connect(self._on_chosen)
        self.tabs = QTabWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        layout.addWidget(self.chooser)
        layout.addWidget(self.tabs, 1)
        self.refresh()
        follow(state.history_changed, self, self.refresh)

    def show_record(self, record: Record) -> None:
        """Show the results of one run."""
        self.refresh()
        index = self.chooser.findData(record.id)
        if index >= 0:
            self.chooser.setCurrentIndex(index)
            self._on_chosen(index)

    def refresh(self) -> None:
        """List the runs that gave something to show here."""
        chosen = self.chooser.currentData()
        self.chooser.blockSignals(True)
        self.chooser.clear()
        for record in reversed(self._state.session.study.records):
            if tables_of(self._state.session, record) or drawing_of(
                self._state.session, record
            ):
                scope = " · ".join(str(value) for value in record.scope.values())
                title = resolve(record.operation).title
                self.chooser.addItem(
                    " · ".join(filter(None, [title, scope])), record.id
                )
        self.chooser.setCurrentIndex(max(self.chooser.findData(chosen), 0))
        self.chooser.blockSignals(False)

    def _on_chosen(self, _index: int) -> None:
        ident = self.chooser.currentData()
        for record in self._state.session.study.records:
            if record.id == ident:
                self._fill(record)

    def _fill(self, record: Record) -> None:
        while self.tabs.count():
            page = self.tabs.widget(0)
            self.tabs.removeTab(0)
            page.deleteLater()
        draw = drawing_of(self._state.session, record)
        if draw is not None:
            canvas = PlotCanvas(self._viewer)
            canvas.show_plot(draw)
            self.tabs.addTab(canvas, "Plot")
        tables = tables_of(self._state.session, record)
        for table in tables:
            view = TableView()
            view.show_frame(table.data)
            self.tabs.addTab(view, table.name)
        notes = dict.fromkeys(note for table in tables for note in table.notes)
        if notes:
            self.tabs.addTab(_notes_page("\n".join(notes)), "Notes")


def _notes_page(text: str) -> QScrollArea:
    note = Text(text)
    note.setAlignment(Qt.AlignmentFlag.AlignTop)
    note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    page = QScrollArea()
    page.setWidgetResizable(True)
    page.setFrameShape(QFrame.Shape.NoFrame)
    page.setWidget(note)
    return page


def show_results(viewer: Any, state: Any, record: Record) -> ResultsDock:
    """Show the results of a run below the canvas.

    Parameters
    ----------
    viewer
        One without a window gets a dock that is shown nowhere.
    state
        State of the viewer.
    record
        The run.
    """
    dock = _dock_of(viewer, state)
    dock.show_record(record)
    return dock


def _dock_of(viewer: Any, state: Any) -> ResultsDock:
    window = getattr(viewer, "window", None)
    if window is None:
        return ResultsDock(viewer, state)
    known = window.dock_widgets.get(NAME)
    if known is not None:
        known.parent().show()
        return known
    dock = ResultsDock(viewer, state)
    window.add_dock_widget(dock, name=NAME, area="bottom")
    # What napari returns here may be a proxy, which Qt does not take.
    frame = dock.parentWidget()
    main = dock.window()
    if isinstance(main, QMainWindow) and isinstance(frame, QDockWidget):
        _make_room(main, frame)
    return dock


def _make_room(main: QMainWindow, frame: QDockWidget) -> None:
    """Put the dock below the canvas only; what stands beside keeps its height."""
    bottom = Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner
    sides = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
    for corner, area in zip(bottom, sides, strict=True):
        main.setCorner(corner, area)
    main.resizeDocks([frame], [_HEIGHT], Qt.Orientation.Vertical)
