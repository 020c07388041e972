"""Layers moved by hand, and transforms that can be taken back."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer
from napari.utils.notifications import show_warning

from nanoscape._napari.oblique import is_oblique
from nanoscape._napari.place import affine_setting, from_layer_affine, to_reference
from nanoscape._napari.scene import SceneAxes, item_axes
from nanoscape.model import Affine, Edge, Quality

if TYPE_CHECKING:
    from nanoscape._napari.state import ViewerState

BY_HAND = "by hand"


class Moving:
    """Keeps the transforms of the study and the layers' affines the same.

    Parameters
    ----------
    state
        The state of the viewer.
    """

    def __init__(self, state: ViewerState) -> None:
        self._state = weakref.proxy(state)
        self._watched: weakref.WeakSet[Layer] = weakref.WeakSet()
        self._undo: list[list[Edge]] = []
        self._redo: list[list[Edge]] = []
        self._warned: str | None = None

    def watch(self, layer: Layer) -> None:
        """Follow a layer's affine."""
        if layer not in self._watched:
            self._watched.add(layer)
            layer.events.affine.connect(self._on_affine)

    def refresh(self) -> None:
        """Put every layer where the study's transforms say."""
        state = self._state
        with state.quietly():
            for layer in state.viewer.layers:
                address = state.address_of(layer)
                if address is None or not hasattr(state.session[address], "space"):
                    continue
                item = state.session[address]
                if self._needs_new_view(layer, item):
                    state.canvas.show(address)
                    continue
                matrix = self._expected(layer, item)
                now = np.asarray(layer.affine.affine_matrix)
                if now.shape == matrix.shape and not np.allclose(
                    now, matrix, rtol=1e-12, atol=1e-9
                ):
                    layer.affine = matrix
        state.edges_changed.emit()

    def set_edge(self, edge: Edge) -> None:
        """Give the study a transform; it can be taken back."""
        self.remember(list(self._state.session.study.edges))
        self._state.session.study.set_edge(edge)
        self.refresh()

    def remember(self, edges: list[Edge]) -> None:
        """Note the transforms as they were before a change."""
        self._undo.append(edges)
        self._redo.clear()

    def forget(self) -> None:
        """Forget what could be taken back, for another study."""
        self._undo.clear()
        self._redo.clear()

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to be taken back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to be done again."""
        return bool(self._redo)

    def undo(self) -> bool:
        """Take the last change of transforms back."""
        return self._swap(self._undo, self._redo)

    def redo(self) -> bool:
        """Do again what was taken back."""
        return self._swap(self._redo, self._undo)

    def _swap(self, source: list[list[Edge]], target: list[list[Edge]]) -> bool:
        if not source:
            return False
        study = self._state.session.study
        target.append(list(study.edges))
        study.edges = source.pop()
        self.refresh()
        return True

    def _expected(self, layer: Layer, item: Any) -> Any:
        axes = self._state.axes
        if layer.ndim < len(axes.axes):
            axes = SceneAxes(axes.spatial, axes.z_step_um)
        now = to_reference(item, self._state.session.study)
        base = self._state.canvas.base_of(layer)
        return affine_setting(now if base is None else base.inverse().then(now), axes)

    def _needs_new_view(self, layer: Layer, item: Any) -> bool:
        """Whether napari cannot show by an affine alone where an object now lies."""
        oblique = is_oblique(item, self._state.session.study)
        base = self._state.canvas.base_of(layer)
        if base is None or not oblique:
            return oblique or base is not None
        now = to_reference(item, self._state.session.study)
        linear = base.inverse().then(now).linear
        return bool(np.abs([*linear[0, 1:], *linear[1:, 0]]).max() > 1e-8)

    def _on_affine(self, event: Any) -> None:
        state = self._state
        layer = event.source
        address = state.address_of(layer)
        if state.is_busy or address is None:
            return
        edge = self._edge_for(layer, state.session[address])
        if edge is None:
            self._put_back(address)
            return
        study = state.session.study
        if not self._continues(edge):
            self.remember(list(study.edges))
        study.set_edge(edge)
        self.refresh()

    def _edge_for(self, layer: Layer, item: Any) -> Edge | None:
        """Return the transform that a layer's affine now means."""
        study = self._state.session.study
        root = study.root_of(item.space)
        path = study.path_edges(item.space, root)
        fixed = root if path else self._other_space(item.space)
        if fixed is None:
            return None
        fixed_axes = path[-1].transform.output_axes if path else item_axes(item)
        matrix = np.asarray(layer.affine.affine_matrix)
        whole = from_layer_affine(matrix, item_axes(item), fixed_axes)
        base = self._state.canvas.base_of(layer)
        if base is not None:
            whole = base.then(whole)
        first: Affine = whole
        if len(path) > 1:
            # Only the first step changes; the ones after it join other spaces.
            rest = study.transform(path[0].fixed, root, path[0].transform.output_axes)
            first, fixed = whole.then(rest.inverse()), path[0].fixed
        elif path:
            fixed = path[0].fixed
        return Edge(
            moving=item.space,
            fixed=fixed,
            transform=first,
            quality=Quality(method=BY_HAND),
            accepted=False,
            name=f"{item.space} → {fixed}",
        )

    def _other_space(self, space: str) -> str | None:
        """Return the space that an object not yet aligned is moved in."""
        reference = self._state.reference
        return reference if reference != space else None

    def _continues(self, edge: Edge) -> bool:
        """Whether this is one more step of the same drag."""
        edges = self._state.session.study.edges
        if not edges or not self._undo:
            return False
        last = edges[-1]
        same = (last.moving, last.fixed) == (edge.moving, edge.fixed)
        return same and last.quality.method == BY_HAND and not last.accepted

    def _put_back(self, address: str) -> None:
        self.refresh()
        if self._warned != address:
            self._warned = address
            show_warning(
                f"{self._state.session[address].name} is what the others are aligned "
                "to, so it stays; move another image instead."
            )
