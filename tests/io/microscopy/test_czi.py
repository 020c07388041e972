"""CZI: a file that Zeiss's library wrote, and synthetic ones."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from czi_writer import METADATA, Block, channel, write_czi
from damaged import COPIES, assert_data_or_one_error, damaged_copies

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.microscopy.czi_segments import read_contents
from nanoscape.io.microscopy.czi_source import CziSource
from nanoscape.model import Image, ImageGroup

RNG = np.random.default_rng(5)


def plane(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return RNG.integers(0, 250, shape).astype(dtype)


def grey(data: np.ndarray[Any, Any], **options: Any) -> Block:
    kind = {"uint8": 0, "uint16": 1, "float32": 2}[data.dtype.name]
    return Block(data.tobytes(), kind, data.shape[:2], **options)


def test_a_czi_equals_the_reference(shared_data: Path) -> None:
    name = "optical/czi_synth/synth.czi"
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[name]
    (group,) = read(shared_data / name)
    assert isinstance(group, ImageGroup)
    values = np.stack([image.data.compute() for image in group])
    assert list(values.shape) == truth["shape"]
    assert values.dtype == truth["dtype"]
    assert values.sum(dtype=np.float64) == truth["sum"]
    assert (values.min(), values.max()) == (truth["min"], truth["max"])
    assert [image.name for image in group] == truth["channels"]
    assert group.images[0].spacing == pytest.approx(truth["scale_um"])


@pytest.mark.parametrize("colours", [False, True])
@pytest.mark.parametrize(
    "compression",
    [None, "zstd0:ExplicitLevel=2", "zstd1:ExplicitLevel=2;PreProcess=HiLoByteUnpack"],
)
def test_samples_equal_those_of_the_makers_library(
    colours: bool, compression: str | None, tmp_path: Path
) -> None:
    czi = pytest.importorskip("pylibCZIrw.czi")
    data = plane(100, 120, 3, dtype="uint8") if colours else plane(100, 120)
    path = tmp_path / "a.czi"
    with czi.create_czi(str(path), compression_options=compression) as file:
        file.write(data, location=(-10, 20))
        file.write_metadata("a", scale_x=5e-7, scale_y=5e-7)
    with czi.open_czi(str(path)) as file:
        reference = file.read()
    (image,) = read(path)
    assert isinstance(image, Image)
    assert image.rgb == colours
    found = image.data.compute()
    # Its arrays have blue first.
    expected = reference[..., ::-1] if colours else reference[..., 0]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(image.grid_to_space.shift, (10.0, -5.0))


def test_the_makers_library_reads_colours_in_jpeg_xr_alike(tmp_path: Path) -> None:
    colours = np.zeros((48, 64, 3), np.uint8) + np.array([200, 90, 10], np.uint8)
    data = imagecodecs.jpegxr_encode(colours, level=1.0)
    # The last byte of the pixel format tells red first (0D) from blue first (0C).
    name = bytes.fromhex("24C3DD6F034EFE4BB1853D77768DC9")
    assert data.count(name + b"\x0d") == 1
    data = data.replace(name + b"\x0d", name + b"\x0c")
    path = tmp_path / "a.czi"
    write_czi(path, [Block(data, 3, (48, 64), compression=4)])
    czi = pytest.importorskip("pylibCZIrw.czi")
    (image,) = read(path)
    assert isinstance(image, Image)
    with czi.open_czi(str(path)) as file:
        reference = file.read()[..., ::-1]
    np.testing.assert_allclose(image.data.compute(), reference, atol=3)
    assert np.ptp(reference[0, 0].astype(int)) > 150


def test_a_mosaic_with_a_pyramid_in_two_scenes(tmp_path: Path) -> None:
    scene = plane(300, 500)
    tiles = []
    for number, (y, x) in enumerate(((0, 0), (0, 240), (140, 0), (140, 240))):
        # Neighbours overlap; the later one, on top, covers a worse earlier one.
        data = scene[y : y + 160, x : x + 260].copy()
        if number == 0:
            data[:, 240:] = 9999
        tiles.append(
            grey(data, at=(y - 30, x + 1000), index={"C": 0, "S": 0, "M": number})
        )
    half = scene[::2, ::2].copy()
    tiles.append(grey(half, at=(-30, 1000), factor=2, index={"C": 0, "S": 0}))
    other = plane(64, 80)
    tiles.append(grey(other, at=(500, 7000), index={"C": 0, "S": 1, "M": 0}))
    path = tmp_path / "a.czi"
    write_czi(path, tiles, channels=channel("DAPI", 461.0))
    first, second = read(path)
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    assert first.space == second.space == "a"
    np.testing.assert_array_equal(first.data.compute(), scene)
    assert [level.factors for level in first.levels] == [(1.0, 1.0), (2.0, 2.0)]
    np.testing.assert_array_equal(first.levels[1].data.compute(), half)
    np.testing.assert_array_equal(second.data.compute(), other)
    np.testing.assert_allclose(first.grid_to_space.shift, (-15.0, 500.0))
    np.testing.assert_allclose(second.grid_to_space.shift, (250.0, 3500.0))
    assert first.tags["emission_nm"] == 461.0
    assert first.tags["magnification"] == 20.0
    assert first.tags["role"] == "Nuclei"


def test_times_channels_and_a_plane_that_is_missing(tmp_path: Path) -> None:
    data = plane(3, 2, 2, 20, 30)
    blocks = [
        grey(data[t, c, z], index={"T": t, "C": c, "Z": z})
        for t, c, z in np.ndindex(3, 2, 2)
        if (t, c, z) != (2, 1, 1)
    ]
    path = tmp_path / "a.czi"
    names = channel("DAPI", 461.0) + channel("CD31", 670.0)
    write_czi(path, blocks, channels=names, times=(100.0, 130.0, 161.0))
    opened = open_file(path)
    assert "1 planes of a were not acquired" in opened.warnings[0]
    (group,) = opened.objects
    assert isinstance(group, ImageGroup)
    data[2, 1, 1] = 0
    for number, image in enumerate(group):
        np.testing.assert_array_equal(image.data.compute(), data[:, number])
        assert image.times == (0.0, 30.0, 61.0)
        assert image.spacing == pytest.approx({"z": 2.0, "y": 0.5, "x": 0.5})
    assert [image.tags["emission_nm"] for image in group] == [461.0, 670.0]


def test_a_source_reads_in_another_process(tmp_path: Path) -> None:
    data = plane(40, 50)
    path = tmp_path / "a.czi"
    write_czi(path, [grey(data)])
    source = CziSource(path, read_contents(path).tiles, (0, 0), (40, 50), (0,), (0,))
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy[0, 0, 3:7, 5:30:2], data[3:7, 5:30:2])
    assert copy.key() == source.key()


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    data = plane(8, 9)
    write_czi(path, [grey(data)], metadata=METADATA.replace("Scaling", "Nothing"))
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(path)
    write_czi(path, [grey(data, compression=1)])
    with pytest.raises(UnreadableFile, match="compression 1"):
        read(path)
    write_czi(path, [grey(data, index={"H": n}) for n in range(3)])
    with pytest.raises(UnreadableFile, match="several phases"):
        read(path)
    bomb = '<!DOCTYPE a [<!ENTITY b "b">]>'
    write_czi(path, [grey(data)], metadata=bomb + METADATA)
    with pytest.raises(UnreadableFile, match="XML entities"):
        read(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_gives_data_or_one_error(compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    blocks = []
    for t, z, c in np.ndindex(2, 2, 2):
        block = grey(plane(30, 40), index={"T": t, "Z": z, "C": c, "M": 0})
        if compressed:
            block.data = b"\1" + imagecodecs.zstd_encode(block.data)
            block.compression = 6
        blocks.append(block)
    write_czi(path, blocks, channels=channel("DAPI", 461.0), times=(0.0, 1.0))
    readable = [
        assert_data_or_one_error(copy)
        for copy in damaged_copies(path, tmp_path, count=COPIES, seed=20)
    ]
    assert not readable[0]
