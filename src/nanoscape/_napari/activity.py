"""What napari is told of work that is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.utils.progress import progress
from napari.utils.task_status import Status
from napari.viewer import current_viewer

_PROVIDER = "nanoscape"


class Activity:
    """Lists work among napari's activities, and has the user asked before closing.

    Parameters
    ----------
    title
        What is done, in a few words.
    cancel
        Called when the window is closed nevertheless.
    """

    def __init__(self, title: str, cancel: Callable[[], Any]) -> None:
        self._title = title
        self._bar = progress(total=0, desc=title)
        viewer = current_viewer()
        # napari offers this to its own workers alone, which are ended by a thread.
        self._window: Any = viewer.window if viewer is not None else None
        if self._window is not None:
            self._status = self._window._register_task_status(
                _PROVIDER, Status.BUSY, f"“{title}” is running", cancel
            )

    def end(self) -> None:
        """Take it away, however the work ended."""
        self._bar.close()
        if self._window is not None:
            self._window._update_task_status(
                self._status, Status.COMPLETED, f"“{self._title}” has ended"
            )
