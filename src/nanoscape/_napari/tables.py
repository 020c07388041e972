"""A view of a table: sorted by a click, copied to a spreadsheet, saved as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from nanoscape._napari.results import column_words, value_text
from nanoscape._napari.tasks import save_or_say

_DISPLAY = Qt.ItemDataRole.DisplayRole
_ALIGN = Qt.ItemDataRole.TextAlignmentRole
_SORT = Qt.ItemDataRole.UserRole


class FrameModel(QAbstractTableModel):
    """Gives Qt the rows of a data frame as they are asked for."""

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__()
        self.frame = frame

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Return how many rows there are."""
        return 0 if parent is not None and parent.isValid() else len(self.frame)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Return how many columns there are."""
        return 0 if parent is not None and parent.isValid() else self.frame.shape[1]

    def data(self, index: QModelIndex, role: int = _DISPLAY) -> Any:
        """Return the text, the alignment or the value of one cell."""
        value = self.frame.iat[index.row(), index.column()]
        if role == _DISPLAY:
            return value_text(value, str(self.frame.columns[index.column()]))
        if role == _SORT:
            return value.item() if hasattr(value, "item") else value
        if role == _ALIGN and not isinstance(value, str):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY
    ) -> Any:
        """Return the name of a column or the number of a row."""
        if role != _DISPLAY:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return heading(str(self.frame.columns[section]))
        return str(section + 1)


def heading(column: str) -> str:
    """Return the name of a column with its unit in brackets."""
    name, unit = column_words(column)
    return f"{name} ({unit})" if unit else name


class TableView(QWidget):
    """Shows a table; copying it pastes into a spreadsheet with all digits."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = pd.DataFrame()
        self._model: FrameModel | None = None
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSortRole(_SORT)
        self.view = _Copying(self)
        self.view.setModel(self._proxy)
        self.view.setSortingEnabled(True)
        self.view.setAccessibleName("Table")
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.copy = QPushButton("Copy table")
        self.copy.setToolTip(
            "Copies all rows, or the selected ones, for a spreadsheet."
        )
        self.copy.clicked.connect(self.copy_rows)
        self.save = QPushButton("Save table…")
        self.save.clicked.connect(self._ask_path)
        bar = QVBoxLayout()
        bar.addWidget(self.copy)
        bar.addWidget(self.save)
        bar.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(self.view, 1)
        layout.addLayout(bar)

    def show_frame(self, frame: pd.DataFrame) -> None:
        """Show a data frame."""
        self.frame = frame
        model = FrameModel(frame)
        self._proxy.setSourceModel(model)
        self._proxy.sort(-1)
        # Qt does not keep the model alive by itself.
        self._model = model
        self.view.resizeColumnsToContents()

    def selected_rows(self) -> list[int]:
        """Return the rows of the frame that are selected, in the order shown."""
        rows = sorted({index.row() for index in self.view.selectedIndexes()})
        indices = (self._proxy.index(row, 0) for row in rows)
        return [self._proxy.mapToSource(index).row() for index in indices]

    def copy_rows(self) -> None:
        """Copy the selected rows, or all, with the names of the columns."""
        rows = self.selected_rows()
        frame = self.frame.iloc[rows] if rows else self.frame
        QApplication.clipboard().setText(frame.to_csv(sep="\t", index=False))

    def save_as(self, path: Path) -> Path:
        """Write the table as CSV; an older file stays until it is complete."""
        temporary = path.with_name(f".{path.name}.tmp")
        self.frame.to_csv(temporary, index=False)
        temporary.replace(path)
        return path

    def _ask_path(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save table", "table.csv", "CSV (*.csv)"
        )
        if name:
            path = Path(name)
            path = path if path.suffix else path.with_suffix(".csv")
            save_or_say(lambda: self.save_as(path), "table")


class _Copying(QTableView):
    """A table view in which Ctrl+C copies whole rows with their headings."""

    def __init__(self, owner: TableView) -> None:
        super().__init__(owner)
        self._owner = owner
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Copy rows; everything else is Qt's."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self._owner.copy_rows()
        else:
            super().keyPressEvent(event)
