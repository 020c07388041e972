"""A quick look at what an operation would give, on the visible area only."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal

from nanoscape._napari.layers import layer_data
from nanoscape._napari.overviews import with_overviews
from nanoscape._napari.tasks import Failure, Runner
from nanoscape.compute import Task
from nanoscape.model import Raster
from nanoscape.operation import OperationSpec, Port
from nanoscape.workflow.execute import execute

DELAY_MS = 150
LARGEST_PIXELS = 2**22
"""A preview works on no more pixels than this, around the middle of the view."""

_NEIGHBOURS = 8
_OPACITY = 0.5


@dataclass(frozen=True)
class View:
    """The part of an image that is looked at.

    Attributes
    ----------
    level
        Index of the resolution that is shown.
    ranges
        First and last-plus-one pixel of that resolution, by axis.
    """

    level: int
    ranges: dict[str, tuple[int, int]]


def preview_port(spec: OperationSpec) -> Port | None:
    """Return the input that a preview is cut from, if the operation allows one.

    That is the only input that must be given, when it is an image, and every
    output can be shown as a layer.
    """
    needed = [port for port in spec.inputs if not port.optional]
    shown = {"image", "labels", "points"}
    if len(needed) != 1 or needed[0].many or "image" not in needed[0].kinds:
        return None
    if not any(set(port.kinds) & shown for port in spec.outputs):
        return None
    return needed[0]


def visible_part(
    layer: Layer, item: Raster, axes: str, displayed: Collection[str]
) -> View | None:
    """Return what is seen of an image, or ``None`` when nothing of it is.

    Parameters
    ----------
    layer
        Shows the image.
    item
        The image.
    axes
        Axes of the layer.
    displayed
        Those of them that lie in the canvas; along the others only the shown plane
        and a few neighbours are taken.
    """
    level = min(int(layer.data_level), len(item.levels) - 1)
    corners = np.asarray(layer.corner_pixels)
    shape = item.at_level(level).shape
    lengths = dict(zip(item.axes, shape, strict=True))
    on_layer = [int(n) for n in layer.level_shapes[level][: len(axes)]]
    ranges: dict[str, tuple[int, int]] = {}
    for position, axis in enumerate(axes):
        if axis not in lengths:
            continue
        if on_layer[position] != lengths[axis]:
            # The layer is turned: its axes are not those of the image.
            return View(level, {})
        low, high = int(corners[0, position]), int(corners[1, position]) + 1
        if axis not in displayed:
            low, high = low - _NEIGHBOURS, high + _NEIGHBOURS
        ranges[axis] = max(low, 0), min(high, lengths[axis])
    if any(high <= low for low, high in ranges.values()):
        return None
    return View(level, _limited(ranges))


def cut(item: Raster, view: View) -> Raster:
    """Return the part of an image that is looked at, at the resolution shown."""
    part = item.at_level(view.level).cropped(view.ranges)
    return part.replace(name=item.name)


def _limited(ranges: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    count = math.prod(high - low for low, high in ranges.values())
    if count <= LARGEST_PIXELS:
        return ranges
    share = (LARGEST_PIXELS / count) ** (1 / len(ranges))
    limited = {}
    for axis, (low, high) in ranges.items():
        half = max(int((high - low) * share) // 2, 1)
        middle = (low + high) // 2
        limited[axis] = max(low, middle - half), min(high, middle + half)
    return limited


class Preview(QObject):
    """Shows what an operation would give while its settings are changed.

    The result is drawn in translucent layers that say what they are; it is never
    recorded and becomes no object of the study.

    Parameters
    ----------
    state
        State of the viewer.
    operation
        Qualified name.
    form
        The form of the operation.
    """

    told = Signal(str)

    def __init__(self, state: Any, operation: str, form: Any) -> None:
        super().__init__(form)
        self._state = state
        self._operation = operation
        self._form = form
        self._layers: dict[str, Layer] = {}
        self.is_on = False
        self.runner = Runner("Preview", self, is_listed=False)
        self.runner.failed.connect(self._on_failed)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._start)
        form.changed.connect(self.update)

    def turn(self, on: bool) -> None:
        """Begin or end previewing; the layers go when it ends."""
        if on == self.is_on:
            return
        self.is_on = on
        events = self._state.viewer.scene.camera.events
        step = self._state.viewer.dims.events.current_step
        for signal in (events.center, events.zoom, step):
            (signal.connect if on else signal.disconnect)(self.update)
        if on:
            self.update()
        else:
            self._timer.stop()
            self.runner.drop()
            self.clear()

    def update(self, _event: Any = None) -> None:
        """Look again shortly after the last change."""
        if self.is_on:
            self._timer.start()

    def clear(self) -> None:
        """Remove the layers of the preview."""
        with self._state.quietly():
            for layer in self._layers.values():
                if layer in self._state.viewer.layers:
                    self._state.viewer.layers.remove(layer)
        self._layers.clear()

    def _start(self) -> None:
        if not self.is_on or self._form.problem() is not None:
            return
        port = preview_port(self._form.spec)
        address = self._form.inputs()[port.name] if port else None
        layer = self._state.layer_of(address) if address else None
        if port is None or layer is None:
            self.told.emit("The preview needs the image to be shown as a layer.")
            return
        # At the resolution that is shown, which may be one made for display.
        item = with_overviews(self._state.session[address])
        axes = self._state.axes.axes
        dims = self._state.viewer.dims
        # Layers and viewer share their last axes.
        displayed = {axes[i - dims.ndim] for i in dims.displayed}
        view = visible_part(layer, item, axes, displayed)
        if view is None:
            self.clear()
            self.told.emit("The preview: the image lies outside the view.")
            return
        values, operation, name = self._form.values(), self._operation, port.name

        def work(task: Task) -> Any:
            inputs = {name: cut(item, view)}
            return execute(operation, inputs, values, task=task)

        self.told.emit("Preview of the visible area…")
        self.runner.start(work, on_done=self._show)

    def _show(self, outcome: Any) -> None:
        shown = 0
        for name, item in outcome.outputs.items():
            study, axes = self._state.session.study, self._state.axes
            for data, settings, kind in layer_data(item, study, axes):
                settings |= {
                    "name": f"{item.name} (preview)",
                    "opacity": _OPACITY,
                    "metadata": {},
                }
                self._put(name, Layer.create(data, settings, kind))
                shown += 1
        if shown:
            self.told.emit("Preview of the visible area; Run works on everything.")

    def _put(self, name: str, layer: Layer) -> None:
        layers = self._state.viewer.layers
        before = self._layers.get(name)
        selection = set(layers.selection)
        with self._state.quietly():
            if before is not None and before in layers:
                layers.remove(before)
            layers.append(layer)
        # What the user had selected stays selected.
        layers.selection.clear()
        layers.selection.update(s for s in selection if s in layers)
        self._layers[name] = layer

    def _on_failed(self, failure: Failure) -> None:
        self.clear()
        self.told.emit(f"No preview: {failure.sentence}")
