"""Writing objects, so that nothing half-written is ever found."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from nanoscape.compute.task import Task
from nanoscape.errors import NanoscapeError, WrongInput
from nanoscape.io.annotations.bigwarp import write_bigwarp
from nanoscape.io.annotations.elastix_points import write_elastix_points
from nanoscape.io.annotations.geojson_writer import write_geojson
from nanoscape.io.annotations.imagej_roi_writer import write_imagej_roi
from nanoscape.io.annotations.landmarks_csv import write_landmarks
from nanoscape.io.annotations.outlines import pixel_grid
from nanoscape.io.annotations.points_csv import frame_of_points
from nanoscape.io.tables.parquet import write_parquet
from nanoscape.io.whole import check_new, new_file
from nanoscape.model import (
    Image,
    ImageGroup,
    Labels,
    Landmarks,
    Points,
    Regions,
    Table,
)
from nanoscape.model.raster import Raster

_ZARR = (".ome.zarr", ".zarr")
_TIFF = (".ome.tif", ".ome.tiff")
_NIFTI = (".nii", ".nii.gz")

Writable = Image | ImageGroup | Labels | Landmarks | Points | Regions | Table


def write(
    obj: Writable,
    path: str | Path,
    *,
    pixel_size: float | None = None,
    like: Raster | None = None,
    task: Task | None = None,
) -> Path:
    """Write an object; the suffix chooses the format.

    The file appears under its name when it is complete. Images are written block
    by block, whatever their size.

    Parameters
    ----------
    obj
        An image, a group of images, labels, points, regions, a table, or landmarks.
    path
        Images and labels: ``.ome.zarr`` keeps everything; ``.ome.tif`` all but
        turned grids and tables of labels; ``.nii`` and ``.nii.gz`` keep voxels,
        their place and even times. Tables and points: ``.parquet`` keeps
        everything; ``.csv`` keeps the numbers, with units in the names of the
        columns. Points also go into ``.geojson`` and ``.pts`` (elastix). Regions:
        ``.geojson`` (QuPath) keeps everything; ``.roi`` and ``.zip`` (ImageJ) keep
        outlines and names. Landmarks: ``.csv``, or ``.bigwarp.csv``.
    pixel_size
        For formats that count pixels: distance of pixel centres in µm.
    like
        For those formats: the image that the object belongs to, in place of the
        pixel size.
    task
        Progress.

    Returns
    -------
    pathlib.Path
        What was written.

    Raises
    ------
    WrongInput
        If the suffix is none of these, or the file exists already.
    MissingCalibration
        If a format counts pixels and their size is not known.
    """
    path = Path(path)
    check_new(path)
    if isinstance(obj, Image | ImageGroup | Labels):
        try:
            return _write_raster(obj, path, path.name.lower(), task or Task())
        except OSError as error:
            raise NanoscapeError(
                f"{path} cannot be written: {error.strerror or error}",
                todo="check the free space and your rights in the folder",
            ) from error
    writer = _writer(obj, path, pixel_size, like)
    with new_file(path) as new:
        writer(new)
    return path


def _writer(
    obj: Any, path: Path, pixel_size: float | None, like: Raster | None
) -> Callable[[Path], Any]:
    """Return what writes an object that is not a raster, under any name."""
    name = path.name.lower()
    suffix = ".bigwarp.csv" if name.endswith(".bigwarp.csv") else path.suffix.lower()
    writers: dict[str, Callable[..., Any]]
    if isinstance(obj, Landmarks):
        writers = {".csv": write_landmarks, ".bigwarp.csv": write_bigwarp}
    elif isinstance(obj, Table):
        writers = {".csv": _write_csv, ".parquet": write_parquet}
    elif isinstance(obj, Points):
        writers = {
            ".csv": _write_csv,
            ".parquet": write_parquet,
            ".geojson": write_geojson,
            ".pts": write_elastix_points,
        }
    elif isinstance(obj, Regions):
        writers = {
            ".geojson": write_geojson,
            ".roi": write_imagej_roi,
            ".zip": write_imagej_roi,
        }
    else:
        raise WrongInput(
            f"objects of the kind {type(obj).__name__} are not written here",
            "an image, a group of images, labels, points, regions, a table or "
            "landmarks",
        )
    if suffix not in writers:
        raise _unknown(path, f"a name that ends in {' or '.join(writers)}")
    writer = writers[suffix]
    if writer in (write_geojson, write_imagej_roi):
        return partial(writer, obj, grid=pixel_grid(obj, pixel_size, like))
    return partial(writer, obj)


def _write_csv(item: Table | Points, path: Path) -> None:
    frame = frame_of_points(item) if isinstance(item, Points) else item.data
    frame.to_csv(path, index=False, encoding="utf-8")


def _write_raster(
    obj: Image | ImageGroup | Labels, path: Path, lowered: str, task: Task
) -> Path:
    if not lowered.endswith(_ZARR + _TIFF + _NIFTI):
        raise _unknown(path, "a name that ends in .ome.zarr, .ome.tif or .nii.gz")
    # A sibling, so that the last step is a rename on the same disk.
    scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    try:
        new = scratch / path.name
        if lowered.endswith(_ZARR):
            from nanoscape.io.microscopy.ome_zarr_writer import write_ome_zarr

            write_ome_zarr(obj, new, task)
        elif lowered.endswith(_NIFTI):
            from nanoscape.io.volumes.nifti_writer import write_nifti

            write_nifti(obj, new, task)
        else:
            from nanoscape.io.microscopy.ome_tiff_writer import write_ome_tiff

            write_ome_tiff(obj, new, task)
        os.rename(new, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return path


def _unknown(path: Path, expected: str) -> WrongInput:
    return WrongInput(f"the name {path.name} tells no format to write", expected)
