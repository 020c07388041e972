"""The XML part of imzML: where each spectrum lies, in the raster and in the file.

The imzML vocabulary is at https://ms-imaging.org/imzml (accessions IMS:…), units
are those of the Unit Ontology (UO:…).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import local_name, refuse_entities

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
_POSITION = {"IMS:1000050": "x", "IMS:1000051": "y", "IMS:1000052": "z"}
_OFFSET, _LENGTH, _ENCODED = "IMS:1000102", "IMS:1000103", "IMS:1000104"
_PIXEL_SIZE = {"IMS:1000046": "x", "IMS:1000047": "y"}
_UUID = "IMS:1000080"
_MICROMETRES = {
    "UO:0000015": 1e4,
    "UO:0000016": 1e3,
    "UO:0000017": 1.0,
    "UO:0000018": 1e-3,
    "UO:0000008": 1e6,
}
_POLARITY = {"MS:1000130": "positive", "MS:1000129": "negative"}
_CENTROID = {"MS:1000127": "centroid", "MS:1000128": "profile"}

Params = dict[str, tuple[str, str]]
"""Value and unit accession by accession."""


@dataclass
class ArrayTable:
    """Where one kind of array of all spectra lies in the binary file.

    Attributes
    ----------
    offsets, lengths, encoded
        First byte, number of values, and number of stored bytes, by spectrum.
    dtype
        Type of the values; empty until it is known.
    zlib
        Whether the bytes are compressed.
    """

    offsets: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    encoded: list[int] = field(default_factory=list)
    dtype: str = ""
    zlib: bool = False

    def add(self, params: Params, path: Path, number: int) -> None:
        """Add the array of one more spectrum."""
        for accession, name in _UNDECODED.items():
            if accession in params:
                raise UnreadableFile(
                    f"{path} is compressed with {name}",
                    "no compression or zlib",
                    "export it without compression",
                )
        types = [t for a, t in _TYPES.items() if a in params]
        if len(types) != 1 or (self.dtype and self.dtype != types[0]):
            raise UnreadableFile(
                f"spectrum {number + 1} of {path} has "
                f"{'no known' if not types else 'a contradictory'} number format",
                "one of 16-, 32- or 64-bit numbers for all spectra",
                "export it again",
            )
        zlib = _ZLIB in params
        if self.offsets and zlib != self.zlib:
            raise UnreadableFile(f"{path} compresses some of its spectra only")
        self.dtype, self.zlib = types[0], zlib
        length = _whole(params, _LENGTH, path, number)
        bytes_ = length * np.dtype(self.dtype).itemsize
        # Negative offsets are those beyond 2 GiB of writers that counted in 32 bits.
        offset = _whole(params, _OFFSET, path, number)
        self.offsets.append(offset + 2**32 if offset < 0 else offset)
        self.lengths.append(length)
        self.encoded.append(_whole(params, _ENCODED, path, number) if zlib else bytes_)


@dataclass
class ImzmlHeader:
    """What the XML part says.

    Attributes
    ----------
    uuid
        Of the binary file that belongs to it, without hyphens; may be empty.
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
    """

    uuid: str = ""
    positions: list[tuple[int, int, int]] = field(default_factory=list)
    mz: ArrayTable = field(default_factory=ArrayTable)
    intensity: ArrayTable = field(default_factory=ArrayTable)
    pixel_size: dict[str, float] = field(default_factory=dict)
    unitless_pixel_size: bool = False
    polarities: set[str] = field(default_factory=set)
    modes: set[str] = field(default_factory=set)


def read_header(path: Path) -> ImzmlHeader:
    """Read the XML part, spectrum by spectrum, without keeping the tree.

    Raises
    ------
    UnreadableFile
        If it is not well formed or leaves out what is needed to find a spectrum.
    """
    with path.open("rb") as file:
        refuse_entities(file.read(65536), path)
    header = ImzmlHeader()
    groups: dict[str, Params] = {}
    depth: list[ElementTree.Element] = []
    try:
        for event, element in ElementTree.iterparse(path, ("start", "end")):
            if event == "start":
                depth.append(element)
                continue
            depth.pop()
            name = local_name(element.tag)
            if name == "referenceableParamGroup":
                groups[element.get("id", "")] = _params(element, groups)
            elif name == "spectrum":
                _add_spectrum(header, element, groups, path)
            elif name in ("fileContent", "scanSettings"):
                _add_settings(header, _params(element, groups))
            if name in ("spectrum", "chromatogram") and depth:
                depth[-1].remove(element)
    except ElementTree.ParseError as error:
        raise UnreadableFile(
            f"{path} is damaged or truncated: {error}",
            "well-formed imzML",
            "copy the file again",
        ) from error
    if not header.positions:
        raise UnreadableFile(f"{path} holds no spectra")
    return header


def _params(element: ElementTree.Element, groups: dict[str, Params]) -> Params:
    """Return the parameters of an element, those of its groups included."""
    found: Params = {}
    for child in element:
        name = local_name(child.tag)
        if name == "referenceableParamGroupRef":
            found |= groups.get(child.get("ref", ""), {})
    for child in element:
        if local_name(child.tag) == "cvParam":
            value = (child.get("value") or "", child.get("unitAccession") or "")
            found[child.get("accession", "")] = value
    return found


def _add_settings(header: ImzmlHeader, params: Params) -> None:
    if _UUID in params:
        header.uuid = params[_UUID][0].strip("{} ").replace("-", "").lower()
    for accession, axis in _PIXEL_SIZE.items():
        if accession not in params:
            continue
        value, unit = params[accession]
        try:
            size = float(value)
        except ValueError:
            size = 0.0
        if size > 0 and unit in _MICROMETRES:
            header.pixel_size[axis] = size * _MICROMETRES[unit]
        else:
            header.unitless_pixel_size = True


def _add_spectrum(
    header: ImzmlHeader,
    element: ElementTree.Element,
    groups: dict[str, Params],
    path: Path,
) -> None:
    number = len(header.positions)
    own = _params(element, groups)
    header.polarities |= {name for a, name in _POLARITY.items() if a in own}
    header.modes |= {name for a, name in _CENTROID.items() if a in own}
    place: dict[str, int] = {}
    roles: dict[str, int] = {}
    for child in element.iter():
        name = local_name(child.tag)
        if name == "scan":
            params = _params(child, groups)
            header.polarities |= {n for a, n in _POLARITY.items() if a in params}
            for accession, axis in _POSITION.items():
                if accession in params:
                    place[axis] = _whole(params, accession, path, number)
        elif name == "binaryDataArray":
            params = _params(child, groups)
            for role, table in ((_MZ, header.mz), (_INTENSITY, header.intensity)):
                if role in params:
                    roles[role] = roles.get(role, 0) + 1
                    table.add(params, path, number)
    if not {"x", "y"} <= place.keys():
        raise UnreadableFile(f"spectrum {number + 1} of {path} has no position")
    if roles != {_MZ: 1, _INTENSITY: 1}:
        raise UnreadableFile(
            f"spectrum {number + 1} of {path} does not have one array of m/z and one "
            "of intensities"
        )
    header.positions.append((place["x"], place["y"], place.get("z", 1)))


def _whole(params: Params, accession: str, path: Path, number: int) -> int:
    """Return a whole number, also one that is written like 1.156e+09."""
    text = params.get(accession, ("", ""))[0]
    try:
        value = int(text)
    except ValueError:
        try:
            approximate = float(text)
            value = int(approximate)
            if value != approximate:
                raise ValueError
        except (ValueError, OverflowError):
            raise UnreadableFile(
                f"spectrum {number + 1} of {path} has {text!r} where a whole number "
                f"belongs ({accession})"
            ) from None
    return value
