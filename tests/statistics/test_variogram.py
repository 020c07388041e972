"""The variogram: closed forms, all pairs by brute force, fields of known law."""

from __future__ import annotations

import itertools
import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels
from nanoscape.statistics.raster.variogram import variogram
from nanoscape.statistics.raster.variogram_fit import fit_variogram, law_of


def image(values, spacing=1.0):
    return Image.from_array(values, "zyx"[-np.ndim(values) :], spacing=spacing)


def test_a_ramp_by_hand():
    # 1 2 3 4 5: pairs at 1 differ by 1, at 2 by 2.
    found = variogram(image(np.arange(1.0, 6)[None]), largest_distance=3.0).curves.data
    assert found.distance_um.tolist() == [1, 2, 3]
    assert found.n_pairs.tolist() == [4, 3, 2]
    assert found.variogram.tolist() == pytest.approx([0.5, 2, 4.5], abs=1e-12)
    # Moran's I of neighbours: (-2·-1 + 0 + 0 + 1·2) / 4 over the variance 2.
    assert found.correlation[0] == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize(
    ("shape", "spacing"), [((13, 11), (1.0, 1.5)), ((4, 7, 6), (3.0, 1.0, 1.5))]
)
def test_all_pairs_with_holes_equal_brute_force(shape, spacing):
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, 1.0, shape) + 100
    values[rng.random(shape) < 0.3] = np.nan
    places = np.argwhere(np.isfinite(values))
    x = values[tuple(places.T)]
    z = x - x.mean()
    apart = np.linalg.norm((places[:, None] - places[None]) * spacing, axis=-1)
    found = variogram(image(values, spacing), largest_distance=4.0).curves.data
    width = max(spacing)
    upper = np.triu(np.ones(apart.shape, bool), 1)
    bins = np.floor(apart / width + 0.5 + 1e-9)
    for _, row in found.iterrows():
        inside = upper & (apart <= 4.0 + 1e-9)
        inside &= bins == math.floor(row.distance_um / width + 0.5 + 1e-9)
        assert row.n_pairs == inside.sum()
        assert row.distance_um == pytest.approx(apart[inside].mean(), rel=1e-12)
        half = ((x[:, None] - x[None]) ** 2)[inside].mean() / 2
        assert row.variogram == pytest.approx(half, rel=1e-9)
        alike = (z[:, None] * z[None])[inside].mean() / z.var()
        assert row.correlation == pytest.approx(alike, rel=1e-7, abs=1e-9)
    assert found.n_pairs.sum() == (upper & (apart <= 4.0 + 1e-9)).sum()


@pytest.mark.parametrize("law", ["exponential", "spherical", "Gaussian"])
def test_a_law_is_found_again(law):
    h = np.arange(1.0, 60)
    curve = 0.3 + 1.7 * law_of(h, 25.0, law)
    fit = fit_variogram(h, curve, np.full(len(h), 100.0), law)
    assert (fit.nugget, fit.sill, fit.range) == pytest.approx(
        (0.3, 2.0, 25.0), rel=1e-3
    )
    # Read off the formulas: 95 % of the partial sill at the range.
    at_range = law_of(np.array([25.0]), 25.0, law)[0]
    expected = 1.0 if law == "spherical" else 1 - math.exp(-3)
    assert at_range == pytest.approx(expected, rel=1e-12)


def exponential_field(seed, side, reach, nugget):
    """Return a field of variance one with an exponential law and white noise."""
    y, x = np.mgrid[:side, :side]
    wrapped = np.hypot(np.minimum(y, side - y), np.minimum(x, side - x))
    spectrum = np.fft.fft2(np.exp(-3 * wrapped / reach)).real.clip(0)
    rng = np.random.default_rng(seed)
    white = np.fft.fft2(rng.normal(0, 1, (side, side)))
    smooth = np.fft.ifft2(white * np.sqrt(spectrum)).real
    return smooth + rng.normal(0, math.sqrt(nugget), (side, side))


def test_fields_of_a_known_law_have_its_nugget_sill_and_range():
    found = [
        variogram(image(exponential_field(seed, 200, 24.0, 0.5), 2.0)).summary.data
        for seed in range(12)
    ]
    rows = pd.concat(found)
    for column, truth in (("nugget", 0.5), ("sill", 1.5), ("range_um", 48.0)):
        error = rows[column].std() / math.sqrt(12)
        gap = abs(rows[column].mean() - truth)
        assert gap < 3.5 * error + 0.02 * truth, column


def test_white_noise_is_all_nugget():
    values = np.random.default_rng(0).normal(0, 2, (150, 150))
    row = variogram(image(values)).summary.data.iloc[0]
    assert row.reason in {"neighbours are not alike", "the range is a pixel"}
    assert row.nugget == pytest.approx(4, rel=0.1) or row.sill == pytest.approx(4, 0.1)
    assert math.isnan(row.range_um)


