"""OME-TIFF: TIFF whose description says what the planes are (OME-XML)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.damage import local_name, parse_xml, refuse_entities
from nanoscape.io.microscopy import tiff
from nanoscape.io.microscopy.ome_companion import (
    check_files,
    companion_of,
    companion_text,
)
from nanoscape.io.microscopy.ome_tiff_block import block_in, restored
from nanoscape.io.microscopy.tiff_source import open_tiff
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Tags
from nanoscape.units import micrometres_per, seconds_per


def sniff(path: Path) -> bool:
    """Tell whether a TIFF file describes itself with OME-XML."""
    head = tiff.description_of(path)
    return "<OME" in head[:4096] and head.rstrip()[-1:] == ">"


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read all images of an OME-TIFF file."""
    description = tiff.description_of(path)
    refuse_entities(description, path)
    companion = companion_of(description, path)
    if companion is not None and not companion.is_file():
        options.warn(
            f"the metadata of this OME-TIFF lie in {companion.name}, which is not "
            "beside it; read as a single plain TIFF"
        )
        return tiff.read(path, options)
    root = parse_xml((companion_text(description, path) or description).encode(), path)
    check_files(root, path)
    with open_tiff(path) as file:
        count = len(file.series)
    described = [child for child in root if local_name(child.tag) == "Image"]
    if len(described) != count:
        raise UnreadableFile(
            f"{path} describes {len(described)} images and holds {count}",
            todo="check that all files of the image lie in one folder",
        )
    block = block_in(root) if len(described) == 1 else None
    return [
        _read_image(path, number, element, len(described) > 1, block, options)
        for number, element in enumerate(described)
    ]


def _read_image(
    path: Path,
    number: int,
    element: ElementTree.Element,
    several: bool,
    block: Mapping[str, Any] | None,
    options: Options,
) -> Readable:
    arrays, axes = tiff.arrays_of(path, number)
    pixels = _find(element, "Pixels")
    if pixels is None:
        raise UnreadableFile(f"{path} has an image without a description of its pixels")
    name = stem(path)
    if several:
        name = f"{name} {element.get('Name') or f'image {number + 1}'}"
    frames = arrays[0].shape[axes.index("t")] if "t" in axes else 1
    described = [child for child in pixels if local_name(child.tag) == "Channel"]
    names = [child.get("Name") or "" for child in described]
    count = arrays[0].shape[axes.index("c")] if "c" in axes else 1
    own = [_channel_tags(child) for child in described]
    stack = Stack(
        arrays=arrays,
        axes=axes,
        name=name,
        space=name,
        channels=names,
        channel_tags=own if len(own) == count else (),
        times=_times(pixels, frames) if "t" in axes else None,
        tags=_tags(element, axes).merged(calibration_tags(options)),
    )
    if block is not None:
        known = "".join(axis for axis in "zyx" if axis in str(block.get("axes")))
        spacing = calibrate(known, _spacing(pixels), options, path)
        own_tags = dataclasses.replace(stack, tags=calibration_tags(options))
        found = restored(own_tags, block, spacing, path, options)
        if found is not None:
            return found
    stack = without_single(stack, "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    spacing = calibrate(spatial, _spacing(pixels), options, path)
    return build(stack, Affine.from_spacing(spatial, spacing))


def _find(parent: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((e for e in parent if local_name(e.tag) == name), None)


def _spacing(pixels: ElementTree.Element) -> dict[str, float]:
    """Return the pixel size in µm by axis; the unit is µm where none stands."""
    found = {}
    for axis in "zyx":
        text = pixels.get(f"PhysicalSize{axis.upper()}")
        unit = pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm")
        if text is None:
            continue
        try:
            found[axis] = float(text) * micrometres_per(unit)
        except (MissingCalibration, ValueError):
            # "pixel" and "reference frame" are units of OME, but no lengths.
            continue
    return found


def _channel_tags(channel: ElementTree.Element) -> Tags:
    """Return dye and wavelengths of a channel; they are in nm where no unit stands."""
    found: dict[str, float] = {}
    for name in ("Emission", "Excitation"):
        try:
            unit = micrometres_per(channel.get(f"{name}WavelengthUnit", "nm")) * 1e3
            found[f"{name.lower()}_nm"] = (
                float(channel.get(f"{name}Wavelength", "")) * unit
            )
        except (MissingCalibration, ValueError):
            continue
    return Tags.of("header", fluorophore=channel.get("Fluor"), **found)


def _times(pixels: ElementTree.Element, frames: int) -> tuple[float, ...] | None:
    """Return the seconds of the frames, from the planes or from the interval."""
    by_frame: dict[int, float] = {}
    for plane in pixels:
        if local_name(plane.tag) != "Plane" or plane.get("DeltaT") is None:
            continue
        unit = seconds_per(plane.get("DeltaTUnit", "s"))
        seconds = float(plane.get("DeltaT", "0")) * unit
        frame = int(plane.get("TheT", "0"))
        by_frame[frame] = min(seconds, by_frame.get(frame, seconds))
    if len(by_frame) == frames and frames > 1:
        return tuple(by_frame[i] for i in range(frames))
    step = pixels.get("TimeIncrement")
    if step is None:
        return None
    per_unit = seconds_per(pixels.get("TimeIncrementUnit", "s"))
    return tuple(float(step) * per_unit * i for i in range(frames))


def _tags(element: ElementTree.Element, axes: str) -> Tags:
    date = _find(element, "AcquisitionDate")
    tags = Tags.of("guess", modality="brightfield" if "s" in axes else "microscopy")
    return tags.having(
        "header",
        acquisition_time=None if date is None else date.text,
        **_stage(element),
    )


def _stage(element: ElementTree.Element) -> dict[str, float]:
    """Return where the stage stood for the first plane; its axes need not be ours."""
    pixels = _find(element, "Pixels")
    plane = None if pixels is None else _find(pixels, "Plane")
    found: dict[str, float] = {}
    if plane is None:
        return found
    for axis in "yx":
        name = f"Position{axis.upper()}"
        try:
            unit = micrometres_per(plane.get(f"{name}Unit", ""))
            found[f"stage_{axis}_um"] = float(plane.get(name, "")) * unit
        except (MissingCalibration, ValueError):
            continue
    return found
