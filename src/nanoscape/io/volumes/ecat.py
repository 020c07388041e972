"""ECAT 7 volumes of CTI and Siemens scanners (``*.v``)."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.ecat import main_header_dtd, subheader_dtd

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.io.volumes.placed_frames import PlacedFrames
from nanoscape.model import Affine, Image, Quantity, Tags
from nanoscape.model.raster import single_level

_MAGIC = b"MATRIX7"
_BLOCK = 512
_VOLUMES = {2, 6, 7}
_TYPES = {1: ">i1", 5: ">f4", 6: ">i2", 7: ">i4"}
_BECQUERELS = {"bq/cc": 1.0, "bq/ml": 1.0, "kbq/cc": 1e3, "kbq/ml": 1e3}
_DECAYED = 512
_MOST_FRAMES = 4096


def sniff(path: Path) -> bool:
    """Tell whether a file starts like ECAT 7."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read a volume, or volumes over time.

    Axes are turned as by nibabel: indices grow to the right, the front and the head
    where the file states how the patient lay.
    """
    try:
        main, frames = _headers(path)
    except DAMAGE as error:
        raise UnreadableFile(
            f"{path} is damaged: {error}", "an ECAT 7 volume", "copy the file again"
        ) from error
    first = frames[0][1]
    volume = tuple(int(first[f"{axis}_dimension"]) for axis in "zyx")
    kind = _TYPES.get(int(first["data_type"]))
    if int(main["file_type"]) not in _VOLUMES or kind is None or min(volume) < 1:
        raise UnreadableFile(
            f"{path} holds the file type {int(main['file_type'])} with samples of the "
            f"type {int(first['data_type'])}",
            "image volumes in whole or IEEE numbers",
        )
    for _, sub in frames[1:]:
        if any(sub[f"{a}_dimension"] != first[f"{a}_dimension"] for a in "zyx"):
            raise UnreadableFile(f"{path} holds frames of different size")
    quantity, unit = _quantity(main, options)
    scale = float(main["ecat_calibration_factor"]) * unit
    source = PlacedFrames(
        path,
        np.dtype(kind),
        volume,
        [offset for offset, _ in frames],
        [float(sub["scale_factor"]) * scale for _, sub in frames],
        _flips(int(main["patient_orientation"])),
    )
    if not all(math.isfinite(s) for s in source.scales):
        raise UnreadableFile(f"{path} is damaged: its scale factors are no numbers")
    source.check_complete()
    many = len(frames) > 1
    return [
        Image(
            levels=single_level(lazy_array(source, source.native_chunks()), "zyx"),
            axes="tzyx" if many else "zyx",
            grid_to_space=_affine(path, first, volume, options),
            space=stem(path),
            name=_text(main, "study_description") or stem(path),
            quantity=quantity,
            tags=_tags(main, [sub for _, sub in frames]).merged(
                calibration_tags(options)
            ),
            times=_middles([sub for _, sub in frames]) if many else None,
        )
    ]


def _headers(path: Path) -> tuple[Any, list[tuple[int, Any]]]:
    """Return the main header, and of each frame where it starts and its header."""
    main_type = np.dtype(main_header_dtd).newbyteorder(">")
    sub_type = np.dtype(subheader_dtd).newbyteorder(">")
    with path.open("rb") as file:
        main = np.frombuffer(file.read(main_type.itemsize), main_type)[0]
        found: list[tuple[int, int]] = []
        block, visited = 2, set()
        while block > 1 and block not in visited and len(found) <= _MOST_FRAMES:
            visited.add(block)
            file.seek((block - 1) * _BLOCK)
            rows = np.frombuffer(file.read(_BLOCK), ">i4").reshape(32, 4)
            used = int(rows[0, 3])
            if not 0 <= used <= 31:
                raise ValueError("its directory of frames is broken")
            found += [(int(row[0]), int(row[1])) for row in rows[1 : used + 1]]
            block = int(rows[0, 1])
        frames = []
        for ident, start in sorted(found, key=lambda entry: entry[0] & 0x1FF):
            if (ident >> 24) & 0x3F > 1 or (ident >> 12) & 0xF:
                raise ValueError("it holds several gates or bed positions")
            if start < 2:
                raise ValueError("its directory of frames is broken")
            file.seek((start - 1) * _BLOCK)
            content = file.read(sub_type.itemsize)
            frames.append((start * _BLOCK, np.frombuffer(content, sub_type)[0]))
    if not frames:
        raise ValueError("it holds no frames")
    return main, frames


def _flips(orientation: int) -> str:
    """Return the axes that run against left, back and feet, by how the patient lay."""
    if orientation in (1, 3, 5, 7):
        return "zyx"
    return "zy" if orientation in (0, 2, 4, 6) else ""


def _affine(path: Path, sub: Any, volume: tuple[int, ...], options: Options) -> Affine:
    """Return the place of the volume: centred, in the scanner's RAS+ turned to LPS."""
    sizes = {axis: float(sub[f"{axis}_pixel_size"]) * 1e4 for axis in "zyx"}
    sizes = {axis: size for axis, size in sizes.items() if math.isfinite(size)}
    spacing = calibrate("zyx", sizes, options, path)
    matrix = np.eye(4)
    for row, (axis, length) in enumerate(zip("zyx", volume, strict=True)):
        sign = 1 if axis == "z" else -1
        offset = float(sub[f"{axis}_offset"]) * 1e4
        matrix[row, row] = sign * spacing[axis]
        matrix[row, 3] = sign * (offset - (length - 1) / 2 * spacing[axis])
    return Affine(matrix, "zyx", "zyx")


