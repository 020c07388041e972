from __future__ import annotations

from pathlib import Path

import pytest

from nanoscape.compute import Threads, using
from nanoscape.model import Study
from nanoscape.phantom import make_study
from nanoscape.phantom.fluorescence import Scanner
from nanoscape.phantom.scene import Section, make_section

PIXEL_UM = 0.65
SIZE = 1024


@pytest.fixture(scope="session")
def section() -> Section:
    """A section of the default size, of which only parts are rendered."""
    return make_section(7, (2048 * PIXEL_UM, 2048 * PIXEL_UM))


@pytest.fixture(scope="session")
def scanner() -> Scanner:
    return Scanner(PIXEL_UM, 2048, 2048)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of one subject with two sections."""
    folder: Path = tmp_path_factory.mktemp("phantom") / "study"
    with using(Threads(workers=2)):
        return make_study(folder, seed=3, size=SIZE, subjects=1)
