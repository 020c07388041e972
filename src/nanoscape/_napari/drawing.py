"""What the user draws or edits becomes an object of the study."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels as LabelsLayer
from napari.layers import Layer
from napari.layers import Points as PointsLayer
from napari.layers import Shapes as ShapesLayer
from numpy.typing import NDArray

from nanoscape._napari.layers import KEY, edited_labels, units
from nanoscape._napari.roles import with_role
from nanoscape.errors import MissingCalibration, WrongInput
from nanoscape.model import Affine, Image, Labels, Points, Raster, Regions, Tags

if TYPE_CHECKING:
    from nanoscape._napari.state import ViewerState

_DRAWN = (LabelsLayer, PointsLayer, ShapesLayer)
_ELLIPSE_CORNERS = 64


class Drawing:
    """Follows layers that the user draws on, and adopts them.

    Parameters
    ----------
    state
        The state of the viewer.
    """

    def __init__(self, state: ViewerState) -> None:
        self._state = weakref.proxy(state)
        self._watched: weakref.WeakSet[Layer] = weakref.WeakSet()
        self._changed: weakref.WeakSet[Layer] = weakref.WeakSet()

    def watch(self, layer: Layer) -> None:
        """Follow what the user does to a layer."""
        if not isinstance(layer, _DRAWN) or layer in self._watched:
            return
        self._watched.add(layer)
        layer.events.data.connect(self._on_data)
        if isinstance(layer, LabelsLayer):
            layer.events.paint.connect(self._on_data)
        if self._state.address_of(layer) is None:
            _give_units(layer, self._state.axes.axes)
            self._changed.add(layer)

    def forget(self, layer: Layer) -> None:
        """Take what a layer shows now as it is in the study."""
        self._changed.discard(layer)

    def settle(self) -> list[str]:
        """Adopt every layer drawn or edited since it was last asked."""
        layers = self._state.viewer.layers
        return [
            self.adopt(layer)
            for layer in list(layers)
            if layer in self._changed and _holds_something(layer)
        ]

    def adopt(self, layer: Layer) -> str:
        """Make an object of what a layer shows and return its address.

        A layer that shows an object already and was not edited is left as it is.
        An edited result becomes an object of its own; what it was made from stays.

        Raises
        ------
        WrongInput
            If the layer holds nothing that can be measured.
        MissingCalibration
            If an image has no pixel size.
        """
        state = self._state
        address = state.address_of(layer)
        if address is not None and layer not in self._changed:
            return address
        item = self._object(layer, address)
        if address is not None and state.session[address].tags.get("edited"):
            state.session.put(address, item)
        else:
            address = state.session.add(with_role(item))
            layer.metadata[KEY] = address
            layer.name = item.name
        self.forget(layer)
        state.moving.watch(layer)
        self.watch(layer)
        state.objects_changed.emit()
        state.roles_changed.emit()
        return address

    def duplicate(self, layer: Layer) -> None:
        """Give the copy of a layer an object of its own."""
        state = self._state
        item = state.session[layer.metadata[KEY]]
        copy = item.replace(name=layer.name) if hasattr(item, "replace") else item
        layer.metadata[KEY] = state.session.add(copy, layer.name)
        state.moving.watch(layer)
        self.watch(layer)
        state.objects_changed.emit()

    def _on_data(self, event: Any) -> None:
        if not self._state.is_busy:
            self._changed.add(event.source)

    def _object(self, layer: Layer, address: str | None) -> Any:
        state = self._state
        if address is None:
            scope = state.scene.scope if state.scene else {}
            tags = Tags.of("guess", **scope).having("user", drawn=True)
            return object_of(layer, state.reference, tags)
        item = state.session[address]
        tags = item.tags.having("user", edited=True)
        name = item.name if "edited" in item.tags else f"{item.name} (edited)"
        if isinstance(item, Labels):
            edited = edited_labels(layer, item, state.session.study, state.axes)
            return edited.replace(name=name, tags=tags)
        # Points and outlines are told in the space that they are shown in.
        root = state.session.study.root_of(item.space)
        return object_of(layer, root, tags).replace(name=name)


def object_of(layer: Layer, space: str, tags: Tags) -> Any:
    """Return what a layer holds as an object in the space of the scene."""
    if isinstance(layer, ShapesLayer):
        return _regions(layer, space, tags)
    if isinstance(layer, PointsLayer):
        coordinates, axes = _spatial(_to_world(layer, np.asarray(layer.data)))
        return Points(
            coordinates=coordinates,
            axes=axes,
            space=space,
            name=layer.name,
            table=layer.features if len(layer.features.columns) else None,
            tags=tags,
        )
    if isinstance(layer, LabelsLayer | ImageLayer):
        return _raster(layer, space, tags)
    raise WrongInput(
        f"{layer.name} is a layer of type {type(layer).__name__}",
        "an image, labels, points or shapes",
    )


def _regions(layer: ShapesLayer, space: str, tags: Tags) -> Regions:
    names = list(layer.features["name"]) if "name" in layer.features else []
    polygons, chosen, kept = [], [], []
    axes = "yx"
    for i, (corners, kind) in enumerate(
        zip(layer.data, layer.shape_type, strict=True), start=1
    ):
        if kind in ("line", "path"):
            continue
        outline = _ellipse(corners) if kind == "ellipse" else corners
        polygon, axes = _spatial(_to_world(layer, np.asarray(outline)))
        polygons.append(polygon)
        kept.append(i - 1)
        name = names[i - 1] if i <= len(names) else None
        chosen.append(name if isinstance(name, str) and name else f"Region {i}")
    if not polygons:
        raise WrongInput(
            f"{layer.name} holds no area", todo="draw a polygon, ellipse or rectangle"
        )
    known = layer.features.drop(columns="name", errors="ignore")
    return Regions(
        table=known.iloc[kept].reset_index(drop=True) if len(known.columns) else None,
        polygons=tuple(polygons),
        names=tuple(chosen),
        axes=axes,
        space=space,
        name=layer.name,
        tags=tags,
    )


def _raster(layer: LabelsLayer | ImageLayer, space: str, tags: Tags) -> Raster:
    if any(str(unit) == "pixel" for unit in layer.units):
        raise MissingCalibration(
            f"{layer.name} does not say how large its pixels are",
            "a pixel size in µm",
            "open the file in the tab Open and give the pixel size",
        )
    axes = "tzyx"[4 - layer.ndim :]
    spatial = axes.removeprefix("t")
    data = layer.data[0] if layer.multiscale else layer.data
    matrix = _world_matrix(layer)[-len(spatial) - 1 :, -len(spatial) - 1 :]
    kind = Labels if isinstance(layer, LabelsLayer) else Image
    settings: dict[str, Any] = {
        "grid_to_space": Affine(matrix, spatial, spatial),
        "space": space,
        "name": layer.name,
        "tags": tags,
    }
    if kind is Image:
        settings["rgb"] = layer.rgb
    return kind.from_array(np.array(data), axes, **settings)


def _world_matrix(layer: Layer) -> NDArray[np.float64]:
    """Return the homogeneous matrix from a layer's data to the world."""
    origin = np.zeros(layer.ndim)
    start = np.asarray(layer.data_to_world(origin), dtype=float)
    matrix = np.eye(layer.ndim + 1)
    for i in range(layer.ndim):
        step = origin.copy()
        step[i] = 1
        matrix[:-1, i] = np.asarray(layer.data_to_world(step)) - start
    matrix[:-1, -1] = start
    return matrix


def _to_world(layer: Layer, points: NDArray[Any]) -> NDArray[np.float64]:
    matrix = _world_matrix(layer)
    return points @ matrix[:-1, :-1].T + matrix[:-1, -1]


def _spatial(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Return coordinates without time, and their axes."""
    spatial = points[:, -3:]
    return spatial, "zyx"[-spatial.shape[1] :]


def _ellipse(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return corners of the polygon that stands for an ellipse."""
    centre = corners.mean(axis=0)
    first = (corners[1] - corners[0]) / 2
    second = (corners[3] - corners[0]) / 2
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)
    return centre + np.outer(np.cos(angles), first) + np.outer(np.sin(angles), second)


def _holds_something(layer: Layer) -> bool:
    if isinstance(layer, LabelsLayer):
        return bool(np.asarray(layer.data).any())
    return len(layer.data) > 0


def _give_units(layer: Layer, axes: str) -> None:
    """State in µm what is drawn in a scene in µm; napari leaves it in pixels."""
    if layer.ndim <= len(axes) and all(str(unit) == "pixel" for unit in layer.units):
        layer.units = units(axes[-layer.ndim :])
        layer.axis_labels = tuple(axes[-layer.ndim :])
