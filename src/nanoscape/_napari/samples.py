"""The sample study: a tumour whose truth is known, made on this computer."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import napari
import platformdirs
from napari.types import LayerData
from qtpy.QtCore import QEventLoop

from nanoscape._napari.layers import layer_data
from nanoscape._napari.scene import axes_for, scene_addresses
from nanoscape._napari.state import state_of
from nanoscape._napari.tasks import Failure, Runner
from nanoscape.compute import Task
from nanoscape.model.study import STUDY_FILE
from nanoscape.workflow.session import Session

SEED = 1
SIZE = 1024


def sample_study() -> list[LayerData]:
    """Open the sample study, which is made first when it is not there yet.

    In a window it is made beside it, so that the window stays alive.
    """
    folder = sample_folder()
    viewer = napari.current_viewer()
    if viewer is None:
        return _first_scene(make_sample(folder))
    if not (folder / STUDY_FILE).is_file():
        _make_beside(folder)
    state = state_of(viewer)
    return list(state.layer_tuples(state.enter_study(folder)))


def sample_folder() -> Path:
    """Return the folder in which the sample study is kept between sessions."""
    cache = platformdirs.user_cache_path("napari-nanoscape")
    return cache / f"sample-study-{SEED}-{SIZE}"


def make_sample(folder: Path, *, task: Task | None = None) -> Path:
    """Make the sample study unless it is there, and return its folder."""
    from nanoscape.phantom import make_study

    if not (folder / STUDY_FILE).is_file():
        make_study(folder, seed=SEED, size=SIZE, task=task)
    return folder


def _make_beside(folder: Path) -> None:
    """Make the study in a worker, while the window goes on."""
    failures: list[Failure] = []
    runner = Runner("Make the sample study")
    loop = QEventLoop()
    runner.failed.connect(failures.append)
    runner.ended.connect(loop.quit)
    runner.start(partial(_make, folder))
    if runner.is_running:
        loop.exec()
    if failures:
        raise failures[0].error


def _make(folder: Path, task: Task) -> Path:
    return make_sample(folder, task=task)


def _first_scene(folder: Path) -> list[LayerData]:
    session = Session.load(folder)
    study = session.study
    scene = study.scenes()[0]
    for ident in scene.sources:
        session.open(study.sources[ident])
    items = [session[address] for address in scene_addresses(session, scene)]
    axes = axes_for(items, study)
    return [data for item in items for data in layer_data(item, study, axes)]
