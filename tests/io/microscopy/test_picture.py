"""PNG and JPEG, compared with Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_copies

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.model import Image

pillow = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(13)


def picture(mode: str) -> Any:
    samples = {"L": (), "RGB": (3,), "RGBA": (4,), "P": (3,), "1": ()}
    values = RNG.integers(0, 250, (20, 30, *samples[mode])).astype(np.uint8)
    if mode == "P":
        return pillow.fromarray(values).quantize(16)
    if mode == "1":
        return pillow.fromarray(values).convert("1")
    return pillow.fromarray(values)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_png_equals_pillow(mode: str, tmp_path: Path) -> None:
    written = picture(mode)
    written.save(tmp_path / "a.png", dpi=(72, 72))
    opened = open_file(tmp_path / "a.png", pixel_size=0.5)
    (image,) = opened.objects
    assert isinstance(image, Image)
    colours = mode in ("RGB", "RGBA", "P")
    assert image.rgb == colours
    expected = np.asarray(written.convert("RGB" if colours else "L"))
    found = image.data.compute()
    if mode == "1":
        # One bit may come as 0 and 1 or as 0 and 255.
        found = found.astype(bool) * np.uint8(255)
    np.testing.assert_array_equal(found, expected)
    part = image.data[3:7, 5:9].compute()
    np.testing.assert_array_equal(part > 0, expected[3:7, 5:9] > 0)
    assert opened.warnings == (
        ("the transparency of the picture is left out",) if mode == "RGBA" else ()
    )


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    values = RNG.integers(0, 65000, (20, 30)).astype(np.uint16)
    pillow.fromarray(values).save(tmp_path / "a.png")
    (image,) = read(tmp_path / "a.png", pixel_size=0.5)
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), values)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_equals_pillow(mode: str, tmp_path: Path) -> None:
    picture(mode).save(tmp_path / "a.jpg", quality=90)
    (image,) = read(tmp_path / "a.jpg", pixel_size=0.5)
    assert isinstance(image, Image)
    with pillow.open(tmp_path / "a.jpg") as reference:
        expected = np.asarray(reference)
    # Decoders of JPEG may differ by rounding.
    np.testing.assert_allclose(image.data.compute(), expected, atol=3)


def test_a_retina_equals_pillow(shared_data: Path) -> None:
    path = shared_data / "optical/rgb/retina.jpg"
    (image,) = read(path, pixel_size=8.0)
    assert isinstance(image, Image)
    with pillow.open(path) as reference:
        expected = np.asarray(reference)
    assert image.shape == expected.shape[:2]
    np.testing.assert_allclose(image.data.compute(), expected, atol=3)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_dots_per_inch_are_no_calibration(suffix: str, tmp_path: Path) -> None:
    picture("RGB").save(tmp_path / f"a.{suffix}", dpi=(25400, 25400))
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(tmp_path / f"a.{suffix}")
    (image,) = read(tmp_path / f"a.{suffix}", pixel_size=0.25)
    assert isinstance(image, Image)
    assert image.spacing == {"y": 0.25, "x": 0.25}
    assert image.tags.origin("pixel_size_um") == "user"


def test_colours_for_printing_are_refused(tmp_path: Path) -> None:
    picture("RGB").convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(UnreadableFile, match="4 samples"):
        read(tmp_path / "a.jpg", pixel_size=1.0)


def test_a_picture_that_announces_too_much(tmp_path: Path) -> None:
    picture("L").save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = b"\x40\0\0\0\x40\0\0\0"
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UnreadableFile, match="announces"):
        read(tmp_path / "a.png", pixel_size=1.0)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_jpeg_is_not_filled_with_grey(
    progressive: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    picture("RGB").save(path, progressive=progressive, comment=b"\xff\xd9 \xff\xda")
    data = path.read_bytes()
    (image,) = read(path, pixel_size=1.0)
    assert isinstance(image, Image)
    whole = image.data.compute()
    path.write_bytes(data[: len(data) * 3 // 4])
    (image,) = read(path, pixel_size=1.0)
    assert isinstance(image, Image)
    with pytest.raises(UnreadableFile, match="truncated"):
        image.data.compute()
    # Some devices write something of their own behind the picture.
    path.write_bytes(data + bytes(100))
    (image,) = read(path, pixel_size=1.0)
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), whole)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damage(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    picture("RGB").save(path)
    readable = [
        assert_data_or_one_error(copy, pixel_size=0.5)
        for copy in damaged_copies(path, tmp_path, count=COPIES, seed=20)
    ]
    assert not readable[0]
