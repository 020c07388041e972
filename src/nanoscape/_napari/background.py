"""Calls in threads of their own, which never destroy anything of Qt.

What a thread is the last to hold is destroyed on that thread, and Qt crashes when a
timer or a widget is. So the window keeps each thread, with all that its call refers
to, until it is over. The dock needs this module at once: it imports nothing slow.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from nanoscape._napari.steps import Boundary

_KEPT: set[Call] = set()


class Call:
    """One call in a thread; to be made, started and given up on the GUI thread.

    Parameters
    ----------
    work
        What is called.

    Attributes
    ----------
    result
        What it returned, when it is over without an error.
    error
        What it raised, when it is over.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        # Others may keep a thread that is over: dask does.
        self._thread = threading.Thread(target=self._run, name="nanoscape")
        self.result: Any = None
        self.error: Exception | None = RuntimeError("the thread was ended early")

    def start(self) -> None:
        """Begin; at the same time, give up those that are over."""
        _KEPT.difference_update([call for call in _KEPT if call.is_over])
        _KEPT.add(self)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether it has ended and holds nothing on its thread any more."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def give_up(self) -> None:
        """Let go of it when it is over; otherwise that is done later."""
        if self.is_over:
            _KEPT.discard(self)

    def _run(self) -> None:
        with Boundary() as boundary:
            self.result = self._work()
        self.error = boundary.error
