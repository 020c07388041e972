"""Vessels are found where they are, whatever the blocks and the background."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nanoscape.compute import Cancelled, Cluster, Task, Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image
from nanoscape.segmentation.vesselness import vesselness
from nanoscape.segmentation.vessels import vessels


def plane(array, spacing=1.0, chunk=None, **options):
    lazy = da.from_array(array, chunks=chunk or array.shape)
    return Image.from_array(lazy, "yx", spacing=spacing, **options)


def dice(found, true, tolerance=1.0):
    to_true = ndimage.distance_transform_edt(~true)
    to_found = ndimage.distance_transform_edt(~found)
    hits = (found & (to_true <= tolerance)).sum() + (
        true & (to_found <= tolerance)
    ).sum()
    return hits / (found.sum() + true.sum())


def test_every_width_is_found_and_numbered(field):
    image, truth = field
    found = vessels(plane(image))
    labels = found.data.compute()
    assert labels.max() == len(found.table) == 3
    for number in (1, 2, 3):
        true = truth == number
        mine = labels == np.bincount(labels[true]).argmax()
        assert dice(mine, true) > 0.98
        assert found.table["area_um2"][number - 1] == pytest.approx(mine.sum())
        assert mine.sum() == pytest.approx(true.sum(), rel=0.12)


def test_widths_come_out_in_micrometres(field):
    image, truth = field
    found = vessels(plane(image, 0.5), diameters=(2.5, 20.0), smallest_extent=8.0)
    assert dice(found.data.compute() > 0, truth > 0) > 0.98
    whole = found.table["area_um2"].sum()
    assert whole == pytest.approx((truth > 0).sum() / 4, rel=0.1)
    assert found.spacing == {"y": 0.5, "x": 0.5}


def test_dark_vessels_are_bright_ones_upside_down(field):
    image, truth = field
    turned = np.int32(500) - image
    bright = vessels(plane(image)).data.compute()
    dark = vessels(plane(turned), vessels_are="dark").data.compute()
    np.testing.assert_array_equal(bright > 0, dark > 0)
    assert dice(dark > 0, truth > 0) > 0.98


def test_noise_alone_holds_no_vessels():
    noise = np.random.default_rng(0).poisson(40, (400, 400)).astype(np.uint16)
    found = vessels(plane(noise))
    assert len(found.table) == 0
    assert not found.data.any().compute()
    assert list(found.table)[:3] == ["index", "area_um2", "extent_um"]


def test_structure_that_is_as_often_dark_as_bright_holds_no_vessels():
    rng = np.random.default_rng(0)
    grain = ndimage.gaussian_filter(rng.normal(size=(500, 500)), 4)
    image = rng.poisson(60 + 3 * grain / grain.std()).astype(np.uint16)
    assert len(vessels(plane(image)).table) == 0
    image[240:256, 50:450] += 80
    found = vessels(plane(image))
    assert len(found.table) == 1
    assert found.table["area_um2"][0] == pytest.approx(16 * 400, rel=0.1)


@pytest.mark.parametrize("sigma", [40, 60, 100])
def test_a_glow_has_no_wall(sigma):
    y = np.arange(400)[:, None] - 200.0
    clean = 60 + np.broadcast_to(150 * np.exp(-0.5 * (y / sigma) ** 2), (400, 500))
    truth = np.zeros(clean.shape, bool)
    truth[:, 100:108] = True
    photons = np.random.default_rng(4).poisson(8 * (clean + 60 * truth))
    found = vessels(plane(photons.astype(np.uint16))).data.compute() > 0
    assert dice(found, truth) > 0.95
    assert not (found & ~ndimage.binary_dilation(truth, iterations=2)).any()


def test_a_bright_vessel_does_not_hide_a_dim_one_beside_it():
    clean = np.full((260, 400), 60.0)
    clean[60:90] += 50
    clean[94:102] += 120
    photons = np.random.default_rng(6).poisson(clean).astype(np.uint16)
    found = vessels(plane(photons)).data.compute() > 0
    assert found[61:89].mean() > 0.99
    assert found[95:101].mean() > 0.99
    assert not found[:50].any()
    assert not found[135:].any()


def test_the_middle_of_a_wide_junction_is_filled():
    y, x = np.mgrid[:300, :300].astype(float)
    inside = np.hypot(y - 150, x - 150) < 30
    inside |= np.abs(y - 150) < 15
    inside |= np.abs(x - 150) < 15
    image = np.random.default_rng(8).poisson(30 + 80 * inside).astype(np.uint16)
    found = vessels(plane(image), diameters=(5.0, 32.0)).data.compute() > 0
    assert dice(found, inside) > 0.98


def test_a_larger_sensitivity_finds_fainter_vessels():
    rng = np.random.default_rng(1)
    clean = np.full((200, 300), 50.0)
    clean[40:50] += 60
    clean[120:130] += 9
    image = plane(rng.poisson(clean).astype(np.uint16))
    counts = [
        (vessels(image, sensitivity=s).data.compute()[118:132] > 0).mean()
        for s in (0.2, 0.9)
    ]
    assert counts[0] == 0
    assert counts[1] > 0.5


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_blocks_and_workers_make_no_difference(data):
    shape = data.draw(st.tuples(st.integers(5, 150), st.integers(5, 150)))
    block = data.draw(st.tuples(st.integers(20, 90), st.integers(20, 90)))
    kind = data.draw(st.sampled_from(["frangi", "sato"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    clean = 30 + 40 * (ndimage.gaussian_filter(rng.normal(size=shape), 4) > 0.02)
    image = rng.poisson(clean).astype(np.float32)
    if data.draw(st.booleans()):
        image[shape[0] // 2 :, : shape[1] // 3] = np.nan
    options = {"diameters": (4.0, 16.0), "filter": kind, "smallest_extent": 3.0}
    with using(Threads(workers=1, block_shape=shape)):
        whole = vessels(plane(image), **options)
        answer = vesselness(plane(image), filter=kind, diameters=(4.0, 16.0))
    with using(Threads(workers=2, block_shape=block)):
        cut = vessels(plane(image, chunk=37), **options)
        again = vesselness(plane(image, chunk=37), filter=kind, diameters=(4.0, 16.0))
    np.testing.assert_array_equal(cut.data.compute(), whole.data.compute())
    assert cut.table.equals(whole.table)
    np.testing.assert_array_equal(again.data.compute(), answer.data.compute())


def test_blocks_make_no_difference_in_a_volume():
    rng = np.random.default_rng(2)
    z, y, x = np.mgrid[:22, :50, :46].astype(float)
    inside = np.hypot(2 * (z - 11), y - 25 - 5 * np.sin(x / 9)) <= 4
    image = rng.poisson(20 + 50 * inside).astype(np.uint8)
    results = []
    for workers, block in [(1, (22, 50, 46)), (2, (9, 33, 17))]:
        with using(Threads(workers=workers, block_shape=block)):
            volume = Image.from_array(image, "zyx", spacing=(2.0, 1.0, 1.0))
            found = vessels(volume, diameters=(5.0, 12.0))
        results.append(found)
    one, two = results
    np.testing.assert_array_equal(one.data.compute(), two.data.compute())
    assert len(one.table) == 1
    assert one.table["volume_um3"][0] == pytest.approx(2 * inside.sum(), rel=0.25)


@pytest.mark.cluster
def test_a_cluster_gives_the_same(field, tmp_path):
    distributed = pytest.importorskip("distributed")
    image, _ = field
    here = vessels(plane(image)).data.compute()
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Cluster(
            cluster.scheduler_address, scratch=tmp_path, block_shape=(128, 160)
        ) as executor,
        using(executor),
    ):
        there = vessels(plane(image, chunk=100)).data.compute()
    np.testing.assert_array_equal(there, here)


def test_holes_up_to_a_length_are_filled():
    clean = np.full((120, 200), 20.0)
    clean[40:80] = 100
    clean[56:64, 96:104] = 20
    image = plane(np.random.default_rng(3).poisson(clean).astype(np.uint16))
    open_ = vessels(image, largest_hole=4.0).data.compute()
    filled = vessels(image, largest_hole=14.0).data.compute()
    assert open_[60, 100] == 0
    assert filled[60, 100] == filled[60, 20] > 0


def test_short_pieces_are_left_out(field):
    image, _ = field
    long = vessels(plane(image), smallest_extent=300.0)
    assert len(long.table) == 3
    assert len(vessels(plane(image), smallest_extent=1000.0).table) == 0


def test_a_fine_image_is_worked_on_at_a_coarser_pixel():
    clean = np.full((2100, 600), 20.0)
    clean[1000:1080] = 60
    fine = np.random.default_rng(0).poisson(clean).astype(np.uint16)
    found = vessels(plane(fine, 0.25), diameters=(10.0, 30.0))
    assert found.spacing == {"y": 1.0, "x": 1.0}
    assert found.table["area_um2"][0] == pytest.approx(20 * 150, rel=0.1)
    assert found.table["y_um"][0] == pytest.approx((1000 + 1079) / 2 / 4, abs=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (3, 2)])
def test_tiny_images_have_a_result(shape):
    found = vessels(plane(np.full(shape, 7, np.uint8)))
    assert found.shape == shape
    assert len(found.table) == 0


@pytest.mark.parametrize("value", [0, 255])
def test_level_images_hold_no_vessels(value):
    found = vessels(plane(np.full((64, 64), value, np.float32)))
    assert not found.data.any().compute()


def test_unmeasured_places_hold_no_vessels(field):
    image, truth = field
    holed = image.astype(np.float32)
    holed[:, 150:200] = np.nan
    holed[5, 5] = np.inf
    labels = vessels(plane(holed)).data.compute()
    assert not labels[:, 150:200].any()
    assert labels.max() == 6
    seen = np.isfinite(holed)
    assert dice(labels > 0, (truth > 0) & seen) > 0.97


def test_images_that_hold_no_stain_are_refused_in_one_sentence():
    rgb = Image.from_array(np.zeros((8, 8, 3), np.uint8), "yx", spacing=1.0, rgb=True)
    with pytest.raises(WrongInput, match="colour image; expected an image of one"):
        vessels(rgb)
    film = Image.from_array(np.zeros((4, 8, 8)), "tyx", spacing=1.0)
    with pytest.raises(WrongInput, match="4 frames"):
        vessels(film)
    with pytest.raises(CannotCompute, match="no measured pixel"):
        vessels(plane(np.full((9, 9), np.nan, np.float32)))
    with pytest.raises(WrongInput, match="the smallest first"):
        vessels(plane(np.zeros((9, 9))), diameters=(20.0, 5.0))


def test_a_stop_is_heard(field):
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        vessels(plane(field[0]), task=task)


def test_nothing_is_changed(field):
    image = field[0].copy()
    vessels(plane(image))
    np.testing.assert_array_equal(image, field[0])


def test_vessels_of_a_retina_are_found():
    from skimage import data

    green = data.retina()[300:1000, 300:1000, 1]
    found = vessels(plane(green), diameters=(6.0, 24.0), vessels_are="dark")
    mask = found.data.compute() > 0
    assert 0.05 < mask.mean() < 0.2
    light = ndimage.gaussian_filter(green.astype(float), 1)
    around = ndimage.gaussian_filter(green.astype(float), 20)
    assert (light - around)[mask].mean() < -8
    assert found.table["extent_um"].max() > 300


def test_the_filter_image_is_for_looking():
    clean = np.full((80, 90), 10.0, np.float32)
    clean[36:44] = 50
    for kind, centre in (("frangi", 0.9), ("sato", 0.415 * 40)):
        answer = vesselness(plane(clean), diameters=(8.0, 8.0), filter=kind)
        values = answer.data.compute()
        assert values[40, 45] == pytest.approx(centre, rel=0.1)
        assert values[10, 45] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_uneven_stain_where_vessels_lie_side_by_side_is_no_wall(seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:260, :300]
    true = (abs(y - 126) < 26) & (x > 60) & (x < 240)
    true |= (abs(x - 120) < 10) & (y < 126)
    lumen = 0.55 + 0.45 * np.exp(-ndimage.distance_transform_edt(true) / 4)
    patches = 1 + 1.5 * ndimage.gaussian_filter(rng.normal(size=true.shape), 6)
    stain = 110 * true * lumen * np.maximum(patches, 0.35)
    light = 1.5 * ndimage.gaussian_filter(40 + 0.25 * x + stain, 0.8)
    image = Image.from_array(rng.poisson(light).astype(np.uint16), "yx", spacing=1.0)
    found = vessels(image).data.compute() > 0
    assert not (true & ~ndimage.binary_dilation(found)).any()
    assert not (found & ~ndimage.binary_dilation(true)).any()
