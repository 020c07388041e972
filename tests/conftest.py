from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real and synthetic files with independent expected values."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NANOSCAPE_TEST_DATA", default))
    if not (folder / "EXPECTED.json").exists():
        pytest.skip(f"no test data at {folder}: set NANOSCAPE_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def no_automatic_collection() -> Iterator[None]:
    """Let no thread collect garbage by itself."""
    # Not gc.disable(): dask enables it again.
    thresholds = gc.get_threshold()
    gc.set_threshold(0)
    yield
    gc.set_threshold(*thresholds)


@pytest.fixture
def collecting_on_the_main_thread(no_automatic_collection: None) -> Iterator[None]:
    """Keep discarded windows away from the garbage collection of other threads.

    Python collects on whatever thread makes the next object. A test discards whole
    windows; their timers and fields must not be destroyed in a worker, where Qt
    crashes. ``tests/viewer/test_discarded.py`` shows that the program discards none.
    """
    yield
    gc.collect(1)
