"""Siemens mosaics: all slices of a volume as tiles of one picture."""

from __future__ import annotations

import dataclasses
import math
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.dicom.geometry import (
    directions_of,
    normal_of,
    plane_affine,
    position_of,
)
from nanoscape.io.dicom.slice import Slice, classic_slice
from nanoscape.io.dicom.source import read_frame, rescaled_dtype
from nanoscape.io.dicom.tags import quantity_of, series_name, tags_of
from nanoscape.io.dicom.values import number
from nanoscape.io.lazy import Box, Source, lazy_array, stamp
from nanoscape.io.opening import (
    Options,
    Readable,
    calibration_tags,
    with_pixel_size,
)
from nanoscape.model import Image
from nanoscape.model.raster import single_level

_TILES = re.compile(r"(\d+)[p]?\s*\*\s*(\d+)")
_PLACE = re.compile(
    r"sSliceArray\.asSlice\[(\d+)\]\.sPosition\.d(Sag|Cor|Tra)\s*=\s*"
    r"([+-]?[0-9.]+(?:[eE][+-]?\d+)?)"
)
_COUNT = re.compile(r"sSliceArray\.lSize\s*=\s*(0x[0-9a-fA-F]+|\d+)")


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a mosaic is cut.

    Attributes
    ----------
    rows, columns
        Size of a tile in pixels.
    across
        Tiles in a row of the mosaic.
    count
        Slices; the tiles after them are empty.
    """

    rows: int
    columns: int
    across: int
    count: int


def read_mosaics(
    members: Sequence[tuple[Path, Dataset]], path: Path, options: Options
) -> list[Readable]:
    """Return the volume, or the series in time, of mosaics of one series."""
    parts = [classic_slice(file, header) for file, header in members]
    parts.sort(key=lambda part: number(part.header, "InstanceNumber") or 0.0)
    first = parts[0]
    layout = layout_of(first.header, first.path)
    for part in parts[1:]:
        if layout_of(part.header, part.path) != layout or not _same(part, first):
            raise UnreadableFile(
                f"{path} mixes mosaics of different size or place (at {part.where})",
                "one series of like volumes",
            )
    step = number(first.header, "SpacingBetweenSlices")
    if not step or step <= 0:
        raise MissingCalibration(
            f"{path} does not say how far the slices of its mosaic lie apart",
            "SpacingBetweenSlices in its header",
            "export the slices one by one",
        )
    tile = _first_tile(first, layout, path)
    vector = _stacking(tile, layout, path, options) * step
    affine = plane_affine(tile, vector, path, options)
    source = MosaicSource.of(parts, layout)
    return [
        Image(
            levels=single_level(lazy_array(source, source.native_chunks()), "zyx"),
            axes="tzyx" if len(parts) > 1 else "zyx",
            grid_to_space=with_pixel_size(affine, options.pixel_size),
            space="patient",
            name=series_name(first.header, path),
            quantity=quantity_of(first.header),
            tags=tags_of(first.header, [p.header for p in parts], len(parts)).merged(
                calibration_tags(options)
            ),
            times=_times(parts, options),
        )
    ]


def layout_of(header: Dataset, path: Path) -> Layout:
    """Return how a mosaic is cut, from Siemens' private elements.

    Raises
    ------
    UnreadableFile
        If the file does not tell the number of slices or the size of a tile.
    """
    values = header.get((0x0019, 0x100A))
    count = int(values.value) if values is not None else 0
    if not count:
        found = _csa(header).get("NumberOfImagesInMosaic")
        count = int(found[0]) if found else 0
    if not count:
        count = _protocol_count(header)
    words = header.get((0x0051, 0x100B))
    match = _TILES.search(str(words.value)) if words is not None else None
    rows, columns = (int(n) for n in match.groups()) if match else (0, 0)
    if not match and count:
        across = math.ceil(math.sqrt(count))
        rows, columns = header.Rows // across, header.Columns // across
    fits = rows > 0 and columns > 0 and not (
        header.Rows % rows or header.Columns % columns
    )  # fmt: skip
    if not count or not fits or count > header.Rows * header.Columns // (
        rows * columns
    ):  # fmt: skip
        raise UnreadableFile(
            f"{path} is a mosaic of many slices in one image and does not say of which",
            "Siemens' private elements with the number of slices",
            "export the slices one by one, or convert it to NIfTI",
        )
    return Layout(rows, columns, header.Columns // columns, count)


def _protocol(header: Dataset) -> str:
    """Return the text of the protocol that Siemens writes into a private element."""
    for element in (0x1020, 0x1120):
        block = header.get((0x0029, element))
        if block is not None and isinstance(block.value, bytes):
            return block.value.decode("latin-1")
    return ""


def _protocol_count(header: Dataset) -> int:
    match = _COUNT.search(_protocol(header))
    return int(match.group(1), 0) if match else 0


def _protocol_centres(header: Dataset, count: int) -> NDArray[np.float64] | None:
    """Return the centres of all slices in mm (LPS), in the order of the protocol."""
    centres = np.zeros((count, 3))
    seen = set()
    for index, axis, value in _PLACE.findall(_protocol(header)):
        if int(index) < count:
            centres[int(index), ("Sag", "Cor", "Tra").index(axis)] = float(value)
            seen.add(int(index))
    return centres if len(seen) == count else None


def _csa(header: Dataset) -> dict[str, list[float]]:
    """Return two entries of Siemens' image header (CSA), empty where it is absent."""
    block = header.get((0x0029, 0x1010))
    data = block.value if block is not None and isinstance(block.value, bytes) else b""
    found = {}
    for name in ("NumberOfImagesInMosaic", "SliceNormalVector"):
        place = data.find(name.encode() + b"\0")
        if place >= 0:
            found[name] = _csa_numbers(data, place)
    return found


