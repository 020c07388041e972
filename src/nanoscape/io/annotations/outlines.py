"""What formats of drawn outlines share: pixels to µm, rings, colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nanoscape.errors import MissingCalibration, WrongInput
from nanoscape.io.opening import Options
from nanoscape.model import Affine, Points, Regions
from nanoscape.model.raster import Raster

Rings = tuple[NDArray[np.float64], tuple[NDArray[np.float64], ...]]
"""Corners of an area, and those of its holes."""


def pixels_to_um(path: Path, options: Options) -> Affine:
    """Return where pixels lie, as ``y x``, by the caller's pixel size.

    Raises
    ------
    MissingCalibration
        If the caller gave none.
    """
    if options.pixel_size is None:
        raise MissingCalibration(
            f"{path} gives places in pixels",
            "the size of a pixel",
            "give the pixel size in µm of the image it was drawn on (pixel_size)",
        )
    return Affine.from_spacing("yx", options.pixel_size)


def pixel_grid(
    item: Points | Regions, pixel_size: float | None, like: Raster | None
) -> Affine:
    """Return the grid, as ``y x`` to µm, in whose pixels an object is written.

    Parameters
    ----------
    item
        What is written.
    pixel_size
        Distance of pixel centres in µm, of an image whose first pixel lies at 0;
        by default the one that the object was read with.
    like
        The image on which the object is to be opened.

    Raises
    ------
    MissingCalibration
        If no pixel size is known.
    WrongInput
        If the object does not lie in the plane of the image.
    """
    if item.axes != "yx":
        raise WrongInput(
            f"{item.name} has places in {item.axes}", "places in the plane of an image"
        )
    if like is not None:
        place = like.grid_to_space
        if like.space != item.space or place.output_axes != "yx":
            raise WrongInput(
                f"{item.name} lies in the space {item.space!r} and {like.name} in "
                f"{like.space!r}",
                "an image in the same plane",
            )
        return place
    size = pixel_size or item.tags.get("pixel_size_um")
    if not size:
        raise MissingCalibration(
            f"{item.name} is written in pixels",
            "the size of a pixel",
            "give the pixel size in µm, or the image that it is drawn on",
        )
    return Affine.from_spacing("yx", float(size))


def ring_of(corners: ArrayLike) -> NDArray[np.float64] | None:
    """Return a ring without its repeated last corner, ``None`` if it has no area."""
    ring = np.asarray(corners, dtype=np.float64)
    if ring.ndim == 2 and len(ring) > 1 and np.array_equal(ring[0], ring[-1]):
        ring = ring[:-1]
    return ring if ring.ndim == 2 and len(ring) >= 3 else None


def nested(rings: Sequence[NDArray[np.float64]]) -> list[Rings]:
    """Sort rings that do not cross into areas and the holes in them.

    By the even-odd rule, a ring inside one other is a hole, one inside two is an
    island in the hole.
    """
    order = sorted(range(len(rings)), key=lambda i: -abs(_area(rings[i])))
    parents: dict[int, list[int]] = {}
    for number, i in enumerate(order):
        parents[i] = [j for j in order[:number] if _holds(rings[j], rings[i])]
    return [
        (
            rings[i],
            tuple(
                rings[j]
                for j in order
                if len(parents[j]) % 2 == 1 and parents[j][-1] == i
            ),
        )
        for i in order
        if len(parents[i]) % 2 == 0
    ]


def frame_of(columns: dict[str, list[object]]) -> pd.DataFrame | None:
    """Return what is known of single outlines, without columns that say nothing."""
    kept = {
        name: values
        for name, values in columns.items()
        if any(value is not None and value != "" for value in values)
    }
    return pd.DataFrame(kept) if kept else None


def hex_colour(red: int, green: int, blue: int) -> str:
    """Return a colour such as ``"#ff8000"``."""
    return f"#{red & 255:02x}{green & 255:02x}{blue & 255:02x}"


def _area(ring: NDArray[np.float64]) -> float:
    y, x = ring.T
    return float(np.dot(y, np.roll(x, 1)) - np.dot(x, np.roll(y, 1))) / 2


def _holds(outer: NDArray[np.float64], inner: NDArray[np.float64]) -> bool:
    """Whether a corner of one ring that is not on the other lies inside it."""
    (y0, x0), (y1, x1) = outer.T, np.roll(outer, -1, axis=0).T
    corners = {tuple(corner) for corner in outer}
    middles = (inner + np.roll(inner, -1, axis=0)) / 2
    for y, x in [*inner, *middles]:
        if (y, x) in corners:
            continue
        crossed = (y0 <= y) != (y1 <= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
        if np.any(crossed & (at == x)):
            continue
        return bool(np.count_nonzero(crossed & (at > x)) % 2)
    return False
