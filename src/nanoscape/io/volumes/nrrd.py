"""NRRD volumes (.nrrd, .nhdr), 3D Slicer's segmentations and sequences among them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import Options, Readable, calibration_tags, stem
from nanoscape.io.volumes.nrrd_header import MAGIC, NrrdHeader, layout_of, parse_header
from nanoscape.io.volumes.nrrd_place import place
from nanoscape.io.volumes.raw import RawSource, plane_chunks
from nanoscape.io.volumes.volume import as_labels, numbers
from nanoscape.model import Image, ImageGroup, Tags
from nanoscape.units import seconds_per

_COLOURS = ("rgb-color", "rgba-color", "3-color", "4-color")
_SPATIAL = ("", "domain", "space", "???", "none")
_SEGMENT = re.compile(r"Segment(\d+)_(ID|Name|LabelValue|Layer)$")


def sniff(path: Path) -> bool:
    """Tell whether a file starts with the mark of NRRD."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except DAMAGE:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read an image, a volume, volumes over time, components, or a segmentation."""
    header = parse_header(path)
    source = RawSource(path, layout_of(header))
    source.check_complete()
    letters = axis_letters(header)
    if {"oldmin", "oldmax"} & set(header.fields):
        options.warn("the file states a range for its samples, which is not applied")
    where, space = place(header, letters, options)
    axes = letters[::-1]
    data = lazy_array(source, plane_chunks(source.shape, axes, source.dtype))
    if len(where.input_axes) > sum(letter in "xyz" for letter in letters):
        data, axes = data[..., None], f"{axes}z"
    name = stem(path)
    stack = Stack(
        arrays=[data],
        axes=axes,
        name=name,
        space=space or name,
        channels=_channels(header, letters),
        times=_times(header, letters, options),
        tags=_tags(header).merged(calibration_tags(options)),
    )
    stack = without_single(stack, "c")
    return _labelled(build(stack, where), header)


def axis_letters(header: NrrdHeader) -> str:
    """Return a letter of ``x y z t c s`` for each axis, the fastest first.

    Raises
    ------
    UnreadableFile
        If the file does not say what an axis is.
    """
    sizes, kinds = header.sizes, [k.lower() for k in header.words("kinds")]
    kinds += [""] * (len(sizes) - len(kinds))
    directions = header.vectors("spacedirections")
    letters = ""
    for number, kind in enumerate(kinds[: len(sizes)]):
        placed = not directions or (
            number < len(directions) and directions[number] is not None
        )
        if placed and kind in _SPATIAL:
            used = sum(letter in "xyz" for letter in letters)
            letters += "xyz?"[min(used, 3)]
        elif kind == "time" or (kind == "list" and _is_time(header, number)):
            letters += "t"
        elif kind in _COLOURS and sizes[number] in (3, 4):
            letters += "s"
        else:
            letters += "c"
    if "?" in letters or "y" not in letters or len(set(letters)) < len(letters):
        raise UnreadableFile(
            f"{header.path} has {len(sizes)} axes of the kinds "
            f"{' '.join(kind or '???' for kind in kinds)}",
            "two or three axes of space, and at most one of time and of components",
            "state the kinds of the axes in its header",
        )
    return letters


def _is_time(header: NrrdHeader, axis: int) -> bool:
    """Tell whether a list of volumes, as 3D Slicer writes it, goes over time."""
    labels = header.words("labels")
    if axis < len(labels) and labels[axis].lower() in ("time", "t"):
        return True
    unit = header.keys.get("MultiVolume.FrameIdentifyingDICOMTagUnits", "")
    return _seconds(unit) is not None


def _seconds(unit: str) -> float | None:
    try:
        return seconds_per(unit)
    except MissingCalibration:
        return None


def _times(
    header: NrrdHeader, letters: str, options: Options
) -> tuple[float, ...] | None:
    if "t" not in letters:
        return None
    axis = letters.index("t")
    count = header.sizes[axis]
    listed = header.keys.get(f"axis {axis} index values")
    units = header.words("units")
    unit = units[axis] if axis < len(units) else ""
    if "MultiVolume.FrameLabels" in header.keys:
        listed = header.keys["MultiVolume.FrameLabels"].replace(",", " ")
        unit = header.keys.get("MultiVolume.FrameIdentifyingDICOMTagUnits", unit)
    seconds = _seconds(unit)
    if listed is not None:
        values = numbers(listed, count, "the times of its frames", header.path)
    else:
        steps = [float(word) for word in header.words("spacings")]
        step = steps[axis] if axis < len(steps) else float("nan")
        values = [step * frame for frame in range(count)]
    if seconds is None or not np.isfinite(values).all():
        options.warn("the file does not state when its frames were taken")
        return None
    return tuple(value * seconds for value in values)


def _channels(header: NrrdHeader, letters: str) -> list[str]:
    if "c" not in letters:
        return []
    axis = letters.index("c")
    labels = header.words("labels")
    what = labels[axis] if axis < len(labels) and labels[axis] else "component"
    listed = header.keys.get(f"axis {axis} index values", "").split()
    if len(listed) != header.sizes[axis]:
        listed = [str(number + 1) for number in range(header.sizes[axis])]
    return [f"{what} {value}" for value in listed]


def _tags(header: NrrdHeader) -> Tags:
    return Tags.of(
        "header",
        content=header.fields.get("content") or None,
        modality={"DWMRI": "MR"}.get(header.keys.get("modality", "")),
    )


def _labelled(found: Image | ImageGroup, header: NrrdHeader) -> list[Readable]:
    """Return labels for what the file calls a segmentation, else what was found."""
    segments = _segments(header)
    kind = header.keys.get(
        "Segmentation_SourceRepresentation",
        header.keys.get("Segmentation_MasterRepresentation", "Binary labelmap"),
    )
    stated = header.keys.get("DataNodeClassName") == "vtkMRMLLabelMapVolumeNode" or (
        len(segments) and kind == "Binary labelmap"
    )
    layers = list(found) if isinstance(found, ImageGroup) else [found]
    if not stated or layers[0].dtype.kind not in "iu" or layers[0].rgb:
        return [found]
    labels: list[Readable] = []
    for number, layer in enumerate(layers):
        name = found.name if len(layers) == 1 else f"{found.name} layer {number + 1}"
        table = segments.loc[segments["layer"] == number, ["index", "name"]]
        image = dataclasses.replace(layer, name=name)
        labels.append(
            as_labels(image, table.reset_index(drop=True) if len(table) else None)
        )
    return labels


def _segments(header: NrrdHeader) -> pd.DataFrame:
    """Return the segments of 3D Slicer: ``index``, ``name`` and ``layer``."""
    segments: dict[int, dict[str, str]] = {}
    for key, value in header.keys.items():
        if found := _SEGMENT.match(key):
            segments.setdefault(int(found[1]), {})[found[2]] = value.strip()
    rows = [
        (
            int(segment.get("LabelValue", "1")),
            segment.get("Name") or segment.get("ID", ""),
            int(segment.get("Layer", "0")),
        )
        for _, segment in sorted(segments.items())
    ]
    return pd.DataFrame(rows, columns=["index", "name", "layer"])
