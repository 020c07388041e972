"""The header of an NRRD file and where it says the samples are.

Source: Definition of NRRD File Format, teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.containment import inside
from nanoscape.io.volumes.raw import RawLayout
from nanoscape.io.volumes.volume import lengths, numbers

MAGIC = b"NRRD000"
_HEADER_BYTES = 2**26
_MOST_FILES = 2**20
_PACKINGS = {
    "raw": "",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
}
_NAMES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, "
    "signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPES = {name: code for code, names in _NAMES.items() for name in names.split(", ")}


@dataclass(frozen=True)
class NrrdHeader:
    """What an NRRD file says of itself.

    Attributes
    ----------
    path
        The file.
    fields
        Text by field, whose name is in small letters without blanks.
    keys
        Text by key, for what the format itself does not know.
    end
        Bytes of the header.
    names
        Lines after the field ``data file: LIST``.
    """

    path: Path
    fields: Mapping[str, str]
    keys: Mapping[str, str]
    end: int
    names: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Length of each axis, the fastest first."""
        count = lengths(self.need("dimension"), 1, self.path)[0]
        return lengths(self.need("sizes"), count, self.path)

    def need(self, name: str) -> str:
        """Return a field that must be there."""
        if name not in self.fields:
            raise UnreadableFile(
                f"{self.path} has no field {name!r}", "an NRRD file", "copy it again"
            )
        return self.fields[name]

    def words(self, name: str) -> list[str]:
        """Return the words of a field with one word for each axis, or none."""
        found = re.findall(r'"([^"]*)"|(\S+)', self.fields.get(name, ""))
        return [(quoted or bare).strip() for quoted, bare in found]

    def vectors(self, name: str) -> list[list[float] | None]:
        """Return the vectors of a field, ``None`` for the word *none*."""
        found = re.findall(r"none|\([^)]*\)", self.fields.get(name, ""), re.IGNORECASE)
        vectors: list[list[float] | None] = []
        for text in found:
            inner = text.strip("()").replace(",", " ")
            plain = inner.lower().split()
            if set(plain) <= {"none", "nan", "-nan"}:
                vectors.append(None)
            else:
                vectors.append(numbers(inner, None, name, self.path))
        return vectors


def parse_header(path: Path) -> NrrdHeader:
    """Return the header of a file.

    Raises
    ------
    UnreadableFile
        If it is not an NRRD header.
    """
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    names: list[str] = []
    with path.open("rb") as file:
        if not file.readline(64).startswith(MAGIC):
            raise UnreadableFile(f"{path} is no NRRD file")
        while line := file.readline(_HEADER_BYTES):
            text = line.decode("utf-8", "replace").strip("\r\n")
            if not text or file.tell() > _HEADER_BYTES:
                break
            if text.startswith("#"):
                continue
            if fields.get("datafile", "").split()[:1] == ["LIST"]:
                names.append(text.strip())
                continue
            key, marked, value = text.partition(":=")
            name, colon, content = text.partition(": ")
            if marked and (not colon or len(key) < len(name)):
                keys[key] = value
            elif colon:
                fields[name.lower().replace(" ", "")] = content.strip()
            else:
                raise UnreadableFile(
                    f"{path} has the line {text[:60]!r} in its header",
                    "a field and its value",
                    "copy the file again",
                )
        end = file.tell()
    return NrrdHeader(path, fields, keys, end, tuple(names))


def layout_of(header: NrrdHeader) -> RawLayout:
    """Return where the samples lie, the slowest axis first."""
    path = header.path
    encoding = header.need("encoding").lower()
    if encoding not in _PACKINGS:
        raise UnreadableFile(
            f"{path} holds its samples in the encoding {encoding!r}",
            "one of raw, gzip and bzip2",
            "save it compressed by gzip",
        )
    packing, shape, dtype = _PACKINGS[encoding], header.sizes[::-1], _dtype(header)
    detached = "datafile" in header.fields
    files = _files(header) if detached else (path,)
    lines = int(header.fields.get("lineskip", "0"))
    skip = int(header.fields.get("byteskip", "0"))
    start = 0 if detached else header.end
    if lines and files[0].is_file():
        start = _after_lines(files[0], start, lines)
    if packing:
        if skip < 0:
            raise UnreadableFile(f"{path} states a byte skip of {skip}")
        return RawLayout(files, shape, dtype, start, packing, skip)
    layout = RawLayout(files, shape, dtype, start + max(skip, 0))
    if skip == -1 and files[0].is_file():
        offset = files[0].stat().st_size - layout.part_bytes
        return RawLayout(files, shape, dtype, max(offset, start))
    return layout


def _dtype(header: NrrdHeader) -> np.dtype[Any]:
    stated = " ".join(header.need("type").lower().split())
    if stated not in _TYPES:
        raise UnreadableFile(
            f"{header.path} holds numbers of the type {stated!r}",
            "whole or floating-point numbers of 8 to 64 bits",
        )
    dtype = np.dtype(_TYPES[stated])
    if dtype.itemsize == 1:
        return dtype
    endian = header.fields.get("endian", "").lower()
    if endian not in ("little", "big"):
        raise UnreadableFile(f"{header.path} does not say in which order its bytes are")
    return dtype.newbyteorder(">" if endian == "big" else "<")


def _files(header: NrrdHeader) -> tuple[Path, ...]:
    where = header.need("datafile")
    words = where.split()
    names: Sequence[str] = [where]
    if words[:1] == ["LIST"]:
        names = header.names
    elif len(words) in (4, 5) and "%" in words[0]:
        first, last, step = (int(word) for word in words[1:4])
        numbered = range(first, last + (1 if step > 0 else -1), step)
        if len(numbered) > _MOST_FILES:
            raise UnreadableFile(f"{header.path} names its samples as {where!r}")
        names = [words[0] % number for number in numbered]
    if not names:
        raise UnreadableFile(f"{header.path} names no files for its samples")
    return tuple(inside(header.path.parent, name, header.path) for name in names)


def _after_lines(path: Path, start: int, lines: int) -> int:
    with path.open("rb") as file:
        file.seek(start)
        for _ in range(lines):
            if not file.readline(_HEADER_BYTES):
                break
        return file.tell()
