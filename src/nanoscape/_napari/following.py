"""Widgets that follow a model for as long as they live."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from qtpy.compat import isalive
from qtpy.QtWidgets import QWidget


def follow(signal: Any, widget: QWidget, callback: Callable[[], Any]) -> None:
    """Call back whenever a signal is emitted, until the widget is deleted.

    Qt deletes a widget with its window while Python may still hold it; calling it
    then would be an error.

    Parameters
    ----------
    signal
        A psygnal signal or an event of napari.
    widget
        When it is gone, the connection ends.
    callback
        A method of the widget; called without arguments.
    """
    held, method = weakref.ref(widget), weakref.WeakMethod(callback)

    def forward(*_: Any) -> None:
        alive, call = held(), method()
        if alive is None or call is None or not isalive(alive):
            signal.disconnect(forward)
        else:
            call()

    signal.connect(forward)
