"""Where the grid of an NRRD file lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.opening import Options, calibrate, with_pixel_size
from nanoscape.io.volumes.nrrd_header import NrrdHeader
from nanoscape.io.volumes.volume import PATIENT, place_of
from nanoscape.model import Affine
from nanoscape.units import micrometres_per

# Factors that turn x y z of a named space into left, posterior, superior.
_TO_LPS = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}


def place(header: NrrdHeader, letters: str, options: Options) -> tuple[Affine, str]:
    """Return the place of the grid, and its space when the file names one.

    Parameters
    ----------
    header
        Of the file.
    letters
        What its axes are, the fastest first.
    options
        What the caller says.

    Raises
    ------
    MissingCalibration
        If the file does not say how large its voxels are.
    """
    axes = [number for number, letter in enumerate(letters) if letter in "xyz"]
    space = header.fields.get("space", "").lower().removesuffix("-time")
    to_lps = _TO_LPS.get(space)
    if "spacedirections" in header.fields:
        steps, origin = _oriented(header, axes)
        units = header.words("spaceunits")
    else:
        steps, origin = _aligned(header, axes)
        units = header.words("units")
        units = [units[axis] for axis in axes] if len(units) > max(axes) else []
    path, spatial = header.path, "zyx"[-len(axes) :]
    if not (np.linalg.norm(steps, axis=0) > 0).all():
        sized = calibrate(spatial, {}, options, path)
        return Affine.from_spacing(spatial, sized), ""
    scale = _micrometres(units, len(origin), steps, to_lps is not None, options)
    if scale is None:
        raise MissingCalibration(
            f"{path} does not say in which unit its voxels are measured",
            "'space units' or 'units' in its header",
            "give the pixel size in µm (pixel_size)",
        )
    if steps.shape == (3, 2):
        # A plane in space, which becomes a volume of one.
        options.warn("a single plane takes the size of its pixels along z, too")
        normal = np.cross(steps[:, 0], steps[:, 1])
        steps = np.column_stack([steps, normal / np.sqrt(np.linalg.norm(normal))])
    named = to_lps is not None and len(origin) == 3
    if to_lps is not None and named:
        scale = scale * np.array(to_lps)
    if "spaceorigin" not in header.fields and named:
        options.warn("the file does not state its position; taken as the origin")
    found = place_of(scale[:, None] * steps, scale * origin)
    return with_pixel_size(found, options.pixel_size), PATIENT if named else ""


def _oriented(
    header: NrrdHeader, axes: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return steps, shape ``(space, grid)``, and origin from full vectors."""
    directions = header.vectors("spacedirections")
    origins = header.vectors("spaceorigin") or [None]
    chosen = [directions[axis] or [] for axis in axes]
    size = len(chosen[0])
    origin = origins[0] or [0.0] * size
    if size not in (2, 3, 4) or {len(v) for v in (*chosen, origin)} != {size}:
        raise UnreadableFile(
            f"{header.path} states its directions as "
            f"{header.fields['spacedirections'][:80]!r}",
            "vectors of one length",
        )
    steps = np.array(chosen).T
    # A space with time has the time as its last coordinate.
    keep = 3 if size == 4 else size
    return steps[:keep], np.array(origin)[:keep]


def _aligned(
    header: NrrdHeader, axes: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return steps and origin from distances along each axis; zero is unknown."""
    count = len(header.sizes)
    spacings = _numbers(header, "spacings", count)
    lowest = _numbers(header, "axismins", count)
    steps = np.nan_to_num(np.abs(spacings[axes]))
    origin = np.nan_to_num(lowest[axes])
    centres = header.words("centers") or header.words("centerings")
    for place, axis in enumerate(axes):
        cell = axis < len(centres) and centres[axis].lower() in ("cell", "element")
        if cell and np.isfinite(lowest[axis]):
            origin[place] += steps[place] / 2
    return np.diag(steps), origin


def _numbers(header: NrrdHeader, name: str, count: int) -> NDArray[np.float64]:
    words = header.words(name)
    values = np.full(count, np.nan)
    values[: len(words)] = [float(word) for word in words[:count]]
    return values


def _micrometres(
    units: list[str],
    count: int,
    steps: NDArray[np.float64],
    body: bool,
    options: Options,
) -> NDArray[np.float64] | None:
    """Return micrometres per unit along each axis of the space."""
    if len(units) >= count and all(units[:count]):
        return np.array([micrometres_per(unit) for unit in units[:count]])
    if body:
        if options.pixel_size is None:
            options.warn("the file does not state its unit of length; taken as mm")
        return np.full(count, micrometres_per("mm"))
    if options.pixel_size is None:
        return None
    # The given size of a pixel tells the unit, so that planes keep their ratio.
    return np.full(count, options.pixel_size / float(np.linalg.norm(steps[:, 0])))
