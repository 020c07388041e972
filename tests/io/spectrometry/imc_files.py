"""Files of imaging mass cytometry, written byte by byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HEAD = b"\0\1\0\0\0\xff\xff\xff\xff\1" + b"CytofShared.MCDHeader"
CHANNELS = (("Au(197)", "gold"), ("Ir(191)", "DNA1"))


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Return a PNG of 8-bit colours (ISO/IEC 15948), without filters."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width, samples = pixels.shape
    colour = {1: 0, 3: 2, 4: 6}[samples]
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def entry(kind: str, fields: Mapping[str, Any]) -> str:
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())
    return f"<{kind}>{inner}</{kind}>"


def write_mcd(
    path: Path,
    acquisitions: Sequence[np.ndarray[Any, Any]],
    *,
    order: np.ndarray[Any, Any] | None = None,
    spots: int | None = None,
    corners: Sequence[tuple[float, float]] = (),
    picture: bytes = b"",
    fields: Mapping[str, Any] | None = None,
) -> None:
    """Write acquisitions of shape ``(2, y, x)``, with 2 and 5 µm between shots.

    Parameters
    ----------
    order
        Numbers of the pixels in the order in which they were ablated.
    spots
        How many of them were ablated.
    corners
        Of the drawn outline on the stage.
    picture
        PNG of a panorama from (100, 900) to (140, 880) on the stage.
    fields
        Entries of the acquisitions that replace those written else.
    """
    body = bytearray(HEAD.ljust(170, b"\0"))
    listed = [entry("Slide", {"ID": 0, "WidthUm": 3000, "HeightUm": 1000})]
    if picture:
        start = len(body)
        body += b"System.Drawing.Bitmap".ljust(161, b"\0") + picture + b"\x0b"
        places = [(100, 900), (140, 900), (140, 880), (100, 880)]
        listed.append(
            entry(
                "Panorama",
                {"ID": 1, "SlideID": 0, "Description": "overview", "Type": "Instrument"}
                | {f"SlideX{i}PosUm": x for i, (x, _) in enumerate(places, 1)}
                | {f"SlideY{i}PosUm": y for i, (_, y) in enumerate(places, 1)}
                | {"ImageStartOffset": start, "ImageEndOffset": len(body)},
            )
        )
    for number, values in enumerate(acquisitions, 1):
        _, height, width = values.shape
        pixels = np.arange(height * width) if order is None else order
        pixels = pixels[:spots]
        table = np.empty((len(pixels), 3 + len(values)), "<f4")
        table[:, 0], table[:, 1], table[:, 2] = pixels % width, pixels // width, 0
        table[:, 3:] = values.reshape(len(values), -1).T[pixels]
        start = len(body)
        body += table.tobytes()
        about = {
            "ID": number,
            "Description": f"ROI_{number:03d}",
            "AcquisitionROIID": number,
            "AblationDistanceBetweenShotsX": 2,
            "AblationDistanceBetweenShotsY": 5,
            "DataStartOffset": start,
            "DataEndOffset": len(body),
            "ROIStartXPosUm": 200,
            "ROIStartYPosUm": 600,
            "ROIEndXPosUm": 200 + 2 * width,
            "ROIEndYPosUm": 600 - 5 * height,
            "SegmentDataFormat": "Float",
            "ValueBytes": 4,
            "MaxX": width,
            "MaxY": height,
        }
        listed.append(entry("Acquisition", about | dict(fields or {})))
        names = [(axis, axis) for axis in "XYZ"] + list(CHANNELS)
        for place, (name, label) in enumerate(names):
            listed.append(
                entry(
                    "AcquisitionChannel",
                    {"ChannelName": name, "ChannelLabel": label, "OrderNumber": place}
                    | {"AcquisitionID": number},
                )
            )
        for place, (x, y) in enumerate(corners):
            listed.append(
                entry(
                    "ROIPoint",
                    {"AcquisitionROIID": number, "OrderNumber": place}
                    | {"SlideXPosUm": x, "SlideYPosUm": y},
                )
            )
    xml = '<MCDSchema xmlns="http://example.org/any">' + "".join(listed)
    path.write_bytes(bytes(body) + (xml + "</MCDSchema>").encode("utf-16-le"))


def write_txt(path: Path, values: np.ndarray[Any, Any]) -> None:
    """Write an acquisition of shape ``(2, y, x)`` as the instrument writes text."""
    columns = ["Start_push", "End_push", "Pushes_duration", "X", "Y", "Z"]
    for name, label in CHANNELS:
        columns.append(f"{label}({name.replace('(', '').replace(')', '')}Di)")
    lines = ["\t".join(columns)]
    _, height, width = values.shape
    for number, (y, x) in enumerate(np.ndindex(height, width)):
        row = [*map(str, (number, number + 1, 1, x, y, number))]
        lines.append("\t".join(row + [f"{value:.3f}" for value in values[:, y, x]]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
