"""The study sheet: what it gives to which file, and what it reports."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import numpy as np
import openpyxl
import pydicom
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from nanoscape.cli import main
from nanoscape.errors import UnreadableFile, WrongInput
from nanoscape.io import write
from nanoscape.model import Edge, Image, ImageGroup, Quality, Study, Table, Tags
from nanoscape.model.transform import Affine
from nanoscape.workflow import Session
from nanoscape.workflow.sheet.columns import KNOWN, column_of
from nanoscape.workflow.sheet.reading import apply_sheet, read_sheet
from nanoscape.workflow.sheet.session import take_over
from nanoscape.workflow.sheet.template import write_template
from nanoscape.workflow.sources import add_file


def image(name: str) -> Image:
    return Image.from_array(
        np.arange(12, dtype="u2").reshape(3, 4), "yx", spacing=0.5, name=name
    )


def dicom(path: Path, *, weight_kg: float, subject: str) -> None:
    header = pydicom.Dataset()
    header.SOPClassUID = CTImageStorage
    header.SOPInstanceUID = generate_uid()
    header.SeriesInstanceUID = generate_uid()
    header.Modality, header.PatientID = "CT", subject
    header.PatientWeight = weight_kg
    header.AcquisitionDate, header.AcquisitionTime = "20260304", "103000"
    header.Rows = header.Columns = 2
    header.PixelSpacing, header.SliceThickness = [0.2, 0.2], 0.2
    header.ImagePositionPatient = [0, 0, 0]
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 0
    header.PixelData = bytes(8)
    header.file_meta = pydicom.dataset.FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two slides of the same name, a slide with two channels, and a CT."""
    root = tmp_path_factory.mktemp("written") / "study"
    study = Study(root)
    for animal in ("m1", "m2"):
        (root / animal).mkdir(parents=True)
        write(image("CD31"), root / animal / "slide.ome.tif")
        add_file(study, root / animal / "slide.ome.tif", ident=f"{animal}_slide")
    pair = ImageGroup(
        images=(image("CD31"), image("Drug")), coordinate="channel", name="pair"
    )
    write(pair, root / "pair.ome.zarr")
    add_file(study, root / "pair.ome.zarr", ident="pair")
    dicom(root / "ct.dcm", weight_kg=25.0, subject="PHANTOM")
    add_file(study, root / "ct.dcm", ident="ct")
    study.save()
    return root


@pytest.fixture
def study(written: Path, tmp_path: Path) -> Study:
    return Study.load(shutil.copytree(written, tmp_path / "study"))


