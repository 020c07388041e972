"""Reading OME-Zarr 0.4 and 0.5 (https://ngff.openmicroscopy.org)."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import own_block
from nanoscape.io.build import Stack, build
from nanoscape.io.containment import inside
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import Box, Source, chunks_for, lazy_array
from nanoscape.io.opening import Options, Readable, calibrate, calibration_tags, stem
from nanoscape.model import Affine, Image, ImageGroup, Labels
from nanoscape.model.raster import pyramid_levels
from nanoscape.units import micrometres_per, seconds_per

_METADATA = ("zarr.json", ".zattrs")
_MARKS = ('"multiscales"', '"bioformats2raw.layout"', '"plate"')


def sniff(path: Path) -> bool:
    """Tell whether a folder has the metadata of OME-Zarr."""
    try:
        text = "".join(
            (path / name).read_text(encoding="utf-8")
            for name in _METADATA
            if (path / name).is_file()
        )
    except (OSError, UnicodeDecodeError):
        return False
    return any(mark in text for mark in _MARKS)


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the image of a folder, and the labels that lie in it."""
    attributes = _attributes(path)
    if "plate" in attributes:
        raise UnreadableFile(
            f"{path} is a plate of many wells",
            "a single image",
            "open one of its wells",
        )
    if "multiscales" not in attributes:
        inner = sorted(
            (p for p in path.iterdir() if p.name.isdigit()), key=lambda p: int(p.name)
        )
        return [image for p in inner for image in _image_and_labels(p, path, options)]
    return _image_and_labels(path, path, options)


