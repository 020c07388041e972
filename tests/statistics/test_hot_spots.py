"""Local statistics against published values, brute force and any cut."""

from __future__ import annotations

import itertools
import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels
from nanoscape.statistics.raster.false_discoveries import discoveries
from nanoscape.statistics.raster.hot_spots import hot_spots
from nanoscape.statistics.raster.local_moran import local_moran
from nanoscape.statistics.raster.neighbourhood import neighbourhood


def image(values, spacing=1.0, **more):
    values = np.asarray(values)
    return Image.from_array(values, "zyx"[-values.ndim :], spacing=spacing, **more)


def near(values, spacing, radius):
    """Return measured pixels and the matrix of who is near whom, self included."""
    inside = np.isfinite(values)
    places = np.argwhere(inside) * np.asarray(spacing)
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    return values[inside], (apart <= radius + 1e-9).astype(float), inside


def brute_gi(values, spacing, radius):
    x, w, inside = near(values, spacing, radius)
    n, size = len(x), w.sum(axis=1)
    s = x.std()
    z = np.full(values.shape, np.nan)
    z[inside] = (w @ x - size * x.mean()) / (
        s * np.sqrt((n * size - size**2) / (n - 1))
    )
    return z


def test_twenty_five_numbers_as_published():
    values = np.arange(25.0).reshape(5, 5) ** 1.5
    z = hot_spots(image(values)).score.data.compute()
    corners = [-2.38201812, -1.85741679, 1.71736199, 2.87459117]
    assert z[[0, 0, 4, 4], [0, 4, 0, 4]] == pytest.approx(corners, abs=1e-6)
    assert z[2, 2] == pytest.approx(-0.40669365, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "spacing", "radius"),
    [((12, 15), (1.0, 1.0), 2.0), ((12, 15), (2.0, 1.0), 3.1),
     ((5, 8, 7), (3.0, 1.0, 1.0), 3.0), ((1, 40), (1.0, 1.0), 5.0)],
)  # fmt: skip
def test_scores_with_holes_and_long_voxels_against_all_pairs(shape, spacing, radius):
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, 1.0, shape)
    values[rng.random(shape) < 0.2] = np.nan
    found = hot_spots(image(values, spacing), radius=radius).score.data.compute()
    expected = brute_gi(values, spacing, radius)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)


def test_local_values_add_up_to_moran():
    from nanoscape.statistics.raster.autocorrelation import autocorrelation

    values = np.random.default_rng(1).gamma(2.0, 1.0, (9, 14))
    values[2:4, 5:7] = np.nan
    found = local_moran(image(values)).moran.data.compute()
    whole = autocorrelation(image(values), standardise="rows", permutations=0)
    assert np.nanmean(found) == pytest.approx(whole.data.moran_i[0], rel=1e-6)


