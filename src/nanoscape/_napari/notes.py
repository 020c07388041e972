"""Lines of text in the panel: sentences, problems, links."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QVBoxLayout, QWidget

from nanoscape._napari.tasks import Failure


class Text(QLabel):
    """A text whose lines break where the panel is narrow."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(10)

    def tell(self, text: str) -> None:
        """Show a text, or hide the line when there is none."""
        self.setText(text)
        self.setVisible(bool(text))


class FailureNote(QWidget):
    """Says why a run did not end well; its details can be copied."""

    def __init__(self) -> None:
        super().__init__()
        self._failure: Failure | None = None
        self.text = Text()
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy = QPushButton("Copy details")
        self.copy.setToolTip("Copies what helps with a bug report.")
        self.copy.clicked.connect(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addWidget(self.copy, alignment=Qt.AlignmentFlag.AlignLeft)
        self.setVisible(False)

    def show_failure(self, failure: Failure) -> None:
        """Show a failure."""
        self._failure = failure
        # A sign beside the words, so that colour is not needed to see it.
        self.text.setText(f"⚠ {failure.sentence}")
        self.setVisible(True)

    def clear(self) -> None:
        """Show nothing."""
        self._failure = None
        self.setVisible(False)

    def _copy(self) -> None:
        if self._failure is not None:
            QApplication.clipboard().setText(self._failure.details)


class EmptyState(QWidget):
    """Says what to do first, and offers it."""

    asked = Signal()

    def __init__(self, text: str, button: str) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 6)
        layout.addWidget(Text(text))
        self.button = QPushButton(button)
        self.button.clicked.connect(self._ask)
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignLeft)

    def _ask(self, _checked: Any = None) -> None:
        self.asked.emit()
