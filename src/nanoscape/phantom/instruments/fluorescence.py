"""A fluorescence slide scanner with six channels.

Each dye emits from where it is; its light leaks into the detectors of others, is
spread by the optics, weighted by the illumination of the stitched fields and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.compute import Task, tile_generator
from nanoscape.compute.blocks import Block
from nanoscape.phantom import particles
from nanoscape.phantom.files import fixed_uuid
from nanoscape.phantom.instruments.scanner import Scanner
from nanoscape.phantom.instruments.stains import Emission, emission, quenched_light
from nanoscape.phantom.rendering import TILE, write_rendered
from nanoscape.phantom.specimen import Specimen
from nanoscape.phantom.streams import hash_unit

FloatArray = NDArray[np.float64]

CHANNELS = ("DAPI", "CD31", "lectin", "pimonidazole", "carrier", "doxorubicin")
CARRIER, DRUG = CHANNELS.index("carrier"), CHANNELS.index("doxorubicin")

BLEED = np.eye(6)
"""Share of each dye's light (column) that each detector (row) counts."""
BLEED[CHANNELS.index("lectin"), CHANNELS.index("DAPI")] = 0.02
BLEED[DRUG, CHANNELS.index("lectin")] = 0.06
BLEED[DRUG, CHANNELS.index("CD31")] = 0.05
BLEED[CHANNELS.index("CD31"), DRUG] = 0.12
BLEED[CARRIER, CHANNELS.index("CD31")] = 0.01

SUPPORT = 4
"""The truth is kept at every fourth pixel."""

_NOISE, _FIELDS, _SPOTS = 0, 1, 2
_SPOT_PITCH_UM = 18.0
_SPOTS_FULL_AT = 0.25


@dataclass(frozen=True)
class SlideScanner(Scanner):
    """The instrument. All values are chosen.

    Attributes
    ----------
    pixel_um
        Distance of pixel centres.
    psf_sigma_um
        Standard deviation of the Gaussian point spread.
    offset
        Counts without light.
    carrier_photons
        Photons in a pixel where the carrier's level is 1.
    drug_photons
        The same for free doxorubicin outside nuclei.
    encapsulated_share
        Light of encapsulated doxorubicin over that of free, which is quenched.
    self_quenching
        Level of light at which doxorubicin is at half of what it would be.
    vignette
        Fall-off from the middle of a stitched field to its corner.
    field_sd
        Spread of the brightness of fields.
    bubble_share
        Light that comes through a bubble.
    """

    offset: int = 100
    carrier_photons: float = 1500.0
    drug_photons: float = 9000.0
    encapsulated_share: float = 0.05
    self_quenching: float = 0.15
    vignette: float = 0.05
    field_sd: float = 0.015
    bubble_share: float = 0.45


def write(
    path: Path, specimen: Specimen, scanner: SlideScanner, task: Task | None = None
) -> None:
    """Write a pyramidal OME-TIFF of six channels."""
    write_rendered(
        path,
        render_block,
        (specimen, scanner),
        channels=CHANNELS,
        shape=scanner.shape(specimen),
        pixel_um=scanner.pixel_um,
        identifier=fixed_uuid(specimen.seed, 1),
        task=task,
    )


def render_block(
    block: Block, specimen: Specimen, scanner: SlideScanner
) -> tuple[NDArray[np.uint16], None]:
    """Render one tile of the fixed lattice, shape ``(6, h, w)``."""
    rows, columns = block.core[1:]
    photons = tile_photons(specimen, scanner, rows, columns)
    place = rows.start // TILE, columns.start // TILE
    generator = tile_generator(specimen.stream(_NOISE), *place)
    counts = generator.poisson(photons) + scanner.offset
    return np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16), None


def tile_photons(
    specimen: Specimen, scanner: SlideScanner, rows: slice, columns: slice
) -> FloatArray:
    """Return the photons expected in each pixel of a tile, shape ``(6, h, w)``."""
    step, halo = scanner.pixel_um, scanner.halo
    y = np.arange(rows.start - halo, rows.stop + halo) * step
    x = np.arange(columns.start - halo, columns.stop + halo) * step
    found = emission(specimen, y, x)
    dyes = found.stains * step**2
    dyes[CARRIER] += scanner.carrier_photons * step**2 * found.carrier
    dyes[DRUG] += scanner.drug_photons * step**2 * drug_light(found, scanner)
    photons = np.einsum("ij,jyx->iyx", BLEED, dyes)
    sigma = scanner.psf_sigma_um / step
    for channel in photons:
        ndimage.gaussian_filter(channel, sigma, output=channel, truncate=5.0)
    window = (y[0] - 6 * step, y[-1] + 6 * step, x[0] - 6 * step, x[-1] + 6 * step)
    seen = spots(specimen, window)
    particles.add_spots(photons[CARRIER], y, x, seen, scanner.psf_sigma_um)
    photons = photons[:, halo:-halo, halo:-halo]
    inner_y, inner_x = y[halo:-halo], x[halo:-halo]
    return photons * illumination(specimen, scanner, inner_y, inner_x)


