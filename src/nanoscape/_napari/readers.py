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

from nanoscape._napari import samples
from nanoscape._napari.calibration import asked_for
from nanoscape._napari.layers import layer_data
from nanoscape._napari.loading import AS_IT_IS, Given, Loaded
from nanoscape._napari.scene import axes_for
from nanoscape._napari.state import ViewerState, state_of
from nanoscape._napari.uneven import ask_in_a_dialog
from nanoscape.errors import MissingCalibration, NanoscapeError, UnevenSlices
from nanoscape.io import FORMATS, recognise
from nanoscape.model.study import STUDY_FILE
from nanoscape.workflow.session import Session

Paths = str | Sequence[str]

# For napari: read, and nothing to add.
NO_LAYERS: list[Any] = [(None,)]


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

    They are read beside the window and shown when they are there. A pixel size that
    is missing is asked for.
    """
    paths = _paths(path)
    viewer = napari.current_viewer()
    if viewer is None:
        return (
            samples.sample_layers()
            if paths[0] == samples.ADDRESS
            else _read_alone(paths)
        )
    state = state_of(viewer)
    if paths[0] == samples.ADDRESS:
        samples.open_sample(state)
        return NO_LAYERS
    for study in filter(_is_study, paths):
        state.arrivals.open_study(study if study.is_dir() else study.parent)
        return NO_LAYERS
    open_beside(state, paths)
    return NO_LAYERS


def open_beside(
    state: ViewerState, paths: Sequence[Path], given: Given = AS_IT_IS
) -> None:
    """Read files in a worker and show them; tell what is to be known of them."""
    state.arrivals.open_files(paths, given, on_loaded=partial(_tell, state))


def ask_calibration(name: str, needs: Sequence[str]) -> Given | None:
    """Ask the user for what a file does not say of its pixels.

    Parameters
    ----------
    name
        The file.
    needs
        What it lacks, as :class:`~nanoscape.errors.MissingCalibration` names it.

    Returns
    -------
    Given or None
        ``None`` when the user does not say, or when there is no window.
    """
    if QApplication.instance() is None:
        return None
    values = {}
    for asked in asked_for(needs):
        value, is_given = QInputDialog.getDouble(
            None,
            asked.title,
            f"{name} does not say how large its pixels are.\n"
            f"{asked.meaning}, in {asked.unit}:",
            asked.usual,
            asked.least,
            1e6,
            4,
        )
        if not is_given:
            return None
        values[asked.name] = float(value)
    return Given(**values)


def _tell(state: ViewerState, loaded: Loaded) -> None:
    for remark in loaded.remarks:
        show_warning(remark)
    for path, error in loaded.refused:
        answer = _ask(path, error)
        if answer is None:
            show_error(str(error))
        else:
            open_beside(state, [path], answer)


def _ask(path: Path, error: NanoscapeError) -> Given | None:
    """Ask the user for what would help; ``None`` when nothing would."""
    if isinstance(error, MissingCalibration):
        return ask_calibration(path.name, error.needs)
    if isinstance(error, UnevenSlices) and QApplication.instance() is not None:
        return ask_in_a_dialog(path.name)
    return None


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
