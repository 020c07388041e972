"""Profiles against fields whose laws are known."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from vessel_fields import coarse_image, image, vessel_field, wall_distance

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions, Tags
from nanoscape.operation import spec_of
from nanoscape.statistics.distance.distance_profile import distance_profile


def summary(*inputs, **options):
    return distance_profile(*inputs, **options).summary.data.iloc[0]


@pytest.fixture(scope="module")
def vessels():
    return vessel_field()


@pytest.fixture(scope="module")
def distance(vessels):
    return wall_distance(vessels)


@pytest.fixture(scope="module")
def drug(distance):
    return image(0.7 * np.exp(-distance / 30) + 0.3)


def test_two_half_distances_and_the_length_of_an_exponential(drug, vessels):
    row = summary(drug, vessels)
    assert row.gradient == "falls"
    assert row.decay_length_um == pytest.approx(30, rel=1e-3)
    assert row.amplitude == pytest.approx(0.7, rel=1e-3)
    assert row.offset == pytest.approx(0.3, rel=1e-3)
    assert row.half_distance_um == pytest.approx(37.58, rel=0.01)
    assert row.law_half_distance_um == pytest.approx(37.58, rel=1e-3)
    assert row.excess_half_distance_um == pytest.approx(20.79, rel=1e-3)
    area = 0.7 * 30 * (1 - math.exp(-100 / 30)) + 30
    assert row.auc_0_100_um == pytest.approx(area, rel=0.005)
    assert row.auc_0_100_normalised_um == pytest.approx(area, rel=0.01)


@pytest.mark.parametrize(
    ("half", "area"), [(24, 32.70), (31, 39.94), (29, 38.01), (43, 49.66), (35, 43.53)]
)
def test_published_half_distances_give_their_areas(half, area, distance, vessels):
    drug = image(np.exp(-distance * math.log(2) / half))
    row = summary(drug, vessels)
    assert row.half_distance_um == pytest.approx(half, rel=0.01)
    assert row.auc_0_100_normalised_um == pytest.approx(area, rel=0.01)


def test_the_profile_is_that_of_a_plain_count(drug, vessels, distance):
    result = distance_profile(drug, vessels, bin_width=5.0, border="keep")
    rows = result.profile.data
    values = drug.data.compute()
    for number in (0, 3, 11):
        low, high = 5.0 * number, 5.0 * (number + 1)
        chosen = values[(distance > 0) & (distance >= low) & (distance < high)]
        row = rows.iloc[number]
        assert row.n_pixels == row.n_samples == chosen.size
        assert row["mean"] == pytest.approx(chosen.mean(), rel=1e-12)
        assert row.standard_deviation == pytest.approx(chosen.std(), rel=1e-6)
        expected = np.quantile(chosen, [0.25, 0.5, 0.75], method="inverted_cdf")
        found = [row.lower_quartile, row["median"], row.upper_quartile]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_quartiles_of_values_of_both_signs(vessels, distance):
    values = np.random.default_rng(5).normal(0, 3, distance.shape)
    rows = distance_profile(image(values), vessels, border="keep", law="none")
    chosen = values[(distance > 0) & (distance < 2)]
    row = rows.profile.data.iloc[0]
    expected = np.quantile(chosen, [0.25, 0.5, 0.75], method="inverted_cdf")
    found = [row.lower_quartile, row["median"], row.upper_quartile]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("coarse", [False, True])
def test_chunks_blocks_and_workers_do_not_matter(coarse, vessels, distance):
    values = np.exp(-distance / 30) + np.random.default_rng(0).normal(
        0, 0.1, distance.shape
    )
    drug = coarse_image(values, 20) if coarse else image(values)
    tissue = Regions(
        polygons=(np.array([[20.0, 30], [20, 690], [650, 690], [600, 40]]),),
        names=("tumour",),
        axes="yx",
        space="world",
        name="tissue",
    )
    results = []
    for chunk, workers in [(97, 1), (256, 2), (700, 2)]:
        objects = Labels.from_array(
            da.from_array(vessels.data.compute(), chunks=chunk), "yx", spacing=1.0
        )
        lazy = drug.data.compute()
        lazy = da.from_array(lazy, chunks=max(3, chunk * len(lazy) // 700))
        source = Image.from_array(lazy, "yx", grid_to_space=drug.grid_to_space)
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            results.append(distance_profile(source, objects, tissue))
    for other in results[1:]:
        for name in ("profile", "summary"):
            a, b = getattr(results[0], name).data, getattr(other, name).data
            pd.testing.assert_frame_equal(a, b, check_exact=True)


@pytest.mark.parametrize("per_mm2", [50, 100, 200])
def test_coarse_pixels_do_not_bias_the_length(per_mm2):
    found = []
    for seed in range(3):
        objects = vessel_field(seed, 1500, per_mm2)
        field = np.exp(-wall_distance(objects) / 30) + 0.2
        drug = coarse_image(field, 50, noise=0.02, seed=seed)
        found.append(summary(drug, objects).decay_length_um)
    assert np.mean(found) == pytest.approx(30, rel=0.05)


def test_the_error_of_the_registration_is_part_of_the_model():
    """Drug and vessels lie 10 µm apart in unknown directions."""
    found = {}
    for known in (0.0, 10.0):
        lengths = []
        for seed in range(8):
            objects = vessel_field(seed, 1200)
            field = np.exp(-wall_distance(objects) / 30) + 0.2
            angle = 2 * np.pi * seed / 8
            shift = (10 * np.cos(angle), 10 * np.sin(angle))
            field = ndimage.shift(field, shift, order=1, mode="nearest")
            tags = Tags.of("header", registration_error_um=known)
            drug = coarse_image(field, 20, seed=seed, tags=tags)
            lengths.append(summary(drug, objects).decay_length_um)
        found[known] = np.mean(lengths)
    assert found[10.0] == pytest.approx(30, rel=0.1)
    assert found[0.0] > found[10.0] * 1.05


def test_a_length_below_what_pixel_and_registration_resolve_is_refused():
    objects = vessel_field(0, 1500)
    field = np.exp(-wall_distance(objects) / 15)
    row = summary(coarse_image(field, 60, noise=0.005), objects)
    assert row.gradient == "falls"
    assert math.isnan(row.decay_length_um)
    assert "more than half of the fitted" in row.decay_length_reason
    assert math.isnan(row.half_distance_um)
    assert "blurred by pixels of 60 µm" in row.half_distance_reason


def test_samples_of_coarse_pixels_are_counted_once():
    objects = vessel_field(2, 1000)
    drug = coarse_image(wall_distance(objects), 50)
    rows = distance_profile(drug, objects, border="keep").profile.data
    assert rows.n_samples.max() <= 400
    assert rows.n_pixels.sum() > 500_000


@pytest.mark.parametrize("sigma", [0, 5, 20])
def test_a_drug_without_gradient_has_no_length(sigma):
    rejected = 0
    for seed in range(12):
        objects = vessel_field(seed)
        values = np.random.default_rng(100 + seed).normal(size=objects.shape)
        values = ndimage.gaussian_filter(values, sigma)
        row = summary(image(5 + values / values.std()), objects)
        if row.gradient == "none":
            assert math.isnan(row.decay_length_um)
            assert "does not depend" in row.decay_length_reason
        rejected += row.gradient_p <= 0.05
    # Twelve tests at 5 %: four or more in 0.2 % of cases.
    assert rejected <= 3


def test_a_common_trend_from_rim_to_core_is_no_gradient():
    """Vessels and drug both thin out towards the core, and are else unrelated."""
    side = 1000
    y, x = np.mgrid[:side, :side] - side / 2
    depth = np.clip(450 - np.hypot(y, x), 0, None)
    tissue = Labels.from_array((depth > 0).astype(np.uint8), "yx", spacing=1.0)
    rejected = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        places = rng.integers(0, side, (600, 2))
        keep = rng.random(600) < np.exp(-depth[tuple(places.T)] / 150)
        mask = np.zeros((side, side), bool)
        mask[tuple(places[keep].T)] = True
        mask = ndimage.distance_transform_edt(~mask) <= 3
        objects = Labels.from_array(mask, "yx", spacing=1.0)
        noise = ndimage.gaussian_filter(rng.normal(size=mask.shape), 10)
        drug = image(np.exp(-depth / 150) + 0.1 * noise / noise.std())
        rejected += summary(drug, objects, tissue, law="none").gradient_p <= 0.05
    assert rejected <= 3


def test_a_drug_that_rises_has_no_length(vessels, distance):
    row = summary(image(1 - np.exp(-distance / 40)), vessels)
    assert row.gradient == "rises"
    assert math.isnan(row.decay_length_um)
    assert "rises" in row.decay_length_reason


def test_a_constant_drug_has_no_gradient(vessels):
    row = summary(image(np.full(vessels.shape, 3.0)), vessels)
    assert row.gradient == "none"
    assert math.isnan(row.half_distance_um)
    assert row.half_distance_reason.startswith("not reached within")


def test_places_near_the_border_are_left_out_without_bias():
    """A window of a large field, whose vessels outside it are not seen."""
    reach, kept = [], []
    for seed in range(6):
        whole = vessel_field(seed, 1500, per_mm2=50, radius=2)
        truth = wall_distance(whole)
        window = (slice(500, 1000), slice(500, 1000))
        drug = image(np.exp(-truth[window] / 60))
        seen = Labels.from_array(whole.data[window], "yx", spacing=1.0)
        target = (truth[window] <= 50)[truth[window] > 0].mean()
        for border, found in (("leave out", reach), ("keep", kept)):
            rows = distance_profile(drug, seen, border=border, law="none").profile.data
            found.append(rows.tissue_within[rows.to_um == 50].iloc[0] - target)
            if border == "leave out":
                inner = rows[(rows.n_pixels > 200) & (rows.distance_um < 100)]
                expected = np.exp(-inner.distance_um / 60)
                np.testing.assert_allclose(inner["mean"], expected, rtol=5e-3)
    assert abs(np.mean(reach)) < abs(np.mean(kept))
    assert abs(np.mean(reach)) < 0.05


def test_keeping_the_border_takes_in_wrong_distances():
    whole = vessel_field(1, 1500, per_mm2=50, radius=2)
    window = (slice(500, 1000), slice(500, 1000))
    drug = image(np.exp(-wall_distance(whole)[window] / 60))
    seen = Labels.from_array(whole.data[window], "yx", spacing=1.0)
    rows = distance_profile(drug, seen, border="keep", law="none").profile.data
    far = rows[rows.distance_um.between(80, 120)]
    assert (far["mean"] > 1.02 * np.exp(-far.distance_um / 60)).any()


def test_excluded_and_missing_pixels_do_not_count(vessels, distance):
    values = np.exp(-distance / 30)
    necrosis = np.zeros(distance.shape, np.uint8)
    necrosis[100:300, 100:400] = 1
    fold = np.array([[400.0, 400], [400, 500], [500, 500], [500, 400]])
    folds = Regions(
        polygons=(fold,), names=("fold",), axes="yx", space="world", name="folds"
    )
    values[100:300, 100:400] = 50.0
    values[405:495, 405:495] = -50.0
    values[600:620] = np.nan
    areas = [Labels.from_array(necrosis, "yx", spacing=1.0), folds]
    result = distance_profile(image(values), vessels, exclude=areas)
    row = result.summary.data.iloc[0]
    assert row.decay_length_um == pytest.approx(30, rel=1e-3)
    assert row.n_not_measured > 5000
    whole = distance_profile(image(np.exp(-distance / 30)), vessels).summary.data
    assert row.n_pixels < whole.n_pixels.iloc[0] - 60_000


def test_vessels_outside_the_tissue_still_count(vessels, distance):
    """Distances run to all vessels, also to those outside the measured area."""
    mask = np.zeros(distance.shape, np.uint8)
    mask[:, 350:] = 1
    tissue = Labels.from_array(mask, "yx", spacing=1.0)
    rows = distance_profile(image(distance), vessels, tissue, law="none").profile.data
    filled = rows[rows.n_pixels > 0]
    np.testing.assert_allclose(filled["mean"], filled.distance_um, rtol=1e-6)


def test_three_dimensions_with_thick_planes():
    rng = np.random.default_rng(3)
    mask = np.zeros((60, 120, 120), bool)
    for y, x in rng.integers(5, 115, (14, 2)):
        mask[:, y - 2 : y + 3, x - 2 : x + 3] = True
    objects = Labels.from_array(mask, "zyx", spacing=[2.0, 1.0, 1.0])
    d = wall_distance(objects)
    drug = Image.from_array(
        np.exp(-d / 12) + 0.1, "zyx", spacing=[2.0, 1.0, 1.0], name="drug"
    )
    row = summary(drug, objects, border="keep", largest_distance=60.0)
    assert row.decay_length_um == pytest.approx(12, rel=0.01)


def test_wrong_input_is_one_sentence(drug, vessels):
    with pytest.raises(WrongInput, match="'msi'"):
        distance_profile(drug.replace(space="msi"), vessels)
    empty = Labels.from_array(np.zeros((9, 9), bool), "yx", spacing=1.0, name="lectin")
    with pytest.raises(CannotCompute, match="there are no vessels in lectin"):
        distance_profile(drug, empty)
    away = drug.replace(levels=image(np.full(drug.shape, np.nan)).levels)
    with pytest.raises(CannotCompute, match="was measured nowhere"):
        distance_profile(away, vessels)


def test_flat_sections_say_what_they_cannot_see(drug, vessels):
    notes = " ".join(distance_profile(drug, vessels).summary.notes)
    assert "above and below the section are not seen" in notes


def test_the_form_has_an_automatic_bin_width():
    spec = spec_of(distance_profile)
    assert [port.role for port in spec.inputs][:2] == ["Drug", "Vessels"]
    assert all(parameter.help for parameter in spec.parameters)
    assert spec.check_parameters({"bin_width": None})["bin_width"] is None
