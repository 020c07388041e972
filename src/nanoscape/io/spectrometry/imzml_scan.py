"""Fast reading of the XML part of imzML, which is nearly the same spectrum again.

The first spectrum is parsed as XML and becomes a template: its bytes, with gaps
where attributes hold values. A spectrum that has the same bytes around its gaps
means the same; only the whole numbers in the gaps are read. One that differs is
parsed as XML and gives a further template. All that is not a spectrum goes through
the XML parser as well, so that a file is well formed here exactly when it is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import refuse_entities
from nanoscape.io.spectrometry.imzml_header import (
    DEFAULT_ROW,
    FIRST_COLUMN,
    POSITION,
    STORAGE,
    HeaderParser,
    ImzmlHeader,
)

SCAN_FROM = 2**20
"""Smaller files are parsed sooner than the compiled scanner is loaded."""

_BLOCK = 2**24
_MAX_TEMPLATES = 8
_FIRST = re.compile(rb"<spectrum[\s>]")
_TAG = re.compile(rb'<(/?)([A-Za-z][\w.-]*)((?:\s+[\w.:-]+="[^"<&]*")*)\s*(/?)>')
_ATTRIBUTE = re.compile(rb'([\w.:-]+)="([^"<&]*)"')
_ENCODING = re.compile(rb"^\s*(?:\xef\xbb\xbf)?<\?xml[^>]*encoding=[^>]*\?>")
_VARYING = {
    b"value",
    b"id",
    b"index",
    b"spotID",
    b"defaultArrayLength",
    b"arrayLength",
    b"encodedLength",
}
_END = b"</spectrum>"


class _NotScannable(Exception):
    """The file needs the XML parser."""


@dataclass(frozen=True, eq=False)
class _Template:
    """Bytes of a spectrum with gaps: a literal, a gap, a literal, …, a literal."""

    literals: NDArray[np.uint8]
    bounds: NDArray[np.int64]
    columns: NDArray[np.int64]


def read_header(path: Path, scan_from: int | None = None) -> ImzmlHeader:
    """Read the XML part without keeping its tree.

    Parameters
    ----------
    path
        The file.
    scan_from
        Size in bytes from which the scanner is used, :data:`SCAN_FROM` by default;
        the result is the same.

    Raises
    ------
    UnreadableFile
        If it is not well formed or leaves out what is needed to find a spectrum.
    """
    if path.stat().st_size >= (SCAN_FROM if scan_from is None else scan_from):
        try:
            return _Scan(path).run().finish()
        except (_NotScannable, ElementTree.ParseError):
            # The parser tells what is wrong, if anything is.
            pass
    return _parse(path).finish()


def _parse(path: Path) -> HeaderParser:
    with path.open("rb") as file:
        refuse_entities(file.read(65536), path)
    parser = HeaderParser(path)
    depth: list[ElementTree.Element] = []
    try:
        for event, element in ElementTree.iterparse(path, ("start", "end")):
            if event == "start":
                depth.append(element)
                continue
            depth.pop()
            parser.element(element)
            if depth and element.tag.endswith(("spectrum", "chromatogram")):
                depth[-1].remove(element)
    except (ElementTree.ParseError, ValueError) as error:
        raise UnreadableFile(
            f"{path} is damaged or truncated: {error}",
            "well-formed imzML",
            "copy the file again",
        ) from error
    return parser


class _Scan:
    """One pass over a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parser = HeaderParser(path)
        self.around: ElementTree.XMLPullParser[Any]
        self.around = ElementTree.XMLPullParser(("end",))
        self.templates: list[_Template] = []
        self.encoding = b""

    def run(self) -> HeaderParser:
        """Read everything."""
        with self.path.open("rb") as file:
            text = self._head(file)
            place = 0
            while True:
                place = self._spectra(text, place)
                more = file.read(_BLOCK)
                if not more or len(text) - place > 4 * _BLOCK:
                    break
                text, place = text[place:] + more, 0
            self._feed(text[place:] + more)
            while more := file.read(_BLOCK):
                self._feed(more)
        self.around.close()
        self._take_events()
        return self.parser

    def _head(self, file: BinaryIO) -> bytes:
        """Parse what stands before the first spectrum; return the text after it."""
        text = file.read(_BLOCK)
        first = _FIRST.search(text)
        if first is None:
            raise _NotScannable
        head = text[: first.start()]
        refuse_entities(head, self.path)
        if b"<!--" in head or b"<![CDATA[" in head:
            raise _NotScannable
        declared = _ENCODING.match(head)
        self.encoding = declared[0] if declared else b""
        self._feed(head)
        return text[first.start() :]

    def _feed(self, text: bytes) -> None:
        if _FIRST.search(text):
            raise _NotScannable
        self.around.feed(text)
        self._take_events()

    def _take_events(self) -> None:
        event: Any
        for event in self.around.read_events():
            self.parser.element(event[1])

    def _spectra(self, text: bytes, place: int) -> int:
        """Read the whole spectra from a place on; return the place after them."""
        data = np.frombuffer(text, np.uint8)
        while True:
            before = place
            for template in self.templates:
                place = self._alike(data, place, template)
                if place > before:
                    break
            if place > before:
                continue
            while text[place : place + 1].isspace():
                place += 1
            if not _FIRST.match(text, place):
                return place
            end = text.find(_END, place)
            if end < 0:
                return place
            self._unlike(text[place : end + len(_END)])
            place = end + len(_END)

    def _alike(self, data: NDArray[np.uint8], place: int, template: _Template) -> int:
        room = (len(data) - place) // max(1, len(template.literals)) + 1
        rows = np.tile(DEFAULT_ROW, (room, 1))
        count, place = _match(
            data, place, template.literals, template.bounds, template.columns, rows
        )
        if count:
            self.parser.add_rows(rows[:count])
        return int(place)

    def _unlike(self, text: bytes) -> None:
        """Parse a spectrum that fits no template, and make one from it."""
        element = ElementTree.fromstring(self.encoding + text)
        row = self.parser.row(element)
        self.parser.add_rows(row[np.newaxis])
        if len(self.templates) >= _MAX_TEMPLATES:
            return
        template = _template(text, self.parser.roles(element))
        if template is None:
            return
        check = DEFAULT_ROW[np.newaxis].copy()
        data = np.frombuffer(text, np.uint8)
        count, _ = _match(
            data, 0, template.literals, template.bounds, template.columns, check
        )
        if count == 1 and np.array_equal(check[0], row):
            self.templates.append(template)


