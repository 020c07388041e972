"""The compact description of one tissue section, from which all is rendered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.areas import AREA_LENGTH, depth_at, wavy_area
from nanoscape.phantom.capsules import CapsuleIndex
from nanoscape.phantom.streams import (
    PERFUSION,
    SHAPE,
    TEXTURE,
    VESSELS,
    sub_seed,
)
from nanoscape.phantom.transport import LAWS, Dependence, Law
from nanoscape.phantom.vessels import Vessels, grow_vessels, no_vessels

VESSEL_AREA_FRACTION = 0.10
CARRIER_DECAY_UM = 35.0
DRUG_DECAY_UM = 45.0


@dataclass(frozen=True, eq=False)
class Section:
    """One tissue section. Places are µm of the slide, the first pixel's centre at 0.

    Attributes
    ----------
    seed
        Seed of the section.
    size_um
        Height and width of the slide.
    tissue
        Outline of the tumour; see :func:`nanoscape.phantom.areas.wavy_area`.
    necroses
        Areas without vessels and nuclei, shape ``(k, …)``.
    vessels
        All vessel segments.
    carrier, drug
        How the two substances lie around the perfused vessels.
    """

    seed: int
    size_um: tuple[float, float]
    tissue: NDArray[np.float64]
    necroses: NDArray[np.float64]
    vessels: Vessels
    carrier: Law
    drug: Law

    @cached_property
    def all_walls(self) -> CapsuleIndex:
        """All vessels, for distances."""
        return CapsuleIndex.build(self.vessels.capsules, self.size_um)

    @cached_property
    def perfused_walls(self) -> CapsuleIndex:
        """The perfused vessels, for distances."""
        capsules = self.vessels.capsules[self.vessels.perfused]
        return CapsuleIndex.build(capsules, self.size_um)

    def in_tissue(self, points_um: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which places of shape ``(n, 2)`` lie in the tumour."""
        inside: NDArray[np.bool_] = depth_at(self.tissue[None], points_um) > 0
        return inside

    def in_necrosis(self, points_um: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which places of shape ``(n, 2)`` lie in a necrosis."""
        inside: NDArray[np.bool_] = depth_at(self.necroses, points_um) > 0
        return inside

    def stream(self, purpose: int) -> int:
        """Return the seed of one purpose within the section."""
        return sub_seed(self.seed, purpose)


def make_section(
    seed: int,
    size_um: tuple[float, float],
    *,
    drug: Dependence = "vessels",
    carrier: Dependence = "vessels",
    vessels: bool = True,
) -> Section:
    """Draw a section.

    Parameters
    ----------
    seed
        The same seed gives the same section.
    size_um
        Height and width of the slide.
    drug, carrier
        Whether the substance falls off with the distance to perfused vessels, or
        lies in patches that know nothing of them.
    vessels
        Whether there are any.
    """
    shape = np.random.default_rng(sub_seed(seed, SHAPE))
    radius = 0.42 * min(size_um)
    middle = (size_um[0] / 2, size_um[1] / 2)
    tissue = wavy_area(shape, middle, radius, 0.16)
    necroses = _necroses(shape, middle, radius)
    if vessels:
        rate = np.random.default_rng(sub_seed(seed, PERFUSION))
        grown = grow_vessels(
            np.random.default_rng(sub_seed(seed, VESSELS)),
            tissue,
            necroses,
            size_um,
            VESSEL_AREA_FRACTION,
            rate.uniform(0.61, 0.69),
        )
    else:
        grown = no_vessels()
    patches = sub_seed(seed, TEXTURE)
    return Section(
        seed,
        size_um,
        tissue,
        necroses,
        grown,
        Law(LAWS[carrier], CARRIER_DECAY_UM, 0.75, 0.25, patches),
        Law(LAWS[drug], DRUG_DECAY_UM, 0.7, 0.3, patches + 10),
    )


def _necroses(
    generator: np.random.Generator, middle: tuple[float, float], radius: float
) -> NDArray[np.float64]:
    """Draw one necrosis near the middle and up to two smaller ones around it."""
    areas = []
    for number in range(int(generator.integers(1, 4))):
        away = radius * (0.12 if number == 0 else generator.uniform(0.42, 0.55))
        angle = generator.uniform(0, 2 * np.pi)
        centre = (
            middle[0] + away * float(np.sin(angle)),
            middle[1] + away * float(np.cos(angle)),
        )
        size = radius * generator.uniform(0.16, 0.22) * (1.0 if number == 0 else 0.5)
        areas.append(wavy_area(generator, centre, size, 0.35))
    return np.array(areas).reshape(-1, AREA_LENGTH)
