"""Sections of a tab: one sentence and what belongs to it, one open at a time."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nanoscape._napari.notes import Text


class Section(QWidget):
    """A heading that opens and closes what is below it.

    The body is made when the section is first opened, so that the panel appears
    at once.

    Parameters
    ----------
    title
        The heading.
    sentence
        What the section does.
    """

    opened = Signal(bool)

    def __init__(self, title: str, sentence: str = "") -> None:
        super().__init__()
        self.title = title
        self.heading = QToolButton()
        self.heading.setText(title)
        self.heading.setCheckable(True)
        self.heading.setAutoRaise(True)
        self.heading.setArrowType(Qt.ArrowType.RightArrow)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed
        )
        self.heading.setStyleSheet("QToolButton { font-weight: bold; }")
        self.heading.toggled.connect(self._on_toggled)
        self.sentence = Text(sentence)
        self.sentence.setVisible(bool(sentence))
        self.body = QWidget()
        self.content = QVBoxLayout(self.body)
        self.content.setContentsMargins(8, 0, 2, 8)
        self.content.setSpacing(6)
        self.content.addWidget(self.sentence)
        self.body.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.heading)
        layout.addWidget(self.body)
        self._is_filled = False

    @property
    def is_open(self) -> bool:
        """Whether the body is shown."""
        return self.heading.isChecked()

    def set_open(self, is_open: bool) -> None:
        """Show or hide the body."""
        self.heading.setChecked(is_open)

    def fill(self) -> None:
        """Make the body; called once, when it is first needed."""

    def on_closed(self) -> None:
        """Put away what was only there while the section was open."""

    def _on_toggled(self, is_open: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self.heading.setArrowType(arrow)
        if is_open and not self._is_filled:
            self._is_filled = True
            self.fill()
        self.body.setVisible(is_open)
        if not is_open:
            self.on_closed()
        self.opened.emit(is_open)


class SectionList(QScrollArea):
    """The sections of a tab, below each other; it scrolls, but never sideways."""

    def __init__(self, *sections: Section, first: QWidget | None = None) -> None:
        super().__init__()
        self.sections = list(sections)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(4, 6, 6, 4)
        layout.setSpacing(4)
        if first is not None:
            layout.addWidget(first)
        for section in self.sections:
            layout.addWidget(section)
            section.opened.connect(self._close_others)
        layout.addStretch(1)
        self.setWidget(inner)

    def open_first(self) -> None:
        """Open the first section unless one is open."""
        if self.sections and not any(s.is_open for s in self.sections):
            self.sections[0].set_open(True)

    def close_all(self) -> None:
        """Close every section."""
        for section in self.sections:
            section.set_open(False)

    def _close_others(self, is_open: bool) -> None:
        if not is_open:
            return
        for section in self.sections:
            if section is not self.sender():
                section.set_open(False)
