"""LA-ICP-MS of the time-of-flight instruments of Nu (Vitesse).

A folder holds ``laser.info`` and a folder for each line. Its ``run.info`` (JSON) tells
how the instrument was set, and its ``.integ`` files hold, for each acquisition, four
32-bit numbers (cycle, segment, acquisition, count of masses), followed by 13 bytes for
each mass: time of flight and signal as 32-bit floats, and five bytes that are not used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.line_files import missing_lines, natural, numbered, uneven_lines
from nanoscape.io.line_scan import (
    COUNTS_PER_SECOND,
    LineScan,
    line_image,
    stacked,
)
from nanoscape.io.opening import Options, Readable

_LASER, _RUN, _INDEX = "laser.info", "run.info", "integrated.index"
_LARGEST_JSON = 2**26
_LARGEST_DATA = 2**33
_NANOSECONDS_PER_TICK = 0.5
_SPARSEST = 16
_MASS = np.dtype([("ticks", "<f4"), ("signal", "<f4"), ("rest", "V5")])


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
    """Read the lines of a folder."""
    folder = _folder(path)
    laser = _json(folder / _LASER)
    if laser.get("AcquisitionLineGroupSize", 1) != 1:
        raise UnreadableFile(
            f"{folder} holds several lines of the laser in one acquisition",
            "one acquisition for each line",
            "export the image from the instrument's program",
        )
    found = sorted((f for f in folder.iterdir() if _is_line(f)), key=natural)
    lines = tuple(numbered(found))
    files = [
        file
        for line in found
        for file in (line / _RUN, line / _INDEX, *sorted(line.glob("*.integ")))
    ]
    return line_image(load, folder, options, files=tuple(files), arguments=(lines,))


def load(path: Path, lines: tuple[Path | None, ...]) -> LineScan:
    """Return the signals of all lines.

    Raises
    ------
    UnreadableFile
        If a line is damaged, or was measured in another way than the others.
    """
    values: list[NDArray[np.float64] | None] = []
    masses: NDArray[np.float64] | None = None
    times = []
    for line in lines:
        if line is None:
            values.append(None)
            continue
        signals, own, seconds = _line(line)
        masses = own if masses is None else masses
        if len(own) != len(masses):
            raise UnreadableFile(
                f"{line} has {len(own)} masses", f"{len(masses)} as in the other lines"
            )
        values.append(signals)
        times.append(seconds)
    if masses is None:
        raise UnreadableFile(f"{path} holds no lines")
    if not np.allclose(times, times[0], rtol=1e-6):
        raise UnreadableFile(f"the lines in {path} have different scan times")
    lengths = [len(line) for line in values if line is not None]
    return LineScan(
        values=stacked(values, len(masses)),
        channels=tuple(f"{round(mass)} u" for mass in masses),
        masses=tuple(round(float(mass), 4) for mass in masses),
        scan_time=times[0],
        unit=COUNTS_PER_SECOND,
        warnings=(*missing_lines(values), *uneven_lines(lengths)),
    )


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _is_line(path: Path) -> bool:
    return (path / _RUN).is_file() and (path / _INDEX).is_file()


def _json(path: Path) -> Mapping[str, Any]:
    found = _parsed(path)
    if not isinstance(found, Mapping):
        raise UnreadableFile(f"{path} is damaged", "a JSON object")
    return found


def _parsed(path: Path) -> Any:
    """Return what a JSON file holds."""
    if path.stat().st_size > _LARGEST_JSON:
        raise UnreadableFile(f"{path} is too large for a file of settings")
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UnreadableFile(
            f"{path} is damaged: {error}", todo="copy the folder again"
        ) from error


def _line(
    folder: Path,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return counts per second, shape ``(point, mass)``, masses, and the scan time."""
    run = _json(folder / _RUN)
    segments = run["SegmentInfo"]
    if len(segments) != 1:
        raise UnreadableFile(
            f"{folder} was measured in {len(segments)} segments", "one"
        )
    count = int(run["NumAccumulations1"]) * int(run["NumAccumulations2"])
    seconds = float(segments[0]["AcquisitionPeriodNs"]) * 1e-9 * count
    area = float(run["AverageSingleIonArea"])
    if not (count > 0 and 0 < seconds < np.inf and 0 < area < np.inf):
        raise UnreadableFile(f"{folder / _RUN} does not state how long a scan took")
    files = [f"{int(entry['FileNum'])}.integ" for entry in _parsed(folder / _INDEX)]
    records = [_records(folder / name) for name in files]
    widths = {record["masses"].shape[1] for record in records}
    if len(widths) != 1:
        raise UnreadableFile(f"the files of {folder} do not hold the same masses")
    numbers = np.concatenate([record["acquisition"] for record in records])
    points = numbers.astype(np.int64) // count - 1
    if points.min() < 0 or points.max() >= _SPARSEST * len(points) + 4096:
        raise UnreadableFile(f"{folder} is damaged: it does not count its acquisitions")
    values = np.full((int(points.max()) + 1, widths.pop()), np.nan)
    signals = np.concatenate([record["masses"]["signal"] for record in records])
    with np.errstate(over="ignore", invalid="ignore"):
        values[points] = signals.astype(np.float64) / (area * seconds)
    # Square root of mass is linear in the time of flight.
    offset, slope = (float(c) for c in run["MassCalCoefficients"])
    delay = float(segments[0]["AcquisitionTriggerDelayNs"])
    ticks = records[0]["masses"]["ticks"][0].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        masses = (offset + slope * (delay + ticks * _NANOSECONDS_PER_TICK)) ** 2
    if not np.isfinite(masses).all() or masses.max() > 1000:
        raise UnreadableFile(f"{folder} is damaged: its masses are not plausible")
    return values, masses, seconds


def _records(path: Path) -> NDArray[Any]:
    """Return the acquisitions of a file.

    Raises
    ------
    UnreadableFile
        If it is absent, or not made of equal records.
    """
    if not path.is_file():
        raise UnreadableFile(
            f"{path} is missing", "all files of the line", "copy the folder again"
        )
    if path.stat().st_size > _LARGEST_DATA:
        raise UnreadableFile(f"{path} is too large for one line")
    data = path.read_bytes()
    width = int.from_bytes(data[12:16], "little")
    size = 16 + width * _MASS.itemsize
    if not 0 < width < 2**16 or not data or len(data) % size:
        raise UnreadableFile(
            f"{path} is damaged: {len(data)} bytes are no whole number of records",
            todo="copy the folder again",
        )
    record = np.dtype(
        [
            ("cycle", "<u4"),
            ("segment", "<u4"),
            ("acquisition", "<u4"),
            ("count", "<u4"),
            ("masses", _MASS, (width,)),
        ]
    )
    records = np.frombuffer(data, record)
    if (records["count"] != width).any():
        raise UnreadableFile(f"{path} is damaged: its records are not equally long")
    return records
