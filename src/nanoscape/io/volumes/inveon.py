"""Siemens Inveon images: samples in ``*.img`` and a text header in ``*.img.hdr``."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
)
from nanoscape.io.volumes.placed_frames import PlacedFrames
from nanoscape.model import Affine, Image, Quantity, Tags
from nanoscape.model.raster import single_level

_MARK = b"Header file for data file"
_LARGEST_HEADER = 2**22
_TYPES = {1: "i1", 2: "<i2", 3: "<i4", 4: "<f4", 5: ">f4", 6: ">i2", 7: ">i4"}
_MODALITIES = {0: "PT", 1: "CT", 2: "NM"}
_IMAGES = {5, 8}
_BECQUERELS = {1: 37.0, 2: 1.0}
"""Bq/mL per unit of the calibration: nCi/cc, Bq/cc."""

_GRAMS = {1: 1.0, 2: 28.349523125, 3: 1e3, 4: 453.59237}
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_DOSES = {1: "mCi", 2: "MBq"}


@dataclass(frozen=True)
class Header:
    """A parsed header.

    Attributes
    ----------
    common
        Entries before the first frame.
    frames
        Entries of each frame.
    """

    common: dict[str, str]
    frames: tuple[dict[str, str], ...]

    def whole(self, name: str, default: int = 0) -> int:
        """Return a whole number of the common part."""
        found = _number(self.common, name)
        return default if found is None else int(found)


def sniff(path: Path) -> bool:
    """Tell whether a file, or the header beside it, is one of an Inveon."""
    try:
        return _is_header(_header_path(path))
    except (OSError, ValueError):
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read an image from its header or from its samples."""
    header_path = _header_path(path)
    samples = header_path.with_name(header_path.name[: -len(".hdr")])
    header = parse(header_path)
    if not samples.is_file():
        raise UnreadableFile(
            f"{path} has no samples: {samples.name} is missing beside it",
            todo="copy both files",
        )
    if header.whole("file_type", 5) not in _IMAGES:
        raise UnreadableFile(
            f"{path} holds raw or calibration data of the scanner",
            "a reconstructed image",
        )
    volume = [header.whole(f"{axis}_dimension", 1) for axis in "zyx"]
    kind = _TYPES.get(header.whole("data_type"))
    if kind is None or min(volume) < 1 or not header.frames:
        raise UnreadableFile(
            f"{header_path} is damaged: it states the size {volume}, the type "
            f"{header.common.get('data_type')} and {len(header.frames)} frames"
        )
    stated = header.whole("total_frames", len(header.frames))
    if stated != len(header.frames):
        raise UnreadableFile(
            f"{header_path} is truncated: it announces {stated} frames and describes "
            f"{len(header.frames)}",
            todo="copy the header again",
        )
    quantity, factor = _calibration(header, options)
    source = PlacedFrames(
        samples,
        kind,  # type: ignore[arg-type]
        volume,
        [_offset(frame) for frame in header.frames],
        [(_number(f, "scale_factor") or 1.0) * factor for f in header.frames],
    )
    source.check_complete()
    found = {a: (_number(header.common, f"pixel_size_{a}") or 0) * 1e3 for a in "zyx"}
    frames = len(header.frames)
    name = samples.name.removesuffix(".img")
    return [
        Image(
            levels=single_level(lazy_array(source, source.native_chunks()), "zyx"),
            axes="tzyx" if frames > 1 else "zyx",
            grid_to_space=Affine.from_spacing(
                "zyx", calibrate("zyx", found, options, header_path)
            ),
            space=name,
            name=name,
            quantity=quantity,
            tags=_tags(header).merged(calibration_tags(options)),
            times=_middles(header) if frames > 1 else None,
        )
    ]


def parse(path: Path) -> Header:
    """Return the entries of a header.

    Raises
    ------
    UnreadableFile
        If it is none.
    """
    if path.stat().st_size > _LARGEST_HEADER or not _is_header(path):
        raise UnreadableFile(f"{path} is no header of an Inveon image")
    common: dict[str, str] = {}
    frames: list[dict[str, str]] = []
    for line in path.read_text("latin-1").splitlines():
        name, _, value = line.strip().partition(" ")
        if not name or name.startswith("#") or name == "end_of_header":
            continue
        if name == "frame":
            frames.append({})
        (frames[-1] if frames else common)[name] = value.strip()
    return Header(common, tuple(frames))


