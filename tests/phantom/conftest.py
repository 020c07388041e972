from __future__ import annotations

from pathlib import Path

import pytest

from nanoscape.compute import Threads, using
from nanoscape.model import Study
from nanoscape.phantom import make_study
from nanoscape.phantom.block import TumourBlock
from nanoscape.phantom.fluorescence import Scanner
from nanoscape.phantom.scene import Section, make_section
from nanoscape.phantom.specimen import Specimen
from nanoscape.phantom.tumour import (
    MountPlan,
    NetworkPlan,
    Tumour,
    cut,
    make_tumour,
    mount,
)

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


@pytest.fixture(scope="session")
def tumour() -> Tumour:
    """A small tumour on the default grid."""
    vessels = NetworkPlan(core_ratio=0.4, length_density=160)
    return make_tumour(3, size_um=(240.0, 1000.0, 1000.0), vessels=vessels)


@pytest.fixture(scope="session")
def specimen(tumour: Tumour) -> Specimen:
    """A section of it on a slide, with a tear, a fold and a bubble."""
    plan = MountPlan(tear_um=50, fold_um=40, bubbles=1, bubble_um=70, seam_um=400)
    return Specimen("m1_l1_s1", 11, mount(11, cut(tumour, 120.0), plan))


@pytest.fixture(scope="session")
def block(tumour: Tumour) -> TumourBlock:
    """The whole of it on the stage of an instrument for volumes."""
    return TumourBlock("m1_l1", 11, tumour)
