"""OIB and OIF of Olympus FluoView, through the library ``oiffile``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, MissingDependency, UnreadableFile
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import Box, lazy_array, stamp
from nanoscape.io.microscopy.compound import check_compound, names_stream
from nanoscape.io.microscopy.planes import PlaneSource, shared
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Tags
from nanoscape.units import micrometres_per, seconds_per

_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def sniff(path: Path) -> bool:
    """Tell whether it is an OIB (a compound file) or the main file of an OIF."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
            if start.startswith(_COMPOUND):
                return names_stream(file, "OibInfo.txt")
    except OSError:
        return False
    text = start.decode("utf-16-le", "replace").lstrip("\ufeff")
    return path.suffix.lower() == ".oif" and text.startswith("[")


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the image."""
    source = OlympusSource(path)
    opened = shared(path, _open)
    with opened.lock:
        settings = opened.file.mainfile
        axes = {
            section["AxisCode"]: section
            for section in (settings[f"Axis {i} Parameters Common"] for i in range(8))
        }
        names, own = _channels(settings, source.count("C"))
        reference = settings["Reference Image Parameter"]
        date = settings.get("Acquisition Parameters Common", {}).get("ImageCaputreDate")
    letters = source.dims.lower()
    stack = Stack(
        arrays=[lazy_array(source, source.native_chunks())],
        axes=letters,
        name=stem(path),
        space=stem(path),
        channels=names,
        channel_tags=own,
        times=_times(axes.get("T"), source.count("T")),
        tags=Tags.of("header", vendor="Olympus", acquisition_time=_date(date))
        .having("guess", modality="microscopy")
        .merged(calibration_tags(options)),
    )
    stack = without_single(stack, "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    found = _pixel(reference)
    if source.count("Z") > 1:
        found |= _step(axes.get("Z"), source.count("Z"))
    spacing = calibrate(spatial, found, options, path)
    return [build(stack, Affine.from_spacing(spatial, spacing))]


class OlympusSource(PlaneSource):
    """The image; each of its planes is a TIFF file inside.

    Parameters
    ----------
    path
        The OIB, or the main file of an OIF.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = stamp(path)
        opened = shared(path, _open)
        with opened.lock:
            series = opened.file.series
            if not series:
                raise UnreadableFile(f"{path} holds no planes")
            sequence = series[0]
            lead = tuple(int(n) for n in sequence.shape)
            names = [str(name) for name in sequence]
            places = [tuple(int(n) for n in index) for index in sequence.indices]
            self.dims = "".join(sequence.axes) + "YX"
            with (
                opened.file.open_file(names[0]) as stream,
                tifffile.TiffFile(stream, name=names[0]) as plane,
            ):
                shape = tuple(int(n) for n in plane.pages.first.shape)
                dtype = np.dtype(plane.pages.first.dtype)
        if len(set(places)) != int(np.prod(lead)) or len(shape) != 2:
            raise UnreadableFile(
                f"{path} holds {len(names)} planes of {int(np.prod(lead))}",
                todo="copy all files again",
            )
        if set(self.dims) - set("CTZYX"):
            raise UnreadableFile(
                f"{path} has the axes {self.dims}", "channels, planes and time"
            )
        self._names = dict(zip(places, names, strict=True))
        self.lead = len(lead)
        self.shape = lead + shape
        self.dtype = dtype.newbyteorder("=")

    def count(self, axis: str) -> int:
        """Return the length of an axis, one where it is not there."""
        return self.shape[self.dims.index(axis)] if axis in self.dims else 1

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return self._stamp

    def plane(self, index: tuple[int, ...], inside: Box) -> NDArray[Any]:
        """Return a part of one plane."""
        opened = shared(self.path, _open)
        with opened.lock:
            values = np.asarray(opened.file.asarray(series=self._names[index]))
        if values.shape != self.shape[self.lead :]:
            raise UnreadableFile(f"a plane of {self.path} measures {values.shape}")
        return values[inside].astype(self.dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return OlympusSource, (self.path,)


def _open(path: str) -> Any:
    try:
        import oiffile
    except ImportError as error:
        raise MissingDependency(
            "reading OIB and OIF needs the library oiffile",
            todo="install it with: pip install 'napari-nanoscape[formats]'",
        ) from error
    if not path.lower().endswith(".oif"):
        check_compound(Path(path))
    with warnings.catch_warnings():
        # The library leaves a damaged file open until it is forgotten.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            return oiffile.OifFile(path)
        except (oiffile.OifFileError, *DAMAGE) as error:
            reason = str(error)
    raise UnreadableFile(f"{path} is damaged: {reason}", todo="copy the file again")


def _pixel(reference: Mapping[str, Any]) -> dict[str, float]:
    """Return the size of a pixel in µm."""
    found = {}
    for axis, name in (("y", "Height"), ("x", "Width")):
        try:
            unit = micrometres_per(str(reference.get(f"{name}Unit", "")))
            found[axis] = float(reference[f"{name}ConvertValue"]) * unit
        except (MissingCalibration, KeyError, ValueError):
            continue
    return found


def _step(axis: Mapping[str, Any] | None, count: int) -> dict[str, float]:
    """Return the distance of planes, from the places of the first and the last."""
    if axis is None:
        return {}
    try:
        unit = micrometres_per(str(axis.get("UnitName", "")))
        length = abs(float(axis["EndPosition"]) - float(axis["StartPosition"]))
    except (MissingCalibration, KeyError, ValueError):
        return {}
    return {"z": length * unit / (count - 1)}


def _times(axis: Mapping[str, Any] | None, count: int) -> tuple[float, ...] | None:
    if axis is None or count < 2:
        return None
    try:
        unit = seconds_per(str(axis.get("UnitName", "")))
        length = float(axis["EndPosition"]) - float(axis["StartPosition"])
    except (MissingCalibration, KeyError, ValueError):
        return None
    return tuple(length * unit / (count - 1) * i for i in range(count))


def _channels(
    settings: Mapping[str, Any], count: int
) -> tuple[list[str], tuple[Tags, ...]]:
    names, tags = [], []
    for number in range(1, count + 1):
        section = settings.get(f"GUI Channel {number} Parameters", {})
        names.append(str(section.get("DyeName") or section.get("CH Name") or ""))
        waves = {}
        for name in ("Emission", "Excitation"):
            value = section.get(f"{name}Wavelength")
            if isinstance(value, int | float) and value > 0:
                waves[f"{name.lower()}_nm"] = float(value)
        tags.append(Tags.of("header", **waves))
    return names, tuple(tags)


def _date(text: Any) -> str | None:
    """Return a date in ISO 8601; it stands in quotes, with a blank."""
    found = str(text or "").strip("'\" ")
    return found.replace(" ", "T") if len(found) >= 19 else None
