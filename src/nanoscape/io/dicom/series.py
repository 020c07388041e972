"""Series of single-frame files, and files with a frame for each slice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE
from nanoscape.io.dicom.arrange import Volume, arrange
from nanoscape.io.dicom.geometry import stack_affine
from nanoscape.io.dicom.slice import Slice
from nanoscape.io.dicom.source import DicomSource
from nanoscape.io.dicom.tags import quantity_of, series_name, shared_tags, tags_of
from nanoscape.io.dicom.uneven import EvenSlices, EvenSource, even_slices
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import Options, calibration_tags, with_pixel_size
from nanoscape.model import Affine, Image, ImageGroup, Tags
from nanoscape.model.raster import single_level


def read_slices(
    slices: Sequence[Slice], path: Path, options: Options
) -> Image | ImageGroup:
    """Return the image that slices make up, or a group of images on one grid.

    Raises
    ------
    MissingCalibration
        If places or sizes are not stated.
    UnreadableFile
        If the slices do not make up whole volumes.
    """
    volumes, coordinate = arrange(slices, path, uneven=options.resample)
    try:
        stack = volumes[0].frames[0]
        even = even_slices(stack, path) if options.resample else None
        count = None if even is None else len(even.below)
        affine = stack_affine(stack, path, options, count)
        affine = with_pixel_size(affine, options.pixel_size)
        images = [_image(volume, affine, path, options, even) for volume in volumes]
    except DAMAGE as error:
        raise UnreadableFile(f"the series in {path} cannot be read: {error}") from error
    if len(images) == 1:
        return images[0]
    name = series_name(slices[0].header, path)
    return ImageGroup(
        images=tuple(images), coordinate=coordinate, name=name, tags=shared_tags(images)
    )


def _image(
    volume: Volume,
    affine: Affine,
    path: Path,
    options: Options,
    even: EvenSlices | None,
) -> Image:
    frames = len(volume.frames)
    slices = volume.slices
    lead = [frames] if frames > 1 else []
    stored = DicomSource.of(slices, [*lead, len(slices) // frames])
    source: DicomSource | EvenSource = stored
    if even is not None:
        options.warn(even.sentence)
        source = EvenSource(stored, even.below, even.weights)
    header = slices[0].header
    name = series_name(header, path)
    if volume.coordinates:
        name += " " + ", ".join(_words(*pair) for pair in volume.coordinates.items())
    tags = tags_of(header, [part.timed for part in slices], frames)
    tags = tags.merged(Tags.of("header", **volume.coordinates))
    if even is not None:
        tags = tags.having("user", resampled=even.sentence)
    return Image(
        levels=single_level(lazy_array(source, source.native_chunks()), "zyx"),
        axes="tzyx" if frames > 1 else "zyx",
        grid_to_space=affine,
        space="patient",
        name=name,
        quantity=quantity_of(header),
        tags=tags.merged(calibration_tags(options)),
        times=volume.times,
    )


def _words(name: str, value: object) -> str:
    """Return a coordinate for a name, such as ``TE 12 ms``."""
    short = {
        "component": "{}",
        "echo_time_ms": "TE {:g} ms",
        "b_value": "b {:g}",
        "b_direction": "along {}",
        "inversion_time_ms": "TI {:g} ms",
        "flip_angle_deg": "{:g}°",
        "trigger_time_ms": "gate {:g} ms",
        "repetition": "({})",
    }
    return short[name].format(value)
