"""Moran's I and Geary's C against published values, brute force and any cut."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions
from nanoscape.statistics.raster.autocorrelation import autocorrelation
from nanoscape.statistics.raster.moran_geary import PairSums, geary, moran
from nanoscape.statistics.raster.neighbour_sums import offsets

PHANTOM = (
    "14411 14611 41641 44641 14411 11611 x1311 44611 "
    "144xx 11111 11x11 11611 144xx 11111 11111 11611"
)


def image(values, spacing=1.0, **more):
    values = np.asarray(values)
    return Image.from_array(values, "zyx"[-values.ndim :], spacing=spacing, **more)


def row(values, **options):
    options = {"permutations": 0} | options
    return autocorrelation(image(values), **options).data.iloc[0]


def brute_force(values, kind, by_row, numbers=None):
    """Return the sums over pairs from the full matrix of weights."""
    shape = values.shape
    inside = np.isfinite(values) & (True if numbers is None else numbers > 0)
    places = np.argwhere(inside)
    steps = {tuple(step[3 - len(shape) :]) for step in offsets(kind, shape).tolist()}
    w = np.array([[tuple(b - a) in steps for b in places] for a in places], float)
    if by_row:
        w /= np.maximum(w.sum(axis=1, keepdims=True), 1)
    z = values[inside] - values[inside].mean()
    return PairSums(
        n=len(z),
        s0=w.sum(),
        s1=((w + w.T) ** 2).sum() / 2,
        s2=((w.sum(axis=1) + w.sum(axis=0)) ** 2).sum(),
        cross=z @ w @ z,
        contrast=(w * (z[:, None] - z) ** 2).sum(),
        m2=(z**2).sum(),
        m4=(z**4).sum(),
    )


def test_the_phantom_of_the_image_biomarker_standardisation_initiative():
    letters = PHANTOM.replace(" ", "")
    values = [math.nan if letter == "x" else float(letter) for letter in letters]
    phantom = image(np.array(values).reshape(4, 4, 5), spacing=2000.0)
    found = autocorrelation(phantom, weights="inverse distance").data.iloc[0]
    assert found.n_pixels == 74
    assert found.moran_i == pytest.approx(0.039704, abs=5e-7)
    assert found.geary_c == pytest.approx(0.974047, abs=5e-7)


@pytest.mark.parametrize(
    ("weights", "standardise", "moran_i", "randomised", "normal"),
    [
        ("rook", "none", 0.5, 0.0596875, 0.053125),
        ("queen", "rows", 0.3555555555555555, 0.023104089506172827, None),
    ],
)
def test_nine_numbers_as_published(weights, standardise, moran_i, randomised, normal):
    values = np.arange(1.0, 10).reshape(3, 3)
    found = row(values, weights=weights, standardise=standardise)
    assert found.moran_i == pytest.approx(moran_i, rel=1e-12)
    assert found.moran_expected == -0.125
    assert found.moran_variance_randomisation == pytest.approx(randomised, rel=1e-12)
    if normal:
        assert found.moran_variance_normality == pytest.approx(normal, rel=1e-12)
        assert found.geary_c == pytest.approx(1 / 3, rel=1e-12)


def test_twenty_five_numbers_as_published():
    values = np.arange(25.0).reshape(5, 5) ** 1.5
    found = row(values, weights="queen", standardise="rows")
    assert found.moran_i == pytest.approx(0.7453014926578829, rel=1e-12)
    variance = found.moran_variance_randomisation
    assert variance == pytest.approx(0.011818288976015626, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "moran_i", "geary_c"),
    [
        (np.indices((4, 4)).sum(axis=0) % 2, -1.0, 1.875),
        (np.repeat([[0], [0], [1], [1]], 4, axis=1), 2 / 3, 0.3125),
        (np.repeat([0] * 4 + [1] * 4, 8).reshape(8, 8), 6 / 7, None),
    ],
)
def test_chessboard_and_halves(values, moran_i, geary_c):
    found = row(values.astype(float), weights="rook")
    assert found.moran_i == pytest.approx(moran_i, rel=1e-12)
    if geary_c:
        assert found.geary_c == pytest.approx(geary_c, rel=1e-12)


@pytest.mark.parametrize("kind", ["queen", "rook"])
@pytest.mark.parametrize("standardise", ["none", "rows"])
@pytest.mark.parametrize("shape", [(9, 11), (4, 5, 6), (1, 30)])
def test_holes_and_volumes_against_all_pairs(kind, standardise, shape):
    rng = np.random.default_rng(len(shape))
    values = rng.gamma(2.0, 1.0, shape)
    values[rng.random(shape) < 0.25] = np.nan
    found = row(values, weights=kind, standardise=standardise)
    sums = brute_force(values, kind, standardise == "rows")
    for label, score in (("moran_i", moran(sums)), ("geary_c", geary(sums))):
        short = label.split("_")[0]
        assert found[label] == pytest.approx(score.value, rel=1e-12)
        for name in ("variance_normality", "variance_randomisation"):
            expected = getattr(score, name)
            assert found[f"{short}_{name}"] == pytest.approx(expected, rel=1e-10)


def test_variance_is_that_of_all_permutations():
    from itertools import permutations

    orders = permutations([1.0, 3.0, 4.5, 4.5, 10.0])
    every = [row(np.array([math.nan, *order]).reshape(2, 3)) for order in orders]
    one = every[0]
    for label, short in (("moran_i", "moran"), ("geary_c", "geary")):
        found = [item[label] for item in every]
        assert np.mean(found) == pytest.approx(one[f"{short}_expected"], rel=1e-9)
        variance = one[f"{short}_variance_randomisation"]
        assert np.var(found) == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("standardise", ["none", "rows"])
def test_permutations_agree_with_every_permutation(standardise):
    from itertools import permutations

    values = [math.nan, 0.5, 3.0, 1.0, 4.5, 10.0]
    options = {"weights": "rook", "standardise": standardise}
    one = row(np.reshape(values, (2, 3)), permutations=9999, **options)
    gap = abs(one.moran_i - one.moran_expected)
    far = [
        abs(row(np.reshape(values[:1] + list(order), (2, 3)), **options).moran_i + 0.25)
        > gap - 1e-9
        for order in permutations(values[1:])
    ]
    assert one.moran_p_permutation == pytest.approx(np.mean(far), abs=0.02)


def six_points():
    """Return values at six places of a grid of 5 µm, nothing elsewhere."""
    values = np.full((5, 7), math.nan)
    places = [(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)]
    for (x, y), value in zip(places, [2, 3, 3.2, 5, 8, 7], strict=True):
        values[(y - 10) // 5, (x - 10) // 5] = value
    return values


def test_six_points_as_published():
    # PySAL esda, binary weights within 15.
    options = {"weights": "within radius", "radius": 15.0, "permutations": 0}
    found = autocorrelation(image(six_points(), 5.0), **options).data.iloc[0]
    assert found.getis_ord_g == pytest.approx(0.5570977917981073, rel=1e-12)
    assert found.g_p == pytest.approx(2 * 0.17293565873591432, rel=1e-9)
    assert found.moran_i == pytest.approx(0.038527, abs=5e-7)
    assert found.geary_c == pytest.approx(0.896466, abs=5e-7)


@pytest.mark.parametrize(
    "options",
    [
        {"weights": "queen"},
        {"weights": "rook", "standardise": "rows"},
        {"weights": "within radius", "radius": 2.0},
        {"weights": "within radius", "radius": 2.0, "standardise": "rows"},
        {"weights": "inverse distance"},
    ],
)
def test_mean_and_variance_of_g_are_those_of_all_permutations(options):
    from itertools import permutations

    orders = permutations([1.0, 3.0, 4.5, 0.0, 10.0])
    every = [
        row(np.array([math.nan, *order]).reshape(2, 3), **options) for order in orders
    ]
    found = [item.getis_ord_g for item in every]
    assert np.mean(found) == pytest.approx(every[0].g_expected, rel=1e-9)
    assert np.var(found) == pytest.approx(every[0].g_variance_randomisation, rel=1e-9)


@pytest.mark.parametrize("standardise", ["none", "rows"])
def test_neighbours_within_a_radius_against_all_pairs(standardise):
    rng = np.random.default_rng(5)
    values = rng.gamma(2.0, 1.0, (4, 9, 8))
    values[rng.random(values.shape) < 0.3] = np.nan
    spacing = (3.0, 1.0, 1.5)
    source = Image.from_array(values, "zyx", spacing=spacing)
    options = {"weights": "within radius", "radius": 3.2, "standardise": standardise}
    found = autocorrelation(source, permutations=0, **options).data.iloc[0]
    places = np.argwhere(np.isfinite(values)) * np.array(spacing)
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    w = ((apart <= 3.2) & (apart > 0)).astype(float)
    if standardise == "rows":
        w /= np.maximum(w.sum(axis=1, keepdims=True), 1)
    x = values[np.isfinite(values)]
    z = x - x.mean()
    expected = len(z) / w.sum() * (z @ w @ z) / (z @ z)
    assert found.moran_i == pytest.approx(expected, rel=1e-12)
    g = (x @ w @ x) / (x.sum() ** 2 - (x**2).sum())
    assert found.getis_ord_g == pytest.approx(g, rel=1e-12)


def test_g_tells_whether_high_or_low_values_gather():
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, 0.1, (40, 40))
    high = values.copy()
    high[10:15, 10:15] += 5
    low = np.full((40, 40), 5.0) + values
    low[10:30, 10:30] -= 4.9
    options = {"permutations": 99}
    found = row(high, **options)
    assert found.g_z > 10
    assert found.g_p_permutation == 0.01
    assert row(values, **options).g_p_permutation > 0.02
    # Low values that gather leave I above 0 and G near or below its expectation.
    assert row(low, **options).moran_i > 0.5
    assert row(low - 3, **options).g_reason == "some values are negative"
    assert math.isnan(row(low - 3, **options).g_p_permutation)


def test_permutations_of_g_agree_with_every_permutation():
    from itertools import permutations

    values = [math.nan, 0.5, 3.0, 1.0, 4.5, 10.0]
    one = row(np.reshape(values, (2, 3)), permutations=9999)
    gap = abs(one.getis_ord_g - one.g_expected)
    far = [
        abs(row(np.reshape(values[:1] + list(order), (2, 3))).getis_ord_g
            - one.g_expected) > gap - 1e-9
        for order in permutations(values[1:])
    ]  # fmt: skip
    assert one.g_p_permutation == pytest.approx(np.mean(far), abs=0.02)


def test_permutations_of_noise_agree_with_the_variance_and_of_a_pattern_are_rare():
    rng = np.random.default_rng(3)
    values = rng.random((40, 50))
    values[5:20, 10:30] = np.nan
    noise = row(values, permutations=1999)
    assert noise.moran_p_permutation == pytest.approx(noise.moran_p, abs=0.04)
    values += np.arange(50) / 20
    assert row(values, permutations=99).moran_p_permutation == 0.01


@pytest.mark.parametrize(
    ("standardise", "weights"),
    [("none", "queen"), ("rows", "queen"), ("none", "within radius")],
)
def test_chunks_and_workers_do_not_matter(standardise, weights):
    options = {"standardise": standardise, "weights": weights}
    rng = np.random.default_rng(0)
    values = rng.random((1100, 130))
    values[rng.random(values.shape) < 0.1] = np.nan
    numbers = rng.integers(0, 3, values.shape) // 2 + (np.arange(130) > 60)
    tables = []
    for chunk, workers in [(130, 1), (64, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            labels = Labels.from_array(
                da.from_array(numbers, chunks=chunk + 1), "yx", spacing=1.0
            )
            source = Image.from_array(
                da.from_array(values, chunks=chunk), "yx", spacing=1.0
            )
            found = autocorrelation(source, labels, permutations=130, **options)
            tables.append(found.data)
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    assert tables[0].region.tolist() == ["1", "2"]
    whole = np.where(numbers == 2, values, np.nan)
    alone = row(whole, **options)
    assert tables[0].moran_i[1] == pytest.approx(alone.moran_i, rel=1e-12)


def test_regions_and_excluded_areas():
    values = np.random.default_rng(1).random((12, 12))
    corners = np.array([[-0.5, -0.5], [-0.5, 5.5], [11.5, 5.5], [11.5, -0.5]])
    regions = Regions(
        polygons=(corners,), names=("left",), axes="yx", space="world", name="areas"
    )
    mask = np.zeros((12, 12), np.uint8)
    mask[:3] = 1
    table = autocorrelation(
        image(values), regions, [Labels.from_array(mask, "yx", spacing=1.0)],
        permutations=0,
    )  # fmt: skip
    expected = row(values[3:, :6])
    assert table.data.region.tolist() == ["left"]
    assert table.data.moran_i[0] == pytest.approx(expected.moran_i, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((5, 5), 0.1), "all values are equal"),
        (np.array([[1.0, 2.0]]), "fewer than 4 pixels were measured"),
        (np.array([[1.0]]), "fewer than 4 pixels were measured"),
        (np.where(np.indices((6, 6)).max(axis=0) % 2, np.nan,
                  np.arange(36.0).reshape(6, 6)), ""),
        (np.array([[1, np.nan, 2, np.nan, 4, np.nan, 7]]), "no two measured pixels"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_has_a_reason(values, reason):
    found = row(values, permutations=9)
    assert found.reason.startswith(reason)
    assert math.isnan(found.moran_i) == bool(reason)
    assert math.isnan(found.moran_p_permutation) == bool(reason)


def test_too_large_regions_say_so(monkeypatch):
    monkeypatch.setattr("nanoscape.statistics.raster.autocorrelation.HELD_PIXELS", 10)
    values = np.random.default_rng(0).random((5, 5))
    found = row(values, permutations=9)
    assert "larger than 10 pixels" in found.permutation_reason
    assert math.isfinite(found.moran_p)
    assert "larger" in row(values, weights="inverse distance").reason


def test_wrong_input_is_one_sentence():
    with pytest.raises(CannotCompute, match="no measured pixel"):
        autocorrelation(image(np.full((3, 3), np.nan), name="drug"))
    colour = Image.from_array(np.ones((4, 4, 3)), "yx", spacing=1.0, rgb=True)
    with pytest.raises(WrongInput, match="colour"):
        autocorrelation(colour)


def test_weights_and_null_model_are_named():
    notes = " ".join(
        autocorrelation(image(np.random.default_rng(0).random((9, 9)))).notes
    )
    for word in ("queen", "randomisation", "permutations", "edges"):
        assert word in notes