def drug_light(found: Emission, scanner: SlideScanner) -> FloatArray:
    """Return the light of doxorubicin."""
    return quenched_light(
        found.free,
        found.encapsulated,
        found.nuclei,
        scanner.encapsulated_share,
        scanner.self_quenching,
    )


def spots(specimen: Specimen, window: particles.Window) -> FloatArray:
    """Return aggregates of carriers that show as diffraction-limited spots.

    A lattice cell holds one with a probability proportional to the carrier's level.

    Returns
    -------
    ndarray
        ``y, x, photons``; shape ``(n, 3)``.
    """
    seed = specimen.stream(_SPOTS)
    places = particles.jittered(seed, np.array(window), _SPOT_PITCH_UM, 1.0)
    place, u = np.ascontiguousarray(places[:, :2]), places[:, 2:]
    level = specimen.values(["carrier"], place)["carrier"]
    keep = u[:, 0] < 0.6 * np.minimum(level / _SPOTS_FULL_AT, 1.0)
    return np.column_stack([place[keep], 700.0 * np.exp(1.1 * u[keep, 1])])


def illumination(
    specimen: Specimen, scanner: SlideScanner, y: FloatArray, x: FloatArray
) -> FloatArray:
    """Return the brightness of stitched fields, seams and bubbles, ``(6, h, w)``."""
    side = specimen.mounted.plan.seam_um
    row, column = np.floor(y / side).astype(int), np.floor(x / side).astype(int)
    dy, dx = y / side - row - 0.5, x / side - column - 0.5
    fall = 1 - scanner.vignette * 2 * (dy[:, None] ** 2 + dx**2)
    key = specimen.stream(_FIELDS)
    result = np.empty((len(CHANNELS), len(y), len(x)))
    for channel in range(len(CHANNELS)):
        gain = np.ones(fall.shape)
        for i in np.unique(row):
            for j in np.unique(column):
                u = hash_unit(key + channel, int(i), int(j))
                own = 1 + scanner.field_sd * np.sqrt(12) * (u - 0.5)
                gain[np.ix_(row == i, column == j)] = own
        result[channel] = gain * fall
    places = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    bubble = specimen.mounted.under_bubble(places).reshape(fall.shape)
    seam = specimen.mounted.on_seam(places).reshape(fall.shape)
    result *= np.where(bubble, scanner.bubble_share, 1.0)
    # Two fields overlap on a seam, and what was seen twice has bleached.
    return result * np.where(seam, 0.93, 1.0)


def truth(specimen: Specimen, scanner: SlideScanner) -> dict[str, NDArray[np.generic]]:
    """Return what is true at every fourth pixel, by name.

    Distances are µm, at most 600: in space and within the plane of the section, to
    all vessels and to perfused ones.
    """
    height, width = scanner.shape(specimen)
    y = np.arange(0, height, SUPPORT) * scanner.pixel_um
    x = np.arange(0, width, SUPPORT) * scanner.pixel_um
    shape = len(y), len(x)
    places = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    in_section = specimen.mounted.to_section(places)
    section = specimen.mounted.section
    inside = section.places(in_section)
    names = ("oxygen", "mobile", "carrier", "encapsulated", "free")
    maps: dict[str, NDArray[Any]] = dict(specimen.values(names, places))
    chosen: tuple[Literal["all", "perfused"], ...] = ("all", "perfused")
    for vessels in chosen:
        near = specimen.tumour.distance(inside, vessels)
        maps[f"distance_{vessels}_um"] = near
        near = section.distance_in_section(in_section, vessels)
        maps[f"distance_{vessels}_in_section_um"] = near
    maps["segment"] = section.segment(in_section) + 1
    found = {name: m.astype(np.float32).reshape(shape) for name, m in maps.items()}
    masks = {
        "tissue": specimen.tissue(places),
        "hypoxic": specimen.tumour.hypoxic(inside).astype(np.uint8),
        "artefacts": specimen.artefacts(
            places, optical=True, pitch_um=SUPPORT * scanner.pixel_um
        ),
    }
    return found | {name: m.reshape(shape) for name, m in masks.items()}
