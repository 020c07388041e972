"""imzML: mass spectra at the pixels of a raster (https://ms-imaging.org/imzml)."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.lazy import ByteReader, stamp
from nanoscape.io.opening import Options, Readable, calibrate, calibration_tags, stem
from nanoscape.io.spectrometry.imzml_header import (
    ArrayTable,
    ImzmlHeader,
    spectrum_at,
)
from nanoscape.io.spectrometry.imzml_scan import read_header
from nanoscape.model import Affine, Spectra, Tags
from nanoscape.model.spectra import StoredArrays, StoredPeaks

_HEAD = 65536
_ROOT = re.compile(rb"<(?:[\w.-]+:)?mzML")
_CHECKED_SIZE = 2**26
_UUID_BYTES = 16


def sniff(path: Path) -> bool:
    """Tell whether an XML file names the vocabulary of imzML."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return bool(_ROOT.search(head)) and (b"IMS:10000" in head or b"imzML" in head)


def read(path: Path, options: Options) -> Sequence[Readable]:
    """Read the spectra of an imzML file and its binary twin."""
    binary = _binary_of(path)
    header = read_header(path)
    _check_binary(path, binary, header)
    pixels, origin, shape, axes = _raster(path, header, options)
    spacing = calibrate(axes, _spacing(header, options), options, path)
    if not header.pixel_size and header.unitless_pixel_size:
        options.warn("the file states a pixel size without its unit, which is not used")
    for remark in header.remarks:
        options.warn(remark)
    _check_sum(binary, header, options)
    name = stem(path)
    # The raster keeps the place that the instrument gave it: position 1 is at 0.
    place = {axis: o * spacing[axis] for axis, o in zip(axes, origin, strict=True)}
    return [
        Spectra(
            source=ImzmlSource(binary, header.mz, header.intensity, header.positions),
            pixels=pixels,
            shape=shape,
            axes=axes,
            grid_to_space=Affine.from_spacing(axes, spacing, place),
            space=name,
            name=name,
            tags=_tags(header).merged(calibration_tags(options)),
        )
    ]


