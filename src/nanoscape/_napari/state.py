"""One study per viewer: its objects, its layers, and what is what."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from psygnal import Signal

from nanoscape._napari.arrivals import Arrivals, tell_refused
from nanoscape._napari.canvas import Canvas
from nanoscape._napari.drawing import Drawing
from nanoscape._napari.entering import enter_files, enter_scene, enter_study
from nanoscape._napari.layers import KEY
from nanoscape._napari.loading import (
    AS_IT_IS,
    Given,
    beside,
    load_files,
    load_scene,
    load_study,
)
from nanoscape._napari.look import is_backdrop
from nanoscape._napari.moving import Moving
from nanoscape._napari.roles import with_role
from nanoscape._napari.scene import (
    SceneAxes,
    neighbour,
    reference_space,
    scene_addresses,
    source_of,
)
from nanoscape._napari.settings import visible_images
from nanoscape._napari.steps import Stepwise, at_once
from nanoscape.compute import Task
from nanoscape.model import Edge, Record, Scene, Tags
from nanoscape.model.study import replace_source, scope_key
from nanoscape.workflow.execute import Outcome, port_name
from nanoscape.workflow.session import Addresses, Session

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
        self.arrivals = Arrivals(self)
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

    def open_paths(
        self, paths: Sequence[str | Path], given: Given = AS_IT_IS
    ) -> list[str]:
        """Read files, show them and return the addresses of their objects.

        New files take subject, lesion and section of the current scene as a guess.
        The window stands still meanwhile; :attr:`arrivals` does not hold it up.

        Raises
        ------
        NanoscapeError
            If a file cannot be read, or does not say how large its pixels are;
            nothing is opened then.
        """
        scope = self.scene.scope if self.scene else {}
        wanted = [Path(path) for path in paths]
        loaded = load_files(beside(self.session), wanted, scope, given, Task())
        if loaded.refused:
            raise loaded.refused[0][1]
        at_once(enter_files(self, loaded))
        return loaded.addresses

    def open_study(self, root: str | Path) -> None:
        """Open the study in a folder in place of the one that is open."""
        loaded = load_study(Path(root), Task())
        at_once(enter_study(self, loaded))
        tell_refused(loaded)

    def take_up(self, session: Session) -> None:
        """Take up another study; which scene is looked at is told afterwards."""
        self.session = session
        self._active.clear()
        self.canvas.forget(session)
        self.moving.forget()
        self._closed.clear()
        self._scene = None

    def show(self, addresses: Iterable[str]) -> list[Layer]:
        """Show objects; one that has a layer is updated in place and keeps its look.

        New layers are visible, the first ones of many, and the last is selected.
        """
        return at_once(self.showing(addresses))

    def showing(self, addresses: Iterable[str]) -> Stepwise[list[Layer]]:
        """Show objects as :meth:`show` does, with a pause after each."""
        # What others are laid over comes first.
        wanted = sorted(addresses, key=lambda a: not is_backdrop(self.session[a]))
        self._closed.difference_update(wanted)
        yield from self.canvas.fitting([self.session[a] for a in wanted])
        new: list[Layer] = []
        images = 0
        for address in wanted:
            is_visible = images < visible_images()
            layer, is_new = yield from self.canvas.showing(
                address, is_visible=is_visible
            )
            if layer is not None and is_new:
                new.append(layer)
                images += type(layer).__name__ == "Image"
            yield
        layers = self.viewer.layers
        present = [layer for layer in new if layer in layers]
        if present:
            self.canvas.in_order(present)
            visible = [layer for layer in present if layer.visible] or present
            # With one layer selected, napari's own controls stay usable.
            layers.selection.active = visible[-1]
            yield
        self.tell_all()
        return new

    def tell_all(self) -> None:
        """Tell that objects and their roles may have changed."""
        self.objects_changed.emit()
        self.roles_changed.emit()

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
        return at_once(self.keeping(operation, inputs, outcome))

    def keeping(
        self, operation: str, inputs: Addresses, outcome: Outcome
    ) -> Stepwise[Record]:
        """Keep what an operation gave as :meth:`keep` does, in small steps."""
        edges = list(self.session.study.edges)
        record = self.session.record(operation, inputs, outcome)
        roles = {port.name: port.role for port in outcome.spec.outputs}
        for name, address in record.outputs.items():
            item = self.session[address]
            self.session.put(address, with_role(item, roles.get(port_name(name), "")))
            if isinstance(item, Edge):
                self.moving.remember(edges)
        yield
        yield from self.showing(record.outputs.values())
        self.moving.refresh()
        yield
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

    def open_objects(self) -> list[str]:
        """Return the addresses of the scene but those whose layers were removed."""
        return [a for a in self.scene_objects() if a not in self._closed]

    def look_at(self, ident: str | None) -> None:
        """Note which scene is looked at."""
        self._scene = ident

    def set_scene(self, ident: str) -> None:
        """Show one scene in place of another; layers of others than us stay."""
        scene = next((s for s in self.scenes if s.id == ident), None)
        if scene is not None:
            loaded = load_scene(beside(self.session), scene, Task())
            at_once(enter_scene(self, ident, loaded))
            tell_refused(loaded)

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
