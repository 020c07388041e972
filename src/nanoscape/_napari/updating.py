"""Putting new data into a layer that the user has already made their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import dask.array as da
import numpy as np
from napari.layers import Layer
from napari.types import FullLayerData

_PLACE = ("scale", "translate", "rotate", "shear", "affine")
_LOOK = (
    "visible",
    "opacity",
    "blending",
    "gamma",
    "contrast_limits_range",
    "contrast_limits",
    "colormap",
    "interpolation2d",
    "interpolation3d",
    "rendering",
    "depiction",
    "attenuation",
    "projection_mode",
    "contour",
)


@dataclass(frozen=True)
class Look:
    """How a layer looks.

    Attributes
    ----------
    layer_type
        Name of the layer's class.
    settings
        Colours, contrast, visibility and the like, by attribute.
    """

    layer_type: str
    settings: dict[str, Any] = field(default_factory=dict)


def look_of(layer: Layer) -> Look:
    """Return how a layer looks."""
    names = [name for name in _LOOK if hasattr(layer, name)]
    if not getattr(layer, "rgb", False):
        return Look(type(layer).__name__, {n: getattr(layer, n) for n in names})
    plain = [n for n in names if not n.startswith(("contrast", "colormap", "gamma"))]
    return Look(type(layer).__name__, {n: getattr(layer, n) for n in plain})


def copy_look(look: Look, layer: Layer) -> None:
    """Make a layer look as another did."""
    if look.layer_type != type(layer).__name__:
        return
    for name, value in look.settings.items():
        # Napari draws again for every value that is set, also for the same one.
        if hasattr(layer, name) and not getattr(layer, name) == value:  # noqa: SIM201
            setattr(layer, name, value)


def default_look(new: FullLayerData) -> Look:
    """Return how a new image layer would look."""
    _, settings, layer_type = new
    shape = (1,) * len(settings["axis_labels"])
    sample = np.zeros((*shape, 3) if settings["rgb"] else shape, np.uint8)
    return look_of(Layer.create(sample, settings | {"multiscale": False}, layer_type))


def redress(layer: Layer, new: FullLayerData, look: Look) -> None:
    """Show another object in an image layer, as if it were a new one.

    Several times faster than a new layer in the place of this one: napari makes and
    frees nothing.
    """
    # A hidden layer is not read again for every setting.
    layer.visible = False
    update_layer(layer, new)
    layer.name = new[1]["name"]
    copy_look(look, layer)


def update_layer(layer: Layer, new: FullLayerData) -> bool:
    """Put new data into a layer, which keeps its colours, contrast and visibility.

    Returns
    -------
    bool
        ``False`` when the layer is of another kind and must be replaced.
    """
    data, settings, layer_type = new
    if not fits(layer, new):
        return False
    if layer_type == "labels":
        # Napari forgets only so what was painted on the old data, and would undo it.
        layer.editable = False
    layer.data = data
    for name in _PLACE:
        if not np.array_equal(np.asarray(getattr(layer, name)), settings[name]):
            setattr(layer, name, settings[name])
    layer.units = settings["units"]
    layer.axis_labels = settings["axis_labels"]
    if "features" in settings:
        layer.features = settings["features"]
    layer.editable = is_editable(new)
    return True


def is_editable(new: FullLayerData) -> bool:
    """Return whether a layer's data can be painted on: not what is read in pieces."""
    data, settings, layer_type = new
    if layer_type != "labels":
        return True
    return not settings["multiscale"] and not isinstance(data, da.Array)


def fits(layer: Layer, new: FullLayerData) -> bool:
    """Return whether a layer can take new data."""
    data, settings, layer_type = new
    if layer_type not in ("image", "labels"):
        return False
    is_pyramid = settings["multiscale"]
    return (
        type(layer).__name__.lower() == layer_type
        and layer.ndim == len(settings["axis_labels"])
        and bool(layer.multiscale) == is_pyramid
        and (not is_pyramid or len(layer.data) == len(data))
        and bool(getattr(layer, "rgb", False)) == settings.get("rgb", False)
    )
