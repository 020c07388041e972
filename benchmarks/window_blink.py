"""Longest time for which the window does not answer, step by step.

Run ``python -m benchmarks.window_blink`` on a display, such as that of
``xvfb-run -a -s "-screen 0 1366x768x24"``. A timer ticks in the event loop while the
window is used; the longest time between two ticks is what a user feels as the
window standing still. For each step it prints that time in ms, the longest time that
the window itself computed between two ticks, which other programs do not lengthen, and
the seconds that the whole step took.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

BENCHMARKS: dict[str, Any] = {}
"""None to be run with the others: these need a window."""

BLINK_MS = 100.0
SAMPLE_PIXELS = 1024
LARGE_PIXELS = 8192
CHANNELS = 40

_PLUGIN = "napari-nanoscape"
_PATIENCE_S = 180.0


class Heartbeat:
    """Measures how long the event loop stands still."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.longest_s = self.busiest_s = 0.0
        self._last = self._last_busy = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(2)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Begin to measure."""
        self._last, self._last_busy = time.perf_counter(), time.thread_time()
        self.longest_s = self.busiest_s = 0.0
        self._timer.start()

    def stop(self) -> tuple[float, float]:
        """Return the longest gap and the busiest in ms."""
        self._beat()
        self._timer.stop()
        return self.longest_s * 1e3, self.busiest_s * 1e3

    def _beat(self) -> None:
        now, busy = time.perf_counter(), time.thread_time()
        self.longest_s = max(self.longest_s, now - self._last)
        self.busiest_s = max(self.busiest_s, busy - self._last_busy)
        self._last, self._last_busy = now, busy


class Stopwatch:
    """Does steps in a window and prints how long it stood still in each."""

    def __init__(self) -> None:
        self._heartbeat = Heartbeat()

    def step(
        self, title: str, action: Callable[[], Any], until: Callable[[], bool]
    ) -> None:
        """Do something, wait until it is finished, and print what was measured."""
        from qtpy.QtCore import QTimer

        pump(0.3)
        began = time.perf_counter()
        self._heartbeat.start()
        # As a click is: from within the event loop.
        QTimer.singleShot(0, action)
        pump(0.05)
        while not until():
            if time.perf_counter() - began > _PATIENCE_S:
                raise TimeoutError(title)
            pump(0.01)
        took = time.perf_counter() - began
        pump(0.5)
        gap, busy = self._heartbeat.stop()
        mark = "" if gap <= BLINK_MS else "   longer than a blink"
        sys.stdout.write(f"{title:<42}{gap:7.0f} {busy:7.0f} {took:7.1f}{mark}\n")
        sys.stdout.flush()


def pump(seconds: float) -> None:
    """Let the event loop run."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1e3), loop.quit)
    loop.exec()


def main() -> int:
    """Measure every step."""
    with tempfile.TemporaryDirectory() as folder, _own_settings(Path(folder)):
        _measure(Path(folder))
    return 0


def _measure(folder: Path) -> None:
    sample = folder / "sample"
    _run(
        "from pathlib import Path; from nanoscape._napari.samples import make_sample;"
        f"make_sample(Path({str(sample)!r}))"
    )
    many = _many_channels(folder / "many.ome.tif")
    large = _large_vessels(folder / "large.ome.tif")
    _use_window(sample, many, large)


def _run(code: str) -> None:
    """Run code in another process, so that nothing is imported here before its time."""
    subprocess.run([sys.executable, "-c", code], check=True)


