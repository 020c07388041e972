"""Loading beforehand, in a worker, what the first layer and the first form need."""

from __future__ import annotations

import importlib

from pint import UnitRegistry, application_registry
from pint.registry import LazyRegistry

_MODULES = ("magicgui.widgets", "magicgui.backends._qtpy")


def load_units() -> UnitRegistry:
    """Load units and the fields of forms; to be done in a worker.

    The first layer of a session takes napari longer than the others, because Pint
    then reads its units. They are read into a registry of their own here: the
    common one must not be loaded by two threads at a time.
    """
    for module in _MODULES:
        importlib.import_module(module)
    return UnitRegistry()


def use_units(units: UnitRegistry) -> None:
    """Make units the common ones, unless others are loaded already."""
    if isinstance(application_registry.get(), LazyRegistry):
        application_registry.set(units)
