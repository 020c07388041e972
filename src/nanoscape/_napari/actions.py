"""What the menus and the command palette offer."""

from __future__ import annotations

from typing import Any

from napari.viewer import Viewer

from nanoscape._napari.dock import Dock
from nanoscape._napari.settings import PLUGIN

TITLE = "Nanoscape"


def open_panel(viewer: Any, tab: str = "Open") -> Dock:
    """Show the panel, with one of its tabs in front, and return its dock."""
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, TITLE)
    dock.when_ready(lambda panel: panel.go_to(tab))
    return dock


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
    """Show the tab Open, where the kind of a file or folder can be chosen."""
    open_panel(napari_viewer, "Open").when_ready(lambda panel: panel.files.ask_kind())