def sheet(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "sheet.csv"
    path.write_bytes(text.encode(encoding))
    return path


def findings(report, problem: str) -> list[tuple[str, str]]:
    return [(f.where, f.sentence) for f in report.of(problem)]


def test_rows_give_tags_with_units_and_the_origin_sheet(study, tmp_path) -> None:
    path = sheet(
        tmp_path,
        "File Name,Animal,Group,weight (kg),Dose_MBq,residual [kBq],Injection time,"
        "Section thickness (nm),Position (mm),Lesion,Cage\n"
        "m1/slide.ome.tif,m1,treated,0.025,5,250,2026-03-04 09:15,10000,1.5,L1,007\n",
    )
    found = read_sheet(study, path)
    assert found.report.is_clean, found.report.text()
    apply_sheet(study, found)
    tags = study.sources["m1_slide"].tags
    assert dict(tags) == {
        "subject": "m1",
        "group": "treated",
        "weight_g": pytest.approx(25.0),
        "injected_dose": pytest.approx(5e6),
        "injected_dose_unit": "Bq",
        "residual_dose": pytest.approx(2.5e5),
        "injection_time": "2026-03-04T09:15:00",
        "section_thickness_um": pytest.approx(10.0),
        "section_position_um": pytest.approx(1500.0),
        "lesion": "L1",
        "cage": "007",
    }
    assert {tags.origin(name) for name in tags} == {"sheet"}
    assert findings(found.report, "note") == [
        ("sheet.csv", 'the column "Cage" is kept as the tag cage')
    ]
    assert [where for where, _ in findings(found.report, "no row")] == [
        "m2/slide.ome.tif",
        "pair.ome.zarr",
        "ct.dcm",
    ]
    assert not study.sources["m2_slide"].tags


@pytest.mark.parametrize(
    ("text", "ident"),
    [
        ("m2/slide.ome.tif", "m2_slide"),
        ("m2\\slide.ome.tif", "m2_slide"),
        ("study/m2/slide.ome.tif", "m2_slide"),
        ("M2/SLIDE", "m2_slide"),
        ("D:\\disk\\m2\\slide.ome.tif", "m2_slide"),
        ("m1_slide", "m1_slide"),
        ("ct", "ct"),
        ("pair", "pair"),
        ("slide.ome.tif", None),
        ("slide", None),
        ("m3/slide.ome.tif", None),
        ("m3/ct.dcm", None),
        ("D:\\m3\\ct.dcm", None),
    ],
)
def test_a_file_is_found_only_where_it_is_told_apart(
    study, tmp_path, text, ident
) -> None:
    found = read_sheet(study, sheet(tmp_path, f"file,group\n{text},treated\n"))
    assert list(found.sources) == ([] if ident is None else [ident])
    problems = found.report.of("no file") + found.report.of("ambiguous")
    assert len(problems) == (ident is None)


def test_a_weight_a_thousand_times_off_is_reported_and_the_sheet_wins(
    study, tmp_path
) -> None:
    path = sheet(tmp_path, "file,subject,weight (g)\nct.dcm,PHANTOM,25\n")
    found = read_sheet(study, path)
    assert findings(found.report, "contradiction") == [
        (
            "ct.dcm",
            "weight is 25 g in the sheet and 25000 g in the file, 1,000 times apart: "
            "one may be in another unit; the sheet's is used",
        )
    ]
    apply_sheet(study, found)
    assert Session(study)["ct"].tags["weight_g"] == 25.0


def test_what_agrees_with_the_header_is_no_contradiction(study, tmp_path) -> None:
    path = sheet(
        tmp_path,
        "file,subject,weight (kg),acquisition time\n"
        "ct.dcm,phantom,25.0,2026-03-04 10:30\n",
    )
    assert read_sheet(study, path).report.is_clean


def test_what_the_user_entered_stays_and_is_reported(study, tmp_path) -> None:
    source = study.sources.pop("ct")
    add_file(
        study, study.path_of(source), ident="ct", tags=Tags.of("user", group="control")
    )
    found = read_sheet(study, sheet(tmp_path, "file,group\nct.dcm,treated\n"))
    ((where, sentence),) = findings(found.report, "contradiction")
    assert where == "ct.dcm"
    assert "control, which was entered by hand, stays" in sentence
    apply_sheet(study, found)
    assert study.sources["ct"].tags["group"] == "control"


def test_a_dose_of_another_kind_contradicts_the_one_in_the_header(study) -> None:
    from nanoscape.workflow.sheet.check import compare_with_headers
    from nanoscape.workflow.sheet.report import Report

    report = Report()
    header = Tags.of("header", injected_dose=5e6, injected_dose_unit="Bq")
    ours = Tags.of("sheet", injected_dose=5e6, injected_dose_unit="mg/kg")
    compare_with_headers(study, {"ct": ours}, {}, {"ct": {"CT": header}}, report)
    ((_, sentence),) = findings(report, "contradiction")
    assert "5e+06 mg/kg in the sheet and 5e+06 Bq in the file" in sentence


def test_a_german_sheet_is_read_with_decimal_commas(study, tmp_path) -> None:
    path = sheet(
        tmp_path,
        "file;group;weight (g);section thickness (µm);injection time;dose (MBq)\n"
        "ct.dcm;Kontrolle;25,5;10;04.03.2026 9:15;1.234,5\n",
        "cp1252",
    )
    found = read_sheet(study, path)
    tags = found.sources["ct"]
    assert tags["weight_g"] == 25.5
    assert tags["section_thickness_um"] == 10.0
    assert tags["injection_time"] == "2026-03-04T09:15:00"
    assert tags["injected_dose"] == pytest.approx(1234.5e6)
    assert "taken for Windows text" in found.report.of("note")[0].sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file,group,weight (g)\nct.dcm,a,25,5\n", "more cells than there are"),
        ("file;weight (g);dose (MBq)\nct.dcm;25,5;1.5\n", "decimal commas.*B2.*C2"),
        ("file,group,treatment\nct.dcm,a,b\n", "columns that mean the same"),
        ("a,b\n1,2\n", "no row of headings"),
        ("\n \n", "is empty"),
        ("file,weight (g)\n\0\n", "is not text"),
    ],
)
def test_a_sheet_that_can_be_read_in_two_ways_is_refused(
    study, tmp_path, text, sentence
) -> None:
    with pytest.raises(UnreadableFile, match=sentence):
        read_sheet(study, sheet(tmp_path, text))


