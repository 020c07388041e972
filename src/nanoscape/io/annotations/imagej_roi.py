"""ImageJ selections: single ``.roi`` files and ZIP files of the ROI Manager.

Corners of areas count from the corner of the first pixel, so that 0.5 is its centre;
points count from its centre. That is what ImageJ does for selections of either kind,
whether or not they have sub-pixel resolution (its class ``ij.gui.Roi``).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingDependency, UnreadableFile
from nanoscape.io.annotations.outlines import (
    Rings,
    frame_of,
    hex_colour,
    nested,
    pixels_to_um,
    ring_of,
)
from nanoscape.io.damage import DAMAGE
from nanoscape.io.opening import Options, Readable, calibration_tags, stem
from nanoscape.model import Points, Regions

_MAGIC = b"Iout"
_LARGEST = 2**26
_MOST_BYTES = 2**29
_OVAL_CORNERS = 256


def sniff(path: Path) -> bool:
    """Tell a selection by its first bytes, or a ZIP of nothing but selections."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head == _MAGIC:
            return True
        if head[:2] != b"PK":
            return False
        with zipfile.ZipFile(path) as archive:
            return bool(_members(archive)) and all(
                member.filename.lower().endswith(".roi") for member in _members(archive)
            )
    except (*DAMAGE, zipfile.BadZipFile):
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read areas as regions, and points, converted from pixels to µm.

    Lines are left out with a warning. Nothing of a ZIP is unpacked to disk.
    """
    try:
        import roifile
    except ImportError as error:
        raise MissingDependency(
            f"{path} holds ImageJ selections, which need roifile",
            todo='install it with: pip install "napari-nanoscape[formats]"',
        ) from error
    place = pixels_to_um(path, options)
    areas: list[tuple[Rings, dict[str, Any]]] = []
    places: list[NDArray[np.float64]] = []
    kinds: list[dict[str, Any]] = []
    for name, data in _selections(path):
        roi = roifile.ImagejRoi.frombytes(data)
        about = _about(roi, name)
        if roi.roitype == roifile.ROI_TYPE.POINT:
            corners = np.asarray(roi.coordinates(), dtype=np.float64)
            places.append(corners)
            kinds += _each_point(roi, about, len(corners))
            continue
        rings = _rings(roi, roifile, options)
        if not rings:
            options.warn("selections without an area, such as lines, are left out")
        areas += [(ring, about) for ring in rings]
    shared: dict[str, Any] = {
        "axes": "yx",
        "space": stem(path),
        "tags": calibration_tags(options),
    }
    items: list[Readable] = []
    if areas:
        items.append(
            Regions(
                polygons=tuple(place.apply(o[:, ::-1] - 0.5) for (o, _), _ in areas),
                holes=tuple(
                    tuple(place.apply(ring[:, ::-1] - 0.5) for ring in holes)
                    for (_, holes), _ in areas
                ),
                names=tuple(about["name"] for _, about in areas),
                table=_table([about for _, about in areas], ("name", "counter")),
                name=stem(path),
                **shared,
            )
        )
    if places:
        items.append(
            Points(
                coordinates=place.apply(np.concatenate(places)[:, ::-1]),
                table=_table(kinds, ("color", "id")),
                name=f"{stem(path)} points" if areas else stem(path),
                **shared,
            )
        )
    if not items:
        raise UnreadableFile(f"{path} holds no areas and no points")
    return items


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]


def _selections(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each selection; names lose the folders before them."""
    with path.open("rb") as file:
        if file.read(4) == _MAGIC:
            if path.stat().st_size > _LARGEST:
                raise UnreadableFile(f"{path} is too large for a selection")
            yield stem(path), path.read_bytes()
            return
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
            total = sum(member.file_size for member in members)
            if total > _MOST_BYTES or any(m.file_size > _LARGEST for m in members):
                raise UnreadableFile(f"{path} unpacks to too much for selections")
            for member in members:
                yield PurePosixPath(member.filename).stem, archive.read(member)
    except zipfile.BadZipFile as error:
        raise UnreadableFile(f"{path} is damaged: {error}") from error


def _about(roi: Any, name: str) -> dict[str, Any]:
    alpha, *colour = roi.stroke_color
    return {
        "name": roi.name or name,
        "color": hex_colour(*colour) if alpha else None,
        "id": name,
        # Positions in a stack count from 1; 0 means all of it.
        "z_index": (roi.z_position or roi.position or 0) - 1,
        "t_index": (roi.t_position or 0) - 1,
        "c_index": (roi.c_position or 0) - 1,
    }


def _each_point(roi: Any, about: dict[str, Any], count: int) -> list[dict[str, Any]]:
    counters = roi.counters
    return [
        about | {"counter": None if counters is None else int(counters[i])}
        for i in range(count)
    ]


def _rings(roi: Any, roifile: Any, options: Options) -> list[Rings]:
    """Return the areas of a selection as ``x y``, counted from pixel corners."""
    kinds = roifile.ROI_TYPE
    if roi.multi_coordinates is not None:
        found = [ring_of(corners) for corners in roi.coordinates(multi=True)]
        return nested([ring for ring in found if ring is not None])
    if roi.roitype in (kinds.RECT, kinds.OVAL):
        left, top, width, height = _box(roi)
        if not (width > 0 and height > 0):
            return []
        if roi.roitype == kinds.OVAL:
            corners = _oval(left, top, width, height)
        else:
            if roi.rounded_rect_arc_size:
                options.warn("rounded corners of rectangles are taken as square")
            unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
            corners = unit * [width, height] + [left, top]
        return [(corners, ())]
    if roi.roitype in (kinds.POLYGON, kinds.FREEHAND, kinds.TRACED):
        ring = ring_of(roi.coordinates())
        return [] if ring is None else [(ring, ())]
    return []


def _box(roi: Any) -> tuple[float, float, float, float]:
    if roi.subpixelrect:
        return roi.xd, roi.yd, roi.widthd, roi.heightd
    return roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top


def _oval(left: float, top: float, width: float, height: float) -> NDArray[np.float64]:
    """Return corners of a polygon with the area of the ellipse in a box."""
    step = 2 * np.pi / _OVAL_CORNERS
    angles = step * np.arange(_OVAL_CORNERS)
    unit = np.c_[np.cos(angles), np.sin(angles)] * np.sqrt(step / np.sin(step))
    return unit * [width / 2, height / 2] + [left + width / 2, top + height / 2]


def _table(kinds: Sequence[dict[str, Any]], without: Sequence[str]) -> Any:
    columns: dict[str, list[object]] = {}
    for name in dict.fromkeys(name for about in kinds for name in about):
        values = [about.get(name) for about in kinds]
        indexes = name.endswith("_index")
        if name in without or (indexes and all(value == -1 for value in values)):
            continue
        columns[name] = values
    return frame_of(columns)
