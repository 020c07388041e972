from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from nanoscape.errors import MissingCalibration, UnreadableFile, WrongInput
from nanoscape.io import open_file, read, write
from nanoscape.io.microscopy import tiff_source
from nanoscape.model import Affine, Image, ImageGroup

RNG = np.random.default_rng(3)


def values(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return RNG.integers(0, 250, shape).astype(dtype)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tile": (64, 64)},
        {"tile": (64, 64), "compression": "zlib", "predictor": True},
        {"rowsperstrip": 7, "compression": "lzw"},
        {"byteorder": ">"},
        {"bigtiff": True, "tile": (32, 48)},
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
def test_every_layout_gives_the_same_samples(
    options: dict[str, Any], dtype: str, tmp_path: Path
) -> None:
    options = dict(options)
    writer = {k: options.pop(k) for k in ("byteorder", "bigtiff") if k in options}
    truth = values(3, 130, 97, dtype=dtype)
    path = tmp_path / "a.ome.tif"
    size = dict.fromkeys(("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ"), 2.0)
    with tifffile.TiffWriter(path, ome=True, **writer) as file:
        file.write(
            truth, photometric="minisblack", metadata={"axes": "ZYX"} | size, **options
        )
    (image,) = read(path)
    assert isinstance(image, Image)
    assert image.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(image.data.compute(), truth)
    np.testing.assert_array_equal(
        image.data[1, 60:70, 40:].compute(), truth[1, 60:70, 40:]
    )


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_are_the_last_axis(planar: str, tmp_path: Path) -> None:
    truth = values(70, 90, 3, dtype="uint8")
    path = tmp_path / "rgb.tif"
    stored = truth if planar == "contig" else np.moveaxis(truth, -1, 0)
    tifffile.imwrite(
        path, stored, photometric="rgb", planarconfig=planar, tile=(32, 32)
    )
    (image,) = read(path, pixel_size=0.5)
    assert isinstance(image, Image)
    assert image.rgb
    assert image.axes == "yx"
    np.testing.assert_array_equal(image.data.compute(), truth)


@pytest.mark.parametrize(
    ("resolution", "unit", "spacing"),
    [
        ((72, 72), "INCH", None),
        ((300, 300), "INCH", None),
        ((28.3465, 28.3465), "CENTIMETER", None),
        ((1, 1), "NONE", None),
        ((0, 0), "CENTIMETER", None),
        ((20000, 10000), "CENTIMETER", {"y": 1.0, "x": 0.5}),
        ((50800, 50800), "INCH", {"y": 0.5, "x": 0.5}),
    ],
)
def test_resolutions_for_printing_are_no_calibration(
    resolution: tuple[float, float],
    unit: str,
    spacing: dict[str, float] | None,
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, values(8, 9), resolution=resolution, resolutionunit=unit, metadata=None
    )
    if spacing is None:
        with pytest.raises(MissingCalibration, match="pixel_size"):
            read(path)
        (image,) = read(path, pixel_size=0.7)
        assert isinstance(image, Image)
        assert image.spacing == {"y": 0.7, "x": 0.7}
    else:
        (image,) = read(path)
        assert isinstance(image, Image)
        assert image.spacing == pytest.approx(spacing, rel=1e-4)


def test_a_stack_without_plane_distance_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, values(4, 8, 9), metadata={"axes": "ZYX"} | size)
    with pytest.raises(MissingCalibration, match="planes lie apart"):
        read(path)
    opened = open_file(path, pixel_size=0.5)
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert image.spacing == {"z": 0.5, "y": 0.5, "x": 0.5}
    assert "distance of its planes" in opened.warnings[0]


def test_times_channels_and_planes_are_sorted_out(tmp_path: Path) -> None:
    truth = values(2, 3, 4, 8, 9)
    path = tmp_path / "a.ome.tif"
    metadata = {
        "axes": "TCZYX",
        "PhysicalSizeX": 500,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.0005,
        "PhysicalSizeYUnit": "mm",
        "PhysicalSizeZ": 2,
        "TimeIncrement": 2,
        "TimeIncrementUnit": "min",
        "Channel": {"Name": ["DAPI", "CD31", "CD31"]},
    }
    tifffile.imwrite(path, truth, metadata=metadata)
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == ["DAPI", "CD31", "CD31 (2)"]
    for number, image in enumerate(group):
        assert image.axes == "tzyx"
        assert image.times == (0.0, 120.0)
        assert image.spacing == pytest.approx({"z": 2, "y": 0.5, "x": 0.5})
        np.testing.assert_array_equal(image.data.compute(), truth[:, number])


