"""Whether a drug has to do with vessels: known fields, brute force, sizes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels
from nanoscape.statistics.distance.relation import vessel_relation
from nanoscape.statistics.nulls.envelopes import envelope, rank_p
from nanoscape.statistics.nulls.shift_curves import shift_curves
from nanoscape.statistics.nulls.shifts import Overlap, rim_to_core

SIDE = 160


def scene(seed, trend=False, related=False, grain=2.0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    radius = np.hypot(y - SIDE / 2, x - SIDE / 2) / (SIDE / 2)
    tissue = radius < 0.95 if trend else np.ones((SIDE, SIDE), bool)
    rate = 0.01 * radius**1.5 if trend else np.full(tissue.shape, 0.004)
    mask = ndimage.binary_dilation(rng.random(tissue.shape) < rate)
    drug = ndimage.gaussian_filter(rng.normal(0, 1, tissue.shape), grain)
    drug /= drug.std()
    if trend:
        drug += 3 * radius**2
    if related:
        drug += 1.5 * np.exp(-ndimage.distance_transform_edt(~mask) * 4 / 30)
    options = {"spacing": 4.0}
    return (
        Image.from_array(drug, "yx", name="drug", **options),
        Labels.from_array(mask.astype(int), "yx", name="CD31", **options),
        Labels.from_array(tissue.astype(int), "yx", name="tumour", **options),
    )


def test_a_drug_from_vessels_is_related_and_an_independent_one_is_not():
    data = vessel_relation(*scene(1, related=True)[:2]).answers.data
    assert data.answer.tolist() == ["yes", "yes"]
    assert data.reason[1] == "no edge of the tissue is seen"
    answers = [
        vessel_relation(*scene(seed)[:2]).answers.data.p[0] for seed in range(2, 8)
    ]
    assert np.median(answers) > 0.2


def test_a_shared_trend_is_a_relation_only_until_it_is_taken_out():
    first, beyond = [], []
    for seed in range(6):
        data = vessel_relation(*scene(seed, trend=True)).answers.data
        first.append(data.p[0])
        beyond.append(data.p[1])
    assert np.mean(np.array(first) <= 0.05) >= 0.5
    assert np.mean(np.array(beyond) <= 0.05) <= 0.25
    data = vessel_relation(*scene(3, trend=True, related=True)).answers.data
    assert data.answer[1] == "yes"


def test_the_curve_is_the_mean_of_the_drug_by_distance():
    drug, vessels, _ = scene(0, related=True)
    found = vessel_relation(drug, vessels, bin_width=20.0).curves.data
    part = found[found.question == "related at all"]
    mask = vessels.data.compute() > 0
    distance = np.maximum(ndimage.distance_transform_edt(~mask) * 4 - 2, 0)
    values = drug.data.compute()
    everywhere = values[~mask].mean()
    for _, row in part.iterrows():
        held = ~mask & (distance >= row.from_um) & (distance < row.to_um)
        if held.any():
            assert row.n_cells == held.sum()
            assert row["mean"] == pytest.approx(values[held].mean(), rel=1e-6)
            assert row.excess == pytest.approx(
                values[held].mean() - everywhere, abs=1e-9
            )
    assert part.excess.iloc[0] > part.high_global.iloc[0]


def test_a_covariance_of_each_shift_equals_brute_force():
    rng = np.random.default_rng(0)
    used = rng.random((7, 6)) < 0.8
    a, b = (np.where(used, rng.normal(0, 1, used.shape), 0) for _ in range(2))
    found = Overlap(used).covariances(a, b)
    for dy, dx in [(0, 0), (1, -2), (-3, 1)]:
        pairs = [
            (a[y, x], b[y + dy, x + dx])
            for y, x in np.argwhere(used)
            if 0 <= y + dy < 7 and 0 <= x + dx < 6 and used[y + dy, x + dx]
        ]
        one, two = np.array(pairs).T
        n = len(pairs)
        expected = ((one - one.mean()) * (two - two.mean())).sum() / math.sqrt(n)
        assert found[dy, dx] == pytest.approx(expected, abs=1e-9)


def test_ranks_of_curves_by_hand():
    simulated = np.array([[0.0, 0], [1, -1], [-1, 1], [0.5, 0]])
    found = envelope(np.array([3.0, 0]), simulated, level=0.4)
    assert found.mean.tolist() == [0.7, 0.0]
    assert found.p_mad == found.p_dclf == 0.2
    # Two of five curves may leave the bands: the second largest of the deviations.
    assert found.high_global[0] == pytest.approx(0.7 + 1.0)
    assert rank_p(np.array([1.0, 2, 1, 0])) == 0.75
    unknown = envelope(np.array([np.nan, 1.0]), simulated)
    assert math.isnan(unknown.mean[0])
    # Deviations of the second place: 0.8, 0.2, 1.2, 0.8, 0.2.
    assert unknown.p_mad == 0.6
    nobody = envelope(np.array([1.0]), np.empty((0, 1)))
    assert math.isnan(nobody.p_mad)


def test_p_values_of_curves_of_chance_are_even():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(2000):
        curves = rng.normal(0, 1, (20, 5)).cumsum(axis=1)
        p.append(envelope(curves[0], curves[1:]).p_mad)
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.015)


@pytest.mark.slow
@pytest.mark.parametrize(("grain", "trend"), [(2.0, False), (2.0, True)])
def test_the_size_of_the_test(grain, trend):
    # All of 2,000 fields: python -m benchmarks.null_sizes.
    side, p = 96, []
    y, x = np.mgrid[:side, :side]
    radius = np.hypot(y - side / 2 + 0.5, x - side / 2 + 0.5) / (side / 2)
    tissue = radius < 0.95 if trend else np.ones((side, side), bool)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        rate = 0.012 * radius**1.5 if trend else 0.006
        mask = ndimage.binary_dilation(rng.random((side, side)) < rate)
        drug = rng.normal(0, 1, (side, side))
        drug = ndimage.gaussian_filter(drug, grain) if grain else drug
        drug = drug / drug.std() + 2 * trend * radius**2
        index = np.floor(ndimage.distance_transform_edt(~mask) * 0.4)
        shapes = [(index == k).astype(float) for k in range(8)]
        nuisance = rim_to_core(tissue) if trend else [np.ones(tissue.shape)]
        p.append(shift_curves(drug, shapes, tissue & ~mask, nuisance).bands.p_mad)
    rejected = (np.array(p) <= 0.05).mean()
    assert rejected <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert rejected >= 0.05 - 3.2 * math.sqrt(0.05 * 0.95 / 400)


def test_workers_do_not_matter():
    tables = []
    for workers in (1, 2):
        with using(Threads(workers=workers)):
            tables.append(vessel_relation(*scene(4, trend=True)).curves.data)
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_bad_input_has_a_reason_or_is_one_sentence():
    drug, vessels, _ = scene(0)
    values = drug.data.compute()
    flat = drug.replace(
        levels=Image.from_array(values * 0 + 1, "yx", spacing=4.0).levels
    )
    data = vessel_relation(flat, vessels).answers.data
    assert data.answer.tolist() == ["untested", "untested"]
    assert data.reason[0] == "nothing is left of the drug"
    small = [item.cropped({"y": (0, 12), "x": (0, 12)}) for item in (drug, vessels)]
    marked = Labels.from_array(np.eye(12, dtype=int), "yx", spacing=4.0)
    data = vessel_relation(small[0], marked).answers.data
    assert data.answer[0] == "untested"
    assert data.reason[0].startswith("too few independent")
    tiny = Labels.from_array(
        np.pad(np.ones((5, 5), int), (0, SIDE - 5)), "yx", spacing=4.0
    )
    assert vessel_relation(drug, vessels, tiny).answers.data.reason[0] in {
        "the field is too small",
        "all distances are alike",
    }
    missing = np.where(
        np.random.default_rng(0).random(values.shape) < 0.2, np.nan, values
    )
    holed = Image.from_array(missing, "yx", spacing=4.0)
    assert vessel_relation(holed, vessels).answers.data.p.notna().all()
    with pytest.raises(CannotCompute, match="measured nowhere"):
        vessel_relation(Image.from_array(values * np.nan, "yx", spacing=4.0), vessels)
    nobody = Labels.from_array(np.zeros((SIDE, SIDE), int), "yx", spacing=4.0)
    with pytest.raises(CannotCompute, match="no vessels"):
        vessel_relation(drug, nobody)
    with pytest.raises(WrongInput, match="in the space"):
        vessel_relation(drug.replace(space="elsewhere"), vessels)
