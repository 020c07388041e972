"""How much of each metal lies where, before the instrument: labels and carrier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.instruments.imc_cells import Cells, cells
from nanoscape.phantom.instruments.imc_panel import GAS, IRIDIUM_191, NAMES
from nanoscape.phantom.instruments.stains import PIMONIDAZOLE_MMHG, Scene, look
from nanoscape.phantom.specimen import Specimen
from nanoscape.phantom.texture import smooth_noise
from nanoscape.phantom.tumour import Tissue

FloatArray = NDArray[np.float64]

CAIX_MMHG = 6.0
"""Pressure at which CAIX is at half of its most. Chosen."""

FOLD_AMOUNT = 2.0
"""Labels in a fold over those beside it: the laser does not reach all layers."""

_TEXTURES = 30
_MUSCLE_FROM_UM = 6.5
_GRAIN_SD = 0.7


@dataclass(frozen=True, eq=False)
class Metals:
    """What lies on a grid of places.

    Attributes
    ----------
    amounts
        Counts of a pixel that were there throughout, in the order of the panel; 0 for
        what comes with the gas. Shape ``(channel, h, w)``.
    scene, cells
        See there.
    carrier
        Its level without grains, shape ``(h, w)``.
    """

    amounts: FloatArray
    scene: Scene
    cells: Cells
    carrier: FloatArray


@dataclass(frozen=True, eq=False)
class _View:
    """A section on a grid, and random textures on it."""

    specimen: Specimen
    y: FloatArray
    x: FloatArray
    scene: Scene
    cells: Cells

    def noise(self, number: int, grain_um: float) -> FloatArray:
        seed = self.specimen.stream(_TEXTURES, number)
        found: FloatArray = smooth_noise(seed, self.y, self.x, grain_um)
        return found

    def on_cells(self, values: FloatArray) -> FloatArray:
        """Return a value of each cell at each place."""
        found: FloatArray = values[self.cells.number]
        return found


def metals(
    specimen: Specimen, y: FloatArray, x: FloatArray, gold_counts: float
) -> Metals:
    """Return the metals at the places of rows y and columns x in µm.

    Parameters
    ----------
    specimen
        The section.
    y, x
        Evenly spaced.
    gold_counts
        Counts of gold in a pixel where the level of the carrier is 1.
    """
    places = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    known = specimen.mounted.locate(places)
    scene = look(specimen, y, x, known)
    shape = scene.wall.shape
    found = specimen.values(["carrier", "oxygen"], places, known)
    carrier = found["carrier"].reshape(shape)
    view = _View(specimen, y, x, scene, cells(specimen, y, x))
    solid = scene.tissue > 0
    amount = {
        "Ba138": np.where(solid, 0.4, 1.3),
        **_nuclear(view),
        **_vascular(view),
        **_cellular(view, found["oxygen"].reshape(shape)),
    }
    for name in amount.keys() - {"Ba138"}:
        amount[name] = np.where(solid, amount[name] + 0.08, 0.03)
        amount[name] *= np.where(scene.folded, FOLD_AMOUNT, 1.0)
    grain = np.exp(_GRAIN_SD * view.noise(9, 1.3) - _GRAIN_SD**2 / 2)
    amount["gold"] = gold_counts * carrier * grain
    none = np.zeros(shape)
    return Metals(
        np.stack([none if name in GAS else amount[name] for name in NAMES]),
        scene,
        view.cells,
        carrier,
    )


def _nuclear(view: _View) -> dict[str, FloatArray]:
    """Intercalator and histone in nuclei, debris in necroses; Ki-67 where it is fed."""
    scene, own = view.scene, view.cells
    chromatin = np.maximum(1 + 0.25 * view.noise(0, 1.5), 0.2) * scene.nuclei
    dead = scene.tissue == Tissue.NECROSIS
    debris = dead * np.maximum(0.12 + 0.12 * view.noise(1, 4.0), 0.02)
    dna = 42.0 * (chromatin + debris) + 1.2
    cycling = own.uniform(0) < 0.4 * own.oxygen / (own.oxygen + 8.0)
    bright = own.expression(0) * (cycling & own.tumour)
    return {
        "DNA1": IRIDIUM_191 * dna,
        "DNA2": (1 - IRIDIUM_191) * dna,
        "Histone H3": 11.0
        * (chromatin + 0.5 * debris)
        * np.where(own.number >= 0, view.on_cells(own.expression(1, 0.25)), 1.0),
        "Ki-67": 14.0 * chromatin * view.on_cells(bright),
    }


def _vascular(view: _View) -> dict[str, FloatArray]:
    """Endothelium on all vessels, muscle around wide ones and fibres in stroma."""
    scene = view.scene
    network = view.specimen.tumour.network
    wall = scene.wall
    patch = np.maximum(1 + 0.35 * view.noise(2, 4.0), 0.1)
    lining = np.exp(-(((wall + 0.2) / 1.0) ** 2)) * patch
    wide = np.append(_mean_radius(view.specimen), 0.0)[scene.segment]
    muscle = np.exp(-(((wall - 1.8) / 1.6) ** 2)) * (wide > _MUSCLE_FROM_UM)
    fibres = np.exp(-((view.noise(3, 9.0) / 0.3) ** 2))
    fibres = fibres * np.maximum(1 + 0.5 * view.noise(4, 3.0), 0.1)
    connective = (scene.tissue == Tissue.STROMA) | (scene.tissue == Tissue.CAPSULE)
    calm = np.maximum(1 + 0.4 * view.noise(5, 5.0), 0.2)
    return {
        "CD31": (26.0 * lining if len(network) else 0.0 * wall) + 0.15,
        "aSMA": 20.0 * muscle * calm + 9.0 * fibres * connective + 0.1,
    }


def _mean_radius(specimen: Specimen) -> FloatArray:
    """Return the mean radius of each segment, over its links."""
    network = specimen.tumour.network
    links = np.maximum(np.bincount(network.segment, minlength=len(network)), 1)
    total = np.bincount(network.segment, network.capsules[:, 6], len(network))
    found: FloatArray = total / links
    return found


def _cellular(view: _View, oxygen: FloatArray) -> dict[str, FloatArray]:
    """Membranes of tumour cells and macrophages, and what they do without oxygen."""
    scene, own = view.scene, view.cells
    membrane = own.membrane()
    body = (own.number >= 0) & (scene.wall > 0.5)
    living = (scene.tissue > 0) & (scene.tissue != Tissue.NECROSIS)
    grain = np.maximum(1 + 0.4 * view.noise(6, 1.6), 0.05)
    tumour = body & living & own.tumour[own.number]
    eater = body & living & own.macrophage[own.number]
    starved = 1 / (1 + (oxygen / CAIX_MMHG) ** 2)
    bound = 1 / (1 + (oxygen / PIMONIDAZOLE_MMHG) ** 2)
    debris = (scene.tissue == Tissue.NECROSIS) * np.maximum(
        0.7 + 0.5 * view.noise(7, 5.0), 0.05
    )
    adhesion = view.on_cells(own.expression(2)) * (0.12 + 0.88 * membrane)
    hungry = view.on_cells(own.expression(3)) * (0.3 + 0.7 * membrane)
    eating = view.on_cells(own.expression(4, 0.5)) * (0.45 + 0.55 * membrane)
    adduct = view.on_cells(own.expression(5, 0.3)) * np.maximum(
        1 + 0.25 * view.noise(8, 6.0), 0.1
    )
    return {
        "E-cadherin": 24.0 * tumour * adhesion * grain + 1.0 * debris,
        "F4/80": 18.0 * eater * eating * grain + 0.1,
        "CAIX": 17.0 * tumour * hungry * starved * grain + 0.8 * debris,
        "pimonidazole": 20.0 * tumour * adduct * bound * grain + 1.5 * debris,
    }
