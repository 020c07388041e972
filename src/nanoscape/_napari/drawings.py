"""Which plot belongs to which result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nanoscape.model import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nanoscape.plotting.style import Theme

Draw = Callable[["Figure", "Theme", float], Any]
"""Draws on an empty figure, in the colours of a theme and a font size in points."""


def drawing_of(session: Any, record: Record) -> Draw | None:
    """Return what draws the plot of a run, if it has one.

    Parameters
    ----------
    session
        Holds the results.
    record
        The run.
    """
    make = _DRAWINGS.get(record.operation)
    if make is None or any(
        address not in session for address in record.outputs.values()
    ):
        return None
    return make({name: session[a] for name, a in record.outputs.items()})


def _distance_profile(outputs: dict[str, Any]) -> Draw:
    profile, summary = outputs["profile"], outputs["summary"]

    def draw(figure: Figure, theme: Theme, size: float) -> None:
        from nanoscape.plotting.profile import draw_distance_profile

        axes = figure.add_subplot()
        draw_distance_profile(
            axes, profile.data, summary.data.iloc[0], theme=theme, size=size
        )

    return draw


_DRAWINGS: dict[str, Callable[[dict[str, Any]], Draw]] = {
    "statistics.distance_profile": _distance_profile,
}
