"""One study per viewer: its objects, its layers, and what is what."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from napari.types import FullLayerData
from napari.utils.notifications import show_error
from psygnal import Signal

from nanoscape._napari.canvas import Canvas, limit_visible
from nanoscape._napari.drawing import Drawing
from nanoscape._napari.layers import KEY
from nanoscape._napari.moving import Moving
from nanoscape._napari.roles import with_role
from nanoscape._napari.scene import (
    SceneAxes,
    neighbour,
    reference_space,
    saved_results,
    scene_addresses,
    source_of,
)
from nanoscape.errors import NanoscapeError
from nanoscape.model import Edge, Record, Scene, Tags
from nanoscape.model.study import replace_source, scope_key
from nanoscape.workflow.execute import Outcome
from nanoscape.workflow.session import Addresses, Session
from nanoscape.workflow.sources import add_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel

_states: dict[int, ViewerState] = {}


def state_of(viewer: Any) -> ViewerState:
    """Return the state of a viewer, made when it is first asked for.

    Parameters
    ----------
    viewer
        A ``Viewer``, a ``ViewerModel``, or the public proxy that plugins receive.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    state = _states.get(id(viewer))
    if state is None:
        state = _states[id(viewer)] = ViewerState(viewer)
        # The state holds the viewer weakly, and so does not keep it alive.
        weakref.finalize(viewer, _states.pop, id(viewer), None)
    return state


