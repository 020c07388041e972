"""Running long work in a worker: progress, cancel, errors, result."""

from __future__ import annotations

import math
import platform
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer, Signal

import nanoscape
from nanoscape._napari.activity import Activity
from nanoscape._napari.background import Call
from nanoscape._napari.steps import Boundary, Steps
from nanoscape.compute import Task
from nanoscape.compute.task import Cancelled
from nanoscape.errors import NanoscapeError

PATIENCE_S = 1.5
"""How long a cancelled run may take to stop before it is left alone."""

_LOOK_MS = 10
_REPORT_S = 0.05
_SHORTEST_FORECAST_S = 3.0

Work = Callable[[Task], Any]
Reports = SimpleQueue[tuple[float, str]]


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

    The thread touches nothing of Qt: a timer looks after it. Starting anew drops what
    runs.

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

    def __init__(
        self, title: str, parent: QObject | None = None, *, is_listed: bool = True
    ) -> None:
        super().__init__(parent)
        self.title = title
        self._is_listed = is_listed
        self._order: _Order | None = None
        self._steps = Steps(self)
        self._stops: weakref.WeakSet[threading.Event] = weakref.WeakSet()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        weakref.finalize(self, _stop_all, self._stops)

    @property
    def is_running(self) -> bool:
        """Whether work is under way."""
        return self._order is not None

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
        stop = threading.Event()
        reports: Reports = SimpleQueue()
        task = Task(_Throttled(reports), stop)
        self._order = _Order(
            call=Call(partial(work, task)),
            stop=stop,
            reports=reports,
            on_done=on_done,
            activity=Activity(self.title, stop.set) if self._is_listed else None,
        )
        self._stops.add(stop)
        self._order.call.start()
        self._timer.start()
        self.started.emit()

    def cancel(self) -> None:
        """Ask the work to stop; it is left alone when it does not."""
        order = self._order
        if order is not None and not order.is_delivered:
            order.stop.set()
            order.patience_ends = time.perf_counter() + PATIENCE_S
            self.progressed.emit(-1.0, "Stopping…")

    def drop(self) -> None:
        """Stop the work and forget it; no signal follows."""
        self._steps.drop()
        if self._order is not None:
            self._order.stop.set()
            self._forget()

    def _look(self) -> None:
        """Tell how far the work is, and whether it has ended."""
        order = self._order
        if order is None or order.is_delivered:
            return
        is_over = order.call.is_over
        while not order.reports.empty():
            self._report(order, *order.reports.get())
        # Who hears of progress may have stopped it.
        if self._order is not order:
            return
        if is_over:
            self._settle(order)
        elif time.perf_counter() > order.patience_ends:
            self._end(self.cancelled)

    def _report(self, order: _Order, fraction: float, text: str) -> None:
        if self._order is order and not order.stop.is_set():
            left = remaining(fraction, time.perf_counter() - order.began)
            told = " · ".join(part for part in (text, left) if part)
            self.progressed.emit(fraction, told)

    def _settle(self, order: _Order) -> None:
        error = order.call.error
        if order.stop.is_set() or isinstance(error, Cancelled):
            self._end(self.cancelled)
        elif error is not None:
            self._end(self.failed, describe(error, self.title))
        else:
            order.is_delivered = True
            self._deliver(order.call.result, order.on_done)

    def _deliver(self, result: Any, on_done: Callable[[Any], Any] | None) -> None:
        steps = None
        with Boundary() as boundary:
            if on_done is not None:
                steps = on_done(result)
        end = partial(self._on_delivered, result)
        if isinstance(steps, Generator):
            self._steps.start(steps, end)
        else:
            end(boundary.error)

    def _on_delivered(self, result: Any, error: Exception | None) -> None:
        if error is not None:
            self._end(self.failed, describe(error, self.title))
        else:
            self._end(self.finished, result)

    def _end(self, signal: Any, *told: Any) -> None:
        self._forget()
        signal.emit(*told)
        self.ended.emit()

    def _forget(self) -> None:
        order, self._order = self._order, None
        self._timer.stop()
        if order is not None:
            order.call.give_up()
            if order.activity is not None:
                order.activity.end()


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

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._last = 0.0
        self._text = ""

    def __call__(self, fraction: float, text: str) -> None:
        now = time.perf_counter()
        if now - self._last >= _REPORT_S or text != self._text:
            self._last, self._text = now, text
            self._reports.put((fraction, text))


@dataclass(eq=False)
class _Order:
    """One piece of work that is under way."""

    call: Call
    stop: threading.Event
    reports: Reports
    on_done: Callable[[Any], Any] | None
    activity: Activity | None
    began: float = field(default_factory=time.perf_counter)
    patience_ends: float = math.inf
    is_delivered: bool = False


def _stop_all(stops: weakref.WeakSet[threading.Event]) -> None:
    for stop in list(stops):
        stop.set()
