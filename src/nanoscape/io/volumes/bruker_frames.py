"""How ParaVision's frames follow each other: slices, time, echoes, b-values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options
from nanoscape.io.volumes.jcamp import Parameters
from nanoscape.io.volumes.volume import check_size

_SLICE = "FG_SLICE"
_TIMES = ("FG_CYCLE", "FG_MOVIE", "FG_CARDIAC_MOVIE")
# Group: coordinate of the images, parameter with its values, word in their names.
_COORDINATES = {
    "FG_ECHO": ("echo_time_ms", "VisuAcqEchoTime", "TE", "ms"),
    "FG_DIFFUSION": ("b_value_s_mm2", "VisuAcqDiffusionBMatrix", "b", "s/mm²"),
    "FG_DTI": ("b_value_s_mm2", "VisuAcqDiffusionBMatrix", "b", "s/mm²"),
    "FG_IRMODE": ("inversion_time_ms", "VisuAcqInversionTime", "TI", "ms"),
    "FG_INVERSION": ("inversion_time_ms", "VisuAcqInversionTime", "TI", "ms"),
}


@dataclass(frozen=True)
class Member:
    """One image of a group: its name, its unit when it is a map, and its tags."""

    name: str
    unit: str = ""
    tags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameOrder:
    """Which frame lies where.

    Attributes
    ----------
    order
        Number of the stored frame, shape ``(members, frames over time, slices)``.
    members
        What the images of the group are.
    coordinate
        In what they differ.
    times
        Seconds of the frames over time.
    """

    order: NDArray[np.intp]
    members: Sequence[Member]
    coordinate: str
    times: tuple[float, ...] | None

    @property
    def frames(self) -> int:
        """Number of frames over time."""
        return self.order.shape[1]

    @property
    def slices(self) -> int:
        """Number of frames that lie beside each other; 1 for volumes."""
        return self.order.shape[2]


def frame_order(parameters: Parameters, options: Options) -> FrameOrder:
    """Return how the frames follow each other, of which the first group is fastest.

    Raises
    ------
    UnreadableFile
        If the groups do not make up all frames, or frames are no images.
    """
    described = parameters.words("VisuCoreDimDesc")
    dimensions = int(parameters.numbers("VisuCoreDim")[0])
    if dimensions not in (2, 3) or set(described) - {"spatial"}:
        raise UnreadableFile(
            f"{parameters.path} describes data of the kind "
            f"{' '.join(described) or dimensions}",
            "images or volumes",
            "open spectroscopy in ParaVision",
        )
    count = int(parameters.numbers("VisuCoreFrameCount")[0])
    check_size([count], parameters.path)
    groups = [
        (structure[1], int(structure[0]))
        for structure in parameters.structures("VisuFGOrderDesc")
    ] or [(_SLICE if _differ_in_place(parameters, count) else "FG_FRAME", count)]
    if count < 1 or math.prod(length for _, length in groups) != count:
        raise UnreadableFile(
            f"{parameters.path} states {count} frames in groups of "
            + " × ".join(f"{length} {name}" for name, length in groups),
            todo="copy the folder again",
        )
    slow = groups[::-1]
    lattice = np.arange(count).reshape([length for _, length in slow])
    names = [name for name, _ in slow]
    slices = [i for i, name in enumerate(names) if name == _SLICE and dimensions == 2]
    over_time = [i for i, name in enumerate(names) if name in _TIMES][:1]
    others = [i for i in range(len(names)) if i not in (*slices, *over_time)]
    lattice = lattice.transpose([*others, *over_time, *slices])
    frames = slow[over_time[0]][1] if over_time else 1
    beside = slow[slices[0]][1] if slices else 1
    lattice = lattice.reshape(-1, frames, beside)
    coordinate, members = _members(parameters, [slow[i] for i in others])
    return FrameOrder(
        order=lattice,
        members=members,
        coordinate=coordinate,
        times=_times(parameters, slow[over_time[0]], options) if frames > 1 else None,
    )


def _differ_in_place(parameters: Parameters, count: int) -> bool:
    """Tell whether frames without a stated group are slices."""
    places = parameters.numbers("VisuCorePosition")
    return (
        count == 1
        or len({tuple(places[i : i + 3]) for i in range(0, len(places), 3)}) > 1
    )


def _times(
    parameters: Parameters, group: tuple[str, int], options: Options
) -> tuple[float, ...] | None:
    """Return the seconds of repetitions, which fill the time of the scan evenly."""
    name, length = group
    if name == "FG_CYCLE" and "VisuAcqScanTime" in parameters:
        step = parameters.numbers("VisuAcqScanTime")[0] / 1e3 / length
        if step > 0:
            return tuple(step * frame for frame in range(length))
    options.warn("the file does not state when its frames were taken")
    return None


def _members(
    parameters: Parameters, groups: Sequence[tuple[str, int]]
) -> tuple[str, list[Member]]:
    """Return the coordinate and the images for all combinations of the groups."""
    names: list[list[str]] = [[]]
    tags: list[dict[str, Any]] = [{}]
    coordinate = "channel"
    for group, length in groups:
        if length == 1:
            continue
        key, values, words = _values(parameters, group, length)
        coordinate = key
        names = [[*name, word] for name in names for word in words]
        tags = [{**tag, key: value} for tag in tags for value in values]
    units = parameters.words("VisuCoreDataUnits")
    if len(units) != len(names) or len(names) == 1:
        units = [""] * len(names)
    members = [
        Member(", ".join(name), unit, tag)
        for name, unit, tag in zip(names, units, tags, strict=True)
    ]
    return coordinate, members


def _values(
    parameters: Parameters, group: str, length: int
) -> tuple[str, list[Any], list[str]]:
    """Return the coordinate of a group, its values, and words for them."""
    key, source, word, unit = _COORDINATES.get(group, ("", "", "", ""))
    values = parameters.numbers(source) if source in parameters else []
    if len(values) == 9 * length and source == "VisuAcqDiffusionBMatrix":
        # The b-value is the trace of the b-matrix.
        values = [float(b) for b in np.reshape(values, (length, 9))[:, ::4].sum(1)]
    if len(values) == length:
        return key, values, [f"{word} {value:g} {unit}" for value in values]
    plain = group.removeprefix("FG_").replace("_", " ").lower()
    comments = parameters.words("VisuFGElemComment")
    if len(comments) == length and all(comments):
        return plain, comments, comments
    if group == "FG_COMPLEX" and length == 2:
        return plain, ["real", "imaginary"], ["real", "imaginary"]
    return (
        plain,
        list(range(1, length + 1)),
        [f"{plain} {i + 1}" for i in range(length)],
    )
