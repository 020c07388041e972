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

    def refresh(self) -> None:
        """List the scenes again."""
        scenes, current = self._state.scenes, self._state.scene
        self.box.clear()
        for scene in scenes:
            self.box.addItem(scene.title, scene.id)
        if not scenes:
            is_empty = not list(self._state.session)
            self.box.addItem("Nothing open yet" if is_empty else "Everything", None)
        if current is not None:
            self.box.setCurrentIndex(self.box.findData(current.id))
        self.box.setEnabled(bool(scenes))
        for button in (self.previous, self.next):
            button.setEnabled(len(scenes) > 1)

    def _arrow(self, arrow: Qt.ArrowType, name: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setArrowType(arrow)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda _=False: self._state.step_scene(step))
        return button

    def _on_chosen(self, index: int) -> None:
        ident = self.box.itemData(index)
        if ident is not None:
            self._state.set_scene(ident)
