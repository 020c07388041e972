"""PNG and JPEG pictures, which never tell how large their pixels are.

Their dots per inch are a wish for printing and are not looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, build
from nanoscape.io.lazy import Box, Source, lazy_array, stamp
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Tags

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_LARGEST = 2**31
_PNG_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}
"""Grey, colours, palette, grey with transparency, colours with transparency."""
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that begin a frame (ITU-T T.81, table B.1)."""


@dataclass(frozen=True)
class _Header:
    height: int
    width: int
    samples: int
    bits: int
    transparent: bool = False


def sniff(path: Path) -> bool:
    """Tell whether a file starts as PNG or JPEG files do."""
    try:
        with path.open("rb") as file:
            return file.read(8).startswith((_PNG, _JPEG))
    except OSError:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read a picture, whose pixel size the caller has to state."""
    spacing = calibrate("yx", {}, options, path)
    source = PictureSource(path)
    if source.header.transparent:
        options.warn("the transparency of the picture is left out")
    axes = "yxs" if source.ndim == 3 else "yx"
    modality = "brightfield" if source.ndim == 3 else "microscopy"
    stack = Stack(
        arrays=[lazy_array(source, source.shape)],
        axes=axes,
        name=stem(path),
        space=stem(path),
        tags=Tags.of("guess", modality=modality).merged(calibration_tags(options)),
    )
    return [build(stack, Affine.from_spacing("yx", spacing))]


class PictureSource(Source):
    """A picture, which can only be decoded as a whole.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = stamp(path)
        self.header = _header_of(path)
        size = (self.header.height, self.header.width)
        self.shape = (*size, 3) if self.header.samples == 3 else size
        self.dtype = np.dtype("u2" if self.header.bits == 16 else "u1")
        if 0 in size or np.prod(self.shape, dtype=float) > _LARGEST:
            raise UnreadableFile(
                f"{path} announces {size[1]} × {size[0]} pixels",
                todo="export it as a tiled OME-TIFF",
            )

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return self._stamp

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box."""
        data = self.path.read_bytes()
        # A decoder fills what is missing of a JPEG with grey, without a word.
        if data[:8] != _PNG and data.rfind(_END) < data.rfind(_SCAN):
            raise UnreadableFile(
                f"{self.path} is truncated: its end is missing",
                todo="copy the file again",
            )
        decode = imagecodecs.png_decode if data[:8] == _PNG else imagecodecs.jpeg_decode
        try:
            values = decode(data)
        except (imagecodecs.PngError, imagecodecs.JpegError) as error:
            raise UnreadableFile(
                f"{self.path} is damaged: {error}", todo="copy the file again"
            ) from error
        if values.ndim == 3:
            # What comes after the colours, or after grey, is transparency.
            values = values[..., :3] if len(self.shape) == 3 else values[..., 0]
        if values.shape != self.shape:
            raise UnreadableFile(f"{self.path} holds {values.shape} pixels")
        return np.asarray(values[box], self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return PictureSource, (self.path,)


def _header_of(path: Path) -> _Header:
    with path.open("rb") as file:
        start = file.read(26)
        if start.startswith(_PNG):
            return _png_header(start, path)
        file.seek(2)
        while True:
            mark = file.read(4)
            if len(mark) < 4 or mark[0] != 0xFF:
                raise UnreadableFile(
                    f"{path} is damaged: it has no frame", todo="copy the file again"
                )
            if mark[1] == 0xFF:
                file.seek(-3, 1)
                continue
            (length,) = struct.unpack(">H", mark[2:])
            if mark[1] in _FRAMES:
                return _jpeg_header(file.read(6), path)
            file.seek(max(0, length - 2), 1)


def _png_header(start: bytes, path: Path) -> _Header:
    """Read the chunk IHDR (PNG specification, 11.2.2)."""
    width, height, bits, colour = struct.unpack_from(">IIBB", start, 16)
    if start[12:16] != b"IHDR" or colour not in _PNG_SAMPLES:
        raise UnreadableFile(f"{path} is damaged", todo="copy the file again")
    return _Header(height, width, _PNG_SAMPLES[colour], bits, colour in (4, 6))


def _jpeg_header(frame: bytes, path: Path) -> _Header:
    bits, height, width, samples = struct.unpack(">BHHB", frame)
    if bits != 8 or samples not in (1, 3):
        raise UnreadableFile(
            f"{path} has {samples} samples of {bits} bits",
            "a JPEG in grey or RGB with 8 bits",
            "export it as PNG or TIFF",
        )
    return _Header(height, width, samples, bits)