def _use_window(sample: Path, many: Path, large: Path) -> None:
    import napari

    viewer = napari.Viewer()
    viewer.window.resize(1366, 768)
    pump(1.0)
    sys.stdout.write(f"{'':<42}{'gap ms':>7} {'busy ms':>7} {'took s':>7}\n")
    watch = Stopwatch()
    docks: list[Any] = []

    def open_panel() -> None:
        docks.append(viewer.window.add_plugin_dock_widget(_PLUGIN)[1])

    watch.step(
        "open the panel",
        open_panel,
        lambda: bool(docks) and docks[0].panel is not None,
    )
    panel = docks[0].panel
    state = panel.state
    _use_sample(sample)

    def shown(count: int) -> Callable[[], bool]:
        return lambda: len(viewer.layers) >= count and not is_busy(state)

    watch.step("open the sample study", panel.open_sample, shown(1))
    for title, step in (("a section", 1), ("next section", 1), ("and back", -1)):
        watch.step(title, lambda step=step: state.arrivals.step_scene(step), shown(1))
    for tab in ("Align", "Segment", "Measure", "Figure", "History"):
        watch.step(f"tab {tab}", lambda tab=tab: panel.go_to(tab), _ready(panel, tab))
    before = len(viewer.layers)
    watch.step(
        f"drop a file of {CHANNELS} channels",
        lambda: drop(viewer, many),
        shown(before + CHANNELS),
    )
    viewer.layers.clear()
    watch.step(
        f"drop a slide of {LARGE_PIXELS}² pixels", lambda: drop(viewer, large), shown(1)
    )
    panel.go_to("Segment")
    section = panel.sections["segmentation.vessels"]
    section.set_open(True)
    _wait(lambda: section.form is not None)
    section.form.set_inputs({"image": state.address_of(viewer.layers[0])})
    watch.step(
        "start vessels on it and cancel after 3 s",
        section.run_bar.run.click,
        _cancelled_after(section, 3.0),
    )
    watch.step(
        "vessels on it",
        section.run_bar.run.click,
        lambda: not section.runner.is_running,
    )
    viewer.close()


def _use_sample(folder: Path) -> None:
    from nanoscape._napari import samples

    samples.sample_folder = lambda: folder


def is_busy(state: Any) -> bool:
    """Whether files are being read or layers are still to come."""
    return bool(state.arrivals.is_busy)


def drop(viewer: Any, path: Path) -> None:
    """Drop a file onto the window."""
    viewer.window._qt_viewer._qt_open([str(path)], stack=False, plugin=_PLUGIN)


def _ready(panel: Any, tab: str) -> Callable[[], bool]:
    from nanoscape._napari.panels.operation_section import OperationSection

    page = panel.lists.get(tab)
    opened = [
        s
        for s in (page.sections[:1] if page else ())
        if isinstance(s, OperationSection)
    ]
    return lambda: all(section.form is not None for section in opened)


def _cancelled_after(section: Any, seconds: float) -> Callable[[], bool]:
    began = time.perf_counter()

    def ended() -> bool:
        if time.perf_counter() - began < seconds:
            return False
        if section.run_bar.cancel.isEnabled():
            section.run_bar.cancel.click()
        return not section.runner.is_running

    return ended


def _wait(until: Callable[[], bool]) -> None:
    end = time.perf_counter() + _PATIENCE_S
    while not until() and time.perf_counter() < end:
        pump(0.02)


@contextmanager
def _own_settings(folder: Path) -> Iterator[None]:
    """Keep the user's settings of napari out, and as they are."""
    before = os.environ.get("NAPARI_CONFIG")
    os.environ["NAPARI_CONFIG"] = str(folder / "settings.yaml")
    yield
    if before is None:
        del os.environ["NAPARI_CONFIG"]
    else:
        os.environ["NAPARI_CONFIG"] = before


def _many_channels(path: Path) -> Path:
    """Write channels of noise and stripes, in tiles, compressed."""
    import tifffile

    rng = np.random.default_rng(0)
    data = rng.poisson(20, (CHANNELS, 1024, 1024)).astype(np.uint16)
    data[:, ::64] += 200
    names = [f"marker {i + 1}" for i in range(CHANNELS)]
    _write(tifffile, path, data, names)
    return path


def _large_vessels(path: Path) -> Path:
    """Write a slide of noise crossed by bright tubes."""
    import tifffile

    rng = np.random.default_rng(0)
    data = rng.poisson(20, (1, LARGE_PIXELS, LARGE_PIXELS)).astype(np.uint16)
    for start in range(100, LARGE_PIXELS, 300):
        data[0, start : start + 12, ::2] += 150
    _write(tifffile, path, data, ["CD31"])
    return path


def _write(tifffile: Any, path: Path, data: Any, names: list[str]) -> None:
    metadata = {
        "axes": "CYX",
        "PhysicalSizeX": 0.5,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 0.5,
        "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": names},
    }
    tifffile.imwrite(
        path, data, tile=(512, 512), compression="zlib", metadata=metadata, ome=True
    )


if __name__ == "__main__":
    sys.exit(main())
