"""A brightfield scanner of sections stained with haematoxylin and eosin.

Light is absorbed by the dyes as Beer and Lambert say, spread by the optics and
counted in red, green and blue.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.compute import Task, tile_generator
from nanoscape.compute.blocks import Block
from nanoscape.phantom.files import fixed_uuid
from nanoscape.phantom.instruments.scanner import Scanner
from nanoscape.phantom.instruments.stains import Scene, look
from nanoscape.phantom.rendering import TILE, write_rendered
from nanoscape.phantom.specimen import Artefact, Specimen
from nanoscape.phantom.texture import smooth_noise
from nanoscape.phantom.tumour import Tissue

FloatArray = NDArray[np.float64]

CHANNELS = ("red", "green", "blue")
DYES = np.array([[0.650, 0.704, 0.286], [0.160, 0.860, 0.480]])
"""Absorbance of haematoxylin (Ruifrok & Johnston 2001, Anal. Quant. Cytol. Histol.
23:291–299) and of eosin in red, green and blue; the latter chosen by eye."""
BLOOD = np.array([0.20, 0.82, 0.66])
"""That of red cells stained with eosin. Chosen."""

SUPPORT = 4
"""The truth is kept at every fourth pixel."""

_NOISE, _TEXTURE = 0, 20
_EOSIN = np.array([0.0, 0.55, 0.42, 0.25, 0.36])
_HAEMATOXYLIN = np.array([0.0, 0.06, 0.06, 0.13, 0.05])


@dataclass(frozen=True)
class Brightfield(Scanner):
    """The instrument. All values are chosen.

    Attributes
    ----------
    pixel_um
        Distance of pixel centres.
    psf_sigma_um
        Standard deviation of the Gaussian point spread.
    white
        Grey value of the empty slide.
    photons_per_grey
        Photons that one grey value stands for.
    nucleus
        Absorbance of a nucleus.
    bubble_white
        Light under a bubble over that beside it.
    """

    psf_sigma_um: float = 0.6
    white: float = 238.0
    photons_per_grey: float = 40.0
    nucleus: float = 0.95
    bubble_white: float = 0.82


def write(
    path: Path, specimen: Specimen, scanner: Brightfield, task: Task | None = None
) -> None:
    """Write a pyramidal OME-TIFF in colour."""
    write_rendered(
        path,
        render_block,
        (specimen, scanner),
        channels=CHANNELS,
        shape=scanner.shape(specimen),
        pixel_um=scanner.pixel_um,
        identifier=fixed_uuid(specimen.seed, 3),
        colour=True,
        task=task,
    )


def render_block(
    block: Block, specimen: Specimen, scanner: Brightfield
) -> tuple[NDArray[np.uint8], None]:
    """Render one tile of the fixed lattice, shape ``(3, h, w)``."""
    rows, columns = block.core[1:]
    light = tile_light(specimen, scanner, rows, columns)
    place = rows.start // TILE, columns.start // TILE
    generator = tile_generator(specimen.stream(_NOISE), *place)
    photons = generator.poisson(light * scanner.photons_per_grey)
    grey = np.rint(photons / scanner.photons_per_grey)
    return np.clip(grey, 0, 255).astype(np.uint8), None


def tile_light(
    specimen: Specimen, scanner: Brightfield, rows: slice, columns: slice
) -> FloatArray:
    """Return the grey values expected of a tile, shape ``(3, h, w)``."""
    step, halo = scanner.pixel_um, scanner.halo
    y = np.arange(rows.start - halo, rows.stop + halo) * step
    x = np.arange(columns.start - halo, columns.stop + halo) * step
    dyes, blood = absorbance(specimen, scanner, y, x)
    optical = np.einsum("dyx,dc->cyx", dyes, DYES) + BLOOD[:, None, None] * blood
    light = scanner.white * np.power(10.0, -optical)
    sigma = scanner.psf_sigma_um / step
    for channel in light:
        ndimage.gaussian_filter(channel, sigma, output=channel, truncate=5.0)
    light = light[:, halo:-halo, halo:-halo]
    inner = np.meshgrid(y[halo:-halo], x[halo:-halo], indexing="ij")
    places = np.stack(inner, axis=-1).reshape(-1, 2)
    bubble = specimen.mounted.under_bubble(places).reshape(light.shape[1:])
    return light * np.where(bubble, scanner.bubble_white, 1.0)


def absorbance(
    specimen: Specimen, scanner: Brightfield, y: FloatArray, x: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return how much dye and how much blood lies at rows y and columns x.

    Returns
    -------
    dyes
        Haematoxylin and eosin, shape ``(2, h, w)``.
    blood
        Shape ``(h, w)``.
    """
    scene = look(specimen, y, x)

    def noise(number: int, grain_um: float) -> FloatArray:
        seed = specimen.stream(_TEXTURE, number)
        found: FloatArray = smooth_noise(seed, y, x, grain_um)
        return found

    fibres = np.maximum(1 + 0.22 * noise(0, 5.0) + 0.16 * noise(1, 16.0), 0.25)
    solid = _solid(scene, y[1] - y[0])
    debris = scene.tissue == Tissue.NECROSIS
    dust = np.maximum(noise(2, 2.2) - 1.1, 0.0) * debris * 0.55
    haematoxylin = _HAEMATOXYLIN[scene.tissue] * solid * fibres + dust
    haematoxylin += scanner.nucleus * scene.nuclei
    eosin = _EOSIN[scene.tissue] * solid * fibres * (1 - 0.5 * (scene.nuclei > 0.3))
    # Endothelium is a dark line around a lumen.
    wall = np.exp(-((scene.wall / 1.3) ** 2)) * (scene.tissue > 0)
    haematoxylin += 0.30 * wall
    thick = np.where(scene.folded, 2.2, 1.0)
    blood = _blood(specimen, scene) * np.maximum(1 + 0.3 * noise(3, 3.0), 0.2)
    return np.stack([haematoxylin, eosin]) * thick, blood * thick


def _solid(scene: Scene, step: float) -> FloatArray:
    """Return the share of each pixel that is tissue and not lumen."""
    outside: FloatArray = np.clip(0.5 + scene.wall / step, 0.0, 1.0)
    return outside * (scene.tissue > 0)


def _blood(specimen: Specimen, scene: Scene) -> FloatArray:
    """Return red cells, which perfused vessels hold."""
    flows = np.append(specimen.tumour.network.perfused, False)[scene.segment]
    filled = np.clip(-scene.wall / 1.5, 0.0, 1.0) * (scene.tissue > 0)
    blood: FloatArray = 0.6 * filled * np.where(flows, 1.0, 0.05)
    return blood


def truth(specimen: Specimen, scanner: Brightfield) -> dict[str, NDArray[Any]]:
    """Return tissue, nuclei and artefacts at every fourth pixel, by name."""
    height, width = scanner.shape(specimen)
    y = np.arange(0, height, SUPPORT) * scanner.pixel_um
    x = np.arange(0, width, SUPPORT) * scanner.pixel_um
    places = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    shape = len(y), len(x)
    section = specimen.mounted.section
    segment = section.segment(specimen.mounted.to_section(places)) + 1
    bits = specimen.artefacts(places, optical=True)
    return {
        "tissue": specimen.tissue(places).reshape(shape),
        "segment": segment.astype(np.float32).reshape(shape),
        # The scanner takes the slide in one go: it has no seams.
        "artefacts": bits.reshape(shape) & np.uint8(~Artefact.SEAM & 0xFF),
    }
