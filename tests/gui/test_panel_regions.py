"""Drawing regions."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from nanoscape._napari.panels.regions import RegionsSection
from nanoscape._napari.state import ViewerState


@pytest.fixture
def section(qtbot: QtBot, state: ViewerState, slide: list[str]) -> RegionsSection:
    made = RegionsSection(state)
    qtbot.addWidget(made)
    made.set_open(True)
    return made


def test_a_drawn_area_plays_its_role(
    state: ViewerState, section: RegionsSection
) -> None:
    section.name.setText("Dead core")
    section.role.setCurrentText("Necrosis")
    section.draw.click()
    assert section.layer is not None
    assert section.layer.mode == "add_polygon"
    corners = np.array([[2.0, 2.0], [2.0, 8.0], [8.0, 8.0]])
    section.layer.add_polygons(corners)
    section.use.click()
    address = state.role("Necrosis", "regions")
    assert address is not None
    regions = state.session[address]
    assert regions.names == ("Dead core",)
    assert regions.space == "slide"
    np.testing.assert_allclose(regions.polygons[0], corners)


def test_nothing_drawn_is_told(section: RegionsSection) -> None:
    section.draw.click()
    section.use.click()
    assert "holds no area" in section.failure.text.text()
