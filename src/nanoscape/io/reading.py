"""Opening any file: recognise it by its content, read it, describe it."""

from __future__ import annotations

import glob
import math
from pathlib import Path
from typing import Any

import numpy as np

from nanoscape.errors import (
    MissingCalibration,
    MissingDependency,
    UnreadableFile,
    WrongInput,
)
from nanoscape.io.damage import DAMAGE
from nanoscape.io.opening import Opened, Options, Readable
from nanoscape.io.registry import FORMATS, Format, format_named, recognise
from nanoscape.model import (
    Image,
    ImageGroup,
    Labels,
    Landmarks,
    Points,
    Regions,
    Spectra,
    Table,
    Tags,
)
from nanoscape.model.raster import Raster

_MOST_TWINS = 8
_PACKED = (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar")
_N5_HEAD = 100_000
_N5_MARKS = ('"n5"', '"dataType"', '"blockSize"')


def read(
    path: str | Path,
    *,
    pixel_size: float | None = None,
    scan_speed: float | None = None,
    spot_size: float | None = None,
    resample: bool = False,
    format: str | None = None,  # noqa: A002  (the plain word for it)
) -> tuple[Readable, ...]:
    """Read a file, or a folder that holds one image.

    Nothing but metadata is read; samples follow when they are needed.

    Parameters
    ----------
    path
        A file, an OME-Zarr folder, or a folder with DICOM files.
    pixel_size
        Distance of neighbouring pixel centres in µm, when the file does not state
        it or states it wrongly.
    scan_speed, spot_size
        Of laser ablation line by line, when the file does not state them: speed of
        the laser along a line in µm/s, and its spot in µm, by which lines lie apart.
    resample
        Interpolate DICOM slices that lie at uneven distances linearly to even ones.
        Otherwise they are refused, because an image has one distance of slices.
    format
        Name of the format, to skip the recognition by content.

    Returns
    -------
    tuple
        Images, groups of images, labels, spectra, points, regions, landmarks or tables.

    Raises
    ------
    UnreadableFile
        If the file is missing, damaged, or of a kind that is not read here.
    MissingCalibration
        If the file does not say how large its pixels are.

    Examples
    --------
    >>> read("missing.ome.tif")
    Traceback (most recent call last):
    ...
    nanoscape.errors.UnreadableFile: missing.ome.tif does not exist. Check the path.
    """
    return open_file(
        path,
        pixel_size=pixel_size,
        scan_speed=scan_speed,
        spot_size=spot_size,
        resample=resample,
        format=format,
    ).objects


def open_file(
    path: str | Path,
    *,
    pixel_size: float | None = None,
    scan_speed: float | None = None,
    spot_size: float | None = None,
    resample: bool = False,
    format: str | None = None,  # noqa: A002
) -> Opened:
    """Read a file as :func:`read` does, and also tell what the user should know."""
    path = Path(path)
    options = Options(
        pixel_size=_positive("pixel size", pixel_size, "µm"),
        scan_speed=_positive("scan speed", scan_speed, "µm/s"),
        spot_size=_positive("spot size", spot_size, "µm"),
        resample=resample,
    )
    if options.pixel_size and options.scan_speed:
        raise WrongInput("both a pixel size and a scan speed", "one of them")
    found = _format_of(path, format)
    if (options.scan_speed or options.spot_size) and not found.line_scan:
        raise WrongInput(
            f"a scan speed or spot size for {path}, which is read as {found.title}",
            "laser ablation line by line",
            "give the pixel size (pixel_size)",
        )
    try:
        objects = tuple(found.load().read(path, options))
    except (MissingCalibration, MissingDependency, UnreadableFile):
        raise
    except WrongInput as error:
        raise UnreadableFile(f"{path} cannot be read: {error}") from error
    except DAMAGE as error:
        raise UnreadableFile(
            f"{path} is damaged or unusual and cannot be read as {found.title} "
            f"({type(error).__name__}: {error})",
            todo="copy or export the file again",
        ) from error
    if not objects:
        raise UnreadableFile(f"{path} holds no images")
    return Opened(path, found.name, objects, tuple(options.warnings))


def describe(
    path: str | Path,
    *,
    pixel_size: float | None = None,
    scan_speed: float | None = None,
    spot_size: float | None = None,
    resample: bool = False,
) -> dict[str, Any]:
    """Tell what a file holds, in plain values that JSON can carry.

    Parameters
    ----------
    path, pixel_size, scan_speed, spot_size, resample
        As in :func:`read`.

    Returns
    -------
    dict
        ``path``, ``format``, ``images`` and ``warnings``. Each image has its
        ``name``, ``axes``, ``shape``, ``dtype``, ``rgb``, ``spacing`` (µm; ``t`` in
        seconds), ``affine`` (index to space in µm, in the order of the spatial
        axes, homogeneous), ``space``, ``quantity``, number of ``levels`` and
        ``tags``. Other things that the file holds stand in ``objects``, with ``name``,
        ``kind``, their number as ``count``, ``axes``, ``space`` and ``tags``.
    """
    opened = open_file(
        path,
        pixel_size=pixel_size,
        scan_speed=scan_speed,
        spot_size=spot_size,
        resample=resample,
    )
    warnings = list(opened.warnings)
    images = []
    objects = []
    for item in opened.objects:
        members = list(item) if isinstance(item, ImageGroup) else [item]
        for member in members:
            if isinstance(member, Raster):
                images.append(_describe_raster(member, warnings))
            elif isinstance(member, Spectra):
                images.append(_describe_spectra(member))
            else:
                objects.append(_describe_object(member))
    plain: dict[str, Any] = _plain(
        {
            "path": str(path),
            "format": opened.format,
            "images": images,
            "warnings": warnings,
        }
        | ({"objects": objects} if objects else {})
    )
    return plain


def _positive(what: str, value: float | None, unit: str) -> float | None:
    """Return a number that the caller stated, if it can be one of its kind."""
    if value is None:
        return None
    if not (math.isfinite(value) and value > 0):
        raise WrongInput(f"a {what} of {value} {unit}", f"a positive number of {unit}")
    return float(value)


def _format_of(path: Path, name: str | None) -> Format:
    try:
        if not path.exists():
            raise UnreadableFile(f"{path} does not exist", todo="check the path")
        if path.is_file() and path.stat().st_size == 0:
            raise UnreadableFile(f"{path} is empty", todo="copy the file again")
        if path.is_file():
            with path.open("rb") as file:
                file.read(1)
        elif next(path.iterdir(), None) is None:
            raise UnreadableFile(f"{path} is an empty folder", todo="check the path")
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened: {error.strerror}") from error
    if name is not None:
        return format_named(name)
    found = recognise(path)
    if found is None:
        kind = "folder" if path.is_dir() else "file"
        raise UnreadableFile(
            f"{path} is a {kind} that no reader recognises",
            f"one of the {len(FORMATS)} formats that the documentation lists",
            _advice(path)
            or "check that it is complete; if it is, export it as OME-TIFF or OME-Zarr",
        )
    return found


def _advice(path: Path) -> str:
    """Return what to do with a file that is not recognised, if that is known."""
    if path.suffix.lower() in _PACKED:
        return "unpack it, and open the folder"
    if path.is_dir() and (path.suffix == ".n5" or _is_n5(path)):
        return "N5 is not read: convert it to OME-Zarr, or to BigDataViewer's HDF5"
    # The file beside this one may lead to both.
    others = sorted(path.parent.glob(f"{glob.escape(path.stem)}.*"))
    for other in others[:_MOST_TWINS] if path.is_file() else ():
        if other != path and recognise(other) is not None:
            return f"open {other.name} instead"
    return ""


def _is_n5(path: Path) -> bool:
    """Tell whether a folder is a container of N5 or one of its arrays."""
    try:
        with (path / "attributes.json").open(encoding="utf-8") as file:
            text = file.read(_N5_HEAD)
    except (OSError, UnicodeDecodeError):
        return False
    return any(mark in text for mark in _N5_MARKS)


def _describe_raster(image: Raster, warnings: list[str]) -> dict[str, Any]:
    spacing = dict(image.spacing)
    steps = np.diff(image.times) if image.times else np.empty(0)
    if len(steps) and np.allclose(steps, steps[0], rtol=1e-3):
        spacing["t"] = float(steps.mean())
    elif len(steps):
        warnings.append(f"the frames of {image.name} do not follow at even times")
    quantity = (
        {"name": image.quantity.name, "unit": image.quantity.unit}
        if isinstance(image, Image)
        else {"name": "labels", "unit": ""}
    )
    return {
        "name": image.name,
        "axes": image.axes,
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "rgb": isinstance(image, Image) and image.rgb,
        "spacing": {axis: spacing[axis] for axis in image.axes if axis in spacing},
        "affine": image.grid_to_space.matrix.tolist(),
        "space": image.space,
        "quantity": quantity,
        "levels": len(image.levels),
        "tags": _tags(image.tags) | ({"kind": "labels"} if _is_labels(image) else {}),
    }


def _is_labels(image: Raster) -> bool:
    return isinstance(image, Labels)


def _describe_spectra(spectra: Spectra) -> dict[str, Any]:
    mz, intensities = spectra.source.read(0)
    first: dict[str, Any] = {"spectra": len(spectra)}
    if len(mz):
        first |= {"mz_first": float(mz[0]), "mz_last": float(mz[-1])}
    return {
        "name": spectra.name,
        "axes": spectra.axes,
        "shape": list(spectra.shape),
        "dtype": intensities.dtype.name,
        "rgb": False,
        "spacing": spectra.spacing,
        "affine": spectra.grid_to_space.matrix.tolist(),
        "space": spectra.space,
        "quantity": {"name": "intensity", "unit": "a.u."},
        "levels": 1,
        "tags": _tags(spectra.tags) | {"kind": "spectra"} | first,
    }


def _describe_object(item: Landmarks | Points | Regions | Table) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": item.kind,
        "count": len(item),
        "axes": "" if isinstance(item, Table) else item.axes,
        "space": getattr(item, "space", ""),
        "tags": _tags(item.tags),
    }


def _tags(tags: Tags) -> dict[str, Any]:
    return dict(tags.items())


def _plain(value: Any) -> Any:
    """Return a value as JSON can carry it; numbers that are not finite are null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)
