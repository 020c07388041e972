"""Headers that lost a line: told, and not made up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read


def _copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755)
    return target


def test_a_header_of_inveon_that_lost_its_last_frame(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = _copy(shared_data / "nuclear/inveon_synth", tmp_path / "pet")
    header = folder / "mouse_fdg.img.hdr"
    text = header.read_text("latin-1")
    header.write_text(text[: text.index("frame 2")], "latin-1")
    with pytest.raises(UnreadableFile, match="announces 3 frames and describes 2"):
        read(header)


@pytest.mark.parametrize("name", ["zarr.json", "labels/nuclei/zarr.json"])
def test_an_ome_zarr_without_a_scale_has_no_pixel_size(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "optical/ome_zarr_synth/nuclei_v05.ome.zarr"
    path = _copy(source, tmp_path / "a.ome.zarr")
    metadata = json.loads((path / name).read_text("utf-8"))
    (image,) = metadata["attributes"]["ome"]["multiscales"]
    for dataset in image["datasets"]:
        del dataset["coordinateTransformations"]
    (path / name).write_text(json.dumps(metadata), "utf-8")
    with pytest.raises(MissingCalibration):
        read(path)
    assert read(path, pixel_size=0.5)


def test_a_reconstruction_of_bruker_without_slopes(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = _copy(shared_data / "mri/bruker_synth", tmp_path / "mri")
    parameters = folder / "7/pdata/1/visu_pars"
    text = parameters.read_text("latin-1").replace("VisuCoreDataSlope", "VisuCoreXX")
    parameters.write_text(text, "latin-1")
    said = open_file(folder / "7/pdata/1/2dseq").warnings
    assert any("as stored" in sentence for sentence in said)
