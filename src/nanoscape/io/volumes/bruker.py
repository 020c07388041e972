"""Bruker ParaVision's reconstructed MR images (``2dseq`` beside ``visu_pars``)."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, build
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import Options, Readable, calibration_tags, with_pixel_size
from nanoscape.io.volumes.bruker_frames import FrameOrder, frame_order
from nanoscape.io.volumes.bruker_place import packages
from nanoscape.io.volumes.frames import FrameSource
from nanoscape.io.volumes.jcamp import Parameters, read_parameters
from nanoscape.io.volumes.raw import RawLayout, plane_chunks
from nanoscape.io.volumes.volume import PATIENT, check_size
from nanoscape.model import Image, ImageGroup, Quantity, Tags

_SAMPLES, _PARAMETERS = "2dseq", "visu_pars"
_TYPES = {
    "_8BIT_UNSGN_INT": "u1",
    "_16BIT_SGN_INT": "i2",
    "_32BIT_SGN_INT": "i4",
    "_32BIT_FLOAT": "f4",
}


def sniff(path: Path) -> bool:
    """Tell whether a file, or one in a folder, is of ParaVision."""
    try:
        return bool(_reconstructions(path))
    except DAMAGE:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read a reconstruction, or all of an experiment's or a study's folder.

    Each is a volume, volumes over time, or a group by echo, b-value or fitted map.
    Slices of several orientations come as one image for each orientation. In a folder
    with several reconstructions, those that are no images are named in a warning.
    """
    found = _reconstructions(path)
    if len(found) == 1:
        return _read_one(found[0], options)
    items: list[Readable] = []
    errors = []
    for samples in found:
        try:
            items += _read_one(samples, options)
        except UnreadableFile as error:
            errors.append(error)
    if not items:
        raise errors[0]
    for refused in errors:
        options.warn(str(refused))
    return items


def _reconstructions(path: Path) -> list[Path]:
    """Return the files with samples: of a reconstruction, experiment or study."""
    if not path.is_dir():
        found = [path] if path.name == _SAMPLES else []
    elif (path / _SAMPLES).is_file():
        found = [path / _SAMPLES]
    elif (path / "pdata").is_dir():
        found = list(path.glob(f"pdata/*/{_SAMPLES}"))
    elif (path / "subject").is_file():
        found = list(path.glob(f"*/pdata/*/{_SAMPLES}"))
    else:
        found = []
    return sorted((samples for samples in found if _is_ours(samples)), key=_numbers)


def _is_ours(samples: Path) -> bool:
    parameters = samples.parent / _PARAMETERS
    if not (samples.is_file() and parameters.is_file()):
        return False
    with parameters.open("rb") as file:
        return file.read(8) == b"##TITLE="


def _numbers(samples: Path) -> list[tuple[int, str]]:
    """Return what sorts folders as numbers, so that 10 follows 9."""
    return [(int(p) if p.isdecimal() else 0, p) for p in samples.parts]


def _read_one(samples: Path, options: Options) -> list[Readable]:
    parameters = read_parameters(samples.parent / _PARAMETERS)
    order = frame_order(parameters, options)
    source = _source(samples, parameters, order)
    if "VisuCoreDataSlope" not in parameters:
        options.warn(
            f"{parameters.path} does not state by what samples are multiplied; they "
            "are as stored"
        )
    source.check_complete()
    chunks = plane_chunks(source.shape, "ctzyx", source.dtype)
    data = lazy_array(source, chunks)
    # Axes of one member or one frame carry nothing.
    single = (len(order.members) == 1, order.frames == 1)
    index = tuple(0 if one else slice(None) for one in single)
    axes = "".join(a for a, one in zip("ct", single, strict=True) if not one) + "zyx"
    name = _name(samples, parameters)
    found = packages(parameters, order.order[0, 0], options)
    items: list[Readable] = []
    for number, package in enumerate(found):
        part = data[(*index, slice(package.first, package.first + package.count))]
        stack = Stack(
            arrays=[part],
            axes=axes,
            name=name if len(found) == 1 else f"{name} package {number + 1}",
            space=PATIENT,
            channels=[member.name for member in order.members],
            times=order.times,
            quantity=Quantity("MR signal"),
            tags=_tags(parameters).merged(calibration_tags(options)),
        )
        place = with_pixel_size(package.place, options.pixel_size)
        items.append(_described(build(stack, place), order))
    return items


