from __future__ import annotations

import numpy as np
import pytest

from nanoscape.phantom.tumour import CarrierPlan, Tumour
from nanoscape.phantom.tumour.exchange import oxygen_exchange
from nanoscape.phantom.tumour.fields import carrier_fields, held_rate
from nanoscape.phantom.tumour.grid import Grid, tissue_share, wall_area
from nanoscape.phantom.tumour.network import Network
from nanoscape.phantom.tumour.tissue import Tissue, pools
from nanoscape.phantom.tumour.tumour import on_grid


def test_one_cell_with_a_vessel_is_plain_algebra() -> None:
    row = [0.0, 10.0, 10.0, 20.0, 10.0, 10.0, 4.0]
    yes = np.array([True])
    network = Network(
        np.array([row]),
        np.zeros(1, int),
        np.array([[0, 1]]),
        yes,
        yes,
        np.array([0.02]),
    )
    grid = Grid((1, 1, 1), 20.0)
    one = np.ones(grid.shape)
    held, tissue, plan = 3e-3, 0.9, CarrierPlan()
    found = carrier_fields(
        grid, network, one > 0, tissue * one, held * one, one > 0, plan
    )
    leak = 0.02 * 2 * np.pi * 4 * 20 / 8000
    seeps = tissue * plan.seepage_per_s
    lost = tissue * (held + plan.drainage_per_s)
    mobile = (leak + seeps) / (leak + lost)
    loaded = (leak + seeps) / (leak + lost + tissue * plan.release_per_s)
    day, release = 86400, plan.release_per_s
    carrier = mobile + held * mobile * day
    drug = loaded * (1 + held * (1 - np.exp(-release * day)) / release)
    free = release * drug / plan.washout_per_s
    expected = {
        "mobile": mobile,
        "carrier": carrier,
        "encapsulated": drug,
        "free": free,
    }
    for name, value in expected.items():
        assert getattr(found, name).item() == pytest.approx(value, rel=1e-6), name


def test_what_holds_carriers_is_where_it_is_said() -> None:
    plan = CarrierPlan()
    cells = np.array([1.0, 0.3, 1.0, 1.0])
    clusters = np.array([0.0, 0.0, 1.0, 0.0])
    dead = np.array([False, False, False, True])
    np.testing.assert_allclose(
        held_rate(cells, clusters, dead, plan),
        [
            plan.uptake_per_s,
            0.3 * plan.uptake_per_s,
            plan.macrophages_per_s,
            plan.trapping_per_s,
        ],
    )


def test_what_leaks_out_is_what_is_held_and_drained(tumour: Tumour) -> None:
    grid, plan, network = tumour.grid, tumour.carrier_plan, tumour.network
    inside = on_grid(grid, tumour.shape.depth) > 0
    share = tissue_share(grid, network) * inside
    dead = inside & (tumour.field("oxygen") < tumour.oxygen_plan.necrotic_mmhg)
    held = held_rate(
        tumour.stroma.cellularity(grid),
        on_grid(grid, tumour.macrophages.at),
        dead,
        plan,
    )
    permeability = network.permeability_um_s[network.segment]
    leak = wall_area(grid, network.capsules, permeability) * inside
    mobile = tumour.field("mobile")
    comes = (leak * (1 - mobile)).sum()
    comes += (share * plan.seepage_per_s)[pools(tumour.seed, grid, dead)].sum()
    goes = (share * (held + plan.drainage_per_s) * mobile).sum()
    assert goes == pytest.approx(comes, rel=1e-5)
    released = plan.release_per_s * (share * tumour.field("encapsulated")).sum()
    washed = plan.washout_per_s * (share * tumour.field("free")).sum()
    assert washed == pytest.approx(released, rel=1e-5)


def test_oxygen_consumed_is_oxygen_brought(tumour: Tumour) -> None:
    grid, plan, network = tumour.grid, tumour.oxygen_plan, tumour.network
    inside = on_grid(grid, tumour.shape.depth) > 0
    flows = network.capsules[network.perfused[network.segment]]
    exchange = oxygen_exchange(grid, flows, plan.diffusivity_um2_s, plan.sherwood)
    pressure = tumour.field("oxygen")
    brought = (exchange * (plan.blood_mmhg - pressure))[inside].sum()
    most = plan.consumption_mmhg_s * tumour.stroma.cellularity(grid)
    taken = most * tissue_share(grid, network) * pressure
    taken /= plan.half_mmhg + pressure
    assert taken[inside].sum() == pytest.approx(brought, rel=1e-3)


def test_fields_lie_where_biology_says(tumour: Tumour) -> None:
    grid = tumour.grid
    kind = on_grid(grid, tumour.tissue)
    inside = kind != Tissue.OUTSIDE
    oxygen, carrier = tumour.field("oxygen"), tumour.field("carrier")
    assert oxygen[inside].min() >= 0
    assert oxygen.max() < tumour.oxygen_plan.blood_mmhg
    wall = on_grid(grid, lambda p: tumour.distance(p, "perfused"))
    near, far = inside & (wall > 0) & (wall < 15), inside & (wall > 100)
    assert oxygen[near].mean() > 4 * oxygen[far].mean()
    assert carrier[near].mean() > 3 * carrier[far].mean()
    clusters = on_grid(grid, tumour.macrophages.at) > 0.5
    viable = kind == Tissue.VIABLE
    ratio = carrier / np.maximum(tumour.field("mobile"), 1e-12)
    assert np.median(ratio[clusters & viable]) > 4 * np.median(
        ratio[viable & ~clusters]
    )
    dead = kind == Tissue.NECROSIS
    seeps = pools(tumour.seed, grid, dead)
    assert np.median(carrier[dead & seeps]) > 2 * np.median(carrier[dead & ~seeps])
    for name in ("mobile", "carrier", "encapsulated", "free"):
        assert tumour.field(name).min() >= 0
    assert (tumour.field("encapsulated") <= carrier * (1 + 1e-6)).all()
