"""DICOM segmentations as labels (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.dicom.enhanced import enhanced_slice, functional_group
from nanoscape.io.dicom.geometry import normal_of, plane_affine, position_of
from nanoscape.io.dicom.slice import Slice, single_thickness
from nanoscape.io.dicom.source import check_pixels, frames_of, read_frame
from nanoscape.io.dicom.tags import series_name, tags_of
from nanoscape.io.dicom.values import number, text
from nanoscape.io.lazy import Box, Source, lazy_array, stamp
from nanoscape.io.opening import Options, Readable, calibration_tags, with_pixel_size
from nanoscape.model import Labels
from nanoscape.model.raster import single_level

LABELLED = 0
"""In place of a segment: the samples of the frame are the numbers of segments."""

_OFF_GRID = 0.05
"""Largest distance of a frame from its slice, as a part of the step."""

_LARGEST_GAP = 100
"""Slices without a frame for each frame, above which the step is not believed."""


def read_object(path: Path, header: Dataset, options: Options) -> list[Readable]:
    """Return the segments of one file as labels.

    All segments share one image when the file says that they do not overlap, has only
    one, or holds a map of labels; otherwise each gets labels of its own.
    """
    check_pixels(path, header)
    groups = header.get("PerFrameFunctionalGroupsSequence") or []
    if len(groups) != frames_of(header):
        raise UnreadableFile(
            f"{path} is damaged: it has {frames_of(header)} frames and describes "
            f"{len(groups)}"
        )
    if text(header, "SegmentationType") == "FRACTIONAL":
        options.warn(f"{path.name} holds fractions; at least half counts as inside")
    slices = [enhanced_slice(path, header, g, i, header) for i, g in enumerate(groups)]
    names = _names(header)
    labelled = text(header, "SegmentationType") == "LABELMAP"
    owners = [LABELLED if labelled else _owner(header, g, path) for g in groups]
    measures = functional_group("PixelMeasuresSequence", groups[0], header)
    stated = number(measures, "SpacingBetweenSlices")
    levels, step = _levels(slices, abs(stated or 0.0), path, options)
    lowest = slices[levels.index(min(levels))]
    vector = normal_of(lowest, path) * step
    affine = plane_affine(lowest, vector, path, options)
    affine = with_pixel_size(affine, options.pixel_size)
    together = len(set(owners)) == 1 or text(header, "SegmentsOverlap") == "NO"
    present = sorted(set(owners))
    found: list[Readable] = []
    for members in [present] if together else [[owner] for owner in present]:
        chosen = [i for i, owner in enumerate(owners) if owner in members]
        segments = sorted(set(names) - {0}) if labelled else members
        source = SegmentSource.of(
            path, header, chosen, [levels[i] for i in chosen], levels,
            [owners[i] for i in chosen],
        )  # fmt: skip
        words = [names.get(owner, f"segment {owner}") for owner in segments]
        found.append(
            Labels(
                levels=single_level(lazy_array(source, source.native_chunks()), "zyx"),
                axes="zyx",
                grid_to_space=affine,
                space="patient",
                name=words[0] if len(words) == 1 else series_name(header, path),
                tags=tags_of(header).merged(calibration_tags(options)),
                table=pd.DataFrame({"index": segments, "name": words}),
            )
        )
    return found


def _owner(header: Dataset, group: Dataset, path: Path) -> int:
    shared = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    for holder in (group, shared[0]):
        found = holder.get("SegmentIdentificationSequence")
        if found:
            value = number(found[0], "ReferencedSegmentNumber")
            if value and 0 < value < 2**16:
                return int(value)
    raise UnreadableFile(f"{path} is damaged: a frame names no segment")


def _names(header: Dataset) -> dict[int, str]:
    return {
        int(number(item, "SegmentNumber") or 0): text(item, "SegmentLabel") or "segment"
        for item in header.get("SegmentSequence") or []
    }


def _levels(
    slices: Sequence[Slice], stated: float, path: Path, options: Options
) -> tuple[list[int], float]:
    """Return the slice of each frame on an even grid, and the step in mm.

    Frames without any inside are often left out, so that the step is the one that the
    file states in mm, or the smallest distance of two frames.
    """
    normal = normal_of(slices[0], path)
    heights = np.array([float(normal @ position_of(part, path)) for part in slices])
    unique = np.unique(np.round(heights, 3))
    if len(unique) == 1:
        step = single_thickness(slices[0], options)
        if step is None:
            raise MissingCalibration(
                f"{path} is a single slice that does not say how thick it is",
                "SliceThickness in its header",
                "give the pixel size in µm (pixel_size)",
            )
        return [0] * len(slices), step
    step = float(np.diff(unique).min())
    if stated > 0 and abs(step / stated - round(step / stated)) < _OFF_GRID:
        step = min(step, stated)
    span = unique[-1] - unique[0]
    count = max(round(span / step), 1)
    if count > _LARGEST_GAP * len(slices):
        raise UnreadableFile(
            f"{path} has frames that lie {step:.3g} mm and {span:.3g} mm apart",
            "frames on an even stack",
        )
    step = float(span / count)
    places = (heights - heights.min()) / step
    if np.abs(places - np.round(places)).max() > _OFF_GRID:
        raise UnreadableFile(
            f"the frames of {path} are not evenly spaced",
            "slices at even distances",
            "export the segmentation on the grid of its image",
        )
    aligned = [float(position_of(s, path) @ normal) for s in slices]
    lateral = [
        position_of(part, path) - normal * height
        for part, height in zip(slices, aligned, strict=True)
    ]
    if np.ptp(lateral, axis=0).max() > 0.01 * max(step, 1e-6):
        raise UnreadableFile(
            f"the frames of {path} are shifted against each other",
            "frames that lie one behind the other",
            "export the segmentation on the grid of its image",
        )
    return [int(place) for place in np.round(places)], step


class SegmentSource(Source):
    """Labels drawn from frames of which each shows one segment in one slice.

    Parameters
    ----------
    path
        The file.
    frames, levels, owners
        Of each frame its number, its slice and its segment.
    shape, dtype
        Of the labels.
    threshold
        Smallest stored value that is inside.
    """

    def __init__(
        self,
        path: Path,
        frames: Sequence[int],
        levels: Sequence[int],
        owners: Sequence[int],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        threshold: int,
    ) -> None:
        self.path = path
        self.frames = tuple(frames)
        self.levels = tuple(levels)
        self.owners = tuple(owners)
        self.shape = shape
        self.dtype = dtype
        self.threshold = threshold

    @classmethod
    def of(
        cls,
        path: Path,
        header: Dataset,
        frames: Sequence[int],
        levels: Sequence[int],
        every: Sequence[int],
        owners: Sequence[int],
    ) -> SegmentSource:
        """Return the source of some segments on the grid of all of them."""
        small = max(owners) < 256 and int(header.BitsAllocated) <= 8
        dtype = np.dtype(np.uint8 if small else np.uint16)
        largest = number(header, "MaximumFractionalValue") or 1
        fractional = text(header, "SegmentationType") == "FRACTIONAL"
        threshold = max(int(np.ceil(largest / 2)), 1) if fractional else 1
        shape = (max(every) + 1, int(header.Rows), int(header.Columns))
        return cls(path, frames, levels, owners, shape, dtype, threshold)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (*stamp(self.path), self.frames, self.levels, self.owners)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of one slice."""
        return (1, *self.shape[1:])

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the labels of a box."""
        out = np.zeros([part.stop - part.start for part in box], self.dtype)
        shown: dict[int, list[int]] = defaultdict(list)
        for place, level in enumerate(self.levels):
            shown[level].append(place)
        for level in range(box[0].start, box[0].stop):
            for place in shown.get(level, []):
                stored = read_frame(self.path, self.frames[place])[box[1:]]
                plane = out[level - box[0].start]
                if self.owners[place] == LABELLED:
                    plane[:] = stored
                else:
                    plane[stored >= self.threshold] = self.owners[place]
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        frames = (self.frames, self.levels, self.owners)
        return SegmentSource, (
            self.path, *frames, self.shape, self.dtype, self.threshold,
        )  # fmt: skip
