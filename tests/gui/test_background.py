"""Threads that destroy nothing."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import dask.array as da
import pytest
from pytestqt.qtbot import QtBot

from nanoscape._napari.background import Call
from nanoscape._napari.tasks import Runner


class Held:
    """Stands for a widget that work refers to."""


@pytest.fixture
def destroyed_on() -> list[threading.Thread]:
    return []


@pytest.fixture
def hold(destroyed_on: list[threading.Thread]) -> Callable[[], Held]:
    def make() -> Held:
        held = Held()
        weakref.finalize(held, lambda: destroyed_on.append(threading.current_thread()))
        return held

    return make


def holding(held: Held, then: Callable[[], Any]) -> Callable[..., Any]:
    def work(*_: Any) -> Any:
        assert held is not None
        return then()

    return work


def over(call: Call) -> bool:
    return call.is_over


def test_what_a_call_held_is_destroyed_on_the_main_thread(
    qtbot: QtBot,
    hold: Callable[[], Held],
    destroyed_on: list[threading.Thread],
) -> None:
    # dask keeps the threads from which it was called, and drops them in others.
    total = da.ones(8, chunks=4).sum()
    for _ in range(3):
        call = Call(holding(hold(), total.compute))
        call.start()
        qtbot.waitUntil(lambda call=call: over(call), timeout=5000)
        assert call.result == 8
        call.give_up()
        del call
    assert destroyed_on == [threading.main_thread()] * 3


def test_what_dropped_work_held_is_destroyed_on_the_main_thread(
    qtbot: QtBot,
    hold: Callable[[], Held],
    destroyed_on: list[threading.Thread],
) -> None:
    release = threading.Event()
    runner = Runner("Test")
    runner.start(holding(hold(), lambda: release.wait(20)))
    runner.drop()
    release.set()
    others = [t for t in threading.enumerate() if t.name == "nanoscape"]
    for thread in others:
        thread.join(5)
    assert destroyed_on == []
    with qtbot.waitSignal(runner.ended, timeout=5000):
        runner.start(lambda _: None)
    assert destroyed_on == [threading.main_thread()]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_that_ends_its_thread_has_failed(qtbot: QtBot) -> None:
    call = Call(sys.exit)
    call.start()
    qtbot.waitUntil(lambda: call.is_over, timeout=5000)
    assert "ended early" in str(call.error)
    call.give_up()


def test_an_error_is_kept_for_the_window(qtbot: QtBot) -> None:
    call = Call(lambda: 1 // 0)
    call.start()
    qtbot.waitUntil(lambda: call.is_over, timeout=5000)
    assert isinstance(call.error, ZeroDivisionError)
    call.give_up()
