"""K, L and the pair correlation: published values, brute force, chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from point_patterns import gap_to_outside, halton, holed, overlap, pattern, places_in
from point_patterns import window as window_of

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions
from nanoscape.model.transform import Affine
from nanoscape.statistics.points.curves import Estimator
from nanoscape.statistics.points.ripley import ripley
from nanoscape.statistics.points.set_covariance import set_covariance
from nanoscape.statistics.points.window import Window

SQUARE = np.stack([halton(100, 2), halton(100, 3)], axis=1)
SPATSTAT = {
    "square": (0.022020202020202, 0.025079365079365, 0.023791661103732, 0.024441117872),
    "long": (0.017575757575758, 0.020270270270270, 0.018503584609168, 0.019093873669),
}
CORRECTIONS = ("none", "border", "isotropic", "translation")


def last(places, mask, spacing, **options):
    options = {"simulations": 0, "steps": 10} | options
    found = ripley(pattern(places), window_of(mask, spacing), **options)
    return found.curves.data.iloc[-1]


@pytest.mark.parametrize("kind", ["square", "long"])
def test_the_values_of_spatstat(kind):
    places = SQUARE if kind == "square" else SQUARE[:, ::-1] * np.array([1.0, 3.0])
    mask = np.ones((8, 8) if kind == "square" else (8, 24), bool)
    for correction, expected in zip(CORRECTIONS, SPATSTAT[kind], strict=True):
        row = last(places, mask, 1 / 8, correction=correction, largest_radius=0.103)
        assert row.k_um2 == pytest.approx(expected, rel=3e-12), correction
        assert row.l_um == pytest.approx(math.sqrt(expected / math.pi), rel=3e-12)


def test_an_uneven_density_has_the_value_of_spatstat():
    window = Window("square", np.ones((8, 8), bool), (1 / 8, 1 / 8))
    radii = np.linspace(0, 0.103, 11)
    estimator = Estimator(window, radii, "translation", set_covariance(window, 0.2), 0)
    density = 100 * (0.5 + SQUARE[:, 0])
    k = estimator(SQUARE, None, (density, density)).k
    assert k[-1] == pytest.approx(0.031910190978691, rel=1e-12)
    # The same from an image of the density, looked up in fine pixels.
    x = (np.arange(4096) + 0.5) / 4096
    place = Affine.from_spacing("yx", [0.5, 1 / 4096], [0.25, 0.5 / 4096])
    image = Image.from_array(
        np.tile(100 * (0.5 + x), (2, 1)), "yx", grid_to_space=place
    )
    turned = SQUARE[:, ::-1]
    area = Labels.from_array(np.ones((2, 4096), int), "yx", grid_to_space=place)
    found = ripley(
        pattern(turned),
        area,
        density=image,
        steps=10,
        largest_radius=0.103,
        simulations=0,
    )
    assert found.curves.data.k_um2.iloc[-1] == pytest.approx(
        0.031910190978691, rel=1e-9
    )


def test_three_points_as_in_the_tests_of_astropy():
    places = np.array([[4.0, 1], [5, 2], [6, 3]])
    options = {"largest_radius": 2.5, "steps": 4}
    mask = np.ones((10, 10), bool)
    row = last(places, mask, 1.0, correction="translation", **options)
    assert row.k_um2 == pytest.approx(100**2 / 6 * 4 / 81, rel=1e-12)
    row = last(places, mask, 1.0, correction="none", **options)
    assert row.k_um2 == pytest.approx(100 / 6 * 4, rel=1e-12)


@pytest.mark.parametrize(
    ("shape", "spacing"), [((9, 7), (1.0, 1.5)), ((4, 6, 5), (2.0, 1.0, 1.5))]
)
def test_windows_with_holes_equal_brute_force(shape, spacing):
    mask = holed(shape)
    places = places_in(mask, spacing, 40)
    far = 2.0
    size = mask.sum() * math.prod(spacing)
    found = {
        c: last(places, mask, spacing, correction=c, largest_radius=far)
        for c in ("none", "border", "translation")
    }
    edges = [gap_to_outside(mask, spacing, place) for place in places]
    counted, translated, bordered = 0, 0.0, 0
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            if i != j and np.linalg.norm(a - b) <= far:
                counted += 1
                translated += 1 / overlap(mask, spacing, a - b)
                bordered += edges[i] >= far
    pairs = 40 * 39
    column = f"k_um{len(shape)}"
    none, border, translation = (found[c][column] for c in found)
    assert none == pytest.approx(size * counted / pairs, rel=1e-12)
    assert translation == pytest.approx(size**2 * translated / pairs, rel=1e-10)
    usable = sum(edge >= far for edge in edges)
    if usable:
        assert border == pytest.approx(bordered / usable * size / 40, rel=1e-12)
    else:
        assert math.isnan(border)


def test_the_pair_correlation_equals_brute_force():
    mask, spacing = holed((9, 7)), (1.0, 1.5)
    places = places_in(mask, spacing, 40)
    size = mask.sum() * 1.5
    found = ripley(
        pattern(places),
        window_of(mask, spacing),
        largest_radius=3.0,
        steps=6,
        simulations=0,
    )
    h = found.summary.data.bandwidth_um[0]
    assert h == pytest.approx(0.15 * math.sqrt(5) * math.sqrt(size / 40), rel=1e-12)
    for _, row in found.curves.data.iloc[1:].iterrows():
        total = 0.0
        for i, a in enumerate(places):
            for j, b in enumerate(places):
                d = np.linalg.norm(a - b)
                if i != j and abs(row.radius_um - d) < h:
                    kernel = 0.75 / h * (1 - ((row.radius_um - d) / h) ** 2)
                    total += kernel / overlap(mask, spacing, a - b) / d
        expected = total * size**2 / (40 * 39) / (2 * math.pi)
        assert row.pair_correlation == pytest.approx(expected, rel=1e-9)


def test_two_kinds_equal_brute_force():
    mask, spacing = holed((9, 7)), (1.0, 1.5)
    first, second = (places_in(mask, spacing, n, n) for n in (20, 30))
    area = window_of(mask, spacing)
    found = ripley(
        pattern(first),
        area,
        pattern(second),
        largest_radius=3.0,
        steps=6,
        simulations=0,
    ).curves.data
    total = sum(
        1 / overlap(mask, spacing, a - b)
        for a in first
        for b in second
        if np.linalg.norm(a - b) <= 3.0
    )
    size = mask.sum() * 1.5
    assert found.k_um2.iloc[-1] == pytest.approx(size**2 * total / 600, rel=1e-10)


def test_neighbours_on_a_lattice_are_counted_at_their_own_distance():
    y, x = np.mgrid[:10, :10]
    places = np.stack([y.ravel(), x.ravel()], axis=1) * 0.1 + 0.05
    found = ripley(
        pattern(places),
        window_of(np.ones((10, 10), bool), 0.1),
        correction="none",
        largest_radius=0.3,
        steps=3,
        simulations=0,
    ).curves.data
    # 2 · 9 · 10 pairs of touching neighbours, each counted twice.
    assert found.k_um2.iloc[1] == pytest.approx(360 / (100 * 99), rel=1e-12)


def test_isotropic_in_a_rectangle_made_of_a_mask_is_nearly_exact():
    mask = np.zeros((42, 42), bool)
    mask[1:41, 1:41] = True
    mask[0, 0] = True
    places = 0.5 + SQUARE * 20
    row = last(places, mask, 0.5, correction="isotropic", largest_radius=2.06)
    assert row.k_um2 == pytest.approx(400 * 0.023791661103732, rel=0.01)


@pytest.mark.parametrize("correction", ["border", "isotropic", "translation"])
def test_random_places_have_the_k_of_chance(correction):
    mask = np.ones((40, 40), bool)
    mask[10:25, 12:30] = False
    area = window_of(mask, 2.5)
    found = []
    for seed in range(40):
        places = places_in(mask, 2.5, 200, seed)
        options = {"correction": correction, "largest_radius": 12.0, "steps": 4}
        result = ripley(pattern(places), area, simulations=0, **options)
        found.append(result.curves.data.k_um2 / result.curves.data.k_random_um2)
    found = np.array(found)[:, 1:]
    error = found.std(axis=0) / math.sqrt(40)
    assert (np.abs(found.mean(axis=0) - 1) < 3.5 * error).all()


def test_where_the_grid_lies_does_not_matter():
    mask, spacing = holed((9, 7)), (1.0, 1.5)
    places = places_in(mask, spacing, 40)
    expected = last(places, mask, spacing, largest_radius=3.0)
    angle = 0.7
    turn = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    place = Affine.from_linear(
        turn @ np.diag(spacing), turn @ np.array([0.5, 0.75]) + 100, "yx"
    )
    area = Labels.from_array(mask.astype(int), "yx", grid_to_space=place)
    moved = pattern(places @ turn.T + 100)
    found = ripley(moved, area, largest_radius=3.0, steps=10, simulations=0)
    assert found.curves.data.k_um2.iloc[-1] == pytest.approx(expected.k_um2, rel=1e-9)


def clustered(seed):
    rng = np.random.default_rng(seed)
    parents = rng.random((12, 2)) * 90 + 5
    return (parents[:, None] + rng.normal(0, 2, (12, 10, 2))).reshape(-1, 2)


@pytest.mark.parametrize("null", ["random places", "random shifts", "random labels"])
def test_gathering_is_found_and_chance_is_not(null):
    mask = np.ones((50, 50), bool)
    mask[:10, :10] = False
    area = window_of(mask, 2.0)
    near = clustered(1)
    rng = np.random.default_rng(2)
    if null == "random places":
        found = ripley(pattern(near), area, simulations=99, null=null)
        alone = ripley(pattern(places_in(mask, 2.0, 120, 5)), area, simulations=99)
    else:
        about = near + rng.normal(0, 1, near.shape)
        if null == "random labels":
            about = places_in(mask, 2.0, 120, 6)
        found = ripley(pattern(near), area, pattern(about), simulations=99, null=null)
        alone = ripley(
            pattern(near),
            area,
            pattern(clustered(77)),
            simulations=99,
            null="random shifts",
        )
    if null == "random labels":
        # A mixture: cells of both kinds in the same clusters.
        every = np.concatenate([near, near + rng.normal(0, 1, near.shape)])
        order = rng.permutation(len(every))
        alone = ripley(
            pattern(every[order[:120]]),
            area,
            pattern(every[order[120:]]),
            simulations=99,
            null=null,
        )
    assert found.summary.data.p_mad[0] <= 0.02
    assert alone.summary.data.p_mad[0] > 0.05


def test_the_bands_hold_the_mean_and_workers_do_not_matter():
    mask = holed((30, 30), 3)
    points, area = pattern(places_in(mask, 2.0, 150)), window_of(mask, 2.0)
    tables = []
    for workers in (1, 2):
        with using(Threads(workers=workers)):
            found = ripley(points, area, simulations=39, intensity="smoothed")
            tables.append(found.curves.data)
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    data = tables[0].iloc[1:]
    assert (data.l_low_um <= data.l_mean_um).all()
    assert (data.l_mean_um <= data.l_high_um).all()
    assert (data.l_high_global_um - data.l_mean_um).round(9).nunique() == 1


def test_regions_drawn_by_hand_are_windows():
    corners = np.array([[0.0, 0], [0, 100], [100, 100], [100, 0]])
    hole = np.array([[40.0, 40], [40, 60], [60, 60], [60, 40]])
    regions = Regions(
        polygons=(corners,),
        names=("core",),
        holes=((hole,),),
        axes="yx",
        space="world",
        name="drawn",
    )
    row = ripley(pattern(SQUARE * 100), regions, simulations=0).summary.data.iloc[0]
    assert row.region == "core"
    assert row.size_um2 == pytest.approx(9600, rel=1e-3)
    hidden = ((SQUARE > 0.4) & (SQUARE < 0.6)).all(axis=1).sum()
    assert row.n_points == pytest.approx(100 - hidden, abs=1)


def test_too_few_points_have_a_reason():
    labels = np.ones((10, 20), int)
    labels[:, 10:] = 2
    area = window_of(labels, 1.0)
    places = np.array([[1.0, 2], [3, 4], [5, 5], [4, 15]])
    data = ripley(pattern(places), area, simulations=9).summary.data
    assert data.reason.tolist() == ["", "fewer than two points"]
    assert math.isnan(data.p_mad[1])
    with pytest.raises(CannotCompute, match="at least two points"):
        ripley(pattern(places[:1]), area)
    with pytest.raises(CannotCompute, match="nothing of labels is left"):
        ripley(pattern(places), window_of(np.zeros((4, 4), int), 1.0))


def test_what_does_not_go_together_is_one_sentence():
    area = window_of(np.ones((10, 10), int), 1.0)
    points = pattern(SQUARE * 10)
    with pytest.raises(WrongInput, match="points of another kind"):
        ripley(points, area, null="random labels")
    solid = window_of(np.ones((4, 4, 4), int), 1.0)
    with pytest.raises(WrongInput, match="in a plane"):
        ripley(pattern(np.ones((3, 3))), solid, correction="isotropic")
    with pytest.raises(WrongInput, match="as many dimensions"):
        ripley(pattern(np.ones((3, 3))), area)
    with pytest.raises(WrongInput, match="one space"):
        ripley(points.replace(space="elsewhere"), area)
    nothing = Image.from_array(np.zeros((10, 10)), "yx", spacing=1.0)
    with pytest.raises(CannotCompute, match="not positive everywhere"):
        ripley(points, area, density=nothing)
    place = Affine.from_linear(np.array([[1.0, 0.5], [0, 1.0]]), np.zeros(2), "yx")
    sheared = Labels.from_array(np.ones((9, 9), int), "yx", grid_to_space=place)
    with pytest.raises(WrongInput, match="right angles"):
        ripley(points, sheared)
