"""Whole slides in TIFF: Aperio, Hamamatsu, Leica, Ventana, Philips, Akoya.

The scan is read as an image with its pyramid. Photographs of the slide's label and
overviews have no scale that could be trusted; :func:`associated_images` gives them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import tifffile
from numpy.typing import NDArray

from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.damage import DAMAGE
from nanoscape.io.microscopy import tiff
from nanoscape.io.microscopy.slide_vendors import Scan, Slide, slide_of
from nanoscape.io.microscopy.tiff_source import open_tiff
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Tags

_MARKS = ("is_svs", "is_ndpi", "is_scn", "is_bif", "is_philips", "is_qpi")


def sniff(path: Path) -> bool:
    """Tell whether the first page of a TIFF file is that of a slide scanner."""
    if not tiff.sniff(path):
        return False
    try:
        with tifffile.TiffFile(path) as file:
            return any(getattr(file.pages.first, mark) for mark in _MARKS)
    except (*DAMAGE, tifffile.TiffFileError):
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the scans of a slide; those of one slide share its space."""
    with open_tiff(path) as file:
        slide = slide_of(file, path, options)
    return [_read_scan(path, slide, scan, options) for scan in slide.scans]


def associated_images(path: Path) -> dict[str, NDArray[Any]]:
    """Return the photographs of a slide's label and overviews, by their names.

    They are small and tell which slide it is; none of them has a scale.
    """
    with open_tiff(path) as file:
        slide = slide_of(file, path, Options())
    images = {}
    for name, number in slide.associated.items():
        arrays, _ = tiff.arrays_of(path, number)
        images[name] = arrays[0].compute(scheduler="synchronous")
    return images


def _read_scan(path: Path, slide: Slide, scan: Scan, options: Options) -> Readable:
    arrays, axes = tiff.arrays_of(path, scan.series)
    if scan.colour is not None and axes.endswith("s"):
        arrays, axes = [_grey(array, scan.colour) for array in arrays], axes[:-1]
    space = stem(path)
    name = f"{space} {scan.name}" if len(slide.scans) > 1 else space
    tags = _tags(slide, scan, "s" in axes)
    stack = Stack(
        arrays=arrays,
        axes=axes,
        name=name,
        space=space,
        channels=scan.channels,
        tags=tags.merged(calibration_tags(options)),
    )
    if "s" in axes and "c" in axes:
        # Formats for fluorescence announce channels even where one page has colours.
        stack = without_single(stack, "c")
    stack = without_single(stack, "tz" if scan.channels else "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    spacing = calibrate(spatial, scan.spacing, options, path)
    place = {
        axis: scan.corner.get(axis, -spacing[axis] / 2) + spacing[axis] / 2
        for axis in spatial
    }
    return build(stack, Affine.from_spacing(spatial, spacing, place))


def _grey(array: da.Array, colour: int) -> da.Array:
    """Return the sample that carries a fluorescence, or the brightest of them."""
    return array[..., colour] if colour >= 0 else array.max(axis=-1)


def _tags(slide: Slide, scan: Scan, coloured: bool) -> Tags:
    tags = Tags.of(
        "guess", modality=scan.modality or ("brightfield" if coloured else "microscopy")
    )
    said: dict[str, Any] = {
        "vendor": slide.vendor,
        "magnification": scan.magnification,
        "acquisition_time": slide.acquisition_time,
        "associated_images": ", ".join(slide.associated) or None,
    }
    said |= dataclasses.asdict(scan.optics)
    return tags.having("header", **said)
