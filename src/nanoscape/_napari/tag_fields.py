"""Fields for the tags of what is selected in the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QWidget

from nanoscape._napari.study_table import COLUMNS, EDITABLE

_DIFFERENT = "different"


class TagFields(QWidget):
    """One line for each tag that belongs to a file.

    Signals
    -------
    edited
        Name of the tag and its new text.
    """

    edited = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, QLineEdit] = {}
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        for column in COLUMNS:
            if column.tag in EDITABLE:
                field = QLineEdit()
                field.setAccessibleName(column.title)
                field.setToolTip("Changes the tag of everything in the same file.")
                field.editingFinished.connect(partial(self._on_edited, column.tag))
                self.fields[column.tag] = field
                form.addRow(column.title, field)
        self.setVisible(False)

    def show_tags(self, several: Sequence[Mapping[str, Any]]) -> None:
        """Show the tags of what is selected, or nothing."""
        for tag, field in self.fields.items():
            texts = {str(tags.get(tag, "") or "") for tags in several}
            field.setText(texts.pop() if len(texts) == 1 else "")
            field.setPlaceholderText(_DIFFERENT if texts else "")
            field.setModified(False)
        self.setVisible(bool(several))

    def _on_edited(self, tag: str) -> None:
        field = self.fields[tag]
        # Leaving a field without a change is no edit.
        if field.isModified():
            field.setModified(False)
            self.edited.emit(tag, field.text())
