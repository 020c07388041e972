"""Figures of the histogram: the IBSI phantom, SciPy, and bad input."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels
from nanoscape.statistics.unevenness.first_order import first_order
from nanoscape.statistics.unevenness.intensity_volume import intensity_volume

PHANTOM = (
    "14411 14611 41641 44641 14411 11611 x1311 44611 "
    "144xx 11111 11x11 11611 144xx 11111 11111 11611"
)


def image(values):
    return Image.from_array(values, "zyx"[-values.ndim :], spacing=1.0, name="drug")


def test_the_phantom_of_the_image_biomarker_standardisation_initiative():
    letters = PHANTOM.replace(" ", "")
    values = [math.nan if letter == "x" else float(letter) for letter in letters]
    phantom = image(np.array(values).reshape(4, 4, 5))
    row = first_order(phantom, bin_width=1.0).data.iloc[0]
    for column, expected, tolerance in (
        ("mean", 2.148649, 5e-7),
        ("variance", 3.045471, 5e-7),
        ("skewness", 1.083821, 5e-7),
        ("excess_kurtosis", -0.354620, 5e-7),
        ("median", 1, 0),
        ("p10", 1, 0),
        ("p90", 4, 0),
        ("maximum", 6, 0),
        ("interquartile_range", 3, 0),
        ("range", 5, 0),
        ("mean_absolute_deviation", 1.552228, 5e-7),
        ("robust_mean_absolute_deviation", 1.11, 5e-3),
        ("median_absolute_deviation", 1.148649, 5e-7),
        ("coefficient_of_variation", 0.812198, 5e-7),
        ("energy", 567, 1e-9),
        ("root_mean_square", 2.768061, 5e-7),
        ("entropy_bits", 1.265612, 5e-7),
        ("uniformity", 0.512418, 5e-7),
        ("volume_at_intensity_10", 0.324, 5e-4),
        ("volume_at_intensity_90", 0.0946, 5e-5),
        ("intensity_at_volume_10", 5, 0),
        ("intensity_at_volume_90", 2, 0),
        ("volume_at_intensity_10_less_90", 0.23, 5e-3),
        ("intensity_at_volume_10_less_90", 3, 0),
        ("quartile_coefficient_of_dispersion", 0.6, 1e-12),
        ("histogram_n_levels", 6, 0),
        ("histogram_mean", 2.148649, 5e-7),
        ("histogram_variance", 3.045471, 5e-7),
        ("histogram_skewness", 1.083821, 5e-7),
        ("histogram_excess_kurtosis", -0.354620, 5e-7),
        ("histogram_median", 1, 0),
        ("histogram_minimum", 1, 0),
        ("histogram_p10", 1, 0),
        ("histogram_p90", 4, 0),
        ("histogram_maximum", 6, 0),
        ("histogram_mode", 1, 0),
        ("histogram_interquartile_range", 3, 0),
        ("histogram_range", 5, 0),
        ("histogram_mean_absolute_deviation", 1.552228, 5e-7),
        ("histogram_robust_mean_absolute_deviation", 1.11, 5e-3),
        ("histogram_median_absolute_deviation", 1.148649, 5e-7),
        ("histogram_coefficient_of_variation", 0.812198, 5e-7),
        ("histogram_quartile_coefficient_of_dispersion", 0.6, 1e-12),
        ("histogram_maximum_gradient", 8, 0),
        ("histogram_maximum_gradient_level", 3, 0),
        ("histogram_minimum_gradient", -50, 0),
        ("histogram_minimum_gradient_level", 1, 0),
    ):
        assert row[column] == pytest.approx(expected, abs=tolerance), column


def test_moments_are_those_of_scipy_and_chunks_do_not_matter():
    values = np.random.default_rng(0).gamma(2.0, 1.0, (90, 70)) - 1
    tables = []
    for chunk, workers in [(17, 1), (90, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            tables.append(first_order(image(da.from_array(values, chunks=chunk))).data)
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    row = tables[0].iloc[0]
    assert row.skewness == pytest.approx(stats.skew(values.ravel()), rel=1e-9)
    assert row.excess_kurtosis == pytest.approx(
        stats.kurtosis(values.ravel()), rel=1e-9
    )
    assert row.energy == pytest.approx((values**2).sum(), rel=1e-9)
    counts, _ = np.histogram(values, 64)
    assert row.uniformity == pytest.approx(
        ((counts / values.size) ** 2).sum(), rel=1e-9
    )


def test_levels_are_numbered_from_the_first_that_occurs():
    row = first_order(image(np.array([[20.5, 21.0, 23.9]])), bin_width=1.0).data.iloc[0]
    assert row.histogram_mean == pytest.approx((1 + 2 + 4) / 3)
    # Of levels that are equally common, the mode is the one next to the mean.
    assert row.histogram_mode == 2


def test_the_intensity_volume_histogram_is_the_share_at_or_above():
    values = np.random.default_rng(0).gamma(2.0, 1.0, (40, 30))
    numbers = np.random.default_rng(1).integers(1, 3, values.shape)
    values[numbers == 2] += 1
    labels = Labels.from_array(numbers, "yx", spacing=1.0)
    table = intensity_volume(image(values), labels, bin_width=0.25).data
    for name, rows in table.groupby("region"):
        own = values[numbers == int(name)]
        shares = [(own >= level - 1e-12).mean() for level in rows.intensity]
        np.testing.assert_allclose(rows.volume_share, shares)
        np.testing.assert_allclose(rows.size_um2, np.multiply(shares, own.size))
        assert rows.intensity_share.iloc[[0, -1]].tolist() == [0, 1]
    gap = intensity_volume(image(np.where(numbers == 1, np.nan, values)), labels)
    assert gap.notes[-1] == "1 has no curve: no pixel was measured."
    same = intensity_volume(image(np.full((2, 2), 3.0))).data
    assert same[["intensity", "volume_share"]].to_numpy().tolist() == [[3, 1]]
    with pytest.raises(WrongInput, match="at most 1,000,000 levels"):
        intensity_volume(image(np.array([[0.0, 1.0]])), bin_width=1e-9)


def test_bad_input_has_a_reason_or_is_one_sentence():
    numbers = np.array([[1, 1, 2, 2, 3]])
    values = np.array([[5.0, 5.0, np.nan, np.nan, 2.0]])
    labels = Labels.from_array(numbers, "yx", spacing=1.0)
    data = first_order(image(values), labels).data
    assert data.reason.tolist() == ["", "no pixel was measured", ""]
    assert data["mean"].tolist()[::2] == [5.0, 2.0]
    assert math.isnan(data.skewness[0])
    assert data.uniformity[0] == 1.0
    assert math.isnan(data.volume_at_intensity_10[2])
    with pytest.raises(CannotCompute, match="no measured pixel"):
        first_order(image(np.full((3, 3), np.nan)))
    with pytest.raises(WrongInput, match="at most 1,000,000 levels"):
        first_order(image(np.array([[0.0, 1.0]])), bin_width=1e-9)
    # Between the percentiles of two values there is none.
    two = first_order(image(np.array([[0.0, 1.0]]))).data.iloc[0]
    assert math.isnan(two.robust_mean_absolute_deviation)
    assert two.variance == 0.25
