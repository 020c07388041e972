"""FreeSurfer volumes (.mgh, .mgz): stored ``x y z t`` in RAS+ millimetres.

Source: the description of the format in FreeSurfer's wiki (FsTutorial/MghFormat).
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.build import Stack, build
from nanoscape.io.damage import DAMAGE
from nanoscape.io.lazy import lazy_array
from nanoscape.io.opening import (
    Options,
    Readable,
    calibrate,
    calibration_tags,
    stem,
    with_pixel_size,
)
from nanoscape.io.volumes.nifti import ras_to_lps_zyx
from nanoscape.io.volumes.raw import RawLayout, RawSource, plane_chunks
from nanoscape.io.volumes.volume import PATIENT, check_size
from nanoscape.model import Affine
from nanoscape.model.transform import FloatArray
from nanoscape.units import micrometres_per

_HEADER = struct.Struct(">7ih15f")
_SAMPLES_AT = 284
_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}
_VERSION = 1


def sniff(path: Path) -> bool:
    """Tell whether a file, also a gzipped one, starts as FreeSurfer's volumes do."""
    try:
        header = _header(path)
    except (UnreadableFile, *DAMAGE):
        return False
    return min(header.shape) > 0 and header.kind in _TYPES


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read one volume, or a series of volumes."""
    header = _header(path)
    if min(header.shape) < 1 or header.kind not in _TYPES:
        raise UnreadableFile(f"{path} states the shape {header.shape}")
    check_size(header.shape, path)
    shape = header.shape[::-1]
    dtype = np.dtype(_TYPES[header.kind])
    where = (0, "gzip", _SAMPLES_AT) if header.packed else (_SAMPLES_AT, "", 0)
    source = RawSource(path, RawLayout((path,), shape, dtype, *where))
    source.check_complete()
    data = lazy_array(source, plane_chunks(shape, "tzyx", dtype))
    axes = "tzyx" if shape[0] > 1 else "zyx"
    if axes[0] == "t":
        options.warn("the file does not state when its frames were taken")
    name = stem(path)
    placed = header.affine is not None
    stack = Stack(
        arrays=[data if axes[0] == "t" else data[0]],
        axes=axes,
        name=name,
        space=PATIENT if placed else name,
        tags=calibration_tags(options),
    )
    if header.affine is None:
        place = Affine.from_spacing("zyx", calibrate("zyx", {}, options, path))
    else:
        place = ras_to_lps_zyx(header.affine, micrometres_per("mm"))
    return [build(stack, with_pixel_size(place, options.pixel_size))]


@dataclass(frozen=True)
class _Header:
    """Lengths of ``x y z t``, type of number, and ``x y z`` to RAS+ in mm."""

    shape: tuple[int, ...]
    kind: int
    affine: FloatArray | None
    packed: bool


def _header(path: Path) -> _Header:
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
    packed = head[:2] == b"\x1f\x8b"
    if packed:
        with gzip.open(path) as unpacked:
            head = unpacked.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise UnreadableFile(f"{path} is too short for a volume of FreeSurfer")
    version, x, y, z, frames, kind, _, stated, *numbers = _HEADER.unpack(head)
    if version != _VERSION:
        raise UnreadableFile(f"{path} is no volume of FreeSurfer")
    affine = None
    if stated == 1:
        spacing, directions, centre = np.split(np.array(numbers), (3, 12))
        affine = np.eye(4)
        affine[:3, :3] = directions.reshape(3, 3).T * spacing
        # The stated position is that of the voxel in the middle, half of the shape.
        affine[:3, 3] = centre - affine[:3, :3] @ np.divide((x, y, z), 2)
    return _Header((x, y, z, frames), kind, affine, packed)
