from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from nanoscape.errors import WrongInput
from nanoscape.phantom.tumour import MountPlan, Tumour, cut, cut_series, mount
from nanoscape.phantom.tumour.network import Network
from nanoscape.phantom.tumour.tissue import Tissue


def with_vessels(tumour: Tumour, rows: list[list[float]]) -> Tumour:
    """The tumour with a few straight vessels of its own, the first one perfused."""
    count = len(rows)
    numbers = np.arange(count)
    first = numbers == 0
    network = Network(
        np.array(rows),
        numbers,
        np.column_stack([2 * numbers, 2 * numbers + 1]),
        first,
        first,
        first * 1e-4,
    )
    return replace(tumour, network=network)


def grid_of(section_size: tuple[float, float], step: float) -> np.ndarray:
    axes = [np.arange(step / 2, n, step) for n in section_size]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)


def test_a_flat_section_is_the_plane_at_its_depth(tumour: Tumour) -> None:
    section = cut(tumour, 100.0)
    where = grid_of((1000.0, 1000.0), 50.0)
    expected = np.column_stack([np.full(len(where), 100.0), where])
    np.testing.assert_allclose(section.places(where), expected, atol=1e-9)
    np.testing.assert_array_equal(
        section.value("oxygen", where), tumour.value("oxygen", section.places(where))
    )
    with pytest.raises(WrongInput, match="inside the block"):
        cut(tumour, 300.0)


def test_a_tilted_section_keeps_lengths_and_rises_as_asked(tumour: Tumour) -> None:
    section = cut(tumour, 120.0, tilt_deg=(5.0, -3.0))
    assert section.down @ section.across == pytest.approx(0, abs=1e-12)
    where = np.array([[500.0, 500.0], [600.0, 500.0], [500.0, 600.0]])
    place = section.places(where)
    assert place[0] == pytest.approx([120, 500, 500])
    assert np.linalg.norm(place[1:] - place[0], axis=1) == pytest.approx([100, 100])
    assert place[1, 0] - 120 == pytest.approx(100 * np.sin(np.deg2rad(5)))
    assert place[2, 0] - 120 == pytest.approx(100 * np.sin(np.deg2rad(-3)), rel=0.01)


def test_profiles_of_straight_vessels_are_ellipses(tumour: Tumour) -> None:
    slant = 60.0
    rise = 200 / np.tan(np.deg2rad(slant)) / 2
    tilted = 100 * np.tan(np.deg2rad(slant))
    assert rise > 0
    rows = [
        [0.0, 300.0, 300.0, 200.0, 300.0, 300.0, 10.0],
        [0.0, 600.0, 600.0 - tilted, 200.0, 600.0, 600.0 + tilted, 8.0],
        [104.0, 800.0, 300.0, 104.0, 800.0, 700.0, 5.0],
    ]
    section = cut(with_vessels(tumour, rows), 100.0)
    upright, slanted = section.profiles
    assert upright[:4] == pytest.approx([300, 300, 10, 10])
    assert upright[5] == 0
    assert slanted[:4] == pytest.approx([600, 600, 8, 8 / np.cos(np.deg2rad(slant))])
    assert slanted[4] == pytest.approx(0)
    where = grid_of(section.size_um, 1.0)
    segment = section.segment(where)
    assert (segment == 0).sum() == pytest.approx(np.pi * 100, rel=0.02)
    area = np.pi * 8 * 8 / np.cos(np.deg2rad(slant))
    assert (segment == 1).sum() == pytest.approx(area, rel=0.02)
    # The third lies 4 µm above the plane: what is cut of it is 6 µm wide.
    assert (segment == 2).sum() == pytest.approx(6 * 400, rel=0.03)


def test_distance_in_the_section_is_to_what_the_section_shows(tumour: Tumour) -> None:
    rows = [
        [0.0, 300.0, 300.0, 200.0, 300.0, 300.0, 10.0],
        [104.0, 800.0, 300.0, 104.0, 800.0, 700.0, 5.0],
        [130.0, 500.0, 500.0, 130.0, 500.0, 600.0, 8.0],
    ]
    section = cut(with_vessels(tumour, rows), 100.0)
    where = np.array([[300.0, 350.0], [780.0, 500.0], [300.0, 300.0], [500.0, 550.0]])
    found = section.distance_in_section(where)
    expected = [40.0, 17.0, 0.0, 297.0]
    assert found == pytest.approx(expected, abs=1e-6)
    # In space the vessel that the section misses is the nearest one.
    assert section.distance(where)[3] == pytest.approx(22)
    only = section.distance_in_section(where, vessels="perfused")
    assert only[1] == pytest.approx(np.hypot(480, 200) - 10)


