from __future__ import annotations

import numpy as np
import pytest

from nanoscape.phantom.tumour import NetworkPlan, Tumour, make_tumour
from nanoscape.phantom.tumour import tumour as module
from nanoscape.phantom.tumour.controls import LEVELS, controlled
from nanoscape.phantom.tumour.shape import make_shape

SIZE_UM = (240.0, 1000.0, 1000.0)
SEEDS = range(40)


def places(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    found = generator.uniform(0, 1, (1000, 3)) * SIZE_UM
    depth = make_shape(seed, SIZE_UM).depth(found)
    return found[depth > 0]


def correlations(control: str, one: str, other: str) -> np.ndarray:
    found = []
    for seed in SEEDS:
        where = places(seed)
        laws = controlled(control, seed, make_shape(seed, SIZE_UM))  # type: ignore[arg-type]
        a, b = (laws[name].at(np.zeros(len(where)), where) for name in (one, other))
        found.append(np.corrcoef(a, b)[0, 1])
    return np.array(found)


def test_carrier_and_drug_are_independent_over_tumours() -> None:
    """Within one tumour patches may look alike by chance, over many they do not."""
    found = correlations("independent", "carrier", "free")
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(len(found))
    assert found.std() < 0.2
    same = correlations("independent", "encapsulated", "free")
    np.testing.assert_allclose(same, 1)


def test_a_shared_trend_alone_makes_two_maps_look_alike() -> None:
    assert correlations("trend only", "carrier", "free").mean() > 0.3
    rest = []
    for seed in SEEDS:
        where, shape = places(seed), make_shape(seed, SIZE_UM)
        laws = controlled("trend only", seed, shape)
        trend = 1.6 - 1.4 * np.clip(shape.relative_depth(where), 0, 1)
        a, b = (
            laws[n].at(np.zeros(len(where)), where) / trend for n in ("carrier", "free")
        )
        rest.append(np.corrcoef(a, b)[0, 1])
    assert abs(np.mean(rest)) < 3 * np.std(rest) / np.sqrt(len(rest))


def test_levels_are_about_those_of_diffusion(tumour: Tumour) -> None:
    where = places(3)
    for name in ("carrier", "encapsulated", "free"):
        mean = tumour.value(name, where).mean()
        assert LEVELS[name] == pytest.approx(mean, rel=0.6), name


def test_without_vessels_nothing_is_near_one(tumour: Tumour) -> None:
    """Tissue is that of the tumour with them, whose network is not grown again."""
    vessels = NetworkPlan(core_ratio=0.4, length_density=160)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "grow_network", lambda *_: tumour.network)
        without = make_tumour(3, size_um=SIZE_UM, vessels=vessels, law="no vessels")
    where = places(3)
    assert (without.distance(where) == 600).all()
    assert without.value("carrier", where).min() >= 0
    assert without.value("carrier", where).max() > 0
    np.testing.assert_array_equal(without.tissue(where), tumour.tissue(where))


def test_drug_that_does_not_depend_on_vessels_has_no_profile(tumour: Tumour) -> None:
    """Over many draws it rises and falls with the distance equally often."""
    where = places(3)
    distance = tumour.distance(where, "perfused")
    diffused = tumour.value("free", where)
    assert np.corrcoef(distance, diffused)[0, 1] < -0.2
    found = []
    for seed in SEEDS:
        law = controlled("drug independent", seed, tumour.shape)
        assert set(law) == {"encapsulated", "free"}
        found.append(np.corrcoef(distance, law["free"].at(distance, where))[0, 1])
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
