"""Any file at all: recognised by content, or refused in one sentence."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile

from nanoscape.errors import MissingCalibration, UnreadableFile, WrongInput
from nanoscape.io import FORMATS, describe, read, recognise, write
from nanoscape.model import Image, Landmarks, Regions

RNG = np.random.default_rng(1)
BROKEN = (
    "optical/ome_tiff_synth/pyramid.ome.tif",
    "optical/ome_tiff_synth/imagej_tzcyx.tif",
    "optical/wsi/cmu-1-small-region.svs",
    "mri/nifti/functional.nii",
    "multimodal/ibsi_STS_002/nifti/CT_mask.nii.gz",
    "ct/dicom/CT_small.dcm",
    "mri/dicom/MR_small_RLE.dcm",
    "msi/imzml_real/test.imzML",
)


def consume(path: Path) -> None:
    """Open a file and read every sample of it."""
    for item in read(path, pixel_size=1.0):
        if isinstance(item, Image):
            item.data.compute()


def test_importing_the_room_is_light() -> None:
    code = (
        "import sys, nanoscape.io; "
        "print([m for m in ('numpy', 'dask', 'tifffile', 'zarr') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "attributes"),
    [("stack.n5", None), ("stack", '{"n5": "2.5.1"}'), ("s0", '{"blockSize": [64]}')],
)
def test_n5_is_refused_in_one_sentence(
    name: str, attributes: str | None, tmp_path: Path
) -> None:
    folder = tmp_path / name
    (folder / "0").mkdir(parents=True)
    if attributes:
        (folder / "attributes.json").write_text(attributes)
    with pytest.raises(UnreadableFile, match="N5 is not read: convert it to OME-Zarr"):
        read(folder)


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    shutil.make_archive(
        str(tmp_path / "series"), "zip", Path(__file__).parent / "tables"
    )
    with pytest.raises(UnreadableFile, match="Unpack it, and open the folder"):
        read(tmp_path / "series.zip")


def test_a_folder_with_nothing_in_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    with pytest.raises(UnreadableFile, match="is an empty folder"):
        read(tmp_path / "series")


def test_names_of_formats_are_unique() -> None:
    assert len({f.name for f in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"hello, world\n", b"II*\0", b"<mzML>"]
)
@pytest.mark.parametrize(
    "name",
    ["a.ome.tif", "a.tif", "a.nii", "a.nii.gz", "a.dcm", "a.imzML", "a.csv", "a"],
)
def test_files_that_are_not_what_they_are_called(
    name: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=name):
        read(path)


@pytest.mark.parametrize("name", [f.name for f in FORMATS])
def test_a_format_that_is_forced_upon_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(RNG.bytes(2000))
    with pytest.raises((UnreadableFile, MissingCalibration)):
        read(path, format=name)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        (name, part)
        for name in BROKEN
        for part in (0.001, 0.02, 0.3, 0.6, 0.9, 0.999)
        # The DICOM files end with padding, of which nothing is missed.
        if not (name.endswith(".dcm") and part > 0.99)
    ],
)
def test_a_truncated_file_is_told(
    name: str, part: float, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / name
    path = tmp_path / source.name
    content = source.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    twin = source.with_suffix(".ibd")
    if twin.exists():
        shutil.copy(twin, tmp_path)
    with pytest.raises(UnreadableFile, match=source.name.replace(".", r"\.")):
        consume(path)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("name", BROKEN)
def test_flipped_bytes_never_raise_anything_else(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / name
    path = tmp_path / source.name
    content = bytearray(source.read_bytes())
    twin = source.with_suffix(".ibd")
    if twin.exists():
        shutil.copy(twin, tmp_path)
    generator = np.random.default_rng(4)
    refused = 0
    for _ in range(12):
        damaged = bytearray(content)
        for place in generator.integers(0, min(len(content), 400), 20):
            damaged[place] = generator.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            consume(path)
        except (UnreadableFile, MissingCalibration):
            refused += 1
    assert refused > 0


@pytest.mark.parametrize(
    "victim", ["zarr.json", "s0/zarr.json", "labels/nuclei/zarr.json"]
)
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"attributes": 3}', None])
def test_damaged_ome_zarr(
    victim: str, content: bytes | None, shared_data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.ome.zarr"
    shutil.copytree(shared_data / "optical/ome_zarr_synth/nuclei_v05.ome.zarr", path)
    for file in path.rglob("*"):
        file.chmod(0o755)
    if content is None:
        (path / victim).unlink()
    else:
        (path / victim).write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"a\.ome\.zarr"):
        consume(path)


def test_missing_paths_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="does not exist"):
        read(tmp_path / "nothing.tif")
    (tmp_path / "notes.md").write_text("nothing to be seen")
    with pytest.raises(UnreadableFile, match="folder that no reader recognises"):
        read(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing to see")
    (tmp_path / "notes.md").write_text("nothing to be seen")
    with pytest.raises(UnreadableFile, match="folder that no reader recognises"):
        describe(tmp_path)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_pixel_size_is_positive(size: float, tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="pixel size"):
        read(tmp_path, pixel_size=size)


def test_an_unknown_format_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 5), np.uint8))
    with pytest.raises(WrongInput, match="ome-zarr"):
        read(path, format="jpeg")


def test_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    volume = nibabel.Nifti1Image(np.ones((3, 4, 5), np.uint8), np.eye(4))
    nibabel.save(volume, tmp_path / "a.nii")
    path = (tmp_path / "a.nii").rename(tmp_path / "a.tif")
    found = recognise(path)
    assert found is not None
    assert found.name == "nifti"


def test_landmarks_come_back(tmp_path: Path) -> None:
    pairs = Landmarks(
        moving=RNG.normal(size=(5, 3)),
        fixed=RNG.normal(size=(5, 3)),
        moving_space="moving",
        fixed_space="fixed",
        axes="zyx",
        names=("a", "b, c", "d", "e", "f"),
    )
    (found,) = read(write(pairs, tmp_path / "pairs.csv"))
    assert isinstance(found, Landmarks)
    np.testing.assert_array_equal(found.moving, pairs.moving)
    np.testing.assert_array_equal(found.fixed, pairs.fixed)
    assert found.names == pairs.names
    assert found.axes == "zyx"


def test_a_row_of_landmarks_that_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("name,a_y_um,a_x_um,b_y_um,b_x_um\nL1,1,2,3\n")
    with pytest.raises(UnreadableFile, match="not complete"):
        read(path)


def test_regions_of_an_image(tmp_path: Path) -> None:
    square = [[10.5, 20.5], [30.5, 20.5], [30.5, 40.5], [10.5, 40.5], [10.5, 20.5]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [square]},
        "properties": {"classification": {"name": "Tumour"}},
    }
    path = tmp_path / "regions.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(path)
    (regions,) = read(path, pixel_size=0.5)
    assert isinstance(regions, Regions)
    assert regions.names == ("Tumour",)
    # The corner of pixel (20, 10) is half a pixel before its centre.
    truth = np.array([[20, 10], [20, 30], [40, 30], [40, 10]]) * 0.5
    np.testing.assert_allclose(regions.polygons[0], truth)
