from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage, stats

from nanoscape.errors import CannotCompute
from nanoscape.phantom.tumour.growth import (
    SHELLS,
    NetworkPlan,
    grow_network,
    shell_targets,
)
from nanoscape.phantom.tumour.network import (
    Network,
    loops,
    measure,
    shell_volumes,
    weighted_quantiles,
)
from nanoscape.phantom.tumour.shape import make_shape
from nanoscape.phantom.tumour.walls import Walls, lengths

SIZE_UM = (400.0, 2000.0, 2000.0)
SMALL_UM = (300.0, 1400.0, 1400.0)
EVEN = NetworkPlan(core_ratio=0.7)


def by_hand(capsules: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return wall distances from all places to all capsules, the smallest of each."""
    start, along = capsules[:, :3], capsules[:, 3:6] - capsules[:, :3]
    rest = places[:, None] - start
    t = (rest * along).sum(-1) / (along**2).sum(-1)
    foot = rest - np.clip(t, 0, 1)[..., None] * along
    return (np.linalg.norm(foot, axis=-1) - capsules[:, 6]).min(axis=1)


def test_wall_distances_are_those_found_by_hand() -> None:
    generator = np.random.default_rng(1)
    start = generator.uniform(0, 300, (400, 3))
    end = start + generator.normal(0, 6, (400, 3))
    capsules = np.column_stack([start, end, generator.uniform(2, 15, 400)])
    places = generator.uniform(-80, 380, (500, 3))
    expected = by_hand(capsules, places)
    distance, nearest = Walls.build(capsules).at(places)
    np.testing.assert_allclose(distance, expected, atol=1e-9)
    own = [
        by_hand(capsules[[n]], p[None])[0] for n, p in zip(nearest, places, strict=True)
    ]
    np.testing.assert_allclose(own, expected, atol=1e-9)
    assert (distance < 0).any()


def test_distances_are_cut_off_and_nothing_lies_nowhere() -> None:
    place = np.zeros((1, 3))
    one = np.array([[0.0, 0.0, 100.0, 0.0, 0.0, 110.0, 5.0]])
    assert Walls.build(one).at(place)[0] == pytest.approx(95)
    assert [v[0] for v in Walls.build(one).at(place, 50.0)] == [50.0, -1]
    assert [v[0] for v in Walls.build(np.zeros((0, 7))).at(place)] == [600.0, -1]


def test_distances_to_random_lines_follow_the_closed_form() -> None:
    """Isotropic random lines: P(D > r) = exp(−π L_V r²), mean 1 / (2 √L_V)."""
    generator = np.random.default_rng(2)
    means, shares = [], []
    reach, density = 400.0, 2e-4
    # Lines that hit a ball come with a mean number of 2 π R² times that of directions.
    for _ in range(60):
        count = generator.poisson(density * np.pi * reach**2)
        along = generator.standard_normal((count, 3))
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        helper = np.cross(along, generator.standard_normal((count, 3)))
        helper /= np.linalg.norm(helper, axis=1, keepdims=True)
        foot = helper * reach * np.sqrt(generator.uniform(0, 1, (count, 1)))
        capsules = np.column_stack(
            [foot - 600 * along, foot + 600 * along, np.zeros(count)]
        )
        places = generator.uniform(-110, 110, (400, 3))
        distance, _ = Walls.build(capsules).at(places)
        means.append(distance.mean())
        shares.append((distance > 30).mean())
    assert np.mean(means) == pytest.approx(0.5 / np.sqrt(density), rel=0.03)
    expected = np.exp(-np.pi * density * 30**2)
    assert np.mean(shares) == pytest.approx(expected, rel=0.05)


def cube() -> Network:
    """The twelve edges of a cube of 100 µm, from 50 to 150, each of two links."""
    corners = np.array(list(np.ndindex(2, 2, 2)))
    pairs = [
        (i, j)
        for i in range(8)
        for j in range(i + 1, 8)
        if abs(corners[i] - corners[j]).sum() == 1
    ]
    places = 50 + 100.0 * corners
    rows = []
    for i, j in pairs:
        middle = (places[i] + places[j]) / 2
        rows.append([*places[i], *middle, 5.0])
        rows.append([*middle, *places[j], 10.0])
    flows = np.arange(12) < 6
    return Network(
        np.array(rows),
        np.repeat(np.arange(12), 2),
        np.array(pairs),
        flows,
        np.arange(12) < 3,
        np.where(np.arange(12) < 3, 1e-4, 0.0),
    )


def test_a_cube_of_vessels_is_measured_as_it_is() -> None:
    shape = replace(make_shape(0, (200.0, 200.0, 200.0), 0.0), radius_um=200.0)
    found = measure(cube(), shape, (0.0, 1.0))
    assert found.length_mm == pytest.approx(1.2)
    assert found.length_density == pytest.approx(150)
    assert found.shell_density == pytest.approx((150,))
    assert found.diameter_um == pytest.approx(15)
    assert found.tortuosity == pytest.approx(1)
    assert found.loop_share == pytest.approx(5 / 12)
    assert found.perfused_share == pytest.approx(0.5)
    assert found.leaking_share == pytest.approx(0.5)
    assert loops(np.array([[0, 1], [1, 2], [5, 6]])) == 0


def test_quantiles_count_by_weight() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    assert weighted_quantiles(values, weights, (0.25, 0.625, 0.875)) == (1.0, 2.0, 3.0)


def test_the_volume_of_shells_of_a_ball_is_that_of_balls() -> None:
    shape = replace(make_shape(0, (800.0, 800.0, 800.0), 0.0), radius_um=380.0)
    volume = shell_volumes(shape, np.array([0.0, 0.5, 1.0]))
    outer, inner = 4 / 3 * np.pi * np.array([380.0**3, 190.0**3])
    assert volume == pytest.approx([outer - inner, inner], rel=0.003)


@pytest.mark.parametrize(
    ("seed", "plan"),
    [
        (1, NetworkPlan()),
        (2, NetworkPlan(length_density=90, core_ratio=0.5, diameter_um=14)),
        (
            3,
            NetworkPlan(
                length_density=180,
                core_ratio=0.15,
                diameter_spread=1.7,
                tortuosity=1.1,
                perfused_share=0.5,
                leaking_share=0.3,
            ),
        ),
    ],
)
def test_what_is_asked_for_is_measured_back(seed: int, plan: NetworkPlan) -> None:
    shape = make_shape(seed, SIZE_UM)
    network = grow_network(seed, shape, plan)
    found = measure(network, shape, SHELLS)
    assert found.length_density == pytest.approx(plan.length_density, rel=0.02)
    volume = shell_volumes(shape, np.array(SHELLS))
    asked = shell_targets(plan, shape) / volume * 1e6
    assert found.shell_density == pytest.approx(asked, rel=0.02)
    assert asked.sum() > 0
    normal = stats.truncnorm(
        *np.log(np.array(plan.diameter_limits_um) / plan.diameter_um)
        / np.log(plan.diameter_spread),
        loc=np.log(plan.diameter_um),
        scale=np.log(plan.diameter_spread),
    )
    expected = np.exp(normal.ppf([0.1, 0.5, 0.9]))
    assert found.diameter_quantiles_um == pytest.approx(expected, rel=0.01)
    assert found.tortuosity == pytest.approx(plan.tortuosity, rel=0.03)
    assert found.perfused_share == pytest.approx(plan.perfused_share, rel=0.01)
    assert found.leaking_share == pytest.approx(plan.leaking_share, rel=0.02)
    assert found.loop_share > 0.04


def test_the_density_falls_from_rim_to_core_as_asked() -> None:
    shape = make_shape(4, SIZE_UM)
    plan = NetworkPlan(core_ratio=0.25)
    network = grow_network(4, shape, plan)
    rim_to_core = (0.0, 0.2, 0.6, 1.0)
    rim, _, core = measure(network, shape, rim_to_core).shell_density
    assert core / rim == pytest.approx(0.25, rel=0.03)


@pytest.fixture(scope="module")
def network() -> Network:
    return grow_network(4, make_shape(4, SMALL_UM), EVEN)


def test_the_network_is_one_graph_of_chains(network: Network) -> None:
    assert (np.diff(network.segment) >= 0).all()
    assert set(network.segment) == set(range(len(network)))
    same = np.diff(network.segment) == 0
    gap = network.capsules[1:, :3] - network.capsules[:-1, 3:6]
    assert abs(gap[same]).max() == 0
    assert lengths(network.capsules).max() <= 8.0 + 1e-9
    assert network.capsules[:, [0, 3]].min() >= 0
    assert network.capsules[:, [0, 3]].max() <= SMALL_UM[0]
    assert not (network.leaking & ~network.perfused).any()
    assert ((network.permeability_um_s > 0) == network.leaking).all()
    # Segments meet where they share a node.
    ends: dict[int, list[np.ndarray]] = {}
    for number, (a, b) in enumerate(network.ends):
        links = network.capsules[network.segment == number]
        ends.setdefault(int(a), []).append(links[0, :3])
        ends.setdefault(int(b), []).append(links[-1, 3:6])
    met = [np.ptp(places, axis=0).max() for places in ends.values() if len(places) > 1]
    assert len(met) > 100
    assert max(met) < 1e-9


def test_distances_agree_with_a_distance_transform_of_voxels(network: Network) -> None:
    step = 2.0
    axes = [np.arange(a, a + 240, step) for a in (30.0, 400.0, 600.0)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    distance = network.walls.at(grid.reshape(-1, 3))[0].reshape(grid.shape[:-1])
    from_mask = ndimage.distance_transform_edt(distance > 0, sampling=step) - step / 2
    # Far from the faces of the small volume, where nothing outside can be nearer.
    inner = tuple(slice(35, n - 35) for n in distance.shape)
    near = (distance[inner] > 0) & (distance[inner] < 70)
    assert from_mask[inner][near].mean() == pytest.approx(
        distance[inner][near].mean(), rel=0.03
    )
    quantiles = [
        np.quantile(d[inner][near], (0.25, 0.5, 0.75)) for d in (from_mask, distance)
    ]
    np.testing.assert_allclose(quantiles[0], quantiles[1], rtol=0.03)


def test_the_same_seed_gives_the_same_network(network: Network) -> None:
    again = grow_network(4, make_shape(4, SMALL_UM), EVEN)
    for name in ("capsules", "segment", "ends", "perfused", "permeability_um_s"):
        assert getattr(network, name).tobytes() == getattr(again, name).tobytes()
    other = grow_network(3, make_shape(4, SMALL_UM), EVEN)
    assert other.capsules.tobytes() != network.capsules.tobytes()


def test_distances_do_not_depend_on_how_places_are_cut(network: Network) -> None:
    places = np.random.default_rng(0).uniform(0, 1200, (999, 3)) * [0.25, 1, 1]
    whole, _ = network.walls.at(places)
    parts = [network.walls.at(part)[0] for part in np.array_split(places, 7)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_block_too_small_is_refused() -> None:
    with pytest.raises(CannotCompute, match="larger block"):
        grow_network(
            1, make_shape(1, (60.0, 200.0, 200.0)), NetworkPlan(length_density=30)
        )
