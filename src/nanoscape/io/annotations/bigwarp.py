"""Landmarks of BigWarp: CSV without headings, or JSON.

A row is ``name, active, moving x y [z], fixed x y [z]``. Places are those of pixel
centres in the unit of the images, which the file does not name.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path

from nanoscape.errors import UnreadableFile
from nanoscape.io.annotations.unit_lengths import reversed_axes, unit_um
from nanoscape.io.opening import Options, Readable, stem
from nanoscape.model import Landmarks

_HEAD = 4096
_LARGEST = 2**26
_JSON = "BigWarpLandmarks"
_ACTIVE = {"true": True, "false": False}

Pair = tuple[str, bool, list[float], list[float]]
"""Name, whether it is used, moving and fixed place."""


def sniff(path: Path) -> bool:
    """Tell landmarks by their first row, or by the type that the JSON states."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8-sig", errors="replace")
    except OSError:
        return False
    if head.lstrip()[:1] == "{":
        return f'"{_JSON}"' in head
    try:
        row = next(csv.reader(head.splitlines()), [])
        _pair(row)
    except (csv.Error, ValueError, LookupError):
        return False
    return True


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read pairs; those that are switched off or half set are left out.

    Both images are taken to have the same unit; see :func:`read_bigwarp`.
    """
    unit = unit_um(path, options)
    return [_landmarks(path, unit, unit, options)]


def read_bigwarp(
    path: str | Path, *, moving_unit: float, fixed_unit: float
) -> Landmarks:
    """Read pairs that were clicked in images of different units.

    Parameters
    ----------
    path
        CSV or JSON of BigWarp.
    moving_unit, fixed_unit
        Length of the unit of each image in µm: 1 for one calibrated in µm, the pixel
        size for one without calibration.
    """
    return _landmarks(Path(path), moving_unit, fixed_unit, Options())


def _landmarks(
    path: Path, moving_unit: float, fixed_unit: float, options: Options
) -> Landmarks:
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableFile(f"{path} is too large for landmarks")
        text = path.read_text(encoding="utf-8-sig")
        pairs = _from_json(text) if text.lstrip()[:1] == "{" else _from_csv(text)
    except (OSError, csv.Error, ValueError, LookupError, RecursionError) as error:
        raise UnreadableFile(f"{path} is damaged: {error}") from error
    used = [p for p in pairs if p[1] and all(map(math.isfinite, p[2] + p[3]))]
    if len(used) < len(pairs):
        options.warn(
            f"{len(pairs) - len(used)} landmarks that are switched off or set in one "
            "image only are left out"
        )
    if not used:
        raise UnreadableFile(f"{path} holds no complete landmarks")
    moving, axes = reversed_axes([pair[2] for pair in used], path)
    fixed, _ = reversed_axes([pair[3] for pair in used], path)
    return Landmarks(
        moving=moving * moving_unit,
        fixed=fixed * fixed_unit,
        moving_space=f"{stem(path)} moving",
        fixed_space=f"{stem(path)} fixed",
        axes=axes,
        names=tuple(pair[0] for pair in used),
        name=stem(path),
    )


def write_bigwarp(pairs: Landmarks, path: Path) -> None:
    """Write pairs as BigWarp's CSV, with places in µm.

    The images must be opened with µm as their unit for the places to fit.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for name, moving, fixed in zip(
            pairs.names, pairs.moving, pairs.fixed, strict=True
        ):
            places = [*moving[::-1], *fixed[::-1]]
            table.writerow([name, "true", *(repr(float(v)) for v in places)])


def _from_csv(text: str) -> list[Pair]:
    return [_pair(row) for row in csv.reader(text.splitlines()) if row]


def _pair(row: Sequence[str]) -> Pair:
    if len(row) not in (6, 8):
        raise ValueError("a row has neither six nor eight cells")
    name, active, *numbers = row
    places = [float(number) for number in numbers]
    half = len(places) // 2
    return name, _ACTIVE[active.strip().lower()], places[:half], places[half:]


def _from_json(text: str) -> list[Pair]:
    content = json.loads(text)
    columns = (
        content["names"],
        content["active"],
        content["movingPoints"],
        content["fixedPoints"],
    )
    return [
        (str(name), bool(active), [float(v) for v in moving], [float(v) for v in fixed])
        for name, active, moving, fixed in zip(*columns, strict=True)
    ]
