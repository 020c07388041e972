"""What the user is asked of files that do not say how large their pixels are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QWidget,
)

from nanoscape._napari.loading import AS_IT_IS, Given
from nanoscape._napari.notes import Text
from nanoscape.units import micrometres_per

_UNITS = ("µm", "nm", "mm")


@dataclass(frozen=True)
class Asked:
    """One number that the user is asked for.

    Attributes
    ----------
    name
        The field of :class:`~nanoscape._napari.loading.Given`.
    title, meaning
        What it is, and in other words.
    unit
        Of the number; a length in µm may also be entered in others.
    usual, least
        What the field shows first, and its lower limit.
    """

    name: str
    title: str
    meaning: str
    unit: str = "µm"
    usual: float = 1.0
    least: float = 1e-4


_ASKED = {
    "pixel_size": Asked(
        "pixel_size_um", "Pixel size", "Distance from one pixel to the next"
    ),
    "scan_speed": Asked(
        "scan_speed_um_per_s",
        "Scan speed",
        "Speed of the laser along a line",
        "µm/s",
        usual=20.0,
    ),
    "spot_size": Asked(
        "spot_size_um",
        "Spot size",
        "Spot of the laser, by which its lines lie apart",
        usual=20.0,
    ),
}


def asked_for(needs: Sequence[str]) -> list[Asked]:
    """Return what to ask for when a reader lacks something."""
    return [_ASKED[need] for need in needs if need in _ASKED]


class CalibrationQuestion(QWidget):
    """Asks for what files do not say of their pixels.

    Signals
    -------
    answered
        What the user says, as :class:`~nanoscape._napari.loading.Given`.
    """

    answered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.text = Text()
        self.numbers: dict[str, QDoubleSpinBox] = {}
        self.units: dict[str, QComboBox] = {}
        self._labels: dict[str, QLabel] = {}
        self._given = AS_IT_IS
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.text, 0, 0, 1, 3)
        for row, (need, asked) in enumerate(_ASKED.items(), start=1):
            self._add_row(grid, row, need, asked)
        self.go = QPushButton("Open with these values")
        self.go.clicked.connect(self._answer)
        self.skip = QPushButton("Leave out")
        self.skip.clicked.connect(lambda: self.setVisible(False))
        last = len(_ASKED) + 1
        grid.addWidget(self.go, last, 0, 1, 2)
        grid.addWidget(self.skip, last, 2)
        grid.setColumnStretch(1, 1)
        self.setVisible(False)

    @property
    def needs(self) -> list[str]:
        """What is asked for."""
        return [need for need, box in self.numbers.items() if not box.isHidden()]

    def ask(
        self, paths: Iterable[Path], needs: Sequence[str], given: Given = AS_IT_IS
    ) -> None:
        """Ask for what some files lack.

        Parameters
        ----------
        paths
            The files.
        needs
            What they lack, as :class:`~nanoscape.errors.MissingCalibration` names it.
        given
            What the user has said of them already.
        """
        names = ", ".join(path.name for path in paths)
        source = "laser" if "scan_speed" in needs else "microscope or scanner"
        self.text.setText(
            f"{names} does not say how large its pixels are. Enter it as the "
            f"{source} states it:"
        )
        self._given = given
        for need in _ASKED:
            for widgets in (self.numbers, self.units, self._labels):
                widgets[need].setVisible(need in needs)
        self.setVisible(True)
        for need in self.needs[:1]:
            self.numbers[need].setFocus()

    def value(self) -> Given:
        """Return what the user says."""
        values: dict[str, Any] = {
            _ASKED[need].name: self.numbers[need].value() * self._factor(need)
            for need in self.needs
        }
        return replace(self._given, **values)

    def _factor(self, need: str) -> float:
        is_length = _ASKED[need].unit in _UNITS
        return micrometres_per(self.units[need].currentText()) if is_length else 1.0

    def _add_row(self, grid: QGridLayout, row: int, need: str, asked: Asked) -> None:
        label = QLabel(asked.title)
        number = QDoubleSpinBox()
        number.setDecimals(4)
        number.setRange(asked.least, 1e6)
        number.setValue(asked.usual)
        number.setAccessibleName(asked.title)
        number.setToolTip(f"{asked.meaning}.")
        unit = QComboBox()
        unit.addItems(_UNITS if asked.unit in _UNITS else (asked.unit,))
        unit.setAccessibleName(f"Unit of the {asked.title.lower()}")
        self._labels[need], self.numbers[need], self.units[need] = label, number, unit
        for column, widget in enumerate((label, number, unit)):
            grid.addWidget(widget, row, column)

    def _answer(self) -> None:
        self.setVisible(False)
        self.answered.emit(self.value())
