"""ND2 from an instrument; LIF, OIB and OIF synthetic, byte by byte."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from microscope_writers import (
    compound_file,
    lif_image,
    write_lif,
    write_oib,
    write_oif,
)

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.microscopy.compound import check_compound
from nanoscape.model import Image, ImageGroup

pytest.importorskip("liffile")
pytest.importorskip("nd2")
pytest.importorskip("oiffile")

RNG = np.random.default_rng(8)


def values(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return RNG.integers(0, 250, shape).astype(dtype)


@pytest.mark.parametrize("name", ["multichannel", "zstack"])
def test_nd2_equals_the_reference(name: str, shared_data: Path) -> None:
    path = f"optical/nd2/example-{name}.nd2"
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[path]
    (item,) = read(shared_data / path)
    images = list(item) if isinstance(item, ImageGroup) else [item]
    first = images[0]
    assert isinstance(first, Image)
    found = np.stack([image.data.compute() for image in images])
    found = found if isinstance(item, ImageGroup) else found[0]
    assert list(found.shape) == truth["shape"]
    assert found.dtype == truth["dtype"]
    assert found.sum(dtype=np.float64) == truth["sum"]
    assert (found.min(), found.max()) == (truth["min"], truth["max"])
    voxel = dict(zip("zyx", truth["voxel_um"], strict=True))
    assert first.spacing == pytest.approx(
        {axis: voxel[axis] for axis in first.axes}, rel=1e-5
    )
    assert [image.tags["channel"] for image in images] == truth["channels"]
    assert first.tags["magnification"] == 20.0


def test_nd2_channels_keep_their_wavelengths(shared_data: Path) -> None:
    (group,) = read(shared_data / "optical/nd2/example-multichannel.nd2")
    assert isinstance(group, ImageGroup)
    assert group.images[1].tags["emission_nm"] == 450.0
    assert group.images[1].tags["role"] == "Nuclei"
    # Planes come out the same to several threads and in another process.
    source = group.images[1].data
    with ThreadPoolExecutor(4) as pool:
        parts = list(
            pool.map(lambda i: source[i : i + 32].compute(), range(0, 256, 32))
        )
    np.testing.assert_array_equal(np.concatenate(parts), source.compute())
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy.compute(), source.compute())


def test_lif_keeps_channels_planes_and_time(tmp_path: Path) -> None:
    data = values(3, 2, 4, 20, 30)
    steps = {"T": 12.5, "Z": 1.5e-6, "Y": 0.3e-6, "X": 0.3e-6}
    image = lif_image("series", data, "TCZYX", steps, channels=("Blue", "Red"))
    other = lif_image("other", values(16, 24, dtype="uint8"), "YX", steps)
    write_lif(tmp_path / "a.lif", [image, other])
    group, single = read(tmp_path / "a.lif")
    assert isinstance(group, ImageGroup)
    assert [i.name for i in group] == ["Blue", "Red"]
    for channel, found in enumerate(group):
        np.testing.assert_array_equal(found.data.compute(), data[:, channel])
        assert found.spacing == pytest.approx({"z": 1.5, "y": 0.3, "x": 0.3})
        assert found.times == pytest.approx((0.0, 12.5, 25.0))
    assert isinstance(single, Image)
    assert single.name == "a other"
    assert single.dtype == "uint8"


def test_lif_colours_and_wavelengths(tmp_path: Path) -> None:
    colours = values(20, 30, 3, dtype="uint8")
    waves = values(5, 20, 30)
    steps = {"Y": 1e-6, "X": 1e-6, "λ": 10e-9}
    rgb = lif_image("rgb", colours, "YXS", steps, channels=("Red", "Green", "Blue"))
    spectral = lif_image("spectral", waves, "λYX", steps)
    write_lif(tmp_path / "a.lif", [rgb, spectral])
    picture, group = read(tmp_path / "a.lif")
    assert isinstance(picture, Image)
    assert picture.rgb
    np.testing.assert_array_equal(picture.data.compute(), colours)
    assert isinstance(group, ImageGroup)
    assert [i.name for i in group] == ["0 nm", "10 nm", "20 nm", "30 nm", "40 nm"]
    np.testing.assert_array_equal(group.images[3].data.compute(), waves[3])


def test_lif_colours_with_blue_first(tmp_path: Path) -> None:
    colours = values(20, 30, 3, dtype="uint8")
    image = lif_image(
        "bgr",
        colours,
        "YXS",
        {"Y": 1e-6, "X": 1e-6},
        channels=("Blue", "Green", "Red"),
        channel_tags=(3, 2, 1),
    )
    write_lif(tmp_path / "a.lif", [image])
    (picture,) = read(tmp_path / "a.lif")
    assert isinstance(picture, Image)
    np.testing.assert_array_equal(picture.data.compute(), colours[..., ::-1])


@pytest.mark.parametrize("turned", [False, True])
def test_tiles_of_a_lif_lie_where_the_stage_was(turned: bool, tmp_path: Path) -> None:
    data = values(2, 20, 30)
    tiles = (
        f'<Attachment Name="TileScanInfo" FlipX="0" FlipY="0" SwapXY="{int(turned)}">'
        '<Tile FieldX="0" FieldY="0" PosX="0.001" PosY="0.002" PosZ="0"/>'
        '<Tile FieldX="1" FieldY="0" PosX="0.00102" PosY="0.002" PosZ="0"/>'
        "</Attachment>"
    )
    steps = {"Y": 1e-6, "X": 1e-6}
    image = lif_image("scan", data, "MYX", steps, extra=tiles)
    write_lif(tmp_path / "a.lif", [image])
    opened = open_file(tmp_path / "a.lif")
    first, second = opened.objects
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    np.testing.assert_array_equal(second.data.compute(), data[1])
    if turned:
        assert "turned against the camera" in opened.warnings[0]
        assert first.space != second.space
    else:
        assert first.space == second.space == "a"
        np.testing.assert_allclose(first.grid_to_space.shift, (0, 0))
        np.testing.assert_allclose(second.grid_to_space.shift, (0, 20), atol=1e-6)


def test_a_section_along_z_is_one_line_thick(tmp_path: Path) -> None:
    data = values(4, 5, 30)
    steps = {"X": 0.5e-6, "Z": 1.5e-6, "T": 2.0}
    write_lif(tmp_path / "a.lif", [lif_image("xz", data, "TZX", steps)])
    opened = open_file(tmp_path / "a.lif")
    assert "one line thick" in opened.warnings[0]
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert image.axes == "tzyx"
    np.testing.assert_array_equal(image.data.compute(), data[:, :, None])
    assert image.spacing == pytest.approx({"z": 1.5, "y": 0.5, "x": 0.5})


def test_lif_that_cannot_be_shown(tmp_path: Path) -> None:
    steps = {"Y": 1e-6, "X": 1e-6, "A": 1}
    turned = lif_image("turned", values(5, 20, 30), "AYX", steps)
    write_lif(tmp_path / "a.lif", [turned])
    with pytest.raises(UnreadableFile, match="urned has the axes A, Y, X"):
        read(tmp_path / "a.lif")
    bomb = ("b", '<!DOCTYPE a [<!ENTITY b "b">]>', b"")
    write_lif(tmp_path / "a.lif", [bomb])
    with pytest.raises(UnreadableFile, match="XML entities"):
        read(tmp_path / "a.lif")
    no_length = lif_image("flat", values(20, 30), "YX", {"Y": 0, "X": 0})
    write_lif(tmp_path / "a.lif", [no_length])
    with pytest.raises(MissingCalibration):
        read(tmp_path / "a.lif")


@pytest.mark.parametrize("kind", ["oif", "oib"])
def test_olympus_keeps_channels_planes_and_time(kind: str, tmp_path: Path) -> None:
    data = values(2, 2, 3, 40, 50)
    path = tmp_path / f"a.{kind}"
    (write_oif if kind == "oif" else write_oib)(path, data)
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == ["DAPI", "CD31"]
    assert [image.tags["emission_nm"] for image in group] == [460.0, 470.0]
    for channel, image in enumerate(group):
        np.testing.assert_array_equal(image.data.compute(), data[:, channel])
        assert image.spacing == pytest.approx({"z": 1.5, "y": 0.4, "x": 0.4})
        assert image.times == pytest.approx((0.0, 2.5))
        assert image.tags["acquisition_time"] == "2026-01-05T10:15:00"


def test_a_chain_of_sectors_in_a_circle(tmp_path: Path) -> None:
    data = bytearray(compound_file({"a": b"x" * 5000}))
    check_path = tmp_path / "a.oib"
    check_path.write_bytes(data)
    check_compound(check_path)
    # The first table begins at 512; sector 2 is the stream's first one.
    data[512 + 4 * 5 : 512 + 4 * 6] = (2).to_bytes(4, "little")
    check_path.write_bytes(data)
    with pytest.raises(UnreadableFile, match="circle"):
        check_compound(check_path)
