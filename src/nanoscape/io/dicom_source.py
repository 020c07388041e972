"""Samples and headers of DICOM files."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels import pixel_array

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import Box, Source, stamp

PYDICOM = (InvalidDicomError, BytesLengthException)
"""What pydicom raises of its own."""

_DIRECTORY = "1.2.840.10008.1.3.10"
_CODEC = "its pixels are compressed in a way that needs a codec which is not installed"


@functools.lru_cache(maxsize=4096)
def _header(path: str, size: int, modified: int) -> tuple[Dataset, int]:
    """Return a header and where the pixels start."""
    del size, modified
    with open(path, "rb") as file:
        dataset = pydicom.dcmread(file, stop_before_pixels=True)
        return dataset, file.tell()


def read_header(path: Path) -> Dataset:
    """Return all of a DICOM file but its pixels.

    Raises
    ------
    UnreadableFile
        If the file is not DICOM or ends within its header.
    """
    try:
        header = _header(*stamp(path))[0]
        kind = header.file_meta.get("MediaStorageSOPClassUID")
        names = () if kind == _DIRECTORY else ("SOPClassUID", "SeriesInstanceUID")
        missing = [name for name in names if not header.get(name)]
    except (*PYDICOM, *DAMAGE) as error:
        raise UnreadableFile(
            f"the DICOM header of {path} is damaged: {error}",
            todo="copy the file again",
        ) from error
    if missing:
        raise UnreadableFile(
            f"{path} is damaged or truncated: its header has no {missing[0]}",
            todo="copy the file again",
        )
    return header


def check_pixels(path: Path, header: Dataset) -> None:
    """Raise :class:`UnreadableFile` when a file ends before its pixels do."""
    for name in ("Rows", "Columns", "BitsAllocated", "PixelRepresentation"):
        if header.get(name) is None:
            raise UnreadableFile(f"{path} is damaged: its header has no {name}")
    status = stamp(path)
    start = _header(*status)[1]
    syntax = header.file_meta.TransferSyntaxUID
    # Tag and length of the pixel element come before the pixels (PS3.5, 7.1).
    remaining = status[1] - start - (8 if syntax.is_implicit_VR else 12)
    needed = header.Rows * header.Columns * (header.BitsAllocated // 8)
    if syntax.is_deflated:
        return
    if remaining <= 0 or (remaining < needed and not syntax.is_compressed):
        raise UnreadableFile(
            f"{path} is truncated: its pixels need {needed} bytes and it has "
            f"{max(remaining, 0)}",
            todo="copy the file again",
        )


class DicomSource(Source):
    """A series of slices, one file each.

    Parameters
    ----------
    files
        Slice by slice, frame by frame.
    slopes, intercepts
        Rescale parameters of each file.
    shape, dtype
        Of the rescaled stack, ``zyx`` or ``tzyx``.
    """

    def __init__(
        self,
        files: Sequence[Path],
        slopes: Sequence[float],
        intercepts: Sequence[float],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self.path = files[0]
        self.files = tuple(files)
        self.slopes = tuple(slopes)
        self.intercepts = tuple(intercepts)
        self.shape = shape
        self.dtype = dtype

    @classmethod
    def of(cls, members: Sequence[tuple[Path, Dataset]], frames: int) -> DicomSource:
        """Return the source of sorted slices."""
        first = members[0][1]
        slopes = [float(h.get("RescaleSlope", 1.0)) for _, h in members]
        intercepts = [float(h.get("RescaleIntercept", 0.0)) for _, h in members]
        plane = (int(first.Rows), int(first.Columns))
        shape: tuple[int, ...] = (len(members) // frames, *plane)
        if frames > 1:
            shape = (frames, *shape)
        dtype = _dtype(first, slopes, intercepts)
        return cls([path for path, _ in members], slopes, intercepts, shape, dtype)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return tuple(stamp(path) for path in self.files)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of one slice."""
        return (1,) * (len(self.shape) - 2) + self.shape[-2:]

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the rescaled samples of a box, decoding only its slices."""
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        lead = self.shape[:-2]
        for place in np.ndindex(out.shape[:-2]):
            index = tuple(p + s.start for p, s in zip(place, box, strict=False))
            number = int(np.ravel_multi_index(index, lead))
            out[place] = self._slice(number)[box[-2:]]
        return out

    def _slice(self, number: int) -> NDArray[Any]:
        path = self.files[number]
        try:
            stored = pixel_array(path, raw=True)
        except (*PYDICOM, *DAMAGE) as error:
            missing = "missing dependencies" in str(error) or "plugin" in str(error)
            raise UnreadableFile(
                f"{path} cannot be decoded: {_CODEC if missing else error}",
                todo="export it uncompressed" if missing else "copy the file again",
            ) from error
        slope, intercept = self.slopes[number], self.intercepts[number]
        if np.issubdtype(self.dtype, np.integer):
            wide = stored.astype(np.int64) * int(slope) + int(intercept)
            return wide.astype(self.dtype)
        return (stored.astype(np.float64) * slope + intercept).astype(self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self.files, self.slopes, self.intercepts, self.shape, self.dtype)
        return DicomSource, state


def _dtype(
    header: Dataset, slopes: Sequence[float], intercepts: Sequence[float]
) -> np.dtype[Any]:
    """Return the smallest type that holds all rescaled samples exactly enough."""
    if not all(value.is_integer() for value in (*slopes, *intercepts)):
        return np.dtype(np.float32)
    bits = int(header.BitsStored)
    signed = bool(header.PixelRepresentation)
    low, high = (
        (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    )
    ends = [
        int(s) * v + int(i)
        for s, i in set(zip(slopes, intercepts, strict=True))
        for v in (low, high)
    ]
    for candidate in (np.uint8, np.uint16, np.int16, np.int32):
        limits = np.iinfo(candidate)
        if limits.min <= min(ends) and max(ends) <= limits.max:
            return np.dtype(candidate)
    return np.dtype(np.float64)
