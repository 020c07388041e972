"""LA-ICP-MS as a bare table of numbers: one isotope, a row for each line.

Nothing in such a file says what it is. It is recognised only when its name ends
with an isotope, as in ``liver_Au197.csv``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options, Readable
from nanoscape.io.spectrometry.isotopes import isotope_of
from nanoscape.io.spectrometry.line_scan import LineScan, line_image
from nanoscape.io.spectrometry.line_table import cell_number

_HEAD = 2**16
_LARGEST = 2**30
_SEPARATORS = (";", "\t", ",", " ")


def sniff(path: Path) -> bool:
    """Tell whether a file is named after an isotope and starts with rows of numbers."""
    if not path.is_file() or isotope_of(_last_word(path)) is None:
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    lines = head.decode("latin-1").splitlines()
    # The last line may be cut off.
    lines = lines[:-1] if len(head) == _HEAD else lines
    try:
        rows = [_row(line, _separator(lines[0])) for line in lines[:8]]
    except (ValueError, IndexError):
        return False
    return len(rows) >= 2 and len(rows[0]) >= 2 and len({len(r) for r in rows}) == 1


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the table; the caller states how far points and lines lie apart."""
    return line_image(load, path, options)


def load(path: Path) -> LineScan:
    """Return the table, NaN for empty cells.

    Raises
    ------
    UnreadableFile
        If its rows are not numbers, or not equally long.
    """
    if path.stat().st_size > _LARGEST:
        raise UnreadableFile(f"{path} is too large for a table")
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise UnreadableFile(f"{path} holds no numbers")
    separator = _separator(lines[0])
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(_row(line, separator))
        except ValueError as error:
            raise UnreadableFile(
                f"line {number} of {path} is not made of numbers: {error}",
                "a table of numbers alone",
            ) from error
        if len(rows[-1]) != len(rows[0]):
            raise UnreadableFile(
                f"line {number} of {path} has {len(rows[-1])} numbers",
                f"{len(rows[0])} as in the first line",
            )
    channel = isotope_of(_last_word(path)) or path.stem
    return LineScan(values=np.array([rows], np.float64), channels=(channel,))


def _last_word(path: Path) -> str:
    return re.split(r"[\s_.\-]", path.stem)[-1]


def _separator(line: str) -> str:
    return next((s for s in _SEPARATORS if s in line.strip()), ",")


def _row(line: str, separator: str) -> list[float]:
    """Return the numbers of a line.

    Raises
    ------
    ValueError
        If one is none.
    """
    cells = line.split() if separator == " " else line.strip("\r\n").split(separator)
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    return [cell_number(cell, separator) for cell in cells]
