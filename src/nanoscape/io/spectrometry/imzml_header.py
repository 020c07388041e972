"""The XML part of imzML: where each spectrum lies, in the raster and in the file.

The imzML vocabulary is at https://ms-imaging.org/imzml (accessions IMS:…), units
are those of the Unit Ontology (UO:…).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import local_name

_MZ, _INTENSITY = "MS:1000514", "MS:1000515"
_ZLIB = "MS:1000574"
_UNDECODED = {
    "MS:1002312": "MS-Numpress linear",
    "MS:1002313": "MS-Numpress pic",
    "MS:1002314": "MS-Numpress slof",
    "MS:1002746": "MS-Numpress linear and zlib",
    "MS:1002747": "MS-Numpress pic and zlib",
    "MS:1002748": "MS-Numpress slof and zlib",
}
_TYPES = {
    "MS:1000519": "<i4",
    "MS:1000520": "<f2",
    "MS:1000521": "<f4",
    "MS:1000522": "<i8",
    "MS:1000523": "<f8",
    "IMS:1000141": "<i4",
    "IMS:1000142": "<i8",
    "IMS:1100000": "<i1",
    "IMS:1100001": "<i2",
}
_TYPE_NAMES = {
    "8-bit integer": "<i1",
    "16-bit integer": "<i2",
    "32-bit integer": "<i4",
    "64-bit integer": "<i8",
    "16-bit float": "<f2",
    "32-bit float": "<f4",
    "64-bit float": "<f8",
}
POSITION = {"IMS:1000050": 0, "IMS:1000051": 1, "IMS:1000052": 2}
STORAGE = {"IMS:1000102": 0, "IMS:1000103": 1, "IMS:1000104": 2}
FIRST_COLUMN = {_MZ: 3, _INTENSITY: 6}
DEFAULT_ROW = np.array([_UNSET := -(2**62), _UNSET, 1, *[_UNSET] * 6])
"""A row holds x, y, z, then offset, length and stored bytes of m/z and intensity."""
_PIXEL_SIZE = {"IMS:1000046": "x", "IMS:1000047": "y"}
_UUID, _SHA1 = "IMS:1000080", "IMS:1000091"
_MICROMETRES = {
    "UO:0000015": 1e4,
    "UO:0000016": 1e3,
    "UO:0000017": 1.0,
    "UO:0000018": 1e-3,
    "UO:0000008": 1e6,
}
_POLARITY = {"MS:1000130": "positive", "MS:1000129": "negative"}
_CENTROID = {"MS:1000127": "centroid", "MS:1000128": "profile"}

Params = dict[str, tuple[str, str, str]]
"""Value, unit accession and name by accession."""


@dataclass(frozen=True, eq=False)
class ArrayTable:
    """Where one kind of array of all spectra lies in the binary file.

    Attributes
    ----------
    offsets, lengths, encoded
        First byte, number of values, and number of stored bytes, by spectrum.
    dtype
        Type of the values.
    zlib
        Whether the bytes are compressed.
    """

    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    encoded: NDArray[np.int64]
    dtype: np.dtype[np.generic]
    zlib: bool = False


@dataclass
class ImzmlHeader:
    """What the XML part says.

    Attributes
    ----------
    uuid, sha1
        Identifier and checksum of the binary file; may be empty.
    positions
        Raster position of each spectrum, shape ``(n, 3)``, in the order x y z.
    mz, intensity
        Where the arrays lie.
    pixel_size
        In µm by axis, as far as it is stated with a unit.
    unitless_pixel_size
        Whether a pixel size stands there without a known unit.
    polarities, modes
        What the spectra say of themselves.
    remarks
        Sentences for the user.
    """

    positions: NDArray[np.int64]
    mz: ArrayTable
    intensity: ArrayTable
    uuid: str = ""
    sha1: str = ""
    pixel_size: dict[str, float] = field(default_factory=dict)
    unitless_pixel_size: bool = False
    polarities: set[str] = field(default_factory=set)
    modes: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)


class HeaderParser:
    """Gathers what the elements of imzML say, in the order in which they end.

    Parameters
    ----------
    path
        The file, for messages.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.groups: dict[str, Params] = {}
        self.settings: Params = {}
        self.rows: list[NDArray[np.int64]] = []
        self.count = 0
        self.announced = ""
        self.polarities: set[str] = set()
        self.modes: set[str] = set()
        self._formats: dict[str, tuple[frozenset[str], bool]] = {}

    def element(self, element: ElementTree.Element) -> None:
        """Take in an element that has ended."""
        name = local_name(element.tag)
        if name == "referenceableParamGroup":
            self.groups[element.get("id", "")] = self._params(element)
        elif name == "spectrum":
            self.add_rows(self.row(element)[np.newaxis])
        elif name == "spectrumList":
            self.announced = element.get("count", "")
        elif name in ("fileContent", "scanSettings"):
            self.settings |= self._params(element)

    def add_rows(self, rows: NDArray[np.int64]) -> None:
        """Add the places of more spectra."""
        self.rows.append(rows)
        self.count += len(rows)

    def row(self, element: ElementTree.Element) -> NDArray[np.int64]:
        """Return where a spectrum lies.

        Raises
        ------
        UnreadableFile
            If it leaves out what is needed, or is stored unlike those before it.
        """
        own = self._params(element)
        self.polarities |= {name for a, name in _POLARITY.items() if a in own}
        self.modes |= {name for a, name in _CENTROID.items() if a in own}
        row = DEFAULT_ROW.copy()
        for child in element.iter():
            name = local_name(child.tag)
            if name == "scan":
                params = self._params(child)
                self.polarities |= {n for a, n in _POLARITY.items() if a in params}
                for accession, column in POSITION.items():
                    if accession in params:
                        row[column] = self._whole(params, accession)
        if (row[:2] == _UNSET).any():
            raise UnreadableFile(
                f"spectrum {self.count + 1} of {self.path} has no position"
            )
        for array, role in arrays_of(element, self._params):
            if not role:
                continue
            column = FIRST_COLUMN[role]
            if row[column] != _UNSET:
                raise self._not_one_array()
            row[column : column + 3] = self._stored(self._params(array), role)
        if (row[[3, 6]] == _UNSET).any():
            raise self._not_one_array()
        return row

    def roles(self, element: ElementTree.Element) -> list[str]:
        """Return what the arrays of a spectrum hold, in their order."""
        return [role for _, role in arrays_of(element, self._params)]

    def finish(self) -> ImzmlHeader:
        """Return the header.

        Raises
        ------
        UnreadableFile
            If there are no spectra, or their number format cannot be told.
        """
        if not self.count:
            raise UnreadableFile(f"{self.path} holds no spectra")
        rows = np.concatenate(self.rows)
        remarks = []
        if self.announced not in ("", str(self.count)):
            remarks.append(
                f"the file announces {self.announced} spectra and holds {self.count}"
            )
        header = ImzmlHeader(
            positions=rows[:, :3],
            mz=self._table(rows, _MZ, remarks),
            intensity=self._table(rows, _INTENSITY, remarks),
            polarities=self.polarities,
            modes=self.modes,
            remarks=remarks,
        )
        _add_settings(header, self.settings)
        return header

    def _params(self, element: ElementTree.Element) -> Params:
        """Return the parameters of an element, those of its groups included."""
        found: Params = {}
        for child in element:
            if local_name(child.tag) == "referenceableParamGroupRef":
                found |= self.groups.get(child.get("ref", ""), {})
        for child in element:
            if local_name(child.tag) == "cvParam":
                found[child.get("accession", "")] = (
                    child.get("value") or "",
                    child.get("unitAccession") or "",
                    child.get("name") or "",
                )
        return found

    def _stored(self, params: Params, role: str) -> tuple[int, int, int]:
        """Return offset, length and stored bytes of an array; note its format."""
        for accession, name in _UNDECODED.items():
            if accession in params:
                raise UnreadableFile(
                    f"{self.path} is compressed with {name}",
                    "no compression or zlib",
                    "export it without compression",
                )
        packed = _ZLIB in params
        types = {t for a, t in _TYPES.items() if a in params}
        named = {params[a][2] for a in _TYPES if a in params}
        types |= {t for n, t in _TYPE_NAMES.items() if n in named}
        known = self._formats.setdefault(role, (frozenset(types), packed))
        if packed != known[1]:
            raise UnreadableFile(f"{self.path} compresses some of its spectra only")
        if not types or types != known[0]:
            raise self._no_format(self.count, bool(types))
        offset, length, encoded = STORAGE
        bytes_ = self._whole(params, encoded) if packed or encoded in params else _UNSET
        return self._whole(params, offset), self._whole(params, length), bytes_

    def _table(
        self, rows: NDArray[np.int64], role: str, remarks: list[str]
    ) -> ArrayTable:
        column = FIRST_COLUMN[role]
        offsets, lengths, encoded = rows[:, column : column + 3].T
        types, packed = self._formats[role]
        said = encoded > 0
        if len(types) > 1 and not packed:
            # Some writers give the number of one type and the name of another.
            types = frozenset(
                t
                for t in types
                if np.array_equal(lengths[said] * np.dtype(t).itemsize, encoded[said])
                and said.any()
            )
            if len(types) == 1:
                remarks.append(
                    "the file names two number formats for its values; the one that "
                    "fits the stored bytes is taken"
                )
        if len(types) != 1:
            raise self._no_format(0, True)
        dtype = np.dtype(next(iter(types)))
        if not packed:
            wrong = np.flatnonzero(said & (encoded != lengths * dtype.itemsize))
            if len(wrong):
                first = int(wrong[0])
                raise UnreadableFile(
                    f"{spectrum_at(first, rows)} of {self.path} has {lengths[first]} "
                    f"values of {dtype.itemsize} bytes in {encoded[first]} bytes",
                    todo="export it again",
                )
            encoded = lengths * dtype.itemsize
        # Negative offsets are those beyond 2 GiB of writers that counted in 32 bits.
        offsets = np.where(offsets < 0, offsets + 2**32, offsets)
        return ArrayTable(offsets, lengths.copy(), encoded.copy(), dtype, packed)

    def _no_format(self, number: int, contradictory: bool) -> UnreadableFile:
        return UnreadableFile(
            f"spectrum {number + 1} of {self.path} has "
            f"{'a contradictory' if contradictory else 'no known'} number format",
            "one of 8-, 16-, 32- or 64-bit numbers for all spectra",
            "export it again",
        )

    def _not_one_array(self) -> UnreadableFile:
        return UnreadableFile(
            f"spectrum {self.count + 1} of {self.path} does not have one array of m/z "
            "and one of intensities"
        )

    def _whole(self, params: Params, accession: str) -> int:
        """Return a whole number, also one that is written like 1.156e+09."""
        text = params.get(accession, ("",))[0]
        try:
            try:
                value = int(text)
            except ValueError:
                value = int(approximate := float(text))
                if value != approximate:
                    raise
            if abs(value) >= 2**48:
                raise ValueError
        except (ValueError, OverflowError):
            raise UnreadableFile(
                f"spectrum {self.count + 1} of {self.path} has {text!r} where a whole "
                f"number belongs ({accession})"
            ) from None
        return value


