"""The fields of oxygen, carrier and drug in a tumour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.tumour.exchange import oxygen_exchange
from nanoscape.phantom.tumour.grid import Grid, wall_area
from nanoscape.phantom.tumour.network import Network
from nanoscape.phantom.tumour.oxygen import solve_oxygen_from_coarse
from nanoscape.phantom.tumour.solver import fitted, solve

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class OxygenPlan:
    """How oxygen is brought and consumed.

    Attributes
    ----------
    diffusivity_um2_s
        2000 µm²/s, Grimes et al. 2016, doi:10.1371/journal.pone.0153692.
    consumption_mmhg_s
        Largest consumption of viable tumour. Chosen, a third of what dense spheroids
        were found to consume, 22 mmHg/s: Grimes et al. 2014,
        doi:10.1098/rsif.2013.1124.
    half_mmhg
        Pressure at half of the largest consumption. Chosen.
    blood_mmhg
        In perfused vessels; 40 mmHg as in Kirkpatrick et al. 2003,
        doi:10.1667/0033-7587(2003)159[0336:ammoto]2.0.co;2.
    sherwood
        Number of the transfer inside a vessel. Chosen; the method is that of Hellums
        et al. 1996, doi:10.1007/BF02770991.
    hypoxic_mmhg
        Below this viable tissue counts as hypoxic.
    necrotic_mmhg
        Below this tissue is necrotic. Chosen.
    """

    diffusivity_um2_s: float = 2000.0
    consumption_mmhg_s: float = 8.0
    half_mmhg: float = 1.0
    blood_mmhg: float = 40.0
    sherwood: float = 2.5
    hypoxic_mmhg: float = 10.0
    necrotic_mmhg: float = 1.0


@dataclass(frozen=True)
class CarrierPlan:
    """How a carrier of about 100 nm and its drug move. All values are chosen.

    They give decay lengths √(D / k) of 30 µm for the carrier in viable tumour and
    45 µm for the free drug, and carriers that pile up to some ten percent of the mean
    plasma level after a day.

    Attributes
    ----------
    carrier_um2_s, drug_um2_s
        Effective diffusivities of carrier and free drug; that of the drug is lowered
        by fast binding.
    uptake_per_s
        Rate at which viable tumour cells take carriers up for good.
    macrophages_per_s
        That of a cluster of macrophages.
    trapping_per_s
        Rate at which debris of necroses holds carriers for good.
    seepage_per_s
        Rate at which blood seeps into pools of necrosis through broken vessels.
    drainage_per_s
        Rate at which mobile carriers leave the tissue.
    release_per_s
        Rate at which carriers, mobile or held, release drug.
    washout_per_s
        Rate at which free drug is lost.
    hours
        Time from injection to the end.
    plasma_end
        Plasma level of carriers at the end, over its mean since the injection.
    """

    carrier_um2_s: float = 0.5
    drug_um2_s: float = 0.2
    uptake_per_s: float = 5e-4
    macrophages_per_s: float = 4e-3
    trapping_per_s: float = 2e-4
    seepage_per_s: float = 2e-6
    drainage_per_s: float = 5e-5
    release_per_s: float = 1e-5
    washout_per_s: float = 1e-4
    hours: float = 24.0
    plasma_end: float = 0.25


@dataclass(frozen=True, eq=False)
class CarrierFields:
    """Carrier and drug on a grid, all relative to the mean plasma level.

    Attributes
    ----------
    mobile
        Carriers that move between cells.
    carrier
        All carriers: mobile, taken up and trapped.
    encapsulated
        Drug in all carriers, over what they held at injection.
    free
        Drug out of carriers.
    """

    mobile: FloatArray
    carrier: FloatArray
    encapsulated: FloatArray
    free: FloatArray


def oxygen_field(
    grid: Grid,
    network: Network,
    inside: NDArray[np.bool_],
    cellularity: FloatArray,
    plan: OxygenPlan,
) -> FloatArray:
    """Return the partial pressure of oxygen in mmHg.

    Parameters
    ----------
    grid
        Cells.
    network
        Vessels; the perfused ones bring oxygen.
    inside
        Cells of the tumour; nothing leaves through its surface.
    cellularity
        Consuming tissue of each cell of the grid, from 0 to 1, vessels left out.
    plan
        Constants.
    """
    flows = network.capsules[network.perfused[network.segment]]
    exchange = oxygen_exchange(grid, flows, plan.diffusivity_um2_s, plan.sherwood)
    return solve_oxygen_from_coarse(
        np.where(inside, plan.diffusivity_um2_s, 0.0),
        exchange,
        plan.consumption_mmhg_s * cellularity,
        grid.step_um,
        blood_mmhg=plan.blood_mmhg,
        half_mmhg=plan.half_mmhg,
    )


def held_rate(
    cellularity: FloatArray,
    macrophages: FloatArray,
    necrotic: NDArray[np.bool_],
    plan: CarrierPlan,
) -> FloatArray:
    """Return the rate in 1/s at which tissue takes carriers up or traps them."""
    alive = plan.uptake_per_s * cellularity * (1 - macrophages)
    alive += plan.macrophages_per_s * macrophages
    return np.where(necrotic, plan.trapping_per_s, alive)


def carrier_fields(
    grid: Grid,
    network: Network,
    inside: NDArray[np.bool_],
    tissue: FloatArray,
    held: FloatArray,
    pools: NDArray[np.bool_],
    plan: CarrierPlan,
) -> CarrierFields:
    """Return carrier, encapsulated and free drug.

    With the plasma level 1, the mobile carriers N, the drug E in them and the free
    drug F are steady,

    ∇·(D_N ∇N) − (h + d) N + P S/V (1 − N) + b = 0,
    ∇·(D_N ∇E) − (h + d + r) E + P S/V (1 − E) + b = 0,
    ∇·(D_F ∇F) − w F + r (E + E_h) = 0,

    where h is the rate of being held, d drainage, b seepage into pools, r release
    and w washout, and what is held has piled up over the time T: N_h = h N T and
    E_h = h E (1 − exp(−r T)) / r.

    Parameters
    ----------
    grid
        Cells.
    network
        Vessels; leaking ones let carriers out.
    inside
        Cells of the tumour.
    tissue
        Share of each cell outside vessels.
    held
        h, see :func:`held_rate`.
    pools
        Cells into which blood seeps.
    plan
        Constants.
    """
    leak = wall_area(grid, network.capsules, network.permeability_um_s[network.segment])
    moves = np.where(inside, plan.carrier_um2_s, 0.0)
    step = grid.step_um
    lost = tissue * (held + plan.drainage_per_s)
    source = leak + np.where(pools, tissue * plan.seepage_per_s, 0.0)
    mobile = solve(fitted(moves, lost, step), lost + leak, source, step)
    release = plan.release_per_s
    lost += tissue * release
    loaded = solve(fitted(moves, lost, step), lost + leak, source, step, start=mobile)
    seconds = plan.hours * 3600
    carrier = mobile * (1 + held * seconds)
    held_on = (1 - np.exp(-release * seconds)) / release if release else seconds
    encapsulated = loaded * (1 + held * held_on)
    washed = plan.washout_per_s * tissue
    free = solve(
        fitted(np.where(inside, plan.drug_um2_s, 0.0), washed, step),
        washed,
        tissue * release * encapsulated,
        step,
    )
    return CarrierFields(mobile, carrier, encapsulated, free)
