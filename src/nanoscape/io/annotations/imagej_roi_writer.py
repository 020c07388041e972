"""Writing outlines as ImageJ selections."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nanoscape.errors import MissingDependency, WrongInput
from nanoscape.model import Affine, Regions


def write_imagej_roi(item: Regions, path: Path, grid: Affine) -> None:
    """Write polygons as selections of sub-pixel resolution.

    Parameters
    ----------
    item
        Outlines in the plane.
    path
        ``.roi`` for a single outline, ``.zip`` for the ROI Manager.
    grid
        Pixels, as ``y x`` from the centre of the first, to µm.

    Raises
    ------
    WrongInput
        If an outline has holes, or a single selection is to hold several.
    """
    if item.holes:
        raise WrongInput(
            f"{item.name} has holes, which are not written as ImageJ selections",
            todo="write .geojson",
        )
    if path.suffix.lower() == ".roi" and len(item) != 1:
        raise WrongInput(
            f"{item.name} has {len(item)} outlines",
            "one in a .roi file",
            "write RoiSet.zip",
        )
    selections = list(_selections(item, grid))
    if path.suffix.lower() == ".roi":
        path.write_bytes(selections[0][1])
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in selections:
            archive.writestr(name, data)


def _selections(item: Regions, grid: Affine) -> Iterator[tuple[str, bytes]]:
    try:
        from roifile import ImagejRoi
    except ImportError as error:
        raise MissingDependency(
            "ImageJ selections need roifile",
            todo='install it with: pip install "napari-nanoscape[formats]"',
        ) from error
    back = grid.inverse()
    for number, (name, polygon) in enumerate(
        zip(item.names, item.polygons, strict=True), 1
    ):
        corners = (back.apply(polygon)[:, ::-1] + 0.5).astype(np.float32)
        safe = re.sub(r"[^\w.-]+", "_", name)[:60]
        yield (
            f"{number:04d}_{safe}.roi",
            ImagejRoi.frompoints(corners, name=name).tobytes(),
        )
