"""CZI of Zeiss ZEN: scenes, mosaics, channels, planes, time and pyramids.

Read without Zeiss's library, which has no wheels for every system, and in pieces
that any thread or process can read by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import dask.array as da

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.damage import parse_xml
from nanoscape.io.lazy import lazy_array
from nanoscape.io.microscopy.czi_segments import MAGIC, Contents, Tile, read_contents
from nanoscape.io.microscopy.czi_source import CziSource
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Tags

_METRE = 1e6
_OTHER_AXES = {
    "R": "rotations",
    "I": "illuminations",
    "H": "phases",
    "V": "views",
}
_SPARSEST = 1000
"""A scene much larger than all its tiles together is damage and no picture."""

Rectangle = tuple[int, int, int, int]
"""Top, left, height and width in pixels of the finest level."""


def sniff(path: Path) -> bool:
    """Tell whether a file starts as CZI files do."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read all scenes; they keep their places to each other on the slide."""
    contents = read_contents(path)
    for axis, what in _OTHER_AXES.items():
        if len({tile.start.get(axis, 0) for tile in contents.tiles}) > 1:
            raise UnreadableFile(
                f"{path} holds several {what}, which are not put together here",
                "planes, channels, times, scenes and tiles",
                "process it in ZEN first",
            )
    header = _header_of(contents, path)
    scenes: dict[int | None, list[Tile]] = {}
    for tile in contents.tiles:
        scenes.setdefault(tile.start.get("S"), []).append(tile)
    if len(scenes) > 1:
        # Coarse tiles that belong to no scene show several of them.
        scenes.pop(None, None)
    images: list[Readable] = []
    for scene, tiles in sorted(scenes.items(), key=lambda item: item[0] or 0):
        name = stem(path) if len(scenes) < 2 else f"{stem(path)} scene {scene}"
        images += _read_scene(path, tiles, header, name, options)
    return images


@dataclass(frozen=True)
class _Header:
    """What the metadata tell of all scenes."""

    spacing: dict[str, float]
    names: dict[int, str]
    channel_tags: dict[int, Tags]
    tags: Tags
    step: float | None
    times: tuple[float, ...]


def _header_of(contents: Contents, path: Path) -> _Header:
    """Read lengths (in metres in the file), channels, objective and times."""
    root = ElementTree.Element("none")
    if contents.metadata:
        root = parse_xml(contents.metadata, path)
    spacing = {}
    for item in root.iterfind(".//Scaling/Items/Distance"):
        axis, value = item.get("Id", "").lower(), _number(item.findtext("Value"))
        if axis in ("z", "y", "x") and value:
            spacing[axis] = value * _METRE
    names: dict[int, str] = {}
    tags: dict[int, Tags] = {}
    for number, channel in enumerate(
        root.iterfind(".//DisplaySetting/Channels/Channel")
    ):
        names[number] = channel.get("Name") or channel.findtext("ShortName") or ""
    channels = root.iterfind(".//Information/Image/Dimensions/Channels/Channel")
    for number, channel in enumerate(channels):
        shown = names.get(number, "")
        names[number] = channel.get("Name") or shown or channel.findtext("Fluor") or ""
        tags[number] = Tags.of(
            "header",
            fluorophore=channel.findtext("Fluor"),
            excitation_nm=_number(channel.findtext("ExcitationWavelength")),
            emission_nm=_number(channel.findtext("EmissionWavelength")),
        )
    time = root.findtext(".//Information/Image/AcquisitionDateAndTime")
    power = root.findtext(".//Information/Instrument/Objectives/*/NominalMagnification")
    step = root.findtext(".//Dimensions/T/Positions/Interval/Increment")
    return _Header(
        spacing,
        names,
        tags,
        Tags.of(
            "header",
            vendor="Zeiss",
            acquisition_time=time,
            magnification=_number(power),
        ),
        _number(step),
        contents.times,
    )


