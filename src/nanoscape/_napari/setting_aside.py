"""Keeping what lives as long as the window out of the search for garbage."""

from __future__ import annotations

import gc

from qtpy.QtCore import QObject


def set_aside(owner: QObject) -> None:
    """Leave out of the search what is in memory now, until a widget is gone.

    Napari searches all of memory whenever a layer is removed, for what the graphics
    card can free. Modules, classes and the window itself are most of memory and never
    garbage; to look through them takes a quarter of a second. What is made later, such
    as layers, is searched as before.

    Parameters
    ----------
    owner
        The widget; napari's window may be garbage together with it.
    """
    gc.freeze()
    owner.destroyed.connect(_unfreeze)


def is_set_aside() -> bool:
    """Return whether most of memory is left out."""
    return gc.get_freeze_count() > 0


def _unfreeze() -> None:
    gc.unfreeze()
