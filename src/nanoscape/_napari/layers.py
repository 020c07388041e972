"""Model objects as napari layers: the only place where layers are made."""

from __future__ import annotations

from functools import singledispatch
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import dask.array as da
import numpy as np
import pandas as pd
from napari.layers import Layer
from napari.types import FullLayerData
from numpy.typing import NDArray

from nanoscape._napari.look import image_look, points_size
from nanoscape._napari.place import (
    affine_setting,
    embedded,
    grid_settings,
    layer_order,
    lifted_points,
    to_reference,
)
from nanoscape._napari.scene import SceneAxes
from nanoscape._napari.updating import is_editable
from nanoscape.model import Image, Labels, Points, Raster, Regions, Spectra, Study
from nanoscape.model.raster import single_level
from nanoscape.model.spectra import SpectrumSource
from nanoscape.workflow.registry import resolve

KEY = "nanoscape"
"""Entry of ``layer.metadata`` that holds the address of the layer's object."""

EDITABLE_VOXELS = 2**22
"""Labels up to this size are copied into memory so that they can be painted on."""

_EDGE = "#ffd54f"

# Summing all spectra takes seconds: once for each file.
_held: WeakValueDictionary[str, NDArray[Any]] = WeakValueDictionary()
_overviews: WeakKeyDictionary[SpectrumSource, Image] = WeakKeyDictionary()


@singledispatch
def layer_data(item: Any, study: Study, axes: SceneAxes) -> tuple[FullLayerData, ...]:
    """Return what napari needs to make the layer of an object.

    Grid to space goes into scale, translate, rotate and shear, and space to
    reference into ``affine``, all in micrometres. Nothing but a sample for the
    contrast is computed.

    Parameters
    ----------
    item
        Image, labels, points, regions or spectra.
    study
        Knows how spaces lie to each other.
    axes
        The axes that all layers of the scene share.

    Returns
    -------
    tuple of LayerData
        Data, settings and layer type; empty for objects that have no place.
    """
    del item, study, axes
    return ()


@layer_data.register
def _image(item: Image, study: Study, axes: SceneAxes) -> tuple[FullLayerData, ...]:
    settings = _raster_settings(item, study, axes)
    settings |= image_look(item)
    settings |= {"rgb": item.rgb}
    levels = _arrays(item, study, axes)
    settings["multiscale"] = len(levels) > 1
    return ((levels if len(levels) > 1 else levels[0], settings, "image"),)


@layer_data.register
def _labels(item: Labels, study: Study, axes: SceneAxes) -> tuple[FullLayerData, ...]:
    settings = _raster_settings(item, study, axes)
    settings |= {"opacity": 0.6, "blending": "translucent"}
    if item.table is not None:
        settings["features"] = item.table
    levels = _label_arrays(item, study, axes)
    data: Any = levels
    if levels[0].size <= EDITABLE_VOXELS:
        held = _held.get(levels[0].name)
        # A copy each, because layers are painted on.
        data = np.array(levels[0] if held is None else held)
    elif len(levels) == 1:
        data = levels[0]
    settings["multiscale"] = isinstance(data, list)
    return ((data, settings, "labels"),)


def hold(item: Any, study: Study, axes: SceneAxes) -> NDArray[Any] | None:
    """Read labels that can be painted on; while this is held no layer reads them."""
    if not isinstance(item, Labels) or item.data.size > EDITABLE_VOXELS:
        return None
    array = _label_arrays(item, study, axes)[0]
    held = _held[array.name] = np.array(array)
    return held


def _label_arrays(item: Labels, study: Study, axes: SceneAxes) -> list[da.Array]:
    return [_whole_numbers(array) for array in _arrays(item, study, axes)]


@layer_data.register
def _points(item: Points, study: Study, axes: SceneAxes) -> tuple[FullLayerData, ...]:
    settings = _vector_settings(item, study, axes)
    settings |= {
        "size": points_size(item),
        "face_color": "#ffd54f",
        "border_color": "black",
        "border_width": 0.1,
    }
    if item.table is not None:
        settings["features"] = item.table
    coordinates = _in_steps(lifted_points(item.coordinates, item, axes), axes)
    return ((coordinates, settings, "points"),)


