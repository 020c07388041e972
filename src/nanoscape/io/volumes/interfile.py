"""Interfile 3.3 images, as STIR and Siemens write them: a text header and samples."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.containment import inside
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

_LARGEST_HEADER = 2**22
_HEADERS = (".hv", ".h33", ".hdr", ".i.hdr", ".v.hdr")
_KINDS = {
    "float": "f", "short float": "f", "long float": "f", "signed integer": "i",
    "unsigned integer": "u",
}  # fmt: skip
_BLOCK = 2048

Entries = dict[str, str]


def sniff(path: Path) -> bool:
    """Tell whether a file is an Interfile header, or samples with one beside them."""
    try:
        return _header_of(path) is not None
    except OSError:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read an image from its header or from its samples."""
    header = _header_of(path)
    if header is None:
        raise UnreadableFile(f"{path} is no Interfile header")
    entries = parse(header)
    _check_kind(entries, header)
    shape = [_whole(entries, f"matrix size [{n}]", header) for n in (3, 2, 1)]
    frames = int(_number(entries, "number of time frames") or 1)
    samples = _samples(entries, header)
    stored = _stored(entries, header)
    size = math.prod(shape) * stored.itemsize
    if not 0 < frames <= 2**16:
        raise UnreadableFile(f"{header} is damaged: it states {frames} frames")
    offsets = _offsets(entries, frames, size)
    source = PlacedFrames(samples, stored, shape, offsets, [_scale(entries)] * frames)
    source.check_complete()
    many = frames > 1
    return [
        Image(
            levels=single_level(lazy_array(source, source.native_chunks()), "zyx"),
            axes="tzyx" if many else "zyx",
            grid_to_space=_affine(entries, header, options),
            space=stem(header),
            name=stem(header),
            quantity=Quantity("PET signal", entries.get("image units") or "a.u."),
            tags=_tags(entries).merged(calibration_tags(options)),
            times=_middles(entries, frames) if many else None,
        )
    ]


def parse(path: Path) -> Entries:
    """Return the entries of a header: lower case, one space, without ``!`` and ``%``.

    Raises
    ------
    UnreadableFile
        If it is too large to be one.
    """
    if path.stat().st_size > _LARGEST_HEADER:
        raise UnreadableFile(f"{path} is too large for an Interfile header")
    entries: Entries = {}
    for line in path.read_text("latin-1").splitlines():
        name, mark, value = line.partition(":=")
        if mark:
            entries[_key(name)] = value.partition(";")[0].strip()
    return entries


def _key(name: str) -> str:
    """Return a key in one form; spaces before an index do not count."""
    plain = " ".join(name.lower().replace("!", " ").replace("%", " ").split())
    return re.sub(r"\s*\[\s*(\d+)\s*\]", r"[\1]", plain)


