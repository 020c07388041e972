"""What is on its way into the window: files, scenes and studies.

Reading is done in a worker, then the layers are made in small steps. One thing
arrives after the other; a newer scene or study takes the place of an older one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, Signal

from nanoscape._napari.entering import (
    enter_files,
    enter_scene,
    enter_study,
    go_back,
    leave_files,
)
from nanoscape._napari.loading import (
    AS_IT_IS,
    Given,
    Loaded,
    beside,
    load_files,
    load_scene,
    load_study,
)
from nanoscape._napari.scene import neighbour
from nanoscape._napari.steps import Steps, Stepwise
from nanoscape._napari.tasks import Failure, Runner, describe
from nanoscape.compute import Task
from nanoscape.workflow.session import Session

if TYPE_CHECKING:
    from nanoscape._napari.state import ViewerState

Make = Callable[[Task], Path]
OnLoaded = Callable[[Loaded], Any]
OnFailed = Callable[[Failure], Any]


@dataclass(frozen=True, eq=False)
class Arrival:
    """One thing that is on its way.

    Attributes
    ----------
    title
        What is done, in a few words.
    load
        Reads in a worker.
    enter
        Puts what was read into the window, step by step.
    on_loaded
        Called with what was read when all of it is shown.
    on_failed
        Called with the reason when nothing came of it.
    is_view
        Whether it changes what is looked at, so that a newer one replaces it.
    scene
        The scene that will be shown; empty for the first one of a study.
    """

    title: str
    load: Callable[[Task], Loaded]
    enter: Callable[[Loaded], Stepwise[Any]]
    on_loaded: OnLoaded
    on_failed: OnFailed
    is_view: bool = False
    scene: str = ""


class Arrivals(QObject):
    """Lets files, scenes and studies into the window without holding it up.

    Parameters
    ----------
    state
        The state of the viewer.

    Signals
    -------
    started
        Something is on its way.
    progressed
        Finished fraction, negative where it is not known, and what is being done.
    ended
        Nothing is on its way any more.
    """

    started = Signal()
    progressed = Signal(float, str)
    ended = Signal()

    def __init__(self, state: ViewerState) -> None:
        super().__init__()
        self._held = weakref.ref(state)
        self._queue: list[Arrival] = []
        self._now: Arrival | None = None
        self._loaded: Loaded | None = None
        self._before: tuple[Session, str | None] | None = None
        self._runner: Runner | None = None
        self._steps = Steps(self)

    @property
    def is_busy(self) -> bool:
        """Whether anything is on its way."""
        return self._now is not None or self._steps.is_running

    @property
    def scene(self) -> str | None:
        """Identifier of the scene that is shown, or that will be."""
        for arrival in (*reversed(self._queue), self._now):
            if arrival is not None and arrival.scene:
                return arrival.scene
        scene = self._state.scene
        return scene.id if scene else None

    def open_files(
        self,
        paths: Iterable[str | Path],
        given: Given = AS_IT_IS,
        *,
        on_loaded: OnLoaded | None = None,
        on_failed: OnFailed | None = None,
    ) -> None:
        """Read files and show them.

        Parameters
        ----------
        paths
            Files and folders.
        given
            What the user says of them.
        on_loaded
            Called when they are shown, also with what could not be read; by default
            the user is told.
        on_failed
            Called when nothing came of it; by default the user is told.
        """
        state = self._state
        wanted = [Path(path) for path in paths]
        shown = state.shown_items()

        def load(task: Task) -> Loaded:
            reading, preparing = task.split(1, 3)
            scope = state.scene.scope if state.scene else {}
            loaded = load_files(beside(state.session), wanted, scope, given, reading)
            return state.canvas.prepare(loaded, shown, preparing)

        self._add(
            Arrival(
                f"Open {wanted[0].name}",
                load,
                partial(enter_files, state),
                on_loaded or tell_refused,
                on_failed or tell,
            )
        )

    def open_study(self, root: Path | Make, on_failed: OnFailed | None = None) -> None:
        """Open a study in place of the one that is open.

        Parameters
        ----------
        root
            Its folder, or what makes it and returns its folder, in the worker.
        on_failed
            Called when nothing came of it; by default the user is told.
        """
        state = self._state

        def load(task: Task) -> Loaded:
            making, reading, preparing = task.split(2, 1, 1)
            folder = root if isinstance(root, Path) else root(making)
            loaded = load_study(folder, reading)
            return state.canvas.prepare(loaded, (), preparing)

        enter = partial(enter_study, state)
        title = "Open study" if isinstance(root, Path) else "Open the sample study"
        self._replace_view(
            Arrival(title, load, enter, tell_refused, on_failed or tell, is_view=True)
        )

    def go_to_scene(self, ident: str) -> None:
        """Show one scene in place of another."""
        state = self._state
        scene = next((s for s in state.scenes if s.id == ident), None)
        if scene is None:
            return

        def load(task: Task) -> Loaded:
            reading, preparing = task.split(1, 1)
            loaded = load_scene(beside(state.session), scene, reading)
            return state.canvas.prepare(loaded, (), preparing)

        enter = partial(enter_scene, state, ident)
        title = f"Show {scene.title}"
        self._replace_view(
            Arrival(title, load, enter, tell_refused, tell, is_view=True, scene=ident)
        )

    def step_scene(self, step: int) -> None:
        """Go to the next scene, or with ``-1`` to the one before."""
        scenes = self._state.scenes
        if scenes:
            here = next((s for s in scenes if s.id == self.scene), None)
            self.go_to_scene(neighbour(scenes, here, step).id)

    def cancel(self) -> None:
        """Stop, and take away what has not arrived as a whole."""
        self._queue.clear()
        if self._loaded is not None:
            self._steps.drop()
            self._take_back()
        elif self._runner is not None:
            self._runner.cancel()

    @property
    def _state(self) -> ViewerState:
        state = self._held()
        if state is None:
            raise RuntimeError("the viewer is closed")
        return state

    def _add(self, arrival: Arrival) -> None:
        self._queue.append(arrival)
        if not self.is_busy:
            self.started.emit()
            self._next()

    def _replace_view(self, arrival: Arrival) -> None:
        """Add what changes the view; nobody waits for an older view any more."""
        self._queue = [waiting for waiting in self._queue if not waiting.is_view]
        if self._now is None or not self._now.is_view:
            self._add(arrival)
            return
        self._drop_runner()
        self._steps.drop()
        self._queue.insert(0, arrival)
        self._next()

    def _next(self) -> None:
        self._now = self._loaded = None
        if not self._queue:
            self.ended.emit()
            return
        self._now = arrival = self._queue.pop(0)
        self._runner = runner = Runner(arrival.title, self)
        runner.progressed.connect(self.progressed)
        runner.failed.connect(self._on_failed)
        runner.cancelled.connect(self._take_back)
        self.progressed.emit(-1.0, arrival.title)
        runner.start(arrival.load, on_done=self._enter)

    def _enter(self, loaded: Loaded) -> None:
        arrival, state = self._now, self._state
        assert arrival is not None
        self._drop_runner()
        self._loaded = loaded
        if arrival.is_view and self._before is None:
            self._before = state.session, state.scene.id if state.scene else None
        self.progressed.emit(-1.0, "showing it")
        self._steps.start(arrival.enter(loaded), self._on_entered)

    def _on_entered(self, error: Exception | None) -> None:
        arrival, loaded = self._now, self._loaded
        assert arrival is not None
        assert loaded is not None
        if error is not None:
            arrival.on_failed(describe(error, arrival.title))
            self._take_back()
            return
        if arrival.is_view:
            self._before = None
        self._next()
        arrival.on_loaded(loaded)

    def _on_failed(self, failure: Failure) -> None:
        arrival = self._now
        self._take_back()
        if arrival is not None:
            arrival.on_failed(failure)

    def _take_back(self) -> None:
        """Undo what was begun, then go on with what waits."""
        arrival, loaded = self._now, self._loaded
        self._drop_runner()
        self._now = self._loaded = None
        if arrival is not None and not arrival.is_view and loaded is not None:
            self._steps.start(leave_files(self._state, loaded), self._on_taken_back)
        elif self._before is not None:
            back = go_back(self._state, *self._before)
            self._before = None
            self._steps.start(back, self._on_taken_back)
        else:
            self._next()

    def _on_taken_back(self, error: Exception | None) -> None:
        if error is not None:
            tell(describe(error, "Cancel"))
        self._next()

    def _drop_runner(self) -> None:
        if self._runner is not None:
            self._runner.drop()
            self._runner.deleteLater()
            self._runner = None


def tell(failure: Failure) -> None:
    """Show why nothing came of something."""
    show_error(failure.sentence)


def tell_refused(loaded: Loaded) -> None:
    """Show which files could not be read, and why."""
    for _, error in loaded.refused:
        show_error(str(error))