def _template(text: bytes, roles: list[str]) -> _Template | None:
    """Make a template of a spectrum; ``None`` where it holds more than tags."""
    open_: list[bytes] = []
    literals: list[bytes] = []
    columns: list[int] = []
    literal_from = after = array = 0
    for tag in _TAG.finditer(text):
        if text[after : tag.start()].strip():
            return None
        after = tag.end()
        closing, name, attributes, single = tag.groups()
        if closing:
            open_.pop()
            continue
        array += name == b"binaryDataArray"
        found = dict(_ATTRIBUTE.findall(attributes))
        role = roles[array - 1] if array else ""
        column = _column(name, open_[-1:], found, role)
        for match in _ATTRIBUTE.finditer(text, tag.start(), tag.end()):
            if match[1] in _VARYING:
                literals.append(text[literal_from : match.start(2)])
                columns.append(column if match[1] == b"value" else -1)
                literal_from = match.end(2)
        if not single:
            open_.append(name)
    literals.append(text[literal_from:])
    bounds = np.cumsum([0, *map(len, literals)])
    return _Template(
        np.frombuffer(b"".join(literals), np.uint8),
        bounds.astype(np.int64),
        np.array(columns, np.int64),
    )


def _column(
    name: bytes, parent: list[bytes], attributes: dict[bytes, bytes], role: str
) -> int:
    """Return which column of a row the value of a parameter fills, or -1."""
    accession = attributes.get(b"accession", b"").decode("latin-1")
    if name != b"cvParam":
        return -1
    if parent == [b"scan"]:
        return POSITION.get(accession, -1)
    if parent == [b"binaryDataArray"] and role and accession in STORAGE:
        return FIRST_COLUMN[role] + STORAGE[accession]
    return -1


@numba.njit(nogil=True, cache=True)
def _match(
    data: NDArray[np.uint8],
    start: int,
    literals: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    columns: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> tuple[int, int]:
    """Match spectra with a template; return their number and the place after them."""
    count = 0
    end = start
    while count < rows.shape[0]:
        place = end
        while place < data.size and (data[place] == 32 or 9 <= data[place] <= 13):
            place += 1
        for part in range(bounds.size - 1):
            low, high = bounds[part], bounds[part + 1]
            if place + high - low > data.size:
                return count, end
            for i in range(high - low):
                if data[place + i] != literals[low + i]:
                    return count, end
            place += high - low
            if part == columns.size:
                break
            first = place
            value = 0
            digits = True
            while place < data.size and data[place] != 34:
                byte = data[place]
                if byte == 60 or byte == 38:
                    return count, end
                if 48 <= byte <= 57:
                    value = 10 * value + (byte - 48)
                elif place != first or byte != 45:
                    digits = False
                place += 1
            if place == data.size:
                return count, end
            if columns[part] >= 0:
                # 48 bits hold 14 digits; what else there is goes to the parser.
                minus = data[first] == 45
                length = place - first - minus
                if not digits or length < 1 or length > 14:
                    return count, end
                rows[count, columns[part]] = -value if minus else value
        end = place
        count += 1
    return count, end
