"""Perfused vessels against the ones that were given dye."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Affine, Image, Labels
from nanoscape.segmentation.perfusion import perfused_vessels


def scene(share, seed=0, rows=12):
    """Level vessels 8 µm wide, of which the first ``share`` carry dye."""
    labels = np.zeros((rows * 40, 200), np.int32)
    dye = np.zeros(labels.shape)
    for row in range(rows):
        labels[row * 40 + 16 : row * 40 + 24] = row + 1
        if row < share * rows:
            dye[row * 40 + 16 : row * 40 + 24] = 40 + 5 * row
    y = np.mgrid[: labels.shape[0], :200][0]
    clean = ndimage.gaussian_filter(dye, 0.8) + 30 + 25 * np.sin(y / 60)
    image = np.random.default_rng(seed).poisson(clean).astype(np.uint16)
    return Labels.from_array(labels, "yx", spacing=1.0), Image.from_array(
        image, "yx", spacing=1.0
    )


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_perfused_fraction_is_the_true_one(share):
    result = perfused_vessels(*scene(share))
    row = result.summary.data.iloc[0]
    assert row["perfused_fraction_by_number"] == pytest.approx(share, abs=1e-9)
    assert row["perfused_fraction_by_vessel_area"] == pytest.approx(share, abs=1e-9)
    assert row["perfused_fraction_by_dye_area"] == pytest.approx(share, abs=0.05)
    kept = np.unique(result.perfused.data.compute())
    assert kept.tolist() == list(range(round(share * 12) + 1))
    assert list(result.perfused.table["index"]) == kept[1:].tolist()


def test_little_dye_is_perfusion_and_light_of_the_wall_stain_is_not():
    labels = np.zeros((240, 200), np.int32)
    clean = np.full(labels.shape, 100.0)
    for row, dye in enumerate([400, 400, 400, 88, 32, 0]):
        labels[row * 40 + 16 : row * 40 + 24] = row + 1
        clean[row * 40 + 16 : row * 40 + 24] += dye
    image = np.random.default_rng(1).normal(clean, 4.0).astype(np.float32)
    result = perfused_vessels(
        Labels.from_array(labels, "yx", spacing=1.0),
        Image.from_array(image, "yx", spacing=1.0),
    )
    assert list(result.perfused.table["index"]) == [1, 2, 3, 4]


def test_overlap_is_the_share_of_pixels_above_the_threshold():
    labels = np.zeros((40, 100), np.int32)
    labels[16:24] = 4
    dye = np.zeros((40, 100), np.float32)
    dye[16:24, :30] = 100
    result = perfused_vessels(
        Labels.from_array(labels, "yx", spacing=1.0),
        Image.from_array(dye, "yx", spacing=1.0),
        threshold=50.0,
        smallest_overlap=0.25,
    )
    row = result.per_vessel.data.iloc[0]
    assert row["index"] == 4
    # The light smoothing takes the two corners of the half that carries dye.
    assert row["overlap_fraction"] == pytest.approx(0.3, abs=0.005)
    assert row["perfused"]
    assert "50 a.u." in result.summary.notes[0]


def test_blocks_make_no_difference():
    vessels, dye = scene(0.5)
    results = []
    for workers, block in [(1, (480, 200)), (2, (77, 61))]:
        with using(Threads(workers=workers, block_shape=block)):
            results.append(perfused_vessels(vessels, dye))
    one, two = results
    assert one.per_vessel.data.equals(two.per_vessel.data)
    assert one.summary.data.equals(two.summary.data)
    np.testing.assert_array_equal(
        one.perfused.data.compute(), two.perfused.data.compute()
    )


def test_the_dye_may_lie_on_another_grid():
    vessels, dye = scene(0.5)
    fine = np.repeat(np.repeat(dye.data.compute(), 2, 0), 2, 1)
    shifted = Image.from_array(
        fine,
        "yx",
        grid_to_space=Affine.from_spacing("yx", 0.5, (-0.25, -0.25)),
    )
    result = perfused_vessels(vessels, shifted)
    assert result.summary.data["perfused_vessels"][0] == 6


def test_vessels_outside_the_dye_image_are_not_counted():
    vessels, dye = scene(0.5)
    half = Image.from_array(dye.data[:240], "yx", spacing=1.0)
    result = perfused_vessels(vessels, half)
    assert result.summary.data["vessels"][0] == 6
    assert result.summary.data["perfused_fraction_by_number"][0] == 1
    assert "6 vessels lie where the dye was not measured." in result.summary.notes
    assert result.per_vessel.data["overlap_fraction"].isna().sum() == 6


def test_what_cannot_be_done_is_said_in_one_sentence():
    vessels, dye = scene(0.5)
    with pytest.raises(WrongInput, match="space"):
        perfused_vessels(vessels, dye.replace(space="elsewhere"))
    with pytest.raises(CannotCompute, match="no vessels"):
        perfused_vessels(
            Labels.from_array(np.zeros((9, 9), int), "yx", spacing=1.0),
            Image.from_array(np.zeros((9, 9)), "yx", spacing=1.0),
        )
    far = dye.replace(grid_to_space=Affine.from_spacing("yx", 1.0, (1e5, 0)))
    with pytest.raises(CannotCompute, match="covers none of the vessels"):
        perfused_vessels(vessels, far)
