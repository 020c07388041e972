"""A light-sheet microscope: the whole block, cleared, in one volume.

A sheet of light comes in from the side, thinnest in the middle of the block; what lies
in its way throws stripes of shadow. Clearing shrinks the tissue evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, tile_generator
from nanoscape.compute.blocks import Block
from nanoscape.phantom.block import Axes, Axis, TumourBlock, View, rotation
from nanoscape.phantom.instruments.stains import segment_brightness
from nanoscape.phantom.instruments.volumes import (
    Map,
    expected_photons,
    fields_seen,
    inside_block,
    render_counts,
)
from nanoscape.phantom.solids import add_points, blur_planes, blur_rows, halo_of
from nanoscape.phantom.texture import volume_noise
from nanoscape.phantom.tumour.tissue import jittered
from nanoscape.phantom.zarr_file import write_ome_zarr

FloatArray = NDArray[np.float64]

CHANNELS = ("CD31", "carrier", "autofluorescence")
CARRIER = CHANNELS.index("carrier")

BLEED = np.eye(3)
"""Share of each light (column) that each channel (row) counts."""
BLEED[CHANNELS.index("CD31"), CHANNELS.index("autofluorescence")] = 0.25
BLEED[CARRIER, CHANNELS.index("autofluorescence")] = 0.08

SUPPORT = (1, 2, 2)
"""The truth is kept at every other voxel of each plane."""

SHADOW = 1
"""Bit of the artefact mask: a stripe takes more than a tenth of the light."""

_ROWS = 64
_FINE = 2
_SPOT_PITCH_UM = 90.0
_SPOTS_FULL_AT = 0.2
_SHADE_PITCH_UM = 90.0
_NOISE, _PLACE, _TEXTURES, _SEGMENTS, _SPOTS, _SHADES = range(6)
_EMITS = np.array([0.0, 1.7, 1.4, 1.0, 1.9])
"""Autofluorescence of each kind of tissue."""


@dataclass(frozen=True)
class LightSheet:
    """The instrument. All values are chosen.

    The sheet runs along x, from the first column on, and is thin along z; the camera
    looks along z, from the first plane.

    Attributes
    ----------
    voxel_um
        Distances of voxels.
    margin_um
        Of cleared medium around the block.
    shrinkage
        Lengths after clearing over those before.
    turn_deg, tilt_deg
        How far the block may lie askew, in the plane of the sheet and out of it.
    lateral_sigma_um
        Standard deviation of the point spread in the plane.
    sheet_sigma_um
        The same along z, in the middle of the block, where the sheet is thinnest.
    rayleigh_um
        Distance from there at which it is √2 times as large.
    profile_um
        Distance from the middle of the sheet, along y, at which 1/e² of its light is
        left.
    sheet_loss_um, depth_loss_um
        Way through tissue after which 1/e is left of the sheet, and of the light on
        its way to the camera.
    shade
        Largest share of the light that one stripe takes.
    heal_um
        Way after which a stripe has filled up again to 1/e.
    photons
        In a voxel: of a vessel, where the carrier is at level 1, and of viable tissue.
    medium
        Photons in a voxel without tissue.
    offset, read_noise
        Of the camera.
    """

    voxel_um: tuple[float, float, float] = (6.0, 5.0, 5.0)
    margin_um: float = 40.0
    shrinkage: float = 0.85
    turn_deg: float = 4.0
    tilt_deg: float = 0.8
    lateral_sigma_um: float = 3.5
    sheet_sigma_um: float = 4.5
    rayleigh_um: float = 500.0
    profile_um: float = 1600.0
    sheet_loss_um: float = 2500.0
    depth_loss_um: float = 350.0
    shade: float = 0.8
    heal_um: float = 1200.0
    photons: tuple[float, float, float] = (1500.0, 3000.0, 120.0)
    medium: float = 12.0
    offset: float = 100.0
    read_noise: float = 1.6


def view_of(block: TumourBlock, sheet: LightSheet) -> View:
    """Return voxels around the whole block, which lies a little askew."""
    draw = np.random.default_rng(block.stream(_PLACE)).uniform(-1, 1, 3)
    tilts = float(draw[1]) * sheet.tilt_deg, float(draw[2]) * sheet.tilt_deg
    turned = rotation(float(draw[0]) * sheet.turn_deg, tilts)
    size = np.array(block.tumour.shape.size_um)
    # The box around the turned block, whose middle is that of the image.
    extent = sheet.shrinkage * (np.abs(turned.T) * size).sum(axis=1)
    count = np.ceil((extent + 2 * sheet.margin_um) / np.array(sheet.voxel_um)) + 1
    shape = int(count[0]), int(count[1]), int(count[2])
    middle = (count - 1) / 2 * np.array(sheet.voxel_um)
    scale = 1 / sheet.shrinkage
    shift = size / 2 - scale * (turned * middle).sum(axis=1)
    return View(shape, sheet.voxel_um, turned, scale, shift)


def shape_of(block: TumourBlock, sheet: LightSheet) -> tuple[int, int, int, int]:
    """Return channels, planes, rows and columns."""
    return len(CHANNELS), *view_of(block, sheet).shape


def sheet_sigma(view: View, sheet: LightSheet, x: Axis) -> FloatArray:
    """Return the axial standard deviation at columns x in µm.

    That of a Gaussian beam, σ₀ √(1 + ((x − x₀) / x_R)²), with its waist in the middle.
    """
    away = x - (view.shape[2] - 1) / 2 * view.pitch_um[2]
    sigma: FloatArray = sheet.sheet_sigma_um * np.hypot(1, away / sheet.rayleigh_um)
    return sigma


def write(
    path: Path, block: TumourBlock, sheet: LightSheet, task: Task | None = None
) -> None:
    """Write the volume as OME-Zarr."""
    rendering, writing = (task or Task()).split(9, 1)
    shape = shape_of(block, sheet)
    side = _ROWS, shape[3]
    counts = render_counts(render_tile, block, sheet, shape, side, rendering)
    writing.step(0, 1, "writing the volume")
    write_ome_zarr(path, counts, sheet.voxel_um, CHANNELS)


def render_tile(
    part: Block, block: TumourBlock, sheet: LightSheet
) -> tuple[NDArray[np.uint16], None]:
    """Render one tile of the fixed lattice, shape ``(3, z, h, w)``."""
    rows, columns = part.core[2:]
    photons = tile_photons(block, sheet, rows, columns)
    generator = tile_generator(block.stream(_NOISE), rows.start // _ROWS)
    counts = generator.poisson(photons) + sheet.offset
    counts = counts + sheet.read_noise * generator.standard_normal(photons.shape)
    largest = np.iinfo(np.uint16).max
    return np.clip(np.rint(counts), 0, largest).astype(np.uint16), None


def tile_photons(
    block: TumourBlock, sheet: LightSheet, rows: slice, columns: slice
) -> FloatArray:
    """Return the photons expected in each voxel of a tile, ``(3, z, h, w)``.

    A tile has all columns, through which the sheet runs.
    """
    view = view_of(block, sheet)
    dz, dy, dx = sheet.voxel_um
    sigma = sheet.lateral_sigma_um / dx
    wide, fine = halo_of(sigma), dz / _FINE
    x = np.arange(columns.start - wide, columns.stop + wide) * dx
    y = np.arange(rows.start - wide, rows.stop + wide) * dy
    axial = sheet_sigma(view, sheet, x)
    deep = halo_of(float(axial.max()) / fine)
    z = np.arange(-deep, (view.shape[0] - 1) * _FINE + deep + 1) * fine
    light = _light(block, sheet, view, (z, y, x))
    light = np.einsum("ij,jzyx->izyx", BLEED, light)
    planes = [blur_planes(one, axial, fine, deep, _FINE) for one in light]
    seen = np.stack([blur_rows(one, sigma) for one in planes])
    z = z[deep:-deep:_FINE]
    seen[CHANNELS.index("CD31")] += _vessels(block, sheet, view, (z, y, x))
    points = spots(block, sheet, view, (z, y, x))
    still = np.zeros(len(y))
    add_points(seen[CARRIER], z, y, x, points, sheet.lateral_sigma_um, still)
    inner = slice(wide, -wide)
    reached = illumination(block, sheet, view, (z, y[inner], x[inner]))
    return sheet.medium + seen[:, :, inner, inner] * reached


def illumination(
    block: TumourBlock, sheet: LightSheet, view: View, axes: Axes
) -> FloatArray:
    """Return the share of light that is left, ``(z, y, x)``; x has all columns.

    The sheet is brightest in its middle, lost on its way through tissue, shaded in
    stripes; light from below is lost on its way to the camera.
    """
    z, y, x = axes
    middle = (view.shape[1] - 1) / 2 * view.pitch_um[1]
    profile = np.exp(-2 * ((y - middle) / sheet.profile_um) ** 2)
    places = view.places(axes)
    solid = block.tumour.shape.depth(places) > 0
    solid &= inside_block(block, places)
    way = np.cumsum(solid.reshape(len(z), len(y), len(x)), axis=2) * view.pitch_um[2]
    # Above the face of the block there is only medium.
    depth = np.clip(places[:, 0] / view.scale, 0, None).reshape(way.shape)
    depth = np.where(way > 0, depth, 0.0)
    left = np.exp(-way / sheet.sheet_loss_um - depth / sheet.depth_loss_um)
    return left * profile[:, None] * stripes(block, sheet, view, axes)


def stripes(
    block: TumourBlock, sheet: LightSheet, view: View, axes: Axes
) -> FloatArray:
    """Return the share of light that shadows leave, shape ``(z, y, x)``.

    A thing in the way of the sheet shades what lies behind it, for as wide as it is
    itself and as thick as the sheet; farther on, light fills the shadow from the sides.
    """
    z, y, x = axes
    shades = shade_places(block, sheet, view)
    left = np.ones((len(z), len(y), len(x)))
    for at_z, at_y, at_x, radius, share in shades:
        thick = np.hypot(radius, sheet.sheet_sigma_um)
        rows = np.flatnonzero(np.abs(y - at_y) < 3 * radius)
        planes = np.flatnonzero(np.abs(z - at_z) < 3 * thick)
        if not len(rows) or not len(planes):
            continue
        wide = np.exp(-(((y[rows] - at_y) / radius) ** 2) / 2)
        high = np.exp(-(((z[planes] - at_z) / thick) ** 2) / 2)
        behind = np.clip(x - at_x, 0, None)
        along = share * np.exp(-behind / sheet.heal_um) * (1 - np.exp(-behind / radius))
        dark = high[:, None, None] * wide[:, None] * along
        left[planes[0] : planes[-1] + 1, rows[0] : rows[-1] + 1] *= 1 - dark
    return left


def shade_places(block: TumourBlock, sheet: LightSheet, view: View) -> FloatArray:
    """Return what throws shadows: ``z, y, x``, radius in µm and share, ``(n, 5)``.

    Debris and pigment anywhere in the tissue, in µm of the image.
    """
    size = np.array(block.tumour.shape.size_um)
    pitch = _SHADE_PITCH_UM * view.scale
    found = jittered(block.stream(_SHADES), np.zeros(3), size, pitch, 1.0)
    place, u = np.ascontiguousarray(found[:, :3]), found[:, 3:]
    keep = (u[:, 0] < 0.5) & (block.tumour.shape.depth(place) > 0)
    radius, share = 4.0 + 10.0 * u[keep, 1] ** 2, sheet.shade * u[keep, 2]
    return np.column_stack([view.into(place[keep]), radius, share])


def spots(block: TumourBlock, sheet: LightSheet, view: View, axes: Axes) -> FloatArray:
    """Return small clusters of carriers, far below what the instrument resolves.

    A cell of a lattice holds one with a probability proportional to the carrier's
    level.

    Returns
    -------
    ndarray
        ``z, y, x, photons, axial σ`` in µm of the image; shape ``(n, 5)``.
    """
    margin = 5 * sheet.lateral_sigma_um
    low, high = view.box(axes, margin)
    pitch = _SPOT_PITCH_UM * view.scale
    found = jittered(block.stream(_SPOTS), low, high, pitch, 1.0)
    place, u = np.ascontiguousarray(found[:, :3]), found[:, 3:]
    inside = inside_block(block, place)
    place, u = place[inside], u[inside]
    level = block.values(["carrier"], place)["carrier"]
    keep = u[:, 0] < 0.8 * np.minimum(level / _SPOTS_FULL_AT, 1.0)
    seen = view.into(place[keep])
    photons = 5000.0 * np.exp(1.2 * u[keep, 1])
    axial = sheet_sigma(view, sheet, seen[:, 2])
    return np.column_stack([seen, photons, axial])


def truth(
    block: TumourBlock, sheet: LightSheet, task: Task | None = None
) -> dict[str, Map]:
    """Return what is true of the volume, by name.

    ``photons`` are those expected without noise, ``light`` the share of them that
    sheet, stripes and depth have left.
    """
    view, shape = view_of(block, sheet), shape_of(block, sheet)
    side = _ROWS, shape[3]
    photons = expected_photons(tile_photons, block, sheet, shape, side, SUPPORT, task)
    z, y, x = view.axes(SUPPORT)
    columns = view.axes()[2]
    light = illumination(block, sheet, view, (z, y, columns))[:, :, :: SUPPORT[2]]
    shaded = stripes(block, sheet, view, (z, y, x)) < 0.9
    return {
        **fields_seen(block, view, SUPPORT),
        "photons": Map(photons, SUPPORT),
        "light": Map(light, SUPPORT),
        "artefacts": Map(np.where(shaded, SHADOW, 0).astype(np.uint8), SUPPORT),
    }


def _light(block: TumourBlock, sheet: LightSheet, view: View, axes: Axes) -> FloatArray:
    """Return the light of all but vessels on a grid, ``(3, z, y, x)``."""
    shape = len(axes[0]), len(axes[1]), len(axes[2])
    places = view.places(axes)
    inside = inside_block(block, places)
    depth = block.tumour.shape.depth(places)
    depth[~inside] = -1.0
    kind = block.tumour.tissue(places, depth).reshape(shape)
    level = block.values(["carrier"], places, depth)["carrier"].reshape(shape)
    seed = block.stream(_TEXTURES)
    broad = volume_noise(seed, *axes, 60.0)
    fine = volume_noise(seed + 1, *axes, 9.0)
    uneven = np.maximum(1 + 0.15 * broad + 0.2 * fine, 0.2)
    _, carrier, tissue = sheet.photons
    return np.stack(
        [
            np.zeros(shape),
            carrier * level,
            tissue * _EMITS[kind] * uneven,
        ]
    )


def _vessels(
    block: TumourBlock, sheet: LightSheet, view: View, axes: Axes
) -> FloatArray:
    """Return the light of CD31 as the camera gets it, drawn on a grid twice as fine."""
    z, y, x = axes
    dz, dy, dx = (pitch / _FINE for pitch in sheet.voxel_um)
    sigma = sheet.lateral_sigma_um / dx
    wide = halo_of(sigma)
    across = x[0] + np.arange(-wide, (len(x) - 1) * _FINE + wide + 1) * dx
    down = y[0] + np.arange(-wide, (len(y) - 1) * _FINE + wide + 1) * dy
    axial = sheet_sigma(view, sheet, across)
    deep = halo_of(float(axial.max()) / dz)
    planes = z[0] + np.arange(-deep, (len(z) - 1) * _FINE + deep + 1) * dz
    wall, segment = view.walls(block.tumour, (planes, down, across), dx)
    bright, _ = segment_brightness(block.tumour.network, block.stream(_SEGMENTS))
    # Vessels fill a hundredth of the block: only they are worked out.
    light, near = np.zeros(wall.shape), wall < dx / 2
    wall, segment = wall[near], segment[near]
    rim = 0.3 + 0.7 * np.exp(-np.maximum(-wall, 0.0) / 2.0)
    cover = np.clip(0.5 - wall / dx, 0.0, 1.0)
    light[near] = sheet.photons[0] * cover * rim * bright[segment]
    seen = blur_rows(blur_planes(light, axial, dz, deep, _FINE), sigma)
    return seen[:, wide:-wide:_FINE, wide:-wide:_FINE]
