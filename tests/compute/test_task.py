from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from nanoscape.compute import Cancelled, Task, Threads, map_blocks, using


def test_parts_of_a_task_report_their_share():
    seen = []
    task = Task(lambda fraction, text: seen.append((round(fraction, 6), text)))
    first, second = task.split(1, 3)
    first.step(1, 2, "a")
    second.step(1, 3, "b")
    inner = second.split(1, 1)[1]
    inner.step(1, 1, "c")
    assert seen == [(0.125, "a"), (0.5, "b"), (1.0, "c")]


def test_a_cancelled_task_stops_before_the_next_block():
    task = Task()
    calls = []

    def once(crop):
        calls.append(1)
        task.cancel()
        return crop

    with using(Threads(workers=1, block_shape=(2, 2))), pytest.raises(Cancelled):
        map_blocks(once, [da.ones((40, 40))], dtype="f8", task=task)
    assert len(calls) <= 3


def test_an_error_in_a_block_reaches_the_caller():
    def fail(crop):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        map_blocks(fail, [da.from_array(np.ones((4, 4)))], dtype="f8")