class ViewerState:
    """What one viewer knows of its study.

    Signals
    -------
    objects_changed, roles_changed, history_changed, scene_changed, edges_changed
        Emitted on the GUI thread, without arguments.
    """

    objects_changed = Signal()
    roles_changed = Signal()
    history_changed = Signal()
    scene_changed = Signal()
    edges_changed = Signal()

    def __init__(self, viewer: ViewerModel, session: Session | None = None) -> None:
        self._viewer = weakref.ref(viewer)
        self.session = session or Session()
        self._scene: str | None = None
        self._active: dict[tuple[str, str, str], str] = {}
        self._closed: set[str] = set()
        self._busy = 0
        self.canvas = Canvas(self)
        self.moving = Moving(self)
        self.drawing = Drawing(self)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        for layer in list(viewer.layers):
            self._welcome(layer)

    @property
    def viewer(self) -> ViewerModel:
        """The viewer itself, not its proxy."""
        viewer = self._viewer()
        if viewer is None:
            raise RuntimeError("the viewer of this state is closed")
        return viewer

    @property
    def axes(self) -> SceneAxes:
        """The axes that all layers of the scene share."""
        return self.canvas.axes

    @property
    def reference(self) -> str:
        """The space in which the scene is shown."""
        return reference_space(self.shown_items(), self.session.study)

    def load_paths(
        self, paths: Sequence[str | Path], pixel_size_um: float | None = None
    ) -> list[str]:
        """Read files into the study without showing them; safe in a worker.

        New files take subject, lesion and section of the current scene as a guess.

        Raises
        ------
        NanoscapeError
            If a file cannot be read, or does not say how large its pixels are;
            files before it in the list stay in the study.
        """
        addresses: list[str] = []
        scope = self.scene.scope if self.scene else {}
        study = self.session.study
        for path in paths:
            source = add_file(
                study,
                Path(path),
                pixel_size_um=pixel_size_um,
                tags=Tags.of("guess", **scope),
            )
            try:
                addresses += self.session.open(source)
            except BaseException:
                del study.sources[source.id]
                raise
        self._guess_roles(addresses)
        self.canvas.prepare(addresses)
        return addresses

    def open_paths(
        self, paths: Sequence[str | Path], pixel_size_um: float | None = None
    ) -> list[str]:
        """Read files, show them and return the addresses of their objects."""
        addresses = self.load_paths(paths, pixel_size_um)
        self.show(addresses)
        return addresses

    def open_study(self, root: str | Path) -> None:
        """Open the study in a folder in place of the one that is open."""
        self.show(self.enter_study(root))

    def enter_study(self, root: str | Path) -> list[str]:
        """Take up the study in a folder and return what its first scene shows."""
        session = Session.load(root)
        self.canvas.clear()
        self.session = session
        self._active.clear()
        self.canvas.forget()
        self.moving.forget()
        self._closed.clear()
        scene = next(iter(self.scenes), None)
        self._scene = scene.id if scene else None
        if scene is not None:
            self._open_sources(scene)
        for signal in (self.objects_changed, self.roles_changed, self.history_changed):
            signal.emit()
        self.scene_changed.emit()
        return self.scene_objects()

    def show(self, addresses: Iterable[str]) -> list[Layer]:
        """Show objects; one that has a layer is updated in place and keeps its look.

        New layers are visible, the first ones of many, and the last is selected.
        """
        wanted = list(addresses)
        items = [self.session[address] for address in wanted]
        self._closed.difference_update(wanted)
        self.canvas.fit_axes(items)
        new: list[Layer] = []
        for address in wanted:
            layer, is_new = self.canvas.show(address)
            if layer is not None and is_new:
                new.append(layer)
        limit_visible(new)
        if new:
            visible = [layer for layer in new if layer.visible] or new
            # With one layer selected, napari's own controls stay usable.
            self.viewer.layers.selection.active = visible[-1]
        self.objects_changed.emit()
        self.roles_changed.emit()
        return new

    def layer_tuples(self, addresses: Iterable[str]) -> list[FullLayerData]:
        """Return what napari needs to make the layers of objects by itself.

        The layers that it makes are taken for those of the objects.
        """
        wanted = list(addresses)
        self.canvas.fit_axes([self.session[address] for address in wanted])
        return self.canvas.tuples(wanted)

    def layer_of(self, address: str) -> Layer | None:
        """Return the layer that shows an object, if one does."""
        for layer in self.viewer.layers:
            if layer.metadata.get(KEY) == address:
                return layer
        return None

    def address_of(self, layer: Layer) -> str | None:
        """Return the object that a layer shows, if it shows one of the study."""
        address = getattr(layer, "metadata", {}).get(KEY)
        return address if address in self.session else None

    def shown_items(self) -> list[Any]:
        """Return the objects that have a layer."""
        found = (self.address_of(layer) for layer in self.viewer.layers)
        return [self.session[address] for address in found if address is not None]

    def keep(self, operation: str, inputs: Addresses, outcome: Outcome) -> Record:
        """Keep what an operation gave, write it into the history and show it."""
        edges = list(self.session.study.edges)
        record = self.session.record(operation, inputs, outcome)
        roles = {port.name: port.role for port in outcome.spec.outputs}
        for name, address in record.outputs.items():
            item = self.session[address]
            self.session.put(address, with_role(item, roles.get(name, "")))
            if isinstance(item, Edge):
                self.moving.remember(edges)
        self.show(record.outputs.values())
        self.moving.refresh()
        self.history_changed.emit()
        return record

    def adopt(self, layer: Layer) -> str:
        """Make what the user has drawn or edited an object of the study."""
        return self.drawing.adopt(layer)

    def settle(self) -> list[str]:
        """Adopt every layer drawn or edited since it was last asked.

        To be called before an operation takes its inputs.
        """
        return self.drawing.settle()

    def candidates(self, role: str, kinds: Iterable[str] = ()) -> list[str]:
        """Return the objects of the scene that hold a role, by order of opening."""
        allowed = set(kinds)
        return [
            address
            for address in self.scene_objects()
            if getattr(self.session[address], "tags", {}).get("role") == role
            and (not allowed or self.session[address].kind in allowed)
        ]

    def role(self, role: str, kind: str) -> str | None:
        """Return the active object of a kind that plays a role, if there is one.

        The user's choice; else the newest result; else the first that was opened.
        """
        found = self.candidates(role, (kind,))
        chosen = self._active.get((self._scene or "", role, kind))
        if chosen in found:
            return chosen
        results = [a for a in found if source_of(self.session, a) is None]
        return results[-1] if results else next(iter(found), None)

    def set_role(self, address: str, role: str | None) -> None:
        """Give an object a role, or take its role away; the user's word wins."""
        item = self.session[address]
        tags = item.tags.having("user", role=role or "")
        self.session.put(address, item.replace(tags=tags))
        if role:
            self._active[(self._scene or "", role, item.kind)] = address
        ident = source_of(self.session, address)
        if ident is not None:
            source = self.session.study.sources[ident]
            known = source.objects.get(item.name, Tags())
            objects = {**source.objects, item.name: known.having("user", role=role)}
            replace_source(self.session.study, ident, objects=objects)
        self.roles_changed.emit()

    @property
    def scenes(self) -> list[Scene]:
        """What can be looked at, in order."""
        return self.session.study.scenes()

    @property
    def scene(self) -> Scene | None:
        """What is looked at now."""
        scenes = self.scenes
        for scene in scenes:
            if scene.id == self._scene:
                return scene
        return scenes[0] if scenes else None

    def scene_objects(self) -> list[str]:
        """Return the addresses of all objects of the scene."""
        scene = self.scene
        if scene is None:
            return list(self.session)
        return scene_addresses(self.session, scene)

    def set_scene(self, ident: str) -> None:
        """Show one scene in place of another; layers of others than us stay."""
        scene = next((s for s in self.scenes if s.id == ident), None)
        if scene is None:
            return
        self.settle()
        self.canvas.clear()
        self._scene = ident
        self._open_sources(scene)
        addresses = self.scene_objects()
        self.show([a for a in addresses if a not in self._closed])
        self.scene_changed.emit()

    def step_scene(self, step: int) -> None:
        """Go to the next scene, or with ``-1`` to the one before."""
        scenes = self.scenes
        if scenes:
            self.set_scene(neighbour(scenes, self.scene, step).id)

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Change layers without taking the change for the user's."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def watch(self, layer: Layer) -> None:
        """Follow what the user does to a layer."""
        self.moving.watch(layer)
        self.drawing.watch(layer)

    @property
    def is_busy(self) -> bool:
        """Whether layers are being changed by the program itself."""
        return self._busy > 0

    def _open_sources(self, scene: Scene) -> None:
        """Open the files and saved results of a scene; tell what cannot be read."""
        for ident in scene.sources:
            if any(source_of(self.session, a) == ident for a in self.session):
                continue
            try:
                opened = self.session.open(self.session.study.sources[ident])
            except NanoscapeError as error:
                show_error(str(error))
            else:
                self._guess_roles(opened)
        for address in saved_results(self.session, scene):
            try:
                self.session[address]
            except NanoscapeError as error:
                show_error(str(error))

    def _guess_roles(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            self.session.put(address, with_role(self.session[address]))

    def _on_inserted(self, event: Any) -> None:
        if not self.is_busy:
            self._welcome(event.value)

    def _on_removed(self, event: Any) -> None:
        address = self.address_of(event.value)
        if not self.is_busy and address is not None:
            self._closed.add(address)
            self.objects_changed.emit()

    def _welcome(self, layer: Layer) -> None:
        """Take in a layer that came from somewhere else."""
        address = self.address_of(layer)
        if address is None:
            self.drawing.watch(layer)
        elif self.layer_of(address) is layer:
            self._closed.discard(address)
            self.canvas.welcome(layer, address)
            self.objects_changed.emit()
        else:
            self.drawing.duplicate(layer)


def scope_of(state: ViewerState) -> dict[str, str]:
    """Return subject, lesion and section of the current scene, where known."""
    scope = state.scene.scope if state.scene else {}
    names = ("subject", "lesion", "section")
    return {n: v for n, v in zip(names, scope_key(scope), strict=True) if v}
