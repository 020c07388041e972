"""Layers lie where the study says: every pixel, in every geometry."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Layer

from nanoscape._napari.layers import layer_data
from nanoscape._napari.place import decomposed, layer_order, to_reference
from nanoscape._napari.scene import SceneAxes, axes_for
from nanoscape.model import Affine, Edge, Image, Quality, Study, Tags
from nanoscape.model.raster import pyramid_levels

entries = st.floats(-1, 1, allow_nan=False)


@st.composite
def affines(draw: Any, n: int) -> np.ndarray:
    """A homogeneous matrix far from singular: mirrored, sheared, turned, scaled."""
    linear = np.array(draw(st.lists(entries, min_size=n * n, max_size=n * n)))
    linear = linear.reshape(n, n)
    signs = np.array(draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=n)))[:n]
    order = draw(st.permutations(range(n)))
    scales = 10.0 ** np.array(
        draw(st.lists(st.floats(-2, 3), min_size=n, max_size=n)), dtype=float
    )
    matrix = np.eye(n + 1)
    matrix[:n, :n] = (np.eye(n)[order] * signs + 0.3 * linear / n) * scales
    matrix[:n, n] = np.array(draw(st.lists(entries, min_size=n, max_size=n))) * 1e4
    return matrix


def study_with(edge: Affine | None) -> Study:
    study = Study(Path("nowhere"))
    if edge is not None:
        study.set_edge(
            Edge(
                moving="own", fixed="reference", transform=edge, quality=Quality("test")
            )
        )
    return study


def layer_of(image: Image, study: Study, axes: SceneAxes | None = None) -> Layer:
    (data,) = layer_data(image, study, axes or axes_for([image], study))
    with warnings.catch_warnings():
        # Oblique volumes are resampled before napari sees them; here the matrix
        # itself is tested.
        warnings.filterwarnings("ignore", "Non-orthogonal slicing", UserWarning)
        return Layer.create(*data)


def corners(shape: tuple[int, ...]) -> np.ndarray:
    return np.array(list(itertools.product(*((0, 1, n - 1) for n in shape))), float)


def assert_lies_as_stated(image: Image, study: Study, layer: Layer) -> None:
    expected = (
        image.grid_to_space.then(to_reference(image, study))
        .apply(corners(image.shape))
        .astype(float)
    )
    order = layer_order(image, study)
    own = [layer.axis_labels.index(axis) for axis in image.axes]
    values = np.asarray(image.data)
    shown = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    for grid, place in zip(corners(image.shape), expected, strict=True):
        index = np.zeros(layer.ndim)
        index[own] = grid[list(order)]
        world = np.asarray(layer.data_to_world(index))[-len(place) :]
        tolerance = 1e-9 * (1 + np.abs(expected).max())
        np.testing.assert_allclose(world, place, rtol=0, atol=tolerance)
        assert shown[tuple(index.astype(int))] == values[tuple(grid.astype(int))]


@given(matrix=st.one_of(affines(2), affines(3)), edge=st.booleans(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_pixel_lies_where_its_transforms_put_it(
    matrix: np.ndarray, edge: bool, data: Any
) -> None:
    n = len(matrix) - 1
    axes = "zyx"[-n:]
    further = Affine(data.draw(affines(n)), axes, axes) if edge else None
    shape = (3, 4, 5)[-n:]
    image = Image.from_array(
        np.arange(np.prod(shape)).reshape(shape),
        axes,
        grid_to_space=Affine(matrix, axes, axes),
        space="own",
    )
    study = study_with(further)
    assert_lies_as_stated(image, study, layer_of(image, study))


@given(matrix=affines(3))
@settings(max_examples=40, deadline=None)
def test_the_parts_of_a_matrix_make_it_again(matrix: np.ndarray) -> None:
    linear = matrix[:-1, :-1]
    scale, rotate, shear = decomposed(linear)
    upper = np.eye(3)
    upper[np.triu_indices(3, 1)] = shear
    size = np.abs(linear).max()
    np.testing.assert_allclose(
        rotate @ upper @ np.diag(scale), linear, rtol=0, atol=1e-12 * size
    )
    np.testing.assert_allclose(rotate @ rotate.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotate) > 0


def test_a_mirror_is_a_negative_scale_and_turns_nothing() -> None:
    scale, rotate, shear = decomposed(np.diag([2.0, 0.5, -0.5]))
    np.testing.assert_array_equal(scale, [2.0, 0.5, -0.5])
    np.testing.assert_array_equal(rotate, np.eye(3))
    np.testing.assert_array_equal(shear, 0)


def test_a_section_among_volumes_lies_in_its_plane() -> None:
    image = Image.from_array(
        np.arange(20).reshape(4, 5),
        "yx",
        spacing=0.5,
        space="own",
        tags=Tags.of("sheet", section_position_um=300, section_thickness_um=10),
    )
    study = study_with(None)
    layer = layer_of(image, study, SceneAxes("zyx", z_step_um=50))
    assert layer.data.shape == (1, 4, 5)
    np.testing.assert_allclose(layer.data_to_world((0, 3, 4)), (300, 1.5, 2))
    assert layer.scale[0] == 10


def test_a_section_cut_obliquely_through_a_volume_is_exact() -> None:
    angle = np.deg2rad(30)
    # The plane rises along y: space has three axes, the grid two.
    matrix = np.array(
        [
            [2 * np.sin(angle), 0, 100],
            [2 * np.cos(angle), 0, 5],
            [0, 3.0, 7],
            [0, 0, 1],
        ]
    )
    image = Image.from_array(
        np.arange(20).reshape(4, 5),
        "yx",
        grid_to_space=Affine(matrix, "yx", "zyx"),
        space="own",
    )
    study = study_with(None)
    layer = layer_of(image, study)
    assert layer.axis_labels == ("z", "y", "x")
    assert_lies_as_stated(image, study, layer)
    thickness = np.subtract(layer.data_to_world((1, 0, 0)), matrix[:-1, -1])
    np.testing.assert_allclose(thickness @ matrix[:-1, :-1], 0, atol=1e-12)


def test_a_section_aligned_into_a_volume_is_exact() -> None:
    into = Affine(
        np.array([[0.1, 0, 400], [1, 0.2, 3], [0, 1, 4], [0, 0, 1.0]]), "yx", "zyx"
    )
    image = Image.from_array(
        np.arange(20).reshape(4, 5), "yx", spacing=2.0, space="own"
    )
    study = study_with(into)
    assert axes_for([image], study).axes == "zyx"
    assert_lies_as_stated(image, study, layer_of(image, study))


def test_frames_lie_at_their_times_and_the_rest_at_all_of_them() -> None:
    series = Image.from_array(
        np.arange(60).reshape(3, 4, 5), "tyx", spacing=2.0, times=(30, 40, 50)
    )
    still = Image.from_array(np.ones((4, 5)), "yx", spacing=2.0)
    study = study_with(None)
    axes = axes_for([series, still], study)
    assert axes == SceneAxes("tyx", 1.0, (30.0, 50.0))
    moving, constant = layer_of(series, study, axes), layer_of(still, study, axes)
    assert moving.data_to_world((2, 0, 1)) == (50, 0, 2)
    (middle,) = np.unique(constant.extent.world[:, 0])
    assert middle - constant.scale[0] / 2 < 30
    assert middle + constant.scale[0] / 2 > 50
    assert [str(unit) for unit in constant.units] == [
        "second",
        "micrometer",
        "micrometer",
    ]


@pytest.mark.parametrize("length", [64, 67, 1001])
def test_levels_lie_on_each_other(length: int) -> None:
    """Napari scales a level by the ratio of lengths: never a coarse pixel off."""
    arrays = [np.zeros((-(-length // f), length // f)) for f in (1, 2, 4)]
    image = Image(
        levels=pyramid_levels([da.from_array(a) for a in arrays], "yx"),
        axes="yx",
        grid_to_space=Affine.from_spacing("yx", 0.5),
        space="own",
        name="slide",
    )
    layer = layer_of(image, study_with(None))
    assert layer.multiscale
    for level, factors in enumerate(layer.downsample_factors):
        last = np.array(arrays[level].shape) - 1.0
        # Napari covers the area of the finest level with the pixels of each level.
        shown = ((last + 0.5) * factors - 0.5) * 0.5
        ours = image.level_to_space(level).apply(last[None])[0]
        spacing = np.array(list(image.level_spacing(level).values()))
        assert (np.abs(shown - ours) < spacing).all()
        if length % 4 == 0:
            np.testing.assert_allclose(shown, ours)
