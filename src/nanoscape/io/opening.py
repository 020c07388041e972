"""What a reader is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nanoscape.errors import MissingCalibration
from nanoscape.model import (
    Affine,
    Image,
    ImageGroup,
    Labels,
    Landmarks,
    Points,
    Regions,
    Spectra,
    Table,
    Tags,
)

Readable: TypeAlias = (
    Image | ImageGroup | Labels | Landmarks | Points | Regions | Spectra | Table
)
"""What files hold."""

_DOUBLE_SUFFIXES = (
    ".ome.tif",
    ".ome.tiff",
    ".ome.zarr",
    ".nii.gz",
    ".igs.mha",
    ".seg.nrrd",
    ".seq.nrrd",
)


@dataclass(frozen=True)
class Options:
    """What the caller says about a file, and what the reader remarks.

    Attributes
    ----------
    pixel_size
        Distance of pixel centres in µm that replaces the file's own.
    scan_speed, spot_size
        Speed of a laser along its lines in µm/s, and their distance in µm, which
        replace the file's own.
    resample
        Whether slices at uneven distances are interpolated to even ones, instead of
        being refused.
    warnings
        Sentences for the user; readers append to them.
    """

    pixel_size: float | None = None
    scan_speed: float | None = None
    spot_size: float | None = None
    resample: bool = False
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        """Tell the user something, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)


@dataclass(frozen=True)
class Opened:
    """A file that was read.

    Attributes
    ----------
    path
        The file or folder.
    format
        Name of its format in the registry.
    objects
        What it holds.
    warnings
        Sentences that the user should know.
    """

    path: Path
    format: str
    objects: tuple[Readable, ...]
    warnings: tuple[str, ...] = ()


def stem(path: Path) -> str:
    """Return the name of a file without the suffix of its format."""
    lowered = path.name.lower()
    for suffix in _DOUBLE_SUFFIXES:
        if lowered.endswith(suffix) and len(lowered) > len(suffix):
            return path.name[: -len(suffix)]
    return path.stem or path.name


def calibrate(
    axes: str, found: Mapping[str, float], options: Options, path: Path
) -> dict[str, float]:
    """Return the spacing of a grid from its file and the caller.

    The caller's pixel size replaces ``y`` and ``x``, and stands in for a ``z``
    that the file does not state.

    Parameters
    ----------
    axes
        Spatial axes of the grid.
    found
        What the file states, in µm; axes that it leaves open are absent.
    options
        What the caller says.
    path
        For the message.

    Raises
    ------
    MissingCalibration
        If the spacing of an axis is not known.
    """
    spacing = {axis: found[axis] for axis in axes if found.get(axis, 0.0) > 0}
    if options.pixel_size is not None:
        spacing |= {axis: options.pixel_size for axis in axes if axis in "yx"}
        if "z" in axes and "z" not in spacing:
            spacing["z"] = options.pixel_size
            options.warn(
                "the file does not state the distance of its planes; "
                f"the given pixel size of {options.pixel_size:g} µm is taken for it"
            )
    missing = [axis for axis in axes if axis not in spacing]
    if missing:
        what = "planes lie apart" if missing == ["z"] else "pixels are"
        raise MissingCalibration(
            f"{path} does not say how {'far' if missing == ['z'] else 'large'} its "
            f"{what}",
            "a spacing with its unit in the file",
            "give the pixel size in µm (pixel_size)",
        )
    return {axis: spacing[axis] for axis in axes}


def calibration_tags(options: Options) -> Tags:
    """Return the tags that tell what the caller stated of the pixel size."""
    return Tags.of(
        "user",
        pixel_size_um=options.pixel_size,
        scan_speed_um_per_s=options.scan_speed,
        spot_size_um=options.spot_size,
    )


def with_pixel_size(affine: Affine, pixel_size: float | None) -> Affine:
    """Return a grid's place with another distance of pixels along ``y`` and ``x``."""
    if pixel_size is None:
        return affine
    matrix = affine.matrix.copy()
    for column, axis in enumerate(affine.input_axes):
        if axis in "yx":
            matrix[:-1, column] *= pixel_size / np.linalg.norm(matrix[:-1, column])
    return Affine(matrix, affine.input_axes, affine.output_axes)
