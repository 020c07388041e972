"""The panel's place in the window, there at once; the panel follows.

Importing what the panel needs takes a second or more. It is done in a worker, so that
this module must import nothing else of the program.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from nanoscape._napari.background import Call

if TYPE_CHECKING:
    from nanoscape._napari.panels import Panel

WIDTH = 380
_MIN_WIDTH = 320
_LOOK_MS = 20
_MODULE = "nanoscape._napari.panels"


class Dock(QWidget):
    """Holds the panel as soon as it can be made.

    Parameters
    ----------
    napari_viewer
        The viewer, given by napari.

    Signals
    -------
    ready
        The panel is there.
    """

    ready = Signal()

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.panel: Panel | None = None
        self._loading = QLabel("Loading…")
        self._loading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._loading)
        self.setMinimumWidth(_MIN_WIDTH)
        # Otherwise napari puts empty space below what is there when it is docked.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        if _MODULE in sys.modules:
            self._fill(sys.modules[_MODULE])
            return
        self._import = Call(partial(importlib.import_module, _MODULE))
        self._import.start()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def when_ready(self, action: Callable[[Panel], Any]) -> None:
        """Do something with the panel as soon as it is there."""
        if self.panel is not None:
            action(self.panel)
        else:
            self.ready.connect(lambda: action(self.panel))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the width that the panel is made for."""
        return QSize(WIDTH, super().sizeHint().height())

    def _look(self) -> None:
        if not self._import.is_over:
            return
        self._timer.stop()
        self._import.give_up()
        if self._import.error is not None:
            self._loading.setText("The panel cannot be loaded.")
            raise self._import.error
        self._fill(self._import.result)

    def _fill(self, module: Any) -> None:
        self._column.removeWidget(self._loading)
        self._loading.deleteLater()
        self.panel = module.Panel(self.viewer)
        self._column.addWidget(self.panel)
        self.ready.emit()
