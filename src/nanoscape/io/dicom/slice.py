"""One slice of a DICOM object: where it lies, and in what it differs from others."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydicom.dataset import Dataset

from nanoscape.errors import UnreadableFile
from nanoscape.io.dicom.diffusion import b_direction, b_value
from nanoscape.io.dicom.values import moment, number, numbers, text
from nanoscape.io.opening import Options

Vector = tuple[float, ...]

ORDER = "order of the frames"
"""A clock that gives an order and no seconds."""

FROM_FIRST = ("acquisition time", "date of reference")
"""Clocks that show the time of day."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    # The same for all of the thousands of frames of a cine.
    return _NOTHING


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice, a file of its own or a frame of a file.

    Attributes
    ----------
    path, frame
        Where its samples are.
    header
        Header of the file.
    position, orientation
        Centre of its first pixel (mm, LPS), and the six cosines along its rows and
        columns; ``None`` where the file does not say.
    spacing
        Distance between rows, then between columns, in mm.
    thickness
        In mm.
    slope, intercept
        From stored to rescaled samples.
    coordinates
        In what slices at one place may differ, such as ``echo_time_ms``.
    time_s
        Seconds of its frame, by names of the clocks that tell it.
    timing
        Header elements that tell when it was acquired; the header by default.
    """

    path: Path
    frame: int
    header: Dataset
    position: Vector | None
    orientation: Vector | None
    spacing: Vector | None
    thickness: float | None
    slope: float = 1.0
    intercept: float = 0.0
    coordinates: Mapping[str, Any] = field(default_factory=_nothing)
    time_s: Mapping[str, float] = field(default_factory=_nothing)
    timing: Dataset | None = None

    @property
    def timed(self) -> Dataset:
        """Elements that tell when the slice was acquired."""
        return self.header if self.timing is None else self.timing

    @property
    def where(self) -> str:
        """Name of the file, and the frame's number unless it is the first."""
        more = f", frame {self.frame + 1}" if self.frame else ""
        return f"{self.path.name}{more}"


def classic_slice(path: Path, header: Dataset) -> Slice:
    """Return the slice that a single-frame CT, MR or PET file holds.

    Raises
    ------
    UnreadableFile
        If its rescale parameters are no numbers.
    """
    slope, intercept = rescale_of(header, path)
    spacing = numbers(header, "PixelSpacing", 2)
    position = numbers(header, "ImagePositionPatient", 3)
    orientation = numbers(header, "ImageOrientationPatient", 6)
    gated = str(header.get("Modality")) == "PT" or number(
        header, "CardiacNumberOfImages"
    )
    trigger = number(header, "TriggerTime")
    coordinates = {
        "component": _component(header),
        "echo_time_ms": number(header, "EchoTime"),
        "b_value": b_value(header),
        "b_direction": b_direction(header),
        "inversion_time_ms": number(header, "InversionTime"),
        "flip_angle_deg": number(header, "FlipAngle"),
        "trigger_time_ms": trigger if gated else None,
    }
    times = {
        "frame reference time": number(header, "FrameReferenceTime", 1e-3),
        "trigger time": None if gated else number(header, "TriggerTime", 1e-3),
        "acquisition time": clock_seconds(moment(header, "Acquisition")),
    }
    times |= numbered_time(header, number(header, "TemporalPositionIdentifier"))
    return Slice(
        path=path,
        frame=0,
        header=header,
        position=None if position is None else tuple(position),
        orientation=None if orientation is None else tuple(orientation),
        spacing=None if spacing is None else tuple(spacing),
        thickness=number(header, "SliceThickness"),
        slope=slope,
        intercept=intercept,
        coordinates={k: v for k, v in coordinates.items() if v is not None},
        time_s={k: v for k, v in times.items() if v is not None},
    )


def numbered_time(header: Dataset, position: float | None) -> dict[str, float | None]:
    """Return the time of a numbered frame: in seconds where their distance is stated.

    Parameters
    ----------
    header
        May state TemporalResolution, in ms.
    position
        Number of the frame, from 1.
    """
    step = number(header, "TemporalResolution", 1e-3)
    if position is None:
        return {}
    stated = {"temporal resolution": (position - 1) * step} if step else {}
    return {**stated, ORDER: position}


def rescale_of(header: Dataset, path: Path) -> tuple[float, float]:
    """Return slope and intercept, 1 and 0 where the header has none."""
    found = []
    for name, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        value = number(header, name) if header.get(name) is not None else default
        if value is None or not math.isfinite(value):
            raise UnreadableFile(f"{path} is damaged: its {name} is no number")
        found.append(value)
    return found[0], found[1]


def single_thickness(part: Slice, options: Options) -> float | None:
    """Return the distance along z that a single slice stands for, in mm."""
    if part.thickness and part.thickness > 0:
        options.warn("a single slice: its thickness is taken as the distance along z")
        return part.thickness
    return None if options.pixel_size is None else options.pixel_size / 1e3


def _component(header: Dataset) -> str | None:
    """Return the part of a complex MR image, or the water or fat that it shows."""
    if str(header.get("Modality")) != "MR":
        return None
    known = {"M": "magnitude", "P": "phase", "R": "real", "I": "imaginary",
             "W": "water", "F": "fat", "IP": "in phase",
             "OP": "out of phase"}  # fmt: skip
    words = [str(word).upper() for word in header.get("ImageType") or []][2:]
    return next((known[word] for word in words if word in known), None) or text(
        header, "ComplexImageComponent"
    )


def clock_seconds(instant: str | None) -> float | None:
    """Return seconds of an ISO 8601 time since an arbitrary but fixed one."""
    if instant is None:
        return None
    found = datetime.datetime.fromisoformat(instant)
    return (found - datetime.datetime(1970, 1, 1)).total_seconds()
