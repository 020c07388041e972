from __future__ import annotations

import os
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