@pytest.mark.parametrize("shape", [(2, 3), (1, 6), (3, 2, 1)])
def test_mean_and_variance_of_the_correlogram_are_those_of_all_permutations(shape):
    hole = 1
    every = []
    for order in itertools.permutations([1.0, 3.0, 4.5, 0.0, 10.0]):
        values = np.insert(np.array(order), hole, math.nan).reshape(shape)
        source = image(values, 1.0)
        every.append(variogram(source, largest_distance=2.0, test=True).curves.data)
    found = np.array([data.correlation for data in every])
    one = every[7]
    np.testing.assert_allclose(found.mean(axis=0), one.correlation_expected, atol=1e-9)
    np.testing.assert_allclose(found.var(axis=0), one.correlation_variance, rtol=1e-7)
    expected = (found[7] - found.mean(axis=0)) / found.std(axis=0)
    np.testing.assert_allclose(one.z, expected, rtol=1e-6)


def test_distances_are_tested_together():
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.random((60, 70)), 2.0)
    smooth[20:30, 20:40] = np.nan
    noise = np.where(np.isnan(smooth), np.nan, rng.random((60, 70)))
    options = {"largest_distance": 20.0, "test": True}
    curves = [variogram(image(x), **options).curves.data for x in (smooth, noise)]
    assert (curves[0].p_holm[:3] < 1e-6).all()
    assert (curves[1].p_holm > 0.05).all()
    assert (curves[1].p_holm >= curves[1].p).all()
    # z of noise has a variance near one over many distances.
    assert 0.3 < (curves[1].z ** 2).mean() < 2.5
    plain = variogram(image(smooth), largest_distance=20.0).curves.data
    assert "p" not in plain
    assert plain.correlation.tolist() == curves[0].correlation.tolist()


def test_what_cannot_be_tested_has_a_reason(monkeypatch):
    values = np.random.default_rng(0).random((9, 9))
    row = variogram(image([[1.0, 2.0, 4.0]]), test=True).curves.data.iloc[0]
    assert row.p_reason.startswith("fewer than 4")
    monkeypatch.setattr("nanoscape.statistics.raster.correlogram.HELD_PIXELS", 9)
    row = variogram(image(values), test=True).curves.data.iloc[0]
    assert row.p_reason == "the region is larger than 9 pixels"
    assert math.isnan(row.p)
    assert math.isfinite(row.correlation)


def test_chunks_and_workers_do_not_matter_and_blocks_add_up(monkeypatch):
    values = ndimage.gaussian_filter(np.random.default_rng(0).random((300, 200)), 3)
    values[values < 0.45] = np.nan
    tables = []
    for chunk, workers in [(64, 1), (300, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            source = image(da.from_array(values, chunks=chunk))
            tables.append(variogram(source, largest_distance=20.0).curves.data)
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    monkeypatch.setattr("nanoscape.compute.blocks._EDGE", {1: 64, 2: 64, 3: 16})
    cut = variogram(image(values), largest_distance=20.0).curves.data
    assert cut.n_pairs.tolist() == tables[0].n_pairs.tolist()
    assert cut.variogram.tolist() == pytest.approx(
        tables[0].variogram.tolist(), rel=1e-10
    )


def test_regions_are_apart_and_bad_input_has_a_reason():
    values = np.random.default_rng(0).random((20, 30))
    values[:, 10:20] = 7.0
    numbers = np.repeat([1, 2, 3], 10)[None].repeat(20, 0).copy()
    numbers[0, 25] = 4
    labels = Labels.from_array(numbers, "yx", spacing=1.0)
    values[numbers == 3] = np.nan
    found = variogram(image(values), labels)
    data = found.summary.data.set_index("region")
    alone = variogram(image(values[:, :10])).curves.data
    first = found.curves.data[found.curves.data.region == "1"]
    assert first.variogram.tolist() == pytest.approx(alone.variogram.tolist(), rel=1e-9)
    assert data.reason["2"] == "all values are equal"
    assert data.reason["3"] == "fewer than two pixels were measured"
    assert data.reason["4"] == "fewer than two pixels were measured"
    with pytest.raises(CannotCompute, match="fewer than two measured pixels"):
        variogram(image(np.array([[1.0, np.nan]])))
    negative = variogram(image(values[:, :10] - 5)).curves.data
    assert negative.variogram.tolist() == pytest.approx(alone.variogram.tolist())
    trend = np.add.outer(np.arange(40.0), np.arange(40.0))
    row = variogram(image(trend)).summary.data.iloc[0]
    assert row.reason == "the variance still rises at the largest distance"
