"""The scanner says what the XML parser says, of ordinary and of mutated headers."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spectrometry.test_imzml import RASTER, assert_same, make, only, param

from nanoscape.errors import NanoscapeError, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.spectrometry import imzml_scan
from nanoscape.io.spectrometry.imzml_header import ImzmlHeader
from nanoscape.io.spectrometry.imzml_scan import read_header

Edit = Callable[[str], str]


def nth(pattern: str, number: int, new: str) -> Edit:
    """Replace one of the places that match."""

    def edit(text: str) -> str:
        found = list(re.finditer(pattern, text))[number]
        return text[: found.start()] + found.expand(new) + text[found.end() :]

    return edit


def position(number: int, axis: int, value: str) -> Edit:
    return nth(
        rf'(IMS:100005{axis}" name="any") value="\d+"', number, rf'\1 value="{value}"'
    )


def stored(number: int, which: int, value: str) -> Edit:
    return nth(
        rf'(IMS:100010{which}" name="any") value="\d+"', number, rf'\1 value="{value}"'
    )


def both(one: Edit, other: Edit) -> Edit:
    return lambda text: other(one(text))


def beyond_the_end(text: str) -> str:
    """Place the last array that holds anything beyond the end of the file."""
    lengths = re.findall(r'IMS:1000103" name="any" value="(\d+)"', text)
    last = max(i for i, length in enumerate(lengths) if length != "0")
    return stored(last, 2, "99999")(text)


READABLE: dict[str, Edit] = {
    "as written": str,
    "unindented with CRLF": lambda t: t.replace("><", ">\r\n<"),
    "indented": lambda t: t.replace("><", ">\n\t <"),
    "BOM": lambda t: "\ufeff" + t,
    "declared": lambda t: '<?xml version="1.0" encoding="UTF-8"?>' + t,
    "float position": position(3, 0, "4.0"),
    "float position of the last": position(-1, 1, "3e0"),
    "float offset": stored(0, 2, "1.6e+01"),
    "spaces": position(5, 1, " 2 "),
    "plus": position(5, 1, "+2"),
    "entity in a value": nth(r"<spectrum>", 4, '<spectrum id="a&amp;b">'),
    "entity in a number": position(2, 0, "&#51;"),
    "comment": nth(r"<spectrum>", 4, "<!-- <spectrum> --><spectrum>"),
    "comment in front": lambda t: t.replace("<run>", "<!--<spectrum>--><run>"),
    "comment inside": nth(r"<scan>", 7, "<scan><!-- scan -->"),
    "names of attributes": lambda t: t.replace("<spectrum>", '<spectrum index="1">'),
    "one with more": nth(r"<scan>", 6, "<scan>" + param("MS:1000016", "3.5")),
    "single quotes": nth(r'value="(\d+)"', 9, r"value='\1'"),
    "single quotes everywhere": lambda t: t.replace('"', "'"),
    "every second with more": lambda t: re.sub(
        r"(</spectrum><spectrum>)(.*?</spectrum><spectrum>)",
        r'\1<userParam name="a"/>\2',
        t,
    ),
    "third array": lambda t: t.replace(
        "</binaryDataArrayList>",
        "<binaryDataArray><cvParam accession='MS:1002816' name='mobility'/>"
        "<cvParam accession='IMS:1000102' value='7'/></binaryDataArray>"
        "</binaryDataArrayList>",
    ),
    "third array in front": lambda t: t.replace(
        "<binaryDataArrayList>",
        '<binaryDataArrayList><binaryDataArray><cvParam accession="MS:1002816"/>'
        + param("IMS:1000102", 7)
        + "</binaryDataArray>",
    ),
    "position of a window": lambda t: t.replace(
        "</scan>", f"<scanWindow>{param('IMS:1000050', 9)}</scanWindow></scan>"
    ),
    "count": lambda t: t.replace("<spectrumList>", '<spectrumList count="12">'),
    "prefix": lambda t: re.sub(r"<(/?)(?=\w)", r"<\1m:", t).replace(
        "xmlns=", "xmlns:m="
    ),
    "after the run": lambda t: t.replace("</run>", "<chromatogramList/></run>"),
}
"""Each leaves the meaning of the file as it is."""


def as_values(header: ImzmlHeader) -> Any:
    return [
        value.tolist() if isinstance(value, np.ndarray) else str(value)
        for table in (header, header.mz, header.intensity)
        for value in (getattr(table, f.name) for f in dataclasses.fields(table))
        if not dataclasses.is_dataclass(value)
    ]


def outcome(path: Path, scan_from: int) -> Any:
    try:
        return as_values(read_header(path, scan_from))
    except UnreadableFile as error:
        return str(error)


@pytest.mark.parametrize("kind", READABLE)
@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("block", [2**24, 700])
def test_harmless_changes_change_nothing(
    kind: str,
    inline: bool,
    block: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imzml_scan, "SCAN_FROM", 0)
    monkeypatch.setattr(imzml_scan, "_BLOCK", block)
    path = tmp_path / "a.imzML"
    truth = make(path, RASTER, inline=inline, edit=READABLE[kind])
    header = read_header(path, 0)
    assert header.positions[:, :2].tolist() == [list(place) for place in RASTER]
    assert as_values(header) == as_values(read_header(path, 2**40))
    assert_same(only(path), truth)


def test_ordinary_spectra_are_not_parsed_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "a.imzML", RASTER)
    parsed = []
    slow = imzml_scan._Scan._unlike
    monkeypatch.setattr(
        imzml_scan._Scan, "_unlike", lambda *a: (parsed.append(a), slow(*a))
    )
    read_header(tmp_path / "a.imzML", 0)
    assert len(parsed) == 1


REFUSED: dict[str, tuple[Edit, str]] = {
    "no x": (nth('IMS:1000050"', 4, 'IMS:9"'), "spectrum 5 .*no position"),
    "no y": (nth('IMS:1000051"', 11, 'IMS:9"'), "spectrum 12 .*no position"),
    "empty position": (position(3, 0, ""), "spectrum 4 .*whole number"),
    "fraction": (position(3, 0, "1.5"), "spectrum 4 .*whole number"),
    "text": (position(8, 1, "two"), "spectrum 9 .*whole number"),
    "nan": (position(8, 1, "nan"), "spectrum 9 .*whole number"),
    "infinite": (stored(8, 3, "inf"), "spectrum 5 .*whole number"),
    "huge": (stored(8, 3, "9" * 30), "spectrum 5 .*whole number"),
    "far": (position(8, 1, "99999999"), "over a raster"),
    "same pixel": (position(1, 0, "1"), "several spectra at one pixel .y 1, x 1"),
    "beyond the end": (beyond_the_end, r"spectrum \d+ \(x \d, y \d\) ends at"),
    "no length": (nth('IMS:1000103"', 2, 'IMS:9"'), "spectrum 2 .*whole number"),
    "no offset": (nth('IMS:1000102"', 2, 'IMS:9"'), "spectrum 2 .*whole number"),
    "other type": (
        nth('<referenceableParamGroupRef ref="mz"/>', 5, param("MS:1000514")),
        "spectrum 6 .*number format",
    ),
    "third m/z": (nth('ref="int"', 6, 'ref="mz"'), "spectrum 7 .*one array"),
    "cut": (lambda t: t[: t.rindex("<spectrum>") + 60], "truncated"),
    "cut between spectra": (lambda t: t[: t.rindex("<spectrum>")], "truncated"),
    "cut at the end": (lambda t: t[:-1], "truncated"),
    "a stray tag": (nth("</scan>", 6, "</scan></scan>"), "damaged"),
    "a stray text": (nth("<spectrum>", 6, "<spectrum>&</spectrum><spectrum>"), "damag"),
    "an unknown entity": (nth("<spectrum>", 4, '<spectrum id="&a;">'), "damaged"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_harmful_changes_are_told_in_one_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imzml_scan, "SCAN_FROM", 0)
    edit, words = REFUSED[kind]
    path = tmp_path / "a.imzML"
    make(path, RASTER, edit=edit)
    assert outcome(path, 0) == outcome(path, 2**40)
    with pytest.raises(UnreadableFile, match=words) as caught:
        read(path)
    assert "a.i" in str(caught.value)


def test_lengths_that_differ_name_the_pixel(tmp_path: Path) -> None:
    def edit(text: str) -> str:
        found = list(re.finditer(r'IMS:1000103" name="any" value="(\d+)"', text))[6]
        count = int(found[1]) + 1
        bigger = stored(6, 3, str(count))
        return stored(6, 4, str(8 * count))(bigger(text))

    make(tmp_path / "a.imzML", RASTER, edit=edit)
    with pytest.raises(UnreadableFile, match=r"spectrum 4 \(x 4, y 1\)"):
        read(tmp_path / "a.imzML")


@pytest.mark.parametrize(
    ("wrong", "stored_as"),
    [
        ('MS:1000523" name="32-bit float', "f4"),
        ('MS:1000521" name="64-bit float', "f8"),
        ('MS:1000519" name="8-bit integer', "i1"),
    ],
)
def test_a_type_by_a_wrong_number_is_told_by_the_stored_bytes(
    wrong: str, stored_as: str, tmp_path: Path
) -> None:
    number = {"f4": "MS:1000521", "f8": "MS:1000523", "i1": "IMS:1100000"}[stored_as]

    def edit(text: str) -> str:
        group = text.index('id="int"')
        return text[:group] + text[group:].replace(f'{number}" name="any', wrong)

    path = tmp_path / "a.imzML"
    truth = make(path, RASTER, intensity=stored_as, edit=edit)
    opened = open_file(path)
    assert any("two number formats" in sentence for sentence in opened.warnings)
    assert_same(only(path), truth)


def test_two_types_of_equal_size_are_refused(tmp_path: Path) -> None:
    def edit(text: str) -> str:
        return text.replace(param("MS:1000521"), param("MS:1000521") * 2).replace(
            param("MS:1000521") * 2, param("MS:1000521") + param("MS:1000519")
        )

    make(tmp_path / "a.imzML", RASTER, edit=edit)
    with pytest.raises(UnreadableFile, match="contradictory number format"):
        read(tmp_path / "a.imzML")


def test_a_type_that_does_not_fit_the_stored_bytes_is_refused(tmp_path: Path) -> None:
    make(
        tmp_path / "a.imzML",
        RASTER,
        edit=lambda t: t.replace("MS:1000521", "MS:1000523"),
    )
    with pytest.raises(UnreadableFile, match=r"\(x \d, y \d\).*values of 8 bytes"):
        read(tmp_path / "a.imzML")


def test_offsets_that_wrapped_at_32_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.imzML"
    make(path, RASTER, edit=stored(3, 2, str(16 - 2**32)))
    header = read_header(path, 0)
    assert header.intensity.offsets[1] == 16
    assert as_values(header) == as_values(read_header(path, 2**40))


@pytest.mark.parametrize("right", [True, False])
def test_the_checksum_of_the_binary_file(right: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.imzML"
    make(path, RASTER)
    digest = hashlib.sha1(path.with_suffix(".ibd").read_bytes()).hexdigest()
    if not right:
        digest = digest[::-1]
    text = path.read_text("utf-8")
    place = text.index("</fileContent>")
    path.write_text(text[:place] + param("IMS:1000091", digest) + text[place:], "utf-8")
    assert any("SHA-1" in sentence for sentence in open_file(path).warnings) != right


def test_a_wrong_number_of_spectra_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.imzML"
    make(
        path,
        RASTER,
        edit=lambda t: t.replace("<spectrumList>", '<spectrumList count="9">'),
    )
    assert any("announces 9" in sentence for sentence in open_file(path).warnings)


def test_each_polarity_is_named(tmp_path: Path) -> None:
    edit = both(
        nth("<scan>", 0, "<scan>" + param("MS:1000130")),
        nth("<scan>", 5, "<scan>" + param("MS:1000129")),
    )
    make(tmp_path / "a.imzML", RASTER, edit=edit)
    assert read_header(tmp_path / "a.imzML", 0).polarities == {"positive", "negative"}


@pytest.mark.parametrize(
    ("count", "seed"), [(60, 0), pytest.param(1500, 1, marks=pytest.mark.slow)]
)
def test_random_damage_is_read_alike_or_refused(
    count: int, seed: int, tmp_path: Path
) -> None:
    """Whatever happens to the bytes, scanner and parser come to the same."""
    path = tmp_path / "a.imzML"
    make(path, RASTER)
    good = path.read_bytes()
    rng = random.Random(seed)
    for _ in range(count):
        text = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(text))
            if rng.random() < 0.5:
                text[place] = rng.choice(b"0123456789<>\"&/ ='ea.-\xff")
            else:
                del text[place : place + rng.randint(1, 30)]
        path.write_bytes(bytes(text))
        assert outcome(path, 0) == outcome(path, 2**40)
        try:
            for item in read(path, pixel_size=10.0):
                item.source.read(len(item) - 1)
        except NanoscapeError:
            pass
