"""LA-ICP-MS of the time-of-flight instruments of Nu (Vitesse).

A folder holds ``laser.info`` and a folder for each line. Its ``run.info`` (JSON) tells
how the instrument was set, and its ``.integ`` files hold, for each acquisition, four
32-bit numbers (cycle, segment, acquisition, count of masses), followed by 13 bytes for
each mass: time of flight and signal as 32-bit floats, and five bytes that are not used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import Box, ByteReader, Source, stamp
from nanoscape.io.opening import Options, Readable
from nanoscape.io.spectrometry.line_files import (
    missing_lines,
    natural,
    numbered,
    uneven_lines,
)
from nanoscape.io.spectrometry.line_scan import COUNTS_PER_SECOND, ScanInfo, scan_image

_LASER, _RUN, _INDEX = "laser.info", "run.info", "integrated.index"
_LARGEST_JSON = 2**26
_NANOSECONDS_PER_TICK = 0.5
_LARGEST_SPARSE = 16
"""How many points a line may count for each acquisition that is there."""
_CHUNK_BYTES = 2**24
_MASS = np.dtype([("ticks", "<f4"), ("signal", "<f4"), ("rest", "V5")])
_HEAD_BYTES = 16


@dataclass(frozen=True)
class Line:
    """One line of the laser.

    Attributes
    ----------
    files
        With the acquisitions, in order.
    masses
        In unified atomic mass units.
    sum_of
        How many extractions make an acquisition.
    seconds
        That an acquisition takes.
    per_second
        Counts per second by signal.
    points
        How many acquisitions there were, those included that are not there.
    """

    files: tuple[Path, ...]
    masses: tuple[float, ...]
    sum_of: int
    seconds: float
    per_second: float
    points: int


def sniff(path: Path) -> bool:
    """Tell whether a folder, or the one around its ``laser.info``, holds lines."""
    folder = _folder(path)
    try:
        return (folder / _LASER).is_file() and any(
            _is_line(inner) for inner in folder.iterdir()
        )
    except OSError:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the lines of a folder.

    Raises
    ------
    UnreadableFile
        If a line is damaged, or was measured in another way than the others.
    """
    folder = _folder(path)
    laser = _settings(folder / _LASER)
    if laser.get("AcquisitionLineGroupSize", 1) != 1:
        raise UnreadableFile(
            f"{folder} holds several lines of the laser in one acquisition",
            "one acquisition for each line",
            "export the image from the instrument's program",
        )
    found = sorted((f for f in folder.iterdir() if _is_line(f)), key=natural)
    lines = [None if inner is None else _line(inner) for inner in numbered(found)]
    known = [line for line in lines if line is not None]
    if not known:
        raise UnreadableFile(f"{folder} holds no lines")
    first = known[0]
    for line in known[1:]:
        if len(line.masses) != len(first.masses):
            raise UnreadableFile(
                f"{line.files[0].parent} has {len(line.masses)} masses",
                f"{len(first.masses)} as in the other lines",
            )
        if not np.isclose(line.seconds, first.seconds, rtol=1e-6):
            raise UnreadableFile(f"the lines in {folder} have different scan times")
    lengths = [line.points for line in known]
    scan = ScanInfo(
        channels=tuple(f"{round(mass)} u" for mass in first.masses),
        masses=tuple(round(mass, 4) for mass in first.masses),
        scan_time=first.seconds,
        unit=COUNTS_PER_SECOND,
        warnings=(*missing_lines(lines), *uneven_lines(lengths)),
    )
    source = LinesSource(folder, tuple(lines))
    row = max(lengths) * _record(len(first.masses)).itemsize
    rows = max(1, min(len(lines), _CHUNK_BYTES // row))
    return scan_image(scan, source, rows, folder, options)


class LinesSource(Source):
    """Counts per second of lines, shape ``(mass, line, point)``; NaN where none is.

    Parameters
    ----------
    path
        The folder.
    lines
        In order; ``None`` for those that are missing.
    """

    def __init__(self, path: Path, lines: tuple[Line | None, ...]) -> None:
        known = [line for line in lines if line is not None]
        self.path = path
        self.lines = lines
        longest = max(line.points for line in known)
        self.shape = (len(known[0].masses), len(lines), longest)
        self.dtype = np.dtype(np.float32)
        self._stamps = [stamp(file) for line in known for file in line.files]

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (str(self.path), self.lines, *self._stamps)

    def read_box(self, box: Box) -> NDArray[np.float32]:
        """Return the values of a box."""
        masses, lines, points = box
        shape = [part.stop - part.start for part in box]
        values = np.full(shape, np.nan, np.float32)
        for number, line in enumerate(self.lines[lines]):
            if line is not None:
                whole = _signals(line, masses)
                part = whole[:, points.start : min(points.stop, line.points)]
                values[:, number, : part.shape[1]] = part
        return values

    def __reduce__(self) -> tuple[Any, ...]:
        return LinesSource, (self.path, self.lines)


def _signals(line: Line, masses: slice) -> NDArray[np.float32]:
    """Return counts per second of some masses, shape ``(mass, point)``."""
    width = len(line.masses)
    values = np.full((masses.stop - masses.start, line.points), np.nan, np.float32)
    for file in line.files:
        records = np.memmap(file, _record(width), mode="r")
        points = records["acquisition"].astype(np.int64) // line.sum_of - 1
        inside = (points >= 0) & (points < line.points)
        if not inside.all() or (records["count"] != width).any():
            raise UnreadableFile(
                f"{file} is damaged: its acquisitions are not counted in order",
                todo="copy the folder again",
            )
        signals = records["masses"]["signal"][:, masses].astype(np.float64)
        # What is too large for a float is damage, and shows as such.
        with np.errstate(over="ignore", invalid="ignore"):
            values[:, points] = (signals * line.per_second).T
    return values


def _record(width: int) -> np.dtype[Any]:
    """Return the layout of an acquisition with some number of masses."""
    numbers = [(name, "<u4") for name in ("cycle", "segment", "acquisition", "count")]
    return np.dtype([*numbers, ("masses", _MASS, (width,))])


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _is_line(path: Path) -> bool:
    return (path / _RUN).is_file() and (path / _INDEX).is_file()


def _settings(path: Path) -> Mapping[str, Any]:
    found = _json(path)
    if not isinstance(found, Mapping):
        raise UnreadableFile(f"{path} is damaged", "a JSON object")
    return found


def _json(path: Path) -> Any:
    """Return what a JSON file holds."""
    if path.stat().st_size > _LARGEST_JSON:
        raise UnreadableFile(f"{path} is too large for a file of settings")
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UnreadableFile(
            f"{path} is damaged: {error}", todo="copy the folder again"
        ) from error


def _line(folder: Path) -> Line:
    """Return what is known of a line before its signals are read.

    Raises
    ------
    UnreadableFile
        If its settings are not complete or its files are damaged.
    """
    run = _settings(folder / _RUN)
    segments = run["SegmentInfo"]
    if len(segments) != 1:
        raise UnreadableFile(
            f"{folder} was measured in {len(segments)} segments", "one segment"
        )
    sum_of = int(run["NumAccumulations1"]) * int(run["NumAccumulations2"])
    seconds = float(segments[0]["AcquisitionPeriodNs"]) * 1e-9 * sum_of
    area = float(run["AverageSingleIonArea"])
    if not (sum_of > 0 and 0 < seconds < 3600 and 1e-3 < area < 1e12):
        raise UnreadableFile(f"{folder / _RUN} does not state how long a scan took")
    files = [
        folder / f"{int(entry['FileNum'])}.integ" for entry in _json(folder / _INDEX)
    ]
    ends = [_ends(file) for file in files]
    width = len(ends[0][0])
    if any(len(ticks) != width for ticks, _, _ in ends):
        raise UnreadableFile(f"the files of {folder} do not hold the same masses")
    points = max(last for _, last, _ in ends) // sum_of
    if not 0 < points <= _LARGEST_SPARSE * sum(count for *_, count in ends) + 4096:
        raise UnreadableFile(f"{folder} is damaged: it counts {points} acquisitions")
    # Square root of mass is linear in the time of flight.
    offset, slope = (float(c) for c in run["MassCalCoefficients"])
    delay = float(segments[0]["AcquisitionTriggerDelayNs"])
    with np.errstate(over="ignore", invalid="ignore"):
        masses = (offset + slope * (delay + ends[0][0] * _NANOSECONDS_PER_TICK)) ** 2
    if not (masses < 1000).all():
        raise UnreadableFile(f"{folder} is damaged: its masses are not plausible")
    return Line(
        files=tuple(files),
        masses=tuple(masses.tolist()),
        sum_of=sum_of,
        seconds=seconds,
        per_second=1 / (area * seconds),
        points=points,
    )


def _ends(path: Path) -> tuple[NDArray[np.float64], int, int]:
    """Return flight times of the masses, the last acquisition, and how many there are.

    Raises
    ------
    UnreadableFile
        If the file is absent, or not made of equal records.
    """
    if not path.is_file():
        raise UnreadableFile(
            f"{path} is missing", "all files of the line", "copy the folder again"
        )
    size = path.stat().st_size
    reader = ByteReader(path)
    width = int.from_bytes(reader.read(_HEAD_BYTES - 4, 4), "little")
    record = _record(min(width, 2**16))
    if not 0 < width < 2**16 or size % record.itemsize:
        raise UnreadableFile(
            f"{path} is damaged: {size} bytes are no whole number of records",
            todo="copy the folder again",
        )
    first, last = (
        np.frombuffer(reader.read(offset, record.itemsize), record)[0]
        for offset in (0, size - record.itemsize)
    )
    ticks = first["masses"]["ticks"].astype(np.float64)
    return ticks, int(last["acquisition"]), size // record.itemsize
