"""Philips MR images (``.PAR`` beside ``.REC``); the header is read by nibabel.

Values are those that the console displays (DV), which DICOM files of the same scan
have too.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.parrec import PARRECError, PARRECHeader
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, build
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibration_tags,
    stem,
    with_pixel_size,
)
from nanoscape.io.volumes.frames import FrameSource
from nanoscape.io.volumes.nifti import ras_to_lps_zyx
from nanoscape.io.volumes.raw import RawLayout, plane_chunks
from nanoscape.io.volumes.volume import PATIENT, check_size
from nanoscape.model import Image, ImageGroup, Quantity, Tags
from nanoscape.units import micrometres_per

_START = b"# === DATA DESCRIPTION FILE ==="
_HEADER_BYTES = 2**26
_KINDS = {0: "magnitude", 1: "real", 2: "imaginary", 3: "phase"}
_KEYS = (
    "image_type_mr",
    "label type",
    "diffusion b value number",
    "gradient orientation number",
    "cardiac phase number",
    "echo number",
)


def sniff(path: Path) -> bool:
    """Tell whether a file starts as Philips' headers do."""
    try:
        with path.open("rb") as file:
            return file.read(len(_START)) == _START
    except DAMAGE:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read a volume, volumes over time, or a group by echo, b-value or kind."""
    header = _header(path)
    slices = int(header.get_data_shape()[2])
    frames = np.asarray(header.get_sorted_slice_indices(), dtype=np.intp)
    frames = frames.reshape(-1, slices)
    lattice, keys = _lattice(header.image_defs[frames[:, 0]])
    order = frames[lattice]
    source = _source(path, header, order)
    source.check_complete()
    # Axes of one member or one frame carry nothing.
    single = (order.shape[0] == 1, order.shape[1] == 1)
    axes = "".join(a for a, one in zip("ct", single, strict=True) if not one) + "zyx"
    data = lazy_array(source, plane_chunks(source.shape, "ctzyx", source.dtype))
    firsts = header.image_defs[order[:, 0, 0]]
    members = [_member(first, keys) for first in firsts]
    stack = Stack(
        arrays=[data[tuple(0 if one else slice(None) for one in single)]],
        axes=axes,
        name=stem(path),
        space=PATIENT,
        channels=[name for name, _ in members],
        times=_times(header.image_defs[order[0, :, 0]], options),
        quantity=Quantity("MR signal"),
        tags=_tags(header, firsts).merged(calibration_tags(options)),
    )
    affine = np.asarray(header.get_affine("scanner"), dtype=np.float64)
    place = ras_to_lps_zyx(affine, micrometres_per("mm"))
    found = build(stack, with_pixel_size(place, options.pixel_size))
    return [_described(found, [tags for _, tags in members])]


def _described(
    found: Image | ImageGroup, tags: Sequence[dict[str, Any]]
) -> Image | ImageGroup:
    """Return the images of a group with the values in which they differ."""
    if isinstance(found, Image):
        return found
    images = tuple(
        dataclasses.replace(image, tags=image.tags.having("header", **own))
        for image, own in zip(found, tags, strict=True)
    )
    named = list(tags[0])
    coordinate = named[0] if len(named) == 1 else "channel"
    return dataclasses.replace(found, images=images, coordinate=coordinate)


def _header(path: Path) -> Any:
    try:
        if path.stat().st_size > _HEADER_BYTES:
            raise UnreadableFile(f"{path} is too large for a header")
        with path.open(encoding="latin-1") as file, warnings.catch_warnings():
            # What nibabel only doubts is not guessed here.
            warnings.simplefilter("error", UserWarning)
            header = PARRECHeader.from_fileobj(file, strict_sort=True)
        check_size([len(header.image_defs), *header.get_rec_shape()[:2]], path)
        return header
    except (PARRECError, UserWarning, *DAMAGE) as error:
        raise UnreadableFile(
            f"{path} is damaged: {error}", "a PAR file of version 4", "export it again"
        ) from error


def _source(path: Path, header: Any, order: NDArray[np.intp]) -> FrameSource:
    columns, rows, count = (int(n) for n in header.get_rec_shape())
    if min(columns, rows) < 1:
        raise UnreadableFile(f"{path} states a size of {columns} by {rows} pixels")
    layout = RawLayout(
        (_samples_of(path),), (count, rows, columns), header.get_data_dtype()
    )
    defined = header.image_defs[order]
    return FrameSource(
        path,
        layout,
        order,
        np.asarray(defined["rescale slope"], dtype=np.float64),
        np.asarray(defined["rescale intercept"], dtype=np.float64),
    )


def _samples_of(path: Path) -> Path:
    """Return the file with the samples, whose suffix follows the header's or not."""
    names = [path.with_suffix(suffix) for suffix in (".REC", ".rec", ".Rec")]
    return next((name for name in names if name.is_file()), names[0])


def _lattice(volumes: Any) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Return numbers of the volumes, shape ``(members, frames over time)``.

    The second value names the keys in which the members differ.
    """
    names = [name for name in _KEYS if name in volumes.dtype.names]
    differing = tuple(name for name in names if len(np.unique(volumes[name])) > 1)
    times = volumes["dynamic scan number"]
    kinds = [tuple(volume[name] for name in differing) for volume in volumes]
    members = sorted(set(kinds))
    frames = sorted(set(times.tolist()))
    where = {key: i for i, key in enumerate(zip(kinds, times.tolist(), strict=True))}
    if len(where) != len(volumes) or len(members) * len(frames) != len(volumes):
        # Volumes that the header does not tell apart stay in their order.
        numbers = np.arange(len(volumes), dtype=np.intp)[:, None]
        return numbers, differing
    lattice = [[where[member, frame] for frame in frames] for member in members]
    return np.array(lattice, dtype=np.intp), differing


def _member(volume: Any, keys: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the name of a member and the values in which it differs from others."""
    words: list[str] = []
    tags: dict[str, Any] = {}
    for key in keys:
        if key == "image_type_mr":
            tags["kind"] = _KINDS.get(int(volume[key]), f"kind {volume[key]}")
            words.append(tags["kind"])
        elif key == "echo number":
            tags["echo_time_ms"] = float(volume["echo_time"])
            words.append(f"TE {tags['echo_time_ms']:g} ms")
        elif key == "diffusion b value number":
            tags["b_value_s_mm2"] = float(volume["diffusion_b_factor"])
            words.append(f"b {tags['b_value_s_mm2']:g} s/mm²")
        else:
            word = key.removesuffix(" number")
            tags[word.replace(" ", "_")] = int(volume[key])
            words.append(f"{word} {volume[key]}")
    return ", ".join(words), tags


def _times(volumes: Any, options: Options) -> tuple[float, ...] | None:
    if len(volumes) == 1:
        return None
    times = [float(seconds) for seconds in volumes["dyn_scan_begin_time"]]
    if len(set(times)) < len(times) or not np.isfinite(times).all():
        options.warn("the file does not state when its frames were taken")
        return None
    return tuple(times)


def _tags(header: Any, firsts: Any) -> Tags:
    info = header.general_info
    echoes = {float(time) for time in firsts["echo_time"]}
    return Tags.of(
        "header",
        modality="MR",
        series_description=info.get("protocol_name") or None,
        sequence=info.get("tech") or None,
        subject_position=info.get("patient_position") or None,
        echo_time_ms=echoes.pop() if len(echoes) == 1 else None,
    )