def arrays_of(
    element: ElementTree.Element,
    params_of: Callable[[ElementTree.Element], Params],
) -> list[tuple[ElementTree.Element, str]]:
    """Return the arrays of a spectrum with what they hold: m/z, intensity or ""."""
    found = []
    for child in element.iter():
        if local_name(child.tag) == "binaryDataArray":
            params = params_of(child)
            role = next((r for r in (_MZ, _INTENSITY) if r in params), "")
            found.append((child, role))
    return found


def spectrum_at(index: int, rows: NDArray[np.int64]) -> str:
    """Return words for a spectrum and its pixel."""
    x, y = rows[index, :2]
    return f"spectrum {index + 1} (x {x}, y {y})"


def _add_settings(header: ImzmlHeader, params: Params) -> None:
    if _UUID in params:
        header.uuid = params[_UUID][0].strip("{} ").replace("-", "").lower()
    if _SHA1 in params:
        header.sha1 = params[_SHA1][0].strip().lower()
    for accession, axis in _PIXEL_SIZE.items():
        if accession not in params:
            continue
        value, unit, _ = params[accession]
        try:
            size = float(value)
        except ValueError:
            size = 0.0
        if size > 0 and unit in _MICROMETRES:
            header.pixel_size[axis] = size * _MICROMETRES[unit]
        else:
            header.unitless_pixel_size = True