class ZarrSource(Source):
    """An array of a Zarr store.

    Parameters
    ----------
    path
        Folder of the array.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        array = _opened(*_array_stamp(path))
        self.shape = tuple(int(n) for n in array.shape)
        self.dtype = np.dtype(array.dtype).newbyteorder("=")
        self.chunks = tuple(int(n) for n in array.chunks)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return _array_stamp(self.path)

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box."""
        values = np.asarray(_opened(*_array_stamp(self.path))[box])
        return values.astype(self.dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return ZarrSource, (self.path,)


@functools.lru_cache(maxsize=256)
def _opened(path: str, size: int, modified: int) -> Any:
    del size, modified
    return zarr.open_array(path, mode="r")


def _array_stamp(path: Path) -> tuple[str, int, int]:
    for name in ("zarr.json", ".zarray"):
        if (path / name).is_file():
            status = (path / name).stat()
            return str(path.resolve()), status.st_size, status.st_mtime_ns
    raise UnreadableFile(
        f"{path} is missing or is no Zarr array", todo="copy the whole folder again"
    )


def _attributes(path: Path) -> dict[str, Any]:
    """Return the OME attributes of a group, and our own under ``nanoscape``."""
    try:
        if (path / "zarr.json").is_file():
            text = (path / "zarr.json").read_text(encoding="utf-8")
            raw = json.loads(text).get("attributes", {})
        else:
            raw = json.loads((path / ".zattrs").read_text(encoding="utf-8"))
        own = raw.get(own_block.KEY)
        attributes = dict(raw.get("ome", raw))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UnreadableFile(
            f"the metadata of {path} are damaged: {error}",
            todo="copy the whole folder again",
        ) from error
    attributes[own_block.KEY] = own
    return attributes


def _image_and_labels(path: Path, root: Path, options: Options) -> list[Readable]:
    name = stem(root) if path == root else f"{stem(root)} {path.name}"
    image = _read_multiscale(path, name, name, options)
    found: list[Readable] = [image]
    folder = path / "labels"
    if not folder.is_dir():
        return found
    space = (image.images[0] if isinstance(image, ImageGroup) else image).space
    for label in _attributes(folder).get("labels", []):
        inner = inside(folder, str(label), path)
        found.append(_read_multiscale(inner, str(label), space, options, labels=True))
    return found


def _read_multiscale(
    path: Path, name: str, space: str, options: Options, labels: bool = False
) -> Image | ImageGroup | Labels:
    attributes = _attributes(path)
    try:
        scales = attributes["multiscales"][0]
        datasets = scales["datasets"]
        arrays = _arrays(path, datasets)
        axes = _axes(scales, arrays[0].ndim)
        names = [axis["name"] for axis in axes]
        scale, shift = _transformation(scales, datasets[0], len(axes))
    except DAMAGE as error:
        raise UnreadableFile(
            f"the metadata of {path} are not those of an image ({error})",
            "OME-Zarr 0.4 or 0.5",
        ) from error
    block = attributes[own_block.KEY]
    labels = labels or "image-label" in attributes
    affine = _affine(path, axes, scale, shift, options)
    stack = Stack(
        arrays=arrays,
        axes="".join(names),
        name=name,
        space=space,
        channels=_channels(attributes),
        times=_times(axes, scale, shift, arrays[0].shape),
        tags=calibration_tags(options),
    )
    if own_block.usable(block, affine, options):
        return own_block.restore(stack, block, path, options)
    return _labels(stack, affine, path) if labels else build(stack, affine)


def _labels(stack: Stack, affine: Affine, path: Path) -> Labels:
    arrays, axes = list(stack.arrays), stack.axes
    if "c" in axes:
        where = axes.index("c")
        if arrays[0].shape[where] != 1:
            raise UnreadableFile(f"{path} holds labels with several channels")
        arrays = [array.take(0, where) for array in arrays]
        axes = axes.replace("c", "")
    return Labels(
        levels=pyramid_levels(arrays, axes),
        axes=axes,
        grid_to_space=affine,
        space=stack.space,
        name=stack.name,
        tags=stack.tags,
        times=None if stack.times is None else tuple(stack.times),
    )


def _arrays(path: Path, datasets: Sequence[Mapping[str, Any]]) -> list[Any]:
    arrays = []
    for dataset in datasets:
        inner = inside(path, str(dataset["path"]), path)
        source = ZarrSource(inner)
        arrays.append(lazy_array(source, chunks_for(source.shape, source.chunks)))
    return arrays


def _axes(scales: Mapping[str, Any], ndim: int) -> list[dict[str, Any]]:
    """Return the axes; before version 0.4 they were names, or not there at all."""
    axes = scales.get("axes") or list("tczyx"[-ndim:])
    full = [dict(a) if isinstance(a, Mapping) else {"name": str(a)} for a in axes]
    if len(full) != ndim or len({a["name"] for a in full}) != ndim:
        raise ValueError(f"{len(full)} axes for {ndim} dimensions")
    return full


def _transformation(
    scales: Mapping[str, Any], dataset: Mapping[str, Any], ndim: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scale and translation of the finest level, in the units of the axes.

    The scale is zero where none is stated: the standard demands one, and a step of
    one unit would be made up.
    """
    scale, shift = np.ones(ndim), np.zeros(ndim)
    stated = False
    for owner in (dataset, scales):
        for step in owner.get("coordinateTransformations") or []:
            if step.get("type") == "scale":
                factors = np.asarray(step["scale"], dtype=np.float64)
                scale, shift = scale * factors, shift * factors
                stated = True
            elif step.get("type") == "translation":
                shift = shift + np.asarray(step["translation"], dtype=np.float64)
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        raise ValueError("a scale or translation that is not finite")
    return scale if stated else 0 * scale, shift


def _affine(
    path: Path,
    axes: Sequence[Mapping[str, Any]],
    scale: NDArray[np.float64],
    shift: NDArray[np.float64],
    options: Options,
) -> Affine:
    """Return the grid's place in µm; an axis without a unit has no calibration."""
    found, origin = {}, {}
    for axis, factor, start in zip(axes, scale, shift, strict=True):
        name = str(axis["name"])
        if name not in "zyx":
            continue
        try:
            unit = micrometres_per(str(axis.get("unit") or ""))
        except MissingCalibration:
            unit = 0.0
        found[name] = float(factor) * unit
        # In pixels, so that a pixel size from the caller moves it along.
        origin[name] = float(start / factor) if factor else 0.0
    spatial = "".join(axis for axis in "zyx" if axis in found)
    spacing = calibrate(spatial, found, options, path)
    place = {axis: origin[axis] * spacing[axis] for axis in spatial}
    return Affine.from_spacing(spatial, spacing, place)


def _times(
    axes: Sequence[Mapping[str, Any]],
    scale: NDArray[np.float64],
    shift: NDArray[np.float64],
    shape: tuple[int, ...],
) -> tuple[float, ...] | None:
    for axis, factor, start, length in zip(axes, scale, shift, shape, strict=True):
        if axis["name"] == "t" and axis.get("unit") and factor:
            unit = seconds_per(str(axis["unit"]))
            return tuple(float((start + factor * i) * unit) for i in range(length))
    return None


def _channels(attributes: Mapping[str, Any]) -> list[str]:
    channels = (attributes.get("omero") or {}).get("channels") or []
    labels = [str(c.get("label", "")) for c in channels if isinstance(c, Mapping)]
    return labels if len(labels) == len(channels) else []
