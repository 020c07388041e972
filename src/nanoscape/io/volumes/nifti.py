"""NIfTI volumes: stored ``x y z t`` in RAS+ millimetres, read as LPS ``t z y x``."""

from __future__ import annotations

import gzip
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, HeaderTypeError, ImageDataError
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import Box, Source, lazy_array, stamp
from nanoscape.io.opening import (
    Options,
    Readable,
    calibration_tags,
    stem,
    with_pixel_size,
)
from nanoscape.io.volumes.nifti_block import restored
from nanoscape.io.volumes.packed import Unpacked, check_announced, unpacked
from nanoscape.io.volumes.raw import plane_chunks, truncated
from nanoscape.io.volumes.volume import PATIENT, as_labels, place_of
from nanoscape.model import Affine, Image, Tags
from nanoscape.model.raster import single_level
from nanoscape.model.roles import guess_role
from nanoscape.model.transform import FloatArray
from nanoscape.units import micrometres_per

_MAGIC = {344: (b"n+1\0", b"ni1\0"), 4: (b"n+2\0", b"ni2\0")}
_SINGLE = {b"n+1\0": nibabel.Nifti1Image, b"n+2\0": nibabel.Nifti2Image}
_LENGTHS = {"meter": "m", "mm": "mm", "micron": "µm"}
_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
# NIFTI_INTENT_LABEL of the standard's header nifti1.h.
_LABELS = 1002
_NIBABEL = (ImageFileError, HeaderDataError, ImageDataError, HeaderTypeError)


