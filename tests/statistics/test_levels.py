"""Variance components, ICC and groups: closed forms, brute force, coverage."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from study_tables import study_table

from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Table, Tags
from nanoscape.statistics.levels.anova import anova
from nanoscape.statistics.levels.compare_groups import compare_groups
from nanoscape.statistics.levels.gather import LEVELS
from nanoscape.statistics.levels.intervals import drawn_components, interval
from nanoscape.statistics.levels.nest import nested
from nanoscape.statistics.levels.reml import deviance, reml
from nanoscape.statistics.levels.sample_size import power_of, subjects_needed
from nanoscape.statistics.levels.subjects import subject_means
from nanoscape.statistics.levels.two_groups import compare, holm, permutation_p
from nanoscape.statistics.levels.variance_components import variance_components

TRIPLES = pd.DataFrame(
    {"subject": np.repeat(list("abc"), 3), "x": [1.0, 2, 3, 2, 4, 6, 7, 8, 9]}
)
SHROUT_FLEISS = np.array(
    [
        [9, 2, 5, 8],
        [6, 1, 3, 2],
        [8, 4, 6, 8],
        [7, 1, 2, 6],
        [10, 5, 6, 9],
        [6, 2, 4, 7],
    ]
)


def table(data, name="results", **tags):
    return Table(data=data, name=name, tags=Tags.of("sheet", **tags))


def nest_of(data):
    return nested(data.rename(columns={"x": "value"}), LEVELS)


@pytest.mark.parametrize("method", ["REML", "ANOVA"])
def test_one_way_by_hand(method):
    data = variance_components([table(TRIPLES)], method=method).components.data
    assert data.level.tolist() == ["subject", "within"]
    assert data.mean_square.tolist() == pytest.approx([28, 2], rel=1e-12)
    assert data.variance.tolist() == pytest.approx([26 / 3, 2], rel=1e-6)
    assert data.icc[0] == pytest.approx(0.8125, rel=1e-6)
    # The exact interval of one way with groups of one size, from Fisher's F.
    f = 14 / stats.f.ppf([0.975, 0.025], 2, 6)
    low, high = (f - 1) / (f + 2)
    assert data.icc_low[0] == pytest.approx(low, abs=0.01)
    assert data.icc_high[0] == pytest.approx(high, abs=0.001)
    low, high = 12 / stats.chi2.ppf([0.975, 0.025], 6)
    assert data.variance_low[1] == pytest.approx(low, rel=0.01)
    assert data.variance_high[1] == pytest.approx(high, rel=0.01)


def test_the_table_of_shrout_and_fleiss():
    data = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(6), 4),
            "x": SHROUT_FLEISS.ravel(),
        }
    )
    rows = variance_components([table(data)], value="x").components.data
    assert rows.mean_square.tolist() == pytest.approx([11.2417, 6.2639], abs=5e-5)
    assert rows.icc[0] == pytest.approx(0.16574, abs=5e-6)


def dense_deviance(frame, variances):
    """Return -2 log of the restricted likelihood with the whole covariance matrix."""
    y = frame.x.to_numpy()
    path, v = "", variances[-1] * np.eye(len(y))
    for level, variance in zip(LEVELS, variances[:-1], strict=True):
        path = path + frame[level].astype(str) + "/"
        v += variance * (path.to_numpy()[:, None] == path.to_numpy()[None])
    one = np.ones(len(y))
    inverse = np.linalg.inv(v)
    mean = one @ inverse @ y / (one @ inverse @ one)
    rest = y - mean
    return (
        np.linalg.slogdet(v)[1] + math.log(one @ inverse @ one) + rest @ inverse @ rest
    )


def test_the_likelihood_of_unequal_groups_is_that_of_the_whole_matrix():
    frame = study_table(0, (6, 2, 3, 2), (2, 1, 0.7, 0.5), lost=0.3)
    nest = nest_of(frame)
    points = [np.array([1.0, 2, 3, 0.5]), np.array([0.0, 0.1, 2, 1.5])]
    ours = [deviance(nest, p.astype(complex)).real for p in points]
    dense = [dense_deviance(frame, p) for p in points]
    assert ours[0] - ours[1] == pytest.approx(dense[0] - dense[1], rel=1e-9)
    best = optimize.minimize(
        lambda p: dense_deviance(frame, np.exp(p)),
        np.log(reml(nest) + 0.05),
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4000},
    )
    assert dense_deviance(frame, reml(nest)) <= best.fun + 1e-6


def test_equal_groups_have_the_same_components_by_both_methods():
    nest = nest_of(study_table(3))
    assert (anova(nest).components > 0).all()
    assert reml(nest) == pytest.approx(anova(nest).components, rel=1e-5)


def test_expected_mean_squares_of_unequal_groups_by_simulation():
    frame = study_table(0, (5, 2, 3, 2), lost=0.4)
    found = anova(nest_of(frame)).coefficients
    simulated, nest = np.zeros_like(found), nest_of(frame)
    frame = frame.sort_values(list(LEVELS), kind="stable").reset_index(drop=True)
    rng = np.random.default_rng(1)
    paths = [
        frame[list(LEVELS[: k + 1])].astype(str).agg("/".join, axis=1) for k in range(3)
    ] + [pd.Series(np.arange(len(frame)))]
    for column, path in enumerate(paths):
        code = pd.factorize(path)[0]
        for _ in range(800):
            values = rng.normal(0, 1, code.max() + 1)[code]
            squares = anova(dataclasses.replace(nest, values=values)).mean_squares
            simulated[:, column] += squares / 800
    assert simulated == pytest.approx(found, abs=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0.0, 0.25])
def test_intervals_hold_the_truth_as_often_as_they_say(lost):
    truth, repeats = np.array([4.0, 1.0, 0.49]), 1000
    shares = np.cumsum(truth)[:2] / truth.sum()
    hits, estimates = np.zeros(5), []
    for seed in range(repeats):
        found = anova(nest_of(study_table(seed, lost=lost)))
        drawn = np.maximum(drawn_components(found), 0)
        estimates.append(found.components)
        total = drawn.sum(axis=1)
        for k in range(3):
            low, high = interval(drawn[:, k], 0.95)
            hits[k] += low <= truth[k] <= high
        for k in range(2):
            low, high = interval(drawn[:, : k + 1].sum(axis=1) / total, 0.95)
            hits[3 + k] += low <= shares[k] <= high
    assert (hits / repeats >= 0.93).all()
    assert (hits / repeats <= 0.97).all()
    estimates = np.array(estimates)
    error = estimates.std(axis=0) / math.sqrt(repeats)
    assert (np.abs(estimates.mean(axis=0) - truth) < 3.5 * error).all()


def test_levels_that_cannot_be_told_apart_are_said_so():
    frame = study_table(0, (6, 1, 3, 1))
    found = variance_components([table(frame)], value="x").components
    assert found.data.level.tolist() == ["subject and lesion", "section"]
    assert any("one lesion" in note for note in found.notes)
    assert found.notes[0].startswith("n = 6 subject")


def test_levels_may_be_tags_and_noise_is_taken_out():
    frame = study_table(0, (6, 2, 2, 5), (2, 1, 0.7, 1.5))
    parts = [
        table(part[["x"]], subject=s, lesion=a, section=b)
        for (s, a, b), part in frame.groupby(["subject", "lesion", "section"])
    ]
    whole = variance_components([table(frame)], value="x").components.data
    found = variance_components(parts, noise=1.0).components.data
    assert found.variance.tolist() == pytest.approx(whole.variance.tolist(), rel=1e-6)
    left = found.variance_without_noise.iloc[-1]
    assert left == pytest.approx(whole.variance.iloc[-1] - 1, rel=1e-6)
    loud = variance_components(parts, noise=9.0).components.data
    assert math.isnan(loud.variance_without_noise.iloc[-1])
    assert "larger than the spread" in loud.noise_reason.iloc[-1]


def test_designs_follow_the_t_test():
    assert subjects_needed(0.5, 0.8) == 64
    assert subjects_needed(1.0, 0.8) == 17
    assert power_of(64, 0.5) == pytest.approx(0.8015, abs=5e-5)
    assert subjects_needed(0.0, 0.8) is None
    found = variance_components([table(TRIPLES)], difference=1.0).designs.data
    single = found[found.n_within_in_each == 1].iloc[0]
    expected = math.sqrt(26 / 3 + 2)
    assert single.standard_deviation_of_subjects == pytest.approx(expected, rel=1e-6)


def test_components_of_bad_input():
    same = TRIPLES.assign(x=3.0)
    rows = variance_components([table(same)]).components.data
    assert (rows.reason == "all values are equal").all()
    with pytest.raises(WrongInput, match="does not say which subject"):
        variance_components([table(TRIPLES[["x"]])])
    with pytest.raises(WrongInput, match="no column 'y'"):
        variance_components([table(TRIPLES)], value="y")
    with pytest.raises(WrongInput, match="no table"):
        variance_components([])
    with pytest.raises(CannotCompute, match="no row"):
        variance_components([table(TRIPLES.assign(x=np.nan))])
    with pytest.raises(CannotCompute, match="at least two subjects"):
        variance_components([table(TRIPLES.iloc[:3])])
    with pytest.raises(CannotCompute, match="at least two subjects"):
        variance_components([table(TRIPLES.iloc[[0, 3]])])
    missing = TRIPLES.assign(x=TRIPLES.x.where(TRIPLES.index != 4))
    assert (
        "1 without a value" in variance_components([table(missing)]).components.notes[0]
    )
    negative = variance_components(
        [table(TRIPLES.assign(x=-TRIPLES.x))]
    ).components.data
    assert negative.icc[0] == pytest.approx(0.8125, rel=1e-6)


def test_two_groups_against_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 7), rng.normal(1, 2, 9)
    found = compare(a, b)
    expected = stats.ttest_ind(b, a, equal_var=False)
    assert found.t == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    bounds = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high))
    exact = stats.permutation_test(
        (a, b),
        lambda x, y: np.abs(x.mean() - y.mean()),
        alternative="greater",
        n_resamples=np.inf,
    )
    assert permutation_p(a, b) == pytest.approx(exact.pvalue, abs=1e-12)
    assert holm(np.array([0.01, np.nan, 0.04, 0.03])) == pytest.approx(
        [0.03, np.nan, 0.06, 0.06], nan_ok=True
    )


def test_the_effect_size_by_hand():
    a, b = np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])
    d = 2 / math.sqrt(5 / 3)
    unbiased = math.gamma(3) / (math.gamma(2.5) * math.sqrt(3))
    found = compare(a, b)
    assert found.g == pytest.approx(d * unbiased, rel=1e-12)
    # At the bounds the statistic found lies in the tails of the non-central t.
    root, t = math.sqrt(2), d * math.sqrt(2)
    tails = [
        stats.nct.cdf(t, 6, bound / unbiased * root)
        for bound in (found.g_low, found.g_high)
    ]
    assert tails == pytest.approx([0.975, 0.025], abs=1e-8)


@pytest.mark.slow
def test_intervals_of_differences_hold_the_truth():
    hits, repeats = np.zeros(2), 1000
    effect = 3 / math.sqrt(4 + 1 / 2 + 0.49 / 4 + 1 / 12)
    for seed in range(repeats):
        frame = study_table(seed, (12, 2, 2, 3), (2, 1, 0.7, 1), lost=0.05, shift=3.0)
        means = subject_means(frame.rename(columns={"x": "value"}), LEVELS)
        groups = [part["mean"].to_numpy() for _, part in means.groupby("group")]
        found = compare(*groups)
        hits[0] += found.low <= 3 <= found.high
        hits[1] += found.g_low <= effect <= found.g_high
    assert (hits / repeats >= 0.93).all()
    assert (hits / repeats <= 0.97).all()


def test_subjects_count_once_whatever_was_measured_of_them():
    frame = study_table(1, (8, 2, 2, 3), lost=0.3, shift=2.0)
    found = compare_groups([table(frame)], value="x")
    steps = frame.groupby(["group", "subject", "lesion", "section"]).x.mean()
    steps = steps.groupby(["group", "subject", "lesion"]).mean()
    means = steps.groupby(["group", "subject"]).mean()
    assert found.subjects.data["mean"].to_numpy() == pytest.approx(means.to_numpy())
    row = found.comparison.data.iloc[0]
    assert (row["first"], row["second"]) == ("control", "treated")
    assert (row.n_first, row.n_second) == (4, 4)
    assert found.comparison.notes[0].startswith("n = 8 subjects")
    repeated = pd.concat([frame, frame], ignore_index=True)
    again = compare_groups([table(repeated)], value="x").comparison.data.iloc[0]
    assert again.p == pytest.approx(row.p, rel=1e-9)


def test_groups_that_cannot_be_compared():
    frame = study_table(1, (2, 2, 2, 1))
    row = compare_groups([table(frame)], value="x").comparison.data.iloc[0]
    assert row.reason == "fewer than two subjects in a group"
    assert math.isnan(row.p)
    assert math.isfinite(row.difference)
    with pytest.raises(CannotCompute, match="one group"):
        compare_groups([table(frame.assign(group="a"))], value="x")
    with pytest.raises(WrongInput, match="several groups"):
        compare_groups([table(frame.assign(group=list("abababab")))], value="x")
    with pytest.raises(WrongInput, match="no group 'z'"):
        compare_groups([table(frame)], value="x", control="z")
    same = study_table(1, (6, 1, 2, 1)).assign(x=1.0)
    row = compare_groups([table(same)], value="x").comparison.data.iloc[0]
    assert row.reason == "all subjects of a group are equal"
    three = study_table(1, (9, 1, 2, 1))
    three["group"] = three.subject.map(lambda s: "abc"[s % 3])
    three["y"] = three.x * 2
    found = compare_groups([table(three)], value="x, y").comparison.data
    assert len(found) == 6
    assert (found.p_holm >= found.p).all()
    assert len(compare_groups([table(three)], value="x", control="a").comparison) == 2
