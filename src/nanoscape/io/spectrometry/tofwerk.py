"""Tofwerk icpTOF: integrated peaks of a raster in the HDF5 files of TofDaq.

``PeakData/PeakData`` has the axes write, buffer, segment, peak. Those two of the first
three that are longer than one are the lines of the laser and the points on them: a
write for each line with a buffer for each point, or a buffer for each line with a
segment for each point. Values are ions per extraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingDependency, UnreadableFile
from nanoscape.io.hdf5 import dataset, open_hdf5
from nanoscape.io.lazy import Box, Source, stamp
from nanoscape.io.opening import Options, Readable
from nanoscape.io.spectrometry.line_scan import (
    COUNTS_PER_SECOND,
    ScanInfo,
    scan_image,
    scan_time_of,
)
from nanoscape.units import ARBITRARY

_MAGIC = b"\x89HDF\r\n\x1a\n"
_DATA, _TABLE, _TIMES = "PeakData/PeakData", "PeakData/PeakTable", "TimingData/BufTimes"
_HEAD = 2**20
_CHUNK_VALUES = 2**22
_LARGEST_CHUNK = 2**28


def sniff(path: Path) -> bool:
    """Tell whether an HDF5 file has the groups that TofDaq writes."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    if not head.startswith(_MAGIC):
        return False
    try:
        file = open_hdf5(path)
        return _TABLE in file and "TimingData" in file
    except MissingDependency:
        return b"PeakData" in head and b"TimingData" in head
    except (OSError, RuntimeError, ValueError, KeyError):
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the peaks of a raster, one channel for each."""
    scan, source = _opened(path)
    _, lines, points = source.shape
    rows = max(1, min(lines, _CHUNK_VALUES // points))
    return scan_image(scan, source, rows, path, options)


class PeakSource(Source):
    """Peaks of a raster, shape ``(peak, line, point)``.

    Parameters
    ----------
    path
        The file.
    shape
        Peaks, lines and points.
    axes
        Axes of the file that are lines and points.
    scale
        By which values are multiplied.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], axes: tuple[int, int], scale: float
    ) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(np.float32)
        self._axes = axes
        self._scale = scale
        self._stamp = stamp(path)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (*self._stamp, _DATA, self._axes, self._scale)

    def read_box(self, box: Box) -> NDArray[np.float32]:
        """Return the values of a box."""
        peaks, lines, points = box
        place: list[int | slice] = [0, 0, 0, peaks]
        place[self._axes[0]], place[self._axes[1]] = lines, points
        values = _own_dataset(_DATA, self.path)[tuple(place)]
        # What is too large for a float is damage, and shows as such.
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.asarray(values, np.float32) * np.float32(self._scale)
        return np.moveaxis(scaled, -1, 0)

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.path, self.shape, self._axes, self._scale)
        return PeakSource, arguments


def _opened(path: Path) -> tuple[ScanInfo, PeakSource]:
    """Return what a file says, and its values."""
    file = open_hdf5(path)
    if _DATA not in file:
        raise UnreadableFile(
            f"{path} holds spectra without integrated peaks",
            todo="integrate its peaks in the instrument's program",
        )
    shape = tuple(int(n) for n in _own_dataset(_DATA, path).shape)
    if len(shape) != 4 or 0 in shape or 1 not in shape[:3]:
        raise UnreadableFile(
            f"{path} holds peaks of shape {shape}", "one raster of lines and points"
        )
    table = _own_dataset(_TABLE, path)[()]
    times = _own_dataset(_TIMES, path)[()] if _TIMES in file else np.empty((1, 0))
    period = np.ravel(file["TimingData"].attrs.get("TofPeriod", 0.0))
    lines, points = _raster_axes(shape)
    peaks = shape[3]
    if len(table) != peaks:
        raise UnreadableFile(f"{path} names {len(table)} of its {peaks} peaks")
    nanoseconds = float(period[0]) if period.size else 0.0
    known = 1 <= nanoseconds <= 1e9
    scan = ScanInfo(
        channels=tuple(_text(label) for label in table["label"]),
        masses=tuple(round(float(mass), 4) for mass in table["mass"]),
        scan_time=_point_time(times, shape, points),
        unit=COUNTS_PER_SECOND if known else ARBITRARY,
    )
    scale = 1e9 / nanoseconds if known else 1.0
    raster = (peaks, shape[lines], shape[points])
    return scan, PeakSource(path, raster, (lines, points), scale)


def _raster_axes(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the axes of lines and of points."""
    long = [axis for axis in range(3) if shape[axis] > 1]
    # One line is one write, one point of many lines a buffer of each.
    return (long[0], long[1]) if len(long) == 2 else (0, max([*long, 1]))


def _point_time(
    times: NDArray[Any], shape: tuple[int, ...], points: int
) -> float | None:
    """Return the seconds from point to point, ``None`` where they are not stated.

    Buffers have times, and segments divide a buffer evenly.
    """
    if times.shape != shape[:2]:
        return None
    step = scan_time_of(times.astype(np.float64))
    if step is None or points == 1:
        return step
    return step / shape[2]


def _text(label: Any) -> str:
    text = label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
    return text.strip("\0 ")


def _own_dataset(name: str, path: Path) -> Any:
    """Return a dataset that lies in the file itself, in chunks that are read alone.

    Raises
    ------
    UnreadableFile
        If it is a link to another file, or its chunks would fill the memory.
    """
    found = dataset(path, name)
    values = int(np.prod(found.chunks or (1,), dtype=object))
    if values * found.dtype.itemsize > _LARGEST_CHUNK:
        raise UnreadableFile(f"{path} holds {name} in chunks of {values} values")
    return found
