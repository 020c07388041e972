from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _collecting(collecting_on_the_main_thread: None) -> None:
    pass
