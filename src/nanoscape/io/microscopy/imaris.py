"""Imaris files: HDF5 with resolutions, frames and channels.

After the description *Imaris 5.5 File Format* by Bitplane.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np

from nanoscape.errors import MissingCalibration, MissingDependency, UnreadableFile
from nanoscape.io import hdf5
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Tags
from nanoscape.units import micrometres_per

_TIME = "%Y-%m-%d %H:%M:%S.%f"
_LEVEL = "DataSet/ResolutionLevel {level}"
_CHANNEL = _LEVEL + "/TimePoint {frame}/Channel {channel}"


def sniff(path: Path) -> bool:
    """Tell whether an HDF5 file is an Imaris image."""
    if not hdf5.sniff(path):
        return False
    try:
        return {"DataSet", "DataSetInfo"} <= set(hdf5.open_hdf5(path))
    except MissingDependency:
        return path.suffix.lower() == ".ims"
    except DAMAGE:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the image with all its resolutions."""
    image = _attributes(path, "DataSetInfo/Image")
    finest = _LEVEL.format(level=0)
    frames = _count(hdf5.member(path, finest), "TimePoint")
    channels = _count(hdf5.member(path, f"{finest}/TimePoint 0"), "Channel")
    levels = _count(hdf5.member(path, "DataSet"), "ResolutionLevel")
    arrays = [_level(path, level, frames, channels) for level in range(levels)]
    named = [_attributes(path, f"DataSetInfo/Channel {c}") for c in range(channels)]
    stack = Stack(
        arrays=arrays,
        axes="ctzyx",
        name=stem(path),
        space=stem(path),
        channels=[tags.get("Name", "") for tags in named],
        channel_tags=[_wavelengths(tags) for tags in named],
        times=_times(path, frames),
        tags=_tags(image).merged(calibration_tags(options)),
    )
    stack = without_single(stack, "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    found, corner = _extents(image, arrays[0].shape[2:])
    spacing = calibrate(spatial, found, options, path)
    place = {axis: corner.get(axis, 0.0) + spacing[axis] / 2 for axis in spatial}
    return [build(stack, Affine.from_spacing(spatial, spacing, place))]


def _level(path: Path, level: int, frames: int, channels: int) -> da.Array:
    """Return one resolution with the axes ``c t z y x``."""
    arrays = []
    for channel in range(channels):
        names = [
            _CHANNEL.format(level=level, frame=frame, channel=channel)
            for frame in range(frames)
        ]
        sizes = _attributes(path, names[0])
        shape = tuple(int(sizes[f"ImageSize{axis}"]) for axis in "ZYX")
        if min(shape) < 1:
            raise UnreadableFile(f"{path} announces an image of {shape} voxels")
        source = hdf5.Hdf5Source(
            path, [f"{name}/Data" for name in names], (shape[0], shape[1], shape[2])
        )
        arrays.append(lazy_array(source, source.native_chunks()))
    return da.stack(arrays)


def _count(group: Any, name: str) -> int:
    """Return how many members are called ``name 0``, ``name 1`` and so on."""
    number = 0
    while f"{name} {number}" in group:
        number += 1
    if not number:
        raise UnreadableFile(f"there is no {name} 0", todo="export the file again")
    return number


def _attributes(path: Path, name: str) -> dict[str, str]:
    """Return attributes, which Imaris writes as arrays of single letters."""
    found = {}
    for key, value in hdf5.member(path, name).attrs.items():
        raw = np.asarray(value)
        if raw.dtype.kind == "S":
            joined = b"".join(np.atleast_1d(raw).tolist())
            found[str(key)] = joined.decode("utf-8", "replace").strip("\0 ")
        else:
            found[str(key)] = str(value)
    return found


def _extents(
    image: dict[str, str], shape: Sequence[int]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return spacing and outer corner in µm; extents run from border to border."""
    try:
        unit = micrometres_per(image.get("Unit", ""))
    except MissingCalibration:
        return {}, {}
    spacing, corner = {}, {}
    for number, (axis, length) in enumerate(zip("xyz", reversed(shape), strict=True)):
        try:
            low, high = (float(image[f"Ext{end}{number}"]) for end in ("Min", "Max"))
        except (KeyError, ValueError):
            continue
        if math.isfinite(low) and math.isfinite(high) and high > low:
            spacing[axis] = (high - low) / length * unit
            corner[axis] = low * unit
    return spacing, corner


def _times(path: Path, frames: int) -> tuple[float, ...] | None:
    """Return seconds since the first frame."""
    if frames < 2 or "TimeInfo" not in hdf5.member(path, "DataSetInfo"):
        return None
    stamps = _attributes(path, "DataSetInfo/TimeInfo")
    try:
        times = [
            datetime.datetime.strptime(stamps[f"TimePoint{n + 1}"], _TIME)
            for n in range(frames)
        ]
    except (KeyError, ValueError):
        return None
    return tuple((time - times[0]).total_seconds() for time in times)


def _wavelengths(channel: dict[str, str]) -> Tags:
    found = {}
    for name in ("emission", "excitation"):
        try:
            value = float(channel.get(f"LSM{name.title()}Wavelength", ""))
        except ValueError:
            continue
        if value > 0:
            found[f"{name}_nm"] = value
    return Tags.of("header", **found)


def _tags(image: dict[str, str]) -> Tags:
    date: str | None = image.get("RecordingDate")
    try:
        time = datetime.datetime.strptime(date or "", _TIME).isoformat()
    except ValueError:
        time = None
    tags = Tags.of("header", vendor="Imaris", acquisition_time=time)
    return tags.having("guess", modality="microscopy")
