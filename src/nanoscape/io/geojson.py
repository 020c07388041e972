"""Regions as GeoJSON (RFC 7946), as QuPath writes them: x y in pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.opening import Options, Readable, calibration_tags, stem
from nanoscape.model import Regions

_HEAD = 4096
_KINDS = (b'"FeatureCollection"', b'"Feature"', b'"Polygon"', b'"MultiPolygon"')


def sniff(path: Path) -> bool:
    """Tell whether a text file starts like GeoJSON with features."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError:
        return False
    return head[:1] in (b"{", b"[") and any(kind in head for kind in _KINDS)


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the outer rings of polygons, converted from pixels to µm.

    GeoJSON of images counts pixels from the corner of the first one; places here
    count from its centre.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UnreadableFile(f"{path} is damaged: {error}") from error
    if options.pixel_size is None:
        raise MissingCalibration(
            f"{path} gives corners in pixels",
            "the size of a pixel",
            "give the pixel size in µm of the image it was drawn on (pixel_size)",
        )
    polygons: list[NDArray[np.float64]] = []
    names: list[str] = []
    for name, rings in _polygons(content):
        if len(rings) > 1:
            options.warn("holes in regions are not kept")
        corners = _corners(rings, path)
        polygons.append((corners - 0.5) * options.pixel_size)
        names.append(name or f"region {len(names) + 1}")
    if not polygons:
        raise UnreadableFile(f"{path} holds no polygons")
    return [
        Regions(
            polygons=tuple(polygons),
            names=tuple(names),
            axes="yx",
            space=stem(path),
            name=stem(path),
            tags=calibration_tags(options),
        )
    ]


def _polygons(content: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield name and rings of each polygon of features, collections and lists."""
    items = content if isinstance(content, list) else content.get("features", [content])
    for item in items:
        geometry = item.get("geometry", item)
        properties = item.get("properties") or {}
        kind = (properties.get("classification") or {}).get("name")
        name = str(properties.get("name") or kind or "")
        if geometry.get("type") == "Polygon":
            yield name, geometry["coordinates"]
        elif geometry.get("type") == "MultiPolygon":
            for rings in geometry["coordinates"]:
                yield name, rings


def _corners(rings: list[Any], path: Path) -> NDArray[np.float64]:
    """Return the corners of the outer ring as ``y x``, without the repeated last."""
    ring = np.asarray([corner[:2] for corner in rings[0]], dtype=np.float64)
    if ring.ndim != 2 or len(ring) < 3:
        raise UnreadableFile(f"{path} has a polygon of fewer than three corners")
    if np.array_equal(ring[0], ring[-1]):
        ring = ring[:-1]
    return ring[:, ::-1]