def test_distance_in_the_section_agrees_with_a_fine_mask(tumour: Tumour) -> None:
    section = cut(tumour, 120.0, tilt_deg=(4.0, 2.0))
    step = 1.0
    axis = np.arange(300.0, 700.0, step)
    where = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    mask = (section.segment(where) >= 0).reshape(len(axis), -1)
    from_mask = ndimage.distance_transform_edt(~mask) * step - step / 2
    exact = section.distance_in_section(where).reshape(mask.shape)
    assert ((exact == 0) == mask).mean() > 0.999
    inner = (slice(150, 250), slice(150, 250))
    near = (exact[inner] > 0) & (exact[inner] < 140)
    assert near.any()
    assert abs(from_mask[inner] - exact[inner])[near].max() < 1.0
    space = section.distance(where).reshape(mask.shape)
    assert (np.maximum(space, 0) <= exact + 1e-6).all()


def test_as_many_profiles_as_stereology_says(tumour: Tumour) -> None:
    """Profiles per area are half the length per volume for isotropic vessels."""
    sections = [cut(tumour, z) for z in np.arange(5.0, 240.0, 5.0)]
    count = np.mean([len(section.profiles) for section in sections])
    height = np.abs(np.diff(tumour.network.capsules[:, [0, 3]], axis=1)).sum()
    assert count * 240.0 == pytest.approx(height, rel=0.03)
    assert height == pytest.approx(tumour.network.link_length_um.sum() / 2, rel=0.1)


def test_nuclei_of_a_section_are_cuts_of_those_in_space(tumour: Tumour) -> None:
    section = cut(tumour, 100.0)
    low, high = np.array([300.0, 300.0]), np.array([500.0, 500.0])
    found = section.nuclei(low, high)
    assert 20 < len(found) < 400
    assert ((found[:, :2] >= low) & (found[:, :2] < high)).all()
    assert found[:, 2].max() < 4.8
    whole = tumour.nuclei(np.array([95.0, 300, 300]), np.array([105.0, 500, 500]))
    cuts = whole[np.abs(whole[:, 0] - 100.0) < whole[:, 4]]
    assert len(cuts) == len(found)
    halves = [section.nuclei(low, np.array([500.0, 390.0]))]
    halves.append(section.nuclei(np.array([300.0, 390.0]), high))
    assert sorted(map(tuple, found)) == sorted(map(tuple, np.concatenate(halves)))


def test_adjacent_sections_are_alike_and_differ(tumour: Tumour) -> None:
    first, second, third = cut_series(tumour, 60.0, [12.0, 100.0])
    assert [first.depth_um, second.depth_um, third.depth_um] == [60, 72, 172]
    where = grid_of(first.size_um, 10.0)
    values = [s.value("oxygen", where) for s in (first, second, third)]
    inside = (first.tissue(where) != Tissue.OUTSIDE) & (values[2] > 0)
    near, far = (np.corrcoef(values[0][inside], v[inside])[0, 1] for v in values[1:])
    assert near > far
    assert near > 0.9


@pytest.mark.parametrize("mirror", [False, True])
def test_places_go_to_the_slide_and_back(tumour: Tumour, mirror: bool) -> None:
    section = cut(tumour, 100.0)
    mounted = mount(4, section, MountPlan(mirror=mirror))
    where = grid_of(section.size_um, 20.0)
    slide = mounted.to_slide(where)
    there = np.isfinite(slide).all(axis=1)
    assert 0.9 < there.mean() < 1
    back = mounted.to_section(slide[there])
    np.testing.assert_allclose(back, where[there], atol=1e-4)
    assert not mounted.torn(slide[there]).any()
    assert (np.linalg.det(mounted.linear) < 0) == mirror


def test_a_section_that_is_only_turned_is_turned(tumour: Tumour) -> None:
    plain = MountPlan(scale=0, stretch_um=0, tears=0, folds=0)
    mounted = mount(1, cut(tumour, 100.0), plain)
    middle = np.array([[500.0, 500.0]])
    np.testing.assert_allclose(mounted.to_section(middle), middle)
    two = np.array([[500.0, 500.0], [500.0, 700.0]])
    assert np.linalg.norm(np.diff(mounted.to_section(two), axis=0)) == pytest.approx(
        200
    )
    assert not mounted.torn(two).any()


