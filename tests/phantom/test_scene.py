from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nanoscape.phantom.areas import depth_on_grid, outline, wavy_area
from nanoscape.phantom.capsules import FAR_UM, CapsuleIndex
from nanoscape.phantom.scene import (
    CARRIER_DECAY_UM,
    VESSEL_AREA_FRACTION,
    Section,
    make_section,
)
from nanoscape.phantom.transport import LAWS
from nanoscape.phantom.vessels import CLASS_EDGES_UM


def brute_force(capsules: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distances of all places to all walls, by sampling nothing away."""
    start, along = capsules[:, :2], capsules[:, 2:4] - capsules[:, :2]
    offset = points[:, None] - start[None]
    t = (offset * along).sum(-1) / (along**2).sum(-1)
    nearest = start + np.clip(t, 0, 1)[..., None] * along
    away = np.linalg.norm(points[:, None] - nearest, axis=-1)
    return (away - capsules[:, 4]).min(axis=1)


def test_distances_equal_brute_force_at_places_and_on_a_grid() -> None:
    rng = np.random.default_rng(0)
    size = (700.0, 500.0)
    start = rng.uniform(50, 450, (60, 2))
    ends = start + rng.uniform(-6, 6, (60, 2))
    capsules = np.column_stack([start, ends, rng.uniform(2, 20, 60)])
    index = CapsuleIndex.build(capsules, size)
    points = rng.uniform(0, [700, 500], (500, 2))
    truth = np.minimum(brute_force(capsules, points), FAR_UM)
    distance, nearest = index.at(points)
    np.testing.assert_allclose(distance, truth, atol=1e-9)
    assert (nearest >= 0).all()
    y, x = np.arange(3.0, 690, 7.3), np.arange(-20.0, 480, 7.3)
    grid = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    expected = np.minimum(brute_force(capsules, grid), FAR_UM)
    found, _ = index.on_grid(y, x)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-6, atol=1e-4)


def test_without_vessels_all_places_are_far() -> None:
    index = CapsuleIndex.build(np.zeros((0, 5)), (100.0, 100.0))
    distance, nearest = index.at(np.array([[5.0, 5.0], [50.0, 90.0]]))
    assert (distance == FAR_UM).all()
    assert (nearest == -1).all()


def test_the_outline_of_an_area_is_where_its_depth_is_zero() -> None:
    area = wavy_area(np.random.default_rng(2), (40.0, 60.0), 30.0, 0.3)
    for y, x in outline(area, 50):
        assert abs(depth_on_grid(area[None], np.array([y]), np.array([x]))[0, 0]) < 1e-9


def painted(section: Section, step: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Vessel mask and nearest segments at a coarse sampling."""
    y, x = (np.arange(0, length, step) for length in section.size_um)
    wall, nearest = section.all_walls.on_grid(y, x, 5.0)
    return wall < 0, nearest


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_vessels_cover_the_stated_share_in_three_classes(seed: int) -> None:
    section = make_section(seed, (1331.0, 1331.0))
    mask, nearest = painted(section)
    y = np.arange(0, 1331.0, 1.0)
    viable = depth_on_grid(section.tissue[None], y, y) > 0
    viable &= depth_on_grid(section.necroses, y, y) <= 0
    assert mask.sum() / viable.sum() == pytest.approx(VESSEL_AREA_FRACTION, rel=0.15)
    classes = section.vessels.diameter_class[nearest[mask]]
    shares = np.bincount(classes, minlength=4)[1:] / len(classes)
    assert (shares > 0.18).all()
    low, high = CLASS_EDGES_UM[0], CLASS_EDGES_UM[-1]
    assert section.vessels.diameter_um.min() >= low
    assert section.vessels.diameter_um.max() <= high


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_trees_never_touch_and_are_perfused_as_a_whole(seed: int) -> None:
    section = make_section(seed, (1331.0, 1331.0))
    vessels = section.vessels
    mask, nearest = painted(section, 0.65)
    grown = ndimage.binary_dilation(mask, iterations=3)
    objects, count = ndimage.label(grown, np.ones((3, 3)))
    trees = [
        np.unique(vessels.tree[nearest[(objects == n) & mask]])
        for n in range(1, count + 1)
    ]
    assert all(len(found) == 1 for found in trees)
    assert count == len(np.unique(vessels.tree))
    for tree in np.unique(vessels.tree):
        assert len(np.unique(vessels.perfused[vessels.tree == tree])) == 1
    share = vessels.perfused[nearest[mask]].mean()
    assert 0.58 < share < 0.72


def test_vessels_keep_out_of_necroses_and_inside_the_tissue(section: Section) -> None:
    capsules = section.vessels.capsules
    ends = np.concatenate([capsules[:, :2], capsules[:, 2:4]])
    assert section.in_tissue(ends).all()
    assert not section.in_necrosis(ends).any()


def test_the_carrier_decays_with_the_stated_length(section: Section) -> None:
    rng = np.random.default_rng(5)
    points = rng.uniform(0, section.size_um[0], (20000, 2))
    points = points[section.in_tissue(points)]
    capsules = section.vessels.capsules[section.vessels.perfused]
    outside = brute_force(capsules, points)
    points, outside = points[outside > 0], outside[outside > 0]
    wall, _ = section.perfused_walls.at(points)
    excess = section.carrier.at(wall, points) - section.carrier.offset
    near = outside < 150
    slope = np.polyfit(outside[near], np.log(excess[near]), 1)
    assert -1 / slope[0] == pytest.approx(CARRIER_DECAY_UM, rel=1e-6)
    assert np.exp(slope[1]) == pytest.approx(section.carrier.excess, rel=1e-6)


def test_a_drug_without_dependence_knows_nothing_of_vessels() -> None:
    slopes = []
    for seed in range(12):
        section = make_section(seed, (1331.0, 1331.0), drug="none")
        assert section.drug.name == LAWS["none"]
        assert section.drug.to_dict()["decay_length_um"] is None
        points = np.random.default_rng(seed).uniform(0, 1331.0, (4000, 2))
        points = points[section.in_tissue(points)]
        wall, _ = section.perfused_walls.at(points)
        drug = section.drug.at(wall, points)
        assert drug.std() / drug.mean() > 0.15
        slopes.append(np.polyfit(wall, drug / drug.mean(), 1)[0])
    assert abs(np.mean(slopes)) < 3 * np.std(slopes, ddof=1) / np.sqrt(len(slopes))


def test_a_section_may_have_no_vessels() -> None:
    section = make_section(1, (400.0, 400.0), vessels=False)
    assert len(section.vessels) == 0
    points = np.array([[200.0, 200.0]])
    wall, _ = section.perfused_walls.at(points)
    assert section.carrier.at(wall, points)[0] == pytest.approx(
        section.carrier.offset, rel=1e-6
    )
