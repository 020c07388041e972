"""Progress and cancelling, without knowing who watches."""

from __future__ import annotations

import threading
from collections.abc import Callable

Report = Callable[[float, str], None]
"""Called with the finished fraction, from 0 to 1, and what is being done."""


class Cancelled(Exception):
    """The user asked to stop."""


class Task:
    """A running piece of work that reports progress and can be cancelled.

    Parameters
    ----------
    report
        Called from the working thread; by default nobody listens.
    cancelled
        Set from any thread to stop the work at its next check.

    Examples
    --------
    >>> task = Task()
    >>> task.step(1, 4, "filtering")
    """

    def __init__(
        self, report: Report | None = None, cancelled: threading.Event | None = None
    ) -> None:
        self._report = report
        self._cancelled = cancelled or threading.Event()
        self._start = 0.0
        self._share = 1.0

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise :class:`Cancelled` when the user has asked to stop."""
        if self._cancelled.is_set():
            raise Cancelled

    def step(self, done: float, total: float, text: str = "") -> None:
        """Report that ``done`` of ``total`` is finished, and check for a stop."""
        self.check()
        if self._report is not None:
            fraction = done / total if total else 1.0
            self._report(self._start + self._share * fraction, text)

    def split(self, *weights: float) -> list[Task]:
        """Return one task for each part of the work, in order.

        Parameters
        ----------
        weights
            How long the parts take, relative to each other.
        """
        total = sum(weights)
        parts = []
        start = self._start
        for weight in weights:
            part = Task(self._report, self._cancelled)
            part._start = start
            part._share = self._share * weight / total
            start += part._share
            parts.append(part)
        return parts
