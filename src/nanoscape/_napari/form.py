"""A form made from the description of an operation, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QToolButton, QVBoxLayout, QWidget

from nanoscape._napari.fields import Field, add_rows, label_for, make_field
from nanoscape._napari.following import follow
from nanoscape._napari.pickers import ManyPicker, Picker, make_picker, missing
from nanoscape.errors import WrongInput
from nanoscape.operation import OperationSpec


class OperationForm(QWidget):
    """Fields for the inputs and parameters of an operation.

    Inputs are taken from the chips until the user chooses others. Parameters
    marked as advanced are kept under *More…*.

    Parameters
    ----------
    spec
        Description of the operation.
    state
        State of the viewer.
    """

    changed = Signal()

    def __init__(self, spec: OperationSpec, state: Any) -> None:
        super().__init__()
        self.spec = spec
        self._state = state
        self.pickers: dict[str, Picker] = {
            port.name: make_picker(port, state) for port in spec.inputs
        }
        self.fields: dict[str, Field] = {
            parameter.name: make_field(parameter) for parameter in spec.parameters
        }
        self.more: QToolButton | None = None
        self._lay_out()
        for widget in (*self.pickers.values(), *self.fields.values()):
            widget.changed.connect(self.changed)
        follow(state.objects_changed, self, self.refresh)
        follow(state.roles_changed, self, self.refresh)

    def values(self) -> dict[str, Any]:
        """Return the parameters as they are entered."""
        return {name: field.value() for name, field in self.fields.items()}

    def inputs(self) -> dict[str, str | list[str] | None]:
        """Return the addresses chosen for each input."""
        return {name: picker.value() for name, picker in self.pickers.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Enter parameters; those not named keep what they have.

        Raises
        ------
        WrongInput
            If a value is not allowed; nothing is entered then.
        """
        checked = self.spec.check_parameters({**self.values(), **values})
        for name in values:
            self.fields[name].set_value(checked[name])

    def set_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Choose addresses; inputs that are not named keep what they have.

        Of several addresses for an input that takes one, the first is chosen, as
        records hold them.
        """
        for name, value in inputs.items():
            picker = self.pickers[name]
            if isinstance(value, tuple | list) and not isinstance(picker, ManyPicker):
                value = value[0] if value else None
            picker.set_value(value)

    def reset(self) -> None:
        """Enter the defaults again and follow the chips."""
        for parameter in self.spec.parameters:
            self.fields[parameter.name].set_value(parameter.default)
        for picker in self.pickers.values():
            picker.is_pinned = False
        self.refresh()

    def problem(self) -> str | None:
        """Return in one line why the operation cannot be run, if it cannot."""
        needed = [port for port in self.spec.inputs if not port.optional]
        if needed and not self._state.scene_objects():
            return "Nothing is open yet: open files or the sample study in the tab Open"
        for port in needed:
            if not self.pickers[port.name].value():
                return missing(port)
        try:
            self.spec.check_parameters(self.values())
        except WrongInput as error:
            return str(error)
        return None

    def refresh(self) -> None:
        """Take in that the objects of the study or their roles have changed."""
        for picker in self.pickers.values():
            picker.refresh()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = _grid()
        for picker in self.pickers.values():
            row = grid.rowCount()
            label = label_for(picker.port.label, picker)
            wide = isinstance(picker, ManyPicker)
            grid.addWidget(label, row, 0, 1, 2 if wide else 1)
            if wide:
                grid.addWidget(picker, row + 1, 0, 1, 2)
            else:
                grid.addWidget(picker, row, 1)
        shown: list[Field] = []
        hidden: list[Field] = []
        for field in self.fields.values():
            (hidden if field.parameter.option.advanced else shown).append(field)
        add_rows(grid, shown)
        layout.addLayout(grid)
        if hidden:
            self._add_more(layout, hidden)

    def _add_more(self, layout: QVBoxLayout, fields: list[Field]) -> None:
        self.more = QToolButton()
        self.more.setText("More…")
        self.more.setCheckable(True)
        self.more.setArrowType(Qt.ArrowType.RightArrow)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setAutoRaise(True)
        inner = QWidget()
        grid = _grid()
        inner.setLayout(grid)
        add_rows(grid, fields)
        inner.setVisible(False)
        self.more.toggled.connect(inner.setVisible)
        self.more.toggled.connect(self._turn_arrow)
        layout.addWidget(self.more)
        layout.addWidget(inner)

    def _turn_arrow(self, is_open: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        assert self.more is not None
        self.more.setArrowType(arrow)


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setVerticalSpacing(4)
    grid.setHorizontalSpacing(6)
    return grid
