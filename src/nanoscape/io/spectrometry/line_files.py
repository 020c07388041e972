"""Files and folders of which each is one line of a laser, in order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_NUMBER = re.compile(r"(\d+)")
WIDEST_GAP = 2
"""Numbers of lines may run to as many times their count; else they are no numbers."""


def natural(path: Path) -> list[tuple[bool, int, str]]:
    """Return a key by which ``line_2`` comes before ``line_10``."""
    parts = _NUMBER.split(path.name.lower())
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]


def numbered(files: Sequence[Path]) -> list[Path | None]:
    """Return files by the last number in their names, ``None`` for gaps.

    Names that differ in anything else, such as a time of day, do not number lines;
    the files are then returned as they are.
    """
    parts = [_NUMBER.split(file.stem) for file in files]
    around = {(*part[:-2], part[-1]) for part in parts}
    if len(around) != 1 or len(parts[0]) < 3:
        return list(files)
    numbers = [int(part[-2]) for part in parts]
    first, last = min(numbers), max(numbers)
    unique = len(set(numbers)) == len(numbers)
    if not unique or last - first >= WIDEST_GAP * len(numbers):
        return list(files)
    by_number = dict(zip(numbers, files, strict=True))
    return [by_number.get(number) for number in range(first, last + 1)]


def missing_lines(lines: Sequence[object | None]) -> list[str]:
    """Return a sentence about the lines that are missing, if there are any."""
    missing = [str(i + 1) for i, line in enumerate(lines) if line is None]
    noun = "line is" if len(missing) == 1 else "lines are"
    return [f"{noun} missing and left empty: {', '.join(missing)}"] if missing else []


def uneven_lines(lengths: Sequence[int]) -> list[str]:
    """Return a sentence about lines that are not equally long, if they are not."""
    if not lengths or min(lengths) == max(lengths):
        return []
    return [
        f"lines have {min(lengths)} to {max(lengths)} points; the ends of short ones "
        "are left empty"
    ]
