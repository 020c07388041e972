"""Compound files: a file system in a file, as Olympus and old Office use it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from nanoscape.errors import UnreadableFile

_HEADER = struct.Struct("<8s16sHHHHHHIIIIIIIIII")
_FIRST_TABLES = struct.Struct("<109I")
_DIRECTORY = 2**16
_REGULAR = 0xFFFFFFFA
"""Numbers below are sectors, those above mean the end of a chain or a free one."""


def names_stream(file: BinaryIO, name: str) -> bool:
    """Tell whether a compound file has a stream of a name near its first ones."""
    file.seek(0)
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return False
    shift, directory = (_HEADER.unpack(head)[place] for place in (5, 11))
    if shift not in (9, 12):
        return False
    file.seek((directory + 1) << shift)
    return name.encode("utf-16-le") in file.read(_DIRECTORY)


def check_compound(path: Path) -> None:
    """Raise :class:`UnreadableFile` when chains of sectors run in circles.

    Who follows such a chain never comes to its end ([MS-CFB], sections 2.2 to 2.5).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER.size + _FIRST_TABLES.size)
        if len(head) < _HEADER.size + _FIRST_TABLES.size:
            raise UnreadableFile(f"{path} is truncated", todo="copy the file again")
        fields = _HEADER.unpack_from(head)
        shift, tables, mini_start, more_start, more = (
            fields[i] for i in (5, 10, 14, 16, 17)
        )
        if shift not in (9, 12) or max(tables, more) << shift > size:
            raise UnreadableFile(
                f"{path} is damaged: it announces tables larger than itself",
                todo="copy the file again",
            )

        def sector(number: int) -> tuple[int, ...]:
            file.seek((number + 1) << shift)
            data = file.read(1 << shift)
            return struct.unpack(f"<{len(data) // 4}I", data)

        places = list(_FIRST_TABLES.unpack_from(head, _HEADER.size))
        for _ in range(more):
            content = sector(more_start)
            places += content[:-1]
            more_start = content[-1] if content else _REGULAR
        table = [entry for place in places[:tables] for entry in sector(place)]
        _check_chains(table, path)
        mini: list[int] = []
        while mini_start < min(_REGULAR, len(table)):
            mini += sector(mini_start)
            mini_start = table[mini_start]
        _check_chains(mini, path)


def _check_chains(table: Sequence[int], path: Path) -> None:
    seen = [0] * len(table)
    for start in range(len(table)):
        here = start
        while here < len(table) and not seen[here]:
            seen[here] = start + 1
            here = table[here]
        if here < len(table) and seen[here] == start + 1:
            raise UnreadableFile(
                f"{path} is damaged: a chain of its sectors runs in a circle",
                todo="copy the file again",
            )
