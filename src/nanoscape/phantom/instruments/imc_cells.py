"""Cells that a section cuts: what lies around each nucleus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import spatial, special

from nanoscape.phantom.specimen import Specimen
from nanoscape.phantom.streams import hash_unit
from nanoscape.phantom.tumour import Tissue

FloatArray = NDArray[np.float64]

RADIUS_UM = 9.0
"""Largest distance of a cell's border from the centre of its nucleus. Chosen."""

_EXPRESSION = 20
_BRIGHTNESS = 0.55, 0.6
_MACROPHAGE = 0.25


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells on a grid of places. The last row of tables is for what is no cell.

    Attributes
    ----------
    number
        Of the cell at each place, -1 for none; shape ``(h, w)``.
    border_um
        About how far the border of the cell is away; 0 outside of cells.
    tumour, macrophage
        Whether each cell is one.
    oxygen
        At its nucleus, in mmHg.
    key
        Seed of what cells express.
    chance
        A number in [0, 1) of each cell's own.
    """

    number: NDArray[np.int64]
    border_um: FloatArray
    tumour: NDArray[np.bool_]
    macrophage: NDArray[np.bool_]
    oxygen: FloatArray
    key: int
    chance: FloatArray

    def uniform(self, marker: int) -> FloatArray:
        """Return a number in [0, 1) of each cell, other ones for each marker."""
        steps = (self.chance * 2**30).astype(np.int64)
        return np.array([hash_unit(self.key, marker, int(n)) for n in steps])

    def expression(self, marker: int, spread: float = 0.4) -> FloatArray:
        """Return how much of a marker cells have: lognormal with a mean of 1."""
        normal = special.ndtri(np.clip(self.uniform(marker), 1e-6, 1 - 1e-6))
        found: FloatArray = np.exp(spread * normal - spread**2 / 2)
        return found

    def membrane(self, width_um: float = 0.8) -> FloatArray:
        """Return how much of each place is membrane."""
        near = np.exp(-((self.border_um / width_um) ** 2))
        return np.where(self.number >= 0, near, 0.0)


def cells(specimen: Specimen, y: FloatArray, x: FloatArray) -> Cells:
    """Return the cells at the places of rows y and columns x in µm.

    A place belongs to the nucleus in space whose centre is nearest, up to 9 µm away:
    the section cuts some cells beside their nuclei.
    """
    shape = len(y), len(x)
    places = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    inside = specimen.in_space(places)
    found = specimen.tumour.nuclei(
        inside.min(axis=0) - 2 * RADIUS_UM, inside.max(axis=0) + 2 * RADIUS_UM
    )
    number, border = _nearest(found[:, :3], inside)
    centre = np.ascontiguousarray(found[:, :3])
    kind = specimen.tumour.tissue(centre)
    macrophage = specimen.tumour.macrophages.at(centre) > _MACROPHAGE
    tumour = (kind == Tissue.VIABLE) & ~macrophage
    low, wide = _BRIGHTNESS
    return Cells(
        number.reshape(shape),
        border.reshape(shape),
        np.append(tumour, False),
        np.append(macrophage, False),
        np.append(specimen.tumour.values(["oxygen"], centre)["oxygen"], 0.0),
        specimen.stream(_EXPRESSION),
        np.append(np.clip((found[:, 6] - low) / wide, 0.0, 1 - 1e-9), 0.0),
    )


def _nearest(
    centres: FloatArray, places: FloatArray
) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the cell of each place and how far its border is, -1 and 0 for none."""
    if len(centres) < 2:
        return np.full(len(places), -1), np.zeros(len(places))
    away, both = spatial.cKDTree(centres).query(places, k=2)
    first, second = away.T
    within = first < RADIUS_UM
    border = (np.minimum(second, 2 * RADIUS_UM - first) - first) / 2
    return np.where(within, both[:, 0], -1), np.where(within, border, 0.0)
