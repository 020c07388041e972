"""Work on layers in small steps, between which the window answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from qtpy.QtCore import QObject, QTimer

Result = TypeVar("Result")
Stepwise = Generator[None, None, Result]
"""Work that yields wherever it may pause; it returns its result."""

TURN_S = 0.02
"""A turn ends with the step during which this time is over."""

_PAUSE_MS = 1


def at_once(work: Stepwise[Result]) -> Result:
    """Do all steps without a pause and return the result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


class Boundary:
    """Keeps an exception for the user to read; beyond it Qt would end the program."""

    error: Exception | None = None

    def __enter__(self) -> Boundary:
        return self

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        return False


class Steps(QObject):
    """Does one piece of work on layers at a time, step by step.

    Layers are made on the GUI thread, because napari allows it nowhere else. Many of
    them would hold the window up for seconds.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work: Stepwise[Any] | None = None
        self._on_end: Callable[[Exception | None], Any] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._turn)

    @property
    def is_running(self) -> bool:
        """Whether there are steps to do."""
        return self._work is not None

    def start(
        self, work: Stepwise[Any], on_end: Callable[[Exception | None], Any]
    ) -> None:
        """Begin, in place of what was not finished.

        Parameters
        ----------
        work
            Yields after each step.
        on_end
            Called when all is done, with the error if there was one.
        """
        self.drop()
        self._work, self._on_end = work, on_end
        self._timer.start()

    def drop(self) -> None:
        """Leave undone what is not done yet; nothing is called."""
        self._timer.stop()
        self._work = self._on_end = None

    def _turn(self) -> None:
        work, on_end = self._work, self._on_end
        if work is None or on_end is None:
            return
        with Boundary() as boundary:
            if self._pauses(work):
                return
        # A step may have let the event loop run, and something else have begun.
        if self._work is work:
            self.drop()
            on_end(boundary.error)

    def _pauses(self, work: Stepwise[Any]) -> bool:
        """Do steps until the turn is over; return whether more are to come."""
        end = time.perf_counter() + TURN_S
        while self._work is work:
            try:
                next(work)
            except StopIteration:
                return False
            if time.perf_counter() > end:
                return True
        return True