def test_scores_of_local_moran_are_those_of_all_places_of_the_other_values():
    values = np.array([[0.0, 1.0, 3.0], [4.5, 7.0, 10.0]])
    found = local_moran(image(values), radius=1.0)
    score = found.score.data.compute()
    for place, around in (
        ((0, 0), [(0, 1), (1, 0)]),
        ((1, 1), [(0, 1), (1, 0), (1, 2)]),
    ):
        z = values - values.mean()
        others = [z[p] for p in np.ndindex(values.shape) if p != place]
        sums = [sum(c) for c in itertools.combinations(others, len(around))]
        own = sum(z[p] for p in around)
        expected = np.sign(z[place]) * (own - np.mean(sums)) / np.std(sums)
        assert score[place] == pytest.approx(expected, rel=1e-5)
        lag = z[place] * own / len(around) / z.var()
        assert found.moran.data.compute()[place] == pytest.approx(lag, rel=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_discoveries_are_those_of_sorted_p_values(share, rate):
    rng = np.random.default_rng(int(share * 100))
    z = rng.standard_normal(4000) + 3.5 * (rng.random(4000) < share)
    z = z.astype(np.float32).reshape(40, 100)
    z[0, :7] = np.nan
    p = 2 * stats.norm.sf(np.abs(z[np.isfinite(z)].astype(float)))
    chosen = stats.false_discovery_control(p, method="bh") <= rate
    found = discoveries(da.from_array(z, chunks=17), rate)
    assert found.tests == p.size
    assert found.found == chosen.sum()
    assert (np.abs(z) >= found.z).sum() == chosen.sum()


def spotted():
    rng = np.random.default_rng(2)
    values = rng.standard_normal((90, 110))
    values[20:35, 30:45] += 2
    values[60:70, 80:95] -= 2
    values[40, 40] = 9
    return values


def test_hot_and_cold_spots_are_found_and_measured():
    found = hot_spots(image(spotted(), 2.0), rate=0.01)
    classes = found.classes.data.compute()
    assert (classes[22:33, 32:43] == 1).all()
    assert (classes[62:68, 82:93] == 2).all()
    row = found.summary.data.iloc[0]
    assert row.n_hot == (classes == 1).sum()
    assert row.hot_size_um2 == 4 * row.n_hot
    assert row.cold_fraction == (classes == 2).mean()
    z, p = found.score.data.compute(), found.p.data.compute()
    assert np.array_equal(classes > 0, np.abs(z) >= row.score_threshold)
    assert p == pytest.approx(2 * stats.norm.sf(np.abs(z)), rel=1e-5)
    assert found.classes.table.name.tolist() == ["hot", "cold"]
    assert "Benjamini" in " ".join(found.summary.notes)


def test_an_outlier_is_high_among_low():
    values = np.random.default_rng(0).normal(0, 0.1, (60, 60))
    values[20:40, 20:40] += 3
    values[30, 30] = -3
    classes = local_moran(image(values)).classes.data.compute()
    assert classes[30, 30] == 4
    assert classes[25, 25] == 1
    assert classes[5, 5] in (0, 2)


def test_six_points_as_published():
    # PySAL esda, binary weights within 15; a grid of 5 µm, nothing elsewhere.
    values = np.full((5, 7), math.nan)
    places = [(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)]
    index = tuple(np.array([((y - 10) // 5, (x - 10) // 5) for x, y in places]).T)
    values[index] = [2, 3, 3.2, 5, 8, 7]
    with_self = [-1.39727626, -0.28917762, 0.65064964, -0.28917762, 1.23452088,
                 2.02424331]  # fmt: skip
    without = [-1.0136729, -0.04361589, 1.31558703, -0.31412676, 1.15373986,
               1.77833941]  # fmt: skip
    for own, expected in ((True, with_self), (False, without)):
        found = hot_spots(image(values, 5.0), radius=15.0, with_self=own)
        assert found.score.data.compute()[index] == pytest.approx(expected, abs=1e-6)


def test_permutations_are_those_of_all_places_of_the_other_values():
    values = np.array([[math.nan, 1.0, 3.0], [4.5, 4.5, 10.0], [0.0, 2.0, math.nan]])
    for own in (True, False):
        found = hot_spots(
            image(values), radius=1.0, permutations=20_000, with_self=own
        ).p.data.compute()
        for place in np.argwhere(np.isfinite(values)):
            apart = np.abs(np.argwhere(np.isfinite(values)) - place).sum(axis=1)
            x = values[np.isfinite(values)]
            others = x[apart > 0]
            count = int((apart == 1).sum())
            sums = [sum(c) for c in itertools.combinations(others, count)]
            gap = abs(x[apart == 1].sum() - count * others.mean())
            far = np.abs(np.array(sums) - count * others.mean()) >= gap - 1e-9
            assert found[tuple(place)] == pytest.approx(far.mean(), abs=0.012)


def test_permutations_and_the_normal_approximation_agree_where_it_holds():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((40, 50))
    values[3:9, 10:20] = np.nan
    normal, drawn = (
        hot_spots(image(values), radius=4.0, with_self=False, permutations=m)
        for m in (0, 4000)
    )
    one, two = (item.p.data.compute() for item in (normal, drawn))
    np.testing.assert_allclose(one, two, atol=0.045)
    assert np.array_equal(
        normal.score.data.compute(), drawn.score.data.compute(), equal_nan=True
    )
    row = drawn.summary.data.iloc[0]
    assert row.permutation_reason == ""
    assert normal.summary.data.permutation_reason[0].startswith("no permutations")
    assert any("4000 draws" in note for note in drawn.summary.notes)
    # Single large values make neighbourhoods hot by the approximation, and are common.
    skewed = rng.gamma(0.05, 1.0, (40, 50))
    normal, drawn = (hot_spots(image(skewed), permutations=m) for m in (0, 999))
    assert normal.summary.data.n_hot[0] > drawn.summary.data.n_hot[0]


def test_a_patch_is_hot_by_permutations_too(monkeypatch):
    found = hot_spots(image(spotted()), radius=2.0, rate=0.01, permutations=9999)
    classes = found.classes.data.compute()
    assert (classes[23:32, 33:42] == 1).all()
    assert (classes[62:68, 83:92] == 2).all()
    assert (classes > 0).mean() < 0.06
    row = found.summary.data.iloc[0]
    p = found.p.data.compute()
    assert np.array_equal(classes > 0, p <= row.p_threshold * (1 + 1e-6))
    assert math.isnan(row.score_threshold)
    monkeypatch.setattr("nanoscape.statistics.raster.hot_spots.HELD_PIXELS", 99)
    row = hot_spots(image(spotted()), permutations=9).summary.data.iloc[0]
    assert row.permutation_reason == "the region is larger than 99 pixels"
    assert row.n_hot > 0


def with_permutations(*inputs, **options):
    return hot_spots(*inputs, permutations=99, **options)


@pytest.mark.parametrize("operation", [hot_spots, local_moran, with_permutations])
def test_chunks_and_workers_do_not_matter(operation):
    values = spotted()
    values[::7, ::5] = np.nan
    mask = np.ones(values.shape, np.uint8)
    mask[:, :9] = 0
    results = []
    for chunk, workers in [(110, 1), (23, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            source = Image.from_array(
                da.from_array(values, chunks=chunk), "yx", spacing=1.0
            )
            region = Labels.from_array(
                da.from_array(mask, chunks=31), "yx", spacing=1.0
            )
            results.append(operation(source, region, radius=3.0))
    one, two = results
    pd.testing.assert_frame_equal(one.summary.data, two.summary.data, check_exact=True)
    for name in ("score", "p", "classes"):
        a, b = (getattr(item, name).data.compute() for item in results)
        assert np.array_equal(a, b, equal_nan=name != "classes")
    assert np.isnan(one.score.data.compute()[:, :9]).all()


@pytest.mark.parametrize("operation", [hot_spots, local_moran])
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((4, 4), 0.1), "all values are equal"),
        (np.array([[1.0]]), "fewer than 3 pixels were measured"),
        (np.array([[1.0, 2.0], [3.0, 5.0]]), "nothing is significant"),
    ],
)
def test_what_cannot_be_measured_has_a_reason(operation, values, reason):
    found = operation(image(values))
    row = found.summary.data.iloc[0]
    assert row.reason == reason
    assert math.isnan(row.p_threshold)
    assert not found.classes.data.compute().any()


def test_nothing_measured_is_one_sentence():
    with pytest.raises(CannotCompute, match="no measured pixel"):
        hot_spots(image(np.full((3, 3), np.nan), name="drug"))


def test_a_neighbourhood_is_a_ball_in_micrometres():
    found = neighbourhood((2.0, 1.0, 1.0), (9, 9, 9), 2.0)
    every = itertools.product(range(-2, 3), repeat=3)
    inside = [p for p in every if (2 * p[0]) ** 2 + p[1] ** 2 + p[2] ** 2 <= 4]
    assert found.size == len(inside)
    assert found.halo == (1, 2, 2)
    assert neighbourhood((1.0, 1.0), (9, 9), None).size == 9
