"""Loading beforehand, in a worker, what the first layer and the first form need."""

from __future__ import annotations

import functools
import importlib

import numpy as np
from napari.layers import Image, Shapes

from nanoscape._napari.layers import units

_MODULES = ("magicgui.widgets", "magicgui.backends._qtpy")


@functools.cache
def warm_up() -> None:
    """Load units, compiled functions and fields; nothing is done the second time.

    The first layer of a session takes napari half a second longer than the others.
    """
    Image(np.zeros((2, 2), np.uint8), units=units("yx"), contrast_limits=(0, 1))
    triangle = np.array([[0, 0], [0, 1], [1, 1]], float)
    Shapes([triangle], shape_type="polygon", units=units("yx"))
    for module in _MODULES:
        importlib.import_module(module)
