"""LIF of Leica LAS, through the library ``liffile``."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingDependency, UnreadableFile
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.damage import refuse_entities
from nanoscape.io.lazy import Box, lazy_array, stamp
from nanoscape.io.microscopy.planes import PlaneSource, shared
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
)
from nanoscape.model import Affine, Tags

_METRE = 1e6
_LETTERS = {"T": "t", "C": "c", "Z": "z", "Y": "y", "X": "x", "S": "s", "λ": "c"}
_SKIPPED = "{name} has the axes {axes} and is left out"


def sniff(path: Path) -> bool:
    """Tell whether a file starts with the two marks of LIF."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False
    return head[:4] == b"\x70\0\0\0" and head[8:] == b"\x2a"


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read all images of a project; those of a tile scan share a space."""
    opened = shared(path, _open)
    images: list[Readable] = []
    with opened.lock:
        several = len(opened.file.images) > 1
        for number, image in enumerate(opened.file.images):
            name = f"{stem(path)} {image.name}" if several else stem(path)
            if not {_rows(image.dims), "X"} <= set(image.dims) <= {*_LETTERS, "M"}:
                axes = ", ".join(image.dims)
                options.warn(_SKIPPED.format(name=image.name, axes=axes))
                continue
            images += _read_tiles(path, image, number, name, options)
    if not images:
        raise UnreadableFile(
            f"{path} holds no image that could be shown",
            "images along x and y",
            "; ".join(options.warnings),
        )
    return images


class LifSource(PlaneSource):
    """One tile of one image, all axes before ``y`` as the file orders them.

    Parameters
    ----------
    path
        The file.
    image
        Number of the image.
    tile
        Number of the tile of a tile scan, 0 without one.
    """

    def __init__(self, path: Path, image: int, tile: int) -> None:
        self.path = path
        self.image = image
        self.tile = tile
        self._stamp = stamp(path)
        opened = shared(path, _open)
        with opened.lock:
            found = opened.file.images[image]
            sizes = {axis: int(n) for axis, n in found.sizes.items()}
            self.dtype = np.dtype(found.dtype).newbyteorder("=")
            size = found.memory_block.size
        rows = _rows(tuple(sizes))
        self._leading = [axis for axis in sizes if axis not in (rows, *"XSM")]
        order = [*self._leading, rows, "X", *(["S"] if "S" in sizes else [])]
        self.dims = tuple(order)
        self.lead = len(self._leading)
        # Colours may stand with blue first, which the library turns in a copy only;
        # elsewhere the rows of a plane lie one after the other.
        self.in_rows = [*sizes][-2:] == [rows, "X"]
        self.shape = tuple(sizes[axis] for axis in order)
        needed = int(np.prod(list(sizes.values()), dtype=float)) * self.dtype.itemsize
        if needed > size or min(sizes.values()) < 1:
            raise UnreadableFile(
                f"{path} announces {needed} bytes for an image and holds {size}",
                todo="copy the file again",
            )

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return (*self._stamp, self.image, self.tile)

    def plane(self, index: tuple[int, ...], inside: Box) -> NDArray[Any]:
        """Return a part of one plane."""
        at = dict(zip(self._leading, index, strict=True))
        opened = shared(self.path, _open)
        with opened.lock:
            image = opened.file.images[self.image]
            if "M" in image.dims:
                at["M"] = self.tile
            if self.in_rows:
                stored = image.asarray(out="memmap")
                frame = stored[tuple(at.get(axis, slice(None)) for axis in image.dims)]
            else:
                frame = np.asarray(image.frame(**at))
            frame = frame.reshape(self.shape[self.lead :])
            return np.array(frame[inside], self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return LifSource, (self.path, self.image, self.tile)


def _rows(dims: tuple[str, ...]) -> str:
    """Return the axis along which the lines of an image lie."""
    return "Y" if "Y" in dims else "Z"


@dataclass(frozen=True)
class _Place:
    """Where a tile lies: its first pixel's centre in µm, or no idea."""

    space: str
    corner: Mapping[str, float]


def _open(path: str) -> Any:
    try:
        import liffile
    except ImportError as error:
        raise MissingDependency(
            "reading LIF needs the library liffile",
            todo="install it with: pip install 'napari-nanoscape[formats]'",
        ) from error
    _check_header(Path(path))
    # Axes of one element tell what the others are, so they are kept.
    return liffile.LifFile(path, squeeze=False)


