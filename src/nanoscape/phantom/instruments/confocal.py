"""A confocal microscope: a stack of thin planes through a thick slice of a tumour.

Each dye emits from where it is, is spread more along the axis than across, leaks into
other detectors, and is lost with depth and from plane to plane; few photons are
multiplied to 12 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, tile_generator
from nanoscape.compute.blocks import Block
from nanoscape.phantom.block import Axes, TumourBlock, View, rotation
from nanoscape.phantom.files import fixed_uuid, write_stack
from nanoscape.phantom.instruments import fluorescence
from nanoscape.phantom.instruments.stains import quenched_light, segment_brightness
from nanoscape.phantom.instruments.volumes import (
    Map,
    expected_photons,
    fields_seen,
    render_counts,
)
from nanoscape.phantom.solids import (
    add_points,
    blur_planes,
    blur_rows,
    draw_spheroids,
    halo_of,
)
from nanoscape.phantom.texture import volume_noise
from nanoscape.phantom.tumour import Tissue
from nanoscape.phantom.tumour.tissue import jittered

FloatArray = NDArray[np.float64]

CHANNELS = ("DAPI", "CD31", "lectin", "carrier", "doxorubicin")
CARRIER = CHANNELS.index("carrier")
_SAME = [fluorescence.CHANNELS.index(name) for name in CHANNELS]
BLEED: FloatArray = fluorescence.BLEED[np.ix_(_SAME, _SAME)]
"""Share of each dye's light (column) that each detector (row) counts."""

LARGEST = 4095
"""Of a detector of 12 bits."""

SUPPORT = (1, 4, 4)
"""The truth is kept at every fourth voxel of each plane."""

SATURATED = 1
"""Bit of the artefact mask: without noise some channel is beyond its detector."""

_TILE = (128, 128)
_FINE = 2
_WALL_UM = 0.6
_REACH_UM = 4.0
_LUMPS = 0.75
_SPOT_PITCH_UM = 14.0
_SPOTS_FULL_AT = 0.25
_NOISE, _FIELD, _TEXTURES, _SEGMENTS, _SPOTS, _LINES = range(6)


@dataclass(frozen=True)
class Confocal:
    """The instrument. All values are chosen.

    Attributes
    ----------
    shape
        Planes, rows and columns.
    voxel_um
        Distances of their centres.
    axial_sigma_um, lateral_sigma_um
        Standard deviations of the Gaussian point spread.
    top_um
        Depth of the first plane below the cut face of the tissue.
    relative_depth
        Where the middle of the field lies: 0 at the tumour's surface, 1 in its centre.
    photons
        In a voxel at the face: of a bright nucleus, of a wall, of lectin, and where
        carrier and the light of doxorubicin are at level 1.
    attenuation_um
        Depth at which light of each channel has fallen to 1/e.
    bleaching
        Share of each channel's light that is lost from one plane to the next.
    gain
        Grey values of a photon.
    offset, read_noise
        Of the detector, in grey values.
    vignette
        Fall-off from the middle of the field to its corner.
    flicker
        Spread of the laser's power from line to line.
    line_shift_um
        By how much farther the lines that are scanned backwards look.
    encapsulated_share, self_quenching
        See :class:`~nanoscape.phantom.instruments.fluorescence.SlideScanner`.
    """

    shape: tuple[int, int, int] = (32, 512, 512)
    voxel_um: tuple[float, float, float] = (1.5, 0.6, 0.6)
    axial_sigma_um: float = 1.6
    lateral_sigma_um: float = 0.4
    top_um: float = 8.0
    relative_depth: float = 0.25
    photons: tuple[float, ...] = (100.0, 190.0, 180.0, 360.0, 900.0)
    attenuation_um: tuple[float, ...] = (45.0, 60.0, 70.0, 95.0, 70.0)
    bleaching: tuple[float, ...] = (0.002, 0.004, 0.004, 0.006, 0.01)
    gain: float = 16.0
    offset: float = 60.0
    read_noise: float = 6.0
    vignette: float = 0.25
    flicker: float = 0.015
    line_shift_um: float = 0.25
    encapsulated_share: float = 0.05
    self_quenching: float = 0.15


def view_of(block: TumourBlock, confocal: Confocal) -> View:
    """Return the field of view, turned and at a random place of the stated depth."""
    generator = np.random.default_rng(block.stream(_FIELD))
    around, turn = generator.uniform(0, 2 * np.pi), generator.uniform(-180, 180)
    turned = rotation(turn)
    shape = block.tumour.shape
    along = np.array([0.0, math.sin(around), math.cos(around)])
    # The surface in this direction, as far as the ray has to go to reach it.
    reach = shape.depth((shape.centre_um + along)[None])[0] + 1.0
    middle = shape.centre_um + along * reach * (1 - confocal.relative_depth)
    _, height, width = (
        (n - 1) * pitch
        for n, pitch in zip(confocal.shape, confocal.voxel_um, strict=True)
    )
    half = turned[:, 1] * height / 2 + turned[:, 2] * width / 2
    shift = middle - half
    shift[0] = confocal.top_um
    return View(confocal.shape, confocal.voxel_um, turned, 1.0, shift)


