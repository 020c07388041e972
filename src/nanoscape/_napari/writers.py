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
from nanoscape.errors import NanoscapeError
from nanoscape.model import Tags


def write_layer(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write one image or labels layer as OME-Zarr or OME-TIFF.

    An object of the study is written as it is, with its own place and tags, unless
    the user has edited its layer; another layer is written as it lies.

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


def _known(meta: dict[str, Any]) -> Any:
    viewer = napari.current_viewer()
    address = meta.get("metadata", {}).get(KEY)
    if viewer is None or address is None:
        return None
    state = state_of(viewer)
    layer = state.layer_of(address)
    if layer is None:
        return None
    return state.session[state.adopt(layer)]
