"""Points as a table: one row per point, its place in columns with a unit.

Places are those of pixel centres. ``x_um`` and ``x (mm)`` state their unit; ``x_px``,
``x`` and napari's ``axis-0`` count pixels. QuPath's ``Centroid X µm`` counts from the
corner of the first pixel, and needs its size.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.opening import Options, Readable, calibration_tags, stem
from nanoscape.model import Points, Tags
from nanoscape.units import micrometres_per

_LARGEST = 2**30
_LONGEST_HEADER = 2**16
_UNITS = r"nm|[uµμ]m|mm|px|pixels?"
_PLACE = re.compile(
    rf"(?P<corner>centroid )?(?P<axis>[xyz])(?:[ _]*[\(\[]?(?P<unit>{_UNITS})[\)\]]?)?",
    re.IGNORECASE,
)
_PIXELS = ("", "px", "pixel", "pixels")
_NAPARI = re.compile(r"axis-(\d)")


def sniff(path: Path) -> bool:
    """Tell a table of points by columns for ``y`` and ``x``."""
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_HEADER).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    delimiter = _delimiter(line)
    columns = [name.strip().strip('"') for name in line.strip().split(delimiter)]
    # Upper-case X and Y between tabs are the raw data of other instruments.
    return _places(columns) is not None and not {"X", "Y"} <= set(columns)


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read points; further columns are kept with them."""
    if path.stat().st_size > _LARGEST:
        raise UnreadableFile(f"{path} is larger than 1 GiB")
    with path.open(encoding="utf-8-sig") as file:
        line = file.readline(_LONGEST_HEADER)
    delimiter = _delimiter(line)
    found = _places(next(csv.reader([line.strip()], delimiter=delimiter), []))
    if found is None:
        raise UnreadableFile(f"{path} has no columns for places", "x_um and y_um")
    frame = _frame(path, delimiter, [number for number, _, _ in found.values()])
    axes = "".join(axis for axis in "zyx" if axis in found)
    places = pd.DataFrame()
    for axis in axes:
        number, unit, corner = found[axis]
        values = _numbers(frame.iloc[:, number], path)
        places[axis] = _in_um(values, unit, corner, path, options)
    rest = frame.drop(columns=[frame.columns[found[axis][0]] for axis in axes])
    return [
        Points(
            coordinates=places.to_numpy(dtype=float),
            axes=axes,
            space=stem(path),
            name=stem(path),
            table=rest if len(rest.columns) else None,
            tags=calibration_tags(options) if _counts_pixels(found["x"]) else Tags(),
        )
    ]


def frame_of_points(points: Points) -> pd.DataFrame:
    """Return places and what is known of each as one table, units in its columns."""
    names = [f"{axis}_um" for axis in points.axes]
    frame = pd.DataFrame(points.coordinates, columns=names)
    if points.table is None:
        return frame
    rest = points.table.drop(columns=names, errors="ignore")
    return pd.concat([frame, rest.reset_index(drop=True)], axis=1)


def _frame(path: Path, delimiter: str, places: Sequence[int]) -> pd.DataFrame:
    """Read a table, the columns with places as text."""
    try:
        with warnings.catch_warnings():
            # Otherwise cells beyond the headings are dropped, or shift the others.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=delimiter,
                index_col=False,
                dtype=dict.fromkeys(places, str),
                encoding="utf-8-sig",
            )
    except pd.errors.ParserWarning as error:
        raise UnreadableFile(
            f"a row of {path} has more cells than there are headings"
        ) from error


def _numbers(column: pd.Series[str], path: Path) -> pd.Series[float]:
    """Return text as numbers to the last digit, which pandas alone does not give."""
    try:
        return column.map(float)
    except ValueError as error:
        raise UnreadableFile(
            f"the column {column.name} of {path} holds more than numbers ({error})",
            "numbers with a decimal point",
        ) from error


def _in_um(
    values: pd.Series[float], unit: str, corner: bool, path: Path, options: Options
) -> pd.Series[float]:
    in_pixels = unit in _PIXELS
    if (in_pixels or corner) and options.pixel_size is None:
        raise MissingCalibration(
            f"{path} gives places {'in pixels' if in_pixels else 'from a corner'}",
            "the size of a pixel",
            "give the pixel size in µm of the image that they belong to (pixel_size)",
        )
    size = options.pixel_size or 0.0
    scale = size if in_pixels else micrometres_per(unit)
    return values * scale - (size / 2 if corner else 0.0)


def _counts_pixels(column: tuple[int, str, bool]) -> bool:
    _, unit, corner = column
    return unit in _PIXELS or corner


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _places(columns: Sequence[str]) -> dict[str, tuple[int, str, bool]] | None:
    """Return column, unit and convention of each axis; ``None`` without places."""
    found: dict[str, tuple[int, str, bool]] = {}
    napari = [i for i, name in enumerate(columns) if _NAPARI.fullmatch(name.strip())]
    for i, name in enumerate(columns):
        match = _PLACE.fullmatch(name.strip())
        if match and match["axis"].lower() not in found:
            unit = (match["unit"] or "").replace("μ", "µ").lower()
            found[match["axis"].lower()] = i, unit, bool(match["corner"])
    if not found and len(napari) in (2, 3):
        found = {
            axis: (i, "", False) for axis, i in zip("xyz", napari[::-1], strict=False)
        }
    if not {"y", "x"} <= set(found):
        return None
    kinds = {(unit, corner) for _, unit, corner in found.values()}
    return found if len(kinds) == 1 else None
