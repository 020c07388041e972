"""Work beside the window: progress, cancel, errors, results, stale results."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from nanoscape._napari.tasks import Runner, describe, remaining
from nanoscape.compute import Task
from nanoscape.errors import CannotCompute


@pytest.fixture
def runner(qtbot: QtBot) -> Runner:
    return Runner("Test")


def test_the_result_arrives_on_the_thread_of_the_window(
    qtbot: QtBot, runner: Runner
) -> None:
    seen: list[Any] = []

    def work(_task: Task) -> threading.Thread:
        return threading.current_thread()

    with qtbot.waitSignal(runner.ended, timeout=5000):
        runner.start(
            work,
            on_done=lambda result: seen.append((result, threading.current_thread())),
        )
    ((worked_on, delivered_on),) = seen
    assert delivered_on is threading.main_thread()
    assert worked_on is not threading.main_thread()
    assert not runner.is_running


def test_progress_is_told_with_what_is_done(qtbot: QtBot, runner: Runner) -> None:
    told: list[tuple[float, str]] = []
    runner.progressed.connect(lambda fraction, text: told.append((fraction, text)))

    def work(task: Task) -> None:
        for i in range(4):
            task.step(i, 4, f"part {i}")

    with qtbot.waitSignal(runner.finished, timeout=5000):
        runner.start(work)
    assert told == [
        (0.0, "part 0"),
        (0.25, "part 1"),
        (0.5, "part 2"),
        (0.75, "part 3"),
    ]


def test_cancelling_is_no_error(qtbot: QtBot, runner: Runner) -> None:
    failures: list[Any] = []
    runner.failed.connect(failures.append)
    entered = threading.Event()

    def work(task: Task) -> None:
        for i in range(2000):
            entered.set()
            task.step(i, 2000, "waiting")
            time.sleep(0.01)

    runner.start(work)
    assert entered.wait(5)
    with qtbot.waitSignal(runner.cancelled, timeout=2000):
        runner.cancel()
    assert not failures
    assert not runner.is_running


def test_work_that_cannot_stop_is_left_alone_within_two_seconds(
    qtbot: QtBot, runner: Runner
) -> None:
    release = threading.Event()
    results: list[Any] = []

    def stubborn(_task: Task) -> int:
        release.wait(20)
        return 1

    runner.start(stubborn, on_done=results.append)
    try:
        with qtbot.waitSignal(runner.cancelled, timeout=2000):
            runner.cancel()
    finally:
        release.set()
    qtbot.wait(50)
    assert not results


def test_starting_anew_drops_the_older_result(qtbot: QtBot, runner: Runner) -> None:
    release = threading.Event()
    results: list[Any] = []

    def old(_task: Task) -> str:
        release.wait(20)
        return "old"

    runner.start(old, on_done=results.append)
    with qtbot.waitSignal(runner.finished, timeout=5000):
        runner.start(lambda _: "new", on_done=results.append)
    release.set()
    qtbot.wait(150)
    assert results == ["new"]


def test_an_error_of_ours_is_its_own_sentence(qtbot: QtBot, runner: Runner) -> None:
    def work(_task: Task) -> None:
        raise CannotCompute("there are no vessels", todo="find some first")

    with qtbot.waitSignal(runner.failed, timeout=5000) as caught:
        runner.start(work)
    (failure,) = caught.args
    assert failure.sentence == "there are no vessels. Find some first."
    assert not failure.is_bug


def test_a_fault_becomes_a_sentence_with_details_apart(
    qtbot: QtBot, runner: Runner
) -> None:
    with qtbot.waitSignal(runner.failed, timeout=5000) as caught:
        runner.start(lambda _: 1 // 0)
    (failure,) = caught.args
    assert failure.is_bug
    assert "Traceback" not in failure.sentence
    assert "ZeroDivisionError" in failure.details
    assert "napari-nanoscape" in failure.details


def test_a_fault_while_showing_the_result_is_told_too(
    qtbot: QtBot, runner: Runner
) -> None:
    with qtbot.waitSignal(runner.failed, timeout=5000) as caught:
        runner.start(lambda _: 0, on_done=lambda zero: 1 // zero)
    assert caught.args[0].is_bug
    assert not runner.is_running


def test_the_window_goes_on_while_work_runs(qtbot: QtBot, runner: Runner) -> None:
    ticks: list[float] = []
    with qtbot.waitSignal(runner.finished, timeout=5000):
        runner.start(lambda _: time.sleep(0.5))
        assert runner.is_running
        while runner.is_running:
            qtbot.wait(10)
            ticks.append(time.perf_counter())
    assert len(ticks) > 5


def test_memory_has_a_sentence_of_its_own() -> None:
    failure = describe(MemoryError(), "Find vessels")
    assert "memory" in failure.sentence
    assert not failure.is_bug


@pytest.mark.parametrize(
    ("fraction", "elapsed", "words"),
    [
        (0.5, 0.5, ""),
        (0.01, 10.0, ""),
        (0.5, 10.0, "about 10 s left"),
        (0.9, 10.0, "a few seconds left"),
        (0.25, 100.0, "about 5 min left"),
        (0.1, 1200.0, "about 3.0 h left"),
    ],
)
def test_how_long_it_will_take(fraction: float, elapsed: float, words: str) -> None:
    assert remaining(fraction, elapsed) == words
