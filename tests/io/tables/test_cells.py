"""Sheets as cells, and what damaged or hostile ones come to."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from damaged import COPIES, damaged_copies

from nanoscape.errors import NanoscapeError, UnreadableFile
from nanoscape.io.tables import cells as cells_module
from nanoscape.io.tables.cells import place, read_cells

TEXT = "file;weight (g);group\r\nm1.tif;25,5;a\r\n\r\nm2.tif;24,0;b\r\n"


def workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    for row in (["file", "weight (g)"], ["m1.tif", 25.5], ["m2.tif", 24]):
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("row", "column", "name"),
    [(0, 0, "A1"), (3, 25, "Z4"), (0, 26, "AA1"), (9, 702, "AAA10")],
)
def test_places_are_named_as_spreadsheets_do(row: int, column: int, name: str) -> None:
    assert place(row, column) == name
    assert openpyxl.utils.get_column_letter(column + 1) + str(row + 1) == name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("start", ["", "sep=;\r\n"])
def test_text_in_the_encodings_that_excel_writes(
    tmp_path: Path, encoding: str, start: str
) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes((start + TEXT.replace("(g)", "µg")).encode(encoding))
    found = read_cells(path)
    assert found.delimiter == ";"
    assert [cell.value for cell in found.rows[0]] == ["file", "weight µg", "group"]
    last = found.rows[3][1]
    # An empty line counts, and so does the line that names the separator.
    assert (last.value, last.where) == ("24,0", "B5" if start else "B4")
    assert len(found.notes) == (encoding == "cp1252")


def test_quoted_cells_keep_separators_and_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text('file,note\nm1.tif,"a, b\nc"\n', encoding="utf-8")
    assert read_cells(path).rows[1][1].value == "a, b\nc"


def test_numbers_of_a_workbook_stay_numbers(tmp_path: Path) -> None:
    found = read_cells(workbook(tmp_path / "named.wrongly"))
    assert [cell.value for cell in found.rows[2]] == ["m2.tif", 24.0]


def test_only_the_first_sheet_that_is_filled_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title in ("study", "more"):
        book.create_sheet(title).append(["file", title])
    book.save(tmp_path / "sheet.xlsx")
    found = read_cells(tmp_path / "sheet.xlsx")
    assert found.rows[0][1].value == "study"
    assert found.notes == ("only the first sheet of sheet.xlsx, study, is read",)


def test_an_old_or_locked_workbook_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))
    with pytest.raises(UnreadableFile, match="Save it as XLSX or CSV"):
        read_cells(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "sheet.xlsx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.bin", bytes(2**20))
    assert path.stat().st_size < 2**15
    monkeypatch.setattr(cells_module, "_MOST_BYTES", 2**19)
    with pytest.raises(UnreadableFile, match="too large"):
        read_cells(path)


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    plain = workbook(tmp_path / "plain.xlsx")
    entities = b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet'
    path = replaced(plain, tmp_path / "sheet.xlsx", b"<worksheet", entities)
    with pytest.raises(UnreadableFile, match="entities"):
        read_cells(path)


def replaced(source: Path, target: Path, old: bytes, new: bytes) -> Path:
    """Write a workbook with something else in the XML of its sheet."""
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w") as after:
        for member in before.infolist():
            data = before.read(member)
            if member.filename.endswith("sheet1.xml"):
                assert old in data
                data = data.replace(old, new)
            after.writestr(member, data)
    return target


def test_a_small_workbook_that_merges_or_places_no_end_of_cells_is_refused(
    tmp_path: Path,
) -> None:
    plain = workbook(tmp_path / "plain.xlsx")
    merged = b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    path = replaced(plain, tmp_path / "merged.xlsx", b"</sheetData>", merged)
    with pytest.raises(UnreadableFile, match="merges too many"):
        read_cells(path)
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    path = replaced(plain, tmp_path / "far.xlsx", b"</sheetData>", far)
    with pytest.raises(UnreadableFile, match="as far out as A1048576"):
        read_cells(path)


def test_a_table_that_never_ends_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("a,b\n" + "1,2\n" * 50, encoding="utf-8")
    monkeypatch.setattr(cells_module, "_MOST_ROWS", 20)
    with pytest.raises(UnreadableFile, match="too large"):
        read_cells(path)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_damage_gives_cells_or_one_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"sheet.{kind}"
    if kind == "csv":
        path.write_bytes(TEXT.encode())
    else:
        workbook(path)
    outcomes = set()
    for copy in damaged_copies(path, tmp_path, count=COPIES, seed=5):
        try:
            read_cells(copy)
            outcomes.add("cells")
        except NanoscapeError:
            outcomes.add("error")
        assert list(copy.parent.iterdir()) == [copy]
    assert "error" in outcomes


def test_rows_that_are_only_formatted_do_not_matter(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(workbook(tmp_path / "plain.xlsx"))
    page = book.active
    page.row_dimensions[9].height = 30
    page["D7"].font = openpyxl.styles.Font(bold=True)
    chosen = openpyxl.worksheet.datavalidation.DataValidation("list", formula1='"a,b"')
    chosen.add("A2:A1048576")
    page.add_data_validation(chosen)
    page.conditional_formatting.add(
        "A1:XFD1048576",
        openpyxl.formatting.rule.ColorScaleRule(start_type="min", end_type="max"),
    )
    book.save(tmp_path / "sheet.xlsx")
    found = read_cells(tmp_path / "sheet.xlsx")
    filled = [[c.value for c in row if not c.is_empty] for row in found.rows]
    assert [row for row in filled if row] == [
        ["file", "weight (g)"],
        ["m1.tif", 25.5],
        ["m2.tif", 24.0],
    ]
