"""Choosing the objects that go into an operation."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QWidget,
)

from nanoscape._napari.naming import origin_words
from nanoscape.operation import Port

_ADDRESS = Qt.ItemDataRole.UserRole
_KIND_WORDS = {
    "image": "image",
    "labels": "outlined objects",
    "regions": "drawn regions",
    "points": "points",
    "table": "table",
    "landmarks": "landmarks",
    "spectra": "spectra",
    "edge": "alignment",
    "figure": "figure",
}
_MAKERS = {
    ("Vessels", "labels"): "run Segment › Vessels",
    ("Perfusion", "labels"): "run Segment › Perfused vessels",
    ("", "points"): "run Segment › Particles",
    ("", "spectra"): "open an imzML file in the tab Open",
    ("", "landmarks"): "click landmarks in the tab Align",
    ("", "image"): "open one in the tab Open",
    ("", "labels"): "run a section of the tab Segment",
    ("", "table"): "measure something in the tab Measure",
}
_LIST_ROWS = 5


def kind_words(kinds: Iterable[str]) -> str:
    """Return plain words for kinds of objects."""
    return " or ".join(_KIND_WORDS.get(kind, kind) for kind in kinds)


def addresses_for(state: Any, port: Port) -> list[str]:
    """Return what may go into a port: the scene's objects of its kinds."""
    kinds = port.kinds
    found = [a for a in state.scene_objects() if state.session[a].kind in kinds]
    if "landmarks" in kinds:
        found += [a for a in state.session.study.landmarks if a not in found]
    return found


def default_for(state: Any, port: Port) -> str | None:
    """Return the object that plays the port's role, or the only one there is."""
    if port.role:
        chosen = (state.role(port.role, kind) for kind in reversed(port.kinds))
        return next((address for address in chosen if address), None)
    found = addresses_for(state, port)
    if port.optional or not found:
        return None
    return found[0] if len(found) == 1 else _selected(state, found)


def missing(port: Port) -> str:
    """Return the one line that says why nothing can be run without this input."""
    words = kind_words(port.kinds)
    maker = _MAKERS.get((port.role, port.kinds[-1]))
    if not port.role:
        return f"No {words} for {port.label.lower()} yet: {maker or 'choose one'}"
    chip = f"click the chip {port.role} and choose one"
    return f"No {words} for {port.role} yet: {f'{maker}, or ' if maker else ''}{chip}"


class Picker(QWidget):
    """Shows one port and holds the addresses chosen for it.

    Until the user chooses, it follows the chips.

    Parameters
    ----------
    port
        The input.
    state
        State of the viewer.
    """

    changed = Signal()

    def __init__(self, port: Port, state: Any) -> None:
        super().__init__()
        self.port = port
        self._state = state
        self.is_pinned = False
        self.setToolTip(f"<qt>{port.help or port.label}</qt>")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def value(self) -> str | list[str] | None:
        """Return the address, the addresses, or nothing."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        """Choose for the user; it stays until the object is gone."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Take in that objects or roles have changed."""
        raise NotImplementedError


class OnePicker(Picker):
    """A combo box of objects; the first entry stands for none."""

    def __init__(self, port: Port, state: Any) -> None:
        super().__init__(port, state)
        self.box = QComboBox()
        self.box.setAccessibleName(port.label)
        self.box.setToolTip(self.toolTip())
        # Long names must not make the panel wider.
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setMinimumContentsLength(6)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        self.setFocusProxy(self.box)
        self.box.activated.connect(self._on_chosen)
        self.refresh()

    def value(self) -> str | None:
        """Return the address that is chosen."""
        return self.box.currentData(_ADDRESS)

    def set_value(self, value: Any) -> None:
        """Choose an address; ``None`` chooses none."""
        index = 0 if value is None else self.box.findData(value, _ADDRESS)
        if index >= 0:
            self.box.setCurrentIndex(index)
            self.is_pinned = True
            self.changed.emit()

    def refresh(self) -> None:
        """List the objects again and follow the chips unless the user chose."""
        before = self.value()
        addresses = addresses_for(self._state, self.port)
        self.box.clear()
        self.box.addItem("none" if self.port.optional else "choose…", None)
        for address, name in named(self._state, addresses):
            self.box.addItem(name, address)
            words = origin_words(self._state.session, address)
            self.box.setItemData(
                self.box.count() - 1, words, Qt.ItemDataRole.ToolTipRole
            )
        self.is_pinned = self.is_pinned and (before is None or before in addresses)
        wanted = before if self.is_pinned else default_for(self._state, self.port)
        self.box.setCurrentIndex(
            max(self.box.findData(wanted, _ADDRESS), 0) if wanted else 0
        )
        if self.value() != before:
            self.changed.emit()

    def _on_chosen(self, _index: int) -> None:
        self.is_pinned = True
        self.changed.emit()


