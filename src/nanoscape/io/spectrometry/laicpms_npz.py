"""LA-ICP-MS images in the ``.npz`` archives of pewlib.

An archive holds plain arrays: ``data`` with a field for each element, ``config`` with
spot size (µm), speed (µm/s) and scan time (s), and ``calibration`` with intercept and
gradient of each element. Arrays that would have to be unpickled are never read.
"""

from __future__ import annotations

import dataclasses
import tokenize
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.opening import Options, Readable
from nanoscape.io.spectrometry.eager import remembered
from nanoscape.io.spectrometry.line_scan import LineScan, line_image
from nanoscape.model import Image, ImageGroup, Quantity

_MEMBERS = {"header.npy", "data.npy", "config.npy"}
_LARGEST = 2**32


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How a signal becomes a concentration: signal = intercept + gradient · c.

    Attributes
    ----------
    intercept, gradient
        In units of the signal, and of the signal by concentration.
    unit
        Of the concentration.
    """

    intercept: float
    gradient: float
    unit: str


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Calibrated(LineScan):
    """A scan with calibrations by element.

    Attributes
    ----------
    calibrations
        Of those elements that have one.
    """

    calibrations: dict[str, Calibration]


def sniff(path: Path) -> bool:
    """Tell whether a file is an archive with the members that pewlib writes."""
    try:
        if not path.is_file() or not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) >= _MEMBERS
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read signals and, for elements with a calibration, their concentrations."""
    (item,) = line_image(load, path, options)
    images = list(item.images) if isinstance(item, ImageGroup) else [item]
    scan = remembered(load, path)
    concentrations = [
        _concentration(image, scan.calibrations[channel])
        for image, channel in zip(images, scan.channels, strict=True)
        if isinstance(image, Image) and channel in scan.calibrations
    ]
    if not concentrations:
        return [item]
    signals = [image for image in images if isinstance(image, Image)]
    return [
        ImageGroup(
            images=(*signals, *concentrations),
            coordinate="channel",
            name=item.name,
            tags=item.tags,
        )
    ]


def load(path: Path) -> Calibrated:
    """Return what an archive holds.

    Raises
    ------
    UnreadableFile
        If it is damaged, or holds objects in place of plain arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            data = _member(archive, "data.npy", path)
            config = _member(archive, "config.npy", path)
            calibrations, warnings = _calibrations(archive, path)
    except zipfile.BadZipFile as error:
        raise UnreadableFile(
            f"{path} is a damaged archive: {error}", todo="copy the file again"
        ) from error
    names = data.dtype.names
    if not names or data.ndim != 2 or not data.size:
        raise UnreadableFile(
            f"{path} holds data of {data.ndim} axes", "one image, line by line"
        )
    values = np.stack([np.asarray(data[name], np.float64) for name in names])
    return Calibrated(
        values=values,
        channels=tuple(names),
        scan_time=_positive(config, "scantime"),
        scan_speed=_positive(config, "speed"),
        line_distance=_positive(config, "spotsize"),
        calibrations=calibrations,
        warnings=tuple(warnings),
    )


def _concentration(image: Image, calibration: Calibration) -> Image:
    """Return the concentration of an element, computed when it is asked for."""
    array = (image.data - calibration.intercept) / calibration.gradient
    return dataclasses.replace(
        image,
        levels=(dataclasses.replace(image.levels[0], data=array),),
        name=f"{image.name} {calibration.unit}",
        quantity=Quantity("concentration", calibration.unit),
        tags=image.tags.having(
            "header",
            calibration_intercept=calibration.intercept,
            calibration_gradient=calibration.gradient,
        ),
    )


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    """Return an array of an archive, if it is as large as the archive says.

    Raises
    ------
    UnreadableFile
        If it is absent, too large, or holds Python objects.
    """
    try:
        size = archive.getinfo(name).file_size
    except KeyError as error:
        raise UnreadableFile(f"{path} holds no {name}") from error
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        try:
            shape, fortran, dtype = readers[version](file)
        except (tokenize.TokenError, SyntaxError) as error:
            raise UnreadableFile(
                f"the header of {name} in {path} is damaged: {error}",
                todo="copy the file again",
            ) from error
        if dtype.hasobject:
            raise UnreadableFile(
                f"{name} in {path} holds Python objects, which may be harmful",
                "plain arrays",
                "save it again with a newer pewlib",
            )
        count = int(np.prod(shape, dtype=object))
        needed = count * dtype.itemsize
        if not 0 <= needed <= min(size, _LARGEST):
            raise UnreadableFile(
                f"{name} in {path} is damaged: it needs {needed} bytes of {size}"
            )
        # The end of a member is where its checksum is compared.
        data = file.read(needed) + file.read(1)
    flat = np.frombuffer(data, dtype, count)
    return flat.reshape(shape, order="F" if fortran else "C")


def _calibrations(
    archive: zipfile.ZipFile, path: Path
) -> tuple[dict[str, Calibration], list[str]]:
    """Return calibrations by element, and a sentence when they cannot be used."""
    if "calibration.npy" not in archive.namelist():
        return {}, []
    try:
        table = _member(archive, "calibration.npy", path)
        found = {
            str(element): Calibration(
                float(entry["intercept"]), float(entry["gradient"]), str(entry["unit"])
            )
            for element, entry in zip(
                table["element"], table["calibration"], strict=True
            )
        }
    except (UnreadableFile, ValueError, KeyError, IndexError, TypeError) as error:
        return {}, [f"the calibrations are not used: {error}"]
    usable = {
        element: calibration
        for element, calibration in found.items()
        if calibration.unit
        and np.isfinite([calibration.intercept, calibration.gradient]).all()
        and calibration.gradient != 0
    }
    return usable, []


def _positive(config: NDArray[Any], name: str) -> float | None:
    """Return a setting, ``None`` where it is absent or no positive number."""
    if name not in (config.dtype.names or ()) or config.size != 1:
        return None
    value = float(config[name].reshape(()))
    return value if np.isfinite(value) and value > 0 else None
