"""The layers that show the objects of the scene."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from napari.types import FullLayerData

from nanoscape._napari.layers import KEY, hold, layer_data, make_layer
from nanoscape._napari.loading import Loaded
from nanoscape._napari.oblique import computed, is_oblique, upright
from nanoscape._napari.overviews import make_overviews, with_overviews
from nanoscape._napari.place import to_reference
from nanoscape._napari.scene import SceneAxes, axes_for
from nanoscape._napari.setting_aside import is_set_aside
from nanoscape._napari.steps import Stepwise, at_once
from nanoscape._napari.updating import (
    Look,
    copy_look,
    default_look,
    fits,
    look_of,
    redress,
    update_layer,
)
from nanoscape.compute import Task
from nanoscape.model import Affine
from nanoscape.workflow.session import Session

if TYPE_CHECKING:
    from nanoscape._napari.state import ViewerState


class Canvas:
    """Makes and updates layers, so that all of a scene have the same axes.

    Parameters
    ----------
    state
        The state of the viewer.
    """

    def __init__(self, state: ViewerState) -> None:
        self._state = weakref.proxy(state)
        self.axes = SceneAxes()
        self._looks: dict[str, Look] = {}
        self._spare: list[Layer] = []
        self._reserved: dict[str, Layer] = {}
        self._views: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._bases: weakref.WeakKeyDictionary[Layer, Affine] = (
            weakref.WeakKeyDictionary()
        )

    def forget(self, session: Session) -> None:
        """Forget how layers looked; views are kept of what another study holds."""
        self._looks.clear()
        self._views = {a: view for a, view in self._views.items() if a in session}

    def prepare(self, loaded: Loaded, shown: Sequence[Any], task: Task) -> Loaded:
        """Compute what layers need, contrast and overviews; to be done in a worker.

        Parameters
        ----------
        loaded
            What was read.
        shown
            What it will be shown together with.
        task
            Progress.
        """
        session = loaded.session
        items = [session[address] for address in loaded.addresses]
        axes = axes_for([*shown, *items], session.study)
        ready = []
        parts = task.split(*[1.0] * len(items)) if items else []
        for number, address in enumerate(loaded.addresses):
            parts[number].step(0, 1, f"preparing {items[number].name}")
            make_overviews(items[number], parts[number])
            view = self._view(session, address, in_memory=True)
            ready.append(hold(view, session.study, axes))
            layer_data(view, session.study, axes)
        return replace(loaded, ready=ready)

    def fitting(self, new: Sequence[Any]) -> Stepwise[None]:
        """Give all layers the axes that they and new objects can be shown on."""
        state = self._state
        axes = axes_for([*state.shown_items(), *new], state.session.study)
        if axes == self.axes:
            return
        self.axes = axes
        for layer in list(state.viewer.layers):
            address = state.address_of(layer)
            if address is not None:
                self._swap(layer, address)
                yield

    def show(self, address: str) -> tuple[Layer | None, bool]:
        """Show one object; return its layer, and whether that is new."""
        return at_once(self.showing(address))

    def showing(
        self, address: str, *, is_visible: bool = True
    ) -> Stepwise[tuple[Layer | None, bool]]:
        """Show one object as :meth:`show` does, with a pause before it appears."""
        state = self._state
        data = self._data(address)
        layer = state.layer_of(address)
        if data is None:
            return None, False
        with state.quietly():
            if layer is not None and update_layer(layer, data):
                self.welcome(layer, address)
                return layer, False
            if layer is not None:
                return self._swap(layer, address), False
        data[1]["visible"] = is_visible
        look = self._looks.pop(address, None)
        layer = self._reserved.pop(address, None)
        if layer is not None and layer in state.viewer.layers and fits(layer, data):
            with state.quietly():
                layer.metadata[KEY] = address
                redress(layer, data, look or default_look(data))
            self.welcome(layer, address)
            return layer, True
        layer = make_layer(data, address)
        if look is not None:
            copy_look(look, layer)
        yield
        with state.quietly():
            state.viewer.layers.append(layer)
        self.welcome(layer, address)
        return layer, True

    def welcome(self, layer: Layer, address: str) -> None:
        """Note how a layer shows its object, and follow what is done to it."""
        state = self._state
        item = state.session[address]
        self._bases.pop(layer, None)
        if is_oblique(item, state.session.study):
            self._bases[layer] = to_reference(item, state.session.study)
            # What is seen is a resampling: painting on it would change nothing.
            layer.editable = False
        state.drawing.forget(layer)
        state.watch(layer)

    def base_of(self, layer: Layer) -> Affine | None:
        """Return the transform that is already in a layer's samples, if one is."""
        return self._bases.get(layer)

    def let_go(self) -> None:
        """Part all layers from their objects, and remember how they looked."""
        state = self._state
        for layer in state.viewer.layers:
            address = state.address_of(layer)
            if address is not None:
                self._looks[address] = look_of(layer)
                del layer.metadata[KEY]
                self._bases.pop(layer, None)
                state.drawing.forget(layer)
                self._spare.append(layer)

    def clearing(self, wanted: Sequence[str]) -> Stepwise[None]:
        """Take away the layers that were let go, but those that will show others.

        Parameters
        ----------
        wanted
            What is shown next.
        """
        state = self._state
        self.axes = axes_for([state.session[a] for a in wanted], state.session.study)
        spare = [*self._spare, *self._reserved.values()]
        spare = [layer for layer in spare if layer in state.viewer.layers]
        self._spare, self._reserved = [], {}
        for address in wanted:
            data = self._data(address)
            layer = None if data is None else _most_alike(spare, data)
            if layer is not None:
                spare.remove(layer)
                self._reserved[address] = layer
        with state.quietly():
            # Names are unique, and those of the next layers must be free.
            for number, layer in enumerate(self._reserved.values()):
                layer.name = f"… {number}"
        yield from self._remove(spare)

    def in_order(self, shown: Sequence[Layer]) -> None:
        """Lay layers above each other, the first one lowest."""
        layers = self._state.viewer.layers
        places = [layers.index(layer) for layer in shown]
        if places != sorted(places):
            layers.move_multiple(places, len(layers))

    def removing(self, addresses: Iterable[str]) -> Stepwise[None]:
        """Take the layers of some objects away, and remember how they looked."""
        state = self._state
        found = [(address, state.layer_of(address)) for address in addresses]
        shown = {address: layer for address, layer in found if layer is not None}
        self._looks |= {address: look_of(layer) for address, layer in shown.items()}
        yield from self._remove(list(shown.values()))

    def _remove(self, unwanted: Sequence[Layer]) -> Stepwise[None]:
        """Remove layers one by one, or all in one step where that is quicker.

        Napari searches memory after each step for what can be freed, which takes
        longer than everything else unless most of memory is set aside.
        """
        layers = self._state.viewer.layers
        steps = [[layer] for layer in reversed(unwanted)]
        if not is_set_aside():
            steps = [[layer for (layer,) in steps]]
        # Napari has had batches since version 0.9.
        batch = getattr(layers, "batched_update", nullcontext)
        for step in steps:
            with self._state.quietly(), batch():
                for layer in step:
                    if layer in layers:
                        layers.remove(layer)
            yield

    def _view(self, session: Session, address: str, *, in_memory: bool = False) -> Any:
        """Return an object as it can be sliced along the axes of the scene."""
        item, study = session[address], session.study
        if not is_oblique(item, study):
            return with_overviews(item)
        place = item.grid_to_space.then(to_reference(item, study))
        key = (item.data.name, place.matrix.tobytes())
        known = self._views.get(address)
        if known is None or known[0] != key:
            view = upright(item, study)
            known = self._views[address] = (key, computed(view) if in_memory else view)
        return known[1].replace(name=item.name, tags=item.tags)

    def _data(self, address: str) -> FullLayerData | None:
        session = self._state.session
        view = self._view(session, address)
        return next(iter(layer_data(view, session.study, self.axes)), None)

    def _swap(self, layer: Layer, address: str) -> Layer:
        """Put a new layer in the place of one that cannot take the new data."""
        state = self._state
        layers = state.viewer.layers
        index, selected = layers.index(layer), layer in layers.selection
        data = self._data(address)
        if data is None:
            return layer
        new = make_layer(data, address)
        copy_look(look_of(layer), new)
        with state.quietly():
            layers.remove(layer)
            layers.insert(index, new)
        if selected:
            layers.selection.add(new)
        self.welcome(new, address)
        return new


def _most_alike(layers: Sequence[Layer], data: FullLayerData) -> Layer | None:
    """Return an image layer that can take an image, if one can; by name if possible.

    Labels are not passed on, with what was painted on them, nor are shapes and points.
    """
    if data[2] != "image":
        return None
    found = [layer for layer in layers if fits(layer, data)]
    same = (layer for layer in found if layer.name == data[1]["name"])
    return next(same, found[0] if found else None)