def test_several_images_lie_in_spaces_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "two.ome.tif"
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "axes": "YX"}
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(values(8, 9), metadata=size | {"Name": "left"})
        file.write(values(5, 6), metadata=size | {"Name": "right"})
    images = read(path)
    assert [(i.name, i.space) for i in images if isinstance(i, Image)] == [
        ("two left", "two left"),
        ("two right", "two right"),
    ]


def slide(path: Path, edge: int = 2048) -> np.ndarray[Any, Any]:
    truth = values(edge, edge, dtype="uint8")
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "axes": "YX"}
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(truth, tile=(256, 256), subifds=1, metadata=size)
        file.write(truth[::2, ::2], tile=(256, 256), subfiletype=1, metadata=None)
    return truth


def test_a_slide_is_read_tile_by_tile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slide.ome.tif"
    truth = slide(path)
    taken: list[int] = []
    original = tiff_source.ByteReader.read

    def count(self: Any, offset: int, size: int) -> bytes:
        taken.append(size)
        return original(self, offset, size)

    monkeypatch.setattr(tiff_source.ByteReader, "read", count)
    (image,) = read(path)
    assert isinstance(image, Image)
    assert taken == []
    assert [level.factors for level in image.levels] == [(1.0, 1.0), (2.0, 2.0)]
    crop = image.data[600:700, 1030:1060].compute()
    np.testing.assert_array_equal(crop, truth[600:700, 1030:1060])
    # The place lies in one chunk, which holds four of the slide's 64 tiles.
    assert taken == [256 * 256] * 4
    assert image.levels[1].data[:10, :10].compute().shape == (10, 10)
    assert len(taken) == 8


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "slide.ome.tif"
    truth = slide(path, 1024)
    (image,) = read(path)
    assert isinstance(image, Image)
    start = threading.Barrier(8)

    def one(number: int) -> bool:
        start.wait()
        rows = slice(100 * number, 100 * number + 90)
        crop = image.data[rows].compute(scheduler="synchronous")
        return bool((crop == truth[rows]).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(8)))


@pytest.mark.parametrize("offset", [0, 8])
def test_a_file_without_pages_is_told_and_not_left_open(
    offset: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + offset.to_bytes(4, "little") + bytes(6))
    with pytest.raises(UnreadableFile, match=r"a\.tif"):
        read(path, pixel_size=1.0)
    # An open file would be a warning here, and warnings are errors.
    gc.collect()


def test_a_plane_that_is_missing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    size = dict.fromkeys(("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ"), 2.0)
    tifffile.imwrite(path, values(4, 8, 9), metadata={"axes": "ZYX"} | size)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'SizeZ="4"', b'SizeZ="9"'))
    with pytest.raises(UnreadableFile):
        read(path)[0]


@pytest.mark.parametrize("rgb", [False, True])
@pytest.mark.parametrize("size", [(40, 50), (1100, 1300)])
def test_written_ome_tiff_is_read_by_tifffile(
    rgb: bool, size: tuple[int, int], tmp_path: Path
) -> None:
    truth = values(*size, *([3] if rgb else []), dtype="uint8")
    image = Image.from_array(truth, "yx", spacing=(0.5, 0.25), rgb=rgb, name="HE")
    path = write(image, tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(tifffile.imread(path), truth)
    (found,) = read(path)
    assert isinstance(found, Image)
    assert found.rgb is rgb
    assert found.spacing == pytest.approx({"y": 0.5, "x": 0.25})
    assert len(found.levels) == (2 if max(size) > 1024 else 1)
    np.testing.assert_array_equal(found.data.compute(), truth)


def test_written_channels_times_and_planes_come_back(tmp_path: Path) -> None:
    truth = values(2, 2, 3, 40, 50)
    images = tuple(
        Image.from_array(
            truth[c], "tzyx", spacing=(2, 0.5, 0.5), times=(0, 30), name=name
        )
        for c, name in enumerate(("nuclei", "CD31"))
    )
    group = ImageGroup(images=images, coordinate="channel", name="tile")
    (found,) = read(write(group, tmp_path / "a.ome.tif"))
    assert isinstance(found, ImageGroup)
    for before, after in zip(images, found, strict=True):
        assert (after.name, after.axes, after.times) == (before.name, "tzyx", (0, 30))
        assert after.spacing == pytest.approx(before.spacing)
        np.testing.assert_array_equal(after.data.compute(), before.data.compute())


def test_a_turned_grid_needs_ome_zarr(tmp_path: Path) -> None:
    turned = Affine(np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]]), "yx", "yx")
    image = Image.from_array(values(8, 9), "yx", grid_to_space=turned)
    with pytest.raises(WrongInput, match="turned"):
        write(image, tmp_path / "a.ome.tif")
    assert list(tmp_path.iterdir()) == []
