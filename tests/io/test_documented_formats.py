"""The table of formats in the documentation has a row for each format, and no other."""

from __future__ import annotations

from pathlib import Path

from nanoscape.io import FORMATS

MANUAL = Path(__file__).parents[2] / "docs" / "formats.md"
DICOM = (
    "DICOM CT",
    "Enhanced DICOM",
    "Siemens mosaic",
    "DICOM NM",
    "DICOM ultrasound",
    "DICOM SEG",
    "DICOM RTSTRUCT",
)
ROWS = {
    "dicom": DICOM,
    "ome-tiff": ("OME-TIFF", "Photoacoustic images"),
    "slide": ("whole slides",),
    "tiff": ("TIFF, ImageJ hyperstack", "MIBI TIFF"),
    "czi": ("Zeiss CZI",),
    "nd2": ("Nikon ND2",),
    "lif": ("Leica LIF",),
    "olympus": ("Olympus OIB, OIF",),
    "imaris": ("Imaris IMS",),
    "bdv": ("BigDataViewer",),
    "ome-zarr": ("OME-Zarr",),
    "nifti": ("NIfTI",),
    "metaimage": ("MetaImage",),
    "nrrd": ("NRRD",),
    "mgh": ("FreeSurfer MGH",),
    "parrec": ("Philips PAR/REC",),
    "bruker": ("Bruker ParaVision",),
    "imzml": ("imzML",),
    "inveon": ("Siemens Inveon",),
    "interfile": ("Interfile",),
    "ecat": ("ECAT 7",),
    "msot": ("Photoacoustic images",),
    "imc-mcd": ("Imaging mass cytometry (`.mcd`)",),
    "imc-txt": ("Imaging mass cytometry (`.txt`)",),
    "laicpms-lines": ("LA-ICP-MS lines",),
    "laicpms-icap": ("LA-ICP-MS export of Qtegra",),
    "laicpms-npz": ("LA-ICP-MS archive of pewlib",),
    "laicpms-nu": ("LA-ICP-MS of Nu Vitesse",),
    "tofwerk": ("Tofwerk icpTOF",),
    "laicpms-matrix": ("LA-ICP-MS matrix",),
    "geojson": ("GeoJSON",),
    "imagej-roi": ("ImageJ selections",),
    "bigwarp": ("BigWarp landmarks",),
    "elastix-points": ("elastix, transformix points",),
    "arterial-input": ("Arterial input (CSV)",),
    "parquet": ("Table or points (Parquet)",),
    "picture": ("PNG, JPEG",),
    "landmarks": ("Landmarks (CSV)",),
    "lists": ("Standards or ions (CSV)",),
    "points": ("Points (CSV)",),
}


def documented() -> list[list[str]]:
    text = MANUAL.read_text("utf-8").partition("## What is read")[2]
    table = text.partition("*Synthetic* files")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_format_has_its_row_and_every_row_its_format() -> None:
    assert sorted(ROWS) == sorted(form.name for form in FORMATS)
    rows = [cells[0] for cells in documented()]
    assert len(set(rows)) == len(rows)
    named = {start for starts in ROWS.values() for start in starts}
    assert [r for r in rows if not any(r.startswith(start) for start in named)] == []
    assert [n for n in named if not any(row.startswith(n) for row in rows)] == []


def test_every_row_says_all_that_is_to_be_said() -> None:
    for cells in documented():
        assert len(cells) == 6, cells[0]
        assert all(cells), cells[0]
