"""The MALDI imaging mass spectrometer: the drug, lipids, haem and matrix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, tile_generator
from nanoscape.phantom.areas import depth_at
from nanoscape.phantom.files import complete, fixed_uuid
from nanoscape.phantom.imzml_file import imzml_writer, spectrum, state_pixel_size
from nanoscape.phantom.scene import Section
from nanoscape.phantom.streams import SPECTRA, TEXTURE, sub_seed
from nanoscape.phantom.texture import smooth_noise_at
from nanoscape.phantom.warp import Raster

DRUG_MZ = 544.1813
MISSING_SHARE = 0.01

_SAMPLES = 6

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Ion:
    """One ion and where it comes from.

    Attributes
    ----------
    name
        What it is.
    mz
        Mass to charge ratio of the ion.
    glass, tissue, dead, blood, drug
        Mean counts off the tissue; and in tissue those from viable tissue, necrosis,
        perfused vessels and the drug's unit of concentration.
    """

    name: str
    mz: float
    glass: float = 0.0
    tissue: float = 0.0
    dead: float = 0.0
    blood: float = 0.0
    drug: float = 0.0


IONS = (
    Ion("matrix (DHB)", 273.0394, glass=900.0, tissue=350.0, dead=400.0),
    Ion("cholesterol", 369.3516, tissue=160.0, dead=260.0),
    Ion("ceramide 34:1", 520.5088, tissue=25.0, dead=190.0),
    Ion("doxorubicin", DRUG_MZ, glass=1.5, tissue=1.0, dead=1.0, drug=260.0),
    Ion("haem", 616.1767, tissue=18.0, dead=30.0, blood=420.0),
    Ion("SM 34:1", 703.5748, tissue=120.0, dead=210.0),
    Ion("PC 32:0", 734.5694, tissue=380.0, dead=210.0),
    Ion("PC 34:1", 760.5851, tissue=820.0, dead=330.0),
    Ion("PC 36:2", 786.6007, tissue=430.0, dead=70.0),
    Ion("PC 34:1 + K", 798.5410, tissue=270.0, dead=60.0),
)
"""Monoisotopic masses of [M+H]⁺, save where the name says otherwise."""


def expected_counts(section: Section, raster: Raster) -> dict[str, FloatArray]:
    """Return the mean counts of each ion in each pixel, averaged over the pixel.

    Returns
    -------
    dict
        By the ion's name, arrays of the raster's shape.
    """
    places = raster.footprints(_SAMPLES)
    tissue = depth_at(section.tissue[None], places) > 0
    dead = tissue & (depth_at(section.necroses, places) > 0)
    wall, _ = section.perfused_walls.at(places)
    drug = section.drug.at(wall, places)
    seed = sub_seed(section.seed, SPECTRA, TEXTURE)
    counts = {}
    for number, ion in enumerate(IONS):
        grain = np.maximum(1 + 0.12 * smooth_noise_at(seed + number, places, 60.0), 0)
        solid = np.where(dead, ion.dead, ion.tissue) * grain
        # The drug is left without a texture of its own: it follows its law.
        amount = solid + ion.drug * drug + ion.blood * (wall < 0)
        counts[ion.name] = raster.means(np.where(tissue, amount, ion.glass), _SAMPLES)
    return counts


def measured_pixels(section: Section, raster: Raster) -> NDArray[np.bool_]:
    """Return which pixels have a spectrum; about one in a hundred was lost."""
    generator = tile_generator(section.stream(SPECTRA), 0)
    there = generator.random(raster.shape) >= MISSING_SHARE
    # The raster's corner stays, so that its first position is 1, 1.
    there[0, 0] = there[-1, -1] = True
    return there


def write_maldi(
    path: Path, section: Section, raster: Raster, *, task: Task | None = None
) -> None:
    """Write centroid spectra as imzML, in processed mode.

    Counts are Poisson; each peak has a mass error of its own, and a pixel has some
    peaks of noise.

    Parameters
    ----------
    path
        Target, ending in ``.imzML``; the binary twin lies beside it.
    section, raster
        What is measured, and where.
    task
        Progress.
    """
    task = task or Task()
    expected = np.stack(list(expected_counts(section, raster).values()), axis=-1)
    masses = np.array([ion.mz for ion in IONS])
    there = measured_pixels(section, raster)
    with complete(path.with_suffix(".ibd"), path) as (binary, draft):
        with imzml_writer(draft, fixed_uuid(section.seed, 2)) as writer:
            for row in range(raster.shape[0]):
                task.step(row, raster.shape[0], "writing spectra")
                generator = tile_generator(section.stream(SPECTRA), 1, row)
                for column in range(raster.shape[1]):
                    mz, counts = spectrum(generator, masses, expected[row, column])
                    if there[row, column]:
                        writer.addSpectrum(mz, counts, (column + 1, row + 1, 1))
        assert binary.exists()
        state_pixel_size(draft, raster.pixel_um)
