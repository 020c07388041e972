"""Nothing of Qt is left to the garbage collection, which may run on any thread."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject

from nanoscape.io import write
from nanoscape.model import Image, Source, Tags


def exists(thing: QObject) -> bool:
    """Whether Qt has not deleted it yet."""
    try:
        thing.objectName()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def left_over() -> Iterator[Callable[[], list[str]]]:
    """Names of the classes of Qt's objects that nobody refers to any more."""

    def collect() -> list[str]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        found = [
            type(thing).__name__
            for thing in gc.garbage
            if isinstance(thing, QObject) and exists(thing)
        ]
        gc.garbage.clear()
        return found

    gc.collect()
    yield collect
    gc.set_debug(0)
    gc.garbage.clear()


def test_a_discarded_field_would_be_seen(
    qtbot: QtBot, left_over: Callable[[], list[str]]
) -> None:
    thing = QObject()
    thing.cycle = thing  # type: ignore[attr-defined]
    del thing
    assert left_over() == ["QObject"]


def test_using_the_window_discards_nothing(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Any],
    left_over: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    from nanoscape._napari.panels import Panel

    viewer = make_napari_viewer()
    panel = Panel(viewer)
    viewer.window.add_dock_widget(panel, area="right", name="nanoscape")
    state = panel.state

    def arrive() -> None:
        qtbot.waitUntil(lambda: not state.arrivals.is_busy, timeout=20000)
        qtbot.wait(50)

    plane = np.random.default_rng(0).poisson(10, (96, 96)).astype(np.uint16)
    plane[40:48] += 60
    for section in ("s1", "s2"):
        path = tmp_path / f"{section}.ome.tif"
        tags = Tags.of("sheet", role="Vessels", subject="m1", section=section)
        image = Image.from_array(plane, "yx", spacing=1.0, name="CD31", tags=tags)
        write(image, path)
        state.session.study.add(Source(id=section, path=str(path), tags=tags))
    for _ in range(3):
        state.arrivals.step_scene(1)
        arrive()
    assert left_over() == []

    for tab in range(panel.tabs.count()):
        panel.tabs.setCurrentIndex(tab)
        qtbot.wait(50)
    assert left_over() == []

    panel.go_to("Segment")
    vessels = panel.sections["segmentation.vessels"]
    qtbot.waitUntil(lambda: vessels.form is not None, timeout=60000)
    vessels.preview_box.setChecked(True)
    qtbot.waitUntil(
        lambda: any("(preview)" in layer.name for layer in viewer.layers),
        timeout=60000,
    )
    with qtbot.waitSignal(vessels.runner.ended, timeout=60000):
        vessels.run_bar.run.click()
    viewer.layers.remove(viewer.layers[0])
    qtbot.wait(50)
    assert left_over() == []
