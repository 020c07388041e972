"""DICOM series of single-frame CT, MR and PET images, in LPS ``z y x``."""

from __future__ import annotations

import threading
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE
from nanoscape.io.dicom_geometry import series_affine, sort_slices
from nanoscape.io.dicom_source import PYDICOM, DicomSource, check_pixels, read_header
from nanoscape.io.dicom_tags import quantity_of, series_name, tags_of
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibration_tags,
    with_pixel_size,
)
from nanoscape.model import Image
from nanoscape.model.raster import single_level

_SUPPORTED = {
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.128",
}
_MOST_FILES_SNIFFED = 64
_quiet = threading.Lock()


def sniff(path: Path) -> bool:
    """Tell whether a file, or one of the first in a folder, is marked as DICOM."""
    try:
        if not path.is_dir():
            return _is_dicom(path)
        files = (entry for entry in path.iterdir() if entry.is_file())
        first = [entry for _, entry in zip(range(_MOST_FILES_SNIFFED), files)]  # noqa: B905
        return any(_is_dicom(entry) for entry in first)
    except OSError:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the series of a folder, or the series that one file belongs to."""
    # pydicom warns of values against the standard, which it reads all the same.
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return _read(path, options)
        except PYDICOM as error:
            raise UnreadableFile(
                f"{path} holds a damaged DICOM header: {error}",
                todo="copy the files again",
            ) from error


def _read(path: Path, options: Options) -> Sequence[Readable]:
    if path.is_dir():
        headers = _headers(sorted(path.iterdir()), options)
        wanted = None
    else:
        asked = read_header(path)
        _refuse(asked, path)
        wanted = str(asked.get("SeriesInstanceUID", ""))
        headers = _headers(_siblings(path), options, wanted)
    series: dict[str, list[tuple[Path, Dataset]]] = defaultdict(list)
    refused = ""
    for file, header in headers:
        try:
            _refuse(header, file)
        except UnreadableFile as error:
            refused = str(error)
            options.warn(refused)
            continue
        series[str(header.get("SeriesInstanceUID", ""))].append((file, header))
    if not series:
        raise UnreadableFile(
            f"{path} holds no DICOM series that can be read"
            + (f": {refused.rstrip('.')}" if refused else "")
        )
    return [_read_series(path, members, options) for members in series.values()]


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _siblings(path: Path) -> list[Path]:
    """Return the file and those beside it, the file itself first."""
    beside = [entry for entry in sorted(path.parent.iterdir()) if entry != path]
    return [path, *beside]


def _headers(
    files: Sequence[Path], options: Options, series: str | None = None
) -> list[tuple[Path, Dataset]]:
    """Return the headers of all DICOM files, one for each stored image."""
    seen: dict[str, Path] = {}
    found = []
    for file in files:
        if not file.is_file() or not _is_dicom(file):
            continue
        header = read_header(file)
        if series is not None and str(header.get("SeriesInstanceUID", "")) != series:
            continue
        ident = str(header.get("SOPInstanceUID", file))
        if ident in seen:
            options.warn(f"{file.name} repeats {seen[ident].name} and is left out")
            continue
        seen[ident] = file
        found.append((file, header))
    return found


def _refuse(header: Dataset, path: Path) -> None:
    """Raise :class:`UnreadableFile` for what is not a plain slice."""
    sop = getattr(header, "SOPClassUID", None)
    kind = getattr(sop, "name", "of an unknown kind")
    if str(sop) not in _SUPPORTED or int(header.get("NumberOfFrames", 1) or 1) > 1:
        raise UnreadableFile(
            f"{path} is a DICOM object of the kind {kind}",
            "single-frame CT, MR or PET images",
            "export it as NIfTI",
        )
    if "MOSAIC" in [str(word).upper() for word in header.get("ImageType", [])]:
        raise UnreadableFile(
            f"{path} is a mosaic of many slices in one image",
            "one slice in each file",
            "convert it to NIfTI",
        )
    if int(header.get("SamplesPerPixel", 1)) != 1:
        raise UnreadableFile(f"{path} is a colour image", "grey CT, MR or PET images")


def _read_series(
    path: Path, members: list[tuple[Path, Dataset]], options: Options
) -> Image:
    for file, header in members:
        check_pixels(file, header)
    frames, times = sort_slices(members, path)
    first = frames[0]
    try:
        affine = series_affine(first, path, options)
        flat = [member for frame in frames for member in frame]
        source = DicomSource.of(flat, len(frames))
    except DAMAGE as error:
        raise UnreadableFile(f"the series in {path} cannot be read: {error}") from error
    header = first[0][1]
    data = lazy_array(source, source.native_chunks())
    return Image(
        levels=single_level(data, "zyx"),
        axes="zyx" if len(frames) == 1 else "tzyx",
        grid_to_space=with_pixel_size(affine, options.pixel_size),
        space="patient",
        name=series_name(header, path),
        quantity=quantity_of(header),
        tags=tags_of(header).merged(calibration_tags(options)),
        times=times,
    )
