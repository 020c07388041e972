"""Nuclear medicine: planar, dynamic, gated and reconstructed SPECT (PS3.3 C.8.4)."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.dicom.geometry import normal_of, plane_affine
from nanoscape.io.dicom.slice import Slice, rescale_of
from nanoscape.io.dicom.source import DicomSource, check_pixels, frames_of
from nanoscape.io.dicom.tags import quantity_of, series_name, shared_tags, tags_of
from nanoscape.io.dicom.values import number, numbers, text
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
    with_pixel_size,
)
from nanoscape.model import Affine, Image, ImageGroup, Tags
from nanoscape.model.raster import single_level

_VECTORS = {
    "energy_window": "EnergyWindowVector",
    "detector": "DetectorVector",
    "phase": "PhaseVector",
    "gate": "TimeSlotVector",
    "r_r_interval": "RRIntervalVector",
    "rotation": "RotationVector",
    "view": "AngularViewVector",
    "time": "TimeSliceVector",
    "slice": "SliceVector",
}
"""Elements that number each frame along some axis (C.8.4.8)."""

Numbers = dict[str, int]


@dataclass(frozen=True)
class Frames:
    """The frames of a file and their place.

    Attributes
    ----------
    path, header
        The file.
    numbers
        Of each frame its number along each axis that the file names.
    grid_to_space, space
        Where the pixels lie.
    """

    path: Path
    header: Dataset
    numbers: Sequence[Numbers]
    grid_to_space: Affine
    space: str

    @property
    def sliced(self) -> bool:
        """Whether the frames are slices of volumes."""
        return "slice" in self.numbers[0]

    def moment(self, frame: int) -> tuple[int, int]:
        """Return what orders frames in time: their phase, and their number in it."""
        numbers_ = self.numbers[frame]
        return numbers_.get("phase", 0), numbers_.get("time", 0)

    def level(self, frame: int) -> int:
        """Return the slice of a frame; the same for all that are planar."""
        return self.numbers[frame].get("slice", 0)


def read_object(path: Path, header: Dataset, options: Options) -> list[Readable]:
    """Return the image of one file, or a group over windows, detectors or gates.

    Raises
    ------
    MissingCalibration
        If the file does not say how far its slices or pixels lie apart.
    UnreadableFile
        If it holds projections that are not reconstructed.
    """
    check_pixels(path, header)
    numbers_ = _numbers(header, path)
    if "view" in numbers_[0] and "slice" not in numbers_[0]:
        raise UnreadableFile(
            f"{path} holds projections of a rotating camera, which are no image yet",
            "a reconstructed SPECT",
            "reconstruct it, or export the reconstruction",
        )
    place = _place(path, header, "slice" in numbers_[0], options)
    frames = Frames(path, header, numbers_, *place)
    outer = [
        name
        for name in numbers_[0]
        if name not in ("slice", "time", "phase")
        and len({frame[name] for frame in numbers_}) > 1
    ]
    members: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, frame in enumerate(numbers_):
        members[tuple(frame[name] for name in outer)].append(index)
    images = [
        _image(frames, members[key], dict(zip(outer, key, strict=True)), options)
        for key in sorted(members)
    ]
    if len(images) == 1:
        return [images[0]]
    return [
        ImageGroup(
            images=tuple(images),
            coordinate=" and ".join(outer),
            name=series_name(header, path),
            tags=shared_tags(images),
        )
    ]


def _numbers(header: Dataset, path: Path) -> list[Numbers]:
    """Return of each frame its number along each axis that the file names."""
    count = frames_of(header)
    columns: dict[str, list[int]] = {}
    for name, element in _VECTORS.items():
        value = header.get(element)
        if value is None:
            continue
        found = [int(v) for v in (value if np.iterable(value) else [value])]
        if len(found) != count:
            raise UnreadableFile(
                f"{path} is damaged: it has {count} frames and numbers {len(found)} "
                f"in its {element}"
            )
        columns[name] = found
    kind = str((header.get("ImageType") or [""] * 3)[2:3])
    if "slice" not in columns and count > 1 and "RECON" in kind:
        columns["slice"] = list(range(1, count + 1))
    return [{name: column[i] for name, column in columns.items()} for i in range(count)]


def _image(
    frames: Frames, members: Sequence[int], values: Numbers, options: Options
) -> Image:
    """Return the image of those frames that share all but slice and time."""
    header, path = frames.header, frames.path
    order = sorted(members, key=lambda i: (frames.moment(i), frames.level(i), i))
    depth = len({frames.level(i) for i in order})
    count = len(order) // depth
    levels = [frames.level(i) for i in order]
    if levels != count * sorted(set(levels)):
        raise UnreadableFile(
            f"{path} lacks slices of some of its volumes", "whole volumes"
        )
    lead = ([count] if count > 1 else []) + ([depth] if frames.sliced else [])
    blank = (None, None, None, None)
    slope, intercept = rescale_of(header, path)
    slices = [Slice(path, i, header, *blank, slope, intercept) for i in order]
    source = DicomSource.of(slices, lead)
    times = None
    if count > 1:
        times = frame_times(header, [frames.numbers[i] for i in order[::depth]])
        if times is None:
            options.warn(f"{path.name} does not state the times of its frames")
    words = {name: _word(header, name, index) for name, index in values.items()}
    tags = tags_of(header).merged(calibration_tags(options))
    spatial = "zyx" if frames.sliced else "yx"
    return Image(
        levels=single_level(lazy_array(source, source.native_chunks()), spatial),
        axes="t" + spatial if count > 1 else spatial,
        grid_to_space=frames.grid_to_space,
        space=frames.space,
        name=" ".join([series_name(header, path), *map(str, words.values())]),
        quantity=quantity_of(header),
        tags=tags.merged(Tags.of("header", **words)),
        times=times,
    )


def _place(
    file: Path, header: Dataset, sliced: bool, options: Options
) -> tuple[Affine, str]:
    """Return where the pixels lie, and the name of the space.

    The sign of SpacingBetweenSlices tells whether slices follow behind the first
    one, along the cross product of its row and column, or in front of it (C.8.4.15).
    """
    spacing = numbers(header, "PixelSpacing", 2)
    if not sliced:
        known = {} if spacing is None else {"y": spacing[0], "x": spacing[1]}
        found = calibrate("yx", {a: v * 1e3 for a, v in known.items()}, options, file)
        return Affine.from_spacing("yx", found), stem(file)
    detectors = header.get("DetectorInformationSequence") or [header]
    position = numbers(detectors[0], "ImagePositionPatient", 3)
    orientation = numbers(detectors[0], "ImageOrientationPatient", 6)
    part = Slice(
        path=file,
        frame=0,
        header=header,
        position=None if position is None else tuple(position),
        orientation=None if orientation is None else tuple(orientation),
        spacing=None if spacing is None else tuple(spacing),
        thickness=number(header, "SliceThickness"),
    )
    step = number(header, "SpacingBetweenSlices")
    if not step:
        if options.pixel_size is None:
            raise MissingCalibration(
                f"{file} does not say how far its slices lie apart",
                "SpacingBetweenSlices in its header",
                "give the pixel size in µm (pixel_size)",
            )
        step = options.pixel_size / 1e3
    if position is None or orientation is None:
        known = {"z": abs(step) * 1e3}
        if spacing is not None:
            known |= {"y": spacing[0] * 1e3, "x": spacing[1] * 1e3}
        options.warn(f"{file.name} does not say where it lies in the patient")
        found = calibrate("zyx", known, options, file)
        return Affine.from_spacing("zyx", found), stem(file)
    affine = plane_affine(part, normal_of(part, file) * step, file, options)
    return with_pixel_size(affine, options.pixel_size), "patient"


def frame_times(header: Dataset, frames: Sequence[Numbers]) -> tuple[float, ...] | None:
    """Return the middle of each frame of a dynamic study in seconds (C.8.4.14).

    Each phase has a delay after the one before, and frames of one length with a
    pause between them.
    """
    phases = header.get("PhaseInformationSequence") or []
    starts: dict[int, list[float]] = {}
    now = 0.0
    for index, phase in enumerate(phases, start=1):
        length = number(phase, "ActualFrameDuration", 1e-3)
        if length is None:
            return None
        pause = number(phase, "PauseBetweenFrames", 1e-3) or 0.0
        now += number(phase, "PhaseDelay", 1e-3) or 0.0
        count = int(number(phase, "NumberOfFramesInPhase") or 1)
        if not 0 < count <= len(frames):
            return None
        starts[index] = [now + length / 2 + i * (length + pause) for i in range(count)]
        now += count * (length + pause)
    if not phases:
        length = number(header, "ActualFrameDuration", 1e-3)
        if not length:
            return None
        starts[1] = [(i + 0.5) * length for i in range(len(frames))]
    found = []
    for phase_number, group in itertools.groupby(frames, lambda f: f.get("phase", 1)):
        members = list(group)
        if len(starts.get(phase_number, [])) < len(members):
            return None
        found += starts[phase_number][: len(members)]
    return tuple(found)


def _word(header: Dataset, name: str, index: int) -> str | float:
    """Return what a number along an axis stands for."""
    if name == "energy_window":
        windows = header.get("EnergyWindowInformationSequence") or []
        if 0 < index <= len(windows):
            return text(windows[index - 1], "EnergyWindowName") or f"window {index}"
    if name == "gate":
        gates = header.get("GatedInformationSequence") or [Dataset()]
        data = gates[0].get("DataInformationSequence") or [Dataset()]
        step = number(data[0], "FrameTime")
        if step:
            return (index - 1) * step
    return f"{name.replace('_', ' ')} {index}"