def _quantity(main: Any, options: Options) -> tuple[Quantity, float]:
    unit = _text(main, "data_units") or ""
    if unit.lower() in _BECQUERELS:
        quantity = Quantity("activity concentration", "Bq/mL")
        return quantity, _BECQUERELS[unit.lower()]
    options.warn(f"the unit of the samples is {unit or 'not stated'}, kept as it is")
    return Quantity("PET signal", unit or "a.u."), 1.0


def _middles(frames: Sequence[Any]) -> tuple[float, ...]:
    return tuple(
        (float(f["frame_start_time"]) + float(f["frame_duration"]) / 2) / 1e3
        for f in frames
    )


def _tags(main: Any, frames: Sequence[Any]) -> Tags:
    weight, half_life = float(main["patient_weight"]), float(main["isotope_halflife"])
    scan = _time(main, "scan_start_time")
    acquired = None
    if scan is not None:
        starts = (float(f["frame_start_time"]) / 1e3 for f in frames)
        acquired = [(scan + datetime.timedelta(seconds=s)).isoformat() for s in starts]
    injected = _time(main, "dose_start_time")
    decayed = all(int(f["corrections_applied"]) & _DECAYED for f in frames)
    return Tags.of(
        "header",
        modality="PT",
        subject=_text(main, "patient_id"),
        analyte=_text(main, "radiopharmaceutical"),
        radionuclide=_text(main, "isotope_name"),
        half_life_s=half_life if 0 < half_life < 1e12 else None,
        weight_g=weight * 1e3 if 0 < weight < 1e4 else None,
        injection_time=injected and injected.isoformat(),
        series_time=scan and scan.isoformat(),
        acquisition_time=scan and scan.isoformat(),
        acquisition_times=acquired,
        frame_durations_s=[float(f["frame_duration"]) / 1e3 for f in frames],
        decay_correction="START" if decayed else None,
    )


def _time(main: Any, name: str) -> datetime.datetime | None:
    seconds = int(main[name])
    if not 0 < seconds < 2**32 - 1:
        return None
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)


def _text(main: Any, name: str) -> str | None:
    words = bytes(main[name]).split(b"\0")[0].decode("latin-1").strip()
    return words or None