class ManyPicker(Picker):
    """A list of objects of which any number can be ticked."""

    def __init__(self, port: Port, state: Any) -> None:
        super().__init__(port, state)
        self.list = QListWidget()
        self.list.setAccessibleName(port.label)
        self.list.setToolTip(self.toolTip())
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.nothing = QLabel(f"No {kind_words(port.kinds)} yet")
        self.nothing.setEnabled(False)
        self.nothing.setWordWrap(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addWidget(self.nothing)
        self.setFocusProxy(self.list)
        self.refresh()
        self.list.itemChanged.connect(self._on_ticked)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a height of a few rows."""
        row = max(self.list.sizeHintForRow(0), self.fontMetrics().height() + 6)
        rows = min(max(self.list.count(), 1), _LIST_ROWS)
        return QSize(super().sizeHint().width(), row * rows + 6)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the same height, so that the list is never squeezed."""
        return QSize(60, self.sizeHint().height())

    def value(self) -> list[str] | None:
        """Return the ticked addresses, in the order of the list."""
        ticked = Qt.CheckState.Checked
        items = (self.list.item(i) for i in range(self.list.count()))
        chosen = [i.data(_ADDRESS) for i in items if i.checkState() == ticked]
        return chosen if chosen or not self.port.optional else None

    def set_value(self, value: Any) -> None:
        """Tick some addresses and no others."""
        self._tick(set(value or ()))
        self.is_pinned = True
        self.changed.emit()

    def refresh(self) -> None:
        """List the objects again; unless the user chose, the chips are followed."""
        before = self.value()
        addresses = addresses_for(self._state, self.port)
        self.list.blockSignals(True)
        self.list.clear()
        for address, name in named(self._state, addresses):
            item = QListWidgetItem(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setData(_ADDRESS, address)
            item.setToolTip(origin_words(self._state.session, address))
            item.setCheckState(Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._tick(set(before or ()) if self.is_pinned else self._usual(addresses))
        self.list.setVisible(bool(addresses))
        self.nothing.setVisible(not addresses)
        self.updateGeometry()
        if self.value() != before:
            self.changed.emit()

    def _tick(self, wanted: set[str]) -> None:
        self.list.blockSignals(True)
        for i in range(self.list.count()):
            item = self.list.item(i)
            ticked = item.data(_ADDRESS) in wanted
            item.setCheckState(
                Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
            )
        self.list.blockSignals(False)

    def _usual(self, addresses: Iterable[str]) -> set[str]:
        """Return who plays the role; without one, the visible layers if needed."""
        if self.port.role:
            roles = (self.port.role, *self.port.also)
            return {
                address
                for role in roles
                for address in self._state.candidates(role, self.port.kinds)
            }
        if self.port.optional:
            return set()
        layers = ((a, self._state.layer_of(a)) for a in addresses)
        return {a for a, layer in layers if layer is not None and layer.visible}

    def _on_ticked(self, _item: QListWidgetItem) -> None:
        self.is_pinned = True
        self.changed.emit()


def make_picker(port: Port, state: Any) -> Picker:
    """Return the picker that suits a port."""
    return ManyPicker(port, state) if port.many else OnePicker(port, state)


def named(state: Any, addresses: Iterable[str]) -> list[tuple[str, str]]:
    """Return addresses with names to show; the same name twice gets its origin."""
    origin = partial(origin_words, state.session)
    found = [(a, getattr(state.session[a], "name", a)) for a in addresses]
    names = [name for _, name in found]
    return [
        (address, name if names.count(name) == 1 else f"{name} ({origin(address)})")
        for address, name in found
    ]


def _selected(state: Any, addresses: list[str]) -> str:
    """Return the object whose layer is selected, else the first."""
    active = state.viewer.layers.selection.active
    address = None if active is None else state.address_of(active)
    return address if address in addresses else addresses[0]
