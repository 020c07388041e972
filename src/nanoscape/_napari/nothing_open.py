"""What a tab says first while nothing is open."""

from __future__ import annotations

from typing import Any

from nanoscape._napari.following import follow
from nanoscape._napari.notes import EmptyState
from nanoscape._napari.samples import open_sample


class NothingOpen(EmptyState):
    """Says what to do first, and offers the sample study; gone when that is done.

    Parameters
    ----------
    state
        State of the viewer.
    text
        By default points to the tab Open.
    """

    def __init__(
        self,
        state: Any,
        text: str = "Nothing is open yet: open your images in the tab Open. To look "
        "around first, open the sample study.",
    ) -> None:
        super().__init__(text, "Open the sample study")
        self._state = state
        self.asked.connect(lambda: open_sample(state))
        state.arrivals.started.connect(self.refresh)
        state.arrivals.ended.connect(self.refresh)
        follow(state.objects_changed, self, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show it only while nothing is open."""
        is_empty = not list(self._state.session) and not self._state.arrivals.is_busy
        self.setVisible(is_empty)
