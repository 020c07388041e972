"""The layers that show the objects of the scene."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from napari.types import FullLayerData

from nanoscape._napari.layers import hold, layer_data, make_layer
from nanoscape._napari.loading import Loaded
from nanoscape._napari.oblique import computed, is_oblique, upright
from nanoscape._napari.overviews import make_overviews, with_overviews
from nanoscape._napari.place import to_reference
from nanoscape._napari.scene import SceneAxes, axes_for
from nanoscape._napari.steps import Stepwise, at_once
from nanoscape._napari.updating import Look, copy_look, look_of, update_layer
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
        layer = make_layer(data, address)
        look = self._looks.pop(address, None)
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

    def clearing(self) -> Stepwise[None]:
        """Take the layers of all objects away, and remember how they looked."""
        yield from self.removing(self._state.session)

    def removing(self, addresses: Iterable[str]) -> Stepwise[None]:
        """Take the layers of some objects away, and remember how they looked.

        All in one step: after each, napari searches all of memory for what can be
        freed, which takes longer than everything else.
        """
        state, wanted = self._state, set(addresses)
        layers = state.viewer.layers
        found = [(layer, state.address_of(layer)) for layer in reversed(list(layers))]
        # Napari has had batches since version 0.9.
        batch = getattr(layers, "batched_update", nullcontext)
        with state.quietly(), batch():
            for layer, address in found:
                if address in wanted:
                    self._looks[address] = look_of(layer)
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