def _csa_numbers(data: bytes, place: int) -> list[float]:
    """Return the numbers of an entry whose name starts at a place.

    Of the 84 bytes before its items the last eight are their count and a check; each
    item is text after four lengths, padded to four bytes.
    """
    values: list[float] = []
    try:
        (count,) = struct.unpack_from("<i", data, place + 76)
        place += 84
        for _ in range(min(count, 8)):
            (length,) = struct.unpack_from("<i", data, place + 4)
            content = data[place + 16 : place + 16 + length].strip(b"\0 ")
            if content:
                values.append(float(content))
            place += 16 + (max(length, 0) + 3) // 4 * 4
    except (struct.error, ValueError):
        return []
    return values


def _stacking(
    tile: Slice, layout: Layout, path: Path, options: Options
) -> NDArray[np.float64]:
    """Return the unit vector along which the tiles follow each other.

    Images may be numbered against the order of the protocol. Which end of it the
    first tile is, tells which way the others follow.
    """
    normal = normal_of(tile, path)
    row, column = directions_of(tile, path)
    spacing = tile.spacing or (0.0, 0.0)
    centres = _protocol_centres(tile.header, layout.count)
    if centres is not None and layout.count > 1:
        # The protocol's centre lies on the corner of four pixels.
        centre = (
            position_of(tile, path)
            + row * spacing[1] * layout.columns / 2
            + column * spacing[0] * layout.rows / 2
        )
        ends = np.linalg.norm(centres[[0, -1]] - centre, axis=1)
        way = (centres[-1] - centres[0]) * (1 if ends[0] < ends[1] else -1)
        step = np.linalg.norm(way) / (layout.count - 1)
        if ends.min() < max(step, *spacing) and abs(normal @ way) > 0.5 * step:
            return normal * np.sign(normal @ way)
    stated = _csa(tile.header).get("SliceNormalVector", [])
    if len(stated) == 3 and abs(np.dot(stated, normal)) > 0.9:
        return normal * np.sign(np.dot(stated, normal))
    options.warn(
        f"{path} does not say in which order the tiles of its mosaic follow; check "
        "that top and bottom are not exchanged"
    )
    return normal


