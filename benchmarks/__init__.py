"""Speed and accuracy against named peers, measured in one run.

Run ``python -m benchmarks`` for all of them, or name some. Every module here that
does not begin with an underscore has ``BENCHMARKS``: functions by name that return
one or more :class:`Result`.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One measurement.

    Attributes
    ----------
    name
        Name of the benchmark.
    work
        What was done.
    ours_s, peer_s
        Seconds, the best of several runs; or a score, when the work says so.
    peer, peer_version
        What it is compared with.
    ratio
        How many times better ours is.
    goal
        The ratio that is aimed at.
    peak_mb
        Largest memory of the process so far, in MB.
    """

    name: str
    work: str
    ours_s: float
    peer: str
    peer_version: str
    peer_s: float
    ratio: float
    goal: float
    peak_mb: float = 0.0

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio >= self.goal

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        values = dataclasses.asdict(self)
        return {**values, "met": self.met, "peak_mb": values["peak_mb"] or peak_mb()}


Benchmark = Callable[[], Iterable[Result]]


def best_of(function: Callable[[], object], runs: int = 3) -> float:
    """Return the shortest time in seconds of several runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_mb() -> float:
    """Return the largest memory that this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def all_benchmarks() -> dict[str, Benchmark]:
    """Return every benchmark by name."""
    found: dict[str, Benchmark] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            loaded = importlib.import_module(f"{__name__}.{module.name}")
            found.update(loaded.BENCHMARKS)
    return found
