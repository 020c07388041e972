"""What is what: a chip for each role, with the object that plays it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QGridLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nanoscape._napari.following import follow
from nanoscape._napari.pickers import kind_words, named
from nanoscape.model.roles import ROLES

_KINDS = ("image", "labels", "regions", "points")
_COLUMNS = 2
_STYLE = (
    "QPushButton { text-align: left; padding: 3px 6px; }"
    "QPushButton::menu-indicator { image: none; width: 0; }"
)
_EMPTY_STYLE = "QPushButton { background: transparent; font-style: italic; }"


class Chip(QPushButton):
    """Shows who plays one role; a click lists who else could.

    Parameters
    ----------
    role
        One of :data:`~nanoscape.model.roles.ROLES`.
    state
        State of the viewer.
    """

    def __init__(self, role: str, state: Any) -> None:
        super().__init__()
        self.role = role
        self._state = state
        self._text = role
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMenu(QMenu(self))
        self.menu().aboutToShow.connect(self.fill_menu)
        self.refresh()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a height that fits the text; the width is the panel's to give."""
        return QSize(60, self.fontMetrics().height() + 10)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the same."""
        return self.sizeHint()

    def refresh(self) -> None:
        """Show who plays the role now."""
        players = self.players()
        names = [self._state.session[address].name for address in players.values()]
        # A filled or hollow sign, so that grey is not the only mark of empty.
        sign = "●" if names else "○"
        self._text = f" {sign} {self.role}" + (f": {', '.join(names)}" if names else "")
        lines = [
            f"{kind_words([kind])}: {self._state.session[address].name}"
            for kind, address in players.items()
        ]
        says = "; ".join(lines) if lines else "nothing yet, click to choose"
        self.setToolTip(f"<qt>{self.role}: {says}</qt>")
        self.setAccessibleName(f"{self.role}: {says}")
        self.setFlat(not names)
        self.setStyleSheet(_STYLE if names else _STYLE + _EMPTY_STYLE)
        self._elide()

    def players(self) -> dict[str, str]:
        """Return the active object of each kind."""
        found = {kind: self._state.role(self.role, kind) for kind in _KINDS}
        return {kind: address for kind, address in found.items() if address}

    def fill_menu(self) -> None:
        """List what could play the role, by kind; who does is ticked."""
        menu = self.menu()
        menu.clear()
        players = self.players()
        session = self._state.session
        objects = self._state.scene_objects()
        for kind in _KINDS:
            members = [a for a in objects if session[a].kind == kind]
            if not members:
                continue
            menu.addSection(kind_words([kind]).capitalize())
            for address, name in named(self._state, members):
                other = session[address].tags.get("role")
                note = f"   ({other})" if other and other != self.role else ""
                action = menu.addAction(f"{name}{note}")
                action.setCheckable(True)
                action.setChecked(players.get(kind) == address)
                action.triggered.connect(self._choose(address, action.isChecked()))
        if menu.isEmpty():
            menu.addAction("Nothing open yet: use the tab Open").setEnabled(False)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Shorten the text to the new width."""
        super().resizeEvent(event)
        self._elide()

    def _choose(self, address: str, was_on: bool) -> Any:
        def choose(_checked: bool = False) -> None:
            self._state.set_role(address, None if was_on else self.role)

        return choose

    def _elide(self) -> None:
        room = max(self.width() - 16, 30)
        mode = Qt.TextElideMode.ElideRight
        self.setText(self.fontMetrics().elidedText(self._text, mode, room))


class Chips(QWidget):
    """The chips of all roles, under the heading *What is what*."""

    def __init__(self, state: Any) -> None:
        super().__init__()
        self.heading = QToolButton()
        self.heading.setText("What is what")
        self.heading.setToolTip(
            "<qt>Which layer plays which part. Every tool takes its inputs from "
            "here; click a chip to change it.</qt>"
        )
        self.heading.setCheckable(True)
        self.heading.setChecked(True)
        self.heading.setAutoRaise(True)
        self.heading.setArrowType(Qt.ArrowType.DownArrow)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.toggled.connect(self._on_toggled)
        self.chips = {role: Chip(role, state) for role in ROLES}
        self.inner = QWidget()
        grid = QGridLayout(self.inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(3)
        for number, chip in enumerate(self.chips.values()):
            grid.addWidget(chip, *divmod(number, _COLUMNS))
        for column in range(_COLUMNS):
            grid.setColumnStretch(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.heading)
        layout.addWidget(self.inner)
        for signal in (state.roles_changed, state.objects_changed, state.scene_changed):
            follow(signal, self, self.refresh)

    def refresh(self) -> None:
        """Show who plays each role now."""
        for chip in self.chips.values():
            chip.refresh()

    def _on_toggled(self, is_open: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self.heading.setArrowType(arrow)
        self.inner.setVisible(is_open)