def _is_header(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(256).decode("latin-1").lower().lstrip()
    return bool(re.match(r"!?\s*interfile\s*:=", start))


def _header_of(path: Path) -> Path | None:
    """Return the header that a file is, or the one of its samples beside it."""
    if not path.is_file():
        return None
    if _is_header(path):
        return path
    for suffix in _HEADERS:
        for beside in (path.with_suffix(suffix), path.with_name(path.name + suffix)):
            if beside != path and beside.is_file() and _is_header(beside):
                named = parse(beside).get("name of data file", "")
                if named == path.name:
                    return beside
    return None


def _check_kind(entries: Entries, path: Path) -> None:
    kind = f"{entries.get('pet data type', '')} {entries.get('type of data', '')}"
    if any(word in kind.lower() for word in ("emission", "sinogram", "normalisation")):
        raise UnreadableFile(
            f"{path} describes {kind.strip()} data", "a reconstructed image"
        )


def _samples(entries: Entries, header: Path) -> Path:
    """Return the file with the samples, which must lie beside its header.

    Raises
    ------
    UnreadableFile
        If it lies elsewhere or nowhere.
    """
    name = entries.get("name of data file", "").strip().strip('"')
    plain = name.replace("\\", "/").rsplit("/", 1)[-1]
    if not plain or plain in (".", ".."):
        raise UnreadableFile(f"{header} does not name the file with its samples")
    found = inside(header.parent, plain, header)
    if not found.is_file():
        raise UnreadableFile(
            f"{header} has no samples: {plain} is missing beside it",
            todo="copy both files into one folder",
        )
    return found


def _stored(entries: Entries, path: Path) -> np.dtype[np.generic]:
    words = " ".join(entries.get("number format", "").lower().split())
    width = int(_number(entries, "number of bytes per pixel") or 0)
    order = entries.get("imagedata byte order", "BIGENDIAN").upper()
    letter = _KINDS.get(words, "")
    if (letter, width) not in {(k, n) for k in "iu" for n in (1, 2, 4)} | {
        ("f", 4), ("f", 8),
    }:  # fmt: skip
        raise UnreadableFile(
            f"{path} states samples of the format {words or 'unknown'!r} with {width} "
            "bytes",
            "float, signed or unsigned integer",
        )
    return np.dtype(f"{'<' if order == 'LITTLEENDIAN' else '>'}{letter}{width}")


def _offsets(entries: Entries, frames: int, size: int) -> list[int]:
    """Return the first byte of each frame; those not stated follow one another."""
    start = _number(entries, "data offset in bytes")
    if start is None:
        start = (_number(entries, "data starting block") or 0) * _BLOCK
    found: list[int] = []
    for index in range(frames):
        stated = _number(entries, f"data offset in bytes[{index + 1}]")
        following = found[-1] + size if found else start
        found.append(int(following if stated is None else stated))
    return found


def _scale(entries: Entries) -> float:
    """Return the factor by which a header says that samples are to be multiplied."""
    for name in ("quantification units", "image scale factor", "image scale factor[1]"):
        found = _number(entries, name)
        if found:
            return found
    return 1.0


def _affine(entries: Entries, path: Path, options: Options) -> Affine:
    spacing: dict[str, float] = {}
    origin: dict[str, float] = {}
    for axis, number in (("x", 1), ("y", 2), ("z", 3)):
        size = _number(entries, f"scaling factor (mm/pixel)[{number}]")
        if size is not None:
            spacing[axis] = size * 1e3
        offset = _number(entries, f"first pixel offset (mm)[{number}]")
        origin[axis] = (offset or 0.0) * 1e3
    if "z" not in spacing:
        # Interfile 3.3 counts the distance of slices in pixels.
        pixels = _number(entries, "centre-centre slice separation (pixels)")
        if pixels and "x" in spacing:
            spacing["z"] = pixels * spacing["x"]
    found = calibrate("zyx", spacing, options, path)
    return Affine.from_spacing("zyx", found, [origin[axis] for axis in "zyx"])


def _middles(entries: Entries, frames: int) -> tuple[float, ...] | None:
    """Return the middle of each frame in seconds."""
    found = []
    for i in range(1, frames + 1):
        start = _number(entries, f"image relative start time (sec)[{i}]")
        duration = _number(entries, f"image duration (sec)[{i}]")
        if start is None or duration is None:
            return None
        found.append(start + duration / 2)
    return tuple(found)


def _tags(entries: Entries) -> Tags:
    modality = {"pet": "PT", "nucmed": "NM", "spect": "NM"}
    return Tags.of(
        "header",
        modality=modality.get(entries.get("imaging modality", "").lower()),
        subject=entries.get("patient id") or None,
        radionuclide=entries.get("isotope name") or entries.get("radionuclide") or None,
        analyte=entries.get("radiopharmaceutical") or None,
    )


def _number(entries: Entries, name: str) -> float | None:
    try:
        found = float(entries[_key(name)].split()[0])
    except (KeyError, ValueError, IndexError):
        return None
    return found if math.isfinite(found) else None


def _whole(entries: Entries, name: str, path: Path) -> int:
    found = _number(entries, name)
    if found is None and name == "matrix size [3]":
        found = _number(entries, "total number of images") or _number(
            entries, "number of slices"
        )
    if found is None or not 0 < found < 2**20:
        raise UnreadableFile(f"{path} is damaged or no image: it lacks its {name}")
    return int(found)
