"""Images from a laser that ran over a specimen line by line.

A point of a line is as long as the laser went between two scans of the mass
spectrometer: scan speed times scan time. Lines lie one spot apart. So pixels are
rectangles, and neither side can be seen in the signal.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.lazy import Source, lazy_array
from nanoscape.io.opening import Options, Readable, calibration_tags, stem
from nanoscape.io.spectrometry.eager import Content, EagerSource, Load, remembered
from nanoscape.io.spectrometry.isotopes import isotope_of
from nanoscape.model import Affine, Quantity, Tags
from nanoscape.model.roles import guess_role
from nanoscape.units import ARBITRARY

COUNTS_PER_SECOND = "counts/s"
_LARGEST_SPARSE = 16
"""How many pixels an image may have for each measured point."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScanInfo:
    """What is known of a measurement line by line.

    Attributes
    ----------
    channels
        Names of the measured masses.
    scan_time
        Seconds from point to point.
    scan_speed
        Of the laser along a line, in µm/s.
    line_distance
        Of neighbouring lines, in µm.
    unit
        Of the values.
    masses
        Of the channels in unified atomic mass units, where they are not isotopes.
    warnings
        Sentences for the user.
    """

    channels: tuple[str, ...]
    scan_time: float | None = None
    scan_speed: float | None = None
    line_distance: float | None = None
    unit: str = ARBITRARY
    masses: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class LineScan(ScanInfo, Content):
    """A measurement with its ``values``, of shape ``(channel, line, point)``."""


def line_image(
    load: Load[LineScan],
    path: Path,
    options: Options,
    *,
    files: tuple[Path, ...] = (),
    arguments: tuple[Hashable, ...] = (),
) -> Sequence[Readable]:
    """Return the image of what a function reads, one channel for each mass.

    Such tables are small; they are read when they are opened.

    Parameters
    ----------
    load, path, files, arguments
        As :func:`~nanoscape.io.spectrometry.eager.remembered` takes them.
    options
        What the caller says.
    """
    scan = remembered(load, path, files, arguments)
    values = scan.values
    source = EagerSource(path, load, values.shape, values.dtype, files, arguments)
    return scan_image(scan, source, values.shape[1], path, options)


def scan_image(
    scan: ScanInfo, source: Source, rows: int, path: Path, options: Options
) -> Sequence[Readable]:
    """Return the image of a measurement, one channel for each mass.

    Parameters
    ----------
    scan
        What is known of it.
    source
        Its values, of shape ``(channel, line, point)``.
    rows
        How many lines are read at once.
    path
        For names and messages.
    options
        What the caller says.
    """
    for sentence in scan.warnings:
        options.warn(sentence)
    spacing = spacing_of(scan, options, path)
    name = stem(path)
    stack = Stack(
        arrays=[lazy_array(source, (1, rows, source.shape[2]))],
        axes="cyx",
        name=name,
        space=name,
        channels=scan.channels,
        channel_tags=channel_tags(scan),
        quantity=Quantity("signal", scan.unit),
        tags=Tags.of("header", modality="LA-ICP-MS", scan_time_s=scan.scan_time).merged(
            calibration_tags(options)
        ),
    )
    return [build(without_single(stack, "c"), Affine.from_spacing("yx", spacing))]


def channel_tags(scan: ScanInfo) -> list[Tags]:
    """Return the analyte, isotope or mass of each channel."""
    tags = []
    for number, channel in enumerate(scan.channels):
        isotope = isotope_of(channel)
        mass = scan.masses[number] if scan.masses else None
        own = Tags.of(
            "header", analyte=isotope or channel, isotope=isotope, mass_u=mass
        )
        tags.append(own.having("guess", role=guess_role(isotope or channel)))
    return tags


def spacing_of(scan: ScanInfo, options: Options, path: Path) -> dict[str, float]:
    """Return the distance of lines and of points in µm.

    The caller's word replaces the file's: a pixel size along both axes, a scan speed
    along the line, a spot size across.

    Raises
    ------
    MissingCalibration
        If one of them is not known.
    """
    speed = options.scan_speed or scan.scan_speed
    along = options.pixel_size
    if along is None and speed and scan.scan_time:
        along = speed * scan.scan_time
    across = options.spot_size or options.pixel_size or scan.line_distance
    if along and across:
        return {"y": across, "x": along}
    missing = {}
    if not along and not scan.scan_time:
        missing["pixel_size"] = "how far its points lie apart (pixel_size in µm)"
    elif not along:
        missing["scan_speed"] = "how fast the laser ran (scan_speed in µm/s)"
    if not across:
        missing["spot_size"] = "how far its lines lie apart (spot_size in µm)"
    raise MissingCalibration(
        f"{path} does not say {' and '.join(missing.values())}",
        "both in the file",
        "give what is named in brackets",
        needs=tuple(missing),
    )


def scan_time_of(times: NDArray[Any]) -> float | None:
    """Return the usual step of times in seconds, ``None`` if they do not advance.

    Parameters
    ----------
    times
        Along the last axis; NaN where nothing was measured.
    """
    known = np.where(np.isfinite(times), times, np.nan)
    steps = np.diff(known, axis=-1)
    steps = steps[np.isfinite(steps)]
    if not steps.size:
        return None
    step = float(np.median(steps))
    return step if step > 0 else None


def stacked(lines: Sequence[NDArray[Any] | None], channels: int) -> NDArray[np.float64]:
    """Return lines as one array, NaN for lines and points that were not measured.

    Parameters
    ----------
    lines
        Values of shape ``(points, channels)``, or ``None`` for a missing line.
    channels
        How many there are.

    Returns
    -------
    ndarray
        Shape ``(channels, lines, points)``.

    Raises
    ------
    UnreadableFile
        If a few long lines would make a large and nearly empty image.
    """
    lengths = [len(line) for line in lines if line is not None]
    longest = max(lengths, default=0)
    if longest * len(lines) > _LARGEST_SPARSE * sum(lengths) + 4096:
        raise UnreadableFile(
            f"the lines have {min(lengths)} to {longest} points",
            "lines of one image",
            "put lines of one image into the folder",
        )
    values = np.full((channels, len(lines), longest), np.nan)
    for number, line in enumerate(lines):
        if line is not None:
            values[:, number, : len(line)] = line.T
    return values
