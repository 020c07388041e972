"""Point files of elastix and transformix.

What elastix reads starts with ``point`` or ``index`` and the number of points, and
has one point in a row, ``x y [z]``: in the unit of its images, or in pixels. What
transformix writes names each point before and after the transform, which maps the
fixed image into the moving one. Patient coordinates are LPS, as here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nanoscape.errors import UnreadableFile, WrongInput
from nanoscape.io.annotations.unit_lengths import reversed_axes, unit_um
from nanoscape.io.opening import Options, Readable, calibration_tags, stem
from nanoscape.io.whole import new_file
from nanoscape.model import Landmarks, Points, Tags

MM = 1000.0
_HEAD = 512
_LARGEST = 2**28
_START = re.compile(r"\s*(point|index)\s*[\r\n]+\s*\d+\s*[\r\n]")
_MOVED = re.compile(r"Point\s+\d+\s*;\s*InputIndex\s*=\s*\[")
_NAMED = re.compile(r"(InputPoint|OutputPoint)\s*=\s*\[([^\]]*)\]")


def sniff(path: Path) -> bool:
    """Tell point files by their first lines."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("ascii", errors="replace")
    except OSError:
        return False
    return bool(_START.match(head) or _MOVED.match(head))


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read points, or from transformix the pairs of points before and after."""
    unit = unit_um(path, options)
    if path.stat().st_size > _LARGEST:
        raise UnreadableFile(f"{path} is too large for points")
    text = path.read_text(encoding="ascii")
    try:
        if _MOVED.match(text):
            return [_pairs(text, unit, path)]
        places, axes = reversed_axes(_rows(text), path)
    except ValueError as error:
        raise UnreadableFile(f"{path} is damaged: {error}") from error
    return [
        Points(
            coordinates=places * unit,
            axes=axes,
            space=stem(path),
            name=stem(path),
            tags=calibration_tags(options) if text.lstrip()[:1] == "i" else Tags(),
        )
    ]


def read_elastix_pair(
    fixed: str | Path, moving: str | Path, *, unit: float = MM
) -> Landmarks:
    """Read the two point files that elastix takes as corresponding points.

    Parameters
    ----------
    fixed, moving
        Files with the same number of points, in the same order.
    unit
        Length of the unit of the images in µm.

    Raises
    ------
    WrongInput
        If the two do not have the same number of points and axes.
    """
    sides = []
    for path in (Path(fixed), Path(moving)):
        (points,) = read(path, Options(unit))
        if not isinstance(points, Points):
            raise WrongInput(f"{path} holds pairs", "a file of points")
        sides.append(points)
    if sides[0].axes != sides[1].axes:
        raise WrongInput(f"{fixed} and {moving} have different numbers of axes")
    return Landmarks(
        moving=sides[1].coordinates,
        fixed=sides[0].coordinates,
        moving_space=sides[1].space,
        fixed_space=sides[0].space,
        axes=sides[0].axes,
        name=sides[0].name,
    )


def write_elastix_points(points: Points, path: Path) -> None:
    """Write points for elastix and transformix, in mm."""
    rows = [
        " ".join(repr(float(v) / MM) for v in row[::-1]) for row in points.coordinates
    ]
    path.write_text("\n".join(["point", str(len(rows)), *rows, ""]), encoding="ascii")


def write_elastix_pair(
    pairs: Landmarks, fixed: str | Path, moving: str | Path
) -> tuple[Path, Path]:
    """Write landmarks as the two files that elastix takes (``-fp`` and ``-mp``), in mm.

    Returns
    -------
    tuple of pathlib.Path
        The files of the fixed and of the moving points.
    """
    paths = Path(fixed), Path(moving)
    for path, places in zip(paths, (pairs.fixed, pairs.moving), strict=True):
        side = Points(coordinates=places, axes=pairs.axes, space="", name=path.stem)
        with new_file(path) as new:
            write_elastix_points(side, new)
    return paths


def _rows(text: str) -> list[list[float]]:
    lines = [line for line in text.splitlines() if line.strip()]
    count = int(lines[1])
    rows = [[float(word) for word in line.split()] for line in lines[2 : 2 + count]]
    if not rows or len(rows) < count:
        raise ValueError(f"it announces {count} points and holds {len(rows)}")
    return rows


def _pairs(text: str, unit: float, path: Path) -> Landmarks:
    sides: dict[str, list[list[float]]] = {"InputPoint": [], "OutputPoint": []}
    for line in text.splitlines():
        found = dict(_NAMED.findall(line))
        if line.strip() and len(found) != 2:
            raise ValueError("a row lacks its input or output point")
        for name, numbers in found.items():
            sides[name].append([float(word) for word in numbers.split()])
    fixed, axes = reversed_axes(sides["InputPoint"], path)
    moving, same = reversed_axes(sides["OutputPoint"], path)
    if axes != same:
        raise ValueError("points lose or gain an axis")
    return Landmarks(
        moving=np.asarray(moving) * unit,
        fixed=np.asarray(fixed) * unit,
        moving_space=f"{stem(path)} moving",
        fixed_space=f"{stem(path)} fixed",
        axes=axes,
        name=stem(path),
    )
