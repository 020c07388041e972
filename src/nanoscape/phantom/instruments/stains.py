"""What dyes and stains show of a section, before any instrument."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom import particles
from nanoscape.phantom.specimen import Specimen
from nanoscape.phantom.streams import hash_unit
from nanoscape.phantom.texture import smooth_noise
from nanoscape.phantom.tumour import Tissue
from nanoscape.phantom.tumour.mounting import Located
from nanoscape.phantom.tumour.network import Network

FloatArray = NDArray[np.float64]

PIMONIDAZOLE_MMHG = 3.0
"""Pressure at which half of the pimonidazole binds; chosen, within 1–10 mmHg."""

FOLD_LIGHT = 2.6
"""Stains in a fold over those beside it: three layers, that shade each other."""

_TEXTURES, _SEGMENTS = 10, 11
_FAR_UM = 12.0
_AROUND_UM = 12.0


@dataclass(frozen=True, eq=False)
class Scene:
    """What lies on a grid of places of a slide.

    Attributes
    ----------
    tissue
        Its kinds, shape ``(h, w)``.
    wall
        Distance to the nearest vessel in µm, at most 12, negative inside.
    segment
        The vessel segment that is nearest; -1 where none is near.
    nuclei
        How much of a pixel is nucleus, times its brightness.
    folded
        Whether tissue lies threefold.
    """

    tissue: NDArray[np.uint8]
    wall: FloatArray
    segment: NDArray[np.int64]
    nuclei: FloatArray
    folded: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Emission:
    """Light of the dyes on a grid.

    Attributes
    ----------
    stains
        Photons per µm² of DAPI, CD31, lectin, pimonidazole, and what carrier and
        drug channels show without either; shape ``(6, h, w)``.
    carrier, encapsulated, free
        Levels, shape ``(h, w)``.
    nuclei
        See :class:`Scene`.
    """

    stains: FloatArray
    carrier: FloatArray
    encapsulated: FloatArray
    free: FloatArray
    nuclei: FloatArray


def look(
    specimen: Specimen, y: FloatArray, x: FloatArray, known: Located | None = None
) -> Scene:
    """Return what lies at the places of rows y and columns x in µm.

    Where these lay in the tumour is looked up if it is not known.
    """
    shape = len(y), len(x)
    places = _places(y, x)
    known = known or specimen.mounted.locate(places)
    tissue = specimen.tissue(places, known)
    network = specimen.tumour.network
    wall, nearest = network.walls.at(known.inside_um, _FAR_UM)
    segment = np.append(network.segment, -1)[nearest]
    drawn = np.zeros(shape)
    fine = smooth_noise(specimen.stream(_TEXTURES, 0), y, x, 1.6)
    particles.draw_ellipses(drawn, y, x, nuclei(specimen, y, x), 1 + 0.18 * fine)
    return Scene(
        tissue.reshape(shape),
        wall.reshape(shape),
        segment.reshape(shape),
        drawn,
        specimen.mounted.folded(places).reshape(shape),
    )


def nuclei(specimen: Specimen, y: FloatArray, x: FloatArray) -> FloatArray:
    """Return the nuclei on a slide near a grid, as ``draw_ellipses`` takes them.

    Those in folds are left out: there they cannot be told apart.
    """
    edges = [(a, b) for a in (y[0], y[-1]) for b in x] + [
        (a, b) for a in y for b in (x[0], x[-1])
    ]
    border = specimen.mounted.to_section(np.array(edges))
    low, high = border.min(axis=0) - _AROUND_UM, border.max(axis=0) + _AROUND_UM
    found = specimen.mounted.section.nuclei(low, high)
    place = specimen.mounted.to_slide(np.ascontiguousarray(found[:, :2]))
    found = np.column_stack([place, found[:, 2:]])
    linear = specimen.mounted.linear
    turned = np.arctan2(linear[1, 0], linear[0, 0])
    found[:, 4] += turned
    return np.ascontiguousarray(found[np.isfinite(place).all(axis=1)])


def emission(specimen: Specimen, y: FloatArray, x: FloatArray) -> Emission:
    """Return the light that leaves the places of rows y and columns x in µm."""
    places = _places(y, x)
    known = specimen.mounted.locate(places)
    scene = look(specimen, y, x, known)
    shape = scene.wall.shape
    names = ("carrier", "encapsulated", "free", "oxygen")
    found = {
        name: values.reshape(shape)
        for name, values in specimen.values(names, places, known).items()
    }
    stains = np.stack(
        [
            _dapi(specimen, scene, y, x),
            *_vessels(specimen, scene, y, x),
            _pimonidazole(specimen, scene, found["oxygen"], y, x),
            8.0 + 4.0 * (scene.tissue > 0),
            10.0 + 8.0 * (scene.tissue > 0),
        ]
    )
    stains *= np.where(scene.folded, FOLD_LIGHT, 1.0)
    return Emission(
        stains, found["carrier"], found["encapsulated"], found["free"], scene.nuclei
    )


def _places(y: FloatArray, x: FloatArray) -> FloatArray:
    """Return the places of rows y and columns x, shape ``(n, 2)``."""
    return np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)


def _noise(
    specimen: Specimen, number: int, y: FloatArray, x: FloatArray, grain_um: float
) -> FloatArray:
    seed = specimen.stream(_TEXTURES, number)
    found: FloatArray = smooth_noise(seed, y, x, grain_um)
    return found


def _dapi(specimen: Specimen, scene: Scene, y: FloatArray, x: FloatArray) -> FloatArray:
    """Nuclei, haze from other depths, and debris in necroses."""
    haze = np.maximum(1 + 0.35 * _noise(specimen, 1, y, x, 25.0), 0.2)
    dead = scene.tissue == Tissue.NECROSIS
    solid = scene.tissue > 0
    return 6.0 + 14.0 * solid * haze + 26.0 * dead * haze + 260.0 * scene.nuclei


def _vessels(
    specimen: Specimen, scene: Scene, y: FloatArray, x: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """CD31 on all endothelium, lectin in patches on what is perfused."""
    step = y[1] - y[0]
    patch = _noise(specimen, 2, y, x, 7.0)
    broad = _noise(specimen, 3, y, x, 170.0)
    gaps = _noise(specimen, 4, y, x, 14.0)
    cells = _noise(specimen, 5, y, x, 4.5)
    cover = np.clip(0.5 - (scene.wall - 0.6) / step, 0.0, 1.0)
    cover = cover * (scene.tissue > 0)
    rim = 0.35 + 0.65 * np.exp(-np.maximum(-scene.wall, 0.0) / 1.8)
    network = specimen.tumour.network
    bright, dyed = segment_brightness(network, specimen.stream(_SEGMENTS))
    stain = cover * rim * np.maximum(1 + 0.22 * patch, 0.3)
    glow = 14.0 + 22.0 * np.log1p(np.exp(1.6 * broad)) + 2.5 * cells
    dead = scene.tissue == Tissue.NECROSIS
    glow = np.maximum(glow, 5.0) * (scene.tissue > 0) * (1 + 0.4 * dead)
    cd31 = 10.0 + glow + 260.0 * stain * bright[scene.segment]
    flow = np.clip(0.8 + 0.5 * gaps, 0.08, 1.4) * dyed[scene.segment]
    lectin = 8.0 + 8.0 * (scene.tissue > 0) + 0.1 * glow
    return cd31, lectin + 240.0 * cover * (0.4 + 0.6 * rim) * flow


def segment_brightness(network: Network, key: int) -> tuple[FloatArray, FloatArray]:
    """Return CD31 and lectin brightness of each segment; the last is for none.

    One perfused segment in twelve is hardly reached by the dye.
    """
    u = np.array([hash_unit(key, n, 0) for n in range(len(network))])
    v = np.array([hash_unit(key, n, 1) for n in range(len(network))])
    dyed = np.where(v < 1 / 12, 0.12, 0.6 + 0.6 * v) * network.perfused
    return np.append(0.6 + 0.6 * u, 0.0), np.append(dyed, 0.0)


def quenched_light(
    free: FloatArray,
    encapsulated: FloatArray,
    nuclei: FloatArray,
    encapsulated_share: float,
    half_at: float,
) -> FloatArray:
    """Return the light of doxorubicin: quenched in carriers and by itself.

    Free drug sits mostly on the DNA of nuclei.

    Parameters
    ----------
    free, encapsulated
        Levels.
    nuclei
        How much of a place is nucleus.
    encapsulated_share
        Light of encapsulated over that of free doxorubicin.
    half_at
        Level of light at which it is at half of what it would be.
    """
    light = free * (0.5 + 1.5 * nuclei) + encapsulated_share * encapsulated
    return light / (1 + light / half_at)


def _pimonidazole(
    specimen: Specimen,
    scene: Scene,
    oxygen: FloatArray,
    y: FloatArray,
    x: FloatArray,
) -> FloatArray:
    """Bound in living cells where oxygen is low; necroses hold a little debris."""
    bound = 1 / (1 + (oxygen / PIMONIDAZOLE_MMHG) ** 2)
    cells = np.select(
        [scene.tissue == Tissue.VIABLE, scene.tissue == Tissue.NECROSIS],
        [1.0, 0.15],
        0.3,
    )
    cells = cells * (scene.tissue > 0) * (scene.wall > 0)
    uneven = np.maximum(1 + 0.25 * _noise(specimen, 6, y, x, 9.0), 0.2)
    return 9.0 + 7.0 * (scene.tissue > 0) + 150.0 * bound * cells * uneven
