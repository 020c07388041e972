"""Lists that people type: what standards hold, and which ions are wanted.

A text table with one heading row. It is recognised by its headings: concentrations
beside the standard, region or line they are of, or beside its signal; or formulas or
m/z of ions.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options, Readable, stem
from nanoscape.model import Table

_LARGEST = 2**24
_LONGEST_HEADER = 2**16
_CONCENTRATION = re.compile(
    r"concentration.*|.*_(?:ug_per_g|ug_g|ng_per_g|ng_g|pg_per_mm2|pg_mm2)"
    r"|.*[(\[ ][uµμ]g/g[)\]]?"
)
_STANDARD = {"standard", "region", "level", "name", "line", "signal"}
_ION = {"formula", "mz", "m/z"}
_BESIDE_ION = {"name", "adduct", "adducts", "ppm", "tolerance_ppm", "mz", "m/z"}


def sniff(path: Path) -> bool:
    """Tell a list of standards or ions by its headings."""
    try:
        headings = set(_headings(path))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    if "formula" in headings or (
        len(headings & _ION) and len(headings & _BESIDE_ION) > 1
    ):
        return True
    known = any(_CONCENTRATION.fullmatch(name) for name in headings - _STANDARD)
    return known and bool(headings & _STANDARD)


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read a list as a table; headings are in lower case."""
    del options
    if path.stat().st_size > _LARGEST:
        raise UnreadableFile(f"{path} is larger than 16 MiB", "a list of some rows")
    try:
        headings = _headings(path)
        with warnings.catch_warnings():
            # Otherwise cells beyond the headings are dropped, or shift the others.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=_delimiter(_first_line(path)),
                index_col=False,
                encoding="utf-8-sig",
                skipinitialspace=True,
                skip_blank_lines=True,
            )
    except (pd.errors.ParserWarning, pd.errors.ParserError, csv.Error) as error:
        raise UnreadableFile(
            f"a row of {path} has more cells than there are headings"
        ) from error
    except (UnicodeDecodeError, pd.errors.EmptyDataError, ValueError) as error:
        raise UnreadableFile(f"{path} is no table of text: {error}") from error
    if len(set(headings)) != len(headings) or len(headings) != len(frame.columns):
        raise UnreadableFile(f"{path} has two columns of one name", "one name each")
    frame.columns = pd.Index(headings)
    frame = frame.dropna(how="all").reset_index(drop=True)
    if frame.empty:
        raise UnreadableFile(f"{path} has headings and no rows", "at least one row")
    return [Table(data=frame, name=stem(path))]


def _first_line(path: Path) -> str:
    with path.open("rb") as file:
        return file.readline(_LONGEST_HEADER).decode("utf-8-sig")


def _headings(path: Path) -> list[str]:
    line = _first_line(path)
    cells = next(csv.reader([line.strip()], delimiter=_delimiter(line)), [])
    return [cell.strip().lower() for cell in cells]


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)
