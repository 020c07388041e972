"""Running long work in a worker: progress, cancel, errors, result."""

from __future__ import annotations

import platform
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, Signal

import nanoscape
from nanoscape._napari.steps import Boundary, Steps
from nanoscape.compute import Task
from nanoscape.compute.task import Cancelled
from nanoscape.errors import NanoscapeError

PATIENCE_S = 1.5
"""How long a cancelled run may take to stop before it is left alone."""

_POLL_S = 0.05
_REPORT_S = 0.05
_SHORTEST_FORECAST_S = 3.0

Work = Callable[[Task], Any]


@dataclass(frozen=True)
class Failure:
    """Why work did not end well.

    Attributes
    ----------
    sentence
        What the user reads.
    details
        What helps with a bug report.
    is_bug
        Whether it is the program's fault.
    error
        The exception itself.
    """

    sentence: str
    details: str
    is_bug: bool
    error: BaseException


def describe(error: BaseException, title: str) -> Failure:
    """Return an exception in words.

    Parameters
    ----------
    error
        What was raised.
    title
        What was being done.
    """
    lines = traceback.format_exception(error)
    details = "".join(
        [
            f"napari-nanoscape {nanoscape.__version__}, Python ",
            f"{platform.python_version()}, {platform.platform()}\n{title}\n\n",
            *lines,
        ]
    )
    if isinstance(error, NanoscapeError):
        return Failure(str(error), details, False, error)
    if isinstance(error, MemoryError):
        sentence = (
            f"{title} needs more memory than there is. Close other programs, or work "
            "on a smaller area or at a coarser pixel size."
        )
        return Failure(sentence, details, False, error)
    sentence = (
        f"{title} stopped because of a fault in the program; your data are unchanged. "
        "Copy the details and send them with a bug report."
    )
    return Failure(sentence, details, True, error)


class Runner(QObject):
    """Does one piece of work at a time outside the GUI thread.

    All signals are emitted on the GUI thread. Starting anew drops what runs.

    Parameters
    ----------
    title
        What is done, in a few words.
    is_listed
        Whether napari lists it among its activities.

    Signals
    -------
    started
        Work has begun.
    progressed
        Finished fraction and what is being done, remaining time included.
    finished
        The result.
    failed
        A :class:`Failure`.
    cancelled
        The user stopped it; not an error.
    ended
        After any of the three before.
    """

    started = Signal()
    progressed = Signal(float, str)
    finished = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()
    _reported = Signal(int, float, str)

    def __init__(
        self, title: str, parent: QObject | None = None, *, is_listed: bool = True
    ) -> None:
        super().__init__(parent)
        self.title = title
        self._listed = {"desc": title} if is_listed else None
        self._generation = 0
        self._stop: threading.Event | None = None
        self._began = 0.0
        self._stops: weakref.WeakSet[threading.Event] = weakref.WeakSet()
        self._steps = Steps(self)
        self._reported.connect(self._on_report)
        weakref.finalize(self, _stop_all, self._stops)

    @property
    def is_running(self) -> bool:
        """Whether work is under way."""
        return self._stop is not None

    def start(self, work: Work, *, on_done: Callable[[Any], Any] | None = None) -> None:
        """Begin work.

        Parameters
        ----------
        work
            Called in another thread with a task; must touch no layers.
        on_done
            Called with the result on the GUI thread, before ``finished``. It may be
            stepwise; the window answers between its steps. An error that it raises
            is reported like one of the work.
        """
        self.drop()
        generation = self._generation
        self._stop = stop = threading.Event()
        self._began = time.perf_counter()
        task = Task(_Throttled(lambda *args: self._report(generation, *args)), stop)
        self._stops.add(stop)
        order = _Order(self.title, generation, work, task, stop, on_done)
        worker = create_worker(order, _progress=self._listed)
        # A method of a QObject is called on the thread of the object, whatever the
        # Qt binding; a lambda is not.
        worker.returned.connect(self._on_returned)
        worker.start()
        self.started.emit()

    def cancel(self) -> None:
        """Ask the work to stop; it is left alone when it does not."""
        if self._stop is not None:
            self._stop.set()
            self.progressed.emit(-1.0, "Stopping…")

    def drop(self) -> None:
        """Stop the work and forget it; no signal follows."""
        self._generation += 1
        self._steps.drop()
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    def _report(self, generation: int, fraction: float, text: str) -> None:
        self._reported.emit(generation, fraction, text)

    def _on_report(self, generation: int, fraction: float, text: str) -> None:
        stop = self._stop
        if generation != self._generation or stop is None or stop.is_set():
            return
        left = remaining(fraction, time.perf_counter() - self._began)
        self.progressed.emit(
            fraction, " · ".join(part for part in (text, left) if part)
        )

    def _on_returned(self, answer: tuple[_Order, Future[Any] | None]) -> None:
        order, future = answer
        if order.generation != self._generation:
            return
        error = None if future is None else future.exception()
        if future is None or order.stop.is_set() or isinstance(error, Cancelled):
            self._stop = None
            self.cancelled.emit()
            self.ended.emit()
        elif error is not None:
            self._stop = None
            self.failed.emit(describe(error, self.title))
            self.ended.emit()
        else:
            self._deliver(future.result(), order.on_done)

    def _deliver(self, result: Any, on_done: Callable[[Any], Any] | None) -> None:
        steps = None
        with Boundary() as boundary:
            if on_done is not None:
                steps = on_done(result)
        end = partial(self._on_delivered, result)
        if isinstance(steps, Generator):
            # Too late to cancel: the result is there.
            self._stop = threading.Event()
            self._steps.start(steps, end)
        else:
            end(boundary.error)

    def _on_delivered(self, result: Any, error: Exception | None) -> None:
        self._stop = None
        if error is not None:
            self.failed.emit(describe(error, self.title))
        else:
            self.finished.emit(result)
        self.ended.emit()


