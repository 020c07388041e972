"""Where DICOM slices lie in the patient (PS3.3 C.7.6.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, UnevenSlices, UnreadableFile
from nanoscape.io.dicom.slice import Slice, single_thickness
from nanoscape.io.opening import Options
from nanoscape.model import Affine

_EVEN = 0.02
"""Largest deviation of a slice from an even stack, as a part of the step."""

_SAME_MM = 1e-3
_TILT_DEGREES = 0.5


def places_of(slices: Sequence[Slice], path: Path) -> list[list[int]]:
    """Return the numbers of the slices at each place, along the normal.

    Raises
    ------
    MissingCalibration
        If slices do not say where they lie.
    UnreadableFile
        If they do not share size and orientation.
    """
    _check_alike(slices, path)
    normal = normal_of(slices[0], path)
    heights = [float(normal @ position_of(part, path)) for part in slices]
    places: list[list[int]] = []
    for index in np.argsort(heights, kind="stable"):
        if places and heights[index] - heights[places[-1][0]] <= _SAME_MM:
            places[-1].append(int(index))
        else:
            places.append([int(index)])
    return places


def stack_affine(
    stack: Sequence[Slice], path: Path, options: Options, count: int | None = None
) -> Affine:
    """Return the map from ``z y x`` indices to LPS ``z y x`` in µm.

    Columns follow the image orientation; the step between slices is that of
    their positions, never the slice thickness, so that a tilted gantry is kept.

    Parameters
    ----------
    stack
        Slices in their order.
    path, options
        For messages.
    count
        Number of even slices from the first to the last, when it is not theirs.

    Raises
    ------
    MissingCalibration
        If the size of the pixels or the distance of the slices is not known.
    """
    part = stack[0]
    first = position_of(part, path)
    normal = normal_of(part, path)
    if len(stack) > 1:
        step = (position_of(stack[-1], path) - first) / ((count or len(stack)) - 1)
        cosine = abs(float(normal @ step)) / float(np.linalg.norm(step))
        tilt = math.degrees(math.acos(min(cosine, 1.0)))
        if tilt > _TILT_DEGREES:
            options.warn(
                f"the slices are shifted against each other by {tilt:.1f}° (a tilted "
                "gantry); they are shown in their true places"
            )
    else:
        thickness = single_thickness(part, options)
        if thickness is None:
            raise MissingCalibration(
                f"{path} is a single slice that does not say how thick it is",
                "SliceThickness in its header",
                "give the pixel size in µm (pixel_size)",
            )
        step = normal * thickness
    return plane_affine(part, step, path, options)


def plane_affine(
    part: Slice, step: NDArray[np.float64], path: Path, options: Options
) -> Affine:
    """Return the place of a stack from its first slice and the step (mm) to the next.

    Raises
    ------
    MissingCalibration
        If the size of the pixels is not known.
    """
    row, column = directions_of(part, path)
    spacing = part.spacing
    if spacing is None and options.pixel_size is not None:
        spacing = (options.pixel_size / 1e3,) * 2
    if spacing is None or not all(value > 0 for value in spacing):
        raise MissingCalibration(
            f"{path} does not say how large its pixels are",
            "PixelSpacing in its header",
            "give the pixel size in µm (pixel_size)",
        )
    # PixelSpacing is [between rows, between columns].
    columns = [step, column * spacing[0], row * spacing[1]]
    matrix = np.eye(4)
    for index, vector in enumerate(columns):
        matrix[:3, index] = vector[::-1] * 1e3
    matrix[:3, 3] = position_of(part, path)[::-1] * 1e3
    return Affine(matrix, "zyx", "zyx")


def check_even(stack: Sequence[Slice], path: Path) -> None:
    """Raise :class:`UnevenSlices` unless the slices follow at one distance."""
    off, step = _deviations(stack, path)
    worst = int(off.argmax())
    if off[worst] > _EVEN * step:
        raise UnevenSlices(
            f"the slices of {path} are not evenly spaced: {stack[worst].where} lies "
            f"{off[worst]:.3g} mm from its place",
            "slices at even distances",
            "check that no slice is missing; if they were acquired so, have even "
            "slices interpolated (resample=True, or --resample)",
        )


def is_even(stack: Sequence[Slice], path: Path) -> bool:
    """Tell whether the slices follow at one distance."""
    off, step = _deviations(stack, path)
    return bool(off.max() <= _EVEN * step)


def _deviations(
    stack: Sequence[Slice], path: Path
) -> tuple[NDArray[np.float64], float]:
    """Return how far each slice is from an even stack, and its step, in mm."""
    positions = np.array([position_of(part, path) for part in stack])
    count = len(positions)
    if count < 3:
        return np.zeros(count), 1.0
    step = (positions[-1] - positions[0]) / (count - 1)
    even = positions[0] + np.arange(count)[:, np.newaxis] * step
    return np.linalg.norm(positions - even, axis=1), float(np.linalg.norm(step))


def directions_of(
    part: Slice, path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the unit vectors along a slice's rows and columns.

    Raises
    ------
    MissingCalibration
        If the file does not state them, or they are no axes.
    """
    if part.orientation is None:
        raise MissingCalibration(
            f"{path} has slices that do not say how they are oriented",
            "ImageOrientationPatient in each header",
            "export the series again with its geometry",
        )
    values = np.array(part.orientation)
    row, column = values[:3], values[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 1e-6 or np.linalg.norm(np.cross(row, column)) < 0.5 * min(
        lengths
    ):
        raise UnreadableFile(
            f"{path} is damaged: its ImageOrientationPatient {part.orientation} "
            "does not span a plane"
        )
    return row / lengths[0], column / lengths[1]


def normal_of(part: Slice, path: Path) -> NDArray[np.float64]:
    """Return the unit vector behind the slice, seen with its rows to the right."""
    normal = np.cross(*directions_of(part, path))
    return normal / np.linalg.norm(normal)


def position_of(part: Slice, path: Path) -> NDArray[np.float64]:
    """Return the centre of a slice's first pixel in mm.

    Raises
    ------
    MissingCalibration
        If the file does not state it.
    """
    if part.position is None:
        raise MissingCalibration(
            f"{path} has slices that do not say where they lie",
            "ImagePositionPatient in each header",
            "export the series again with its geometry",
        )
    return np.array(part.position)


def _check_alike(slices: Sequence[Slice], path: Path) -> None:
    """Raise :class:`UnreadableFile` unless all slices share size and orientation."""
    first = slices[0]
    directions_of(first, path)
    size = _size(first)
    for part in slices[1:]:
        turned = part.orientation is None or not np.allclose(
            part.orientation, first.orientation or (), atol=1e-4
        )
        if turned or _size(part) != size:
            raise UnreadableFile(
                f"{path} mixes slices of different size or orientation in one series "
                f"(at {part.where})",
                "one stack of like slices",
                "export localisers and other stacks into folders of their own",
            )


def _size(part: Slice) -> tuple[object, ...]:
    return (part.header.Rows, part.header.Columns, part.spacing)
