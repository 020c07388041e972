"""Writing ``.mcd`` files as the instruments of imaging mass cytometry do.

A slide holds one panorama and one acquisition. Values are 32-bit numbers, a row for
each ablated spot: X, Y, Z and the channels; what they are is told by XML in UTF-16 at
the end of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.files import complete

SLIDE_UM = (25_000.0, 75_000.0)
"""Height and width of the slide, with the section at its upper left corner."""

_NAMESPACE = "http://www.fluidigm.com/IMC/MCDSchema_V2_0.xsd"
_HEAD = b"MCDHeader nanoscape phantom".ljust(512, b"\0")
# Readers skip as much before the picture of a panorama, and one byte after it.
_PREFACE = b"System.Drawing.Bitmap".ljust(161, b"\0")
_AFTER = b"\x0b"


@dataclass(frozen=True)
class Metal:
    """A channel: metal, mass number, and what the laboratory calls it."""

    metal: str
    mass: int
    label: str


@dataclass(frozen=True, eq=False)
class Panorama:
    """A picture of the whole slide, grey values ``(y, x)`` from its upper left corner.

    Attributes
    ----------
    pixels
        Of 8 bits.
    pixel_um
        Distance of pixel centres.
    """

    pixels: NDArray[np.uint8]
    pixel_um: float


@dataclass(frozen=True, eq=False)
class Acquisition:
    """A raster of spots.

    Attributes
    ----------
    counts
        Shape ``(channel, y, x)``.
    channels
        Of the first axis.
    corner_um
        Upper left corner ``(y, x)`` of the first spot, from that of the slide.
    pixel_um
        Distance of spots.
    """

    counts: NDArray[np.float32]
    channels: Sequence[Metal]
    corner_um: tuple[float, float]
    pixel_um: float


def write_mcd(path: Path, panorama: Panorama, acquisition: Acquisition) -> None:
    """Write a slide with one panorama and one acquisition."""
    picture = imagecodecs.png_encode(panorama.pixels, level=6)
    image = _PREFACE + picture + _AFTER
    start = len(_HEAD) + len(image)
    rows = _rows(acquisition.counts)
    listed = [
        _entry(
            "Slide",
            ID=0,
            Description="Slide",
            WidthUm=_number(SLIDE_UM[1]),
            HeightUm=_number(SLIDE_UM[0]),
        ),
        _panorama_entry(panorama, len(_HEAD), start),
        *_region_entries(acquisition),
        _acquisition_entry(acquisition, start, start + rows.nbytes),
        *_channel_entries(acquisition.channels),
    ]
    schema = f'<MCDSchema xmlns="{_NAMESPACE}">{"".join(listed)}</MCDSchema>'
    with complete(path) as (draft,), draft.open("wb") as file:
        file.write(_HEAD + image)
        file.write(rows.tobytes())
        file.write(schema.encode("utf-16-le"))


def _rows(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return X, Y, Z and values of each spot, line by line."""
    _, height, width = counts.shape
    y, x = np.divmod(np.arange(height * width), width)
    table = np.zeros((height * width, 3 + len(counts)), "<f4")
    table[:, 0], table[:, 1] = x, y
    table[:, 3:] = counts.reshape(len(counts), -1).T
    return table


def _corners(
    corner_um: tuple[float, float], size_um: tuple[float, float]
) -> list[tuple[float, float]]:
    """Return the corners ``(x, y)`` of a rectangle on the stage, y counted upwards."""
    top, left = SLIDE_UM[0] - corner_um[0], corner_um[1]
    bottom, right = top - size_um[0], left + size_um[1]
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _panorama_entry(panorama: Panorama, start: int, stop: int) -> str:
    height, width = (n * panorama.pixel_um for n in panorama.pixels.shape)
    places = {}
    for number, (x, y) in enumerate(_corners((0.0, 0.0), (height, width)), 1):
        places[f"SlideX{number}PosUm"] = _number(x)
        places[f"SlideY{number}PosUm"] = _number(y)
    return _entry(
        "Panorama",
        ID=1,
        SlideID=0,
        Description="panorama",
        Type="Instrument",
        ImageFormat="PNG",
        ImageStartOffset=start,
        ImageEndOffset=stop,
        PixelWidth=panorama.pixels.shape[1],
        PixelHeight=panorama.pixels.shape[0],
        PixelScaleCoef=_number(panorama.pixel_um),
        **places,
    )


def _region_entries(acquisition: Acquisition) -> Iterable[str]:
    yield _entry("AcquisitionROI", ID=1, PanoramaID=1, ROIType="Acquisition")
    for number, (x, y) in enumerate(_outline(acquisition)):
        yield _entry(
            "ROIPoint",
            ID=number + 1,
            AcquisitionROIID=1,
            OrderNumber=number,
            SlideXPosUm=_number(x),
            SlideYPosUm=_number(y),
        )


def _outline(acquisition: Acquisition) -> list[tuple[float, float]]:
    height, width = (n * acquisition.pixel_um for n in acquisition.counts.shape[1:])
    return _corners(acquisition.corner_um, (height, width))


def _acquisition_entry(acquisition: Acquisition, start: int, stop: int) -> str:
    (x0, y0), _, (x1, y1), _ = _outline(acquisition)
    apart = _number(acquisition.pixel_um)
    return _entry(
        "Acquisition",
        ID=1,
        AcquisitionROIID=1,
        OrderNumber=1,
        Description="ROI_001",
        SignalType="Dual",
        DualCountStart=1,
        AblationFrequency=200,
        AblationDistanceBetweenShotsX=apart,
        AblationDistanceBetweenShotsY=apart,
        ROIStartXPosUm=_number(x0),
        ROIStartYPosUm=_number(y0),
        ROIEndXPosUm=_number(x1),
        ROIEndYPosUm=_number(y1),
        MaxX=acquisition.counts.shape[2],
        MaxY=acquisition.counts.shape[1],
        SegmentDataFormat="Float",
        ValueBytes=4,
        DataStartOffset=start,
        DataEndOffset=stop,
    )


def _channel_entries(channels: Sequence[Metal]) -> Iterable[str]:
    names = [(axis, axis) for axis in "XYZ"]
    names += [(f"{c.metal}({c.mass})", c.label) for c in channels]
    for number, (name, label) in enumerate(names):
        yield _entry(
            "AcquisitionChannel",
            ID=number + 1,
            ChannelName=name,
            OrderNumber=number,
            AcquisitionID=1,
            ChannelLabel=label,
        )


def _entry(kind: str, **fields: object) -> str:
    inner = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in fields.items())
    return f"<{kind}>{inner}</{kind}>"


def _number(value: float) -> str:
    return f"{value:.10g}"
