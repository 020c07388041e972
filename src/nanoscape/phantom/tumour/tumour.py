"""A tumour in space, from which sections and instruments take what they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.phantom.scene import CARRIER_DECAY_UM, DRUG_DECAY_UM
from nanoscape.phantom.transport import LAWS, Law
from nanoscape.phantom.tumour.controls import (
    Control,
    Follows,
    controlled,
    no_network,
)
from nanoscape.phantom.tumour.fields import (
    CarrierPlan,
    OxygenPlan,
    carrier_fields,
    held_rate,
    oxygen_field,
)
from nanoscape.phantom.tumour.grid import Grid, tissue_share
from nanoscape.phantom.tumour.growth import NetworkPlan, grow_network
from nanoscape.phantom.tumour.network import Network
from nanoscape.phantom.tumour.shape import Shape, make_shape
from nanoscape.phantom.tumour.tissue import Macrophages, Stroma, Tissue, nuclei, pools
from nanoscape.phantom.tumour.walls import FAR_UM

FloatArray = NDArray[np.float64]

SIZE_UM = (304.0, 2000.0, 2000.0)
STEP_UM = 8.0

_LUMEN_UM = 1.0

LawName = Literal["diffusion", "nearest vessel"] | Control
Which = Literal["all", "perfused"]
"""Which vessels count for a distance."""

NEAREST_VESSEL = {
    "carrier": Law(LAWS["vessels"], CARRIER_DECAY_UM, 0.75, 0.25),
    "free": Law(LAWS["vessels"], DRUG_DECAY_UM, 0.7, 0.3),
}
"""The exponentials of the flat phantom, for tests of estimators."""


@dataclass(frozen=True, eq=False)
class Tumour:
    """A tumour whose truth is known everywhere.

    Places are ``(z, y, x)`` in µm from the corner of the block. Every method gives
    each place its value from that place alone: it does not matter how a volume or a
    section is cut.

    Attributes
    ----------
    seed
        Names the tumour.
    shape
        Block and outline.
    network
        Vessels.
    stroma, macrophages
        Tissue and cells.
    grid
        Cells on which fields were solved.
    fields
        By name, shape ``(z, y, x)`` on the grid: ``oxygen`` in mmHg, and ``mobile``,
        ``carrier``, ``encapsulated`` and ``free`` relative to the mean plasma level,
        see :class:`~nanoscape.phantom.tumour.fields.CarrierFields`.
    oxygen_plan, carrier_plan
        Constants of the transport.
    laws
        Substances that follow the distance to the nearest perfused wall instead.
    """

    seed: int
    shape: Shape
    network: Network
    stroma: Stroma
    macrophages: Macrophages
    grid: Grid
    fields: dict[str, FloatArray]
    oxygen_plan: OxygenPlan
    carrier_plan: CarrierPlan
    laws: Mapping[str, Follows]

    def field(self, name: str) -> FloatArray:
        """Return a field on the grid, shape ``(z, y, x)``.

        Raises
        ------
        WrongInput
            If there is no such field.
        """
        if name in self.laws:
            return on_grid(self.grid, lambda places: self.value(name, places))
        if name not in self.fields:
            known = ", ".join([*self.fields, *self.laws])
            raise WrongInput(f"a field named {name}", f"one of {known}")
        return self.fields[name]

    def value(self, name: str, places_um: FloatArray) -> FloatArray:
        """Return a field at places ``(n, 3)``; see :meth:`values`."""
        return self.values([name], places_um)[name]

    def values(
        self,
        names: Sequence[str],
        places_um: FloatArray,
        depth_um: FloatArray | None = None,
    ) -> dict[str, FloatArray]:
        """Return fields at places ``(n, 3)``, without noise, by name.

        Between the centres of cells they are interpolated; off the tissue they are 0.
        Blood in perfused vessels holds carriers, and the drug in them, at the plasma
        level of the end. A substance that follows a law has its value everywhere.
        The depth of the places below the surface is looked up if it is not given.
        """
        found = {}
        if depth_um is None:
            depth_um = self.shape.depth(places_um)
        outside = depth_um <= 0
        solved = [name for name in names if name not in self.laws]
        if len(solved) < len(names):
            wall = self.distance(places_um, "perfused")
        for name in names:
            if name in self.laws:
                found[name] = self.laws[name].at(wall, places_um)
            else:
                found[name] = self.grid.interpolate(self.field(name), places_um)
        in_blood = [name for name in solved if name in ("carrier", "encapsulated")]
        if in_blood:
            lumen = self.distance(places_um, "perfused", _LUMEN_UM) < 0
            for name in in_blood:
                found[name][lumen] = self.carrier_plan.plasma_end
        for values in found.values():
            values[outside] = 0.0
        return found

    def tissue(
        self, places_um: FloatArray, depth_um: FloatArray | None = None
    ) -> NDArray[np.uint8]:
        """Return the :class:`Tissue` at places ``(n, 3)``; vessels are not told.

        The depth of the places below the surface is looked up if it is not given.
        """
        kind = self.stroma.at(places_um, depth_um)
        dead = self._oxygen(places_um) < self.oxygen_plan.necrotic_mmhg
        kind[dead & (kind >= Tissue.STROMA)] = Tissue.NECROSIS
        return kind

    def hypoxic(self, places_um: FloatArray) -> NDArray[np.bool_]:
        """Tell which places ``(n, 3)`` lie in hypoxic tissue that is alive."""
        alive = np.isin(self.tissue(places_um), (Tissue.STROMA, Tissue.VIABLE))
        low: NDArray[np.bool_] = self._oxygen(places_um) < self.oxygen_plan.hypoxic_mmhg
        return alive & low

    def distance(
        self,
        places_um: FloatArray,
        vessels: Which = "all",
        far_um: float = FAR_UM,
    ) -> FloatArray:
        """Return the distance in space to the nearest wall, negative in a lumen."""
        network = self.network
        walls = network.walls if vessels == "all" else network.perfused_walls
        return walls.at(places_um, far_um)[0]

    def nuclei(self, low_um: FloatArray, high_um: FloatArray) -> FloatArray:
        """Return the nuclei with their centres in a box; none in necroses.

        See :func:`nanoscape.phantom.tumour.tissue.nuclei` for the columns.
        """
        found = nuclei(self.seed, self.stroma, self.network.walls, low_um, high_um)
        dead = self.tissue(np.ascontiguousarray(found[:, :3])) == Tissue.NECROSIS
        return found[~dead]

    def _oxygen(self, places_um: FloatArray) -> FloatArray:
        return self.grid.interpolate(self.fields["oxygen"], places_um)


def make_tumour(
    seed: int = 1,
    *,
    size_um: tuple[float, float, float] = SIZE_UM,
    step_um: float = STEP_UM,
    vessels: NetworkPlan | None = None,
    oxygen: OxygenPlan | None = None,
    carrier: CarrierPlan | None = None,
    law: LawName = "diffusion",
    task: Task | None = None,
) -> Tumour:
    """Make a tumour.

    Parameters
    ----------
    seed
        The same seed gives the same bytes.
    size_um
        Extent of the block along ``z y x``; the tumour fills all but a margin.
    step_um
        Side of the cells on which fields are solved.
    vessels, oxygen, carrier
        What is asked for; defaults if None.
    law
        ``"diffusion"`` solves the transport of carrier and drug. With ``"nearest
        vessel"`` both follow :data:`NEAREST_VESSEL`, with the distance in space to
        the nearest perfused wall. The others are negative controls, see
        :data:`~nanoscape.phantom.tumour.controls.Control`. Oxygen is solved in any
        case, and without vessels tissue is what it would be with them.
    task
        Progress, and a way to stop.

    Raises
    ------
    CannotCompute
        If the block is too small for the vessels asked for.
    """
    vessels, oxygen = vessels or NetworkPlan(), oxygen or OxygenPlan()
    carrier, task = carrier or CarrierPlan(), task or Task()
    shape = make_shape(seed, size_um)
    network = grow_network(seed, shape, vessels)
    task.step(1, 4, "vessels grown")
    grid = Grid.over(size_um, step_um)
    stroma = Stroma.draw(seed, shape)
    inside = on_grid(grid, shape.depth) > 0
    share = tissue_share(grid, network)
    cells = stroma.cellularity(grid)
    task.step(2, 4, "tissue laid out")
    pressure = oxygen_field(grid, network, inside, cells * share, oxygen)
    task.step(3, 4, "oxygen solved")
    dying = oxygen.necrotic_mmhg
    nearest = _nearest(inside)
    filled = {"oxygen": pressure[nearest]}
    macrophages = Macrophages.draw(seed, shape, grid, filled["oxygen"], dying)
    if law in ("diffusion", "drug independent"):
        clusters = on_grid(grid, macrophages.at)
        dead = inside & (pressure < dying)
        held = held_rate(cells, clusters, dead, carrier)
        seeps = pools(seed, grid, dead)
        solved = carrier_fields(grid, network, inside, share, held, seeps, carrier)
        for name in ("mobile", "carrier", "encapsulated", "free"):
            filled[name] = getattr(solved, name)[nearest]
    task.step(4, 4, "carrier and drug solved")
    return Tumour(
        seed,
        shape,
        no_network() if law == "no vessels" else network,
        stroma,
        macrophages,
        grid,
        filled,
        oxygen,
        carrier,
        _laws(law, seed, shape),
    )


def _laws(law: LawName, seed: int, shape: Shape) -> Mapping[str, Follows]:
    if law == "diffusion":
        return {}
    if law == "nearest vessel":
        return NEAREST_VESSEL
    return controlled(law, seed, shape)


def on_grid(grid: Grid, function: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Return a function of place at the centres of all cells, plane by plane."""
    planes = [function(grid.plane(i)) for i in range(grid.shape[0])]
    return np.concatenate(planes).reshape(grid.shape)


def _nearest(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int32], ...]:
    """Return where values outside are taken from, so that none mixes with 0 there."""
    return tuple(
        ndimage.distance_transform_edt(
            ~inside, return_distances=False, return_indices=True
        )
    )
