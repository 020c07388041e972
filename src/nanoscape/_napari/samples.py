"""The sample study: a tumour whose truth is known, made on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from napari.types import LayerData

from nanoscape._napari.layers import layer_data
from nanoscape._napari.scene import axes_for, scene_addresses
from nanoscape.compute import Task
from nanoscape.model.study import STUDY_FILE
from nanoscape.workflow.session import Session

SEED = 1
SIZE = 1024

ADDRESS = Path(f"nanoscape://sample/{STUDY_FILE}")
"""The manifest lists the sample under this address. Napari then asks the reader for it,
which may open it beside the window; a function would have to return the layers."""


def open_sample(state: Any) -> None:
    """Open the sample study, which is made first when it is not there yet."""
    state.arrivals.open_study(_make)


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


def sample_layers() -> list[LayerData]:
    """Return the layers of the first scene of the sample, without a window."""
    session = Session.load(make_sample(sample_folder()))
    study = session.study
    scene = study.scenes()[0]
    for ident in scene.sources:
        session.open(study.sources[ident])
    items = [session[address] for address in scene_addresses(session, scene)]
    axes = axes_for(items, study)
    return [data for item in items for data in layer_data(item, study, axes)]


def _make(task: Task) -> Path:
    return make_sample(sample_folder(), task=task)