def _header_path(path: Path) -> Path:
    return path if path.name.endswith(".hdr") else path.with_name(path.name + ".hdr")


def _is_header(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == b"#" and _MARK in file.read(512)


def _number(entries: dict[str, str], name: str) -> float | None:
    try:
        found = float(entries.get(name, "").split()[0])
    except (ValueError, IndexError):
        return None
    return found if math.isfinite(found) else None


def _offset(frame: dict[str, str]) -> int:
    """Return the first byte of a frame, stated as two halves of 32 bits."""
    try:
        high, low = (int(word) for word in frame["data_file_pointer"].split()[:2])
    except (KeyError, ValueError) as error:
        raise UnreadableFile(
            "a frame of the header does not say where its samples are",
            "data_file_pointer",
        ) from error
    return (high << 32) + low % 2**32


def _calibration(header: Header, options: Options) -> tuple[Quantity, float]:
    """Return the quantity, and the factor that all frames share.

    value · scale_factor · calibration_factor / isotope_branching_fraction, in the
    unit that calibration_units names.
    """
    if header.whole("modality") == 1:
        return Quantity("attenuation", "a.u."), 1.0
    becquerels = _BECQUERELS.get(header.whole("calibration_units"))
    factor = _number(header.common, "calibration_factor")
    branching = _number(header.common, "isotope_branching_fraction")
    if not (becquerels and factor and branching and factor > 0 and branching > 0):
        options.warn(
            "the image is not calibrated: it states no calibration factor with its "
            "unit and branching fraction"
        )
        return Quantity("PET signal", "a.u."), 1.0
    quantity = Quantity("activity concentration", "Bq/mL")
    return quantity, becquerels * factor / branching


def _middles(header: Header) -> tuple[float, ...] | None:
    """Return the middle of each frame in seconds."""
    spans = [
        (_number(f, "frame_start"), _number(f, "frame_duration")) for f in header.frames
    ]
    middles = [a + b / 2 for a, b in spans if a is not None and b is not None]
    return tuple(middles) if len(middles) == len(spans) else None


def _tags(header: Header) -> Tags:
    common = header.common
    scan = _time(common.get("scan_time", ""))
    starts = [_number(frame, "frame_start") for frame in header.frames]
    weight = _number(common, "subject_weight")
    grams = _GRAMS.get(header.whole("subject_weight_units"))
    dose = _number(common, "dose")
    corrected = header.whole("decay_correction_applied", -1)
    acquired = [
        (scan + datetime.timedelta(seconds=start)).isoformat()
        for start in starts
        if scan is not None and start is not None
    ]
    injected = _time(common.get("injection_time", ""))
    durations = [_number(frame, "frame_duration") for frame in header.frames]
    return Tags.of(
        "header",
        modality=_MODALITIES.get(header.whole("modality", -1)),
        subject=common.get("subject_identifier") or None,
        analyte=common.get("injected_compound") or None,
        radionuclide=common.get("isotope") or None,
        half_life_s=_number(common, "isotope_half_life"),
        weight_g=weight * grams if weight and grams else None,
        injected_dose=dose or None,
        injected_dose_unit=_DOSES.get(header.whole("dose_units")) if dose else None,
        injection_time=injected and injected.isoformat(),
        series_time=scan and scan.isoformat(),
        acquisition_time=acquired[0] if acquired else None,
        acquisition_times=acquired if len(acquired) == len(starts) else None,
        frame_durations_s=None if None in durations else durations,
        decay_correction={0: "NONE", -1: None}.get(corrected, "START"),
    )


def _time(text: str) -> datetime.datetime | None:
    """Return a time such as ``Mon Nov 23 10:00:00 2026``, in any locale."""
    words = text.split()
    try:
        _, month, day, clock, year = words
        date = f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}"
        return datetime.datetime.fromisoformat(f"{date}T{clock}")
    except ValueError:
        return None
