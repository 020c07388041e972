"""Unevenness against closed forms and any way to cut the image."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import integrate

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Regions
from nanoscape.statistics.unevenness.heterogeneity import heterogeneity
from nanoscape.statistics.unevenness.lorenz_curve import lorenz_curve
from nanoscape.statistics.unevenness.theil import theil_decomposition


def image(values, **more):
    return Image.from_array(values, "yx", spacing=1.0, **more)


@pytest.mark.parametrize(
    ("values", "gini"),
    [
        ([1, 1, 1, 1], 0.0),
        ([0, 0, 0, 1], 0.75),
        (range(1, 6), 4 / 15),
        (range(1, 101), 0.33),
        ([0, 0, 0, 10, 10, 10], 0.5),
    ],
)
def test_gini_of_known_values(values, gini):
    row = heterogeneity(image(np.array([list(values)], float))).data.iloc[0]
    assert row.gini == pytest.approx(gini, abs=1e-12)


@pytest.mark.parametrize(
    ("sigma", "gini", "cv"), [(0.5, 0.27633, 0.53294), (1.0, 0.52050, 1.31083)]
)
def test_lognormal_values(sigma, gini, cv):
    from scipy import stats

    n = 1_000_000
    values = np.exp(sigma * stats.norm.ppf((np.arange(n) + 0.5) / n))
    row = heterogeneity(image(values.reshape(1000, 1000))).data.iloc[0]
    assert row.gini == pytest.approx(gini, rel=1e-3)
    assert row.coefficient_of_variation == pytest.approx(cv, rel=5e-3)


def test_binned_values_agree_with_sorted_ones(monkeypatch):
    values = np.random.default_rng(0).gamma(2.0, 1.0, (300, 400)) + 1e5
    exact = heterogeneity(image(values)).data.iloc[0]
    assert exact.standard_deviation == pytest.approx(values.std(), rel=1e-9)
    monkeypatch.setattr(
        "nanoscape.statistics.unevenness.counted_values.EXACT_PIXELS", 1
    )
    binned = heterogeneity(image(values)).data.iloc[0]
    for name in ("mean", "standard_deviation", "gini"):
        assert binned[name] == pytest.approx(exact[name], rel=1e-6)


@pytest.mark.parametrize("limit", [1, 2**24])
def test_chunks_and_workers_do_not_matter(limit, monkeypatch):
    monkeypatch.setattr(
        "nanoscape.statistics.unevenness.counted_values.EXACT_PIXELS", limit
    )
    values = np.random.default_rng(0).gamma(2.0, 1.0, (210, 180))
    numbers = np.random.default_rng(1).integers(0, 4, values.shape)
    tables = []
    for chunk, workers in [(13, 1), (64, 2), (210, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            source = image(da.from_array(values, chunks=chunk))
            labels = Labels.from_array(
                da.from_array(numbers, chunks=chunk + 1), "yx", spacing=1.0
            )
            tables.append(heterogeneity(source, labels).data)
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    pd.testing.assert_frame_equal(tables[0], tables[2], check_exact=True)
    assert tables[0].region.tolist() == ["1", "2", "3"]
    row = tables[0].iloc[1]
    chosen = values[numbers == 2]
    assert row.n_pixels == chosen.size
    assert row["mean"] == pytest.approx(chosen.mean(), rel=1e-12)


def test_regions_of_one_name_are_one_row_and_excluded_areas_are_left_out():
    values = np.arange(100.0).reshape(10, 10)
    values[0, 0] = np.nan

    def box(top, left, height, width):
        y, x = top - 0.5, left - 0.5
        return np.array(
            [[y, x], [y, x + width], [y + height, x + width], [y + height, x]]
        )

    regions = Regions(
        polygons=(box(0, 0, 2, 2), box(8, 8, 2, 2), box(4, 0, 1, 10)),
        names=("rim", "rim", "core"),
        axes="yx",
        space="world",
        name="areas",
    )
    mask = np.zeros((10, 10), np.uint8)
    mask[4, :5] = 1
    table = heterogeneity(
        image(values), regions, [Labels.from_array(mask, "yx", spacing=1.0)]
    ).data.set_index("region")
    assert table.n_pixels.to_dict() == {"rim": 7, "core": 5}
    assert table.n_not_measured["rim"] == 1
    assert table["mean"]["core"] == pytest.approx(47.0)


def test_names_come_from_the_table_of_labels():
    names = pd.DataFrame({"index": [2], "name": ["core"]})
    labels = Labels.from_array(np.array([[1, 2]]), "yx", spacing=1.0, table=names)
    table = heterogeneity(image(np.array([[1.0, 2.0]])), labels).data
    assert table.region.tolist() == ["1", "core"]


def test_negative_values_have_no_gini_but_a_reason():
    table = heterogeneity(image(np.array([[-1.0, 2.0, 3.0]])))
    row = table.data.iloc[0]
    assert math.isnan(row.gini)
    assert row.gini_reason == "some values are negative"
    assert any("negative" in note for note in table.notes)


def test_nothing_measured_is_one_sentence():
    with pytest.raises(CannotCompute, match="no measured pixel"):
        heterogeneity(image(np.full((3, 3), np.nan), name="drug"))


PHANTOM = (
    "14411 14611 41641 44641 14411 11611 x1311 44611 "
    "144xx 11111 11x11 11611 144xx 11111 11111 11611"
)


def test_the_phantom_of_the_image_biomarker_standardisation_initiative():
    letters = PHANTOM.replace(" ", "")
    values = [math.nan if letter == "x" else float(letter) for letter in letters]
    phantom = Image.from_array(np.array(values).reshape(4, 4, 5), "zyx", spacing=2000.0)
    row = heterogeneity(phantom, bin_width=1.0).data.iloc[0]
    assert row.standard_deviation**2 == pytest.approx(3.045471, abs=5e-7)
    assert row.entropy_bits == pytest.approx(1.265612, abs=5e-7)
    assert row.quartile_coefficient_of_dispersion == pytest.approx(0.6, abs=1e-12)
    assert row.p90_over_p10 == 4
    assert row.max_over_mean == pytest.approx(1 / 0.358108, rel=2e-6)
    assert row.size_um3 == 592e9


def test_theil_of_known_values():
    row = heterogeneity(image(np.arange(1.0, 6)[None])).data.iloc[0]
    assert row.theil == pytest.approx(0.11968759358350917, rel=1e-12)
    assert heterogeneity(image(np.full((3, 3), 7.0))).data.theil[0] == 0
    row = heterogeneity(image(np.zeros((3, 3)))).data.iloc[0]
    assert math.isnan(row.theil)
    assert row.theil_reason == "all values are zero"
    assert math.isnan(row.max_over_mean)


def test_percentiles_are_those_of_numpy():
    values = np.random.default_rng(0).gamma(2.0, 1.0, (23, 31)).round(2)
    row = heterogeneity(image(values)).data.iloc[0]
    p5, p10, q1, q3, p90, p95 = np.percentile(values, [5, 10, 25, 75, 90, 95])
    expected = (q3 - q1) / (q3 + q1)
    assert row.quartile_coefficient_of_dispersion == pytest.approx(expected, rel=1e-12)
    assert row.p90_over_p10 == pytest.approx(p90 / p10, rel=1e-12)
    assert row.p95_over_p5 == pytest.approx(p95 / p5, rel=1e-12)
    assert row.q3_over_q1 == pytest.approx(q3 / q1, rel=1e-12)
    counts, _ = np.histogram(values, 64)
    share = counts[counts > 0] / values.size
    assert row.entropy_bits == pytest.approx(-(share * np.log2(share)).sum(), rel=1e-9)


def test_noise_is_taken_out_of_the_spread():
    rng = np.random.default_rng(0)
    clean = 10 + np.repeat([-1.0, 1.0], 200)[:, None] * np.ones(500)
    noisy = clean + rng.normal(0, 2.0, clean.shape)
    row = heterogeneity(image(noisy), noise=2.0).data.iloc[0]
    assert row.standard_deviation == pytest.approx(math.sqrt(5), rel=0.01)
    assert row.noise_free_standard_deviation == pytest.approx(1, rel=0.02)
    row = heterogeneity(image(clean), noise=2.0).data.iloc[0]
    assert math.isnan(row.noise_free_standard_deviation)
    assert "larger than the spread" in row.noise_reason


def test_hot_and_cold_are_multiples_of_the_mean():
    row = heterogeneity(image(np.array([[0.0, 1, 1, 2, 6]]))).data.iloc[0]
    assert (row.hot_fraction, row.cold_fraction) == (0.2, 0.6)
    assert (row.hot_size_um2, row.cold_size_um2) == (1.0, pytest.approx(3.0))
    row = heterogeneity(image(np.array([[0.0, 1, 1, 2, 6]])), hot=1.0, cold=0.0)
    assert row.data.hot_fraction[0] == row.data.cold_fraction[0] * 2 == 0.4
    assert row.data.spatial[0] == "no"
    # An exponential distribution has e⁻² above twice its mean.
    values = -np.log((np.arange(100_000) + 0.5) / 100_000).reshape(100, 1000)
    row = heterogeneity(image(values)).data.iloc[0]
    assert row.hot_fraction == pytest.approx(math.exp(-2), abs=2e-5)
    assert row.cold_fraction == pytest.approx(1 - math.exp(-0.5), abs=2e-5)
    row = heterogeneity(image(values - 2)).data.iloc[0]
    assert math.isnan(row.hot_fraction)


def test_all_figures_of_normal_values_come_back_from_below_the_noise():
    rng = np.random.default_rng(0)
    true = rng.normal(10, 2.0, (500, 400))
    noisy = true + rng.normal(0, 3.0, true.shape)
    options = {"bin_width": 0.5, "hot": 1.2, "cold": 0.8}
    clean = heterogeneity(image(true), **options).data.iloc[0]
    row = heterogeneity(image(noisy), noise=3.0, **options).data.iloc[0]
    for name, tolerance in (
        ("standard_deviation", 0.01),
        ("coefficient_of_variation", 0.01),
        ("quartile_coefficient_of_dispersion", 0.02),
        ("p90_over_p10", 0.02),
        ("p95_over_p5", 0.02),
        ("q3_over_q1", 0.02),
        ("entropy_bits", 0.01),
        ("hot_fraction", 0.03),
        ("cold_fraction", 0.03),
    ):
        found = row[f"noise_free_{name}"]
        assert found == pytest.approx(clean[name], rel=tolerance), name
        assert abs(row[name] / clean[name] - 1) > 2 * tolerance, name
    # Negative values of the noise have no Gini coefficient; without it they are gone.
    true = rng.normal(10, 1.0, (300, 400))
    row = heterogeneity(image(true + rng.normal(0, 3.0, true.shape)), noise=3.0)
    clean = heterogeneity(image(true)).data.iloc[0]
    assert math.isnan(row.data.gini[0])
    assert row.data.noise_free_gini[0] == pytest.approx(clean.gini, rel=0.02)
    assert row.data.noise_free_theil[0] == pytest.approx(clean.theil, rel=0.05)
    row = heterogeneity(image(np.full((4, 4), 5.0)), noise=0.0).data.iloc[0]
    assert row.noise_free_gini == row.noise_free_theil == 0


def test_an_empty_region_has_reasons_beside_a_full_one():
    values = np.array([[1.0, 2.0], [np.nan, np.nan]])
    labels = Labels.from_array(np.array([[1, 1], [2, 2]]), "yx", spacing=1.0)
    row = heterogeneity(image(values), labels, noise=0.1).data.iloc[1]
    assert row.n_pixels == 0
    assert row.n_not_measured == 2
    assert row.theil_reason == row.gini_reason == "no pixel was measured"
    assert math.isnan(row.entropy_bits)


def test_theil_splits_exactly():
    values = np.array([[0.0, 0, 0, 10, 10, 10]])
    labels = Labels.from_array(np.array([[1, 1, 1, 2, 2, 2]]), "yx", spacing=1.0)
    row = theil_decomposition(image(values), labels).summary.data.iloc[0]
    assert row.theil_between == pytest.approx(math.log(2), rel=1e-12)
    assert row.theil_within == 0
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, 1.0, (50, 60)) * (1 + np.arange(60) // 20)
    numbers = np.broadcast_to(1 + np.arange(60) // 20, values.shape)
    labels = Labels.from_array(numbers, "yx", spacing=1.0)
    found = theil_decomposition(image(values), labels)
    row = found.summary.data.iloc[0]
    whole = heterogeneity(image(values)).data.theil[0]
    assert row.theil == pytest.approx(whole, rel=1e-12)
    assert row.theil_between + row.theil_within == pytest.approx(whole, rel=1e-12)
    one = heterogeneity(image(values[:, :20])).data.theil[0]
    assert found.areas.data.theil[0] == pytest.approx(one, rel=1e-12)
    below = theil_decomposition(image(values - 5), labels).summary.data.iloc[0]
    assert math.isnan(below.theil)
    assert below.reason == "some values are negative"


def test_the_lorenz_curve_and_the_gini_coefficient_agree():
    values = np.random.default_rng(0).gamma(2.0, 1.0, (100, 100))
    curve = lorenz_curve(image(values)).data
    assert curve.drug_share.iloc[[0, -1]].tolist() == [0, 1]
    area = integrate.trapezoid(curve.drug_share, curve.pixel_share)
    gini = heterogeneity(image(values)).data.gini[0]
    assert 1 - 2 * area == pytest.approx(gini, abs=1e-3)
    ordered = np.sort(values.ravel())
    assert curve.drug_share[30] == pytest.approx(ordered[:3000].sum() / ordered.sum())
    with pytest.raises(CannotCompute, match="some values are negative"):
        lorenz_curve(image(values - 5))


def test_splitting_does_not_depend_on_chunks():
    values = np.random.default_rng(0).gamma(2.0, 1.0, (120, 90))
    numbers = np.random.default_rng(1).integers(0, 4, values.shape)
    tables = []
    for chunk, workers in [(17, 1), (120, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            source = image(da.from_array(values, chunks=chunk))
            labels = Labels.from_array(
                da.from_array(numbers, chunks=chunk), "yx", spacing=1.0
            )
            tables.append(theil_decomposition(source, labels).areas.data)
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
