"""What is on its way into the window, and stopping it."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QGridLayout, QProgressBar, QPushButton, QWidget

from nanoscape._napari.arrivals import Arrivals
from nanoscape._napari.notes import Text

_STEPS = 1000
_DELAY_MS = 300
"""What arrives sooner than that is not worth a flicker."""


class ArrivalBar(QWidget):
    """Progress and Cancel for files, scenes and studies that are being opened.

    Parameters
    ----------
    arrivals
        Those of the viewer.
    """

    def __init__(self, arrivals: Arrivals) -> None:
        super().__init__()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of opening")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stops opening; nothing of it is kept.")
        self.cancel.clicked.connect(arrivals.cancel)
        self.note = Text()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.progress, 0, 0)
        grid.addWidget(self.cancel, 0, 1)
        grid.addWidget(self.note, 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(_DELAY_MS)
        self._delay.timeout.connect(self.show)
        self.setVisible(False)
        arrivals.started.connect(self._on_started)
        arrivals.progressed.connect(self._on_progress)
        arrivals.ended.connect(self._on_ended)

    def _on_started(self) -> None:
        self.note.setText("")
        self.progress.setRange(0, 0)
        self._delay.start()

    def _on_progress(self, fraction: float, text: str) -> None:
        if fraction < 0:
            self.progress.setRange(0, 0)
        else:
            self.progress.setRange(0, _STEPS)
            self.progress.setValue(round(fraction * _STEPS))
        self.note.setText(text[:1].upper() + text[1:])

    def _on_ended(self) -> None:
        self._delay.stop()
        self.setVisible(False)
