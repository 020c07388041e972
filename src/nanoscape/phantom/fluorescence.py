"""The fluorescence slide scanner: nuclei, CD31, lectin and carrier.

Photons are expected from the scene, spread by the optics, weighted by the
illumination and counted; the camera adds a fixed offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.compute import Task, tile_generator
from nanoscape.compute.blocks import Block
from nanoscape.phantom import particles
from nanoscape.phantom.areas import depth_on_grid
from nanoscape.phantom.files import fixed_uuid
from nanoscape.phantom.rendering import TILE, write_rendered
from nanoscape.phantom.scene import Section, make_section
from nanoscape.phantom.streams import NOISE, hash_unit, sub_seed
from nanoscape.phantom.texture import smooth_noise
from nanoscape.phantom.transport import Dependence

CHANNELS = ("DAPI", "CD31", "lectin", "carrier")
CAMERA_OFFSET = 100

FloatArray = NDArray[np.float64]

_TEXTURES = 200
_THIN_EDGE_UM = 90.0


@dataclass(frozen=True)
class Scanner:
    """The instrument.

    Attributes
    ----------
    pixel_um
        Distance of pixel centres.
    psf_sigma_um
        Standard deviation of the Gaussian point spread.
    height, width
        Pixels of the slide.
    """

    pixel_um: float
    height: int
    width: int
    psf_sigma_um: float = 0.8

    @property
    def halo(self) -> int:
        """Pixels around a tile that spread into it."""
        return int(np.ceil(5 * self.psf_sigma_um / self.pixel_um)) + 1


def render_tile(
    section: Section, scanner: Scanner, row: int, column: int, noise: bool = True
) -> NDArray[np.generic]:
    """Render one tile of the fixed lattice of 512 × 512 pixels.

    Parameters
    ----------
    section
        What lies on the slide.
    scanner
        The instrument.
    row, column
        Number of the tile.
    noise
        Whether photons are counted; otherwise their expected number is returned.

    Returns
    -------
    ndarray
        Shape ``(4, h, w)``: counts of type uint16, or expected counts of float64.
    """
    halo = scanner.halo
    rows = np.arange(row * TILE, min((row + 1) * TILE, scanner.height))
    columns = np.arange(column * TILE, min((column + 1) * TILE, scanner.width))
    y = np.arange(rows[0] - halo, rows[-1] + halo + 1) * scanner.pixel_um
    x = np.arange(columns[0] - halo, columns[-1] + halo + 1) * scanner.pixel_um
    photons = expected_photons(section, scanner, y, x)
    photons = photons[:, halo:-halo, halo:-halo]
    photons *= illumination(section, scanner, rows, columns)
    if not noise:
        return photons + CAMERA_OFFSET
    generator = tile_generator(section.stream(NOISE), row, column)
    counts = generator.poisson(photons) + CAMERA_OFFSET
    return np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)


def render_block(
    block: Block, section: Section, scanner: Scanner
) -> tuple[NDArray[np.generic], None]:
    """Render the tile that a block of the lattice stands for."""
    row, column = block.core[1].start // TILE, block.core[2].start // TILE
    return render_tile(section, scanner, row, column), None


def illumination(
    section: Section,
    scanner: Scanner,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> FloatArray:
    """Return the uneven illumination of each channel, shape ``(4, h, w)``.

    A tilt and a fall-off from the middle to the corners; strong for the vessel
    stain, weak for the carrier, which is meant to be measured.
    """
    y = (rows / max(scanner.height - 1, 1) - 0.5)[:, None]
    x = (columns / max(scanner.width - 1, 1) - 0.5)[None, :]
    seed = sub_seed(section.seed, _TEXTURES)
    result = np.empty((len(CHANNELS), len(rows), len(columns)))
    for channel, (tilt, fall) in enumerate(
        [(0.15, 0.25), (0.30, 0.50), (0.15, 0.25), (0.05, 0.08)]
    ):
        angle = 2 * np.pi * hash_unit(seed, channel, 0)
        slope = tilt * (np.sin(angle) * y + np.cos(angle) * x)
        result[channel] = 1 + slope - fall * (y**2 + x**2)
    return result


def expected_photons(
    section: Section, scanner: Scanner, y: FloatArray, x: FloatArray
) -> FloatArray:
    """Return expected photons under an even illumination.

    Parameters
    ----------
    section, scanner
        What lies on the slide, and the instrument.
    y, x
        Places of rows and columns in µm. Within :attr:`Scanner.halo` of the border
        light is missing that spreads in from beyond.

    Returns
    -------
    ndarray
        Shape ``(4, h, w)``.
    """
    seed = sub_seed(section.seed, _TEXTURES)
    step = scanner.pixel_um
    margin = 3 * particles.NUCLEUS_PITCH_UM
    window = (y[0] - margin, y[-1] + margin, x[0] - margin, x[-1] + margin)
    depth = depth_on_grid(section.tissue[None], y, x)
    tissue = np.clip(depth / step + 0.5, 0, 1)
    dead = np.clip(depth_on_grid(section.necroses, y, x) / 60.0 + 0.5, 0, 1)
    fine = smooth_noise(seed + 1, y, x, 1.6)
    photons = np.stack(
        [
            _nuclei(section, window, y, x, tissue, dead, fine),
            *_vessel_stains(section, window, y, x, depth, tissue, dead, fine),
            _carrier(section, y, x, tissue),
        ]
    )
    sigma = scanner.psf_sigma_um / step
    for channel in photons:
        ndimage.gaussian_filter(channel, sigma, output=channel, truncate=5.0)
    found = particles.spots(section, window)
    particles.add_spots(photons[3], y, x, found, scanner.psf_sigma_um)
    return photons


def _nuclei(
    section: Section,
    window: particles.Window,
    y: FloatArray,
    x: FloatArray,
    tissue: FloatArray,
    dead: FloatArray,
    fine: FloatArray,
) -> FloatArray:
    """Nuclei with chromatin grain, haze from other depths, debris in necroses."""
    seed = sub_seed(section.seed, _TEXTURES)
    drawn = np.zeros((len(y), len(x)))
    found = particles.nuclei(section, window)
    particles.draw_ellipses(drawn, y, x, found, 1 + 0.18 * fine)
    haze = np.maximum(1 + 0.35 * smooth_noise(seed + 2, y, x, 25.0), 0.2)
    return 12 + 22 * tissue * haze + 28 * dead * haze + 340 * drawn


def _vessel_stains(
    section: Section,
    window: particles.Window,
    y: FloatArray,
    x: FloatArray,
    depth: FloatArray,
    tissue: FloatArray,
    dead: FloatArray,
    fine: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """CD31 on all endothelium, lectin on the perfused, over autofluorescence."""
    seed, step = sub_seed(section.seed, _TEXTURES), y[1] - y[0]
    patch = smooth_noise(seed + 3, y, x, 7.0)
    gaps = smooth_noise(seed + 4, y, x, 14.0)
    broad = smooth_noise(seed + 5, y, x, 170.0)
    cells = smooth_noise(seed + 6, y, x, 4.5)
    wall, nearest = section.all_walls.on_grid(y, x, 4 * step)
    cover = np.clip(0.5 - wall / step, 0, 1).astype(np.float64)
    # Endothelium lines the vessel: the lumen of a wide one is dimmer than its wall.
    rim = 0.5 + 0.5 * np.exp(-np.maximum(-wall, 0) / 3.0)
    bright, dyed = _segment_brightness(section)
    stain = cover * rim * np.maximum(1 + 0.22 * patch + 0.12 * fine, 0.3)
    # Autofluorescence swells away from the edge, which is thinner.
    deep = np.clip(depth / _THIN_EDGE_UM, 0, 1)
    deep = deep * deep * (3 - 2 * deep)
    glow = 30 + deep * 65 * np.log1p(np.exp(2 * broad)) + 4 * cells + 3 * fine
    glow = np.maximum(glow, 10) * tissue * (1 + 0.35 * dead)
    cd31 = 18 + glow + 330 * stain * bright[nearest]
    drawn = np.zeros_like(cd31)
    found = particles.blobs(section, window)
    particles.draw_ellipses(drawn, y, x, found, np.maximum(1 + 0.3 * patch, 0.2))
    cd31 += 210 * drawn
    flow = np.clip(0.85 + 0.45 * gaps, 0.12, 1.4) * dyed[nearest]
    lectin = 14 + 16 * tissue + 0.10 * glow + 300 * cover * (0.4 + 0.6 * rim) * flow
    return cd31, lectin


def _segment_brightness(section: Section) -> tuple[FloatArray, FloatArray]:
    """Return CD31 and lectin brightness by segment; the last entry is for none."""
    vessels = section.vessels
    seed = sub_seed(section.seed, _TEXTURES)
    trees = int(vessels.tree.max()) + 1 if len(vessels) else 0
    own = np.array([hash_unit(seed, 50, t) for t in range(trees)])
    dye = np.array([hash_unit(seed, 51, t) for t in range(trees)])
    # A thin vessel fills less of the section's thickness and holds less stain.
    filled = np.clip(vessels.diameter_um / 22.0, 0, 1) ** 0.55
    bright = np.append((0.5 + 0.7 * own[vessels.tree]) * filled, 0.0)
    amount = (0.6 + 0.6 * dye[vessels.tree]) * filled**0.6
    return bright, np.append(np.where(vessels.perfused, amount, 0.0), 0.0)


def _carrier(
    section: Section,
    y: FloatArray,
    x: FloatArray,
    tissue: FloatArray,
) -> FloatArray:
    """Return the carrier's concentration on an even background."""
    wall, _ = section.perfused_walls.on_grid(y, x)
    return 20 + 420 * tissue * section.carrier.on_grid(wall, y, x)


