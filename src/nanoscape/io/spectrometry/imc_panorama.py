"""Pictures of the slide in an ``.mcd`` file, and places on the slide."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, build
from nanoscape.io.lazy import ByteReader, lazy_array
from nanoscape.io.opening import Options, stem
from nanoscape.io.spectrometry.eager import Content, EagerSource
from nanoscape.io.spectrometry.imc_schema import (
    Fields,
    FloatArray,
    Schema,
    number,
    slide_height,
)
from nanoscape.model import Affine, Image, Tags

_PNG = b"\x89PNG\r\n\x1a\n"
# A picture is preceded by the name of the class that wrote it.
_LONGEST_PREFACE = 1024
_SAMPLES = {0: 1, 2: 3, 6: 4}
"""Samples of a pixel by the colour type of PNG (ISO/IEC 15948, 11.2.2)."""
_LARGEST_RATIO = 1100
"""More than zlib can compress anything."""


@dataclass(frozen=True)
class _Picture:
    start: int
    stop: int
    shape: tuple[int, ...]


def panorama(
    path: Path, schema: Schema, fields: Fields, options: Options
) -> Image | None:
    """Return a panorama in its place, or ``None`` for an entry without a picture."""
    start, stop = (
        int(number(fields, f"Image{name}Offset")) for name in ("Start", "End")
    )
    if fields.get("Type") == "Default" or stop <= start:
        return None
    name = fields.get("Description") or f"panorama {fields.get('ID', '')}".strip()
    corners = np.array(
        [[number(fields, f"Slide{a}{i}PosUm") for a in "XY"] for i in (1, 2, 3, 4)]
    )
    try:
        picture = _picture(path, start, stop)
        place = _place(corners, slide_height(schema), picture.shape)
    except UnreadableFile as error:
        options.warn(f"{name} is left out: {error.found}")
        return None
    source = EagerSource(
        path,
        decoded,
        picture.shape,
        np.dtype(np.uint8),
        arguments=(picture.start, picture.stop),
    )
    stack = Stack(
        arrays=[lazy_array(source, source.shape)],
        axes="yxs" if len(source.shape) == 3 else "yx",
        name=name,
        space=stem(path),
        tags=Tags.of("guess", modality="brightfield"),
    )
    image = build(stack, place)
    assert isinstance(image, Image)
    return image


def decoded(path: Path, start: int, stop: int) -> Content:
    """Return the picture between two bytes, shape ``(y, x)`` with colours."""
    data = ByteReader(path).read(start, stop - start)
    return Content(values=np.asarray(imagecodecs.png_decode(data)))


def downwards(corners: FloatArray, slide_height_um: float) -> FloatArray:
    """Return places in the space of the slide from those of the stage.

    The stage counts ``y`` upwards. The space of the slide counts it downwards from
    the slide's upper edge, so that tissue is not shown as its mirror image.

    Parameters
    ----------
    corners
        Shape ``(n, 2)``, columns x and y in µm.
    slide_height_um
        Of the slide.

    Returns
    -------
    ndarray
        Shape ``(n, 2)``, columns y and x in µm.
    """
    return np.column_stack([slide_height_um - corners[:, 1], corners[:, 0]])


def raster_place(corners: FloatArray, y_step: float, x_step: float) -> Affine:
    """Return the place of a raster whose outline starts at the first corner.

    Parameters
    ----------
    corners
        Shape ``(4, 2)``, columns y and x in µm: start and end of the first row, end
        and start of the last one.
    y_step, x_step
        Distance of rows and of columns in µm.
    """
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    x = along / np.linalg.norm(along) * x_step
    y = across / np.linalg.norm(across) * y_step
    # The outline runs along the edges of the pixels.
    return Affine.from_linear(np.column_stack([y, x]), corners[0] + (x + y) / 2, "yx")


def _place(
    corners: FloatArray, slide_height_um: float, shape: tuple[int, ...]
) -> Affine:
    """Return the place of a picture that fills a rectangle on the slide."""
    corners = downwards(corners, slide_height_um)
    width = float(np.linalg.norm(corners[1] - corners[0]))
    height = float(np.linalg.norm(corners[3] - corners[0]))
    if not width > 0 or not height > 0:
        raise UnreadableFile("its place on the slide is not stated")
    return raster_place(corners, height / shape[0], width / shape[1])


def _picture(path: Path, start: int, stop: int) -> _Picture:
    """Return where a PNG lies and how large it is.

    Raises
    ------
    UnreadableFile
        If there is no PNG, or one that is larger than its bytes can be.
    """
    if not 0 <= start < stop <= path.stat().st_size:
        raise UnreadableFile("its picture lies beyond the end of the file")
    head = ByteReader(path).read(start, min(stop - start, _LONGEST_PREFACE))
    offset = head.find(_PNG)
    if offset < 0 or len(head) < offset + 26:
        raise UnreadableFile("its picture is not a PNG")
    width, height, bits, colour = struct.unpack_from(">IIBB", head, offset + 16)
    if bits != 8 or colour not in _SAMPLES:
        raise UnreadableFile(f"its PNG has {bits} bits and colour type {colour}")
    size = width * height * _SAMPLES[colour]
    if not 0 < size <= _LARGEST_RATIO * (stop - start):
        raise UnreadableFile("its PNG is damaged")
    samples = () if colour == 0 else (_SAMPLES[colour],)
    return _Picture(start + offset, stop, (height, width, *samples))
