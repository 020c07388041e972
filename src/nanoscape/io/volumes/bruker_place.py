"""Where ParaVision's slices and volumes lie in the body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options
from nanoscape.io.volumes.jcamp import Parameters
from nanoscape.io.volumes.volume import place_of
from nanoscape.model import Affine
from nanoscape.units import micrometres_per

_UNEVEN = 0.02


@dataclass(frozen=True)
class Package:
    """Slices of one orientation at even distances, or a volume.

    Attributes
    ----------
    first, count
        Which slices these are.
    place
        Where they lie: ``z y x`` to LPS in µm.
    """

    first: int
    count: int
    place: Affine


def packages(
    parameters: Parameters, frames: NDArray[np.intp], options: Options
) -> Sequence[Package]:
    """Return the packages of slices, or the one volume.

    Parameters
    ----------
    parameters
        Of the image.
    frames
        Numbers of the frames that lie beside each other.
    options
        What the caller says.

    The rows of ``VisuCoreOrientation`` are the directions of the image's axes in the
    body, and ``VisuCorePosition`` is the centre of the first voxel, both in LPS.
    The position of the subject in the magnet is part of them already.

    Raises
    ------
    UnreadableFile
        If slices of one orientation lie at uneven distances.
    """
    size = np.array(parameters.numbers("VisuCoreSize"))
    extent = np.array(parameters.numbers("VisuCoreExtent"))
    if len(extent) != len(size) or not (extent > 0).all():
        raise UnreadableFile(f"{parameters.path} states the extent {extent}")
    units = parameters.words("VisuCoreUnits") or ["mm"]
    scale = np.array([micrometres_per(unit) for unit in units])
    inside = extent / size * scale
    slices = len(frames)
    turns = _of_slices(parameters, "VisuCoreOrientation", frames, 9)
    origins = _of_slices(parameters, "VisuCorePosition", frames, 3) * scale[0]
    turns = turns.reshape(slices, 3, 3)
    if len(size) == 3:
        return [
            Package(0, int(size[2]), _volume(parameters, turns[0], origins[0], inside))
        ]
    found = []
    for first, count in _runs(parameters, turns, slices):
        along = _step(parameters, turns[first], origins[first : first + count], options)
        steps = np.column_stack([*(turns[first][:2] * inside[:, None]), along])
        found.append(Package(first, count, place_of(steps, origins[first])))
    return found


def _volume(
    parameters: Parameters,
    turn: NDArray[np.float64],
    origin: NDArray[np.float64],
    inside: NDArray[np.float64],
) -> Affine:
    steps = (turn * inside[:, None]).T
    if parameters.text("VisuCoreDiskSliceOrder") == "disk_reverse_slice_order":
        # The position is that of the last stored plane, from which planes run back.
        planes = parameters.numbers("VisuCoreSize")[2]
        origin = origin + steps[:, 2] * (planes - 1)
        steps = steps * (1, 1, -1)
    return place_of(steps, origin)


def _of_slices(
    parameters: Parameters, name: str, frames: NDArray[np.intp], width: int
) -> NDArray[np.float64]:
    """Return values of each slice, shape ``(slices, width)``.

    A file states one set for all, one for each slice, or one for each frame.
    """
    values: NDArray[Any] = np.array(parameters.numbers(name))
    count = int(parameters.numbers("VisuCoreFrameCount")[0])
    if values.size == width:
        return np.tile(values, (len(frames), 1))
    if values.size == width * len(frames):
        return values.reshape(-1, width)
    if values.size == width * count:
        return values.reshape(-1, width)[frames]
    raise UnreadableFile(
        f"{parameters.path} states {values.size} numbers of {name} for "
        f"{len(frames)} slices",
        f"{width} for each",
    )


def _runs(
    parameters: Parameters, turns: NDArray[np.float64], slices: int
) -> list[tuple[int, int]]:
    """Return first slice and number of slices of each package."""
    stated = [
        (int(first), int(count))
        for first, count in parameters.structures("VisuCoreSlicePacksSlices")
    ]
    if stated and sum(count for _, count in stated) == slices:
        return stated
    starts = [
        i for i in range(slices) if i == 0 or not np.allclose(turns[i], turns[i - 1])
    ]
    return [(a, b - a) for a, b in zip(starts, [*starts[1:], slices], strict=True)]


def _step(
    parameters: Parameters,
    turn: NDArray[np.float64],
    origins: NDArray[np.float64],
    options: Options,
) -> NDArray[np.float64]:
    """Return the step from slice to slice in µm, which may run against the normal."""
    if len(origins) == 1:
        thickness = parameters.numbers("VisuCoreFrameThickness")[0]
        if not thickness > 0:
            raise UnreadableFile(f"{parameters.path} states a slice of no thickness")
        options.warn("a single slice takes its thickness as the distance along z")
        return turn[2] * thickness * micrometres_per("mm")
    steps = np.diff(origins, axis=0)
    mean: NDArray[np.float64] = steps.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if not length > 0 or np.abs(steps - mean).max() > _UNEVEN * length:
        raise UnreadableFile(
            f"the slices of {parameters.path} lie at uneven distances or in one place",
            "slices at even distances",
        )
    return mean
