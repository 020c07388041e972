"""A MALDI imaging mass spectrometer, and what stands between drug and signal.

What lies under a pixel is spread by the matrix, ionised the worse the more other
molecules of the tissue compete, and counted under a layer of uneven crystals. A
labelled standard sprayed evenly goes through the same, so that its ratio is right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nanoscape.compute import Task, tile_generator
from nanoscape.phantom.files import complete, fixed_uuid
from nanoscape.phantom.imzml_file import imzml_writer, spectrum, state_pixel_size
from nanoscape.phantom.maldi import DRUG_MZ, IONS
from nanoscape.phantom.specimen import Artefact, Pixels, Specimen
from nanoscape.phantom.streams import hash_unit
from nanoscape.phantom.texture import smooth_noise_at
from nanoscape.phantom.tumour import Tissue

FloatArray = NDArray[np.float64]

STANDARD, STANDARD_MZ = "doxorubicin-d3", DRUG_MZ + 3 * 1.0062767
DRUG = "doxorubicin"
ISOTOPE_STEP = 1.0033548
ISOTOPE_SHARE = 0.0107
"""Mass difference of ¹³C to ¹²C and the share of ¹³C; other elements are left out."""

CARBONS = {
    "matrix (DHB)": 14,
    "cholesterol": 27,
    "ceramide 34:1": 34,
    DRUG: 27,
    STANDARD: 27,
    "haem": 34,
    "SM 34:1": 39,
    "PC 32:0": 40,
    "PC 34:1": 42,
    "PC 36:2": 44,
    "PC 34:1 + K": 42,
}

SUPPRESSION = np.array([1.5, 0.85, 0.75, 1.0, 0.5])
"""Ions that the same amount gives, by :class:`Tissue`, over those in viable tumour."""

_SAMPLES = 4
_ISOTOPES = 3
_TEXTURE, _SPECTRA, _LOST, _CRYSTALS, _BATCH = range(5)


@dataclass(frozen=True)
class Maldi:
    """The instrument. All values are chosen.

    Attributes
    ----------
    pixel_um
        Distance of pixel centres.
    spread_sigma_um
        Standard deviation by which the matrix carries analytes away.
    drug_counts
        Counts of the drug in a pixel of viable tumour where its level is 1.
    standard_counts
        Counts of the standard there.
    crystal_sd
        Spread of the logarithm of the signal from pixel to pixel.
    missing_share
        Pixels without a spectrum; besides, a part of one row is lost.
    batch_sd, batch_ppm
        Spread of the logarithm of the signal, and of the calibration, between days.
    """

    pixel_um: float = 30.0
    spread_sigma_um: float = 18.0
    drug_counts: float = 1600.0
    standard_counts: float = 180.0
    crystal_sd: float = 0.2
    missing_share: float = 0.01
    batch_sd: float = 0.25
    batch_ppm: float = 2.0

    def pixels(self, specimen: Specimen) -> Pixels:
        """Return the raster over a slide."""
        return Pixels.over(specimen.size_um, (self.pixel_um, self.pixel_um))


@dataclass(frozen=True, eq=False)
class Expected:
    """What is expected of a raster.

    Attributes
    ----------
    drug
        Level of the drug, encapsulated and free, averaged over each pixel before
        anything happened to it.
    signal
        By ion, its mean counts without isotopes, crystals and batch.
    ionisation
        Ions that the drug gives over those in viable tumour.
    crystals
        What the layer of matrix multiplies each pixel with.
    lost
        Pixels without a spectrum.
    """

    drug: FloatArray
    signal: dict[str, FloatArray]
    ionisation: FloatArray
    crystals: FloatArray
    lost: NDArray[np.bool_]


def expect(specimen: Specimen, maldi: Maldi) -> Expected:
    """Return what is expected of each pixel."""
    pixels = maldi.pixels(specimen)
    places = pixels.places(_SAMPLES)
    fine = pixels.fine_shape(_SAMPLES)
    known = specimen.mounted.locate(places)
    tissue = specimen.tissue(places, known)
    found = specimen.values(["encapsulated", "free"], places, known)
    drug = found["encapsulated"] + found["free"]
    wall = specimen.tumour.distance(known.inside_um, "perfused", 1.0)
    blood = (wall < 0) & (tissue > 0)
    thick = np.where(specimen.mounted.folded(places), 3.0, 1.0)
    share = SUPPRESSION[tissue]
    spread = maldi.spread_sigma_um / maldi.pixel_um * _SAMPLES

    def ions(amount: FloatArray) -> FloatArray:
        carried = ndimage.gaussian_filter(amount.reshape(fine), spread, mode="nearest")
        return pixels.means(carried * share.reshape(fine), _SAMPLES)

    signal = {}
    dead = tissue == Tissue.NECROSIS
    for number, ion in enumerate(IONS):
        if ion.name == DRUG:
            # What is read where there is none comes from chemical noise.
            signal[ion.name] = 1.0 + ions(maldi.drug_counts * drug)
            continue
        seed = specimen.stream(_TEXTURE, number)
        grain = np.maximum(1 + 0.12 * smooth_noise_at(seed, places, 60.0), 0.0)
        solid = np.where(dead, ion.dead, ion.tissue) * grain * thick
        solid = np.where(tissue > 0, solid, 0.0) + ion.blood * blood
        off = np.where(tissue > 0, 0.0, ion.glass)
        signal[ion.name] = ions(solid) + pixels.means(off, _SAMPLES)
    signal[STANDARD] = ions(np.full(len(places), maldi.standard_counts))
    return Expected(
        pixels.means(drug, _SAMPLES),
        signal,
        pixels.means(share, _SAMPLES),
        _crystals(specimen, maldi, pixels),
        _lost(specimen, maldi, pixels),
    )


def gain(specimen: Specimen, maldi: Maldi) -> tuple[float, float]:
    """Return what the day multiplies signals with, and its mass error in ppm."""
    generator = np.random.default_rng([_BATCH, specimen.batch])
    normal = generator.standard_normal(2)
    return float(np.exp(maldi.batch_sd * normal[0])), float(maldi.batch_ppm * normal[1])


def isotopes(name: str) -> FloatArray:
    """Return the shares of the first three isotopologues of an ion, by ¹³C alone."""
    n = CARBONS[name]
    share = [
        math.comb(n, k) * ISOTOPE_SHARE**k * (1 - ISOTOPE_SHARE) ** (n - k)
        for k in range(_ISOTOPES)
    ]
    return np.array(share)


def write(
    path: Path, specimen: Specimen, maldi: Maldi, task: Task | None = None
) -> None:
    """Write centroid spectra as imzML, in processed mode."""
    task = task or Task()
    expected = expect(specimen, maldi)
    level, shift_ppm = gain(specimen, maldi)
    masses, counts = peaks(expected)
    counts = counts * (level * expected.crystals)[..., None]
    rows, columns = expected.lost.shape
    with complete(path.with_suffix(".ibd"), path) as (_, draft):
        with imzml_writer(draft, fixed_uuid(specimen.seed, 2)) as writer:
            for row in range(rows):
                task.step(row, rows, "writing spectra")
                generator = tile_generator(specimen.stream(_SPECTRA), row)
                for column in range(columns):
                    found = spectrum(generator, masses, counts[row, column], shift_ppm)
                    if not expected.lost[row, column]:
                        writer.addSpectrum(*found, (column + 1, row + 1, 1))
        state_pixel_size(draft, maldi.pixel_um)


def peaks(expected: Expected) -> tuple[FloatArray, FloatArray]:
    """Return the m/z of all isotopologues and their mean counts, ``(h, w, n)``."""
    mz = {ion.name: ion.mz for ion in IONS} | {STANDARD: STANDARD_MZ}
    masses, counts = [], []
    for name, signal in expected.signal.items():
        for number, share in enumerate(isotopes(name)):
            masses.append(mz[name] + number * ISOTOPE_STEP)
            counts.append(signal * share)
    return np.array(masses), np.stack(counts, axis=-1)


def truth(specimen: Specimen, maldi: Maldi) -> dict[str, NDArray[np.generic]]:
    """Return what is true of each pixel, by name."""
    expected = expect(specimen, maldi)
    pixels = maldi.pixels(specimen)
    bits = specimen.artefacts(pixels.places(), optical=False).reshape(pixels.shape)
    return {
        "drug": expected.drug.astype(np.float32),
        "drug_counts": expected.signal[DRUG].astype(np.float32),
        "standard_counts": expected.signal[STANDARD].astype(np.float32),
        "ionisation": expected.ionisation.astype(np.float32),
        "crystals": expected.crystals.astype(np.float32),
        "artefacts": np.where(expected.lost, bits | Artefact.LOST, bits).astype(
            np.uint8
        ),
    }


def _crystals(specimen: Specimen, maldi: Maldi, pixels: Pixels) -> FloatArray:
    generator = np.random.default_rng(specimen.stream(_CRYSTALS))
    normal = generator.standard_normal(pixels.shape)
    found: FloatArray = np.exp(maldi.crystal_sd * normal - maldi.crystal_sd**2 / 2)
    return found


def _lost(specimen: Specimen, maldi: Maldi, pixels: Pixels) -> NDArray[np.bool_]:
    """Draw single pixels and a third of one row; the corners stay.

    Without these the raster would seem to be smaller than it is.
    """
    seed = specimen.stream(_LOST)
    generator = np.random.default_rng(seed)
    lost = generator.random(pixels.shape) < maldi.missing_share
    rows, columns = pixels.shape
    row = int((0.2 + 0.6 * hash_unit(seed, 0, 0)) * rows)
    first = int((0.1 + 0.5 * hash_unit(seed, 0, 1)) * columns)
    lost[row, first : first + columns // 3] = True
    lost[0, 0] = lost[-1, -1] = False
    return lost
