"""Files dropped onto napari become objects of the study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import napari
from napari.types import LayerData
from napari.utils.notifications import show_error, show_warning
from qtpy.QtWidgets import QApplication, QInputDialog

from nanoscape._napari.layers import layer_data
from nanoscape._napari.scene import axes_for
from nanoscape._napari.state import ViewerState, state_of
from nanoscape._napari.tasks import Failure, Runner
from nanoscape.compute import Task
from nanoscape.errors import MissingCalibration, NanoscapeError
from nanoscape.io import FORMATS, recognise
from nanoscape.model.study import STUDY_FILE
from nanoscape.workflow.session import Session

Paths = str | Sequence[str]

# For napari: read, and nothing to add.
NO_LAYERS: list[Any] = [(None,)]

_runners: set[Runner] = set()


def get_reader(path: Paths) -> Callable[[Paths], list[LayerData]] | None:
    """Return the function that opens a path, if Nanoscape knows what is in it.

    Decided by the name first, which costs nothing, then by the content.
    """
    paths = _paths(path)
    if not paths or not all(_may_be_ours(p) for p in paths):
        return None
    if all(_is_study(p) or recognise(p) is not None for p in paths):
        return read
    return None


def read(path: Paths) -> list[LayerData]:
    """Open files in the study of the current viewer.

    What takes long to read, folders and spectra, is read beside the window and
    shown when it is there. A pixel size that is missing is asked for.
    """
    paths = _paths(path)
    viewer = napari.current_viewer()
    if viewer is None:
        return _read_alone(paths)
    state = state_of(viewer)
    try:
        for study in filter(_is_study, paths):
            state.open_study(study if study.is_dir() else study.parent)
            return NO_LAYERS
        if any(_takes_long(p) for p in paths):
            read_beside(state, paths)
            return NO_LAYERS
        layers = [layer for p in paths for layer in _read_one(state, p)]
    except NanoscapeError as error:
        show_error(str(error))
        return NO_LAYERS
    return layers or NO_LAYERS


def read_beside(
    state: ViewerState, paths: Sequence[Path], pixel_size_um: float | None = None
) -> None:
    """Read files in a worker and show them when they are there."""
    runner = Runner(f"Open {paths[0].name}")
    _runners.add(runner)
    runner.ended.connect(partial(_runners.discard, runner))
    runner.failed.connect(partial(_on_failure, state, paths))
    runner.start(partial(_load, state, paths, pixel_size_um), on_done=state.show)


def ask_pixel_size(name: str) -> float | None:
    """Ask the user how large the pixels of a file are, in µm.

    Returns
    -------
    float or None
        ``None`` when the user does not say, or when there is no window.
    """
    if QApplication.instance() is None:
        return None
    value, is_given = QInputDialog.getDouble(
        None,
        "Pixel size",
        f"{name} does not say how large its pixels are.\n"
        "Distance from one pixel to the next, in µm:",
        1.0,
        0.0001,
        1e6,
        4,
    )
    return float(value) if is_given else None


def _load(
    state: ViewerState, paths: Sequence[Path], pixel_size_um: float | None, task: Task
) -> list[str]:
    task.check()
    return state.load_paths(paths, pixel_size_um)


def _on_failure(state: ViewerState, paths: Sequence[Path], failure: Failure) -> None:
    if isinstance(failure.error, MissingCalibration):
        size = ask_pixel_size(paths[0].name)
        if size is not None:
            read_beside(state, paths, size)
            return
    show_error(failure.sentence)


def _read_one(state: ViewerState, path: Path) -> list[LayerData]:
    try:
        addresses = state.load_paths([path])
    except MissingCalibration:
        size = ask_pixel_size(path.name)
        if size is None:
            raise
        addresses = state.load_paths([path], size)
    return state.layer_tuples(addresses)


def _read_alone(paths: Sequence[Path]) -> list[LayerData]:
    """Open files without a window: layers in µm that belong to no study."""
    session = Session()
    try:
        addresses = [a for path in paths for a in session.add_file(path)]
    except NanoscapeError as error:
        show_warning(str(error))
        raise
    items = [session[address] for address in addresses]
    axes = axes_for(items, session.study)
    return [d for item in items for d in layer_data(item, session.study, axes)]


def _paths(path: Paths) -> list[Path]:
    return [Path(path)] if isinstance(path, str | Path) else [Path(p) for p in path]


def _may_be_ours(path: Path) -> bool:
    if path.is_dir() or path.name == STUDY_FILE:
        return True
    name = path.name.lower()
    patterns = (pattern.lower() for form in FORMATS for pattern in form.patterns)
    return path.exists() and any(fnmatch(name, pattern) for pattern in patterns)


def _is_study(path: Path) -> bool:
    return path.name == STUDY_FILE or (path / STUDY_FILE).is_file()


def _takes_long(path: Path) -> bool:
    is_series = path.is_dir() and path.suffix != ".zarr"
    return is_series or path.suffix.lower() == ".imzml"
