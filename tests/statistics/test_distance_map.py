"""Distances from vessel walls against closed forms."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Affine, Labels, Tags
from nanoscape.statistics.distance.distance_map import distance_map


def labels(mask, spacing=1.0, **more):
    return Labels.from_array(mask, "zyx"[-mask.ndim :], spacing=spacing, **more)


def test_the_wall_lies_half_a_pixel_outside():
    mask = np.zeros((1, 9), bool)
    mask[0, 3:6] = True
    found = distance_map(labels(mask, 2.0, tags=Tags.of("user", role="Vessels")))
    assert found.data.compute()[0].tolist() == [5, 3, 1, 0, 0, 0, 1, 3, 5]
    assert found.quantity.unit == "µm"
    assert "role" not in found.tags


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_a_pixel_is_that_of_the_direction(axis):
    spacing = [4.0, 1.0, 2.0]
    mask = np.zeros((8, 9, 7), bool)
    mask[(slice(None),) * axis + (0,)] = True
    found = distance_map(labels(mask, spacing)).data.compute()
    along = found[tuple(slice(None) if i == axis else 3 for i in range(3))]
    steps = np.arange(1, len(along)) * spacing[axis] - spacing[axis] / 2
    # The last pixel has no neighbour beyond it to take a slope from.
    np.testing.assert_allclose(along[1:-1], steps[:-1], rtol=1e-6)


def test_hexagonal_lattice_has_the_published_mean():
    points = [
        (173.205 * i + s * 86.603, 100 * j + s * 50)
        for i in range(5)
        for j in range(8)
        for s in (0, 1)
    ]
    mask = np.zeros((900, 900), bool)
    for y, x in points:
        mask[round(y), round(x)] = True
    found = distance_map(labels(mask), from_wall=False).data.compute()
    cell = found[173:520, 100:600]
    assert cell.mean() == pytest.approx(35.102, abs=0.1)
    assert cell.max() == pytest.approx(57.735, abs=0.7)


def test_random_vessels_have_the_mean_of_their_density():
    means = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        mask = np.zeros((1200, 1200), bool)
        mask[tuple(rng.integers(0, 1200, (rng.poisson(144), 2)).T)] = True
        found = distance_map(labels(mask), from_wall=False).data.compute()
        means.append(found[150:-150, 150:-150].mean())
    assert np.mean(means) == pytest.approx(50.0, abs=4.0)


@pytest.mark.parametrize("spacing", [1.0, [2.0, 0.7, 0.7]])
def test_blocks_do_not_matter(spacing):
    mask = np.random.default_rng(0).random((17, 40, 33)) < 0.003
    results = []
    for chunk, workers in [(5, 1), (16, 2), (40, 2)]:
        vessels = labels(da.from_array(mask, chunks=chunk), spacing)
        with using(Threads(workers=workers, block_shape=(chunk,) * 3)):
            results.append(distance_map(vessels).data.compute())
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    steps = np.broadcast_to(spacing, 3)
    centres = ndimage.distance_transform_edt(~mask, sampling=steps)
    assert (results[0] <= centres).all()
    assert (results[0][~mask] >= centres[~mask] - steps.max() / 2 - 1e-4).all()


def test_no_vessels_is_one_sentence():
    empty = labels(np.zeros((5, 5), bool), name="CD31 vessels")
    with pytest.raises(CannotCompute, match="there are no vessels in CD31 vessels"):
        distance_map(empty)


def test_a_sheared_grid_is_refused():
    place = Affine.from_linear([[1.0, 0.3], [0.0, 1.0]], [0, 0], "yx")
    sheared = Labels.from_array(np.eye(4, dtype=int), "yx", grid_to_space=place)
    with pytest.raises(WrongInput, match="not at right angles"):
        distance_map(sheared)
