"""Photoacoustic raw signals (iThera MSOT, PATATO), which are no image yet.

They are recognised so that the reason can be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE
from nanoscape.io.opening import Options, Readable

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEAD = 2**18
# Names of the datasets at the root of such a file, which stand near its start.
_DATASETS = (b"raw_data", b"wavelengths", b"speedofsound")


def sniff(path: Path) -> bool:
    """Tell whether a file holds the signals of photoacoustic detectors."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except DAMAGE:
        return False
    if head.startswith(_HDF5):
        return all(name in head for name in _DATASETS)
    return head.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml") and b"MSOT" in head[:4096]


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Say why there is no image.

    Raises
    ------
    UnreadableFile
        Always.
    """
    del options
    raise UnreadableFile(
        f"{path} holds the signals of photoacoustic detectors, which are no image "
        "before they are reconstructed",
        "reconstructed images, one for each wavelength",
        "export the reconstruction as OME-TIFF with channels named like '800 nm'",
    )
