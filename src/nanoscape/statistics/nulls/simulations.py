"""What chance makes, number by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nanoscape.compute import Task
from nanoscape.compute.executor import current_executor


def simulated(
    function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], task: Task, text: str
) -> list[Any]:
    """Return what a function makes of each job, in their order.

    Parameters
    ----------
    function
        Importable, for a cluster; draws its random numbers from what the job says.
    jobs
        Its arguments.
    task, text
        Progress, and what to say is being done.
    """
    found: list[Any] = [None] * len(jobs)
    task.step(0, max(len(jobs), 1), text)
    for done, (number, result) in enumerate(
        current_executor().run(function, jobs, task), start=1
    ):
        found[number] = result
        task.step(done, len(jobs), text)
    return found
