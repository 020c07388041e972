"""Spots are found once each, at their place, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image
from nanoscape.segmentation.spots import spots

FWHM = 2.3548200450309493


def scene(shape, places, sigma, height, background=0.0):
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    image = np.full(shape, float(background))
    for place in places:
        squared = sum((g - p) ** 2 for g, p in zip(grids, place, strict=True))
        image += height * np.exp(-0.5 * squared / sigma**2)
    return image


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_spot_is_found_between_the_pixels(ndim):
    place = (20.3, 17.6, 15.45)[:ndim]
    shape = (40, 36, 31)[:ndim]
    image = scene(shape, [place], 2.0, 100.0, 10.0).astype(np.float32)
    found = spots(
        Image.from_array(image, "zyx"[3 - ndim :], spacing=0.5), diameter=FWHM
    )
    assert len(found) == 1
    assert found.coordinates[0] / 0.5 == pytest.approx(place, abs=0.02)
    assert found.table["contrast"][0] == pytest.approx(100, rel=0.02)


def test_spots_in_noise_are_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(12, 390, 14), np.arange(12, 390, 14)), -1)
    places = grid.reshape(-1, 2) + rng.uniform(-3, 3, (grid.size // 2, 2))
    image = scene((400, 400), places, 1.5, 40.0, 50.0)
    image = image + 10 * rng.normal(size=image.shape)
    found = spots(
        Image.from_array(image.astype(np.float32), "yx", spacing=1.0),
        diameter=1.5 * FWHM,
        smallest_snr=4.0,
    )
    distance, _ = cKDTree(places).query(found.coordinates)
    right = distance < 1.5
    precision, recall = right.mean(), right.sum() / len(places)
    assert 2 * precision * recall / (precision + recall) > 0.975
    assert np.sqrt((distance[right] ** 2).mean()) < 0.34


def test_noise_alone_holds_few_spots():
    noise = np.random.default_rng(1).normal(size=(500, 500)).astype(np.float32)
    found = spots(Image.from_array(noise, "yx", spacing=1.0), diameter=3.0)
    assert len(found) <= 10


def test_signal_to_noise_is_that_of_the_filtered_image():
    rng = np.random.default_rng(2)
    image = scene((300, 300), [(150, 150)], 2.0, 60.0) + rng.normal(size=(300, 300))
    found = spots(Image.from_array(image, "yx", spacing=1.0), diameter=2 * FWHM)
    best = found.table.loc[found.table["snr"].idxmax()]
    # White noise of one leaves σ²∇² of √(1/(2π))/σ, the spot half its height.
    assert best["snr"] == pytest.approx(
        0.5 * 60 / (np.sqrt(1 / (2 * np.pi)) / 2), rel=0.1
    )


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_blocks_and_workers_make_no_difference(data):
    ndim = data.draw(st.sampled_from([2, 3]))
    shape = tuple(
        data.draw(st.integers(1, 60 if ndim == 2 else 24)) for _ in range(ndim)
    )
    block = tuple(data.draw(st.integers(5, 31)) for _ in range(ndim))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    image = rng.poisson(3, shape).astype(np.uint16)
    results = []
    for workers, cores, chunk in [(1, shape, shape), (2, block, 13)]:
        with using(Threads(workers=workers, block_shape=cores)):
            lazy = Image.from_array(image, "zyx"[3 - ndim :], spacing=1.0)
            lazy = lazy.replace(
                levels=(type(lazy.levels[0])(lazy.data.rechunk(chunk), (1.0,) * ndim),)
            )
            results.append(spots(lazy, diameter=2.5, smallest_snr=2.0))
    one, two = results
    np.testing.assert_array_equal(one.coordinates, two.coordinates)
    assert one.table.equals(two.table)


def test_dark_spots():
    image = 500 - scene((50, 50), [(25.0, 20.0)], 1.5, 100.0)
    lazy = Image.from_array(image.astype(np.float32), "yx", spacing=1.0)
    assert len(spots(lazy, diameter=1.5 * FWHM)) == 0
    found = spots(lazy, diameter=1.5 * FWHM, spots_are="dark")
    assert found.coordinates[0] == pytest.approx([25, 20], abs=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (30, 30)])
def test_level_images_hold_no_spots(shape):
    level = Image.from_array(np.full(shape, 1000, np.uint16), "yx", spacing=1.0)
    found = spots(level)
    assert len(found) == 0
    assert list(found.table) == ["index", "contrast", "snr"]


def test_unmeasured_places_hold_no_spots():
    image = scene((60, 60), [(20, 20), (40, 40)], 2.0, 50.0).astype(np.float32)
    image[30:] = np.nan
    found = spots(Image.from_array(image, "yx", spacing=1.0), diameter=2 * FWHM)
    assert found.coordinates == pytest.approx(np.array([[20.0, 20.0]]), abs=0.1)


def test_what_cannot_be_done_is_said_in_one_sentence():
    with pytest.raises(CannotCompute, match="no measured pixel"):
        spots(Image.from_array(np.full((5, 5), np.nan), "yx", spacing=1.0))
    with pytest.raises(WrongInput, match="frames"):
        spots(Image.from_array(np.zeros((3, 5, 5)), "tyx", spacing=1.0))
