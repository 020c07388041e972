"""Small writers of LIF, OIF and OIB, byte by byte, and of Imaris with h5py."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

_DIMENSIONS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "λ": 5, "A": 6, "M": 10}


def lif_image(
    name: str,
    data: np.ndarray[Any, Any],
    axes: str,
    steps: Mapping[str, float],
    *,
    channels: Sequence[str] = ("Green",),
    channel_tags: Sequence[int] = (0, 0, 0),
    extra: str = "",
) -> tuple[str, str, bytes]:
    """Return name, XML and samples; axes are in stored order, C among them."""
    strides = dict(zip(axes, data.strides, strict=True))
    sizes = dict(zip(axes, data.shape, strict=True))
    described = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="{channel_tags[i]}" Resolution="'
        f'{8 * data.itemsize}" NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" '
        f'LUTName="{colour}" IsLUTInverted="0" BytesInc="'
        f'{i * strides.get("C", strides.get("S", 0))}" BitInc="0"/>'
        for i, colour in enumerate(channels)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{_DIMENSIONS[axis]}" NumberOfElements="'
        f'{sizes[axis]}" Origin="0" Length="{steps.get(axis, 1) * (sizes[axis] - 1)}" '
        f'Unit="{"s" if axis == "T" else "m"}" BytesInc="{strides[axis]}" BitInc="0"/>'
        for axis in reversed(axes)
        if axis in _DIMENSIONS
    )
    xml = (
        f'<Element Name="{name}"><Data><Image><ImageDescription><Channels>{described}'
        f"</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription>{extra}"
        f'</Image></Data><Memory Size="{data.nbytes}" MemoryBlockID="Mem_{name}"/>'
        "</Element>"
    )
    return name, xml, data.tobytes()


def write_lif(path: Path, images: Sequence[tuple[str, str, bytes]]) -> None:
    inner = "".join(xml for _, xml, _ in images)
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="project"><Children>'
        f"{inner}</Children></Element></LMSDataContainerHeader>"
    )
    text = xml.encode("utf-16-le")
    body = struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(text) // 2) + text
    for name, _, data in images:
        block = f"Mem_{name}".encode("utf-16-le")
        body += struct.pack(
            "<IIBQBI",
            0x70,
            len(block) + 14,
            0x2A,
            len(data),
            0x2A,
            len(block) // 2,
        )
        body += block + data
    path.write_bytes(body)


def olympus_files(data: np.ndarray[Any, Any]) -> tuple[str, dict[str, bytes]]:
    """Return the settings and the planes of ``t c z y x`` data."""
    frames, channels, planes, height, width = data.shape
    sections: dict[str, dict[str, Any]] = {
        "ProfileSaveInfo": {"Name": "FLUOVIEW", "Version": "1.0.0.0"},
        "Acquisition Parameters Common": {"ImageCaputreDate": "'2026-01-05 10:15:00'"},
        "Axis Parameter Common": {"AxisOrder": '"XYCZT"'},
        "Reference Image Parameter": {
            "ImageHeight": height,
            "ImageWidth": width,
            "HeightConvertValue": 0.4,
            "HeightUnit": '"um"',
            "WidthConvertValue": 0.4,
            "WidthUnit": '"um"',
            "ValidBitCounts": 12,
        },
    }
    sizes = {"X": width, "Y": height, "C": channels, "Z": planes, "T": frames}
    for number, axis in enumerate("XYCZTLAP"):
        section: dict[str, Any] = {
            "AxisCode": f'"{axis}"',
            "MaxSize": sizes.get(axis, 0),
        }
        if axis == "Z":
            section |= {
                "StartPosition": 9000.0,
                "EndPosition": 9000.0 - 1500.0 * (planes - 1),
                "UnitName": '"nm"',
            }
        if axis == "T":
            section |= {
                "StartPosition": 0.0,
                "EndPosition": 2500.0 * (frames - 1),
                "UnitName": '"ms"',
            }
        sections[f"Axis {number} Parameters Common"] = section
    for number, dye in enumerate(("DAPI", "CD31", "Drug")[:channels], 1):
        sections[f"GUI Channel {number} Parameters"] = {
            "DyeName": f'"{dye}"',
            "EmissionWavelength": 450 + 10 * number,
        }
    text = "".join(
        f"[{title}]\r\n" + "".join(f"{k}={v}\r\n" for k, v in values.items())
        for title, values in sections.items()
    )
    files = {}
    for t, c, z in np.ndindex(data.shape[:3]):
        stream = io.BytesIO()
        tifffile.imwrite(stream, data[t, c, z], metadata=None)
        name = f"s_C{c + 1:03d}Z{z + 1:03d}T{t + 1:03d}.tif"
        files[name] = stream.getvalue()
    return text, files


def write_oif(path: Path, data: np.ndarray[Any, Any]) -> None:
    text, files = olympus_files(data)
    path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    folder = path.with_name(path.name + ".files")
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_oib(path: Path, data: np.ndarray[Any, Any]) -> None:
    text, files = olympus_files(data)
    streams = {"Stream00000": b"\xff\xfe" + text.encode("utf-16-le")}
    info = "[OibSaveInfo]\r\nName=OibSaveInfo\r\nVersion=2.0.0.0\r\n"
    info += "MainFileName=Stream00000\r\nStream00000=a.oif\r\n"
    for number, (name, content) in enumerate(files.items(), 1):
        streams[f"Stream{number:05d}"] = content
        info += f"Stream{number:05d}=Storage00001/{name}\r\n"
    info += "Storage00001=a.oif.files\r\n"
    streams["OibInfo.txt"] = b"\xff\xfe" + info.encode("utf-16-le")
    path.write_bytes(compound_file(streams))


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file of version 3 with all streams below the root.

    Streams are padded to 4096 bytes, so that none lies in the mini stream.
    """
    end, free, none = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF
    padded = {
        name: data + (b"\r\0\n\0" * 1024 if name != "x" else b"")
        for name, data in streams.items()
    }
    directory = -(-(len(padded) + 1) // 4)
    lengths = [-(-len(data) // 512) for data in padded.values()]
    tables = 1
    while tables * 128 < tables + directory + sum(lengths):
        tables += 1
    table = [0xFFFFFFFD] * tables
    table += [*range(tables + 1, tables + directory), end]
    entries = [_entry("Root Entry", 5, none, 1 if padded else none, end, 0)]
    body = b""
    for number, ((name, data), length) in enumerate(
        zip(padded.items(), lengths, strict=True), 1
    ):
        start = len(table)
        table += [*range(start + 1, start + length), end]
        right = number + 1 if number < len(padded) else none
        entries.append(_entry(name, 2, right, none, start, len(data)))
        body += data.ljust(length * 512, b"\0")
    table += [free] * (tables * 128 - len(table))
    head = struct.pack(
        "<8s16sHHHHHHIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        0,
        0,
        0,
        tables,
        tables,
        0,
        4096,
        end,
        0,
        end,
        0,
    )
    head += struct.pack("<109I", *range(tables), *[free] * (109 - tables))
    directories = b"".join(entries).ljust(directory * 512, b"\0")
    return head + struct.pack(f"<{len(table)}I", *table) + directories + body


def _entry(
    name: str, kind: int, right: int, child: int, start: int, size: int
) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        text,
        len(text),
        kind,
        1,
        0xFFFFFFFF,
        right,
        child,
        b"",
        0,
        0,
        0,
        start,
        size,
    )


def write_ims(
    path: Path, data: np.ndarray[Any, Any], unit: str = "um", compression: Any = "gzip"
) -> None:
    import h5py

    def text(group: Any, **attributes: str) -> None:
        for name, value in attributes.items():
            group.attrs[name] = np.frombuffer(value.encode(), "S1")

    depth, height, width = data.shape
    with h5py.File(path, "w") as file:
        channel = file.create_group("DataSet/ResolutionLevel 0/TimePoint 0/Channel 0")
        text(
            channel,
            ImageSizeX=str(width),
            ImageSizeY=str(height),
            ImageSizeZ=str(depth),
        )
        channel.create_dataset(
            "Data", data=data, chunks=(4, 16, 16), compression=compression
        )
        text(
            file.create_group("DataSetInfo/Image"),
            ExtMin0="0",
            ExtMin1="0",
            ExtMin2="0",
            ExtMax0=str(width * 0.5),
            ExtMax1=str(height * 0.5),
            ExtMax2=str(depth * 2.0),
            Unit=unit,
        )
        text(
            file.create_group("DataSetInfo/Channel 0"),
            Name="CD31",
            LSMEmissionWavelength="670",
        )
