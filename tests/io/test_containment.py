"""Names inside files lead nowhere but into their folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from nanoscape.errors import UnreadableFile
from nanoscape.io import read
from nanoscape.io.containment import inside

MHD = (
    "ObjectType = Image\nNDims = 3\nDimSize = 5 4 3\nElementType = MET_SHORT\n"
    "ElementSpacing = 1 1 2\nElementDataFile = {}\n"
)
NHDR = (
    "NRRD0004\ntype: short\ndimension: 3\nspace: LPS\nsizes: 5 4 3\n"
    "space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (0,0,0)\n"
    "endian: little\nencoding: raw\ndata file: {}\n\n"
)
HV = (
    "!INTERFILE :=\n!imaging modality := nucmed\nname of data file := {}\n"
    "!type of data := PET\nimagedata byte order := LITTLEENDIAN\n"
    "!number format := signed integer\n!number of bytes per pixel := 2\n"
    "number of dimensions := 3\n!matrix size [1] := 5\n!matrix size [2] := 4\n"
    "!matrix size [3] := 3\nscaling factor (mm/pixel) [1] := 1\n"
    "scaling factor (mm/pixel) [2] := 1\nscaling factor (mm/pixel) [3] := 2\n"
    "!END OF INTERFILE :=\n"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder beside samples that are not its own."""
    samples = np.arange(60, dtype="<i2").tobytes()
    (tmp_path / "secret.raw").write_bytes(samples)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "own.raw").write_bytes(samples)
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    (folder / "near.raw").symlink_to(folder / "own.raw")
    (folder / "out").symlink_to(tmp_path, target_is_directory=True)
    return folder


@pytest.mark.parametrize(
    ("name", "header"), [("a.mhd", MHD), ("a.nhdr", NHDR), ("a.hv", HV)]
)
def test_samples_lie_in_the_folder_of_their_header(
    name: str, header: str, place: Path
) -> None:
    path = place / name
    for own in ("own.raw", "near.raw"):
        path.write_text(header.format(own))
        (image,) = read(path)
        np.testing.assert_array_equal(image.data.compute().ravel(), np.arange(60))  # type: ignore[union-attr]
    path.write_text(header.format("link.raw"))
    with pytest.raises(UnreadableFile, match="outside its folder"):
        read(path)


@pytest.mark.parametrize(
    "name",
    [
        "../secret.raw",
        "..\\secret.raw",
        "out/secret.raw",
        "/etc/passwd",
        "link.raw",
        "",
        ".",
        "a\0b",
    ],
)
def test_names_that_lead_out(name: str, place: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"a\.mhd"):
        inside(place, name, place / "a.mhd")


def test_names_in_a_folder_and_below_it(place: Path) -> None:
    origin = place / "a.mhd"
    assert inside(place, "own.raw", origin) == (place / "own.raw").resolve()
    assert inside(place, "below\\c.raw", origin).name == "c.raw"


def test_links_inside_an_ome_zarr(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "optical/ome_zarr_synth/nuclei_v04.ome.zarr"
    path = tmp_path / "a.ome.zarr"
    shutil.copytree(source, path)
    for folder in [path, *path.rglob("*")]:
        folder.chmod(0o755)
    shutil.move(path / "s1", tmp_path / "s1")
    (path / "s1").symlink_to(tmp_path / "s1", target_is_directory=True)
    with pytest.raises(UnreadableFile, match="outside its folder"):
        read(path)