def _described(found: Image | ImageGroup, order: FrameOrder) -> Image | ImageGroup:
    """Return the images of a group with the values in which they differ."""
    if isinstance(found, Image):
        return found
    images = []
    for image, member in zip(found, order.members, strict=True):
        quantity = Quantity(member.name, member.unit) if member.unit else image.quantity
        tags = image.tags.having("header", **member.tags)
        images.append(dataclasses.replace(image, quantity=quantity, tags=tags))
    return dataclasses.replace(found, images=tuple(images), coordinate=order.coordinate)


def _source(samples: Path, parameters: Parameters, order: FrameOrder) -> FrameSource:
    sizes = [int(n) for n in parameters.numbers("VisuCoreSize")]
    count = order.order.size
    if min(sizes) < 1:
        raise UnreadableFile(f"{parameters.path} states the size {sizes}")
    check_size([count, *sizes], parameters.path)
    word = parameters.need("VisuCoreWordType")
    if word not in _TYPES:
        raise UnreadableFile(
            f"{parameters.path} states the number type {word}",
            "one of " + ", ".join(_TYPES),
        )
    big = parameters.need("VisuCoreByteOrder") == "bigEndian"
    dtype = np.dtype(_TYPES[word]).newbyteorder(">" if big else "<")
    slopes = _of_frames(parameters, "VisuCoreDataSlope", count, 1.0)
    offsets = _of_frames(parameters, "VisuCoreDataOffs", count, 0.0)
    lattice = order.order
    if len(sizes) == 3:
        # The planes of a volume are no frames: its slices are inside.
        lattice = lattice[..., 0]
    return FrameSource(
        samples,
        RawLayout((samples,), (count, *sizes[::-1]), dtype),
        lattice,
        slopes[lattice],
        offsets[lattice],
    )


def _of_frames(
    parameters: Parameters, name: str, count: int, default: float
) -> np.ndarray[Any, np.dtype[np.float64]]:
    if name not in parameters:
        return np.full(count, default)
    values = parameters.numbers(name)
    if len(values) not in (1, count):
        raise UnreadableFile(
            f"{parameters.path} states {len(values)} values of {name} for {count} "
            "frames"
        )
    return np.broadcast_to(np.array(values), count).copy()


def _name(samples: Path, parameters: Parameters) -> str:
    protocol = parameters.text("VisuAcquisitionProtocol")
    protocol = protocol or parameters.text("VisuAcqSequenceName") or "ParaVision"
    parts = samples.resolve().parts
    # …/<experiment>/pdata/<reconstruction>/2dseq
    numbered = re.fullmatch(r"\d+", parts[-4]) if len(parts) > 4 else None
    name = protocol.removeprefix("Bruker:")
    if numbered is None or parts[-3] != "pdata":
        return name
    return f"{name} {parts[-4]}" + ("" if parts[-2] == "1" else f"-{parts[-2]}")


def _tags(parameters: Parameters) -> Tags:
    def single(name: str) -> float | None:
        values = parameters.numbers(name) if name in parameters else []
        first = values[0] if len(set(values)) == 1 else math.nan
        return first if math.isfinite(first) else None

    date = parameters.text("VisuAcqDate")
    return Tags.of(
        "header",
        modality="MR",
        subject=parameters.text("VisuSubjectId"),
        series_description=parameters.text("VisuAcquisitionProtocol"),
        sequence=parameters.text("VisuAcqSequenceName"),
        acquisition_time=date if date and date[:4].isdigit() else None,
        subject_position=parameters.text("VisuSubjectPosition"),
        echo_time_ms=single("VisuAcqEchoTime"),
        repetition_time_ms=single("VisuAcqRepetitionTime"),
        flip_angle_deg=single("VisuAcqFlipAngle"),
    )
