"""Writing imzML whose bytes depend on what is measured alone."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import numpy as np
from pyimzml.ImzMLWriter import ImzMLWriter


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
