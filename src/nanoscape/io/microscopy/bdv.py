"""BigDataViewer: an XML description with views in an HDF5 file.

Pietzsch et al. 2015, https://doi.org/10.1038/nmeth.3392; the files are described at
https://imagej.net/plugins/bdv/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, MissingDependency, UnreadableFile
from nanoscape.io import hdf5
from nanoscape.io.build import Stack, build, without_single
from nanoscape.io.containment import inside
from nanoscape.io.damage import DAMAGE, parse_xml
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
    with_pixel_size,
)
from nanoscape.model import Affine, Tags
from nanoscape.units import micrometres_per

_TO_ZYX = np.eye(4)[[2, 1, 0, 3]]


@dataclass(frozen=True)
class _View:
    """A setup: one channel of one tile, seen from one angle."""

    number: int
    channel: str
    rest: tuple[str, ...]
    size: str
    spacing: dict[str, float]


def sniff(path: Path) -> bool:
    """Tell whether it is the XML, or the HDF5 file that belongs to one."""
    try:
        if hdf5.sniff(path):
            return "s00" in hdf5.open_hdf5(path) and "t00000" in hdf5.open_hdf5(path)
        with path.open("rb") as file:
            return b"<SpimData" in file.read(512)
    except (MissingDependency, *DAMAGE):
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read all views; those that differ in their channel only become a group."""
    xml = path.with_suffix(".xml") if hdf5.sniff(path) else path
    if not xml.is_file():
        raise UnreadableFile(
            f"{path} comes without {xml.name}, which says what it shows",
            todo="put both files into one folder",
        )
    root = parse_xml(xml.read_bytes(), xml)
    data = _data_file(root, xml)
    times = _timepoints(root, xml)
    groups: dict[tuple[str, ...], list[_View]] = {}
    for view in _views(root):
        groups.setdefault((*view.rest, view.size), []).append(view)
    if not groups:
        raise UnreadableFile(f"{xml} describes no views")
    images = []
    for number, views in enumerate(groups.values()):
        name = stem(xml) if len(groups) == 1 else f"{stem(xml)} view {number + 1}"
        place = _placed(root, views[0], times, options)
        images.append(_read_views(data, views, times, name, stem(xml), place, options))
    return images


def _data_file(root: ElementTree.Element, xml: Path) -> Path:
    """Return the HDF5 file, which must lie in the folder of the XML."""
    loader = root.find("SequenceDescription/ImageLoader")
    name = None if loader is None else loader.findtext("hdf5")
    if loader is None or loader.get("format") != "bdv.hdf5" or not name:
        kind = "no format" if loader is None else loader.get("format")
        raise UnreadableFile(
            f"{xml} refers to images in {kind}", "bdv.hdf5", "export it as HDF5"
        )
    base = root.findtext("BasePath") or "."
    data = inside(xml.parent, f"{base}/{name}", xml)
    if not data.is_file():
        raise UnreadableFile(
            f"{data} is missing", todo=f"put it into the folder of {xml.name}"
        )
    return data


def _timepoints(root: ElementTree.Element, xml: Path) -> list[int]:
    points = root.find("SequenceDescription/Timepoints")
    if points is None:
        raise UnreadableFile(f"{xml} names no points in time")
    if points.get("type") == "range":
        first, last = (int(points.findtext(end) or 0) for end in ("first", "last"))
        if not 0 <= last - first < 10**6:
            raise UnreadableFile(f"{xml} names the frames {first} to {last}")
        return list(range(first, last + 1))
    pattern = (points.findtext("integerpattern") or "").strip()
    try:
        return [int(part) for part in pattern.split(",")]
    except ValueError as error:
        raise UnreadableFile(
            f"{xml} names its points in time as {pattern!r}", "numbers or a range"
        ) from error