def _number(text: str | None) -> float | None:
    """Return a finite number, ``None`` for what is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _read_scene(
    path: Path, tiles: Sequence[Tile], header: _Header, name: str, options: Options
) -> list[Readable]:
    """Return the images of a scene: one for each kind of samples that it mixes."""
    finest = [tile for tile in tiles if tile.factor == 1]
    if not finest:
        raise UnreadableFile(f"{path} holds no tiles at full resolution")
    area = _rectangle(finest, path)
    kinds: dict[int, list[int]] = {}
    for channel in sorted({tile.start.get("C", 0) for tile in finest}):
        types = {t.pixel_type for t in finest if t.start.get("C", 0) == channel}
        kinds.setdefault(min(types), []).append(channel)
    images = []
    for kind, channels in kinds.items():
        ours = [t for t in tiles if t.pixel_type == kind]
        images.append(_read_channels(path, ours, channels, area, header, name, options))
    return images


def _rectangle(tiles: Sequence[Tile], path: Path) -> Rectangle:
    """Return the smallest rectangle around tiles."""
    top, left = (min(tile.start[axis] for tile in tiles) for axis in "YX")
    bottom = max(tile.start["Y"] + tile.size[0] for tile in tiles)
    right = max(tile.start["X"] + tile.size[1] for tile in tiles)
    covered = sum(tile.size[0] * tile.size[1] for tile in tiles)
    if (bottom - top) * (right - left) > _SPARSEST * covered:
        raise UnreadableFile(f"{path} is damaged: its tiles lie much too far apart")
    return top, left, bottom - top, right - left


def _read_channels(
    path: Path,
    tiles: Sequence[Tile],
    channels: Sequence[int],
    area: Rectangle,
    header: _Header,
    name: str,
    options: Options,
) -> Readable:
    frames = sorted({tile.start.get("T", 0) for tile in tiles})
    planes = sorted({tile.start.get("Z", 0) for tile in tiles})
    by_level: dict[int, dict[int, list[Tile]]] = {}
    for tile in tiles:
        level = by_level.setdefault(tile.factor, {})
        level.setdefault(tile.start.get("C", 0), []).append(tile)
    levels = []
    for factor, views in sorted(by_level.items()):
        if factor > 1 and not all(
            _covers(views.get(c), area, factor) for c in channels
        ):
            continue
        sources = [
            CziSource(path, views[c], area[:2], area[2:], frames, planes)
            for c in channels
        ]
        missing = max(source.planes_missing() for source in sources)
        if missing and factor == 1:
            options.warn(f"{missing} planes of {name} were not acquired and are zero")
        arrays = [lazy_array(source, source.native_chunks()) for source in sources]
        levels.append(da.stack(arrays))
    stack = Stack(
        arrays=levels,
        axes="ctzyx" + ("s" if levels[0].ndim == 6 else ""),
        name=name,
        space=stem(path),
        channels=[header.names.get(c, "") for c in channels],
        channel_tags=[header.channel_tags.get(c, Tags()) for c in channels],
        times=_times(header, frames),
        tags=_tags(header, levels[0].ndim == 6).merged(calibration_tags(options)),
    )
    stack = without_single(stack, "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    spacing = calibrate(spatial, header.spacing, options, path)
    place = dict.fromkeys(spatial, 0.0)
    place |= {"y": area[0] * spacing["y"], "x": area[1] * spacing["x"]}
    return build(stack, Affine.from_spacing(spatial, spacing, place))


def _covers(tiles: Sequence[Tile] | None, area: Rectangle, factor: int) -> bool:
    """Tell whether coarser tiles reach all borders of a scene."""
    if not tiles:
        return False
    edges = (
        min(tile.start["Y"] for tile in tiles) - area[0],
        min(tile.start["X"] for tile in tiles) - area[1],
        area[0] + area[2] - max(tile.start["Y"] + tile.size[0] for tile in tiles),
        area[1] + area[3] - max(tile.start["X"] + tile.size[1] for tile in tiles),
    )
    return max(edges) <= factor


def _times(header: _Header, frames: Sequence[int]) -> tuple[float, ...] | None:
    """Return the seconds of the frames since the first, as stamped or as planned."""
    if len(header.times) == max(frames) + 1:
        return tuple(header.times[t] - header.times[frames[0]] for t in frames)
    if header.step:
        return tuple(header.step * (t - frames[0]) for t in frames)
    return None


def _tags(header: _Header, coloured: bool) -> Tags:
    modality = "brightfield" if coloured else "microscopy"
    return header.tags.merged(Tags.of("guess", modality=modality))
