"""A small writer of CZI files, byte by byte after the specification."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

METADATA = (
    "<ImageDocument><Metadata><Information><Image>"
    "<AcquisitionDateAndTime>2026-01-05T10:15:00</AcquisitionDateAndTime>"
    "<Dimensions><Channels>{channels}</Channels></Dimensions></Image><Instrument>"
    "<Objectives><Objective><NominalMagnification>20</NominalMagnification>"
    "</Objective></Objectives></Instrument></Information><Scaling><Items>"
    '<Distance Id="X"><Value>5E-07</Value></Distance>'
    '<Distance Id="Y"><Value>5E-07</Value></Distance>'
    '<Distance Id="Z"><Value>2E-06</Value></Distance>'
    "</Items></Scaling></Metadata></ImageDocument>"
)


def channel(name: str, emission: float) -> str:
    return (
        f'<Channel Name="{name}"><EmissionWavelength>{emission}'
        f"</EmissionWavelength><Fluor>{name}</Fluor></Channel>"
    )


@dataclass
class Block:
    data: bytes
    pixel_type: int
    stored: tuple[int, int]
    at: tuple[int, int] = (0, 0)
    factor: int = 1
    compression: int = 0
    index: dict[str, int] = field(default_factory=dict)


def write_czi(
    path: Path,
    blocks: Sequence[Block],
    *,
    channels: str = "",
    times: Sequence[float] = (),
    metadata: str = METADATA,
) -> None:
    body = bytearray(_segment(b"ZISRAWFILE", bytes(512)))
    entries = []
    for block in blocks:
        entry = _entry(block, len(body))
        entries.append(entry)
        head = struct.pack("<iiq", 0, 0, len(block.data)) + entry
        body += _segment(b"ZISRAWSUBBLOCK", head.ljust(256, b"\0") + block.data)
    directory = len(body)
    data = struct.pack("<i", len(entries)).ljust(128, b"\0") + b"".join(entries)
    body += _segment(b"ZISRAWDIRECTORY", data)
    text = metadata.format(channels=channels).encode()
    xml = len(body)
    body += _segment(
        b"ZISRAWMETADATA", struct.pack("<ii", len(text), 0).ljust(256, b"\0") + text
    )
    attachments = 0
    if times:
        stamps = struct.pack("<ii", 8 + 8 * len(times), len(times))
        stamps += struct.pack(f"<{len(times)}d", *times)
        entry = struct.pack(
            "<2s10sqi16s8s80s", b"A1", b"", len(body), 0, b"", b"CZTIMS", b""
        )
        entry = entry[:48] + b"TimeStamps".ljust(80, b"\0")
        head = struct.pack("<q", len(stamps)).ljust(16, b"\0") + entry
        body += _segment(b"ZISRAWATTACH", head.ljust(256, b"\0") + stamps)
        attachments = len(body)
        data = struct.pack("<i", 1).ljust(256, b"\0") + entry
        body += _segment(b"ZISRAWATTDIR", data)
    struct.pack_into("<iiii", body, 32, 1, 0, 0, 0)
    struct.pack_into("<iqqiq", body, 80, 0, directory, xml, 0, attachments)
    path.write_bytes(bytes(body))


def _segment(name: bytes, data: bytes) -> bytes:
    data += bytes(-len(data) % 32)
    return struct.pack("<16sqq", name, len(data), len(data)) + data


def _entry(block: Block, position: int) -> bytes:
    extent = [n * block.factor for n in block.stored]
    dimensions = [
        ("X", block.at[1], extent[1], block.stored[1]),
        ("Y", block.at[0], extent[0], block.stored[0]),
        *((axis, n, 1, 1) for axis, n in block.index.items()),
    ]
    head = struct.pack(
        "<2siqiiB5si",
        b"DV",
        block.pixel_type,
        position,
        0,
        block.compression,
        2 if block.factor > 1 else 0,
        b"",
        len(dimensions),
    )
    return head + b"".join(
        struct.pack("<4siifi", axis.encode(), first, length, 0.0, kept)
        for axis, first, length, kept in dimensions
    )