def write(
    path: Path, block: TumourBlock, confocal: Confocal, task: Task | None = None
) -> None:
    """Write the stack as an OME-TIFF of 12 bits in 16."""
    rendering, writing = (task or Task()).split(9, 1)
    shape = len(CHANNELS), *confocal.shape
    counts = render_counts(render_tile, block, confocal, shape, _TILE, rendering)
    writing.step(0, 1, "writing the stack")
    identifier = fixed_uuid(block.seed, 1)
    write_stack(path, counts[...], confocal.voxel_um, identifier, *CHANNELS)


def render_tile(
    part: Block, block: TumourBlock, confocal: Confocal
) -> tuple[NDArray[np.uint16], None]:
    """Render one tile of the fixed lattice, shape ``(5, z, h, w)``."""
    rows, columns = part.core[2:]
    photons = tile_photons(block, confocal, rows, columns)
    place = rows.start // _TILE[0], columns.start // _TILE[1]
    generator = tile_generator(block.stream(_NOISE), *place)
    grey = confocal.gain * generator.poisson(photons) + confocal.offset
    grey = grey + confocal.read_noise * generator.standard_normal(photons.shape)
    return np.clip(np.rint(grey), 0, LARGEST).astype(np.uint16), None


def tile_photons(
    block: TumourBlock, confocal: Confocal, rows: slice, columns: slice
) -> FloatArray:
    """Return the photons expected in each voxel of a tile, ``(5, z, h, w)``."""
    view = view_of(block, confocal)
    dz, dy, dx = confocal.voxel_um
    fine, wide = dz / _FINE, halo_of(confocal.lateral_sigma_um / dx) + 1
    deep = halo_of(confocal.axial_sigma_um / fine)
    z = np.arange(-deep, (view.shape[0] - 1) * _FINE + deep + 1) * fine
    # From an even row on, so that lines scanned backwards stay where they are.
    first = (rows.start - wide) // 2 * 2
    y = np.arange(first, rows.stop + wide) * dy
    x = np.arange(columns.start - wide, columns.stop + wide) * dx
    light = np.einsum("ij,jzyx->izyx", BLEED, _dyes(block, confocal, view, (z, y, x)))
    axial = np.full(len(x), confocal.axial_sigma_um)
    shift = 0.0, confocal.line_shift_um / dx
    seen = np.stack(
        [
            blur_rows(
                blur_planes(dye, axial, fine, deep, _FINE),
                confocal.lateral_sigma_um / dx,
                shift,
            )
            for dye in light
        ]
    )
    z = z[deep:-deep:_FINE]
    slip = np.where(np.arange(len(y)) % 2, confocal.line_shift_um, 0.0)
    points = spots(block, confocal, view, (z, y, x))
    sigma = confocal.lateral_sigma_um
    add_points(seen[CARRIER], z, y, x, points, sigma, slip)
    inner = slice(rows.start - first, rows.stop - first), slice(wide, -wide)
    return seen[:, :, *inner] * illumination(block, confocal, rows, columns)


def illumination(
    block: TumourBlock, confocal: Confocal, rows: slice, columns: slice
) -> FloatArray:
    """Return the share of light that is left in voxels of a tile, ``(5, z, h, w)``.

    What is lost with depth, bleached by the planes above and missing in the corners of
    the field; and how bright the laser was on a line.
    """
    planes, height, width = confocal.shape
    plane = np.arange(planes)[:, None]
    depth = confocal.top_um + plane * confocal.voxel_um[0]
    left = np.exp(-depth / np.array(confocal.attenuation_um))
    left = (left * (1 - np.array(confocal.bleaching)) ** plane).T
    y = np.linspace(-1, 1, height)[rows]
    x = np.linspace(-1, 1, width)[columns]
    fall = 1 - confocal.vignette / 2 * (y[:, None] ** 2 + x**2)
    generator = tile_generator(block.stream(_LINES))
    laser = generator.standard_normal((len(left), planes, height, 1))[:, :, rows]
    return left[..., None, None] * (1 + confocal.flicker * laser) * fall


def spots(block: TumourBlock, confocal: Confocal, view: View, axes: Axes) -> FloatArray:
    """Return aggregates of carriers that show as diffraction-limited spots.

    A cell of a lattice holds one with a probability proportional to the carrier's
    level.

    Returns
    -------
    ndarray
        ``z, y, x, photons, axial σ`` in µm of the image; shape ``(n, 5)``.
    """
    margin = 5 * confocal.axial_sigma_um
    found = jittered(block.stream(_SPOTS), *view.box(axes, margin), _SPOT_PITCH_UM, 1.0)
    place, u = np.ascontiguousarray(found[:, :3]), found[:, 3:]
    level = block.values(["carrier"], place)["carrier"]
    keep = u[:, 0] < 0.6 * np.minimum(level / _SPOTS_FULL_AT, 1.0)
    photons = 700.0 * np.exp(1.5 * u[keep, 1])
    axial = np.full(len(photons), confocal.axial_sigma_um)
    return np.column_stack([view.into(place[keep]), photons, axial])