def sniff(path: Path) -> bool:
    """Tell whether a file, also a gzipped one, has the mark of NIfTI."""
    try:
        return bool(_mark(path))
    except DAMAGE:
        return False


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read one volume, or a series of volumes over time."""
    volume = _load(path)
    header = volume.header
    source = NiftiSource(path)
    source.check_complete()
    axes = "tzyx"[-source.ndim :] if source.ndim <= 4 else ""
    if source.colours:
        axes = "tzyx"[-(source.ndim - 1) :]
    if not axes:
        raise UnreadableFile(
            f"{path} has {source.ndim} axes longer than one",
            "a volume, or volumes over time",
            "export each component as a file of its own",
        )
    length, second = header.get_xyzt_units()
    affine = ras_to_lps_zyx(volume.affine, _micrometres(length, options))
    if axes == "yx":
        raise UnreadableFile(f"{path} is a NIfTI file with a single axis")
    if int(header["qform_code"]) == 0 and int(header["sform_code"]) == 0:
        options.warn("the file does not state its position; taken as centred")
    chunked = f"{axes}s" if source.colours else axes
    data = lazy_array(source, plane_chunks(source.shape, chunked, source.dtype))
    name = stem(path)
    image = Image(
        levels=single_level(data, "zyx"),
        axes=axes,
        grid_to_space=with_pixel_size(affine, options.pixel_size),
        space=PATIENT,
        name=name,
        tags=Tags.of("guess", role=guess_role(name)).merged(calibration_tags(options)),
        times=_times(header, second, source.shape, axes, options),
        rgb=source.colours > 0,
    )
    found = restored(header, image, path, options)
    if found is not image:
        return [found]
    named = int(header["intent_code"]) == _LABELS and not image.rgb
    return [as_labels(image) if named and image.dtype.kind in "iu" else image]


def ras_to_lps_zyx(affine: FloatArray, micrometres: float) -> Affine:
    """Return a NIfTI affine as a map from ``z y x`` indices to LPS ``z y x`` in µm.

    Parameters
    ----------
    affine
        Maps ``x y z`` indices to RAS+, shape (4, 4).
    micrometres
        Micrometres per unit of the affine.
    """
    to_lps = np.array([-micrometres, -micrometres, micrometres])
    return place_of(to_lps[:, None] * affine[:3, :3], to_lps * affine[:3, 3])


class NiftiSource(Source):
    """The samples of a NIfTI file, slowest axis first.

    A gzipped file is unpacked once into a temporary file, because gzip cannot be
    entered in the middle.

    Parameters
    ----------
    path
        The file; for pairs either of the two.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        volume = _load(path)
        proxy = volume.dataobj
        self._stored_shape = tuple(int(n) for n in proxy.shape)
        self._stored_dtype = np.dtype(proxy.dtype)
        self._offset = int(proxy.offset)
        self._slope, self._inter = float(proxy.slope), float(proxy.inter)
        self._file = Path(volume.file_map["image"].filename)
        shape = list(self._stored_shape[::-1])
        # Axes beyond time that have one element carry nothing.
        while len(shape) > 4 and shape[0] == 1:
            shape = shape[1:]
        while len(shape) < 3:
            shape = [1, *shape]
        self.colours = len(self._stored_dtype.names or ())
        if self.colours:
            shape.append(self.colours)
        self.shape = tuple(shape)
        self.dtype = self._dtype()
        self._held: Unpacked | None = None

    @property
    def _needed(self) -> int:
        """Bytes from the start of the file to the end of its samples."""
        samples = math.prod(self._stored_shape)
        return self._offset + samples * self._stored_dtype.itemsize

    def _dtype(self) -> np.dtype[Any]:
        if self.colours:
            return np.dtype(np.uint8)
        if (self._slope, self._inter) == (1.0, 0.0):
            return self._stored_dtype.newbyteorder("=")
        small = np.issubdtype(self._stored_dtype, np.integer)
        exact = small and self._stored_dtype.itemsize <= 2
        return np.dtype(np.float32 if exact else np.float64)

    def key(self) -> tuple[Any, ...]:
        """Return what tells this source from any other."""
        return stamp(self._file)

    def check_complete(self) -> None:
        """Raise :class:`UnreadableFile` when the file ends before its samples do.

        A packed file is only judged by its length.
        """
        needed = self._needed
        if not self._file.exists():
            raise UnreadableFile(f"{self.path} has no samples: {self._file} is missing")
        if _is_gzip(self._file):
            check_announced(self._file, "gzip", 0, needed)
        elif self._file.stat().st_size < needed:
            raise truncated(self._file, needed, self._file.stat().st_size)

    def _unpacked(self) -> Unpacked:
        if self._held is None:
            held = unpacked(stamp(self._file), "gzip", 0, self._needed)
            if held.size < self._needed:
                raise truncated(self._file, self._needed, held.size)
            self._held = held
        return self._held

    def read_box(self, box: Box) -> NDArray[Any]:
        """Return the samples of a box, scaled as the header says."""
        packed = _is_gzip(self._file)
        path = self._unpacked().path if packed else self._file
        spatial = self.shape[:-1] if self.colours else self.shape
        stored = np.memmap(
            path,
            dtype=self._stored_dtype,
            mode="r",
            offset=self._offset,
            shape=spatial,
        )
        if self.colours:
            crop = np.ascontiguousarray(stored[box[:-1]])
            samples = crop.view(np.uint8).reshape(*crop.shape, self.colours)
            return samples[..., box[-1]]
        crop = np.array(stored[box])
        if (self._slope, self._inter) == (1.0, 0.0):
            return crop.astype(self.dtype, copy=False)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = crop.astype(np.float64) * self._slope + self._inter
            return scaled.astype(self.dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return NiftiSource, (self.path,)


def _load(path: Path) -> Any:
    """Return the parsed file.

    Raises
    ------
    UnreadableFile
        If its header is damaged.
    """
    try:
        mark = _mark(path)
        if mark not in _SINGLE:
            return nibabel.load(path)
        # By its content, because nibabel goes by the suffix.
        with (
            gzip.open(path) if _is_gzip(path) else path.open("rb") as file,
            warnings.catch_warnings(),
        ):
            # An extension of an odd length does no harm to the samples.
            warnings.simplefilter("ignore", UserWarning)
            holder = nibabel.FileHolder(str(path), file)
            return _SINGLE[mark].from_file_map({"header": holder, "image": holder})
    except (*_NIBABEL, *DAMAGE) as error:
        raise UnreadableFile(
            f"{path} is damaged: {error}", "a NIfTI file", "export it again"
        ) from error


def _mark(path: Path) -> bytes:
    """Return the mark of NIfTI in a file, also in a gzipped one; else nothing."""
    with gzip.open(path) if _is_gzip(path) else path.open("rb") as file:
        head = file.read(348)
    marks = (
        head[at : at + 4] for at, known in _MAGIC.items() if head[at : at + 4] in known
    )
    return next(marks, b"")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _micrometres(unit: str, options: Options) -> float:
    if unit in _LENGTHS:
        return micrometres_per(_LENGTHS[unit])
    options.warn("the file does not state its unit of length; taken as mm")
    return micrometres_per("mm")


def _times(
    header: Any, unit: str, shape: Sequence[int], axes: str, options: Options
) -> tuple[float, ...] | None:
    if axes[0] != "t":
        return None
    zooms = header.get_zooms()
    step = float(zooms[3]) if len(zooms) > 3 else 0.0
    if not step > 0:
        return None
    if unit not in _SECONDS:
        options.warn("the file does not state its unit of time; taken as seconds")
    seconds = _SECONDS.get(unit, 1.0)
    start = float(header["toffset"])
    start = start if math.isfinite(start) else 0.0
    return tuple((start + step * i) * seconds for i in range(shape[0]))
