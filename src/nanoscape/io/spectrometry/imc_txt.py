"""Imaging mass cytometry as text: one acquisition, a row for each ablated spot.

The instrument writes such a file beside its ``.mcd`` for each acquisition, so that
the data survive when the ``.mcd`` does not. It does not state the pixel size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, build
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import Options, calibrate, calibration_tags, stem
from nanoscape.io.spectrometry.eager import Content, EagerSource
from nanoscape.model import Affine, ImageGroup, Quantity, Tags
from nanoscape.model.roles import guess_role

COUNTS = Quantity("ion counts", "counts")
_FIRST_COLUMNS = ("Start_push", "End_push", "Pushes_duration", "X", "Y", "Z")
_COLUMN = re.compile(r"(?P<label>.*)\((?P<metal>[A-Za-z]+)(?P<mass>\d+)(?:Di)?\)$")
_MAGIC = "\t".join(_FIRST_COLUMNS).encode()
_LONGEST_HEADER = 2**16
_LARGEST_SPARSE = 16
"""How many pixels a raster may have for each of its spots."""


@dataclass(frozen=True)
class Channel:
    """One measured mass.

    Attributes
    ----------
    isotope
        Metal and mass number, such as ``"Yb172"``.
    label
        What the laboratory called it; may be empty.
    """

    isotope: str
    label: str

    @property
    def name(self) -> str:
        """The label, or the isotope without one."""
        return self.label or self.isotope

    @property
    def tags(self) -> Tags:
        """The analyte, the isotope and the role that it suggests."""
        tags = Tags.of("header", analyte=self.name, isotope=self.isotope)
        return tags.having("guess", role=guess_role(self.isotope))


@dataclass(frozen=True)
class TextAcquisition:
    """What is known of a text file before its values are read.

    Attributes
    ----------
    channels
        Of the columns after the first six.
    shape
        Channels, rows and columns of the raster.
    complete
        Whether every pixel of the raster has a row.
    """

    channels: tuple[Channel, ...]
    shape: tuple[int, int, int]
    complete: bool


def sniff(path: Path) -> bool:
    """Tell whether a file starts with the columns of the instrument."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC) + 1) == _MAGIC + b"\t"
    except OSError:
        return False


def read(path: Path, options: Options) -> Sequence[ImageGroup]:
    """Read one acquisition; the caller states how large its pixels are."""
    name = stem(path)
    acquisition, source = open_text(path, options)
    spacing = calibrate("yx", {}, options, path)
    stack = Stack(
        arrays=[lazy_array(source, (1, *source.shape[1:]))],
        axes="cyx",
        name=name,
        space=name,
        channels=[channel.name for channel in acquisition.channels],
        channel_tags=[channel.tags for channel in acquisition.channels],
        quantity=COUNTS,
        tags=Tags.of("header", modality="IMC").merged(calibration_tags(options)),
    )
    group = build(stack, Affine.from_spacing("yx", spacing))
    assert isinstance(group, ImageGroup)
    return [group]


def open_text(path: Path, options: Options) -> tuple[TextAcquisition, EagerSource]:
    """Return what a text file holds, and its values of shape ``(c, y, x)``.

    Raises
    ------
    UnreadableFile
        If it is not the table that the instrument writes.
    """
    acquisition = _survey(path)
    if not acquisition.complete:
        options.warn(
            f"the acquisition in {path.name} is not complete; "
            "pixels that were not measured are empty"
        )
    source = EagerSource(path, load, acquisition.shape, np.dtype(np.float32))
    return acquisition, source


def load(path: Path) -> Content:
    """Return the values of all channels, shape ``(c, y, x)``; NaN where there is none.

    Raises
    ------
    UnreadableFile
        If a row is not complete or not made of numbers.
    """
    with path.open("rb") as file:
        channels = _channels(path, file.readline(_LONGEST_HEADER))
        rows = list(_complete_lines(path, file, channels))
    if not rows:
        raise UnreadableFile(f"{path} holds no measured spots")
    try:
        table = np.loadtxt(rows, np.float32, delimiter="\t", ndmin=2)
    except ValueError as error:
        raise UnreadableFile(
            f"{path} has a row that is not made of numbers: {error}",
            todo="copy the file again",
        ) from error
    places = table[:, 3:5]
    if not np.isfinite(places).all() or (places < 0).any():
        raise UnreadableFile(f"{path} has spots without a position")
    x, y = places.astype(np.int64).T
    shape = (len(channels), int(y.max()) + 1, int(x.max()) + 1)
    _check_raster(path, shape, len(table))
    image = np.full(shape, np.nan, np.float32)
    image[:, y, x] = table[:, len(_FIRST_COLUMNS) :].T
    return Content(values=image)


def _survey(path: Path) -> TextAcquisition:
    """Return channels and raster of a file, looking at no value but the positions."""
    rows = height = width = 0
    with path.open("rb") as file:
        channels = _channels(path, file.readline(_LONGEST_HEADER))
        for line in _complete_lines(path, file, channels):
            x, y = line.split(b"\t", 5)[3:5]
            try:
                width, height = max(width, int(x) + 1), max(height, int(y) + 1)
            except ValueError as error:
                raise UnreadableFile(
                    f"{path} has a spot without a position: {error}",
                    todo="copy the file again",
                ) from error
            rows += 1
    if not rows:
        raise UnreadableFile(f"{path} holds no measured spots")
    shape = (len(channels), height, width)
    _check_raster(path, shape, rows)
    return TextAcquisition(tuple(channels), shape, rows == height * width)


def _check_raster(path: Path, shape: tuple[int, int, int], rows: int) -> None:
    """Raise :class:`UnreadableFile` when a few spots would fill the memory."""
    if shape[1] * shape[2] > _LARGEST_SPARSE * rows + 4096:
        raise UnreadableFile(
            f"{path} spreads {rows} spots over {shape[1]} × {shape[2]} pixels",
            todo="copy the file again",
        )


def _channels(path: Path, header: bytes) -> list[Channel]:
    """Return the channels that the first line names."""
    try:
        columns = header.decode("utf-8-sig").rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path} does not start with text") from error
    matches = [_COLUMN.match(column) for column in columns[len(_FIRST_COLUMNS) :]]
    if tuple(columns[: len(_FIRST_COLUMNS)]) != _FIRST_COLUMNS or not matches:
        raise UnreadableFile(
            f"{path} does not start with the columns of an acquisition",
            ", ".join(_FIRST_COLUMNS) + " and channels",
        )
    if None in matches:
        damaged = columns[len(_FIRST_COLUMNS) + matches.index(None)]
        raise UnreadableFile(f"{path} has the column {damaged!r}", "label(metal mass)")
    return [
        Channel(f"{m['metal']}{m['mass']}", m["label"].strip()) for m in matches if m
    ]


def _complete_lines(
    path: Path, file: Iterable[bytes], channels: list[Channel]
) -> Iterator[bytes]:
    """Yield the rows; a last one that was cut off is left out."""
    tabs = len(_FIRST_COLUMNS) + len(channels) - 1
    cut = False
    for number, line in enumerate(file, start=2):
        if not line.strip():
            continue
        if cut:
            raise UnreadableFile(
                f"line {number - 1} of {path} does not have all its columns",
                todo="copy the file again",
            )
        cut = line.count(b"\t") != tabs or not line.endswith(b"\n")
        if not cut:
            yield line
