"""The header of a MetaImage file, and the frames of a tracked sequence in it.

Source: MetaIO documentation (itk.org/Wiki/MetaIO/Documentation); fields of sequences
as written by Plus and IGSIO (``Seq_FrameNNNN_…``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.containment import inside
from nanoscape.io.volumes.raw import RawLayout
from nanoscape.io.volumes.volume import lengths

# Sequences write about a kilobyte of text for each frame.
_HEADER_BYTES = 2**26
_MOST_FILES = 2**20
_TYPES = {
    "CHAR": "i1",
    "ASCII_CHAR": "i1",
    "UCHAR": "u1",
    "SHORT": "i2",
    "USHORT": "u2",
    "INT": "i4",
    "UINT": "u4",
    "LONG": "i4",
    "ULONG": "u4",
    "LONG_LONG": "i8",
    "ULONG_LONG": "u8",
    "FLOAT": "f4",
    "DOUBLE": "f8",
}
_FRAME = re.compile(r"Seq_Frame(\d+)_(\w+)$")


@dataclass(frozen=True)
class MetaHeader:
    """What a MetaImage file says of itself.

    Attributes
    ----------
    path
        The file.
    fields
        Text by field.
    end
        Bytes of the header.
    names
        Lines after the header, when it announces a list of files.
    frames
        Fields of each frame of a sequence, by its number.
    """

    path: Path
    fields: Mapping[str, str]
    end: int
    names: tuple[str, ...] = ()
    frames: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Length of each axis, the fastest first."""
        count = lengths(self.need("NDims"), 1, self.path)[0]
        return lengths(self.need("DimSize"), count, self.path)

    @property
    def channels(self) -> int:
        """Samples of each voxel."""
        text = self.fields.get("ElementNumberOfChannels", "1")
        return lengths(text, 1, self.path)[0]

    def need(self, name: str) -> str:
        """Return a field that must be there."""
        if name not in self.fields:
            raise UnreadableFile(
                f"{self.path} has no field {name}", "a MetaImage file", "copy it again"
            )
        return self.fields[name]

    def first(self, *names: str) -> str | None:
        """Return the first field of several names for one thing."""
        return next((self.fields[n] for n in names if n in self.fields), None)

    def says(self, *names: str) -> bool:
        """Tell whether a field is there and true."""
        return (self.first(*names) or "").lower() in {"true", "1"}


def parse_header(path: Path) -> MetaHeader:
    """Return the header of a file.

    Raises
    ------
    UnreadableFile
        If it does not end where a header must.
    """
    fields: dict[str, str] = {}
    frames: dict[int, dict[str, str]] = {}
    with path.open("rb") as file:
        while "ElementDataFile" not in fields:
            line = file.readline(_HEADER_BYTES)
            name, equals, value = line.decode("latin-1").partition("=")
            if not equals or file.tell() > _HEADER_BYTES:
                raise UnreadableFile(
                    f"{path} has a damaged header: it does not end with "
                    "ElementDataFile",
                    "a MetaImage file",
                    "copy the file again",
                )
            name, value = name.strip(), value.strip()
            of_frame = _FRAME.match(name)
            if of_frame:
                frames.setdefault(int(of_frame[1]), {})[of_frame[2]] = value
            else:
                fields[name] = value
        end = file.tell()
        names = []
        if fields["ElementDataFile"].split()[:1] == ["LIST"]:
            names = file.read(_HEADER_BYTES).decode("utf-8", "replace").split("\n")
    listed = tuple(name.strip() for name in names if name.strip())
    return MetaHeader(path, fields, end, listed, frames)


def layout_of(header: MetaHeader) -> RawLayout:
    """Return where the samples lie, the slowest axis first and the channels last."""
    path = header.path
    shape = header.sizes[::-1]
    if header.channels > 1:
        shape = (*shape, header.channels)
    dtype = _dtype(header)
    packing = "zlib" if header.says("CompressedData") else ""
    where = header.need("ElementDataFile")
    if where in {"LOCAL", "Local", "local"}:
        layout = RawLayout((path,), shape, dtype, header.end, packing)
    else:
        skip = int(header.fields.get("HeaderSize", "0"))
        layout = RawLayout(_files(header, where), shape, dtype, max(skip, 0), packing)
        if skip == -1 and not packing and layout.files[0].is_file():
            offset = layout.files[0].stat().st_size - layout.part_bytes
            layout = RawLayout(layout.files, shape, dtype, max(offset, 0))
        elif skip < 0:
            raise UnreadableFile(f"{path} states a HeaderSize of {skip}")
    announced = int(header.fields.get("CompressedDataSize", "0"))
    whole = layout.files[0].stat().st_size if layout.files[0].is_file() else 0
    if packing and whole and whole < layout.offset + announced:
        raise UnreadableFile(
            f"{path} is truncated: {announced} compressed bytes are announced and "
            f"{whole - layout.offset} are there",
            todo="copy the file again",
        )
    return layout


def _dtype(header: MetaHeader) -> np.dtype[Any]:
    if header.fields.get("BinaryData", "True").lower() not in {"true", "1"}:
        raise UnreadableFile(
            f"{header.path} holds its samples as text", "binary samples", "convert it"
        )
    name = header.need("ElementType").removeprefix("MET_").removesuffix("_ARRAY")
    if name not in _TYPES:
        raise UnreadableFile(
            f"{header.path} holds numbers of the type {header.need('ElementType')}",
            "one of " + ", ".join(f"MET_{known}" for known in _TYPES),
        )
    big = header.says("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    return np.dtype(_TYPES[name]).newbyteorder(">" if big else "<")


def _files(header: MetaHeader, where: str) -> tuple[Path, ...]:
    names: tuple[str, ...] = (where,)
    words = where.split()
    if words[0] == "LIST":
        names = header.names
    elif len(words) == 4 and "%" in words[0]:
        first, last, step = (int(word) for word in words[1:])
        if step < 1 or not 0 <= last - first < _MOST_FILES:
            raise UnreadableFile(f"{header.path} names its samples as {where!r}")
        names = tuple(words[0] % number for number in range(first, last + 1, step))
    if not names:
        raise UnreadableFile(f"{header.path} names no files for its samples")
    return tuple(inside(header.path.parent, name, header.path) for name in names)
