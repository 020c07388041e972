"""TIFF files: plain ones and ImageJ hyperstacks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tifffile

from nanoscape.errors import MissingCalibration
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import lazy_array
from nanoscape.io.microscopy.tiff_source import TiffSource, check_complete, open_tiff
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.io.spectrometry import mibi
from nanoscape.model import Affine, Tags
from nanoscape.units import micrometres_per, seconds_per

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PRINT_DPI = (1, 72, 75, 90, 96, 100, 120, 144, 150, 200, 240, 300, 360, 400, 600, 1200)
_UNIT_NAMES = {2: "inch", 3: "cm"}


def sniff(path: Path) -> bool:
    """Tell whether a file starts as TIFF files do."""
    try:
        with path.open("rb") as file:
            return file.read(4) in _MAGIC
    except OSError:
        return False


def description_of(path: Path) -> str:
    """Return the description of a TIFF file's first page, empty without one."""
    if not sniff(path):
        return ""
    try:
        with tifffile.TiffFile(path) as file:
            return str(file.pages.first.description)
    except (*DAMAGE, tifffile.TiffFileError):
        return ""


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the images of a TIFF file."""
    with open_tiff(path) as file:
        numbers = _without_pictures(file, options)
        images: list[Readable] = []
        for number in numbers:
            name = stem(path)
            if len(numbers) > 1:
                title = file.series[number].name.strip() or f"image {number + 1}"
                name = f"{name} {title}"
            images.append(_read_series(path, file, number, name, options))
    return images


def arrays_of(path: Path, series: int) -> tuple[list[Any], str]:
    """Return lazy arrays of all levels of a series, and their axes in small letters."""
    check_complete(path, series)
    with open_tiff(path) as file:
        count = len(file.series[series].levels)
    sources = [TiffSource(path, series, level) for level in range(count)]
    arrays = [lazy_array(source, source.native_chunks()) for source in sources]
    return arrays, sources[0].axes.lower()


def _without_pictures(file: tifffile.TiffFile, options: Options) -> list[int]:
    """Return the series without the pictures of the slide in a MIBI file."""
    kinds = [mibi.other_picture(series.keyframe) for series in file.series]
    kept = [number for number, kind in enumerate(kinds) if kind is None]
    if not kept:
        return list(range(len(kinds)))
    for kind in sorted({kind for kind in kinds if kind is not None}):
        options.warn(f"the picture {kind!r}, which shows no mass, is left out")
    return kept


def _read_series(
    path: Path, file: tifffile.TiffFile, number: int, name: str, options: Options
) -> Readable:
    arrays, axes = arrays_of(path, number)
    masses = [] if file.is_imagej else mibi.channels_of(file.series[number].pages)
    channels, axes = _channels(file, axes, [mass.target for mass in masses])
    axes = _planes(axes, options)
    found, times = _calibration(file, number, axes, arrays[0].shape)
    stack = Stack(
        arrays=arrays,
        axes=axes,
        name=name,
        space=name,
        channels=channels,
        times=times,
        tags=Tags.of(
            "guess", modality="brightfield" if "s" in axes else "microscopy"
        ).merged(calibration_tags(options)),
    )
    if masses:
        stack = dataclasses.replace(
            stack,
            channel_tags=[mass.tags for mass in masses],
            quantity=mibi.COUNTS,
            tags=stack.tags.having("header", modality="MIBI"),
        )
    stack = without_single(stack, "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    spacing = calibrate(spatial, found, options, path)
    return build(stack, Affine.from_spacing(spatial, spacing))


def _planes(axes: str, options: Options) -> str:
    """Return the axes with pages of unknown meaning taken as planes."""
    unknown = [axis for axis in axes if axis not in "tczyxs"]
    if len(unknown) == 1 and "z" not in axes:
        options.warn(
            "the file does not say what its pages are; taken as planes along z"
        )
        return axes.replace(unknown[0], "z")
    return axes


def _channels(
    file: tifffile.TiffFile, axes: str, targets: list[str]
) -> tuple[list[str], str]:
    """Return names of channels, and the axes when pages turn out to be channels."""
    if file.is_imagej:
        return _imagej_labels(file, axes), axes
    if axes[0] not in "tczyxs" and targets:
        return targets, "c" + axes[1:]
    return targets, axes


def _imagej_labels(file: tifffile.TiffFile, axes: str) -> list[str]:
    labels = (file.imagej_metadata or {}).get("Labels")
    channels = (file.imagej_metadata or {}).get("channels", 1)
    if not isinstance(labels, list) or "c" not in axes or len(labels) != channels:
        return []
    return [str(label) for label in labels]


def _calibration(
    file: tifffile.TiffFile, number: int, axes: str, shape: tuple[int, ...]
) -> tuple[dict[str, float], tuple[float, ...] | None]:
    """Return the spacing that a file states, in µm, and the times of its frames."""
    page = file.series[number].keyframe
    if not file.is_imagej:
        return resolution_of(page), None
    metadata = file.imagej_metadata or {}
    per_unit = _imagej_unit(str(metadata.get("unit", "")))
    if per_unit is None:
        return {}, None
    found = {
        axis: per_unit / value
        for axis, value in zip("yx", _resolution(page), strict=True)
        if value > 0
    }
    if "spacing" in metadata:
        found["z"] = abs(float(metadata["spacing"])) * per_unit
    step = float(metadata.get("finterval", 0.0) or 0.0)
    if "t" not in axes or not step > 0:
        return found, None
    step *= seconds_per(str(metadata.get("tunit", "s") or "s"))
    return found, tuple(step * i for i in range(shape[axes.index("t")]))


def _imagej_unit(name: str) -> float | None:
    """Return micrometres per unit of an ImageJ file, ``None`` for pixels."""
    text = name.replace("\\u00B5", "µ").strip()
    try:
        return micrometres_per(text)
    except MissingCalibration:
        return None


def resolution_of(page: Any) -> dict[str, float]:
    """Return the spacing that the resolution tags of a page state, in µm.

    Resolutions for printing, such as 72 or 300 dots per inch, are defaults of
    programs and tell nothing about the specimen.
    """
    unit = page.tags.get("ResolutionUnit")
    code = int(unit.value) if unit is not None else 2
    name = _UNIT_NAMES.get(code)
    if name is None:
        return {}
    per_unit = micrometres_per(name)
    found = {}
    for axis, value in zip("yx", _resolution(page), strict=True):
        dpi = value * 25.4e3 / per_unit
        printing = any(abs(dpi - d) <= 0.005 * d for d in _PRINT_DPI)
        if value > 1 and not printing:
            found[axis] = per_unit / value
    return found if len(found) == 2 else {}


def _resolution(page: Any) -> tuple[float, float]:
    """Return pixels per unit along ``y`` and ``x``, zero where not stated."""
    values = []
    for tag in ("YResolution", "XResolution"):
        found = page.tags.get(tag)
        top, bottom = found.value if found is not None else (0, 1)
        value = top / bottom if bottom else 0.0
        values.append(value if math.isfinite(value) else 0.0)
    return values[0], values[1]
