"""One field of a form, made from the description of a parameter."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    FloatSlider,
    FloatSpinBox,
    LineEdit,
    SpinBox,
)
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QWidget,
)

from nanoscape.parameter import Parameter

_LARGEST = 1e12
_LARGEST_WHOLE = 2**31 - 1
_DIGITS = 12
_BOX_WIDTH = 60
_NO_BUTTONS = (
    "QAbstractSpinBox::up-button, QAbstractSpinBox::down-button"
    " { width: 0px; border: none; }"
    "QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow"
    " { width: 0px; height: 0px; image: none; }"
    "QAbstractSpinBox { padding: 1px 4px; }"
)


class Field(QWidget):
    """Shows one parameter and holds its value.

    Parameters
    ----------
    parameter
        What is shown.
    """

    changed = Signal()

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self.setToolTip(tooltip(parameter))
        self.setAccessibleName(parameter.label)

    def value(self) -> Any:
        """Return what is entered, in the parameter's own type."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        """Enter a value, which may come from a record as a list or mapping."""
        raise NotImplementedError


def make_field(parameter: Parameter) -> Field:
    """Return the field that suits a parameter."""
    if parameter.optional:
        return OptionalField(parameter)
    return _plain_field(parameter)


def tooltip(parameter: Parameter) -> str:
    """Return what a parameter means, its unit and its range, for the mouse."""
    option = parameter.option
    parts = [parameter.help or parameter.label]
    limits = [
        f"{word} {limit:g}"
        for word, limit in (("at least", option.minimum), ("at most", option.maximum))
        if limit is not None
    ]
    if limits:
        unit = f" {option.unit}" if option.unit else ""
        text = " and ".join(limits)
        parts.append(f"{text[0].upper()}{text[1:]}{unit}.")
    # Rich text makes Qt break the lines of a long tooltip.
    return "<qt>" + " ".join(parts) + "</qt>"


class ScalarField(Field):
    """A number, choice, text or yes/no, shown by one magicgui widget."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self._kind = parameter.kind
        self.widget = _scalar_widget(parameter)
        native = self.widget.native
        native.setAccessibleName(parameter.label)
        _ignore_wheel(native, self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(native)
        self.setFocusProxy(_focusable(native))
        self.set_value(parameter.default)
        self.widget.changed.connect(self._emit)

    def value(self) -> Any:
        """Return what is entered."""
        value = self.widget.value
        if self._kind is float:
            # A slider counts in steps, which leaves dust in the last digits.
            return float(f"{float(value):.{_DIGITS}g}")
        return self._kind(value) if self._kind in (int, str, bool) else value

    def set_value(self, value: Any) -> None:
        """Enter a value; a spin box gets the digits that it needs."""
        if self._kind is float and isinstance(self.widget, FloatSpinBox):
            digits = max(_decimals(float(value)), _decimals(_step(self.parameter)))
            self.widget.native.setDecimals(digits)
        self.widget.value = value

    def _emit(self, _value: Any = None) -> None:
        self.changed.emit()


class OptionalField(Field):
    """A parameter that may be left to the program, with a box *Auto*."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        start = parameter.default
        if start is None:
            start = _starting_value(parameter)
        self.inner = _plain_field(
            dataclasses.replace(parameter, optional=False, default=start)
        )
        self.auto = QCheckBox("Auto")
        self.auto.setAccessibleName(f"{parameter.label}: auto")
        self.auto.setToolTip(self.toolTip())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.auto)
        layout.addWidget(self.inner, 1)
        layout.addStretch(0)
        self.setFocusProxy(self.auto)
        self.set_value(parameter.default)
        self.auto.toggled.connect(self._on_auto)
        self.inner.changed.connect(self.changed)

    def value(self) -> Any:
        """Return what is entered; ``None`` for *Auto*."""
        return None if self.auto.isChecked() else self.inner.value()

    def set_value(self, value: Any) -> None:
        """Enter a value; ``None`` ticks *Auto*."""
        if value is not None:
            self.inner.set_value(value)
        self.auto.setChecked(value is None)
        self.inner.setVisible(value is not None)

    def _on_auto(self, checked: bool) -> None:
        self.inner.setVisible(not checked)
        self.changed.emit()


class TupleField(Field):
    """A few values side by side, such as a smallest and a largest size."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.items = [make_field(item) for item in parameter.items]
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for number, item in enumerate(self.items, start=1):
            item.setToolTip(self.toolTip())
            item.setAccessibleName(f"{parameter.label} {number}")
            _without_buttons(item)
            if number > 1 and len(self.items) == 2:
                layout.addWidget(QLabel("–"))
            layout.addWidget(item, 1)
            item.changed.connect(self.changed)
        self.setFocusProxy(self.items[0])
        self.set_value(parameter.default)

    def value(self) -> tuple[Any, ...]:
        """Return what is entered."""
        return tuple(item.value() for item in self.items)

    def set_value(self, value: Any) -> None:
        """Enter a tuple or list."""
        for item, part in zip(self.items, value, strict=True):
            item.set_value(part)


class GroupField(Field):
    """The fields of a dataclass, one below the other."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(parameter)
        self.items = {item.name: make_field(item) for item in parameter.items}
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 0, 0, 0)
        add_rows(grid, self.items.values())
        self.setFocusProxy(next(iter(self.items.values())))
        for item in self.items.values():
            item.changed.connect(self.changed)
        self.set_value(parameter.default)

    def value(self) -> Any:
        """Return the dataclass with what is entered."""
        values = {name: item.value() for name, item in self.items.items()}
        return self.parameter.kind(**values)

    def set_value(self, value: Any) -> None:
        """Enter a dataclass or a mapping."""
        if dataclasses.is_dataclass(value):
            value = {name: getattr(value, name) for name in self.items}
        for name, part in value.items():
            self.items[name].set_value(part)


