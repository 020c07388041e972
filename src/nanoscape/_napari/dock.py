"""The panel's place in the window, there at once; the panel follows.

Importing what the panel needs takes a second or more. It is done in a worker, so that
this module must import nothing of the program.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from nanoscape._napari.panels import Panel

WIDTH = 380
_MIN_WIDTH = 320
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
        self._worker = create_worker(importlib.import_module, _MODULE)
        self._worker.returned.connect(self._fill)
        self._worker.start()

    def when_ready(self, action: Callable[[Panel], Any]) -> None:
        """Do something with the panel as soon as it is there."""
        if self.panel is not None:
            action(self.panel)
        else:
            self.ready.connect(lambda: action(self.panel))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the width that the panel is made for."""
        return QSize(WIDTH, super().sizeHint().height())

    def _fill(self, module: Any) -> None:
        self._column.removeWidget(self._loading)
        self._loading.deleteLater()
        self.panel = module.Panel(self.viewer)
        self._column.addWidget(self.panel)
        self.ready.emit()