@layer_data.register
def _regions(item: Regions, study: Study, axes: SceneAxes) -> tuple[FullLayerData, ...]:
    settings = _vector_settings(item, study, axes)
    polygons = [
        _in_steps(lifted_points(polygon, item, axes), axes)
        for polygon in item.with_slits()
    ]
    settings |= {
        "shape_type": "polygon",
        "face_color": "#00000000",
        "edge_color": _EDGE,
        "features": {**_columns(item.table), "name": list(item.names)},
    }
    if item.table is not None and "color" in item.table:
        settings["edge_color"] = [
            colour if isinstance(colour, str) else _EDGE
            for colour in item.table["color"]
        ]
    if item.polygons:
        extent = np.ptp(np.concatenate(item.polygons), axis=0).max()
        settings["edge_width"] = max(float(extent) / 200, 1e-3)
        settings["text"] = {"string": "{name}", "color": "#ffd54f"}
    return ((polygons, settings, "shapes"),)


@layer_data.register
def _spectra(item: Spectra, study: Study, axes: SceneAxes) -> tuple[FullLayerData, ...]:
    return layer_data(overview(item), study, axes)


def overview(spectra: Spectra) -> Image:
    """Return the image that stands for spectra: their total ion current."""
    image = _overviews.get(spectra.source)
    if image is None:
        image = resolve("msi.total_ion_current").function(spectra)
        _overviews[spectra.source] = image
    return image.replace(
        name=spectra.name,
        tags=spectra.tags,
        space=spectra.space,
        grid_to_space=spectra.grid_to_space,
    )


def _columns(table: pd.DataFrame | None) -> dict[str, list[Any]]:
    return {} if table is None else {str(c): list(table[c]) for c in table}


def make_layer(data: FullLayerData, address: str) -> Layer:
    """Make a layer that knows which object it shows."""
    layer = Layer.create(*data)
    layer.metadata[KEY] = address
    if not is_editable(data):
        layer.editable = False
    return layer


def edited_labels(layer: Layer, item: Labels, study: Study, axes: SceneAxes) -> Labels:
    """Return labels as a user has painted them, on the grid of the original."""
    own = tuple(slice(None) if axis in item.axes else 0 for axis in axes.axes)
    painted = np.array(layer.data)[own]
    data = np.transpose(painted, np.argsort(layer_order(item, study)))
    return item.replace(levels=single_level(data, item.spatial_axes), table=None)


def _arrays(item: Raster, study: Study, axes: SceneAxes) -> list[da.Array]:
    order = layer_order(item, study)
    return [embedded(level.data, item, order, axes) for level in item.levels]


def _whole_numbers(array: da.Array) -> da.Array:
    return array.astype(np.uint8) if array.dtype == np.bool_ else array


def _raster_settings(item: Raster, study: Study, axes: SceneAxes) -> dict[str, Any]:
    return {
        "name": item.name,
        "metadata": {},
        **grid_settings(item, study, axes),
        "affine": affine_setting(to_reference(item, study), axes),
        "units": units(axes.axes),
        "axis_labels": tuple(axes.axes),
    }


def _vector_settings(
    item: Points | Regions, study: Study, axes: SceneAxes
) -> dict[str, Any]:
    # Points and outlines leave time out: napari then shows them at every time.
    spatial = SceneAxes(axes.spatial, axes.z_step_um)
    return {
        "name": item.name,
        "metadata": {},
        "ndim": len(spatial.axes),
        "scale": _steps(axes),
        "affine": affine_setting(to_reference(item, study), spatial),
        "units": units(spatial.axes),
        "axis_labels": tuple(spatial.axes),
    }


def _steps(axes: SceneAxes) -> NDArray[np.float64]:
    # The slider takes the smallest step of all layers: µm across volumes is slow.
    return np.array([axes.z_step_um if axis == "z" else 1.0 for axis in axes.spatial])


def _in_steps(points: NDArray[np.float64], axes: SceneAxes) -> NDArray[np.float64]:
    return points / _steps(axes)


def units(axes: str) -> tuple[str, ...]:
    """Return the units of a layer's axes."""
    return tuple("s" if axis == "t" else "um" for axis in axes)
