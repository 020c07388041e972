"""Drawing named areas by hand."""

from __future__ import annotations

from typing import Any

from napari.layers import Shapes
from qtpy.QtWidgets import QComboBox, QGridLayout, QLineEdit, QPushButton

from nanoscape._napari.notes import FailureNote, Text
from nanoscape._napari.panels.section import Section
from nanoscape._napari.tasks import describe
from nanoscape.errors import NanoscapeError
from nanoscape.model.roles import ROLES

_NO_ROLE = "no role"
_USUAL = ("Tissue", "Necrosis", "Exclude", "Hypoxia")


class RegionsSection(Section):
    """Draws areas, names them and says what they are."""

    def __init__(self, state: Any) -> None:
        super().__init__(
            "Regions",
            "Draw areas by hand, such as the tumour, necrosis, or folds to exclude.",
        )
        self._state = state
        self.layer: Shapes | None = None
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name, such as Tumour edge")
        self.name.setAccessibleName("Name of the region")
        self.role = QComboBox()
        self.role.setAccessibleName("What the region is")
        others = [role for role in ROLES if role not in _USUAL]
        self.role.addItems([*_USUAL, *others, _NO_ROLE])
        self.draw = QPushButton("Draw")
        self.draw.setToolTip(
            "<qt>Click the corners of the area; a double click ends it. Several areas "
            "of one kind can be drawn.</qt>"
        )
        self.use = QPushButton("Use what I drew")
        self.use.setEnabled(False)
        self.note = Text()
        self.failure = FailureNote()

    def fill(self) -> None:
        """Make the fields."""
        grid = QGridLayout()
        grid.addWidget(Text("Called"), 0, 0)
        grid.addWidget(self.name, 0, 1)
        grid.addWidget(Text("It is"), 1, 0)
        grid.addWidget(self.role, 1, 1)
        grid.addWidget(self.draw, 2, 0, 1, 2)
        grid.addWidget(self.use, 3, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        self.content.addLayout(grid)
        self.content.addWidget(self.note)
        self.content.addWidget(self.failure)
        self.note.setVisible(False)
        self.draw.clicked.connect(self.begin)
        self.use.clicked.connect(self.take)

    def begin(self) -> None:
        """Add a layer to draw on and choose the polygon tool."""
        self.failure.clear()
        viewer, axes = self._state.viewer, self._state.axes.spatial
        name = self.name.text().strip() or self.role.currentText()
        layer = Shapes(
            ndim=len(axes),
            name=name,
            units=("um",) * len(axes),
            axis_labels=tuple(axes),
            edge_color="#ffd54f",
            face_color="#ffd54f40",
            edge_width=self._edge_width(),
        )
        viewer.layers.append(layer)
        viewer.layers.selection.active = layer
        layer.mode = "add_polygon"
        self.layer = layer
        self.use.setEnabled(True)
        self.note.tell("Click the corners of the area; a double click ends it.")

    def take(self) -> None:
        """Make what was drawn an object of the study with its role."""
        layer = self.layer
        if layer is None or layer not in self._state.viewer.layers:
            self.note.tell("The drawing is gone: draw again.")
            self.use.setEnabled(False)
            return
        layer.mode = "pan_zoom"
        if len(layer.data):
            text = self.name.text().strip() or self.role.currentText()
            layer.features = {"name": [text] * len(layer.data)}
        try:
            address = self._state.adopt(layer)
        except NanoscapeError as error:
            self.failure.show_failure(describe(error, self.title))
            return
        role = self.role.currentText()
        if role != _NO_ROLE:
            self._state.set_role(address, role)
        self.failure.clear()
        self.note.tell(f"{self._state.session[address].name} is now in the study.")

    def _edge_width(self) -> float:
        """Return a width that is seen when the whole scene is."""
        extent = self._state.viewer.layers.extent.world
        size = float((extent[1] - extent[0])[-2:].max()) if len(extent[0]) else 100.0
        return max(size / 300, 1e-3)
