"""Make the screenshots of the guide from the sample study, in a real window.

Usage: ``python docs/make_screenshots.py DEMO`` with the folder that
``nanoscape demo --out DEMO`` left; on a machine without a display run it with
``xvfb-run -a -s "-screen 0 1366x768x24"``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtWidgets import QApplication

from nanoscape._napari.state import state_of

IMAGES = Path(__file__).parent / "images"
COLOURS = 88


def wait(seconds: float) -> None:
    """Let the window work."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def shoot(window: object, name: str) -> None:
    """Save the window as a small PNG."""
    wait(2)
    path = IMAGES / f"{name}.png"
    window.grab().save(str(path))  # type: ignore[attr-defined]
    picture = Image.open(path).convert("RGB").quantize(COLOURS)
    picture.save(path, optimize=True)


def main() -> None:
    """Go through the guide and take its pictures."""
    IMAGES.mkdir(exist_ok=True)
    viewer = napari.Viewer(title="Nanoscape")
    _, dock = viewer.window.add_plugin_dock_widget("napari-nanoscape")
    while dock.panel is None:
        wait(0.1)
    panel = dock.panel
    window = dock.window()
    window.resize(1366, 768)
    state = state_of(viewer)
    state.open_study(Path(sys.argv[1]) / "study")
    scene = next(s for s in state.scenes if s.scope.get("section"))
    state.set_scene(scene.id)
    wait(5)
    shown = {"CD31", "carrier"}
    for layer in viewer.layers:
        layer.visible = layer.name in shown
    shoot(window, "open")
    panel.go_to("Align")
    shoot(window, "align")
    panel.go_to("Segment")
    for layer in viewer.layers:
        layer.visible = layer.name == "CD31" or "vessels of CD31" in layer.name
    shoot(window, "segment")
    panel.go_to("Measure")
    for layer in viewer.layers:
        layer.visible = layer.name == "carrier"
    records = state.session.study.records
    panel.show_results(
        next(r for r in records if r.operation == "statistics.distance_profile")
    )
    shoot(window, "measure")
    viewer.close()


if __name__ == "__main__":
    main()
