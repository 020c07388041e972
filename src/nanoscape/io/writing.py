"""Writing images and labels, so that nothing half-written is ever found."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from nanoscape.compute.task import Task
from nanoscape.errors import NanoscapeError, WrongInput
from nanoscape.io.landmarks_csv import write_landmarks
from nanoscape.model import Image, ImageGroup, Labels, Landmarks

_ZARR = (".ome.zarr", ".zarr")
_TIFF = (".ome.tif", ".ome.tiff")
_NIFTI = (".nii", ".nii.gz")

Writable = Image | ImageGroup | Labels | Landmarks


def write(obj: Writable, path: str | Path, *, task: Task | None = None) -> Path:
    """Write an object; the suffix chooses the format.

    The file appears under its name when it is complete. Images are written block
    by block, whatever their size.

    Parameters
    ----------
    obj
        An image, a group of images, labels, or landmarks.
    path
        ``.ome.zarr`` keeps everything; ``.ome.tif`` keeps pixels, spacing and
        channel names; ``.nii`` and ``.nii.gz`` keep voxels, their place and even
        times; landmarks go into ``.csv``.
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
    """
    path = Path(path)
    lowered = path.name.lower()
    if path.exists():
        raise WrongInput(
            f"{path} exists already", todo="choose another name, or delete it first"
        )
    if not path.parent.is_dir():
        raise WrongInput(f"the folder {path.parent} does not exist", todo="create it")
    try:
        if isinstance(obj, Landmarks):
            if not lowered.endswith(".csv"):
                raise _unknown(path, ".csv for landmarks")
            return write_landmarks(obj, path)
        if not isinstance(obj, Image | ImageGroup | Labels):
            raise WrongInput(
                f"objects of the kind {type(obj).__name__} are not written here",
                "an image, a group of images, labels, or landmarks",
            )
        return _write_raster(obj, path, lowered, task or Task())
    except OSError as error:
        raise NanoscapeError(
            f"{path} cannot be written: {error.strerror or error}",
            todo="check the free space and your rights in the folder",
        ) from error


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
            from nanoscape.io.ome_zarr_writer import write_ome_zarr

            write_ome_zarr(obj, new, task)
        elif lowered.endswith(_NIFTI):
            from nanoscape.io.nifti_writer import write_nifti

            write_nifti(obj, new, task)
        else:
            from nanoscape.io.ome_tiff_writer import write_ome_tiff

            write_ome_tiff(obj, new, task)
        os.rename(new, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return path


def _unknown(path: Path, expected: str) -> WrongInput:
    return WrongInput(f"the name {path.name} tells no format to write", expected)