def _check_header(path: Path) -> None:
    """Refuse XML with entities before the library reads it."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<9xI", file.read(13))
        if 2 * length > path.stat().st_size:
            raise UnreadableFile(
                f"{path} is truncated or damaged", todo="copy the file again"
            )
        refuse_entities(file.read(2 * length).decode("utf-16-le", "replace"), path)


def _read_tiles(
    path: Path, image: Any, number: int, name: str, options: Options
) -> list[Readable]:
    count = int(image.sizes.get("M", 1))
    images = []
    for tile in range(count):
        own = name if count == 1 else f"{name} tile {tile + 1}"
        place = _place(image, tile, name, own, options)
        source = LifSource(path, number, tile)
        array = lazy_array(source, source.native_chunks())
        images.append(_read_image(path, image, source.dims, array, own, place, options))
    return images


def _place(image: Any, tile: int, name: str, own: str, options: Options) -> _Place:
    """Return a tile's place; the stage may be turned against the camera."""
    scan = image.tilescan if image.sizes.get("M", 1) > 1 else None
    if scan is None:
        return _Place(own, {})
    if scan.flip_x or scan.flip_y or scan.swap_xy:
        options.warn(
            f"the stage of {name} was turned against the camera; "
            "its tiles are not put together"
        )
        return _Place(own, {})
    first, here = scan.tiles[0], scan.tiles[tile]
    corner = {
        axis: float(here[f"pos_{axis}"] - first[f"pos_{axis}"]) * _METRE
        for axis in "yx"
    }
    return _Place(name, corner)


def _read_image(
    path: Path,
    image: Any,
    dims: tuple[str, ...],
    array: da.Array,
    name: str,
    place: _Place,
    options: Options,
) -> Readable:
    names = _channels(image)
    if "λ" in dims:
        array, dims, names = _with_wavelengths(image, array, dims, names)
    steps = _steps(image)
    if "Y" not in dims:
        options.warn(
            f"{name} is a section along z, one line thick; its pixel size along x is "
            "taken as its thickness"
        )
        at = dims.index("Z") + 1
        array = array[(slice(None),) * at + (None,)]
        dims = (*dims[:at], "Y", *dims[at:])
        steps["Y"] = steps.get("X", 0.0)
    axes = "".join(_LETTERS[axis] for axis in dims)
    times = None
    if "t" in axes and "T" in steps:
        times = tuple(steps["T"] * i for i in range(array.shape[axes.index("t")]))
    modality = "brightfield" if "s" in axes else "microscopy"
    tags = Tags.of("header", vendor="Leica", acquisition_time=_date(image))
    stack = Stack(
        arrays=[array],
        axes=axes,
        name=name,
        space=place.space,
        channels=names if "s" not in axes else (),
        times=times,
        tags=tags.having("guess", modality=modality).merged(calibration_tags(options)),
    )
    stack = without_single(stack, "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    found = {axis: steps[axis.upper()] for axis in spatial if axis.upper() in steps}
    spacing = calibrate(spatial, found, options, path)
    corner = {axis: place.corner.get(axis, 0.0) for axis in spatial}
    return build(stack, Affine.from_spacing(spatial, spacing, corner))


def _steps(image: Any) -> dict[str, float]:
    """Return the distance of pixels in µm, and of frames in s, by axis.

    The length of an axis runs from the centre of its first pixel to that of its
    last one.
    """
    steps = {}
    for axis, places in image.coords.items():
        # Newer versions of the library name channels and colours here too.
        if places.dtype.kind not in "iuf" or len(places) < 2:
            continue
        step = abs(float(places[-1] - places[0])) / (len(places) - 1)
        steps[axis] = step * _METRE if axis in "ZYX" else step
    return steps


def _channels(image: Any) -> list[str]:
    """Return the dyes of the channels, or the colours in which they are shown."""
    names = []
    for channel in image.xml_element.iter("ChannelDescription"):
        properties = {
            (item.findtext("Key") or ""): (item.findtext("Value") or "")
            for item in channel.iter("ChannelProperty")
        }
        names.append(properties.get("DyeName") or channel.get("LUTName", ""))
    return names


def _with_wavelengths(
    image: Any, array: da.Array, dims: tuple[str, ...], names: list[str]
) -> tuple[da.Array, tuple[str, ...], list[str]]:
    """Return the array with channels and wavelengths as one axis of channels."""
    waves = [f"{value * 1e9:g} nm" for value in image.coords.get("λ", ())]
    count = array.shape[dims.index("λ")]
    waves = waves if len(waves) == count else [f"λ {i + 1}" for i in range(count)]
    if "C" not in dims:
        return array, dims, waves
    order = ["C", "λ", *(axis for axis in dims if axis not in "Cλ")]
    array = array.transpose([dims.index(axis) for axis in order])
    both = [f"{name} {wave}" for name in names for wave in waves]
    array = array.reshape((-1, *array.shape[2:]), merge_chunks=False)
    return array, ("C", *order[2:]), both


def _date(image: Any) -> str | None:
    stamps = image.timestamps
    if stamps is None or not len(stamps):
        return None
    return str(stamps[0].astype("datetime64[s]"))