def add_rows(grid: QGridLayout, fields: Any) -> None:
    """Add fields with their labels to a grid; wide ones get a row of their own."""
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
    for field in fields:
        row = grid.rowCount()
        grid.addWidget(label_for(field.parameter.label, field), row, 0)
        if isinstance(field, GroupField):
            grid.addWidget(field, row + 1, 0, 1, 2)
        else:
            grid.addWidget(field, row, 1)


def label_for(text: str, field: QWidget) -> QLabel:
    """Return the label of a field; its lines break where the panel is narrow."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setToolTip(field.toolTip())
    label.setBuddy(field)
    return label


def _plain_field(parameter: Parameter) -> Field:
    if parameter.kind is tuple:
        return TupleField(parameter)
    if dataclasses.is_dataclass(parameter.kind):
        return GroupField(parameter)
    return ScalarField(parameter)


def _scalar_widget(parameter: Parameter) -> Any:
    option = parameter.option
    if parameter.kind is Literal:
        choices = [
            (str(choice).replace("_", " "), choice) for choice in parameter.choices
        ]
        return ComboBox(choices=choices)
    if parameter.kind is bool:
        return CheckBox(text="")
    if parameter.kind is str:
        return LineEdit()
    low, high = option.minimum, option.maximum
    if parameter.kind is int:
        box = SpinBox(
            min=-_LARGEST_WHOLE if low is None else math.ceil(low),
            max=_LARGEST_WHOLE if high is None else math.floor(high),
            step=round(option.step or 1),
        )
    elif _is_slider(parameter):
        slider = FloatSlider(min=low, max=high, step=_step(parameter))
        for label in slider.native.findChildren(QAbstractSpinBox):
            _narrow_buttons(label)
        return slider
    else:
        box = FloatSpinBox(
            min=-_LARGEST if low is None else low,
            max=_LARGEST if high is None else high,
            step=_step(parameter),
        )
    if option.unit:
        box.native.setSuffix(f" {option.unit}")
    # Qt would make it wide enough for the largest number that could be entered.
    box.native.setMinimumWidth(_BOX_WIDTH)
    return box


def _is_slider(parameter: Parameter) -> bool:
    """Whether it is a share between two ends rather than an amount."""
    option = parameter.option
    has_ends = option.minimum is not None and option.maximum is not None
    return parameter.kind is float and has_ends and not option.unit


def _step(parameter: Parameter) -> float:
    """Return a step of one in the second digit of the default."""
    option = parameter.option
    if option.step:
        return option.step
    if _is_slider(parameter):
        assert option.minimum is not None
        assert option.maximum is not None
        return (option.maximum - option.minimum) / 100
    size = abs(parameter.default) if parameter.default else 1.0
    return float(10.0 ** math.floor(math.log10(size) - 0.5))


def _decimals(value: float) -> int:
    """Return how many decimals a number needs to be shown in full."""
    text = f"{value:.{_DIGITS}f}".rstrip("0")
    return max(len(text.partition(".")[2]), 1)


def _starting_value(parameter: Parameter) -> Any:
    """Return an allowed value for a parameter whose default is *Auto*."""
    option = parameter.option
    if parameter.kind is Literal:
        return parameter.choices[0]
    if parameter.kind is tuple:
        return tuple(_starting_value(item) for item in parameter.items)
    if dataclasses.is_dataclass(parameter.kind):
        return parameter.kind()
    if parameter.kind in (bool, str):
        return parameter.kind()
    low, high = option.minimum, option.maximum
    value = 1.0
    if low is not None:
        value = max(value, low)
    if high is not None:
        value = min(value, high)
    return parameter.kind(value)


def _without_buttons(field: Field) -> None:
    """Leave the room of the two buttons to the number; the arrow keys still step."""
    native = field.widget.native if isinstance(field, ScalarField) else None
    if isinstance(native, QAbstractSpinBox):
        _narrow_buttons(native)


def _narrow_buttons(box: QAbstractSpinBox) -> None:
    """Hide the buttons of a box.

    Boxes that are said to have none get an edit of one pixel from Qt 6.11 on, when a
    style sheet such as napari's places the buttons.
    """
    box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.UpDownArrows)
    box.setStyleSheet(_NO_BUTTONS)


def _focusable(native: QWidget) -> QWidget:
    """Return what takes the keyboard: the widget itself, or the first one inside."""
    for widget in (native, *native.findChildren(QWidget)):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            return widget
    return native


class _WheelGuard(QObject):
    """Lets the wheel scroll the panel unless the field has the focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Pass the wheel on to the panel."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():  # type: ignore[attr-defined]
            event.ignore()
            return True
        return False


def _ignore_wheel(native: QWidget, owner: QObject) -> None:
    guard = _WheelGuard(owner)
    for widget in (native, *native.findChildren(QWidget)):
        if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(guard)