def _first_tile(part: Slice, layout: Layout, path: Path) -> Slice:
    """Return the first slice: ImagePositionPatient is as if it filled the mosaic."""
    row, column = directions_of(part, path)
    spacing = part.spacing or (0.0, 0.0)
    position = (
        position_of(part, path)
        + row * spacing[1] * (part.header.Columns - layout.columns) / 2
        + column * spacing[0] * (part.header.Rows - layout.rows) / 2
    )
    return dataclasses.replace(part, position=tuple(position.tolist()))


def _same(part: Slice, first: Slice) -> bool:
    pairs = (
        (part.position, first.position),
        (part.orientation, first.orientation),
        (part.spacing, first.spacing),
    )
    return all(a and b and np.allclose(a, b, atol=1e-3) for a, b in pairs)


def _times(parts: Sequence[Slice], options: Options) -> tuple[float, ...] | None:
    if len(parts) == 1:
        return None
    clocks = [part.time_s.get("acquisition time") for part in parts]
    seconds = [clock for clock in clocks if clock is not None]
    if len(seconds) == len(parts) and all(np.diff(seconds) > 0):
        return tuple(second - seconds[0] for second in seconds)
    repetition = number(parts[0].header, "RepetitionTime", 1e-3)
    if not repetition:
        return None
    options.warn(
        "the volumes do not state when they were acquired; they are taken to follow "
        f"at the repetition time of {repetition:g} s"
    )
    return tuple(i * repetition for i in range(len(parts)))


class MosaicSource(Source):
    """Volumes stored as mosaics, one file each.

    Parameters
    ----------
    files
        In the order of time.
    layout
        How each is cut.
    slopes, intercepts
        Rescale parameters of each file.
    shape, dtype
        ``zyx`` or ``tzyx``.
    """

    def __init__(
        self,
        files: Sequence[Path],
        layout: Layout,
        slopes: Sequence[float],
        intercepts: Sequence[float],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self.path = files[0]
        self.files = tuple(files)
        self.layout = layout
        self.slopes = tuple(slopes)
        self.intercepts = tuple(intercepts)
        self.shape = shape
        self.dtype = dtype

    @classmethod
    def of(cls, parts: Sequence[Slice], layout: Layout) -> MosaicSource:
        """Return the source of sorted volumes."""
        slopes = [part.slope for part in parts]
        intercepts = [part.intercept for part in parts]
        shape: tuple[int, ...] = (layout.count, layout.rows, layout.columns)
        if len(parts) > 1:
            shape = (len(parts), *shape)
        dtype = rescaled_dtype(parts[0].header, slopes, intercepts)
        files = [part.path for part in parts]
        return cls(files, layout, slopes, intercepts, shape, dtype)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        stamps = tuple(stamp(path) for path in self.files)
        return (*stamps, dataclasses.astuple(self.layout), self.slopes)

    def native_chunks(self) -> tuple[int, ...]:
        """Return chunks of one volume, which is decoded as a whole."""
        return (1,) * (len(self.shape) - 3) + self.shape[-3:]

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the rescaled samples of a box."""
        if len(self.shape) == 3:
            return self._volume(0)[box]
        first = box[0]
        volumes = [self._volume(t)[box[1:]] for t in range(first.start, first.stop)]
        return np.stack(volumes)

    def _volume(self, number_: int) -> NDArray[Any]:
        stored = read_frame(self.files[number_])
        cut = self.layout
        down = stored.shape[0] // cut.rows
        tiles = stored.reshape(down, cut.rows, cut.across, cut.columns)
        tiles = tiles.swapaxes(1, 2).reshape(-1, cut.rows, cut.columns)[: cut.count]
        slope, intercept = self.slopes[number_], self.intercepts[number_]
        return (tiles * slope + intercept).astype(self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        rescale = (self.slopes, self.intercepts)
        return MosaicSource, (self.files, self.layout, *rescale, self.shape, self.dtype)
