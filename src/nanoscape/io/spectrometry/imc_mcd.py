"""Imaging mass cytometry: the ``.mcd`` file of a slide.

It holds the pictures that the camera took (panoramas) and, for each acquisition, a
row of 32-bit numbers for each ablated spot: X, Y, Z and the channels.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import dask.array as da

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.build import Stack, build, unique_names
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import Options, Readable, calibrate, calibration_tags, stem
from nanoscape.io.spectrometry import imc_txt
from nanoscape.io.spectrometry.imc_panorama import downwards, panorama, raster_place
from nanoscape.io.spectrometry.imc_schema import (
    Fields,
    Schema,
    channels_of,
    corners_of,
    read_schema,
    shot_distance,
    slide_height,
)
from nanoscape.io.spectrometry.imc_source import AcquisitionSource
from nanoscape.model import Affine, ImageGroup, Tags

_HEAD, _TAIL = 512, 2**20
_HEAD_MARK = b"MCDHeader"
_TAIL_MARK = "</MCD".encode("utf-16-le")
_CHUNK_BYTES = 2**24
_LARGEST_SPARSE = 4096
"""How many pixels a raster may have for each spot, beyond those of a usual one."""


def sniff(path: Path) -> bool:
    """Tell whether a file starts or ends as the instrument's files do."""
    try:
        with path.open("rb") as file:
            if _HEAD_MARK in file.read(_HEAD):
                return True
            file.seek(max(0, path.stat().st_size - _TAIL))
            return _TAIL_MARK in file.read(_TAIL)
    except OSError:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the panoramas and acquisitions of a slide, each in its place.

    What is damaged is read from the text files that the instrument wrote beside it.
    """
    try:
        schema = read_schema(path)
    except UnreadableFile as error:
        return _recovered(path, options, error)
    images: list[Readable] = []
    for fields in schema.panoramas:
        picture = panorama(path, schema, fields, options)
        if picture is not None:
            images.append(picture)
    names = _names(schema)
    broken: UnreadableFile | None = None
    for fields, name in zip(schema.acquisitions, names, strict=True):
        try:
            images.append(_acquisition(path, schema, fields, name, options))
        except MissingCalibration:
            raise
        except (UnreadableFile, KeyError, ValueError) as error:
            broken = UnreadableFile(
                f"{name} of {path} cannot be read: {getattr(error, 'found', error)}",
                todo="put the text file of the acquisition beside it",
            )
            options.warn(f"{broken} It is left out")
    if broken is not None and not any(isinstance(i, ImageGroup) for i in images):
        raise broken
    return images


def _names(schema: Schema) -> list[str]:
    """Return one name for each acquisition."""
    given = [
        fields.get("Description") or f"acquisition {fields.get('ID', '')}".strip()
        for fields in schema.acquisitions
    ]
    return unique_names(given, len(given))


def _acquisition(
    path: Path, schema: Schema, fields: Fields, name: str, options: Options
) -> ImageGroup:
    """Return the channels of one acquisition."""
    channels = channels_of(schema, fields, path)
    try:
        array = _binary(path, fields, len(channels), options, name)
    except UnreadableFile as error:
        twin = _twin(path, fields.get("ID", ""))
        if twin is None:
            raise
        options.warn(
            f"{name} is damaged in {path.name} ({error.found}); "
            f"it was read from {twin.name}"
        )
        text, source = imc_txt.open_text(twin, options)
        channels = list(text.channels)
        array = lazy_array(source, (1, *source.shape[1:]))
    found = {axis: shot_distance(fields, axis.upper()) for axis in "yx"}
    spacing = calibrate("yx", found, options, path)
    stack = Stack(
        arrays=[array],
        axes="cyx",
        name=name,
        space=stem(path),
        channels=[channel.name for channel in channels],
        channel_tags=[channel.tags for channel in channels],
        quantity=imc_txt.COUNTS,
        tags=Tags.of(
            "header",
            modality="IMC",
            acquisition=name,
            acquisition_time=fields.get("StartTimeStamp") or None,
        ).merged(calibration_tags(options)),
    )
    place = _place(schema, fields, spacing)
    if place is None:
        options.warn(f"the file does not say where on the slide {name} lies")
        stack = dataclasses.replace(stack, space=f"{stem(path)} {name}")
        place = Affine.from_spacing("yx", spacing)
    group = build(stack, place)
    assert isinstance(group, ImageGroup)
    return _named(group, name) if len(schema.acquisitions) > 1 else group


def _named(group: ImageGroup, name: str) -> ImageGroup:
    """Return the group with images that are told apart from those of others."""
    images = tuple(
        dataclasses.replace(image, name=f"{name} {image.name}") for image in group
    )
    return dataclasses.replace(group, images=images)


def _binary(
    path: Path, fields: Fields, channels: int, options: Options, name: str
) -> da.Array:
    """Return the values in the file itself, shape ``(c, y, x)``."""
    start, end = int(fields["DataStartOffset"]), int(fields["DataEndOffset"])
    width, height = int(fields["MaxX"]), int(fields["MaxY"])
    kind = f"{fields.get('SegmentDataFormat')} of {fields.get('ValueBytes')} bytes"
    if kind != "Float of 4 bytes":
        raise UnreadableFile(f"its values are {kind}", "Float of 4 bytes")
    row = (channels + len("XYZ")) * 4
    if (end + 1 - start) % row == 0:
        # Some versions of the software state the end one byte too early.
        end += 1
    size = path.stat().st_size
    spots, rest = divmod(end - start, row)
    if not 0 <= start < end <= size or rest or min(width, height) <= 0:
        raise UnreadableFile(
            f"its {width} × {height} spots lie from byte {start} to {end} of {size}, "
            "which is not a whole number of spots"
        )
    if not spots <= width * height <= max(2**24, _LARGEST_SPARSE * spots):
        raise UnreadableFile(f"it has {spots} spots for {width} × {height} pixels")
    if spots < width * height:
        options.warn(
            f"{name} is not complete: {spots} of {width * height} pixels were "
            "measured; the others are empty"
        )
    source = AcquisitionSource(path, start, (channels, height, width), spots)
    rows = max(1, _CHUNK_BYTES // (row * width))
    return lazy_array(source, (1, min(rows, height), width))


def _place(schema: Schema, fields: Fields, spacing: dict[str, float]) -> Affine | None:
    """Return where the raster lies on the slide, ``None`` where it is not stated.

    The stage counts ``y`` upwards; the slide's space counts it downwards from the
    slide's upper edge, so that it shows the tissue as the microscope does.
    """
    corners = corners_of(schema, fields)
    if corners is None:
        return None
    return raster_place(
        downwards(corners, slide_height(schema)), spacing["y"], spacing["x"]
    )


def _twin(path: Path, ident: str) -> Path | None:
    """Return the text file of an acquisition beside an ``.mcd`` file."""
    return dict(_twins(path)).get(ident)


def _twins(path: Path) -> list[tuple[str, Path]]:
    """Return identifier and path of the text files that belong to an ``.mcd`` file."""
    pattern = re.compile(re.escape(path.stem) + r"_.*?(\d+)\.txt", re.IGNORECASE)
    found = []
    for beside in sorted(path.parent.iterdir()):
        match = pattern.fullmatch(beside.name)
        if match and imc_txt.sniff(beside):
            found.append((match[1], beside))
    return found


def _recovered(
    path: Path, options: Options, error: UnreadableFile
) -> Sequence[Readable]:
    """Read the text files in place of a damaged file, without places on the slide."""
    twins = [twin for _, twin in _twins(path)]
    if not twins:
        raise error
    options.warn(
        f"{error.found}; its acquisitions were read from the text files beside it, "
        "without their places on the slide and without panoramas"
    )
    images: list[Readable] = []
    for twin in twins:
        for group in imc_txt.read(twin, options):
            named = _named(group, group.name) if len(twins) > 1 else group
            images.append(named)
    return images
