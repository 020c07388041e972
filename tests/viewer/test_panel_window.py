"""The panel in a real window."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QLabel

from nanoscape.model import Image, Tags


@pytest.fixture
def panel(make_napari_viewer: Callable[..., Any]) -> Any:
    from nanoscape._napari.panels import Panel

    viewer = make_napari_viewer()
    made = Panel(viewer)
    viewer.window.add_dock_widget(made, area="right", name="nanoscape")
    return made


def test_vessels_are_previewed_found_and_listed(qtbot: QtBot, panel: Any) -> None:
    plane = np.random.default_rng(0).poisson(10, (96, 96)).astype(np.uint16)
    plane[40:48] += 60
    tags = Tags.of("header", role="Vessels", subject="m1", section="s1")
    image = Image.from_array(plane, "yx", spacing=1.0, name="CD31", tags=tags)
    state = panel.state
    state.show([state.session.add(image)])
    panel.go_to("Segment")
    section = panel.sections["segmentation.vessels"]
    qtbot.waitUntil(lambda: section.form is not None, timeout=60000)
    section.preview_box.setChecked(True)
    qtbot.waitUntil(
        lambda: any("(preview)" in layer.name for layer in state.viewer.layers),
        timeout=60000,
    )
    with qtbot.waitSignal(section.runner.ended, timeout=60000):
        section.run_bar.run.click()
    (record,) = state.session.study.records
    labels = state.session[record.outputs["labels"]]
    assert len(labels.table) == 1
    assert not any("(preview)" in layer.name for layer in state.viewer.layers)
    assert panel.history.list.count() == 1


def test_the_panel_is_no_wider_than_it_says(panel: Any) -> None:
    from nanoscape._napari.dock import WIDTH

    assert panel.minimumSizeHint().width() <= WIDTH


def test_the_window_answers_while_a_step_runs(qtbot: QtBot, panel: Any) -> None:
    section = next(iter(panel.sections.values()))
    ticks = [time.perf_counter()]
    with qtbot.waitSignal(section.runner.ended, timeout=20000):
        section.runner.start(lambda task: _busy(task))
        while section.runner.is_running:
            qtbot.wait(5)
            ticks.append(time.perf_counter())
    assert len(ticks) > 10


def _busy(task: Any) -> None:
    for i in range(40):
        task.step(i, 40, "counting")
        sum(range(20000))
        time.sleep(0.01)


def test_closing_the_window_stops_what_runs(qtbot: QtBot, panel: Any) -> None:
    began, stopped = threading.Event(), threading.Event()

    def work(task: Any) -> None:
        began.set()
        try:
            while True:
                task.step(0, 1, "counting")
                time.sleep(0.01)
        finally:
            stopped.set()

    panel.sections["segmentation.vessels"].runner.start(work)
    assert began.wait(5)
    panel.viewer.close()
    assert stopped.wait(5)


class _AskedToClose(QCloseEvent):
    """What the window system sends when the user closes the window."""

    def spontaneous(self) -> bool:
        return True


def test_closing_while_a_step_runs_asks_first(qtbot: QtBot, panel: Any) -> None:
    window = panel.viewer.window._qt_window
    section = panel.sections["segmentation.vessels"]
    stopped: list[bool] = []

    def work(task: Any) -> None:
        try:
            for i in range(2000):
                task.step(i, 2000, "counting")
                time.sleep(0.01)
        finally:
            stopped.append(True)

    asked: list[str] = []

    def keep_open() -> None:
        dialog = QApplication.activeModalWidget()
        if dialog is None:
            QTimer.singleShot(50, keep_open)
            return
        asked.extend(label.text() for label in dialog.findChildren(QLabel))
        dialog.cancel_btn.click()

    section.runner.start(work)
    qtbot.wait(300)
    QTimer.singleShot(100, keep_open)
    event = _AskedToClose()
    window.closeEvent(event)
    assert not event.isAccepted()
    assert any("Vessels" in text for text in asked)
    assert section.runner.is_running
    assert not stopped
    with qtbot.waitSignal(section.runner.ended, timeout=20000):
        section.runner.cancel()
    assert stopped