@pytest.mark.parametrize(
    ("heading", "value", "sentence"),
    [
        ("weight", "25", "no unit is given"),
        ("weight (g)", "heavy", "is not a number"),
        ("weight (g)", "-3", "cannot be"),
        ("weight (g)", "25 kg", "not that of the heading"),
        ("weight (stone)", "4", "'stone' is not known"),
        ("weight (g)", "<LOD", "is not a number"),
        ("dose", "5", "no unit is given"),
        ("dose (mbq)", "5", "'mbq' is not known"),
        ("injection time", "04/03/2026 10:00", "two different days"),
        ("injection time", "2026-03-04", "a day without a time"),
        ("injection time", "10:00", "a time without a day"),
        ("injection time", "45678.5", "is not a date and time"),
        ("injection time", "2026-03-04T10:00+01:00", "time zone"),
        ("injection time", "2026-02-30 10:00", "is not a date and time"),
        ("role", "Vessel", "is no role"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_by_its_cell(
    study, tmp_path, heading, value, sentence
) -> None:
    path = sheet(tmp_path, f"group,file,{heading}\na,ct.dcm,{value}\n")
    found = read_sheet(study, path)
    ((where, said),) = findings(found.report, "unreadable")
    assert where == "C2"
    assert sentence in said
    # The rest of the row counts.
    assert dict(found.sources["ct"]) == {"group": "a"}


def test_doses_take_their_unit_from_a_column_of_its_own(study, tmp_path) -> None:
    path = sheet(tmp_path, "file,dose unit,dose,residual,Dose_Unit2\nct,MBq,5,0.1,x\n")
    found = read_sheet(study, path)
    assert found.sources["ct"]["injected_dose"] == pytest.approx(5e6)
    assert found.sources["ct"]["residual_dose"] == pytest.approx(1e5)
    assert found.sources["ct"]["injected_dose_unit"] == "Bq"


def test_a_residual_does_not_change_the_unit_of_the_dose(study, tmp_path) -> None:
    path = sheet(
        tmp_path,
        "file,dose,residual\nct,5 MBq,1 mg\npair,,1 mg\nm1_slide,,1 MBq\n",
    )
    found = read_sheet(study, path)
    assert dict(found.sources["ct"]) == {
        "injected_dose": 5e6,
        "injected_dose_unit": "Bq",
    }
    assert not found.sources["pair"]
    assert found.sources["m1_slide"]["injected_dose_unit"] == "Bq"
    assert [where for where, _ in findings(found.report, "unreadable")] == ["C2", "C3"]


def test_a_sheet_may_have_nothing_but_columns_of_its_own(study, tmp_path) -> None:
    found = read_sheet(study, sheet(tmp_path, "file,cage no.\nct,12\n"))
    assert dict(found.sources["ct"]) == {"cage_no": "12"}


def test_three_digits_behind_a_mark_are_not_guessed(study, tmp_path) -> None:
    path = sheet(tmp_path, "file;weight (g)\nct.dcm;1.234\n")
    ((where, said),) = findings(read_sheet(study, path).report, "unreadable")
    assert (where, said) == ("B2", "weight (g): '1.234' may mean 1.234 or 1234")


def test_one_date_with_a_day_above_twelve_tells_the_order_of_all(
    study, tmp_path
) -> None:
    path = sheet(
        tmp_path,
        "file,injection time\nct.dcm,03/04/2026 10:00\npair,03/31/2026 10:00\n",
    )
    found = read_sheet(study, path)
    assert found.sources["ct"]["injection_time"] == "2026-03-04T10:00:00"


def test_a_workbook_keeps_dates_text_and_errors_apart(study, tmp_path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["Study of March"])
    page.append([])
    page.append(
        ["file", "subject", "section", "injection date", "injection time", "weight (g)"]
    )
    day = datetime.datetime(2026, 3, 4)
    page.append(["ct.dcm", 7, "1-2", day, datetime.time(9, 15), 25.5])
    page["D4"].number_format = "dd.mm.yyyy"
    page.append(["pair", "m2", datetime.datetime(2026, 2, 1), None, None, "=1/0"])
    page.append(["m1/slide", "m1", "s1", None, day, "=A1"])
    page["E6"].number_format = "dd.mm.yyyy"
    path = tmp_path / "sheet.xlsx"
    book.save(path)
    found = read_sheet(study, path)
    assert dict(found.sources["ct"]) == {
        "subject": "7",
        "section": "1-2",
        "injection_time": "2026-03-04T09:15:00",
        "weight_g": 25.5,
    }
    assert dict(findings(found.report, "unreadable")) == {
        "C5": "section: 2026-02-01 00:00:00 is a date: the spreadsheet may have "
        "changed what was typed; format the column as text",
        "F5": "weight (g): a formula whose value was not saved",
        "E6": "injection time: 2026-03-04 is a day without a time",
        "F6": "weight (g): a formula whose value was not saved",
    }


def test_what_the_format_of_a_cell_shows_counts(study, tmp_path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["file", "subject", "group", "weight (g)", "weight", "uptake (%ID/g)"])
    page["E1"] = "dose"
    page.append(["ct", "m1", "treated", 25, 5])
    page.append(["pair", "m1", None, 0.025, 5])
    page.append([None, "m1", None, None, None, 0.055])
    page["D3"].number_format = '0.000" kg"'
    page["E2"].number_format = '0.0 "MBq"'
    page["F4"].number_format = "0.0%"
    page.merge_cells("C2:C4")
    book.save(tmp_path / "sheet.xlsx")
    found = read_sheet(study, tmp_path / "sheet.xlsx")
    assert found.sources["ct"]["injected_dose"] == 5e6
    assert found.sources["pair"]["group"] == "treated"
    assert found.table.data["group"].tolist() == ["treated"]
    assert found.table.data["uptake_percent_id_per_g"].tolist() == [pytest.approx(5.5)]
    assert dict(findings(found.report, "unreadable")) == {
        "D3": "weight (g): the unit kg is not that of the heading, g",
        "E3": "dose: no unit is given, neither in the heading nor here: a dose such as "
        "5 MBq or 2 mg/kg",
    }
    assert "merged cells" in found.report.of("note")[0].sentence


def test_rows_for_single_images_and_roles(study, tmp_path) -> None:
    path = sheet(
        tmp_path,
        "file,image,role,subject\npair,drug,drug,m1\npair,CD31,Vessels,m1\n"
        "pair,CD34,Vessels,m1\n",
    )
    found = read_sheet(study, path)
    apply_sheet(study, found)
    session = Session(study)
    session.open_all()
    assert session["pair/Drug"].tags["role"] == "Drug"
    assert session["pair/CD31"].tags["role"] == "Vessels"
    assert findings(found.report, "no file") == [
        ("row 4", "pair.ome.zarr has no image CD34, but CD31, Drug")
    ]


def test_a_role_for_several_images_at_once_is_not_taken_over(study, tmp_path) -> None:
    found = read_sheet(study, sheet(tmp_path, "file,role,group\npair,Drug,a\n"))
    assert dict(found.sources["pair"]) == {"group": "a"}
    assert findings(found.report, "ambiguous")[0][0] == "B2"


def test_rows_that_contradict_each_other_are_reported(study, tmp_path) -> None:
    path = sheet(
        tmp_path,
        "file,subject,group\nct,m1,a\nct,m1,b\npair,m2,a\nm2_slide,m2,b\nct,m1,a\n",
    )
    found = read_sheet(study, path)
    assert sorted(found.sources) == ["m2_slide", "pair"]
    assert [w for w, _ in findings(found.report, "ambiguous")] == ["row 3"]
    assert [w for w, _ in findings(found.report, "contradiction")] == ["C3", "C5"]
    assert found.report.used == 2


def test_outlines_are_tied_to_the_image_they_were_drawn_on(study, tmp_path) -> None:
    found = read_sheet(
        study, sheet(tmp_path, "file,drawn on\nct,m1/slide.ome.tif\npair,nowhere\n")
    )
    assert found.sources["ct"]["drawn_on"] == "m1_slide"
    assert findings(found.report, "unreadable")[0][0] == "B3"


def test_alignments_follow_an_animal_that_gets_another_name(study, tmp_path) -> None:
    session = Session(study)
    session.open_all()
    assert session["ct"].space == "PHANTOM/patient"
    place = Affine.identity("yx")
    study.set_edge(
        Edge(
            moving="m1_slide",
            fixed="PHANTOM/patient",
            transform=place,
            quality=Quality("rigid"),
        )
    )
    path = sheet(tmp_path, "file,subject\nct,m1\n")
    changed = take_over(session, read_sheet(study, path))
    assert changed == ["ct"]
    assert session["ct"].space == "m1/patient"
    assert study.edges[0].fixed == "m1/patient"
    study.save()
    assert Session.load(study.root)["ct"].space == "m1/patient"


def test_amounts_without_a_file_become_a_table(study, tmp_path) -> None:
    path = sheet(
        tmp_path,
        "Mouse,Lesion,Section,organ,uptake (%ID/g),Pt [µg/g]\n"
        "m1,L1,,tumour,5.5,0.2\nm2,L1,s1,liver,12,n/a\n,L1,,lung,1,2\n",
    )
    found = read_sheet(study, path)
    table = found.table
    assert list(table.data.columns) == [
        "subject", "lesion", "section", "organ",
        "uptake_percent_id_per_g", "pt_ug_per_g",
    ]  # fmt: skip
    assert table.data["uptake_percent_id_per_g"].tolist() == [5.5, 12.0]
    assert np.isnan(table.data["pt_ug_per_g"][1])
    assert dict(table.tags) == {"sheet": "sheet.csv", "lesion": "L1"}
    assert findings(found.report, "no file") == [
        ("row 4", "it names neither a file nor an animal")
    ]
    assert not found.report.of("no row")


def test_amounts_with_a_column_of_units(study, tmp_path) -> None:
    path = sheet(
        tmp_path,
        "subject;organ;amount;unit\nm1;liver;5,5;%ID/g\nm1;blood;2;ng/mL\n"
        "m1;lung;3;furlong\nm1;spleen;3;\n",
    )
    found = read_sheet(study, path)
    frame = found.table.data
    assert frame["amount_percent_id_per_g"].tolist()[0] == 5.5
    assert frame["amount_ng_per_ml"].tolist()[1] == 2.0
    assert [w for w, _ in findings(found.report, "unreadable")] == ["C4", "C5"]


def test_the_command_imports_reports_and_saves(study, tmp_path, capsys) -> None:
    path = sheet(
        tmp_path,
        "file,subject,group,uptake (%ID/g)\nct.dcm,PHANTOM,a,\nnone.tif,m9,a,\n"
        ",m1,,5.5\n",
    )
    assert main(["sheet", str(study.root), str(path), "--check"]) == 1
    assert "group" not in Study.load(study.root).sources["ct"].tags
    assert main(["sheet", str(study.root), str(path)]) == 1
    said = capsys.readouterr().out
    assert "2 of 3 rows fit the study." in said
    assert "  row 3: none.tif is not in the study" in said
    again = Session.load(study.root)
    assert again.study.sources["ct"].tags["group"] == "a"
    table = again["sheet"]
    assert isinstance(table, Table)
    assert table.data["uptake_percent_id_per_g"].tolist() == [5.5]
    # The same sheet again gives the same table, not a second one.
    assert main(["sheet", str(study.root), str(path)]) == 1
    assert list(Study.load(study.root).drawn) == ["sheet"]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_template_comes_back_as_it_was(study, tmp_path, suffix, capsys) -> None:
    first = sheet(
        tmp_path,
        "file,image,subject,section,weight (g),dose (MBq),injection time,role\n"
        "ct.dcm,,PHANTOM,1-2,25000,5,2026-03-04 09:15,\npair,CD31,m1,,,,,Vessels\n"
        "m1_slide,,=1+1,,,,,\n",
    )
    apply_sheet(study, read_sheet(study, first))
    before = study.to_dict()["sources"]
    study.save()
    out = tmp_path / f"template{suffix}"
    assert main(["sheet", str(study.root), "--template", str(out)]) == 0
    found = read_sheet(study, out)
    assert found.report.is_clean, found.report.text()
    assert found.report.used == found.report.rows == 5
    apply_sheet(study, found)
    assert study.to_dict()["sources"] == before
    with pytest.raises(WrongInput, match="exists already"):
        write_template(study, out)


def test_a_template_runs_no_formula(study, tmp_path) -> None:
    apply_sheet(study, read_sheet(study, sheet(tmp_path, "file,subject\nct,=1+1\n")))
    write_template(study, tmp_path / "t.xlsx")
    cells = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert [c.data_type for c in cells["C"] if c.value == "=1+1"] == ["s"]
    write_template(study, tmp_path / "t.csv")
    assert "'=1+1" in (tmp_path / "t.csv").read_text("utf-8")


@pytest.mark.parametrize(
    "heading",
    ["Pixel size (µm)", "pixel_size_um", "Scan speed [µm/s]", "scan_speed_um_per_s",
     "spot size µm", "Resample"],
)  # fmt: skip
def test_how_a_file_is_read_is_no_tag(heading: str, study, tmp_path) -> None:
    path = sheet(tmp_path, f"file,subject,{heading}\nct,m1,40\n")
    found = read_sheet(study, path)
    assert set(found.sources["ct"]) == {"subject"}
    assert findings(found.report, "note") == [
        (
            "sheet.csv",
            f'the column "{heading}" is not used: how a file is read is said when it '
            "is opened",
        )
    ]


def test_only_these_columns_are_about_reading() -> None:
    for heading in ("resample notes", "pixel", "size (µm)", "spot"):
        assert column_of(heading).kind == "text"


def test_the_manual_lists_every_column() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
    for known in KNOWN:
        assert any(f"| {heading} |" in manual for heading in known.headings), known.tag


def test_every_heading_means_one_column() -> None:
    headings = [heading for known in KNOWN for heading in known.headings]
    assert len(set(headings)) == len(headings)
    for known in KNOWN:
        for heading in known.headings:
            assert column_of(heading.upper().replace(" ", "_")).tag == known.tag
