"""Outlines and points as GeoJSON (RFC 7946), as QuPath writes them: x y in pixels.

QuPath counts pixels from the corner of the first one, so that 0.5 0.5 is its centre;
places here count from the centre.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.annotations.outlines import (
    Rings,
    frame_of,
    hex_colour,
    pixels_to_um,
    ring_of,
)
from nanoscape.io.opening import Options, Readable, calibration_tags, stem
from nanoscape.model import Affine, Points, Regions, Tags

KEY = "nanoscape"
VERSION = 1
_HEAD = 4096
_LARGEST = 2**30
_KINDS = (b'"FeatureCollection"', b'"Feature"', b'"Polygon"', b'"MultiPolygon"')
_AREAS = ("Polygon", "MultiPolygon")
_PLACES = ("Point", "MultiPoint")


def sniff(path: Path) -> bool:
    """Tell whether a text file starts like GeoJSON with features."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError:
        return False
    return head[:1] in (b"{", b"[") and any(kind in head for kind in _KINDS)


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read polygons with their holes, and points, converted from pixels to µm.

    Files written here state their own calibration, space and tags; the caller's
    pixel size replaces it.
    """
    content = _content(path)
    own = _own_block(content) if options.pixel_size is None else None
    found = _Found()
    features = list(_features(content))
    idents = _idents(features)
    for feature, ident in zip(features, idents, strict=True):
        found.add(feature, ident)
    for sentence in found.left_out:
        options.warn(sentence)
    if own is None:
        place = pixels_to_um(path, options)
        about = {"space": stem(path), "tags": calibration_tags(options)}
        names = {"regions": stem(path), "points": stem(path)}
        if found.areas and found.places:
            names["points"] = f"{stem(path)} points"
    else:
        place = Affine.from_dict(own["grid_to_space"])
        about = {"space": str(own["space"]), "tags": Tags.from_dict(own["tags"])}
        names = dict.fromkeys(("regions", "points"), str(own["name"]))
    about["axes"] = "yx"
    items: list[Readable] = []
    if found.areas:
        items.append(_regions(found, place, name=names["regions"], **about))
    if found.places:
        items.append(_points(found, place, name=names["points"], **about))
    if not items:
        raise UnreadableFile(f"{path} holds no polygons and no points")
    return items


@dataclass
class _Found:
    """Areas and places of a file in pixels, with what is known of each."""

    areas: list[tuple[Rings, dict[str, Any]]] = field(default_factory=list)
    places: list[tuple[list[float], dict[str, Any]]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, feature: Mapping[str, Any], ident: str | None) -> None:
        """Take in a feature, or a geometry that stands alone."""
        about = _about(feature) | {"id": ident}
        if "nucleusGeometry" in feature:
            self.left_out.append("outlines of nuclei in cells are left out")
        for geometry in _geometries(feature.get("geometry", feature)):
            self._add_geometry(geometry, about)

    def _add_geometry(self, geometry: Mapping[str, Any], about: dict[str, Any]) -> None:
        kind = geometry.get("type")
        corners: Any = geometry.get("coordinates")
        about = about | _plane(geometry)
        if kind in _AREAS:
            for rings in [corners] if kind == "Polygon" else corners:
                self.areas.append((_rings(rings), about))
        elif kind in _PLACES:
            for place in [corners] if kind == "Point" else corners:
                self.places.append(([float(v) for v in place[:2]], about))
        else:
            self.left_out.append(f"shapes of the kind {kind} are left out")


def _content(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableFile(f"{path} is larger than 1 GiB", todo="export less")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UnreadableFile(f"{path} is damaged: {error}") from error


def _own_block(content: Any) -> Mapping[str, Any] | None:
    """Return what the writer of GeoJSON left beside the features."""
    block = content.get(KEY) if isinstance(content, dict) else None
    if not isinstance(block, dict) or block.get("version") != VERSION:
        return None
    return block


def _features(content: Any) -> Iterator[Mapping[str, Any]]:
    items = content if isinstance(content, list) else content.get("features", [content])
    for item in items:
        if item.get("type") == "FeatureCollection":
            yield from item["features"]
        elif item.get("geometry", item) is not None:
            yield item


def _idents(features: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return an identifier for each feature that has one, or has several parts.

    QuPath 0.2 wrote the kind of an object in its place, the same for all of them. One
    that is no UUID stands in the metadata, beside a UUID made from it.
    """
    said = []
    for feature in features:
        metadata = (feature.get("properties") or {}).get("metadata") or {}
        said.append(metadata.get("id", feature.get("id")))
    counts = Counter(map(str, said))
    return [
        str(ident)
        if ident is not None and counts[str(ident)] == 1
        else f"feature {number}"
        if feature.get("geometry", feature).get("type") == "MultiPolygon"
        else None
        for number, (feature, ident) in enumerate(zip(features, said, strict=True), 1)
    ]