class ImzmlSource:
    """Reads spectra from a binary file, from any thread.

    Parameters
    ----------
    path
        The file with the suffix ``.ibd``.
    mz, intensity
        Where the arrays of each spectrum lie.
    positions
        Raster position of each spectrum, in the order x y z, for messages.
    opened
        What :func:`~nanoscape.io.lazy.stamp` said of the file when it was opened; by
        default it is opened now.
    """

    def __init__(
        self,
        path: Path,
        mz: ArrayTable,
        intensity: ArrayTable,
        positions: NDArray[np.int64],
        opened: tuple[str, int, int] | None = None,
    ) -> None:
        self.path = path
        self.mz = mz
        self.intensity = intensity
        self.positions = positions
        self._reader = ByteReader(path)
        self._stamp = opened or stamp(path)
        self._content: NDArray[np.uint8] | None = None
        self._key: str | None = None

    def read(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return m/z values and intensities of one spectrum, of equal length."""
        return self._array(self.mz, index), self._array(self.intensity, index)

    def stored(self) -> StoredPeaks | None:
        """Return the arrays of all spectra in the mapped file, if they lie there so.

        Raises
        ------
        UnreadableFile
            If the file is no longer the one that was opened.
        """
        if self.mz.zlib or self.intensity.zlib or self.intensity.dtype == np.float16:
            return None
        if self.mz.dtype == np.float16 or sys.byteorder == "big":
            return None
        if self._stamp[1] == 0:
            return None
        # Reading a map beyond the end of its file would end the process.
        self._check_unchanged()
        if self._content is None:
            self._content = np.asarray(np.memmap(self.path, np.uint8, mode="r"))
        return StoredPeaks(
            self._content,
            StoredArrays(self.mz.offsets, self.mz.lengths, self.mz.dtype),
            StoredArrays(
                self.intensity.offsets, self.intensity.lengths, self.intensity.dtype
            ),
        )

    def peak_counts(self) -> NDArray[np.int64]:
        """Return the number of peaks, by spectrum."""
        return self.mz.lengths

    def key(self) -> str:
        """Return letters and digits that are others when any spectrum may differ.

        They come from the identifier, size and time of the binary file and from where
        the XML part finds the spectra in it. A file that is moved keeps its key.

        Raises
        ------
        UnreadableFile
            If the file is no longer the one that was opened.
        """
        self._check_unchanged()
        if self._key is None:
            identifier = self._reader.read(0, min(_UUID_BYTES, self._stamp[1]))
            digest = hashlib.sha256(identifier)
            digest.update(repr(self._stamp[1:]).encode())
            for table in (self.mz, self.intensity):
                digest.update(f"{table.dtype.str} {table.zlib}".encode())
                for array in (table.offsets, table.lengths, table.encoded):
                    digest.update(np.asarray(array, "<i8").tobytes())
            self._key = digest.hexdigest()[:40]
        return self._key

    def _check_unchanged(self) -> None:
        try:
            status = os.stat(self.path)
            same = (status.st_size, status.st_mtime_ns) == self._stamp[1:]
        except OSError:
            same = False
        if not same:
            raise UnreadableFile(
                f"{self.path} has changed since it was opened", todo="open it again"
            )

    def _array(self, table: ArrayTable, index: int) -> NDArray[Any]:
        size, length = int(table.encoded[index]), int(table.lengths[index])
        data = self._reader.read(int(table.offsets[index]), size)
        where = f"{spectrum_at(index, self.positions)} of {self.path}"
        if table.zlib:
            # A few packed bytes can hold gigabytes; no more is unpacked than announced.
            announced = length * table.dtype.itemsize
            try:
                data = zlib.decompressobj().decompress(data, announced + 1)
            except zlib.error as error:
                raise UnreadableFile(f"{where} is damaged: {error}") from error
        if len(data) != length * table.dtype.itemsize:
            raise UnreadableFile(f"{where} holds {len(data)} bytes for {length} values")
        return np.frombuffer(data, table.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        arrays = self.mz, self.intensity, self.positions
        return ImzmlSource, (self.path, *arrays, self._stamp)


def _binary_of(path: Path) -> Path:
    """Return the file with the same stem and the suffix ``.ibd`` in any case."""
    for beside in sorted(path.parent.iterdir()):
        same = beside.stem == path.stem and beside.suffix.lower() == ".ibd"
        if same and beside.is_file():
            return beside
    raise UnreadableFile(
        f"{path} has no binary file beside it",
        f"{path.stem}.ibd in the same folder",
        "copy both files of the measurement",
    )


def _check_binary(path: Path, binary: Path, header: ImzmlHeader) -> None:
    """Raise :class:`UnreadableFile` unless the binary file fits the XML."""
    size = binary.stat().st_size
    for table in (header.mz, header.intensity):
        if (table.lengths < 0).any() or (table.encoded < 0).any():
            raise UnreadableFile(f"{path} has spectra of negative length")
        # Empty arrays lie nowhere; some writers give them the offset 0, others the end.
        ends = np.where(table.lengths > 0, table.offsets + table.encoded, 0)
        last = int(ends.argmax())
        if ends[last] > size:
            raise UnreadableFile(
                f"{binary} is truncated: {spectrum_at(last, header.positions)} ends at "
                f"byte {ends[last]} and the file at {size}",
                todo="copy the file again",
            )
        if (table.offsets < 0).any():
            raise UnreadableFile(f"{path} has spectra before the start of {binary}")
    unequal = np.flatnonzero(header.mz.lengths - header.intensity.lengths)
    if len(unequal):
        number = int(unequal[0])
        raise UnreadableFile(
            f"{spectrum_at(number, header.positions)} of {path} has "
            f"{header.mz.lengths[number]} m/z values and "
            f"{header.intensity.lengths[number]} intensities"
        )
    with binary.open("rb") as file:
        found = file.read(_UUID_BYTES).hex()
    if header.uuid and found != header.uuid:
        raise UnreadableFile(
            f"{binary} belongs to another imzML file: its identifier is {found}",
            header.uuid,
            "put the two files of one measurement together",
        )


def _check_sum(binary: Path, header: ImzmlHeader, options: Options) -> None:
    """Tell whether a binary file that is soon read has another checksum than stated."""
    if not header.sha1 or binary.stat().st_size > _CHECKED_SIZE:
        return
    digest = hashlib.sha1(binary.read_bytes(), usedforsecurity=False)
    if digest.hexdigest() != header.sha1:
        options.warn(
            f"{binary.name} has another checksum (SHA-1) than the file states; "
            "it was changed or damaged after it was written"
        )


def _raster(
    path: Path, header: ImzmlHeader, options: Options
) -> tuple[NDArray[np.int64], tuple[int, ...], tuple[int, ...], str]:
    """Return pixel indices from zero, the index of the first, the shape, the axes."""
    positions = header.positions[:, ::-1]
    axes = "zyx" if np.ptp(positions[:, 0]) > 0 else "yx"
    positions = positions[:, -len(axes) :]
    first = positions.min(axis=0)
    pixels = positions - first
    shape = tuple(int(n) for n in pixels.max(axis=0) + 1)
    grid = np.prod(shape, dtype=np.float64)
    if grid > max(2**24, 4096 * len(pixels)):
        raise UnreadableFile(
            f"{path} spreads {len(pixels)} spectra over a raster of {shape} pixels",
            "positions counted in pixels",
            "check how the file was exported",
        )
    occupied, counts = np.unique(
        np.ravel_multi_index(tuple(pixels.T), shape), return_counts=True
    )
    if counts.max() > 1:
        twice = np.unravel_index(int(occupied[counts.argmax()]), shape)
        where = ", ".join(
            f"{axis} {int(i) + int(o)}"
            for axis, i, o in zip(axes, twice, first, strict=True)
        )
        raise UnreadableFile(
            f"{path} has several spectra at one pixel ({where})",
            "one spectrum at each pixel",
            "export it with summed or separate scans",
        )
    base = 0 if (first <= 0).any() else 1
    if base == 0:
        options.warn("the file counts its pixels from zero")
    return pixels, tuple(int(f) - base for f in first), shape, axes


def _spacing(header: ImzmlHeader, options: Options) -> dict[str, float]:
    """Return the pixel size; without one for ``y`` that of ``x`` holds for both."""
    found = dict(header.pixel_size)
    if "x" in found and "y" not in found:
        found["y"] = found["x"]
        if options.pixel_size is None:
            options.warn("the file states one pixel size, which is taken for x and y")
    return found


def _tags(header: ImzmlHeader) -> Tags:
    offsets = header.mz.offsets
    same = len(offsets) > 1 and bool((offsets == offsets[0]).all())
    return Tags.of(
        "header",
        modality="MSI",
        storage="continuous" if same else "processed",
        polarity=" and ".join(sorted(header.polarities)) or None,
        spectrum_mode=" and ".join(sorted(header.modes)) or None,
    )
