"""The tab Align: pairs of clicks, their fit, and what becomes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from nanoscape._napari.landmark_layers import LandmarkLayers
from nanoscape._napari.panels.align import LandmarksSection, PairsSection
from nanoscape._napari.state import ViewerState
from nanoscape.model import Affine, Edge, Image, Landmarks, Quality, Tags

PLACES = np.array([[10.0, 10.0], [10.0, 380.0], [300.0, 20.0], [280.0, 390.0],
                   [150.0, 200.0]])  # fmt: skip
SHIFT = np.array([7.0, -4.0])


@pytest.fixture
def msi(state: ViewerState, slide: list[str]) -> str:
    image = Image.from_array(
        np.ones((20, 25)),
        "yx",
        spacing=20.0,
        space="msi",
        name="ion",
        tags=Tags.of("header", subject="m1", section="s1"),
    )
    address = state.session.add(image)
    state.show([address])
    return address


def click(layers: LandmarkLayers, side: str, place: Any) -> None:
    layers.layers[side].add(place)


def test_clicks_take_turns_and_make_pairs(state: ViewerState, msi: str) -> None:
    layers = LandmarkLayers(state, msi, "CD31")
    active = state.viewer.layers.selection
    assert active.active is layers.layers["moving"]
    assert layers.layers["moving"].mode == "add"
    click(layers, "moving", PLACES[0])
    assert active.active is layers.layers["fixed"]
    assert layers.count == 0
    click(layers, "fixed", PLACES[0] + SHIFT)
    assert active.active is layers.layers["moving"]
    pairs = layers.pairs()
    assert (pairs.moving_space, pairs.fixed_space) == ("msi", "slide")
    np.testing.assert_allclose(pairs.fixed - pairs.moving, [SHIFT])
    assert list(layers.layers["moving"].features["name"]) == ["L1"]
    click(layers, "moving", PLACES[1])
    assert list(layers.layers["moving"].features["name"]) == ["L1", "L2"]
    layers.remove_last()
    assert [len(layers.layers[s].data) for s in ("moving", "fixed")] == [1, 1]
    layers.close()


def test_the_points_of_clicking_become_no_object(state: ViewerState, msi: str) -> None:
    before = list(state.session)
    layers = LandmarkLayers(state, msi, "CD31")
    click(layers, "moving", PLACES[0])
    assert state.settle() == []
    layers.close()
    assert list(state.session) == before
    assert len(state.viewer.layers) == 3


def test_clicks_on_an_aligned_image_are_told_in_its_own_space(
    state: ViewerState, msi: str
) -> None:
    transform = Affine.from_linear(np.eye(2) * 2, [100.0, 50.0], "yx")
    state.moving.set_edge(
        Edge(moving="msi", fixed="slide", transform=transform, quality=Quality("x"))
    )
    layers = LandmarkLayers(state, msi, "CD31")
    layer = layers.layers["moving"]
    # A user clicks in the world; napari turns that into data coordinates.
    click(layers, "moving", layer.world_to_data(transform.apply(PLACES[:1])[0]))
    click(layers, "fixed", PLACES[0])
    np.testing.assert_allclose(layers.pairs().moving, PLACES[:1])
    layers.close()


def test_side_by_side_gives_everything_back(state: ViewerState, msi: str) -> None:
    state.viewer.layers["Liposome"].visible = False
    layers = LandmarkLayers(state, msi, "CD31")
    layers.show_side_by_side(True)
    shown = {layer.name for layer in state.viewer.layers if layer.visible}
    assert shown == {"CD31", "ion", "Landmarks on CD31", "Landmarks on ion"}
    assert state.viewer.canvas.grid.enabled
    layers.close()
    assert not state.viewer.canvas.grid.enabled
    visible = {layer.name: layer.visible for layer in state.viewer.layers}
    assert visible == {"CD31": True, "Liposome": False, "ion": True}


def test_landmarks_are_fitted_shown_accepted_and_taken_back(
    qtbot: QtBot, state: ViewerState, msi: str
) -> None:
    pairs = PairsSection(state)
    section = LandmarksSection(state)
    for widget in (pairs, section):
        qtbot.addWidget(widget)
    pairs.chosen.connect(section.choose)
    pairs.set_open(True)
    section.set_open(True)
    qtbot.waitUntil(lambda: section.form is not None, timeout=20000)
    assert (section.moving.currentData(), section.fixed.currentData()) == (msi, "CD31")
    section.start.click()
    assert section.clicks is not None
    rng = np.random.default_rng(0)
    for place in PLACES:
        click(section.clicks, "moving", place)
        click(section.clicks, "fixed", place + SHIFT + rng.normal(0, 1, 2))
    assert section.hint.text() == "5 pairs."
    with qtbot.waitSignal(section.runner.ended, timeout=20000):
        section.run_bar.run.click()
    assert not section.failure.text.text()
    (edge,) = state.session.study.edges
    np.testing.assert_allclose(edge.transform.shift, SHIFT, atol=10)
    assert section.table.rowCount() == 5
    assert pairs.pairs is not None
    assert pairs.pairs.list.item(0).text().startswith("◐ msi → slide: not yet accepted")
    np.testing.assert_allclose(
        section.clicks.layers["moving"].affine.affine_matrix[:2, 2],
        edge.transform.shift,
    )
    pairs.pairs.accept.click()
    assert pairs.pairs.list.item(0).text().startswith("● msi → slide: accepted")
    pairs.pairs.undo.click()
    pairs.pairs.undo.click()
    assert pairs.pairs.list.item(0).text() == "○ msi → slide: not aligned"
    section.set_open(False)
    assert section.clicks is None
    assert len(state.session.study.landmarks) == 1


def test_landmarks_of_the_study_are_taken_up(state: ViewerState, msi: str) -> None:
    state.session.study.landmarks["known"] = Landmarks(
        moving=PLACES, fixed=PLACES + SHIFT, moving_space="msi", fixed_space="slide"
    )
    layers = LandmarkLayers(state, msi, "CD31")
    assert layers.ident == "known"
    assert layers.count == 5
    layers.close()
