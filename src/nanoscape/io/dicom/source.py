"""Samples and headers of DICOM files, frame by frame."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels import apply_color_lut, convert_color_space, pixel_array

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE
from nanoscape.io.dicom.codecs import decode_frame, decoder_of, is_plain, plain_frame
from nanoscape.io.dicom.slice import Slice
from nanoscape.io.lazy import Box, Source, stamp

PYDICOM = (InvalidDicomError, BytesLengthException)
"""What pydicom raises of its own."""

DIRECTORY = "1.2.840.10008.1.3.10"
"""Kind of a DICOMDIR, the table of contents of a medium."""

_CODEC = "its pixels are compressed in a way that needs a codec which is not installed"
_PIXEL_MODULE = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)


@functools.lru_cache(maxsize=4096)
def _header(path: str, size: int, modified: int) -> tuple[Dataset, int]:
    """Return a header and where the pixel element starts."""
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
        names = () if kind == DIRECTORY else ("SOPClassUID", "SeriesInstanceUID")
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


def frames_of(header: Dataset) -> int:
    """Return how many frames a file says that it has."""
    return max(int(header.get("NumberOfFrames", 1) or 1), 1)


def check_pixels(path: Path, header: Dataset) -> None:
    """Raise :class:`UnreadableFile` when a file ends before its pixels do."""
    for name in ("Rows", "Columns", "BitsAllocated", "PixelRepresentation"):
        if header.get(name) is None:
            raise UnreadableFile(f"{path} is damaged: its header has no {name}")
    status = stamp(path)
    start = _header(*status)[1]
    syntax = header.file_meta.TransferSyntaxUID
    remaining = status[1] - start - _element_bytes(header)
    needed = (_frame_bits(header) * frames_of(header) + 7) // 8
    if syntax.is_deflated:
        return
    if syntax.is_compressed:
        # Tag and length of a frame's item are the least that it takes.
        needed = 8 * frames_of(header)
    if remaining <= 0 or remaining < needed:
        raise UnreadableFile(
            f"{path} is truncated: its pixels need {needed} bytes and it has "
            f"{max(remaining, 0)}",
            todo="copy the file again",
        )


def read_frame(path: Path, frame: int = 0, *, colour: bool = False) -> NDArray[Any]:
    """Return the stored samples of one frame, decoding nothing else.

    Parameters
    ----------
    path
        The file.
    frame
        Number of the frame, from zero.
    colour
        Convert to red, green and blue of eight bits.

    Raises
    ------
    UnreadableFile
        If the frame cannot be decoded.
    """
    status = stamp(path)
    try:
        header, start = _header(*status)
        with path.open("rb") as file:
            file.seek(start)
            stored = _decoded(file, header, frame, colour)
        return _eight_bits(stored, header) if colour else stored
    except (*PYDICOM, *DAMAGE) as error:
        missing = "missing dependencies" in str(error) or "not supported" in str(error)
        raise UnreadableFile(
            f"{path} cannot be decoded: {_CODEC if missing else error}",
            todo="export it uncompressed" if missing else "copy the file again",
        ) from error


def _decoded(file: BinaryIO, header: Dataset, frame: int, colour: bool) -> NDArray[Any]:
    """Return one frame of a file that stands at its pixel element."""
    syntax = header.file_meta.TransferSyntaxUID
    found: NDArray[Any]
    if syntax.is_encapsulated:
        file.seek(_element_bytes(header), io.SEEK_CUR)
        content = get_frame(file, frame, number_of_frames=frames_of(header))
        if decoder_of(header) is None:
            found = pixel_array(_single(header, content), raw=not colour)
            return found
        found = decode_frame(content, header)
    elif syntax.is_deflated:
        file.seek(0)
        found = pixel_array(pydicom.dcmread(file), index=frame, raw=not colour)
        return found
    elif header.BitsAllocated == 1:
        return _unpacked(_native(file, header, frame), header, frame)
    elif is_plain(header):
        found = plain_frame(_native(file, header, frame), header)
    else:
        file.seek(0)
        found = pixel_array(file, index=frame, raw=not colour)
        return found
    space = str(header.PhotometricInterpretation)
    if colour and space.startswith("YBR_FULL"):
        found = convert_color_space(found, "YBR_FULL", "RGB")
    return found


def _eight_bits(colours: NDArray[Any], header: Dataset) -> NDArray[np.uint8]:
    """Return red, green and blue of eight bits, from a palette or deeper samples."""
    bits = int(header.BitsStored)
    if header.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(colours, header)
        bits = 8 * colours.dtype.itemsize
    narrow = colours >> (bits - 8) if bits > 8 else colours
    return narrow[..., :3].astype(np.uint8, copy=False)


def _native(file: BinaryIO, header: Dataset, frame: int) -> bytes:
    """Return the bytes of one uncompressed frame."""
    bits = _frame_bits(header)
    first, last = frame * bits // 8, ((frame + 1) * bits + 7) // 8
    file.seek(_element_bytes(header) + first, io.SEEK_CUR)
    content = file.read(last - first)
    if len(content) < last - first:
        raise EOFError(f"frame {frame + 1} is cut off")
    return content


def _single(header: Dataset, content: bytes) -> Dataset:
    """Return a header with one compressed frame."""
    single = Dataset()
    single.file_meta = header.file_meta
    single.set_original_encoding(*header.original_encoding)
    for name in _PIXEL_MODULE:
        if name in header:
            single[name] = header[name]
    pixels = DataElement(0x7FE00010, "OB", encapsulate([content], has_bot=False))
    pixels.is_undefined_length = True
    single[0x7FE00010] = pixels
    return single


def _unpacked(content: bytes, header: Dataset, frame: int) -> NDArray[np.uint8]:
    """Return samples of one bit each, which need not start at a whole byte."""
    size = _frame_bits(header)
    skip = frame * size % 8
    bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
    return bits[skip : skip + size].reshape(header.Rows, header.Columns)


def _frame_bits(header: Dataset) -> int:
    samples = int(header.get("SamplesPerPixel", 1))
    # A pair of pixels shares its two colour differences (PS3.3 C.7.6.3.1.2).
    if "422" in str(header.get("PhotometricInterpretation", "")):
        samples = 2
    return int(header.Rows * header.Columns * header.BitsAllocated * samples)


def _element_bytes(header: Dataset) -> int:
    # Tag and length of the pixel element come before the pixels (PS3.5, 7.1).
    return 8 if header.file_meta.TransferSyntaxUID.is_implicit_VR else 12


class DicomSource(Source):
    """Rescaled slices, each a frame of some file.

    Parameters
    ----------
    files
        The files that hold the slices.
    places
        Of each slice its file's number and its frame, slice by slice, frame of time
        by frame of time.
    slopes, intercepts
        Rescale parameters of each slice.
    shape, dtype
        Of the rescaled stack: ``yx``, ``zyx`` or with a leading ``t``; with a
        trailing axis for colours.
    colour
        Whether samples are red, green and blue.
    """

    def __init__(
        self,
        files: Sequence[Path],
        places: Sequence[tuple[int, int]],
        slopes: Sequence[float],
        intercepts: Sequence[float],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        colour: bool = False,
    ) -> None:
        self.path = files[0]
        self.files = tuple(files)
        self.places = tuple(places)
        self.slopes = tuple(slopes)
        self.intercepts = tuple(intercepts)
        self.shape = shape
        self.dtype = dtype
        self.colour = colour

    @classmethod
    def of(
        cls, slices: Sequence[Slice], lead: Sequence[int], colour: bool = False
    ) -> DicomSource:
        """Return the source of sorted slices.

        Parameters
        ----------
        slices
            As many as the product of ``lead``.
        lead
            Lengths of the axes before ``y``.
        colour
            Whether to convert to red, green and blue.
        """
        header = slices[0].header
        files = list(dict.fromkeys(part.path for part in slices))
        numbers = {path: number for number, path in enumerate(files)}
        slopes = [part.slope for part in slices]
        intercepts = [part.intercept for part in slices]
        shape = (*lead, int(header.Rows), int(header.Columns))
        if colour:
            return cls(
                files,
                [(numbers[part.path], part.frame) for part in slices],
                slopes,
                intercepts,
                (*shape, 3),
                np.dtype(np.uint8),
                True,
            )
        return cls(
            files,
            [(numbers[part.path], part.frame) for part in slices],
            slopes,
            intercepts,
            shape,
            rescaled_dtype(header, slopes, intercepts),
        )

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        stamps = tuple(stamp(path) for path in self.files)
        return (*stamps, self.places, self.slopes, self.intercepts, self.colour)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of one slice."""
        plane = 3 if self.colour else 2
        return (1,) * (len(self.shape) - plane) + self.shape[-plane:]

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the rescaled samples of a box, decoding only its slices."""
        plane = 3 if self.colour else 2
        shape = [part.stop - part.start for part in box]
        lead = self.shape[:-plane]
        if all(length == 1 for length in shape[:-plane]):
            first = [part.start for part in box[:-plane]]
            number = int(np.ravel_multi_index(first, lead)) if lead else 0
            return self._slice(number)[box[-plane:]].reshape(shape)
        out = np.empty(shape, self.dtype)
        for place in np.ndindex(out.shape[:-plane]):
            index = tuple(p + s.start for p, s in zip(place, box, strict=False))
            number = int(np.ravel_multi_index(index, lead))
            out[place] = self._slice(number)[box[-plane:]]
        return out

    def _slice(self, number: int) -> NDArray[Any]:
        file, frame = self.places[number]
        stored = read_frame(self.files[file], frame, colour=self.colour)
        if self.colour:
            return stored
        slope, intercept = self.slopes[number], self.intercepts[number]
        if np.issubdtype(self.dtype, np.integer):
            if slope == 1 and intercept == 0:
                return stored.astype(self.dtype, copy=False)
            exact = stored.astype(np.int64) * int(slope) + int(intercept)
            return exact.astype(self.dtype)
        return (stored.astype(np.float64) * slope + intercept).astype(self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        rescale = (self.slopes, self.intercepts)
        kind = (self.shape, self.dtype, self.colour)
        return DicomSource, (self.files, self.places, *rescale, *kind)


def rescaled_dtype(
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
