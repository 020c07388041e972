"""An arterial input as a table: times, and mM in plasma or blood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options, Readable, stem
from nanoscape.model import Table

_LARGEST = 2**26
_LONGEST_HEADER = 2**16
_TIME = re.compile(r"time[ _]*[\[(]?(s|min)[\])]?")
_AMOUNT = re.compile(r"(plasma|blood)[ _]*[\[(]?mM[\])]?")


def sniff(path: Path) -> bool:
    """Tell it by a column of times and one of mM in plasma or blood."""
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_HEADER).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    return _named(_columns(line)) is not None


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the table; times become ``time_s``, amounts ``plasma_mM`` or ``blood_mM``.

    Raises
    ------
    UnreadableFile
        If a row holds anything but numbers.
    """
    del options
    if path.stat().st_size > _LARGEST:
        raise UnreadableFile(f"{path} is larger than 64 MiB")
    try:
        with path.open(encoding="utf-8-sig") as file:
            line = file.readline(_LONGEST_HEADER)
        frame = pd.read_csv(path, sep=_delimiter(line), encoding="utf-8-sig")
        frame = frame.astype(float)
    except (ValueError, pd.errors.ParserError) as error:
        raise UnreadableFile(
            f"{path} holds something that is not a number", "a table of numbers"
        ) from error
    names = _named([str(column) for column in frame.columns])
    if names is None or frame.empty:
        raise UnreadableFile(f"{path} has no times and amounts", "time_s and plasma_mM")
    if len(frame.columns) != len(_columns(line)):
        raise UnreadableFile(f"{path} has rows longer than its first")
    frame.columns = pd.Index([name for name, _ in names])
    for name, factor in names:
        frame[name] *= factor
    return [Table(data=frame, name=stem(path))]


def _named(columns: Sequence[str]) -> list[tuple[str, float]] | None:
    """Return our name of each column and what it is multiplied by."""
    found: list[tuple[str, float]] = []
    for column in columns:
        time, amount = _TIME.fullmatch(column), _AMOUNT.fullmatch(column)
        if time is not None:
            found.append(("time_s", 60.0 if time[1] == "min" else 1.0))
        elif amount is not None:
            found.append((f"{amount[1]}_mM", 1.0))
        else:
            found.append((column, 1.0))
    names = [name for name, _ in found]
    once = names.count("time_s") == 1 and len(set(names)) == len(names)
    return found if once and {"plasma_mM", "blood_mM"} & set(names) else None


def _columns(line: str) -> list[str]:
    parts = line.strip().split(_delimiter(line))
    return [name.strip().strip('"') for name in parts]


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)
