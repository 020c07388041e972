"""Slices at the same places become frames of time, echoes, gates or b-values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanoscape.errors import UnreadableFile
from nanoscape.io.dicom.geometry import check_even, places_of
from nanoscape.io.dicom.slice import FROM_FIRST, ORDER, Slice

_COORDINATES = (
    "component",
    "echo_time_ms",
    "b_value",
    "b_direction",
    "inversion_time_ms",
    "flip_angle_deg",
    "trigger_time_ms",
)
_ADDED = ("b_direction", "repetition")
"""Coordinates that only tell apart what another one has put in order."""


@dataclass(frozen=True)
class Volume:
    """Slices of one volume, or of one that was acquired repeatedly.

    Attributes
    ----------
    frames
        Sorted slices of each frame.
    times
        Seconds of the frames, ``None`` for a single one or where they are unknown.
    coordinates
        In what this volume differs from others of the series.
    """

    frames: tuple[tuple[Slice, ...], ...]
    times: tuple[float, ...] | None
    coordinates: Mapping[str, Any]

    @property
    def slices(self) -> list[Slice]:
        """All slices, frame by frame."""
        return [part for frame in self.frames for part in frame]


def arrange(
    slices: Sequence[Slice], path: Path, uneven: bool = False
) -> tuple[list[Volume], str]:
    """Return the volumes of a series, and the name of the tag in which they differ.

    Raises
    ------
    UnreadableFile
        If slices lie unevenly and must not, or places are taken twice without a reason.
    """
    places = places_of(slices, path)
    names = _varying(slices, places)
    subsets: dict[tuple[Any, ...], list[list[int]]] = defaultdict(
        lambda: [[] for _ in places]
    )
    for number, place in enumerate(places):
        for index in place:
            key = tuple(slices[index].coordinates.get(name) for name in names)
            subsets[key][number].append(index)
    volumes = []
    for key in sorted(subsets, key=_order):
        frames, times = _frames(slices, subsets[key], path)
        for frame in frames if not uneven else ():
            check_even(frame, path)
        values = {n: v for n, v in zip(names, key, strict=True) if v is not None}
        volumes.append(Volume(tuple(frames), times, values))
    if len({len(volume.frames) for volume in volumes}) > 1:
        volumes = [one for volume in volumes for one in _apart(volume)]
        names = [*names, "repetition"]
    return volumes, " and ".join([n for n in names if n not in _ADDED] or names)


def _apart(volume: Volume) -> list[Volume]:
    """Return each frame as a volume, as when only b = 0 was repeated."""
    return [
        Volume((frame,), None, {**volume.coordinates, "repetition": number})
        for number, frame in enumerate(volume.frames, start=1)
    ]


def _varying(slices: Sequence[Slice], places: Sequence[Sequence[int]]) -> list[str]:
    """Return the coordinates in which slices at one place differ."""
    busiest = max(places, key=len)
    return [
        name
        for name in _COORDINATES
        if len({slices[index].coordinates.get(name) for index in busiest}) > 1
    ]


def _order(key: tuple[Any, ...]) -> tuple[Any, ...]:
    # Values of one coordinate may be missing, and numbers come before words.
    return tuple((value is not None, str(type(value)), value or 0) for value in key)


def _frames(
    slices: Sequence[Slice], places: Sequence[list[int]], path: Path
) -> tuple[list[tuple[Slice, ...]], tuple[float, ...] | None]:
    """Return the frames of a dynamic series, in the order of time."""
    count = max(map(len, places))
    if all(len(place) == 1 for place in places):
        return [tuple(slices[place[0]] for place in places)], None
    if all(len(place) == count for place in places):
        for name, times in _clocks(slices, places):
            orders = [sorted(place, key=times.__getitem__) for place in places]
            seconds = [[times[i] for i in order] for order in orders]
            if any(len(set(clock)) < count for clock in seconds):
                continue
            first = [min(clock[k] for clock in seconds) for k in range(count)]
            frames = [tuple(slices[o[k]] for o in orders) for k in range(count)]
            return frames, None if name == ORDER else tuple(first)
    crowded = next((place for place in places if len(place) > 1), places[0])
    names = " and ".join(slices[i].where for i in crowded[:2])
    raise UnreadableFile(
        f"the series in {path} has several slices at the same place ({names})",
        "one slice at each place, or whole volumes that differ in their time",
        "export each volume into a folder of its own",
    )


def _clocks(
    slices: Sequence[Slice], places: Sequence[list[int]]
) -> Iterator[tuple[str, dict[int, float]]]:
    """Yield each clock that all slices have, with the seconds of each slice.

    Times of day count from the first slice.
    """
    indices = [index for place in places for index in place]
    for name in slices[indices[0]].time_s:
        if all(name in slices[index].time_s for index in indices):
            times = {index: slices[index].time_s[name] for index in indices}
            start = min(times.values()) if name in FROM_FIRST else 0.0
            yield name, {index: time - start for index, time in times.items()}
