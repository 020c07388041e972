"""Which plot belongs to which result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nanoscape.model import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drawing_of(session: Any, record: Record) -> Callable[[Figure], Any] | None:
    """Return what draws the plot of a run, if it has one.

    Parameters
    ----------
    session
        Holds the results.
    record
        The run.
    """
    return None
