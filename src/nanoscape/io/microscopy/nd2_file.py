"""ND2 of Nikon NIS-Elements, through the library ``nd2``."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingDependency, UnreadableFile
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.lazy import Box, lazy_array, stamp
from nanoscape.io.microscopy.planes import PlaneSource, shared
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Tags

_MAGIC = (b"\xda\xce\xbe\x0a", b"\x00\x00\x00\x0cjP  ")
"""Of today's files, and of the JPEG 2000 ones that NIS-Elements wrote before."""
_JULIAN_EPOCH = 2440587.5
"""Julian day at which Unix time begins."""


def sniff(path: Path) -> bool:
    """Tell whether a file starts as ND2 files do."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return False
    if start.startswith(_MAGIC[1]):
        return path.suffix.lower() == ".nd2"
    return start.startswith(_MAGIC[0])


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read every position of the stage as an image of its own.

    Positions do not share a space: the axes of the stage need not be those of the
    camera. Where the stage stood is kept in the tags.
    """
    opened = shared(path, _open)
    # What the library remarks of a damaged file is for the user.
    with opened.lock, warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always", UserWarning)
        found = _read_positions(path, opened.file, options)
    for remark in remarks:
        options.warn(str(remark.message))
    return found


def _read_positions(path: Path, file: Any, options: Options) -> list[Readable]:
    sizes = dict(file.sizes)
    unknown = set(sizes) - set("TPZCYXS")
    if unknown:
        raise UnreadableFile(
            f"{path} has the axes {', '.join(sizes)}",
            "time, positions, planes and channels",
        )
    loops = int(np.prod([n for axis, n in sizes.items() if axis in "TPZ"]))
    written = int(file.attributes.sequenceCount)
    if written < loops:
        options.warn(
            f"{loops - written} of {loops} planes were not acquired and are zero"
        )
    positions = range(sizes.get("P", 1))
    return [_read_position(path, file, sizes, p, options) for p in positions]


class Nd2Source(PlaneSource):
    """One channel at one position, with the axes ``t z y x``, or ``t z y x s``.

    Parameters
    ----------
    path
        The file.
    position, channel
        Which.
    """

    lead = 2

    def __init__(self, path: Path, position: int, channel: int) -> None:
        self.path = path
        self.position = position
        self.channel = channel
        self._stamp = stamp(path)
        opened = shared(path, _open)
        with opened.lock:
            self.dtype = np.dtype(opened.file.dtype).newbyteorder("=")
            self._sizes = dict(opened.file.sizes)
            self.in_rows = opened.file.attributes.compressionType is None
        colours = (self._sizes["S"],) if "S" in self._sizes else ()
        self.shape = (
            self._sizes.get("T", 1),
            self._sizes.get("Z", 1),
            self._sizes["Y"],
            self._sizes["X"],
            *colours,
        )

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (*self._stamp, self.position, self.channel)

    def plane(self, index: tuple[int, ...], inside: Box) -> NDArray[Any]:
        """Return a part of one plane."""
        opened = shared(self.path, _open)
        at = {"T": index[0], "Z": index[1], "P": self.position}
        sizes = self._sizes
        with opened.lock:
            frame = opened.file.read_frame(_frame_number(sizes, at))
            shape = (sizes.get("C", 1), *self.shape[2:])
            return np.array(frame.reshape(shape)[self.channel][inside], self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return Nd2Source, (self.path, self.position, self.channel)


def _open(path: str) -> Any:
    try:
        import nd2
    except ImportError as error:
        raise MissingDependency(
            "reading ND2 needs the library nd2",
            todo="install it with: pip install 'napari-nanoscape[formats]'",
        ) from error
    return nd2.ND2File(path)


def _frame_number(sizes: Mapping[str, int], at: Mapping[str, int]) -> int:
    """Return the place of a frame in the file, whose loops nest in stored order."""
    number = 0
    for axis, length in sizes.items():
        if axis in "TPZ":
            number = number * length + at[axis]
    return number


def _read_position(
    path: Path, file: Any, sizes: Mapping[str, int], position: int, options: Options
) -> Readable:
    channels = list(file.metadata.channels or [])
    count = sizes.get("C", 1)
    sources = [Nd2Source(path, position, channel) for channel in range(count)]
    array = da.stack([lazy_array(s, s.native_chunks()) for s in sources])
    several = sizes.get("P", 1) > 1
    name = f"{stem(path)} position {position + 1}" if several else stem(path)
    own = [_channel_tags(channel) for channel in channels]
    stack = Stack(
        arrays=[array],
        axes="ctzyx" + ("s" if "S" in sizes else ""),
        name=name,
        space=name,
        channels=[channel.channel.name or "" for channel in channels],
        channel_tags=own if len(own) == count else (),
        times=_times(file, sizes, position),
        tags=_tags(file, sizes, position).merged(calibration_tags(options)),
    )
    stack = without_single(stack, "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    spacing = calibrate(spatial, _spacing(file), options, path)
    return build(stack, Affine.from_spacing(spatial, spacing))


def _spacing(file: Any) -> dict[str, float]:
    """Return the voxel size in µm of those axes that were calibrated."""
    found: dict[str, float] = {}
    for channel in file.metadata.channels or []:
        volume = channel.volume
        for axis, good, size in zip(
            "xyz", volume.axesCalibrated, volume.axesCalibration, strict=True
        ):
            if good:
                found.setdefault(axis, float(size))
    for loop in file.experiment or []:
        if loop.type == "ZStackLoop" and loop.parameters.stepUm:
            found["z"] = abs(float(loop.parameters.stepUm))
    return found


def _channel_tags(channel: Any) -> Tags:
    return Tags.of(
        "header",
        emission_nm=channel.channel.emissionLambdaNm,
        excitation_nm=channel.channel.excitationLambdaNm,
    )


def _first_frame(file: Any, sizes: Mapping[str, int], position: int, time: int) -> Any:
    """Return what is noted for the first channel of a frame."""
    at = {"T": time, "Z": 0, "P": position}
    return file.frame_metadata(_frame_number(sizes, at)).channels[0]


def _times(
    file: Any, sizes: Mapping[str, int], position: int
) -> tuple[float, ...] | None:
    if sizes.get("T", 1) < 2:
        return None
    stamps = [
        _first_frame(file, sizes, position, t).time.relativeTimeMs / 1e3
        for t in range(sizes["T"])
    ]
    return tuple(float(stamp - stamps[0]) for stamp in stamps)


def _tags(file: Any, sizes: Mapping[str, int], position: int) -> Tags:
    first = _first_frame(file, sizes, position, 0)
    seconds = (first.time.absoluteJulianDayNumber - _JULIAN_EPOCH) * 86400
    time = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    stage = first.position.stagePositionUm
    modality = "brightfield" if "S" in sizes else "microscopy"
    return Tags.of(
        "header",
        vendor="Nikon",
        magnification=first.microscope.objectiveMagnification,
        acquisition_time=time.replace(microsecond=0, tzinfo=None).isoformat(),
        stage_y_um=float(stage.y),
        stage_x_um=float(stage.x),
    ).having("guess", modality=modality)
