"""Files of a study: adding them, and opening them as model objects."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nanoscape import io
from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.model import (
    Affine,
    ImageGroup,
    Points,
    Raster,
    Regions,
    Source,
    Study,
    Tags,
    placed,
)

_HASHED_BYTES = 2**16
_IN_PIXELS = ("geojson", "imagej-roi")


def add_file(
    study: Study,
    path: Path,
    *,
    ident: str | None = None,
    tags: Tags | None = None,
    pixel_size_um: float | None = None,
    scan_speed_um_per_s: float | None = None,
    spot_size_um: float | None = None,
    resample: bool = False,
    format: str = "",  # noqa: A002  (the plain word for it)
) -> Source:
    """Add a file or folder to a study; nothing is copied.

    Parameters
    ----------
    study
        The study, changed in place.
    path
        Image file, or the folder of a series or store.
    ident
        Identifier; by default the file's name without its suffix.
    tags
        What is known of it beyond its header.
    pixel_size_um, scan_speed_um_per_s, spot_size_um
        Calibration that replaces the file's own.
    resample
        Interpolate slices at uneven distances to even ones.
    format
        Name of its format, where the content does not tell.
    """
    path = Path(path).resolve()
    if not path.exists():
        raise UnreadableFile(f"{path} does not exist")
    ident = _unused(study, ident or _stem(path))
    root = study.root.resolve()
    stored = path.relative_to(root) if path.is_relative_to(root) else path
    stat = path.stat()
    source = Source(
        id=ident,
        path=stored.as_posix(),
        tags=tags or Tags(),
        pixel_size_um=pixel_size_um,
        scan_speed_um_per_s=scan_speed_um_per_s,
        spot_size_um=spot_size_um,
        resample=resample,
        format=format,
        size=stat.st_size,
        modified=stat.st_mtime,
        digest=digest(path),
    )
    return study.add(source)


def open_source(study: Study, source: Source) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Open a source; return its objects by address, and what its reader remarks.

    An address is the identifier of the source, followed by the name of the image
    where the file holds several: ``m1_s1_slide/CD31``. What the study knows of a
    file is added to the tags of each object, and spaces get names that are
    unique within the study. What was drawn on another source, as the tag
    ``drawn_on`` says, lies in the space of that one; where the file counts pixels, they
    are the pixels of that source's image.
    """
    path = study.path_of(source)
    objects: dict[str, Any] = {}
    items, remarks = _read(study, source, path)
    for item in items:
        members = list(item) if isinstance(item, ImageGroup) else [item]
        for member in members:
            address = f"{source.id}/{member.name}"
            objects[_unique(address, objects)] = _known(member, source, path)
    if len(objects) == 1:
        objects = {source.id: next(iter(objects.values()))}
    return objects, remarks


def read_calibrated(study: Study, source: Source) -> io.Opened:
    """Read the file of a source with what the study knows of its pixels."""
    return io.open_file(
        study.path_of(source),
        pixel_size=source.pixel_size_um,
        scan_speed=source.scan_speed_um_per_s,
        spot_size=source.spot_size_um,
        resample=source.resample,
        format=source.format or None,
    )


def _read(
    study: Study, source: Source, path: Path
) -> tuple[Sequence[Any], tuple[str, ...]]:
    """Read a file; outlines in pixels lie on the image that they were drawn on."""
    try:
        found = read_calibrated(study, source)
    except MissingCalibration:
        below = study.sources.get(str(source.tags.get("drawn_on", "")))
        if below is None or below.id == source.id:
            raise
        opened = io.open_file(path, pixel_size=1.0)
        grid = _grid(study, below)
        if opened.format not in _IN_PIXELS or grid is None:
            raise
        laid = [
            _laid(item, grid) if isinstance(item, Points | Regions) else item
            for item in opened.objects
        ]
        return laid, opened.warnings
    return found.objects, found.warnings


def _grid(study: Study, source: Source) -> Affine | None:
    """Return where the pixels of a source's image lie, ``None`` without a plane."""
    for item in read_calibrated(study, source).objects:
        image = item.images[0] if isinstance(item, ImageGroup) else item
        if isinstance(image, Raster) and image.spatial_axes == "yx":
            return image.grid_to_space
    return None


def _laid(item: Any, grid: Affine) -> Any:
    """Return what was read in pixels as it lies on the grid of an image."""
    known = {n: tag for n, tag in item.tags.tags.items() if n != "pixel_size_um"}
    return placed(item, grid, item.space).replace(tags=Tags(known))


def digest(path: Path) -> str:
    """Return a hash of a file's head, tail and size, or of a folder's listing."""
    total = hashlib.sha256()
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                file = Path(folder) / name
                stat = file.stat()
                entry = f"{file.relative_to(path)}:{stat.st_size}:{stat.st_mtime_ns}"
                total.update(entry.encode())
        return total.hexdigest()
    size = path.stat().st_size
    total.update(str(size).encode())
    with path.open("rb") as stream:
        total.update(stream.read(_HASHED_BYTES))
        if size > _HASHED_BYTES:
            stream.seek(max(size - _HASHED_BYTES, _HASHED_BYTES))
            total.update(stream.read(_HASHED_BYTES))
    return total.hexdigest()


def _known(member: Any, source: Source, path: Path) -> Any:
    if not hasattr(member, "space"):
        return member
    tags = member.tags.merged(source.tags)
    if member.name in source.objects:
        tags = tags.merged(source.objects[member.name])
    space = tags.get("drawn_on", member.space)
    if space == "patient":
        space = f"{tags.get('subject', source.id)}/patient"
    elif space == _stem(path):
        space = source.id
    return member.replace(tags=tags, space=space)


def _stem(path: Path) -> str:
    return re.sub(r"(\.ome)?\.[A-Za-z0-9]+(\.gz)?$", "", path.name) or path.name


def _unused(study: Study, ident: str) -> str:
    return _unique(ident, study.sources)


def _unique(name: str, taken: Any) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
