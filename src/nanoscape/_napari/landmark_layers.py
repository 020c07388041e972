"""Clicking landmarks: two layers of points that take turns."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Layer
from napari.layers import Points as PointsLayer

from nanoscape._napari.layers import layer_data
from nanoscape._napari.scene import item_axes
from nanoscape.model import Landmarks, Points
from nanoscape.model.study import Study

_COLOURS = {"moving": "#ffd54f", "fixed": "#4fc3f7"}
_SYMBOLS = {"moving": "disc", "fixed": "diamond"}


def landmarks_ident(study: Study, moving_space: str, fixed_space: str) -> str:
    """Return the identifier under which a study keeps the pairs of two spaces."""
    for ident, pairs in study.landmarks.items():
        if (pairs.moving_space, pairs.fixed_space) == (moving_space, fixed_space):
            return ident
    return f"{moving_space} to {fixed_space}"


class LandmarkLayers:
    """Two layers of points, one on the moving and one on the fixed image.

    A click in one hands over to the other, so that pairs come in turn.

    Parameters
    ----------
    state
        State of the viewer.
    moving, fixed
        Addresses of the two images.
    """

    def __init__(self, state: Any, moving: str, fixed: str) -> None:
        self._state = state
        self.addresses = {"moving": moving, "fixed": fixed}
        self.items = {side: state.session[a] for side, a in self.addresses.items()}
        spaces = [self.items[side].space for side in ("moving", "fixed")]
        study = state.session.study
        self.ident = landmarks_ident(study, spaces[0], spaces[1])
        known = study.landmarks.get(self.ident)
        self.layers: dict[str, PointsLayer] = {}
        self._before: dict[Layer, bool] = {}
        with state.quietly():
            for side in ("fixed", "moving"):
                self.layers[side] = self._make(side, known)
                state.viewer.layers.append(self.layers[side])
        state.edges_changed.connect(self.follow_edges)
        for layer in self.layers.values():
            layer.events.data.connect(self._on_data)
        self._hand_over("moving")

    @property
    def count(self) -> int:
        """Number of complete pairs."""
        return min(len(layer.data) for layer in self.layers.values())

    def pairs(self) -> Landmarks:
        """Return the complete pairs; a last click without partner is left out."""
        study = self._state.session.study
        known = study.landmarks.get(self.ident)
        return Landmarks(
            moving=self._coordinates("moving"),
            fixed=self._coordinates("fixed"),
            moving_space=self.items["moving"].space,
            fixed_space=self.items["fixed"].space,
            axes=item_axes(self.items["moving"]),
            click_error_um=None if known is None else known.click_error_um,
            name=f"Landmarks {self.ident}",
            tags=self.items["moving"].tags,
        )

    def store(self) -> str:
        """Put the pairs into the study and return their identifier."""
        self._state.session.study.landmarks[self.ident] = self.pairs()
        return self.ident

    def remove_last(self) -> None:
        """Take the newest click back, with its partner if it has one."""
        count = max(len(layer.data) for layer in self.layers.values()) - 1
        for layer in self.layers.values():
            if len(layer.data) > count >= 0:
                layer.data = layer.data[:count]
                layer.features = _names(count)
        self._hand_over("moving")

    def show_side_by_side(self, on: bool) -> None:
        """Show the two images beside each other, and nothing else."""
        viewer = self._state.viewer
        if on and not self._before:
            self._before = {layer: layer.visible for layer in viewer.layers}
            kept = self._side_by_side()
            for layer in viewer.layers:
                layer.visible = layer in kept
            with self._state.quietly():
                # Neighbours in the list share a cell of the grid.
                for layer in kept:
                    viewer.layers.move(viewer.layers.index(layer), len(viewer.layers))
            viewer.canvas.grid.stride = 2
            viewer.canvas.grid.shape = (1, 2)
        elif not on:
            for layer, visible in self._before.items():
                if layer in viewer.layers:
                    layer.visible = visible
            self._before = {}
        viewer.canvas.grid.enabled = on

    def close(self) -> None:
        """Take the layers away; stored pairs stay in the study."""
        self.show_side_by_side(False)
        self._state.edges_changed.disconnect(self.follow_edges)
        with self._state.quietly():
            for layer in self.layers.values():
                if layer in self._state.viewer.layers:
                    self._state.viewer.layers.remove(layer)

    def follow_edges(self) -> None:
        """Keep the points on their images when a transform changes."""
        for side, layer in self.layers.items():
            _, settings = self._layer_data(side, None)
            layer.affine = settings["affine"]

    def look_at(self, index: int) -> None:
        """Bring a pair to the middle of the view."""
        layer = self.layers["fixed"]
        if index < len(layer.data):
            place = np.asarray(layer.data_to_world(layer.data[index]))
            camera = self._state.viewer.scene.camera
            camera.center = (*camera.center[: 3 - min(len(place), 3)], *place[-3:])

    def _side_by_side(self) -> list[Layer]:
        kept = []
        for side in ("fixed", "moving"):
            image = self._state.layer_of(self.addresses[side])
            kept += [image] if image is not None else []
            kept.append(self.layers[side])
        return kept

    def _layer_data(
        self, side: str, known: Landmarks | None
    ) -> tuple[Any, dict[str, Any]]:
        item = self.items[side]
        axes = item_axes(item)
        places = np.empty((0, len(axes)))
        if known is not None and known.axes == axes:
            places = getattr(known, side)
        points = Points(
            coordinates=places,
            axes=axes,
            space=item.space,
            name=f"Landmarks on {item.name}",
        )
        study = self._state.session.study
        ((data, settings, _),) = layer_data(points, study, self._state.axes)
        return data, settings

    def _make(self, side: str, known: Landmarks | None) -> PointsLayer:
        data, settings = self._layer_data(side, known)
        settings |= {
            "face_color": _COLOURS[side],
            "symbol": _SYMBOLS[side],
            "features": _names(len(data)),
            "text": {"string": "{name}", "color": "white", "anchor": "upper_left"},
            "size": _size_of(self.items[side]),
        }
        return PointsLayer(data, **settings)

    def _coordinates(self, side: str) -> Any:
        layer = self.layers[side]
        names = self._state.axes.spatial
        columns = [names.index(axis) for axis in item_axes(self.items[side])]
        # Only the scale leads from data to the image's own space.
        return (np.asarray(layer.data) * layer.scale)[: self.count][:, columns]

    def _on_data(self, event: Any) -> None:
        if str(getattr(event, "action", "")) != "added":
            return
        side = next(s for s, layer in self.layers.items() if layer is event.source)
        layer = self.layers[side]
        layer.features = _names(len(layer.data))
        counts = {name: len(one.data) for name, one in self.layers.items()}
        # The side that is behind is next; a new pair begins in the moving image.
        self._hand_over("fixed" if counts["fixed"] < counts["moving"] else "moving")

    def _hand_over(self, side: str) -> None:
        for name, layer in self.layers.items():
            layer.mode = "add" if name == side else "pan_zoom"
        self._state.viewer.layers.selection.active = self.layers[side]


def _names(count: int) -> dict[str, Any]:
    """Return the numbers that are shown beside the points."""
    return {"name": np.array([f"L{i + 1}" for i in range(count)], dtype=object)}


def _size_of(item: Any) -> float:
    """Return a size of points that is seen when the whole image is."""
    steps = list(item.spacing.values())[-2:]
    lengths = [n * step for n, step in zip(item.shape[-2:], steps, strict=True)]
    return max(float(max(lengths)) / 60, 1e-3)
