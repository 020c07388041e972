"""Frames of DICOM files that are stored plainly or in codecs decoded here.

pydicom decodes the rest; what is here it would decode in Python, with several copies,
or not at all without further libraries.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

_MOST_EXPANSION = 64
"""Two bytes of run lengths stand for at most 128."""

_RLE = "1.2.840.10008.1.2.5"


def _from_imagecodecs(name: str) -> Callable[[bytes, Dataset], NDArray[Any]]:
    def decode(content: bytes, header: Dataset) -> NDArray[Any]:
        del header
        found: NDArray[Any] = getattr(imagecodecs, name)(content)
        return found

    return decode


def decoder_of(header: Dataset) -> Callable[[bytes, Dataset], NDArray[Any]] | None:
    """Return what decodes a frame of a file, ``None`` where pydicom has to."""
    return _DECODERS.get(str(header.file_meta.TransferSyntaxUID))


def decode_frame(content: bytes, header: Dataset) -> NDArray[Any]:
    """Return the stored samples of one compressed frame, colours last.

    Raises
    ------
    ValueError
        If the frame is not of the size that the header states.
    """
    decoder = decoder_of(header)
    assert decoder is not None
    samples = decoder(content, header)
    shape = frame_shape(header)
    if samples.size != np.prod(shape):
        raise ValueError(f"a frame has {samples.size} samples instead of {shape}")
    return signed(samples.reshape(shape), header)


def is_plain(header: Dataset) -> bool:
    """Whether frames are samples one after the other, in whole bytes."""
    syntax = header.file_meta.TransferSyntaxUID
    bits = int(header.BitsAllocated)
    planes_apart = header.get("PlanarConfiguration") and frame_shape(header)[2:]
    halved = "422" in str(header.get("PhotometricInterpretation", ""))
    whole = bits == 16 or (bits == 8 and syntax.is_little_endian)
    return whole and not (planes_apart or halved or syntax.is_deflated)


def plain_frame(content: bytes, header: Dataset) -> NDArray[Any]:
    """Return an uncompressed frame without copying it; see :func:`is_plain`."""
    order = "<" if header.file_meta.TransferSyntaxUID.is_little_endian else ">"
    samples = np.frombuffer(content, f"{order}u{int(header.BitsAllocated) // 8}")
    shape = frame_shape(header)
    return signed(samples[: np.prod(shape)].reshape(shape), header)


def frame_shape(header: Dataset) -> tuple[int, ...]:
    """Return rows, columns and, for colours, samples of a frame."""
    samples = int(header.get("SamplesPerPixel", 1))
    plane = (int(header.Rows), int(header.Columns))
    return plane if samples == 1 else (*plane, samples)


def signed(samples: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Return samples with their sign, which may be stored in fewer bits."""
    if not int(header.PixelRepresentation) or samples.dtype.kind != "u":
        return samples
    narrow = samples.dtype.newbyteorder("=")
    whole = samples.astype(narrow, copy=False).view(f"i{narrow.itemsize}")
    spare = int(8 * narrow.itemsize - header.BitsStored)
    return (whole << spare) >> spare if spare > 0 else whole


def _rle(content: bytes, header: Dataset) -> NDArray[Any]:
    """Decode run lengths: a segment for each byte of each colour (PS3.5, annex G)."""
    shape = frame_shape(header)
    samples = shape[2] if len(shape) > 2 else 1
    width = int(header.BitsAllocated) // 8
    count, *offsets = struct.unpack_from("<16I", content)
    if count != samples * width or not 1 <= width <= 4:
        raise ValueError(f"a frame has {count} run length segments")
    size = shape[0] * shape[1]
    if size * samples * width > _MOST_EXPANSION * len(content):
        raise ValueError("a frame is cut off")
    out = np.empty((samples, size, width), np.uint8)
    ends = [*offsets[1:count], len(content)]
    for number, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        segment = np.frombuffer(
            imagecodecs.packbits_decode(content[start:end]), np.uint8
        )
        if segment.size < size:
            raise ValueError(f"run length segment {number + 1} is cut off")
        # The most significant byte comes first.
        place = width - 1 - number % width
        out[number // width, :, place] = segment[:size]
    values = out.view(f"<u{width}").reshape(samples, *shape[:2])
    return values[0] if samples == 1 else np.moveaxis(values, 0, -1)


_DECODERS: dict[str, Callable[[bytes, Dataset], NDArray[Any]]] = {
    _RLE: _rle,
    "1.2.840.10008.1.2.4.51": _from_imagecodecs("jpeg_decode"),
    "1.2.840.10008.1.2.4.57": _from_imagecodecs("jpeg_decode"),
    "1.2.840.10008.1.2.4.70": _from_imagecodecs("jpeg_decode"),
    "1.2.840.10008.1.2.4.80": _from_imagecodecs("jpegls_decode"),
    "1.2.840.10008.1.2.4.81": _from_imagecodecs("jpegls_decode"),
    "1.2.840.10008.1.2.4.201": _from_imagecodecs("htj2k_decode"),
    "1.2.840.10008.1.2.4.202": _from_imagecodecs("htj2k_decode"),
    "1.2.840.10008.1.2.4.203": _from_imagecodecs("htj2k_decode"),
}
"""By transfer syntax: RLE, JPEG of 12 bits, lossless JPEG, JPEG-LS, HTJ2K."""
