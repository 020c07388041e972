"""What the user is asked of slices that lie at uneven distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QMessageBox, QPushButton, QVBoxLayout, QWidget

from nanoscape._napari.loading import AS_IT_IS, Given
from nanoscape._napari.notes import Text

INTERPOLATE = "Interpolate even slices"


class UnevenQuestion(QWidget):
    """Asks whether even slices are to be interpolated between uneven ones.

    Signals
    -------
    answered
        That they are, as :class:`~nanoscape._napari.loading.Given`.
    """

    answered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.text = Text()
        self._given = AS_IT_IS
        self.go = QPushButton(INTERPOLATE)
        self.go.setToolTip(
            "<qt>Even slices follow at the smallest distance that there is; each is "
            "mixed from the two beside it. The files stay as they are, and the study "
            "remembers it.</qt>"
        )
        self.go.clicked.connect(self._answer)
        self.skip = QPushButton("Leave out")
        self.skip.clicked.connect(lambda: self.setVisible(False))
        buttons = QHBoxLayout()
        buttons.addWidget(self.go)
        buttons.addWidget(self.skip)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        column.addLayout(buttons)
        self.setVisible(False)

    def ask(self, paths: Iterable[Path], given: Given = AS_IT_IS) -> None:
        """Ask about some files, of which the user has said something already."""
        self.text.setText(sentence(", ".join(path.name for path in paths)))
        self._given = given
        self.setVisible(True)
        self.go.setFocus()

    def _answer(self) -> None:
        self.setVisible(False)
        self.answered.emit(replace(self._given, resample=True))


def sentence(names: str) -> str:
    """Return the question about files."""
    return (
        f"The slices of {names} lie at uneven distances: if none is missing, even "
        "ones can be interpolated between them."
    )


def ask_in_a_dialog(name: str) -> Given | None:
    """Ask the same where there is no tab to ask in; ``None`` means no."""
    box = QMessageBox(QMessageBox.Icon.Question, "Uneven slices", sentence(name))
    go = box.addButton(INTERPOLATE, QMessageBox.ButtonRole.AcceptRole)
    box.addButton("Leave out", QMessageBox.ButtonRole.RejectRole)
    box.exec()
    return Given(resample=True) if box.clickedButton() is go else None
