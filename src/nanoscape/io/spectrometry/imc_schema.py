"""The table of contents of an ``.mcd`` file: slides, panoramas, acquisitions.

It is XML in UTF-16 near the end of the file (CyTOF Software, MCDSchema).
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import local_name, parse_xml
from nanoscape.io.spectrometry.imc_txt import Channel

_START = "<MCDSchema".encode("utf-16-le")
_END = "</MCDSchema>".encode("utf-16-le")
_CHANNEL = re.compile(r"(?P<metal>[A-Za-z]+)\((?P<mass>\d+)\)$")
_POSITIONS = ("X", "Y", "Z")
_DRAWN_EXACTLY_UM = 5.0

FloatArray = NDArray[np.float64]

Fields = Mapping[str, str]
"""Texts of an entry's children by their names."""


@dataclass(frozen=True)
class Schema:
    """Entries of the table of contents, by their kind.

    Attributes
    ----------
    slides, panoramas, acquisitions, channels, regions, points
        In the order of the file.
    """

    slides: tuple[Fields, ...]
    panoramas: tuple[Fields, ...]
    acquisitions: tuple[Fields, ...]
    channels: tuple[Fields, ...]
    regions: tuple[Fields, ...]
    points: tuple[Fields, ...]


def read_schema(path: Path) -> Schema:
    """Return the table of contents.

    Raises
    ------
    UnreadableFile
        If the file has none, as after a broken transfer.
    """
    entries: dict[str, list[Fields]] = {}
    for element in parse_xml(_text(path), path):
        fields = {local_name(child.tag): _text_of(child) for child in element}
        entries.setdefault(local_name(element.tag), []).append(fields)
    kinds = (
        "Slide",
        "Panorama",
        "Acquisition",
        "AcquisitionChannel",
        "AcquisitionROI",
        "ROIPoint",
    )
    return Schema(*(tuple(entries.get(kind, ())) for kind in kinds))


def channels_of(schema: Schema, acquisition: Fields, path: Path) -> list[Channel]:
    """Return the channels of an acquisition in the order of its values.

    Raises
    ------
    UnreadableFile
        If the values do not start with the position of each spot.
    """
    ident = acquisition.get("ID")
    own = [c for c in schema.channels if c.get("AcquisitionID") == ident]
    own.sort(key=lambda fields: int(fields["OrderNumber"]))
    names = [fields["ChannelName"] for fields in own]
    if tuple(names[:3]) != _POSITIONS or len(names) < 4:
        raise UnreadableFile(
            f"acquisition {ident} of {path} has the channels {', '.join(names[:4])}",
            "X, Y, Z and measured channels",
        )
    channels = []
    for name, fields in zip(names[3:], own[3:], strict=True):
        match = _CHANNEL.match(name)
        isotope = f"{match['metal']}{match['mass']}" if match else name
        channels.append(Channel(isotope, fields.get("ChannelLabel", "").strip()))
    return channels


def slide_height(schema: Schema) -> float:
    """Return the height of the slide in µm, zero where it is not stated."""
    return number(schema.slides[0], "HeightUm") if schema.slides else 0.0


def corners_of(schema: Schema, acquisition: Fields) -> FloatArray | None:
    """Return the corners of an acquisition on the stage.

    Returns
    -------
    ndarray or None
        Shape ``(4, 2)``, columns x and y in µm, in the order of the raster: start
        and end of the first line, end and start of the last. It is the outline that
        was drawn, when that is a rectangle from where the ablation started; else
        the rectangle between start and end along the axes of the stage.
    """
    start, end = _ablated(acquisition)
    ident = acquisition.get("AcquisitionROIID")
    drawn = [p for p in schema.points if p.get("AcquisitionROIID") == ident]
    if len(drawn) == 4:
        drawn.sort(key=lambda fields: number(fields, "OrderNumber"))
        corners = np.array(
            [[number(p, f"Slide{axis}PosUm") for axis in "XY"] for p in drawn]
        )
        fits = np.abs(corners[0] - start).max() <= _DRAWN_EXACTLY_UM
        if _is_rectangle(corners) and (fits or not start.any()):
            return corners
    if (start == end).any():
        return None
    (x0, y0), (x1, y1) = start, end
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def _ablated(acquisition: Fields) -> tuple[FloatArray, FloatArray]:
    """Return where the stage stood at the start and at the end, x and y in µm."""
    start = np.array([number(acquisition, f"ROIStart{axis}PosUm") for axis in "XY"])
    end = np.array([number(acquisition, f"ROIEnd{axis}PosUm") for axis in "XY"])
    # Some versions of the software state the start in nm.
    scaled = np.abs(start / 1000 - end) < np.abs(start - end)
    return np.where(scaled, start / 1000, start), end


def shot_distance(acquisition: Fields, axis: str) -> float:
    """Return the distance of shots along ``X`` or ``Y`` in µm, zero if unknown."""
    return number(acquisition, f"AblationDistanceBetweenShots{axis}")


def number(fields: Fields, name: str) -> float:
    """Return a number, zero where the entry does not hold a finite one."""
    try:
        value = float(fields.get(name, ""))
    except ValueError:
        return 0.0
    return value if np.isfinite(value) else 0.0


def _is_rectangle(corners: FloatArray) -> bool:
    """Tell whether four corners in order enclose a rectangle, within 1 µm."""
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    lengths = np.linalg.norm(along), np.linalg.norm(across)
    if min(lengths) <= 0:
        return False
    closed = np.linalg.norm(corners[0] + along + across - corners[2]) <= 1
    return bool(closed and abs(along @ across) <= min(lengths))


def _text(path: Path) -> str:
    """Return the last table of contents: older software wrote one after each step."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view,
    ):
        start = view.rfind(_START)
        end = view.find(_END, start) if start >= 0 else -1
        if end < 0:
            raise UnreadableFile(
                f"{path} has no table of contents; it is not complete",
                todo="copy the file again",
            )
        data = view[start : end + len(_END)]
    try:
        return data.decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"the table of contents of {path} is damaged") from error


def _text_of(element: ElementTree.Element) -> str:
    return (element.text or "").strip()
