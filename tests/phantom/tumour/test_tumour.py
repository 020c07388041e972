from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from nanoscape.errors import WrongInput
from nanoscape.phantom.tumour import NetworkPlan, Tumour, make_tumour
from nanoscape.phantom.tumour.tissue import STROMA_SHARE, Tissue, jittered
from nanoscape.phantom.tumour.tumour import NEAREST_VESSEL

MADE = """
import hashlib
import sys
from nanoscape.phantom.tumour import NetworkPlan, make_tumour
plan = NetworkPlan(core_ratio=0.6, length_density=160)
made = make_tumour(5, size_um=(240.0, 1000.0, 1000.0), step_um=25.0, vessels=plan)
total = hashlib.sha256(made.network.capsules.tobytes())
for name in sorted(made.fields):
    total.update(made.field(name).tobytes())
sys.stdout.write(total.hexdigest())
"""


def places(tumour: Tumour, count: int = 20_000) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, tumour.shape.size_um, (count, 3))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads() -> None:
    found = []
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        done = subprocess.run(
            [sys.executable, "-c", MADE],
            env={**os.environ, **dict.fromkeys(names, threads)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(done.stdout)
    assert found[0] == found[1]
    assert len(found[0]) == 2 * hashlib.sha256().digest_size


def test_nothing_depends_on_how_places_are_cut(tumour: Tumour) -> None:
    where = places(tumour, 5000)
    parts = np.array_split(where, 13)
    for function in (
        lambda p: tumour.value("carrier", p),
        lambda p: tumour.value("oxygen", p),
        lambda p: tumour.distance(p, "perfused"),
        tumour.tissue,
        tumour.hypoxic,
        tumour.macrophages.at,
    ):
        whole = function(where)
        cut = np.concatenate([function(np.ascontiguousarray(p)) for p in parts])
        assert whole.tobytes() == cut.tobytes()


def test_nuclei_of_a_box_are_those_of_its_halves(tumour: Tumour) -> None:
    low, high = np.array([50.0, 300.0, 300.0]), np.array([90.0, 500.0, 500.0])
    whole = tumour.nuclei(low, high)
    split = np.array([90.0, 411.0, 500.0])
    first = tumour.nuclei(low, split)
    second = tumour.nuclei(np.array([50.0, 411.0, 300.0]), high)
    assert len(whole) > 300
    assert {tuple(row) for row in whole} == {
        tuple(row) for row in np.concatenate([first, second])
    }
    centres = np.ascontiguousarray(whole[:, :3])
    assert (tumour.distance(centres) > 1.5).all()
    assert not np.isin(tumour.tissue(centres), (0, Tissue.NECROSIS)).any()


def test_the_lattice_holds_one_in_each_cell() -> None:
    drawn = jittered(7, np.zeros(3), np.full(3, 200.0), 10.0, 0.6)
    assert len(drawn) == 20**3
    assert (np.bincount((drawn[:, 0] // 10).astype(int)) == 400).all()
    assert drawn[:, 3:].mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(drawn[:, 3:].T) - np.eye(5)).max() < 0.05


def test_tissue_is_told_by_depth_oxygen_and_septa(tumour: Tumour) -> None:
    where = places(tumour)
    kind = tumour.tissue(where)
    depth = tumour.shape.depth(where)
    assert ((kind == Tissue.OUTSIDE) == (depth <= 0)).all()
    assert ((kind == Tissue.CAPSULE) == ((depth > 0) & (depth < 25))).all()
    oxygen = tumour.value("oxygen", where)
    inner = depth >= 25
    assert ((kind[inner] == Tissue.NECROSIS) == (oxygen[inner] < 1)).all()
    alive = inner & (kind != Tissue.NECROSIS)
    share = (kind[alive] == Tissue.STROMA).mean()
    assert share == pytest.approx(STROMA_SHARE, rel=0.4)
    low = tumour.hypoxic(where)
    assert (low == (alive & (oxygen < 10))).all()
    assert low.any()


def test_blood_holds_carriers_and_glass_does_not(tumour: Tumour) -> None:
    where = places(tumour)
    carrier = tumour.value("carrier", where)
    lumen = (tumour.distance(where, "perfused") < 0) & (tumour.shape.depth(where) > 0)
    assert (carrier[lumen] == tumour.carrier_plan.plasma_end).all()
    assert (carrier[tumour.shape.depth(where) <= 0] == 0).all()
    between = tumour.value("free", where)
    inside = tumour.shape.depth(where) > 0
    np.testing.assert_array_equal(
        between[inside],
        tumour.grid.interpolate(tumour.field("free"), where)[inside],
    )


def test_the_law_of_the_nearest_vessel_is_kept_for_estimators() -> None:
    tumour = make_tumour(
        2,
        size_um=(240.0, 1000.0, 1000.0),
        step_um=25.0,
        vessels=NetworkPlan(core_ratio=0.6, length_density=160),
        law="nearest vessel",
    )
    where = places(tumour, 3000)
    wall = np.maximum(tumour.distance(where, "perfused"), 0)
    inside = tumour.shape.depth(where) > 0
    for name, law in NEAREST_VESSEL.items():
        expected = law.offset + law.excess * np.exp(-wall / law.decay_length_um)
        found = tumour.value(name, where)
        np.testing.assert_allclose(found, np.where(inside, expected, 0), rtol=1e-12)
        assert tumour.field(name).shape == tumour.grid.shape
    with pytest.raises(WrongInput, match="one of oxygen, carrier, free"):
        tumour.field("encapsulated")
