"""Where the slices of a DICOM series lie (PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.opening import Options
from nanoscape.model import Affine

Member = tuple[Path, Dataset]

_EVEN = 0.02
"""Largest deviation of a slice from an even stack, as a part of the step."""

_SAME_MM = 1e-3
_TIMES = ("FrameReferenceTime", "TriggerTime")


def sort_slices(
    members: list[Member], path: Path
) -> tuple[list[list[Member]], tuple[float, ...] | None]:
    """Return the slices of each frame, along the normal, and the frames' seconds.

    Slices at the same place are frames of a dynamic series when each place has as
    many, at the same times.

    Raises
    ------
    UnreadableFile
        If slices lie unevenly, or places are taken twice without a time.
    """
    _check_alike(members, path)
    if len(members) == 1:
        return [members], None
    normal = _normal(members[0][1])
    heights = [float(normal @ _position(h, path)) for _, h in members]
    order = np.argsort(heights, kind="stable")
    groups: list[list[int]] = []
    for index in order:
        if groups and heights[index] - heights[groups[-1][0]] <= _SAME_MM:
            groups[-1].append(int(index))
        else:
            groups.append([int(index)])
    if max(map(len, groups)) == 1:
        frames: list[list[Member]] = [[members[g[0]] for g in groups]]
        times = None
    else:
        frames, times = _frames(members, groups, path)
    for frame in frames:
        _check_even(frame, path)
    return frames, times


def series_affine(frame: list[Member], path: Path, options: Options) -> Affine:
    """Return the map from ``z y x`` indices to LPS ``z y x`` in µm.

    Columns follow the image orientation; the step between slices is that of
    their positions, never the slice thickness, so that a tilted gantry is kept.
    """
    header = frame[0][1]
    row, column = _directions(header)
    spacing = header.get("PixelSpacing")
    if spacing is None and options.pixel_size is not None:
        spacing = [options.pixel_size / 1e3] * 2
    if spacing is None or not all(float(value) > 0 for value in spacing):
        raise MissingCalibration(
            f"{path} does not say how large its pixels are",
            "PixelSpacing in its header",
            "give the pixel size in µm (pixel_size)",
        )
    first = _position(header, path)
    if len(frame) > 1:
        step = (_position(frame[-1][1], path) - first) / (len(frame) - 1)
    else:
        step = _normal(header) * _thickness(header, path, options)
    # PixelSpacing is [between rows, between columns].
    columns = [step, column * float(spacing[0]), row * float(spacing[1])]
    matrix = np.eye(4)
    for index, vector in enumerate(columns):
        matrix[:3, index] = vector[::-1] * 1e3
    matrix[:3, 3] = first[::-1] * 1e3
    return Affine(matrix, "zyx", "zyx")


def _thickness(header: Dataset, path: Path, options: Options) -> float:
    thickness = float(header.get("SliceThickness") or 0.0)
    if thickness > 0:
        options.warn("a single slice: its thickness is taken as the distance along z")
        return thickness
    if options.pixel_size is not None:
        return options.pixel_size / 1e3
    raise MissingCalibration(
        f"{path} is a single slice that does not say how thick it is",
        "SliceThickness in its header",
        "give the pixel size in µm (pixel_size)",
    )


def _directions(header: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = np.array([float(v) for v in header.ImageOrientationPatient])
    row, column = values[:3], values[3:]
    return row / np.linalg.norm(row), column / np.linalg.norm(column)


def _normal(header: Dataset) -> NDArray[np.float64]:
    return np.cross(*_directions(header))


def _position(header: Dataset, path: Path) -> NDArray[np.float64]:
    values = header.get("ImagePositionPatient")
    if values is None:
        raise MissingCalibration(
            f"{path} has slices that do not say where they lie",
            "ImagePositionPatient in each header",
            "export the series again with its geometry",
        )
    return np.array([float(v) for v in values])


def _check_alike(members: list[Member], path: Path) -> None:
    """Raise :class:`UnreadableFile` unless all slices share size and orientation."""
    first = members[0][1]
    if first.get("ImageOrientationPatient") is None:
        raise MissingCalibration(
            f"{path} has slices that do not say how they are oriented",
            "ImageOrientationPatient in each header",
            "export the series again with its geometry",
        )
    orientation = np.array([float(v) for v in first.ImageOrientationPatient])
    for file, header in members[1:]:
        other = header.get("ImageOrientationPatient", [])
        turned = len(other) != 6 or not np.allclose(
            [float(v) for v in other], orientation, atol=1e-4
        )
        sizes = {
            (h.Rows, h.Columns, str(h.get("PixelSpacing"))) for h in (first, header)
        }
        if turned or len(sizes) > 1:
            raise UnreadableFile(
                f"{path} mixes slices of different size or orientation in one series "
                f"(at {file.name})",
                "one stack of like slices",
                "export localisers and other stacks into folders of their own",
            )


def _check_even(frame: list[Member], path: Path) -> None:
    positions = np.array([_position(header, path) for _, header in frame])
    count = len(positions)
    if count < 3:
        return
    step = (positions[-1] - positions[0]) / (count - 1)
    even = positions[0] + np.arange(count)[:, np.newaxis] * step
    off = np.linalg.norm(positions - even, axis=1)
    worst = int(off.argmax())
    if off[worst] > _EVEN * np.linalg.norm(step):
        raise UnreadableFile(
            f"the slices of {path} are not evenly spaced: {frame[worst][0].name} lies "
            f"{off[worst]:.3g} mm from its place",
            "slices at even distances",
            "check that no slice is missing",
        )


def _frames(
    members: list[Member], groups: list[list[int]], path: Path
) -> tuple[list[list[Member]], tuple[float, ...]]:
    """Return the frames of a dynamic series, in the order of time."""
    count = len(groups[0])
    for tag in _TIMES:
        if any(header.get(tag) is None for _, header in members):
            continue
        by_time: dict[float, list[Member]] = defaultdict(list)
        for index in (i for group in groups for i in group):
            milliseconds = float(members[index][1].get(tag))
            by_time[milliseconds].append(members[index])
        even = all(len(frame) == len(groups) for frame in by_time.values())
        if len(by_time) == count and even and all(len(g) == count for g in groups):
            times = sorted(by_time)
            return [by_time[t] for t in times], tuple(t / 1e3 for t in times)
    twice = next(group for group in groups if len(group) > 1)
    names = " and ".join(members[i][0].name for i in twice[:2])
    raise UnreadableFile(
        f"the series in {path} has several slices at the same place ({names})",
        "one slice at each place, or whole volumes that differ in their time",
        "export each volume into a folder of its own",
    )
