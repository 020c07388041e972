"""Files and folders of which each is one line of a laser, in order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_NUMBER = re.compile(r"(\d+)")
WIDEST_GAP = 4
"""Numbers of lines may run to as many times their count; else they are no numbers."""


def natural(path: Path) -> list[tuple[bool, int, str]]:
    """Return a key by which ``line_2`` comes before ``line_10``."""
    parts = _NUMBER.split(path.name.lower())
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]


def numbered(files: Sequence[Path]) -> list[Path | None]:
    """Return files by the number that ends their names, ``None`` for gaps.

    Without such numbers they are returned as they are.
    """
    numbers = []
    for file in files:
        parts = _NUMBER.findall(file.stem)
        if not parts:
            return list(files)
        numbers.append(int(parts[-1]))
    if not numbers:
        return []
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
