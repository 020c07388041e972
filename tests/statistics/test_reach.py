"""Tissue within reach, drug above a threshold: closed forms and known fields."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity
from nanoscape.statistics.distance.distance_map import distance_map
from nanoscape.statistics.distance.reach import reach

UNIT = Quantity("drug", "µg/g")


def labels(mask, spacing=1.0):
    axes = "zyx"[-mask.ndim :]
    return Labels.from_array(mask.astype(np.int32), axes, spacing=spacing, name="CD31")


def image(values, spacing=1.0):
    axes = "zyx"[-np.ndim(values) :]
    return Image.from_array(values, axes, spacing=spacing, quantity=UNIT, name="drug")


def stripes():
    """Return vessels every 100 µm, and the distance to their walls."""
    x = np.arange(901)
    mask = np.tile(x % 100 == 0, (200, 1))
    apart = np.minimum(x % 100, 100 - x % 100)
    return mask, np.tile(np.maximum(apart - 0.5, 0.0), (200, 1))


def test_stripes_by_hand():
    mask, distance = stripes()
    drug = np.exp(-distance / 30)
    found = reach(
        image(drug),
        labels(mask),
        distance=25.0,
        threshold=math.exp(-1),
        largest_distance=60.0,
    )
    row = found.summary.data.iloc[0]
    # 99 pixels between two walls, 49 of them nearer than 24.5 µm … 25 on each side.
    assert row.reach_um == 25.0
    assert row.tissue_within_reach == pytest.approx(50 / 99, abs=0.02)
    assert row.tissue_above_threshold == pytest.approx(60 / 99, abs=0.02)
    assert row.zone_of_influence_um == pytest.approx(30, abs=0.6)
    expected = (1 - math.exp(-25 / 30)) / (1 - math.exp(-49.5 / 30))
    assert row.drug_within_reach == pytest.approx(expected, abs=0.02)
    assert row.mean_distance_um == pytest.approx(24.75, abs=0.2)
    assert row.mean_distance_in_space_um == pytest.approx(24.75 / math.sqrt(2), abs=0.2)
    half = -30 * math.log(1 - (1 - math.exp(-49.5 / 30)) / 2)
    assert row.half_of_drug_within_um == pytest.approx(half, abs=0.7)
    assert row.unit == "µg/g"


def field(seed, side, rate):
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), bool)
    count = rng.poisson(rate * (side - 1) ** 2)
    mask[tuple(rng.integers(0, side, (2, count)))] = True
    mask[0, 0] |= not mask.any()
    return mask


def test_small_fields_of_random_vessels_are_not_biased():
    # 50 vessels per mm² in fields of 0.5 mm: deletion near the border gives 0.64.
    rate, steps = 50e-6, 4.0
    within, reduced, drug = [], [], []
    for seed in range(100):
        mask = field(seed, 125, rate * steps**2)
        vessels = labels(mask, steps)
        distance = distance_map(vessels).data.compute()
        found = reach(
            image(np.exp(-distance / 30), steps),
            vessels,
            distance=50.0,
            largest_distance=250.0,
        ).summary.data.iloc[0]
        within.append(found.tissue_within_reach)
        reduced.append(found.tissue_within_reach_reduced_sample)
        drug.append(found.drug_within_reach)
    # The wall of a vessel of one pixel is half a pixel from its centre.
    expected = 1 - math.exp(-rate * math.pi * (50 + steps / 2) ** 2)
    for values in (within, reduced):
        error = np.std(values) / math.sqrt(len(values))
        assert abs(np.mean(values) - expected) < 3.5 * error + 0.005
    # ∫ e^(-d/30) dF(d) up to 50 µm over all.
    d = np.arange(0, 400, 0.1)
    f = np.diff(1 - np.exp(-rate * math.pi * (d + steps / 2) ** 2)) * np.exp(
        -d[1:] / 30
    )
    expected = f[d[1:] <= 50].sum() / f.sum()
    error = np.std(drug) / math.sqrt(len(drug))
    assert abs(np.mean(drug) - expected) < 3.5 * error + 0.01


def test_vessels_not_seen_in_the_section_make_it_nearer():
    found = reach(image(np.ones((125, 125)), 4.0), labels(field(0, 125, 8e-4), 4.0))
    curve = found.curve.data
    seen = curve.tissue_within.to_numpy()
    assert curve.tissue_within_in_space.to_numpy() == pytest.approx(1 - (1 - seen) ** 2)
    assert any("not seen" in note for note in found.summary.notes)
    volume = np.zeros((9, 9, 9), bool)
    volume[4, 4, 4] = True
    solid = reach(image(np.ones((9, 9, 9))), labels(volume), distance=4.0)
    assert "tissue_within_in_space" not in solid.curve.data


def test_the_censored_share_by_brute_force():
    mask = field(3, 40, 4e-3)
    distance = distance_map(labels(mask)).data.compute()
    y, x = np.mgrid[:40, :40]
    border = np.minimum.reduce([y, 39 - y, x, 39 - x]) + 0.5
    found = reach(
        image(np.ones((40, 40))), labels(mask), distance=8.0, largest_distance=16.0
    ).curve.data
    outside = ~mask
    row = found[found.distance_um == 8.0].iloc[0]
    far = outside & (border >= 8.0)
    assert row.tissue_within_reduced_sample == pytest.approx(
        (distance[far] <= 8.0).mean(), abs=1e-12
    )


def test_chunks_and_workers_do_not_matter():
    mask = field(1, 300, 1e-3)
    drug = np.random.default_rng(0).random(mask.shape)
    drug[drug < 0.1] = np.nan
    tables = []
    for chunk, workers in [(64, 1), (300, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            source = image(da.from_array(drug, chunks=chunk))
            vessels = labels(da.from_array(mask, chunks=chunk))
            found = reach(source, vessels, threshold=0.5)
            tables.append(found.curve.data.assign(**found.summary.data.iloc[0]))
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_bad_input_has_a_reason_or_is_one_sentence():
    mask, distance = stripes()
    vessels = labels(mask)
    nothing = reach(image(np.full(mask.shape, np.nan)), vessels, threshold=1.0)
    row = nothing.summary.data.iloc[0]
    assert row.reason == "the drug was not measured in the tissue"
    assert math.isnan(row.tissue_above_threshold)
    assert row.n_not_measured == row.n_pixels
    below = reach(image(np.exp(-distance / 30) - 0.5), vessels)
    assert math.isnan(below.summary.data.drug_within_reach[0])
    assert any("negative" in note for note in below.summary.notes)
    assert below.summary.data.reason[0] == "no threshold was given"
    high = reach(image(np.ones(mask.shape)), vessels, threshold=0.5)
    assert high.summary.data.reason[0] == "the mean stays above the threshold"
    assert high.summary.data.tissue_above_threshold[0] == 1
    low = reach(image(np.ones(mask.shape)), vessels, threshold=2.0)
    assert low.summary.data.zone_of_influence_um[0] == 0
    with pytest.raises(CannotCompute, match="no vessels"):
        reach(image(distance), labels(np.zeros_like(mask)))
    with pytest.raises(CannotCompute, match="no tissue outside"):
        reach(image(distance), vessels, labels(mask))
    with pytest.raises(WrongInput, match="beyond the end"):
        reach(image(distance), vessels, distance=400.0)
    with pytest.raises(WrongInput, match="in the space"):
        reach(image(distance).replace(space="elsewhere"), vessels)
