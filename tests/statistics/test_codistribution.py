"""Agreement of two images against published values, scipy and any cut."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels
from nanoscape.statistics.agreement.codistribution import codistribution
from nanoscape.statistics.nulls.shifts import effective_size

TILES = {
    "a": [[0, 1], [0, 1]],
    "b": [[0, 1], [1, 0]],
    "c": [[1, 0], [1, 0]],
    "d": [[1, 2], [3, 4]],
    "e": [[1, 2], [4, 3]],
}


def image(values, spacing=1.0, **more):
    values = np.asarray(values, float)
    return Image.from_array(values, "zyx"[-values.ndim :], spacing=spacing, **more)


def row(a, b, **options):
    return codistribution(image(a), image(b), **options).data.iloc[0]


def tiled(letter):
    return np.tile(TILES[letter], (8, 8))


def smooth(rng, shape=(48, 48), sigma=3.0):
    return ndimage.gaussian_filter(rng.standard_normal(shape), sigma)


@pytest.mark.parametrize(
    ("pair", "pearson", "icq", "manders"),
    [
        ("aa", 1, 0.5, (1, 1)),
        ("ab", 0, 0, (0.5, 0.5)),
        ("ac", -1, -0.5, (0, 0)),
        ("ad", None, None, (1, 0.6)),
        ("ae", None, None, (1, 0.5)),
    ],
)
def test_tiles_as_published(pair, pearson, icq, manders):
    found = row(tiled(pair[0]), tiled(pair[1]), thresholds="given")
    if pearson is not None:
        assert found.pearson == pytest.approx(pearson, abs=1e-12)
        assert found.icq == pytest.approx(icq, abs=1e-12)
    assert (found.manders_m1, found.manders_m2) == pytest.approx(manders, abs=1e-12)


@pytest.mark.parametrize(
    ("shift", "share", "pearson"),
    [(0, 1, 1), (1, 0.75, 0.721297), (2, 0.5, 0.442595), (3, 0.25, 0.163892),
     (4, 0, -0.114811)],
)  # fmt: skip
def test_a_quarter_less_overlap_is_a_quarter_less_of_manders(shift, share, pearson):
    # As many pixels in as many as in the images of Fiji's Coloc 2 with these values.
    n, k = 4 * 10_000, 4 * 1030
    a, b = np.zeros(n), np.zeros(n)
    a[:k] = 1
    b[shift * k // 4 : shift * k // 4 + k] = 1
    found = row(a.reshape(200, 200), b.reshape(200, 200), thresholds="given")
    assert (found.manders_m1, found.manders_m2) == pytest.approx((share, share))
    assert found.pearson == pytest.approx(pearson, abs=2e-4)


@pytest.mark.parametrize("shape", [(40, 50), (9, 12, 14)])
def test_correlations_are_those_of_scipy(shape):
    rng = np.random.default_rng(0)
    a = rng.poisson(3.0, shape).astype(float)
    b = a**2 + rng.normal(0, 8, shape)
    a[rng.random(shape) < 0.1] = np.nan
    b[rng.random(shape) < 0.1] = np.nan
    found = row(a, b)
    both = np.isfinite(a) & np.isfinite(b)
    x, y = a[both], b[both].astype(np.float32)
    assert found.n_pixels == both.sum()
    assert found.n_not_measured == both.size - both.sum()
    pearson = stats.pearsonr(a[both], b[both]).statistic
    assert found.pearson == pytest.approx(pearson, rel=1e-12)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic, rel=1e-12)
    same = (a[both] - a[both].mean()) * (b[both] - b[both].mean()) > 0
    assert found.icq == pytest.approx(same.mean() - 0.5, abs=1e-12)
    assert found.manders_reason == "some values are negative"


def test_costes_against_all_thresholds():
    rng = np.random.default_rng(1)
    signal = np.maximum(smooth(rng, (90, 90)) * 8 - 0.5, 0)
    a = 1 + 2 * signal + 0.3 * rng.random((90, 90))
    b = 2 + 3 * signal + 0.5 * rng.random((90, 90))
    found = row(a, b)
    (xx, xy), (_, yy) = np.cov(a.ravel(), b.ravel())
    slope = (yy - xx + math.hypot(yy - xx, 2 * xy)) / (2 * xy)
    offset = b.mean() - slope * a.mean()
    assert found.second_threshold == pytest.approx(
        slope * found.first_threshold + offset, rel=1e-9
    )

    def below(t):
        chosen = (a < t) & (b < slope * t + offset)
        return np.corrcoef(a[chosen], b[chosen])[0, 1]

    assert below(found.first_threshold) <= 0
    step = (a.max() - a.min()) / 2048
    for t in np.arange(found.first_threshold + 2 * step, a.max(), 10 * step):
        assert below(t) > 0
    m1 = a[b > found.second_threshold].sum() / a.sum()
    assert found.manders_m1 == pytest.approx(m1, rel=1e-12)


def test_images_that_fall_together_have_no_costes_thresholds():
    a = np.random.default_rng(0).random((30, 30))
    found = row(a, 2 - a)
    assert math.isnan(found.manders_m1)
    assert "rise together" in found.manders_reason


def test_chance_is_not_beaten_by_smooth_noise_but_by_agreement():
    rng = np.random.default_rng(5)
    rejected, naive = 0, 0
    for _ in range(40):
        a, b = smooth(rng), smooth(rng)
        found = row(a, b)
        rejected += found.p_shifts < 0.05
        naive += stats.pearsonr(a.ravel(), b.ravel()).pvalue < 0.05
    assert rejected <= 5
    assert naive > 20
    a = smooth(rng)
    found = row(a, a + 0.3 * smooth(rng))
    assert found.p_shifts < 0.05
    assert found.p_effective < 1e-3


def test_a_shared_trend_from_the_rim_is_told_apart():
    rng = np.random.default_rng(6)
    y, x = np.mgrid[:80, :80] - 39.5
    depth = 38 - np.hypot(y, x)
    a, b = (depth / 10 + 4 * smooth(rng, (80, 80), 2.0) for _ in range(2))
    tissue = Labels.from_array((depth > 0).astype(np.uint8), "yx", spacing=1.0)
    found = row(a, b, region=tissue)
    assert found.pearson > 0.5
    assert found.p_shifts_beyond_rim > 0.05


def test_effective_size_tells_how_much_correlations_of_noise_scatter():
    rng = np.random.default_rng(7)
    used = np.ones((48, 48), bool)
    pairs = [(smooth(rng), smooth(rng)) for _ in range(150)]
    found = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]
    size = np.median([effective_size(a, b, used) for a, b in pairs])
    assert np.var(found) * (size - 1) == pytest.approx(1, abs=0.35)
    white = rng.standard_normal((2, 48, 48))
    assert effective_size(*white, used) > 0.9 * used.size


def test_chunks_and_workers_do_not_matter():
    rng = np.random.default_rng(0)
    a = rng.gamma(2.0, 1.0, (1060, 70))
    b = a + rng.gamma(2.0, 1.0, a.shape)
    a[rng.random(a.shape) < 0.1] = np.nan
    numbers = np.where(np.arange(1060) < 500, 1, 2)[:, None] * np.ones(70, int)
    tables = []
    for chunk, workers in [(70, 1), (41, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            images = [
                Image.from_array(da.from_array(v, chunks=chunk), "yx", spacing=1.0)
                for v in (a, b)
            ]
            labels = Labels.from_array(
                da.from_array(numbers, chunks=33), "yx", spacing=1.0
            )
            tables.append(codistribution(*images, labels).data)
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    assert tables[0].region.tolist() == ["1", "2"]
    both = np.isfinite(a) & (numbers == 2)
    expected = np.corrcoef(a[both], b[both])[0, 1]
    assert tables[0].pearson[1] == pytest.approx(expected, rel=1e-12)


def test_coarse_cells_are_means_of_pixels(monkeypatch):
    monkeypatch.setattr(
        "nanoscape.statistics.agreement.two_channels.LONGEST", {1: 20, 2: 20, 3: 20}
    )
    rng = np.random.default_rng(8)
    a, b = smooth(rng, (100, 90), 6.0), smooth(rng, (100, 90), 6.0)
    found = codistribution(image(a), image(b))
    means = [v.reshape(20, 5, 18, 5).mean(axis=(1, 3)) for v in (a, b)]
    expected = row(*means)
    assert found.data.p_shifts[0] == pytest.approx(expected.p_shifts, rel=1e-9)
    assert any("5 pixels" in note for note in found.notes)


@pytest.mark.parametrize(
    ("a", "reason"),
    [
        (np.full((5, 5), 0.1), "all values of an image are equal"),
        (np.array([[1.0, 2.0]]), "fewer than 3 pixels were measured in both"),
        (np.arange(9.0).reshape(3, 3), "p: the field is too small"),
    ],
)
def test_what_cannot_be_measured_has_a_reason(a, reason):
    found = row(a, np.arange(a.size).reshape(a.shape))
    assert found.reason.startswith(reason)
    assert math.isnan(found.p_shifts)


def test_a_coarser_second_image_is_brought_onto_the_first():
    fine = np.kron(np.arange(16.0).reshape(4, 4), np.ones((2, 2)))
    coarse = Image.from_array(
        np.arange(16.0).reshape(4, 4), "yx",
        grid_to_space=image(fine).at_level(0).grid_to_space.from_spacing(
            "yx", 2.0, [0.5, 0.5]
        ),
    )  # fmt: skip
    found = codistribution(image(fine), coarse)
    assert found.data.pearson[0] == pytest.approx(1)
    assert any("brought onto" in note for note in found.notes)


def test_wrong_input_is_one_sentence():
    flat, deep = image(np.ones((4, 4))), image(np.ones((4, 4, 4)))
    with pytest.raises(WrongInput, match="axes"):
        codistribution(flat, deep)
    with pytest.raises(CannotCompute, match="measured in both"):
        codistribution(flat, image(np.full((4, 4), np.nan)))
