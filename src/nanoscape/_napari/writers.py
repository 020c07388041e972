"""Layers into files that keep their place."""

from __future__ import annotations

from typing import Any

import napari
from napari.layers import Layer
from napari.utils.notifications import show_error

from nanoscape import io
from nanoscape._napari.drawing import object_of
from nanoscape._napari.layers import KEY
from nanoscape._napari.state import state_of
from nanoscape.errors import MissingCalibration, NanoscapeError
from nanoscape.model import Raster, Tags
from nanoscape.workflow.lineage import with_history

_IN_PIXELS = (".geojson", ".roi", ".zip")


def write_layer(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write one image or labels layer as OME-Zarr or OME-TIFF.

    An object of the study is written as it is, with its own place and tags and the
    steps that made it, unless the user has edited its layer; another layer is
    written as it lies.

    Returns
    -------
    list of str
        The path that was written; empty when it could not be.
    """
    item = _known(meta)
    if item is None:
        settings = {k: v for k, v in meta.items() if k not in ("metadata", "source")}
        kind = "image" if "contrast_limits" in meta or meta.get("rgb") else "labels"
        item = object_of(Layer.create(data, settings, kind), "world", Tags())
    try:
        io.write(item, path)
    except NanoscapeError as error:
        show_error(str(error))
        return []
    return [path]


def write_drawn(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write one layer of points or shapes in µm, or in the pixels of its image.

    Returns
    -------
    list of str
        The path that was written; empty when it could not be.
    """
    try:
        item = _known(meta)
        if item is None:
            item = _drawn(data, meta)
        io.write(item, path, like=_image_below(item, path))
    except NanoscapeError as error:
        show_error(str(error))
        return []
    return [path]


def _drawn(data: Any, meta: dict[str, Any]) -> Any:
    """Return what a layer that is not of the study holds, in the space of the scene."""
    settings = {k: v for k, v in meta.items() if k not in ("metadata", "source")}
    layer = Layer.create(data, settings, "shapes" if "shape_type" in meta else "points")
    if any(str(unit) != "micrometer" for unit in layer.units):
        raise MissingCalibration(
            f"{layer.name} is not in µm, but in {', '.join(map(str, layer.units))}",
            todo="draw on an image that was opened with its pixel size",
        )
    viewer = napari.current_viewer()
    space = "world" if viewer is None else state_of(viewer).reference
    return object_of(layer, space, Tags())


def _image_below(item: Any, path: str) -> Raster | None:
    """Return the image in whose pixels outlines are written, for formats of pixels."""
    viewer = napari.current_viewer()
    if viewer is None or not path.lower().endswith(_IN_PIXELS):
        return None
    shown = state_of(viewer).shown_items()
    return next(
        (
            other
            for other in shown
            if isinstance(other, Raster)
            and other.space == item.space
            and other.spatial_axes == "yx"
        ),
        None,
    )


def _known(meta: dict[str, Any]) -> Any:
    viewer = napari.current_viewer()
    address = meta.get("metadata", {}).get(KEY)
    if viewer is None or address is None:
        return None
    state = state_of(viewer)
    layer = state.layer_of(address)
    if layer is None:
        return None
    return with_history(state.session, state.adopt(layer))
