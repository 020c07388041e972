"""What ``nanoscape info`` says of a file, as a person reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nanoscape.cli import main

MR = """\
{path}: Bruker ParaVision MR image
  FLASH 7: t 6 × z 5 × y 24 × x 32, float32
    pixel spacing in mm: z 1, y 0.5, x 0.5; size 5 × 12 × 16 mm; a frame every 12 s
    MR signal without a unit; space patient
    modality: MR
    sequence: Bruker:FLASH
    subject_position: Head_Prone
    echo_time_ms: 2.5
    repetition_time_ms: 100
"""


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["info", *words]) == 0
    return capsys.readouterr().out


def test_a_volume_is_told_in_millimetres_and_seconds(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(shared_data / "mri/bruker_synth/7/pdata/1/2dseq")
    assert said(capsys, path) == MR.format(path=path)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ct/dicom/CT_small.dcm", "    attenuation in HU; space patient"),
        ("ct/dicom_ct_seg/liver.dcm", "    labels; space patient"),
        ("nuclear/spect_nm_synth/spect_recon.dcm", "    counts; space patient"),
        ("msi/imzml_real/test.imzML", "    spectra; space test"),
        ("multimodal/ibsi_STS_002/PET/image", "    SUVbw in g/mL; space patient"),
        (
            "lightsheet/synth.ims",
            "    intensity without a unit; 2 resolutions; space synth",
        ),
        (
            "photoacoustic/synth/pa_5wl.ome.tif",
            "    pixel spacing in µm: y 100, x 100; size 10 × 12 mm",
        ),
        (
            "multimodal/ibsi_STS_002/CT/mask/RS.dcm",
            "  RTstruct: 16 regions (z y x) in space patient",
        ),
    ],
)
def test_quantities_and_sizes_have_units(
    name: str, line: str, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line in said(capsys, str(shared_data / name)).splitlines()


def test_a_file_that_belongs_to_another_leads_there(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shared_data / "msi/imzml_real/test.ibd"
    assert main(["info", str(path)]) == 2
    assert "Open test.imzML instead" in capsys.readouterr().err


def test_identifiers_are_left_to_programs(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(shared_data / "ct/dicom/CT_small.dcm")
    assert "uid" not in said(capsys, path)
    (image,) = json.loads(said(capsys, path, "--json"))["images"]
    assert "series_uid" in image["tags"]


def test_a_missing_pixel_size_is_asked_for_by_the_name_of_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bare.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8))
    assert main(["info", str(path)]) == 2
    assert "(--pixel-size)" in capsys.readouterr().err
    assert main(["info", str(path), "--pixel-size", "0.5um"]) == 0


def test_a_truncated_file_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.svs"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), description="Aperio Image")
    whole = path.read_bytes()
    # The directory lies at the end of what scanners write.
    path.write_bytes(whole[:4] + len(whole).to_bytes(4, "little") + whole[8:600])
    command = [sys.executable, "-m", "nanoscape", "info", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert len(told.stderr.splitlines()) == 1
    assert told.stderr.startswith("nanoscape: ")
