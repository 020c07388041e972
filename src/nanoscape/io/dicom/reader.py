"""DICOM: which object a file is, and which files belong together."""

from __future__ import annotations

import importlib
import threading
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.dicom.series import read_slices
from nanoscape.io.dicom.slice import classic_slice
from nanoscape.io.dicom.source import (
    DIRECTORY,
    PYDICOM,
    check_pixels,
    frames_of,
    read_header,
)
from nanoscape.io.opening import Options, Readable

Members = list[tuple[Path, Dataset]]

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SERIES = {"2", "4", "128"}
_ALONE = {
    "2.1": "enhanced",
    "2.2": "enhanced",
    "4.1": "enhanced",
    "4.4": "enhanced",
    "130": "enhanced",
    "128.1": "enhanced",
    "20": "nm",
    "1": "cine",
    "1.1": "cine",
    "12.1": "cine",
    "77.1.4": "cine",
    "3.1": "cine",
    "6.1": "cine",
    "7": "cine",
    "7.1": "cine",
    "7.2": "cine",
    "7.3": "cine",
    "7.4": "cine",
    "66.4": "seg",
    "66.7": "seg",
    "481.3": "rtstruct",
}
"""Modules for objects that are one file each, by the end of their SOP class."""

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
    """Read what a folder holds, or the object or series that one file belongs to."""
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
    else:
        asked = read_header(path)
        if _kind(asked, path) in ("series", "mosaic"):
            wanted = str(asked.get("SeriesInstanceUID", ""))
            headers = _headers(_siblings(path), options, wanted)
        else:
            headers = [(path, asked)]
    found: list[Readable] = []
    series: dict[tuple[str, str], Members] = defaultdict(list)
    refused: UnreadableFile | MissingCalibration | None = None
    for file, header in headers:
        kind = ""
        try:
            kind = _kind(header, file)
            if kind in ("series", "mosaic"):
                check_pixels(file, header)
                uid = str(header.get("SeriesInstanceUID", ""))
                series[kind, uid].append((file, header))
            else:
                found += _module(kind).read_object(file, header, options)
        except (UnreadableFile, MissingCalibration) as error:
            if len(headers) == 1 or kind == "series":
                raise
            refused = error
            options.warn(str(error))
    for (kind, _), members in series.items():
        if kind == "mosaic":
            found += _module(kind).read_mosaics(members, path, options)
        else:
            _check_rescaled(members, path)
            slices = [classic_slice(file, header) for file, header in members]
            found.append(read_slices(slices, path, options))
    if not found:
        raise refused or UnreadableFile(f"{path} holds no DICOM image")
    return found


def _module(kind: str) -> Any:
    return importlib.import_module(f"nanoscape.io.dicom.{kind}")


def _check_rescaled(members: Members, path: Path) -> None:
    """Raise when only some slices say by what their samples are multiplied."""
    without = [f for f, header in members if header.get("RescaleSlope") is None]
    if 0 < len(without) < len(members):
        raise UnreadableFile(
            f"{path} is damaged: {without[0].name} has no RescaleSlope, and other "
            "slices have one",
            todo="export the series again",
        )


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _siblings(path: Path) -> list[Path]:
    """Return the file and those beside it, the file itself first."""
    beside = [entry for entry in sorted(path.parent.iterdir()) if entry != path]
    return [path, *beside]


def _is_contents(header: Dataset) -> bool:
    return str(header.file_meta.get("MediaStorageSOPClassUID")) == DIRECTORY


def _headers(
    files: Sequence[Path], options: Options, series: str | None = None
) -> Members:
    """Return the headers of all DICOM files, one for each stored image."""
    seen: dict[str, Path] = {}
    found = []
    for file in files:
        if not file.is_file() or not _is_dicom(file):
            continue
        header = read_header(file)
        if _is_contents(header):
            continue
        if series is not None and str(header.get("SeriesInstanceUID", "")) != series:
            continue
        ident = str(header.get("SOPInstanceUID", file))
        if ident in seen:
            options.warn(f"{file.name} repeats {seen[ident].name} and is left out")
            continue
        seen[ident] = file
        found.append((file, header))
    return found


def _kind(header: Dataset, path: Path) -> str:
    """Return which kind of object a file is.

    Raises
    ------
    UnreadableFile
        If it is one that is not read here.
    """
    if _is_contents(header):
        raise UnreadableFile(
            f"{path} is only the table of contents of a medium",
            "DICOM images",
            "open the folder that holds the images",
        )
    sop = getattr(header, "SOPClassUID", None)
    ending = str(sop or "").removeprefix(_STORAGE)
    if ending in _ALONE:
        return _ALONE[ending]
    if ending not in _SERIES or frames_of(header) > 1:
        raise UnreadableFile(
            f"{path} is a DICOM object of the kind {getattr(sop, 'name', 'unknown')}",
            "CT, MR, PET, nuclear medicine, ultrasound, secondary capture, "
            "segmentation or structure set",
            "export it as NIfTI",
        )
    if int(header.get("SamplesPerPixel", 1)) != 1:
        raise UnreadableFile(f"{path} is a colour image", "grey CT, MR or PET images")
    words = [str(word).upper() for word in header.get("ImageType") or []]
    return "mosaic" if "MOSAIC" in words else "series"
