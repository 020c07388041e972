"""Oblique volumes are seen where they lie, in every slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from scipy.spatial.transform import Rotation

from nanoscape._napari.oblique import is_oblique, upright
from nanoscape._napari.state import ViewerState
from nanoscape.model import Affine, Edge, Image, Labels, Quality, Study

TURN = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()


def ramp_volume(linear: np.ndarray, space: str = "own") -> Image:
    """A volume whose value at a place is a linear function of the place."""
    shape = (20, 24, 28)
    place = Affine.from_linear(linear, (50, -30, 10), "zyx")
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    values = place.apply(index.reshape(-1, 3)) @ (1.0, 10.0, 100.0)
    return Image.from_array(
        values.reshape(shape), "zyx", grid_to_space=place, space=space, name="MR"
    )


def test_only_what_leaves_its_slice_is_oblique() -> None:
    study = Study(Path("nowhere"))
    in_plane = Rotation.from_euler("x", 30, degrees=True).as_matrix()
    permuted = np.array([[0, 0, 2.0], [-1, 0, 0], [0, 1, 0]])
    assert not is_oblique(ramp_volume(np.diag([3.0, 1, -1])), study)
    assert not is_oblique(ramp_volume(in_plane), study)
    assert not is_oblique(ramp_volume(permuted), study)
    assert is_oblique(ramp_volume(TURN * 2), study)


def test_a_resampled_volume_has_the_value_of_each_place() -> None:
    volume = ramp_volume(TURN * 2.0)
    study = Study(Path("nowhere"))
    seen = upright(volume, study)
    assert seen.grid_to_space.is_axis_aligned
    index = np.argwhere(np.isfinite(np.asarray(seen.data)))
    places = seen.grid_to_space.apply(index)
    # Half a pixel at the border is constant; inside, a ramp stays a ramp.
    inner = volume.grid_to_space.inverse().apply(places)
    kept = ((inner >= 0) & (inner <= np.array(volume.shape) - 1)).all(axis=1)
    assert kept.sum() > 0.8 * np.prod(volume.shape)
    found = np.asarray(seen.data)[tuple(index[kept].T)]
    np.testing.assert_allclose(found, places[kept] @ (1.0, 10.0, 100.0), rtol=1e-4)


def test_all_of_an_oblique_volume_is_seen() -> None:
    shape = (6, 7, 8)
    labels = Labels.from_array(
        np.ones(shape, np.uint8),
        "zyx",
        grid_to_space=Affine.from_linear(TURN * 5.0, (0, 0, 0), "zyx"),
    )
    seen = upright(labels, Study(Path("nowhere")))
    volume = np.count_nonzero(seen.data) * np.prod(list(seen.spacing.values()))
    assert volume == pytest.approx(np.prod(shape) * 5.0**3, rel=0.06)


def test_each_frame_of_an_oblique_series_is_resampled() -> None:
    still = ramp_volume(TURN * 2.0)
    data = np.stack([np.asarray(still.data), 2 * np.asarray(still.data)])
    series = Image.from_array(
        data, "tzyx", grid_to_space=still.grid_to_space, times=(0, 5)
    )
    seen = np.asarray(upright(series, Study(Path("nowhere"))).data)
    np.testing.assert_allclose(seen[1], 2 * seen[0])


def test_the_layer_of_an_oblique_volume_shows_each_value_in_its_place(
    viewer: ViewerModel, state: ViewerState
) -> None:
    volume = ramp_volume(TURN * 2.0)
    (layer,) = state.show([state.session.add(volume)])
    place = volume.grid_to_space.apply([[10, 12, 14]])[0]
    value = layer.get_value(tuple(place), world=True)
    spacing = 2 * (1 + 10 + 100)
    assert abs(value - place @ (1.0, 10.0, 100.0)) < spacing


def test_an_oblique_volume_moved_by_hand_keeps_both_parts_of_its_place(
    viewer: ViewerModel, state: ViewerState
) -> None:
    fixed = ramp_volume(np.eye(3) * 2.0, "fixed")
    moving = ramp_volume(TURN * 2.0, "moving")
    earlier = Affine.from_linear(TURN.T, (1, 2, 3), "zyx")
    tilted = Affine.from_linear(TURN, (0, 0, 0), "zyx")
    state.session.study.set_edge(
        Edge(
            moving="moving",
            fixed="fixed",
            transform=earlier.then(tilted),
            quality=Quality("test"),
        )
    )
    addresses = [state.session.add(item) for item in (fixed, moving)]
    state.show(addresses)
    layer = state.layer_of(addresses[1])
    assert layer is not None
    step = np.eye(4)
    step[1:3, 3] = (40, -20)
    layer.affine = step
    (edge,) = state.session.study.edges
    expected = earlier.then(tilted).matrix.copy()
    expected[1:3, 3] += (40, -20)
    np.testing.assert_allclose(edge.transform.matrix, expected, atol=1e-9)
    assert state.layer_of(addresses[1]) is layer
    assert state.moving.undo()
    np.testing.assert_allclose(layer.affine.affine_matrix, np.eye(4), atol=1e-12)
