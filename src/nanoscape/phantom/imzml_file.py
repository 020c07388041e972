"""Writing imzML whose bytes depend on what is measured alone."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyimzml.ImzMLWriter import ImzMLWriter

MASS_ERROR_PPM = 1.5

_NOISE_PEAKS = 25

FloatArray = NDArray[np.float64]


def spectrum(
    generator: np.random.Generator,
    masses: FloatArray,
    expected: FloatArray,
    shift_ppm: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Draw the centroids of one spectrum, with some peaks of noise.

    Parameters
    ----------
    generator
        Source of chance.
    masses, expected
        Of each ion, mass to charge ratio and mean counts.
    shift_ppm
        Error of the calibration, the same for all peaks.

    Returns
    -------
    mz, counts
        In the order of m/z; what was not counted is left out.
    """
    counts = generator.poisson(expected).astype(np.float64)
    error = generator.normal(0, MASS_ERROR_PPM * 1e-6, len(masses))
    noise_mz = generator.uniform(250, 900, _NOISE_PEAKS)
    noise = generator.poisson(2.0, _NOISE_PEAKS).astype(np.float64)
    mz = np.concatenate([masses * (1 + (error + shift_ppm * 1e-6)), noise_mz])
    counts = np.concatenate([counts, noise])
    order = np.argsort(mz[counts > 0])
    return mz[counts > 0][order], counts[counts > 0][order]


def imzml_writer(path: Path, identifier: uuid.UUID) -> ImzMLWriter:
    """Return a writer whose identifiers depend on the seed alone."""
    writer = ImzMLWriter(
        str(path),
        mz_dtype=np.float64,
        intensity_dtype=np.float32,
        mode="processed",
        polarity="positive",
    )
    writer.run_id = "phantom"
    writer.uuid = identifier
    writer.ibd.seek(0)
    writer.ibd.write(writer.uuid.bytes)
    writer.sha1 = hashlib.sha1(writer.uuid.bytes, usedforsecurity=False)
    return writer


def state_pixel_size(path: Path, pixel_um: float) -> None:
    """Add the pixel size, which the writer leaves out."""
    lines = []
    for line in path.read_text(encoding="latin-1").splitlines(keepends=True):
        lines.append(line)
        if "IMS:1000043" in line:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [
                f'{indent}<cvParam cvRef="IMS" accession="{accession}" name="{name}" '
                f'value="{pixel_um:g}" unitCvRef="UO" '
                f'unitAccession="UO:0000017" unitName="micrometer"/>\n'
                for accession, name in (
                    ("IMS:1000046", "pixel size (x)"),
                    ("IMS:1000047", "pixel size y"),
                )
            ]
    path.write_text("".join(lines), encoding="latin-1")
