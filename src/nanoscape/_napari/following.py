"""Widgets that follow a model for as long as they live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QWidget


def follow(signal: Any, widget: QWidget, callback: Callable[[], Any]) -> None:
    """Call back whenever a signal is emitted, until the widget is deleted.

    Parameters
    ----------
    signal
        A psygnal signal or an event of napari.
    widget
        Its deletion ends the connection.
    callback
        Called without arguments.
    """

    def forward(*_: Any) -> None:
        callback()

    def end(*_: Any) -> None:
        signal.disconnect(forward)

    signal.connect(forward)
    widget.destroyed.connect(end)