def remaining(fraction: float, elapsed: float) -> str:
    """Return in words how long it will still take; empty when that is not known."""
    if elapsed < 1.0 or fraction < 0.02 or fraction >= 1.0:
        return ""
    seconds = elapsed * (1 - fraction) / fraction
    if seconds < _SHORTEST_FORECAST_S:
        return "a few seconds left"
    if seconds < 60:
        return f"about {seconds:.0f} s left"
    if seconds < 3600:
        return f"about {seconds / 60:.0f} min left"
    return f"about {seconds / 3600:.1f} h left"


def unwritable(what: str, error: Exception) -> NanoscapeError:
    """Return in words why something could not be saved."""
    if isinstance(error, NanoscapeError):
        return error
    reason = getattr(error, "strerror", None) or str(error)
    return NanoscapeError(
        f"the {what} cannot be written ({reason})", todo="choose another folder"
    )


def save_or_say(write: Callable[[], Any], what: str) -> None:
    """Save something, or show why it could not be saved."""
    try:
        write()
    except (NanoscapeError, OSError, ValueError) as error:
        show_error(str(unwritable(what, error)))


def tell(failure: Failure) -> None:
    """Show a failure as a notification, beside the sentence in the panel."""
    show_error(failure.sentence)


class _Throttled:
    """Passes on no more reports than a window can show."""

    def __init__(self, report: Callable[[float, str], None]) -> None:
        self._report = report
        self._last = 0.0
        self._text = ""

    def __call__(self, fraction: float, text: str) -> None:
        now = time.perf_counter()
        if now - self._last >= _REPORT_S or text != self._text:
            self._last, self._text = now, text
            self._report(fraction, text)


@dataclass(frozen=True, eq=False)
class _Order:
    """One piece of work; napari names it when the window is closed meanwhile."""

    title: str
    generation: int
    work: Work
    task: Task
    stop: threading.Event
    on_done: Callable[[Any], Any] | None

    def __call__(self) -> tuple[_Order, Future[Any] | None]:
        """Do it and return it with its end."""
        return _settled(self)

    def __str__(self) -> str:
        return f"“{self.title}”"


def _settled(order: _Order) -> tuple[_Order, Future[Any] | None]:
    """Return the finished work, or nothing when it was stopped and went on.

    The work has a thread of its own, because a call into compiled code cannot be
    interrupted; the user does not have to wait for it.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="nanoscape")
    future = pool.submit(order.work, order.task)
    pool.shutdown(wait=False)
    deadline = None
    while not future.done():
        wait([future], timeout=_POLL_S)
        if order.stop.is_set():
            deadline = deadline or time.perf_counter() + PATIENCE_S
            if time.perf_counter() > deadline:
                return order, None
    return order, future


def _stop_all(stops: weakref.WeakSet[threading.Event]) -> None:
    for stop in list(stops):
        stop.set()
