"""Which animal, lesion and section is shown."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from nanoscape._napari.following import follow


class SceneBar(QWidget):
    """A list of scenes with buttons for the one before and the next."""

    def __init__(self, state: Any) -> None:
        super().__init__()
        self._state = state
        self.box = QComboBox()
        self.box.setAccessibleName("Animal, lesion and section")
        self.box.setToolTip("Which animal, lesion and section is shown.")
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setMinimumContentsLength(8)
        self.box.activated.connect(self._on_chosen)
        self.previous = self._arrow(Qt.ArrowType.LeftArrow, "Previous section", -1)
        self.next = self._arrow(Qt.ArrowType.RightArrow, "Next section", 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.previous)
        layout.addWidget(self.box, 1)
        layout.addWidget(self.next)
        self.refresh()
        follow(state.objects_changed, self, self.refresh)
        follow(state.scene_changed, self, self.refresh)
        state.arrivals.ended.connect(self._show_current)

    def refresh(self) -> None:
        """List the scenes again."""
        scenes = self._state.scenes
        self.box.clear()
        for scene in scenes:
            self.box.addItem(scene.title, scene.id)
        if not scenes:
            is_empty = not list(self._state.session)
            self.box.addItem("Nothing open yet" if is_empty else "Everything", None)
        self._show_current()
        self.box.setEnabled(bool(scenes))
        for button in (self.previous, self.next):
            button.setEnabled(len(scenes) > 1)

    def _arrow(self, arrow: Qt.ArrowType, name: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setArrowType(arrow)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda _=False: self._step(step))
        return button

    def _step(self, step: int) -> None:
        self._state.arrivals.step_scene(step)
        self._show_current()

    def _on_chosen(self, index: int) -> None:
        ident = self.box.itemData(index)
        if ident is not None:
            self._state.arrivals.go_to_scene(ident)

    def _show_current(self) -> None:
        """Name the scene that is shown, or that is on its way."""
        ident = self._state.arrivals.scene
        if ident is not None:
            self.box.setCurrentIndex(self.box.findData(ident))