def make_slide(
    path: Path,
    *,
    size: int = 40_000,
    seed: int = 1,
    pixel_um: float = 0.65,
    drug: Dependence = "vessels",
    carrier: Dependence = "vessels",
    vessels: bool = True,
    task: Task | None = None,
) -> Section:
    """Make one fluorescence slide of any size, in bounded memory.

    Parameters
    ----------
    path
        Target, ending in ``.ome.tif``.
    size
        Pixels along each side.
    seed
        The same seed gives the same bytes.
    pixel_um
        Distance of pixel centres.
    drug, carrier, vessels
        As in :func:`nanoscape.phantom.study.make_study`.
    task
        Progress, and a way to stop.

    Returns
    -------
    Section
        What lies on the slide.
    """
    length = size * pixel_um
    section = make_section(
        seed, (length, length), drug=drug, carrier=carrier, vessels=vessels
    )
    write_slide(Path(path), section, Scanner(pixel_um, size, size), task=task)
    return section


def write_slide(
    path: Path, section: Section, scanner: Scanner, *, task: Task | None = None
) -> None:
    """Render a slide tile by tile and write it as a pyramidal OME-TIFF."""
    write_rendered(
        path,
        render_block,
        (section, scanner),
        channels=CHANNELS,
        shape=(scanner.height, scanner.width),
        pixel_um=scanner.pixel_um,
        identifier=fixed_uuid(section.seed, 1),
        task=task,
    )
