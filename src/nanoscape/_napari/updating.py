"""Putting new data into a layer that the user has already made their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
        if hasattr(layer, name):
            setattr(layer, name, value)


def update_layer(layer: Layer, new: FullLayerData) -> bool:
    """Put new data into a layer, which keeps its colours, contrast and visibility.

    Returns
    -------
    bool
        ``False`` when the layer is of another kind and must be replaced.
    """
    data, settings, layer_type = new
    if layer_type not in ("image", "labels") or not _fits(layer, settings, layer_type):
        return False
    layer.data = data
    for name in _PLACE:
        setattr(layer, name, settings[name])
    layer.units = settings["units"]
    layer.axis_labels = settings["axis_labels"]
    if "features" in settings:
        layer.features = settings["features"]
    return True


def _fits(layer: Layer, settings: dict[str, Any], layer_type: str) -> bool:
    return (
        type(layer).__name__.lower() == layer_type
        and layer.ndim == len(settings["axis_labels"])
        and bool(layer.multiscale) == settings["multiscale"]
        and bool(getattr(layer, "rgb", False)) == settings.get("rgb", False)
    )
