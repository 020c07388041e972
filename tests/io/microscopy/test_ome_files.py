"""OME-TIFF over several files, with a companion, and with several positions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from nanoscape.errors import UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.model import Image, ImageGroup

RNG = np.random.default_rng(12)
DATA = RNG.integers(0, 250, (2, 3, 20, 30)).astype(np.uint16)
NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def uuid(number: int) -> str:
    return f"urn:uuid:00000000-0000-0000-0000-{number:012d}"


def metadata(names: list[str], own: int | None) -> str:
    """Describe two channels of three planes, one channel in each file."""
    planes = "".join(
        f'<TiffData FirstC="{c}" FirstZ="{z}" FirstT="0" IFD="{z}" PlaneCount="1">'
        f'<UUID FileName="{names[c]}">{uuid(c)}</UUID></TiffData>'
        for c in range(2)
        for z in range(3)
    )
    mark = "" if own is None else f' UUID="{uuid(own)}"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}"{mark}>'
        '<Image ID="Image:0" Name="a"><Pixels ID="Pixels:0" Type="uint16" SizeX="30" '
        'SizeY="20" SizeZ="3" SizeC="2" SizeT="1" DimensionOrder="XYZCT" '
        'PhysicalSizeX="500" PhysicalSizeXUnit="nm" PhysicalSizeY="500" '
        'PhysicalSizeYUnit="nm" PhysicalSizeZ="2" PhysicalSizeZUnit="µm">'
        '<Channel ID="Channel:0:0" Name="DAPI" SamplesPerPixel="1" '
        'EmissionWavelength="461" Fluor="DAPI"/>'
        '<Channel ID="Channel:0:1" Name="CD31" SamplesPerPixel="1" '
        'EmissionWavelength="0.67" EmissionWavelengthUnit="µm"/>'
        f"{planes}</Pixels></Image></OME>"
    )


def write(path: Path, data: np.ndarray[Any, Any], description: str) -> None:
    tifffile.imwrite(
        path,
        data,
        description=description.encode(),
        metadata=None,
        photometric="minisblack",
    )


def check(path: Path) -> None:
    opened = open_file(path)
    assert opened.warnings == ()
    (group,) = opened.objects
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == ["DAPI", "CD31"]
    assert [image.tags["emission_nm"] for image in group] == pytest.approx([461, 670])
    assert group.images[0].tags["fluorophore"] == "DAPI"
    for channel, image in enumerate(group):
        assert image.spacing == pytest.approx({"z": 2.0, "y": 0.5, "x": 0.5})
        np.testing.assert_array_equal(image.data.compute(), DATA[channel])


def test_an_image_over_two_files(tmp_path: Path) -> None:
    names = ["a_C0.ome.tif", "a_C1.ome.tif"]
    for own, name in enumerate(names):
        write(tmp_path / name, DATA[own], metadata(names, own))
    for name in names:
        check(tmp_path / name)
    (tmp_path / names[1]).unlink()
    with pytest.raises(UnreadableFile, match=r"goes on in a_C1.ome.tif, which is miss"):
        read(tmp_path / names[0])


def test_images_that_lie_in_files_of_their_own(tmp_path: Path) -> None:
    names = ["a_s0.ome.tif", "a_s1.ome.tif"]
    images = "".join(
        f'<Image ID="Image:{n}" Name="site {n}"><Pixels ID="Pixels:{n}" Type="uint16" '
        'SizeX="30" SizeY="20" SizeZ="3" SizeC="1" SizeT="1" DimensionOrder="XYZCT" '
        f'PhysicalSizeX="{n + 1}" PhysicalSizeY="{n + 1}" PhysicalSizeZ="2"><Channel '
        f'ID="Channel:{n}:0" SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="3">'
        f'<UUID FileName="{names[n]}">{uuid(n)}</UUID></TiffData></Pixels></Image>'
        for n in range(2)
    )
    for own, name in enumerate(names):
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}" '
            f'UUID="{uuid(own)}">{images}</OME>'
        )
        write(tmp_path / name, DATA[own], text)
    for name in names:
        found = read(tmp_path / name)
        assert len(found) == 2
        for number, image in enumerate(found):
            assert isinstance(image, Image)
            assert image.name.endswith(f"site {number}")
            assert image.spacing["x"] == number + 1
            np.testing.assert_array_equal(image.data.compute(), DATA[number])


def test_a_file_alone_of_two_misses_planes(tmp_path: Path) -> None:
    names = ["a_C0.ome.tif", "a_C1.ome.tif"]
    write(tmp_path / names[0], DATA[0], metadata(names, 0))
    with pytest.raises(UnreadableFile, match=r"misses plane 4 of 6"):
        read(tmp_path / names[0])


def binary_only(folder: Path, names: list[str]) -> None:
    for own, name in enumerate(names):
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}" '
            f'UUID="{uuid(own)}"><BinaryOnly MetadataFile="a.companion.ome" '
            f'UUID="{uuid(9)}"/></OME>'
        )
        write(folder / name, DATA[own], text)


def test_a_companion_tells_what_the_files_are(tmp_path: Path) -> None:
    names = ["a_C0.ome.tif", "a_C1.ome.tif"]
    binary_only(tmp_path, names)
    (tmp_path / "a.companion.ome").write_text(metadata(names, None), "utf-8")
    for name in names:
        check(tmp_path / name)


def test_without_its_companion_a_file_is_a_plain_one(tmp_path: Path) -> None:
    binary_only(tmp_path, ["a.ome.tif", "b.ome.tif"])
    opened = open_file(tmp_path / "a.ome.tif", pixel_size=0.5)
    assert "a.companion.ome, which is not beside it" in opened.warnings[0]
    (image,) = opened.objects
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), DATA[0])


@pytest.mark.parametrize("name", ["../b.ome.tif", "/etc/b.ome.tif"])
def test_files_of_other_folders_are_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.ome.tif", DATA[0], metadata(["a.ome.tif", name], 0))
    with pytest.raises(UnreadableFile, match="outside its folder"):
        read(folder / "a.ome.tif")
    binary_only(folder, ["b.ome.tif"])
    (folder / "a.companion.ome").write_text(metadata(["b.ome.tif", name], None))
    with pytest.raises(UnreadableFile, match="outside its folder"):
        read(folder / "b.ome.tif")


def test_positions_of_the_stage_are_images_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        for number in range(3):
            file.write(
                DATA[0, number],
                metadata={
                    "axes": "YX",
                    "Name": f"position {number}",
                    "PhysicalSizeX": 0.5,
                    "PhysicalSizeY": 0.5,
                    "Plane": {
                        "PositionX": [0.1 * number],
                        "PositionXUnit": ["mm"],
                        "PositionY": [7.0],
                        "PositionYUnit": ["µm"],
                    },
                },
            )
    images = read(path)
    assert len(images) == 3
    for number, image in enumerate(images):
        assert isinstance(image, Image)
        assert image.space == image.name == f"a position {number}"
        assert image.tags["stage_x_um"] == pytest.approx(100.0 * number)
        assert image.tags["stage_y_um"] == pytest.approx(7.0)
        np.testing.assert_array_equal(image.data.compute(), DATA[0, number])


REMAINING = {
    "optical/ome_tiff/multifile-Z2.ome.tiff": None,
    "optical/ome_tiff/multifile-Z3.ome.tiff": None,
    "optical/ome_tiff/multifile-Z5.ome.tiff": None,
    "optical/nuclei_gt/mask2d.tif": 0.5,
    "optical/nuclei_gt/img3d.tif": 0.5,
}


@pytest.mark.parametrize("name", REMAINING)
def test_planes_equal_the_reference(name: str, shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[name]
    (image,) = read(shared_data / name, pixel_size=REMAINING[name])
    assert isinstance(image, Image)
    values = image.data.compute()
    assert list(values.shape) == truth["shape"]
    assert values.dtype == truth["dtype"]
    assert values.sum(dtype=np.float64) == truth["sum"]
    assert (values.min(), values.max()) == (truth["min"], truth["max"])


def test_drawn_vessels_equal_the_reference(shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))
    known = truth["optical/vessels_synth"]
    folder = shared_data / "optical/vessels_synth"
    (vessels,) = read(folder / "vessels.ome.tif")
    assert isinstance(vessels, Image)
    values = vessels.data.compute()
    assert list(values.shape) == known["shape"]
    assert values.dtype == known["dtype"]
    assert values.sum(dtype=np.float64) == known["sum"]
    assert list(vessels.spacing.values()) == known["scale_um"]
    (labels,) = read(folder / "vessels_labels.ome.tif")
    assert isinstance(labels, Image)
    # A voxel measures 2 µm³.
    volume = float((labels.data.compute() > 0).sum()) * np.prod(known["scale_um"])
    assert volume == known["volume_um3"]
