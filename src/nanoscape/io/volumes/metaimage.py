"""MetaImage volumes (.mha, .mhd) and the ultrasound sequences stored in them.

Positions are LPS, as ITK writes them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, build
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
    with_pixel_size,
)
from nanoscape.io.volumes.metaimage_header import MetaHeader, layout_of, parse_header
from nanoscape.io.volumes.raw import RawSource, plane_chunks
from nanoscape.io.volumes.volume import PATIENT, numbers, place_of
from nanoscape.model import Affine, Tags
from nanoscape.units import micrometres_per

_FIELD = re.compile(rb"\s*\w+[ \t]*=")
_NDIMS = re.compile(rb"^NDims[ \t]*=[ \t]*\d", re.MULTILINE)
_MODALITIES = {
    "MET_MOD_CT": "CT",
    "MET_MOD_MR": "MR",
    "MET_MOD_NM": "NM",
    "MET_MOD_US": "US",
}


def sniff(path: Path) -> bool:
    """Tell whether a file starts with the header of a MetaImage."""
    try:
        with path.open("rb") as file:
            head = file.read(2048)
    except DAMAGE:
        return False
    return bool(_FIELD.match(head) and _NDIMS.search(head))


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read a volume, an image, volumes over time, or a tracked sequence."""
    header = parse_header(path)
    layout = layout_of(header)
    source = RawSource(path, layout)
    source.check_complete()
    axes = _axes(header, options)
    if header.fields.get("ElementToIntensityFunctionSlope", "1") != "1":
        options.warn("the file states a scale for its samples, which is not applied")
    chunks = plane_chunks(source.shape, axes, source.dtype)
    name = stem(path)
    spatial = "".join(axis for axis in axes if axis in "zyx")
    stack = Stack(
        arrays=[lazy_array(source, chunks)],
        axes=axes,
        name=name,
        space=PATIENT if spatial == "zyx" else name,
        times=_times(header, axes, options),
        tags=_tags(header, options).merged(calibration_tags(options)),
    )
    return [build(stack, _place(header, spatial, options))]


def _axes(header: MetaHeader, options: Options) -> str:
    """Return a letter for each stored axis, the slowest first."""
    sizes, frames = header.sizes, len(header.frames)
    spatial = len(sizes)
    if frames and spatial > 2 and sizes[-1] == frames:
        spatial -= 1
    elif frames > 1:
        raise UnreadableFile(
            f"{header.path} describes {frames} frames and holds {sizes[-1]}",
            todo="copy the file again",
        )
    elif spatial == 4:
        spatial = 3
    if spatial not in (2, 3):
        raise UnreadableFile(
            f"{header.path} has {len(sizes)} axes", "an image, a volume, or time of one"
        )
    axes = "t" * (len(sizes) - spatial) + "zyx"[-spatial:]
    if header.channels == 1:
        return axes
    colours = header.channels in (3, 4) and header.need("ElementType") == "MET_UCHAR"
    if colours:
        options.warn(
            f"{header.channels} samples of 8 bits at each place are taken as colours"
        )
    return axes + ("s" if colours else "c")


def _place(header: MetaHeader, spatial: str, options: Options) -> Affine:
    path, count, ndims = header.path, len(spatial), len(header.sizes)
    text = header.first("ElementSpacing", "ElementSize")
    matrix = header.first("TransformMatrix", "Rotation", "Orientation")
    offset = header.first("Offset", "Position", "Origin")
    spacing = numbers(text, ndims, "its spacing", path)[:count] if text else None
    if header.frames and count == 2:
        spacing = _frame_spacing(header, spacing)
    if spacing is None or min(spacing) <= 0:
        sized = calibrate(spatial, {}, options, path)
        return Affine.from_spacing(spatial, sized)
    unit = header.fields.get("DistanceUnits", "?")
    if unit == "?" and options.pixel_size is None:
        options.warn("the file does not state its unit of length; taken as mm")
    micrometres = micrometres_per("mm" if unit == "?" else unit)
    # Each row of the matrix is the direction of one axis of the grid.
    directions = np.eye(ndims)
    if matrix is not None:
        stated = numbers(matrix, ndims**2, "its direction", path)
        directions = np.reshape(stated, (ndims, ndims)).T
    if np.any(directions[:count, count:]) or np.any(directions[count:, :count]):
        raise UnreadableFile(f"{path} turns space into time")
    steps = directions[:count, :count] * spacing * micrometres
    origin = numbers(offset or "0 " * ndims, ndims, "its position", path)[:count]
    place = place_of(steps, np.multiply(origin, micrometres))
    return with_pixel_size(place, options.pixel_size)


def _frame_spacing(
    header: MetaHeader, spacing: list[float] | None
) -> list[float] | None:
    """Return the size of the pixels of tracked frames, ``None`` when it is not known.

    Tracked frames state their size in the transform from the image to the probe;
    1 as their spacing means a pixel.
    """
    for name, text in {**header.fields, **header.frames[min(header.frames)]}.items():
        if re.fullmatch(r"ImageTo\w+(?<!Pixel)Transform", name):
            values = numbers(text, 16, name, header.path)
            lengths = np.linalg.norm(np.reshape(values, (4, 4))[:3, :2], axis=0)
            return [float(length) for length in lengths]
    return None if spacing is None or spacing == [1.0, 1.0] else spacing


def _times(header: MetaHeader, axes: str, options: Options) -> tuple[float, ...] | None:
    if axes[0] != "t":
        return None
    frames = [header.frames[number] for number in sorted(header.frames)]
    stamps = [frame.get("Timestamp") for frame in frames]
    if frames and None not in stamps:
        return tuple(
            numbers(str(stamp), 1, "the time of a frame", header.path)[0]
            for stamp in stamps
        )
    options.warn("the file does not state when its frames were taken")
    return None


def _tags(header: MetaHeader, options: Options) -> Tags:
    modality = _MODALITIES.get(header.fields.get("Modality", ""))
    if not header.frames:
        return Tags.of("header", modality=modality)
    first = header.frames[min(header.frames)]
    tracked = sorted(name for name in first if name.endswith("Transform"))
    bad = sum(
        frame.get("ImageStatus", "OK") != "OK" for frame in header.frames.values()
    )
    if bad:
        options.warn(f"{bad} of {len(header.frames)} frames are marked as invalid")
    if tracked:
        options.warn(
            "where the probe was at each frame ("
            + ", ".join(tracked)
            + ") is not applied: all frames lie in the same place"
        )
    return Tags.of(
        "header",
        modality=modality or "US",
        ultrasound_orientation=header.fields.get("UltrasoundImageOrientation"),
        tracked_transforms=", ".join(tracked) or None,
    )