def straight(mounted_plan: MountPlan) -> MountPlan:
    return replace(mounted_plan, rotation_deg=0, scale=0, stretch_um=0)


def test_a_tear_opens_by_its_width_and_loses_nothing(tumour: Tumour) -> None:
    plan = straight(MountPlan(tears=1, tear_um=40, folds=0))
    mounted = mount(2, cut(tumour, 100.0), plan)
    y, x, angle, _, width = mounted.tears[0]
    normal = np.array([np.cos(angle), -np.sin(angle)])
    across = np.arange(-100.25, 100.5, 0.5)
    line = np.array([y, x]) + across[:, None] * normal
    torn = mounted.torn(line)
    assert torn.sum() * 0.5 == pytest.approx(width, abs=1)
    source = (mounted.to_section(line) - [y, x]) @ normal
    np.testing.assert_allclose(source[torn], 0, atol=1e-9)
    assert (np.diff(source[~torn]) > 0).all()
    left, right = source[across < -20].max(), source[across > 20].min()
    assert left == pytest.approx(0, abs=1)
    assert right == pytest.approx(0, abs=1)
    assert (mounted.value("oxygen", line)[torn] == 0).all()


def test_a_fold_holds_three_layers_of_one_strip(tumour: Tumour) -> None:
    plan = straight(MountPlan(tears=0, folds=1, fold_um=30))
    mounted = mount(2, cut(tumour, 100.0), plan)
    y, x, angle, _, width = mounted.folds[0]
    normal = np.array([np.cos(angle), -np.sin(angle)])
    across = np.arange(-60.25, 60.5, 0.5)
    line = np.array([y, x]) + across[:, None] * normal
    folded = mounted.folded(line)
    assert folded.sum() * 0.5 == pytest.approx(width, abs=1)
    sources = [(mounted.to_section(line, k) - [y, x]) @ normal for k in range(3)]
    np.testing.assert_allclose(sources[0][~folded], sources[1][~folded])
    strip = np.sort(np.concatenate([source[folded] for source in sources]))
    # Three layers hold the strip of three widths once, end to end.
    assert strip.min() == pytest.approx(-1.5 * width, abs=1)
    assert strip.max() == pytest.approx(1.5 * width, abs=1)
    assert np.diff(strip).max() < 1.01
    assert sources[0][across < -15].max() == pytest.approx(-1.5 * width, abs=1)
    one = [
        mounted.section.value("oxygen", mounted.to_section(line, k)) for k in range(3)
    ]
    np.testing.assert_allclose(
        mounted.value("oxygen", line)[folded], np.sum(one, axis=0)[folded]
    )
    with pytest.raises(WrongInput, match="200"):
        mount(2, mounted.section, MountPlan(fold_um=300))


def test_the_stretch_is_as_large_as_asked(tumour: Tumour) -> None:
    plan = MountPlan(rotation_deg=0, scale=0, tears=0, folds=0, stretch_um=20)
    section = cut(tumour, 100.0)
    where = grid_of(section.size_um, 25.0)
    size = [
        np.sqrt(((mount(seed, section, plan).to_section(where) - where) ** 2).mean())
        for seed in range(30)
    ]
    assert np.mean(size) == pytest.approx(20, rel=0.15)


def test_bubbles_and_seams_lie_where_they_are_said(tumour: Tumour) -> None:
    mounted = mount(3, cut(tumour, 100.0), MountPlan(bubbles=1))
    y, x, radius = mounted.bubbles[0]
    where = np.array([[y, x], [y + radius - 1, x], [y + radius + 1, x]])
    assert mounted.under_bubble(where).tolist() == [True, True, False]
    on = np.array([[600.0, 100.0], [601.4, 100.0], [602.0, 100.0], [100.0, 598.6]])
    assert mounted.on_seam(on).tolist() == [True, True, False, True]


def test_the_same_seed_mounts_in_the_same_way_tile_by_tile(tumour: Tumour) -> None:
    section = cut(tumour, 100.0, tilt_deg=(2.0, 1.0))
    where = grid_of(section.size_um, 20.0)
    mounted = mount(5, section)
    for function in (
        mounted.to_section,
        mounted.torn,
        lambda p: mounted.value("carrier", p),
        section.distance_in_section,
        section.segment,
    ):
        whole = function(where)
        parts = [function(np.ascontiguousarray(p)) for p in np.array_split(where, 11)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()
    again = mount(5, section).to_section(where)
    assert again.tobytes() == mounted.to_section(where).tobytes()
    other = mount(6, section).to_section(where)
    assert other.tobytes() != again.tobytes()