def _views(root: ElementTree.Element) -> list[_View]:
    setups = root.find("SequenceDescription/ViewSetups")
    if setups is None:
        return []
    names = {
        (item.findtext("id") or ""): (item.findtext("name") or "")
        for item in setups.iterfind("Attributes[@name='channel']/Channel")
    }
    views = []
    for setup in setups.iterfind("ViewSetup"):
        kinds = {
            child.tag: (child.text or "").strip()
            for child in setup.iterfind("attributes/*")
        }
        channel = kinds.pop("channel", "0")
        name = names.get(channel, "")
        views.append(
            _View(
                number=int(setup.findtext("id") or 0),
                channel=f"channel {channel}" if name in ("", channel) else name,
                rest=tuple(f"{k} {kinds[k]}" for k in sorted(kinds)),
                size=" ".join((setup.findtext("size") or "").split()),
                spacing=_voxel(setup),
            )
        )
    return views


def _voxel(setup: ElementTree.Element) -> dict[str, float]:
    """Return the size of a voxel in µm, empty where it is given in pixels."""
    try:
        unit = micrometres_per((setup.findtext("voxelSize/unit") or "").strip())
    except MissingCalibration:
        return {}
    sizes = (setup.findtext("voxelSize/size") or "").split()
    if len(sizes) != 3:
        return {}
    return {axis: float(n) * unit for axis, n in zip("xyz", sizes, strict=True)}


def _placed(
    root: ElementTree.Element, view: _View, times: Sequence[int], options: Options
) -> Affine | None:
    """Return a view's registration in µm, or ``None`` when it has no scale.

    Registrations are in a unit that is not stated. It follows when their scale is
    the size of the voxels up to one factor.
    """
    if len(view.spacing) != 3:
        return None
    total = _registration(root, view, times[0])
    if any(not np.allclose(total, _registration(root, view, t)) for t in times[1:]):
        options.warn(
            "the frames are registered one by one; the first one's place is used"
        )
    scales: NDArray[np.float64] = np.linalg.norm(total[:3, :3], axis=0)
    ratio = np.array([view.spacing[axis] for axis in "xyz"]) / scales
    if np.ptp(ratio) > 1e-3 * ratio.max():
        if not np.allclose(total, np.eye(4)):
            options.warn(
                "the registration of the views does not agree with the size of their "
                "voxels and is not used"
            )
        return None
    total[:3] *= ratio.mean()
    return Affine(_TO_ZYX @ total @ _TO_ZYX.T, "zyx", "zyx")


def _registration(
    root: ElementTree.Element, view: _View, timepoint: int
) -> NDArray[np.float64]:
    """Return the map from voxels to the common space; the last one acts first."""
    total = np.eye(4)
    wanted = (str(timepoint), str(view.number))
    for item in root.iterfind("ViewRegistrations/ViewRegistration"):
        if (item.get("timepoint"), item.get("setup")) != wanted:
            continue
        for affine in item.iterfind("ViewTransform/affine"):
            rows = np.array((affine.text or "").split(), float).reshape(3, 4)
            total = total @ np.vstack([rows, [0, 0, 0, 1]])
    return total


def _read_views(
    path: Path,
    views: Sequence[_View],
    times: Sequence[int],
    name: str,
    space: str,
    place: Affine | None,
    options: Options,
) -> Readable:
    levels = len(hdf5.dataset(path, f"s{views[0].number:02d}/resolutions"))
    arrays = []
    for level in range(levels):
        sources = [
            hdf5.Hdf5Source(
                path,
                [f"t{t:05d}/s{view.number:02d}/{level}/cells" for t in times],
                unsigned=True,
            )
            for view in views
        ]
        arrays.append(da.stack([lazy_array(s, s.native_chunks()) for s in sources]))
    stack = Stack(
        arrays=arrays,
        axes="ctzyx",
        name=name,
        space=space,
        channels=[view.channel for view in views],
        tags=Tags.of("guess", modality="microscopy").merged(calibration_tags(options)),
    )
    if place is not None:
        stack = without_single(stack, "tc")
        return build(stack, with_pixel_size(place, options.pixel_size))
    stack = without_single(stack, "tzc")
    spatial = "".join(axis for axis in "zyx" if axis in stack.axes)
    spacing = calibrate(spatial, views[0].spacing, options, path)
    return build(stack, Affine.from_spacing(spatial, spacing))
