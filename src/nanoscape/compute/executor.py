"""Where blocks are computed: on threads here, or on a dask cluster."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

from nanoscape.compute.task import Task
from nanoscape.errors import MissingDependency, NanoscapeError

_POLL_SECONDS = 0.1


class Executor(Protocol):
    """Runs many independent calls, a bounded number at a time.

    Attributes
    ----------
    workers
        How many calls run at once.
    block_shape
        Replaces the usual shape of blocks, for tests; results do not depend on it.
    scratch
        Folder for arrays that do not fit in memory; seen by all workers.
    remote
        Whether calls run in other processes.
    """

    workers: int
    block_shape: tuple[int, ...] | None
    scratch: Path
    remote: bool

    def run(
        self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], task: Task
    ) -> Iterator[tuple[int, Any]]:
        """Yield the number and the result of each job, as they finish."""
        ...


class Threads:
    """Runs blocks on threads of this process.

    Parameters
    ----------
    workers
        Number of threads; by default one for each processor.
    block_shape
        Replaces the usual shape of blocks.
    scratch
        Folder for large arrays; by default a temporary one.
    """

    remote = False

    def __init__(
        self,
        workers: int | None = None,
        block_shape: tuple[int, ...] | None = None,
        scratch: Path | None = None,
    ) -> None:
        self.workers = workers or os.cpu_count() or 1
        self.block_shape = block_shape
        self.scratch = scratch or Path(tempfile.gettempdir())

    def run(
        self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], task: Task
    ) -> Iterator[tuple[int, Any]]:
        """Yield the number and the result of each job, as they finish."""
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="nanoscape")
        pending: dict[Future[Any], int] = {}
        waiting = iter(enumerate(jobs))
        try:
            while True:
                task.check()
                while len(pending) < 2 * self.workers:
                    number, job = next(waiting, (-1, ()))
                    if number < 0:
                        break
                    pending[pool.submit(function, *job)] = number
                if not pending:
                    return
                done, _ = wait(pending, _POLL_SECONDS, FIRST_COMPLETED)
                for future in done:
                    yield pending.pop(future), future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class Cluster:
    """Runs blocks on a dask.distributed cluster.

    The client never becomes dask's default one: that would take over every
    other computation of the process, napari's slicing included.

    Parameters
    ----------
    address
        Address of the scheduler, such as ``"tcp://10.0.0.1:8786"``.
    scratch
        Folder for large arrays that every worker can reach.
    block_shape
        Replaces the usual shape of blocks.
    """

    remote = True

    def __init__(
        self,
        address: str,
        scratch: Path | None = None,
        block_shape: tuple[int, ...] | None = None,
    ) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise MissingDependency(
                "computing on a cluster needs dask.distributed",
                todo="install it with: pip install 'napari-nanoscape[cluster]'",
            ) from error
        try:
            self._client = Client(address, set_as_default=False, timeout="10s")
        except (OSError, TimeoutError, ValueError) as error:
            raise NanoscapeError(
                f"no dask scheduler answers at {address}",
                todo="start one with: dask scheduler",
            ) from error
        self.workers = max(1, sum(self._client.nthreads().values()))
        self.block_shape = block_shape
        self.scratch = scratch or Path(tempfile.gettempdir())

    def run(
        self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], task: Task
    ) -> Iterator[tuple[int, Any]]:
        """Yield the number and the result of each job, as they finish."""
        from distributed import wait as wait_for

        pending: dict[Any, int] = {}
        waiting = iter(enumerate(jobs))
        try:
            while True:
                task.check()
                while len(pending) < 2 * self.workers:
                    number, job = next(waiting, (-1, ()))
                    if number < 0:
                        break
                    future = self._client.submit(function, *job, pure=False)
                    pending[future] = number
                if not pending:
                    return
                # wait() asks for the client of this context, which is not ours.
                with contextlib.suppress(TimeoutError), self._client.as_current():
                    wait_for(list(pending), _POLL_SECONDS, FIRST_COMPLETED)
                for future in [f for f in pending if f.done()]:
                    yield pending.pop(future), future.result()
        finally:
            self._client.cancel(list(pending))

    def close(self) -> None:
        """Leave the cluster."""
        self._client.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_current: ContextVar[Executor | None] = ContextVar("nanoscape_executor", default=None)


def current_executor() -> Executor:
    """Return the executor in force: that of :func:`using`, or threads."""
    return _current.get() or Threads()


@contextlib.contextmanager
def using(executor: Executor) -> Iterator[Executor]:
    """Compute on ``executor`` inside a ``with`` block.

    Examples
    --------
    >>> with using(Threads(workers=1)):
    ...     pass
    """
    token = _current.set(executor)
    try:
        yield executor
    finally:
        _current.reset(token)
