"""One raster on another's grid: right, lazy, and the same however it is cut."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nanoscape.compute.resample import index_map, nearest_pixel, onto, rasterise
from nanoscape.errors import WrongInput
from nanoscape.model import Affine, Image, Labels, Regions, placed

READ = []


class Counting:
    """A large array that remembers what was asked of it."""

    shape, dtype, ndim = (4000, 4000), np.dtype("f4"), 2

    def __getitem__(self, key):
        READ.append(key)
        return np.zeros([k.stop - k.start for k in key], "f4")


def turned(angle, step, shift):
    c, s = np.cos(angle) * step, np.sin(angle) * step
    return Affine.from_linear([[c, -s], [s, c]], shift, "yx")


@pytest.fixture
def source():
    values = np.random.default_rng(0).random((40, 50))
    return Image.from_array(da.from_array(values, chunks=17), "yx", spacing=2.0)


@pytest.fixture
def target():
    place = turned(0.3, 0.7, [10, 5])
    return Image.from_array(np.zeros((100, 110)), "yx", grid_to_space=place)


@pytest.mark.parametrize("order", [0, 1])
def test_values_are_those_of_an_independent_resampler(source, target, order):
    found = onto(source, target, order=order).compute()
    matrix = index_map(target, source)
    expected = ndimage.affine_transform(
        source.data.compute(),
        matrix[:2, :2],
        matrix[:2, 2],
        output_shape=target.shape,
        order=order,
        cval=np.nan,
    )
    both = ~np.isnan(expected)
    assert both.sum() > 5000
    np.testing.assert_allclose(found[both], expected[both], rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_crop_is_a_crop_of_the_whole(data):
    ndim = data.draw(st.sampled_from([2, 3]))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    axes = "zyx"[-ndim:]
    linear = np.diag(rng.uniform(0.4, 2.5, ndim)) + rng.normal(0, 0.1, (ndim, ndim))
    place = Affine.from_linear(linear, rng.normal(0, 2, ndim), axes)
    shape = tuple(int(n) for n in rng.integers(4, 20, ndim))
    a = Image.from_array(
        da.from_array(rng.random(shape), chunks=data.draw(st.integers(2, 9))),
        axes,
        spacing=1.0,
    )
    b = Image.from_array(np.zeros((15,) * ndim), axes, grid_to_space=place)
    lazy = onto(a, b, order=data.draw(st.sampled_from([0, 1])))
    cut = tuple(
        slice(low, low + data.draw(st.integers(1, 9)))
        for low in (data.draw(st.integers(0, 12)) for _ in range(ndim))
    )
    np.testing.assert_array_equal(lazy.compute()[cut], lazy[cut].compute())


def test_three_dimensions_and_a_linear_field():
    z, y, x = np.mgrid[:6, :8, :9].astype(float)
    a = Image.from_array(2 * z + 3 * y - x, "zyx", spacing=[4.0, 1.0, 2.0])
    place = Affine.from_spacing("zyx", [1.0, 0.5, 0.5], [2.0, 1.0, 3.0])
    b = Image.from_array(np.zeros((10, 9, 11)), "zyx", grid_to_space=place)
    found = onto(a, b, order=1).compute()
    z, y, x = np.mgrid[:10, :9, :11].astype(float)
    expected = 2 * (2 + z) / 4 + 3 * (1 + 0.5 * y) - (3 + 0.5 * x) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_labels_stay_whole_and_are_zero_outside():
    labels = Labels.from_array(np.array([[1, 2], [3, 4]], np.int16), "yx", spacing=2.0)
    place = Affine.from_spacing("yx", 1.0, [-2.0, -2.0])
    fine = Image.from_array(np.zeros((6, 6)), "yx", grid_to_space=place)
    found = onto(labels, fine, order=1)
    assert found.dtype == np.int16
    row = [0, 1, 1, 2, 2, 0]
    # Centres on the border of two pixels belong to the second one.
    np.testing.assert_array_equal(found.compute()[2], row)
    assert found.compute()[0].tolist() == [0] * 6


def test_only_the_part_that_is_needed_is_read(target):
    READ.clear()
    data = da.from_array(Counting(), chunks=100, meta=np.empty((0, 0), "f4"))
    onto(Image.from_array(data, "yx", spacing=0.5), target)[:10, :10].compute()
    assert 1 <= len(READ) <= 4


def test_nearest_pixel_agrees_with_onto(source, target):
    index = nearest_pixel(
        (slice(20, 90), slice(5, 60)), index_map(target, source), source.shape
    )
    values = source.data.compute().ravel()
    expected = onto(source, target)[20:90, 5:60].compute()
    found = np.where(index >= 0, values[index], np.nan)
    np.testing.assert_array_equal(found, expected)


def disc(radius, centre, name="disc"):
    angle = np.linspace(0, 2 * np.pi, 721)[:-1]
    return np.c_[centre[0] + radius * np.sin(angle), centre[1] + radius * np.cos(angle)]


def test_a_disc_has_its_area_and_a_turned_grid_does_not_matter():
    discs = (disc(20, (40, 45)), disc(10, (40, 90)))
    regions = Regions(
        polygons=discs, names=("a", "b"), axes="yx", space="world", name="areas"
    )
    grids = [
        Affine.from_spacing("yx", 0.5),
        turned(0.4, 0.5, [-13.0, -69.0]),
    ]
    for place in grids:
        like = Image.from_array(np.zeros((400, 400)), "yx", grid_to_space=place)
        area = int(rasterise(regions, like).sum().compute()) * 0.25
        inside = place.inverse().apply(np.concatenate(discs))
        assert inside.min() >= 0
        assert inside.max() <= 399
        assert area == pytest.approx(np.pi * 500, rel=5e-3)


def test_pixel_centres_decide_and_crossings_follow_the_even_odd_rule():
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    outer, inner = 0.5 + 6 * corners, 2.5 + 2 * corners
    regions = Regions(
        polygons=(np.concatenate([outer, inner]),),
        names=("frame",),
        axes="yx",
        space="world",
        name="r",
    )
    mask = rasterise(regions, Image.from_array(np.zeros((9, 8)), "yx", spacing=1.0))
    expected = np.zeros((9, 8), bool)
    expected[1:7, 1:7] = True
    expected[3:5, 3:5] = False
    np.testing.assert_array_equal(mask.compute(), expected)
    np.testing.assert_array_equal(mask[2:7, 1:4].compute(), mask.compute()[2:7, 1:4])


def test_regions_reach_through_the_planes_of_a_volume():
    square = np.array([[-1.0, -1.0], [-1.0, 5.0], [5.0, 5.0], [5.0, -1.0]])
    regions = Regions(
        polygons=(square,), names=("s",), axes="yx", space="world", name="r"
    )
    like = Image.from_array(np.zeros((3, 5, 9)), "zyx", spacing=[5.0, 2.0, 1.0])
    mask = rasterise(regions, like).compute()
    assert mask.sum() == 3 * 3 * 5


def test_wrong_input_is_one_sentence(source):
    other = source.replace(space="ct")
    with pytest.raises(WrongInput, match=r"lies in the space 'world' and .* in 'ct'"):
        onto(source, other)
    film = Image.from_array(np.zeros((2, 4, 4)), "tyx", spacing=1.0)
    with pytest.raises(WrongInput, match="series in time"):
        onto(film, source)
    colours = Image.from_array(np.zeros((4, 4, 3)), "yx", spacing=1.0, rgb=True)
    with pytest.raises(WrongInput, match="colour picture"):
        onto(colours, source)


def test_holes_are_left_out_and_lie_in_their_own_polygon_only():
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    regions = Regions(
        polygons=(0.5 + 6 * corners, 3.5 + 1 * corners),
        names=("frame", "island"),
        holes=((2.5 + 3 * corners,), ()),
        axes="yx",
        space="world",
        name="r",
    )
    like = Image.from_array(np.zeros((9, 8)), "yx", spacing=1.0)
    expected = np.zeros((9, 8), bool)
    expected[1:7, 1:7] = True
    expected[3:6, 3:6] = False
    np.testing.assert_array_equal(rasterise(regions.named("frame"), like), expected)
    # The same as one ring, which is how it is shown.
    ring = regions.named("frame").with_slits()
    slit = regions.named("frame").replace(polygons=ring, holes=())
    np.testing.assert_array_equal(rasterise(slit, like), expected)
    expected[4, 4] = True
    np.testing.assert_array_equal(rasterise(regions, like), expected)
    back = placed(regions, Affine.from_spacing("yx", 2.0), "other")
    np.testing.assert_array_equal(back.holes[0][0], 5 + 6 * corners)