def truth(
    block: TumourBlock, confocal: Confocal, task: Task | None = None
) -> dict[str, Map]:
    """Return what is true of the stack, by name.

    ``photons`` are those expected without noise, ``light`` the share of them that
    depth, bleaching, field and laser have left.
    """
    shape = len(CHANNELS), *confocal.shape
    photons = expected_photons(
        tile_photons, block, confocal, shape, _TILE, SUPPORT, task
    )
    grey = confocal.gain * photons + confocal.offset
    saturated = np.any(grey > LARGEST, axis=0)
    every = [slice(None, None, step) for step in SUPPORT]
    light = illumination(block, confocal, *every[1:])[:, every[0]]
    return {
        **fields_seen(block, view_of(block, confocal), SUPPORT),
        "photons": Map(photons, SUPPORT),
        "light": Map(light, SUPPORT),
        "artefacts": Map(np.where(saturated, SATURATED, 0).astype(np.uint8), SUPPORT),
    }


def _dyes(block: TumourBlock, confocal: Confocal, view: View, axes: Axes) -> FloatArray:
    """Return the light of each dye on a grid, ``(5, z, y, x)``, before any optics."""
    shape = len(axes[0]), len(axes[1]), len(axes[2])
    places = view.places(axes)
    depth = block.tumour.shape.depth(places)
    kind = block.tumour.tissue(places, depth).reshape(shape)
    found = block.values(["carrier", "encapsulated", "free"], places, depth)
    level = {name: values.reshape(shape) for name, values in found.items()}
    wall, segment = view.walls(block.tumour, axes, _REACH_UM)
    nuclei = _nuclei(block, view, axes)
    solid = kind > 0
    drug = quenched_light(
        level["free"],
        level["encapsulated"],
        nuclei,
        confocal.encapsulated_share,
        confocal.self_quenching,
    )
    haze = np.maximum(1 + 0.5 * _noise(block, 1, axes, 6.0), 0.1) * solid
    debris = haze * (kind == Tissue.NECROSIS)
    dapi, wall_light, dye, carrier, doxorubicin = confocal.photons
    # Out of vessels carriers lie in small vesicles; the mean is that of the level.
    lumpy = np.exp(_LUMPS * _noise(block, 4, axes, 1.3) - _LUMPS**2 / 2)
    grains = np.where(wall > 0, lumpy, 1.0)
    cd31, lectin = _vessels(block, axes, wall, segment)
    return np.stack(
        [
            0.4 + 1.5 * haze + 0.12 * dapi * debris + dapi * nuclei,
            0.6 + 3.0 * haze + 6.0 * debris + wall_light * cd31 * solid,
            0.5 + 1.2 * haze + dye * lectin * solid,
            0.4 + 1.0 * solid + carrier * level["carrier"] * grains,
            0.5 + 1.5 * haze + doxorubicin * drug,
        ]
    )


def _noise(block: TumourBlock, number: int, axes: Axes, grain_um: float) -> FloatArray:
    found: FloatArray = volume_noise(block.stream(_TEXTURES, number), *axes, grain_um)
    return found


def _nuclei(block: TumourBlock, view: View, axes: Axes) -> FloatArray:
    """Return how much of each place is nucleus, with grains of chromatin."""
    found = block.tumour.nuclei(*view.box(axes, 6.0))
    turned = math.atan2(view.rotation[1, 2], view.rotation[2, 2])
    seen = np.column_stack([view.into(found[:, :3]), found[:, 3:]])
    seen[:, 5] -= turned
    chromatin = _noise(block, 0, axes, 1.1)
    drawn = np.zeros(chromatin.shape)
    grain = np.clip(0.9 + 0.4 * chromatin, 0.15, None)
    draw_spheroids(drawn, *axes, seen, grain)
    return drawn


def _vessels(
    block: TumourBlock, axes: Axes, wall: FloatArray, segment: NDArray[np.int32]
) -> tuple[FloatArray, FloatArray]:
    """CD31 in thin walls, lectin on the inside of perfused ones and in the lumen."""
    bright, dyed = segment_brightness(block.tumour.network, block.stream(_SEGMENTS))
    patch = np.maximum(1 + 0.35 * _noise(block, 2, axes, 2.2), 0.15)
    gaps = np.clip(0.8 + 0.5 * _noise(block, 3, axes, 7.0), 0.08, 1.4)
    thin = np.exp(-(wall**2) / (2 * _WALL_UM**2))
    lining = np.exp(-((wall + _WALL_UM) ** 2) / (2 * _WALL_UM**2))
    lumen = np.clip(0.5 - wall / _WALL_UM, 0.0, 1.0)
    lectin = (0.3 * lumen + 0.9 * lining) * gaps * dyed[segment]
    return thin * patch * bright[segment], lectin
