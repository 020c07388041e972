"""``python -m benchmarks.large_slide SLIDE``: a whole slide, from file to profile.

Vessels, distance and distance profile of a slide as ``nanoscape.phantom.make_slide``
writes it, with time and peak memory of each step; then each is started again and
cancelled half way. Without the file it is made first, with 40,000² pixels.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nanoscape import read
from nanoscape.compute import Cancelled, Task, Threads, using
from nanoscape.phantom import make_slide
from nanoscape.segmentation.vessels import vessels
from nanoscape.statistics.distance.distance_map import distance_map
from nanoscape.statistics.distance.distance_profile import distance_profile

BENCHMARKS: dict[str, Any] = {}
"""None: it takes an hour and is compared with a limit, not with a peer."""

_EVERY = 0.1
_CANCEL_AT = 0.5


class _Watch:
    """Prints progress; cancels its task at a given part of the work."""

    def __init__(self, name: str, stop_at: float = 2.0) -> None:
        self.name, self.stop_at = name, stop_at
        self.printed = -1.0
        self.stopped: float | None = None
        self.event = threading.Event()
        self.task = Task(self.report, self.event)

    def report(self, fraction: float, text: str) -> None:
        if fraction >= self.stop_at and self.stopped is None:
            self.stopped = time.perf_counter()
            self.event.set()
        if fraction - self.printed >= _EVERY and self.stop_at > 1:
            self.printed = fraction
            print(f"  {self.name}: {100 * fraction:3.0f} % {text}", flush=True)


def peak_gb() -> float:
    """Return the largest memory that this process has held, in GB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * 1024 / 1e9


def run(name: str, function: Callable[[Task], Any]) -> Any:
    """Run one step to its end, and print what it took."""
    watch, start = _Watch(name), time.perf_counter()
    result = function(watch.task)
    seconds = time.perf_counter() - start
    print(f"{name}: {seconds:.0f} s, peak so far {peak_gb():.2f} GB", flush=True)
    return result


def cancel(name: str, function: Callable[[Task], Any]) -> None:
    """Cancel one step half way, and print how long it went on."""
    watch = _Watch(name, _CANCEL_AT)
    try:
        function(watch.task)
    except Cancelled:
        assert watch.stopped is not None
        late = time.perf_counter() - watch.stopped
        print(f"{name}: cancelled after {late:.2f} s", flush=True)


def main() -> None:
    """Run each step on a slide, then start each again and cancel it."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "large_slide.ome.tif")
    if not path.exists():
        run("making the slide", lambda task: make_slide(path, task=task))
    with using(Threads(workers=2)):
        (slide,) = read(path)
        stain, carrier = slide["CD31"], slide["carrier"]
        found = run("vessels", lambda task: vessels(stain, task=task))
        steps: dict[str, Callable[[Task], Any]] = {
            "distance": lambda task: distance_map(found, task=task),
            "profile": lambda task: distance_profile(carrier, found, task=task),
        }
        for name, step in steps.items():
            result = run(name, step)
        print(f"{len(found.table):,} vessels on {stain.shape}")
        print(result.summary.data.iloc[0].to_string(), flush=True)
        for name, step in {
            "vessels": lambda task: vessels(stain, task=task),
            **steps,
        }.items():
            cancel(name, step)


if __name__ == "__main__":
    main()
