"""Writing outlines and points as GeoJSON that QuPath opens on their image."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.io.annotations.geojson import KEY, VERSION
from nanoscape.model import Affine, Points, Regions

_KNOWN = ("name", "classification", "color", "id", "z_index", "t_index")


def write_geojson(item: Regions | Points, path: Path, grid: Affine) -> None:
    """Write a collection of features.

    Parameters
    ----------
    item
        Outlines or points in the plane.
    path
        The file.
    grid
        Pixels, as ``y x`` from the centre of the first, to µm. Places are written
        from its corner, as QuPath counts them. A block of our own keeps the grid,
        the space, the name and the tags.
    """
    features = _areas(item, grid) if isinstance(item, Regions) else _places(item, grid)
    content = {
        "type": "FeatureCollection",
        "features": features,
        KEY: {
            "version": VERSION,
            "name": item.name,
            "space": item.space,
            "grid_to_space": grid.to_dict(),
            "tags": item.tags.to_dict(),
        },
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, default=_plain)
    path.write_text(text, encoding="utf-8")


def _areas(item: Regions, grid: Affine) -> list[dict[str, Any]]:
    """Return one feature for each area; polygons of one identifier are its parts."""
    back = grid.inverse()
    parts: dict[Any, dict[str, Any]] = {}
    for number, polygon in enumerate(item.polygons):
        known = _row(item.table, number) | {"name": item.names[number]}
        rings = [_ring(back, r) for r in (polygon, *item.holes_of(number))]
        key = known.get("id") or number
        feature = parts.setdefault(key, _feature(known, []))
        feature["geometry"]["coordinates"].append(rings)
    for feature in parts.values():
        geometry = feature["geometry"]
        if len(geometry["coordinates"]) == 1:
            geometry |= {"type": "Polygon", "coordinates": geometry["coordinates"][0]}
        else:
            geometry["type"] = "MultiPolygon"
    return list(parts.values())


def _places(item: Points, grid: Affine) -> list[dict[str, Any]]:
    pixels = grid.inverse().apply(item.coordinates)[:, ::-1] + 0.5
    features = []
    for number, place in enumerate(pixels.tolist()):
        feature = _feature(_row(item.table, number), place)
        feature["geometry"]["type"] = "Point"
        features.append(feature)
    return features


def _feature(known: Mapping[str, Any], corners: list[Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {"objectType": "annotation"}
    if known.get("name"):
        properties["name"] = known["name"]
    colour = known.get("color")
    if known.get("classification"):
        kind: dict[str, Any] = {"name": known["classification"]}
        if colour:
            kind["color"] = _parts(colour)
        properties["classification"] = kind
    elif colour:
        properties["color"] = _parts(colour)
    numbers = {
        name: float(value)
        for name, value in known.items()
        if name not in _KNOWN and isinstance(value, int | float | np.number)
    }
    if numbers:
        properties["measurements"] = numbers
    texts = {
        name: value
        for name, value in known.items()
        if name not in _KNOWN and isinstance(value, str)
    }
    if texts:
        properties["metadata"] = texts
    geometry: dict[str, Any] = {"type": "", "coordinates": corners}
    plane = {axis: int(known.get(f"{axis}_index") or 0) for axis in "zt"}
    if any(plane.values()):
        geometry["plane"] = {"c": -1, **plane}
    feature: dict[str, Any] = {"type": "Feature"}
    ident = known.get("id")
    if ident:
        feature["id"] = _uuid(str(ident))
        if feature["id"] != ident:
            properties.setdefault("metadata", {})["id"] = str(ident)
    return feature | {"geometry": geometry, "properties": properties}


def _uuid(ident: str) -> str:
    """Return an identifier as QuPath wants it; another one gives a UUID of its own."""
    try:
        return ident if str(uuid.UUID(ident)) == ident.lower() else _derived(ident)
    except ValueError:
        return _derived(ident)


def _derived(ident: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, ident))


def _ring(back: Affine, ring: NDArray[np.float64]) -> list[list[float]]:
    corners = (back.apply(ring)[:, ::-1] + 0.5).tolist()
    return [*corners, corners[0]]


def _row(table: pd.DataFrame | None, number: int) -> dict[str, Any]:
    """Return what is known of one object, without what is missing."""
    if table is None:
        return {}
    row = table.iloc[number].to_dict()
    missing = (None, "")
    return {
        str(name): value
        for name, value in row.items()
        if value not in missing
        and not (isinstance(value, float) and not math.isfinite(value))
    }


def _parts(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
