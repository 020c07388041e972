"""What the menus and the command palette offer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.viewer import Viewer
from qtpy.QtWidgets import QFileDialog

from nanoscape._napari.readers import open_beside
from nanoscape._napari.settings import PLUGIN
from nanoscape._napari.state import state_of

if TYPE_CHECKING:
    from nanoscape._napari.panels import Panel

TITLE = "Nanoscape"


def open_panel(viewer: Any, tab: str = "Open") -> Panel:
    """Show the panel, with one of its tabs in front."""
    _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, TITLE)
    panel.go_to(tab)
    return panel


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
        open_beside(state_of(napari_viewer), [Path(name) for name in names])