def _geometries(geometry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if geometry.get("type") == "GeometryCollection":
        yield from geometry["geometries"]
    else:
        yield geometry


def _about(feature: Mapping[str, Any]) -> dict[str, Any]:
    """Return what QuPath says of an object, under our names."""
    properties = feature.get("properties") or {}
    kind = properties.get("classification") or {}
    name = properties.get("name")
    colour = kind.get("color", kind.get("colorRGB"))
    if colour is None:
        colour = properties.get("color")
    about = {
        "name": "" if name is None else str(name),
        "classification": str(kind.get("name") or "") or None,
        "color": _colour(colour),
    }
    texts = {str(k): str(v) for k, v in (properties.get("metadata") or {}).items()}
    return texts | _measurements(properties.get("measurements")) | about


def _colour(value: Any) -> str | None:
    """Return a colour from ``[r, g, b]`` or the packed number of older versions."""
    if value is None:
        return None
    if isinstance(value, int):
        return hex_colour(value >> 16, value >> 8, value)
    return hex_colour(*(int(part) for part in value[:3]))


def _measurements(values: Any) -> dict[str, Any]:
    if isinstance(values, list):
        values = {item["name"]: item["value"] for item in values}
    numbers = (int, float)
    return {str(k): v for k, v in (values or {}).items() if isinstance(v, numbers)}


def _plane(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """Return plane and frame of a stack, where they are not the first."""
    plane = geometry.get("plane") or {}
    return {f"{axis}_index": int(plane[axis]) for axis in "zt" if plane.get(axis)}


def _rings(rings: Sequence[Any]) -> Rings:
    """Return outer ring and holes as ``y x`` in pixels."""
    found = []
    for ring in rings:
        corners = ring_of([corner[:2] for corner in ring])
        if corners is None:
            raise UnreadableFile("a polygon has fewer than three corners")
        found.append(corners[:, ::-1])
    return found[0], tuple(found[1:])


def _regions(found: _Found, place: Affine, **about: Any) -> Regions:
    def lay(ring: NDArray[np.float64]) -> NDArray[np.float64]:
        return place.apply(ring - 0.5)

    kinds = [known for _, known in found.areas]
    return Regions(
        polygons=tuple(lay(outer) for (outer, _), _ in found.areas),
        holes=tuple(tuple(map(lay, holes)) for (_, holes), _ in found.areas),
        names=tuple(_names(kinds, "region")),
        table=_table(kinds),
        **about,
    )


def _points(found: _Found, place: Affine, **about: Any) -> Points:
    pixels = np.asarray([xy for xy, _ in found.places], dtype=np.float64)[:, ::-1]
    kinds = [known for _, known in found.places]
    table = _table(kinds)
    names = [known["name"] for known in kinds]
    if any(names):
        columns = {} if table is None else {c: list(table[c]) for c in table}
        table = frame_of({"name": names, **columns})
    return Points(coordinates=place.apply(pixels - 0.5), table=table, **about)


def _names(kinds: Sequence[Mapping[str, Any]], word: str) -> Iterator[str]:
    for number, known in enumerate(kinds, 1):
        yield known["name"] or known["classification"] or f"{word} {number}"


def _table(kinds: Sequence[Mapping[str, Any]]) -> Any:
    columns = dict.fromkeys(name for known in kinds for name in known)
    columns.pop("name", None)
    return frame_of({name: [known.get(name) for known in kinds] for name in columns})
