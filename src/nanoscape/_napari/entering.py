"""Putting what was read into the window, and taking it out, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanoscape._napari.loading import Loaded
from nanoscape._napari.steps import Stepwise
from nanoscape.workflow.session import Session

if TYPE_CHECKING:
    from nanoscape._napari.state import ViewerState


def enter_files(state: ViewerState, loaded: Loaded) -> Stepwise[None]:
    """Add what was read to the study and show it."""
    state.session.take(loaded.session)
    yield
    yield from state.showing(loaded.addresses)


def leave_files(state: ViewerState, loaded: Loaded) -> Stepwise[None]:
    """Take files out of the study again, with their layers."""
    yield from state.canvas.removing(loaded.addresses)
    for ident in {address.partition("/")[0] for address in loaded.addresses}:
        state.session.close(ident)
    state.tell_all()


def enter_scene(state: ViewerState, ident: str, loaded: Loaded) -> Stepwise[None]:
    """Show a scene in place of another; layers of others than us stay."""
    state.settle()
    yield
    state.canvas.let_go()
    state.session.take(loaded.session)
    state.look_at(ident)
    yield from _show_scene(state)


def enter_study(state: ViewerState, loaded: Loaded) -> Stepwise[None]:
    """Show the scene of a study that was read in place of what is open."""
    state.canvas.let_go()
    state.take_up(loaded.session)
    state.look_at(loaded.scene)
    yield from _show_scene(state)


def go_back(state: ViewerState, session: Session, scene: str | None) -> Stepwise[None]:
    """Show again what was looked at before."""
    state.canvas.let_go()
    if state.session is not session:
        state.take_up(session)
    state.look_at(scene)
    yield from _show_scene(state)


def _show_scene(state: ViewerState) -> Stepwise[None]:
    state.scene_changed.emit()
    yield
    wanted = state.open_objects()
    yield from state.canvas.clearing(wanted)
    yield from state.showing(wanted)
    state.history_changed.emit()
