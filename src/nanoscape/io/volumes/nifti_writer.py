"""Writing volumes as NIfTI, block by block."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from nanoscape.compute.blocks import lattice, run_blocks
from nanoscape.compute.task import Task
from nanoscape.errors import NanoscapeError, WrongInput
from nanoscape.io.volumes.nifti_block import described, extension_of
from nanoscape.io.volumes.volume import PATIENT
from nanoscape.model import Image, ImageGroup, Labels
from nanoscape.model.raster import Raster
from nanoscape.model.transform import FloatArray
from nanoscape.units import micrometres_per

_PART = 2**22
# Higher levels take many times as long and save a few per cent of a noisy image.
_LEVEL = 1
_LARGEST_1 = 2**15 - 1
_UNEVEN = 1e-3
# Long rows, which lie together in the file, in steps of OME-Zarr's usual chunks.
_BLOCK = (64, 64, 2**13)
_KINDS = {"b": "u1", "f2": "f4"}


def write_nifti(item: Image | ImageGroup | Labels, path: Path, task: Task) -> None:
    """Write a volume, or volumes over time.

    Samples, place (turned from LPS to RAS+), units, and times at even distances are
    kept; labels are marked as labels; the rest stands in an extension of the header
    that we read again. NIfTI-2 is written when an axis is longer than
    NIfTI-1 can say.

    Parameters
    ----------
    item
        An image or labels with the axes ``zyx`` or ``tzyx``.
    path
        A new file, ``.nii`` or ``.nii.gz``. The caller removes it when writing fails.
    task
        Progress; the image is never in memory as a whole.

    Raises
    ------
    WrongInput
        If NIfTI cannot hold the object.
    """
    if isinstance(item, ImageGroup):
        raise WrongInput(
            f"{item.name} has {len(item)} images, and NIfTI keeps one",
            todo="write its images one by one, or write .ome.zarr",
        )
    if item.spatial_axes != "zyx":
        raise WrongInput(
            f"{item.name} is not a volume, which NIfTI keeps",
            todo="write .ome.tif or .ome.zarr",
        )
    rgb = isinstance(item, Image) and item.rgb
    dtype = _stored(item, rgb)
    header = _header(item, dtype, rgb)
    packed = path.name.lower().endswith(".gz")
    plain = path.with_name("plain.nii") if packed else path
    filling, packing = task.split(1.0, 2.0) if packed else (task, task)
    with plain.open("wb") as file:
        header.write_to(file)
        file.flush()
        _reserve(file.fileno(), plain, file.tell(), item.data.size * dtype.itemsize)
    offset = int(header["vox_offset"])
    data = item.data
    lead = (1,) * (len(item.axes) - 3)
    steps = lead + _BLOCK + data.shape[len(item.axes) :]
    run_blocks(
        _keep,
        [data],
        lattice(data.shape, steps),
        target=cast(Any, _Mapped(str(plain), offset, dtype.str, data.shape)),
        task=filling,
        text="writing",
    )
    if packed:
        _pack(plain, path, packing)


@dataclass(frozen=True)
class _Mapped:
    """The samples of a file; takes blocks from any thread or process."""

    path: str
    offset: int
    dtype: str
    shape: tuple[int, ...]

    def __setitem__(self, core: tuple[slice, ...], values: NDArray[Any]) -> None:
        samples = np.memmap(self.path, self.dtype, "r+", self.offset, self.shape)
        samples[core] = values
        samples.flush()


def _keep(values: NDArray[Any]) -> tuple[NDArray[Any], None]:
    return values, None


def _stored(item: Raster, rgb: bool) -> np.dtype[Any]:
    """Return the type of a sample on disk."""
    kind = item.dtype.str[1:]
    kind = _KINDS.get(kind, _KINDS.get(kind[0], kind))
    if kind[0] not in "iuf" or np.dtype(kind).itemsize > 8 or (rgb and kind != "u1"):
        raise WrongInput(
            f"{item.name} holds {'colours' if rgb else 'numbers'} of type {item.dtype}",
            "8-bit colours, or whole or floating-point numbers of 8 to 64 bits",
            "write .ome.zarr",
        )
    return np.dtype(kind).newbyteorder("<")


def _header(item: Image | Labels, dtype: np.dtype[Any], rgb: bool) -> Any:
    shape = item.shape[::-1]
    small = max(shape) <= _LARGEST_1
    kind = nibabel.Nifti1Header if small else nibabel.Nifti2Header
    header = kind(endianness="<")
    if rgb:
        dtype = np.dtype([(name, "u1") for name in "RGBA"[: item.data.shape[-1]]])
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    extension = extension_of(item)
    header.extensions.append(extension)
    # The length of the header, and four bytes that say that something extends it.
    header["vox_offset"] = header.sizeof_hdr + 4 + extension.get_sizeondisk()
    header.set_xyzt_units("mm", "sec")
    _set_place(header, item)
    if "t" in item.axes:
        start, step = _even_times(item)
        header["pixdim"][4], header["toffset"] = step, start
    if isinstance(item, Labels):
        header.set_intent("label", (), name="labels")
    header["descrip"] = described(item)
    return header


def _set_place(header: Any, item: Raster) -> None:
    affine = lps_zyx_to_ras(item.grid_to_space.matrix) / micrometres_per("mm")
    affine[3, 3] = 1.0
    # 1 means the scanner's own coordinates, 2 those of some other image.
    code = 1 if item.space == PATIENT else 2
    header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
    header.set_sform(affine, code)
    try:
        header.set_qform(affine, code, strip_shears=False)
    except HeaderDataError:
        # A sheared grid has no quaternion; the matrix alone says where it lies.
        header["qform_code"] = 0


def lps_zyx_to_ras(matrix: FloatArray) -> FloatArray:
    """Return a map from ``z y x`` to LPS as one from ``x y z`` to RAS+."""
    reverse = np.eye(4)[[2, 1, 0, 3]]
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ reverse @ matrix @ reverse


def _even_times(item: Raster) -> tuple[float, float]:
    """Return the time of the first frame and the step in seconds; 0 is unknown."""
    if item.times is None:
        return 0.0, 0.0
    steps = np.diff(item.times)
    if not len(steps):
        return item.times[0], 0.0
    step = float(steps.mean())
    if not step > 0 or np.abs(steps - step).max() > _UNEVEN * step:
        raise WrongInput(
            f"the frames of {item.name} do not follow at even times, which NIfTI "
            "cannot keep",
            todo="write .ome.zarr",
        )
    return item.times[0], step


def _reserve(handle: int, path: Path, start: int, size: int) -> None:
    """Make the file as long as it will be, on room that is really there.

    A mapped file would otherwise end the program when the disk is full.
    """
    free = shutil.disk_usage(path.parent).free
    if size > free:
        raise NanoscapeError(
            f"the samples need {size / 1e9:.1f} GB and the disk has "
            f"{free / 1e9:.1f} GB left",
            todo="make room, or write to another disk",
        )
    os.truncate(handle, start + size)
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, start, size)
        except OSError as error:
            # Some network disks cannot promise room.
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise


def _pack(plain: Path, path: Path, task: Task) -> None:
    size = plain.stat().st_size
    with (
        plain.open("rb") as file,
        path.open("wb") as target,
        # Without name and time, so that the same volume gives the same file.
        gzip.GzipFile("", "wb", _LEVEL, target, mtime=0) as packed,
    ):
        done = 0
        while part := file.read(_PART):
            task.step(done, size, "compressing")
            packed.write(part)
            done += len(part)
    plain.unlink()
