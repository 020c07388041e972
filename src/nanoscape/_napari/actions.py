"""What the menus and the command palette offer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.viewer import Viewer
from qtpy.QtWidgets import QFileDialog

from nanoscape._napari.settings import PLUGIN

TITLE = "Nanoscape"


def open_panel(viewer: Any, tab: str = "Open") -> None:
    """Show the panel, with one of its tabs in front."""
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, TITLE)
    dock.when_ready(lambda panel: panel.go_to(tab))


def align(napari_viewer: Viewer) -> None:
    """Show the tab Align."""
    open_panel(napari_viewer, "Align")


def segment(napari_viewer: Viewer) -> None:
    """Show the tab Segment."""
    open_panel(napari_viewer, "Segment")


def measure(napari_viewer: Viewer) -> None:
    """Show the tab Measure."""
    open_panel(napari_viewer, "Measure")


def open_as(napari_viewer: Viewer) -> None:
    """Open files by their content, whatever they are called."""
    names, _ = QFileDialog.getOpenFileNames(None, "Open with Nanoscape")
    if names:
        from nanoscape._napari.readers import open_beside
        from nanoscape._napari.state import state_of

        open_beside(state_of(napari_viewer), [Path(name) for name in names])
