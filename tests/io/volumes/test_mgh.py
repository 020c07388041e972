"""FreeSurfer's volumes against nibabel."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from nanoscape.errors import MissingCalibration
from nanoscape.io import read
from nanoscape.model import Image

RNG = np.random.default_rng(9)
REAL = Path(nibabel.__file__).parent / "tests" / "data" / "test.mgz"
AFFINE = np.array(
    [[0.3, -0.4, 0.0, 5.0], [0.4, 0.3, 0.0, -7.0], [0, 0, -2, 3.0], [0, 0, 0, 1.0]]
)


def save(path: Path, values: np.ndarray[Any, Any]) -> Path:
    nibabel.save(nibabel.MGHImage(values, AFFINE), path)
    return path


def assert_equal(path: Path) -> Image:
    data = path.read_bytes()
    if path.suffix == ".mgz":
        data = gzip.decompress(data)
    # From memory, because nibabel leaves a file that it has mapped open.
    theirs = nibabel.MGHImage.from_bytes(data)
    (image,) = read(path)
    assert isinstance(image, Image)
    np.testing.assert_array_equal(
        image.data.compute().reshape(theirs.shape[::-1]), np.asarray(theirs.dataobj).T
    )
    for index in ((0, 0, 0), (2, 1, 3)):
        right, front, up = (theirs.affine @ (*index, 1))[:3]
        found = image.grid_to_space.apply([index[::-1]])[0] / 1e3
        np.testing.assert_allclose(found, [up, -front, -right], atol=1e-4)
    return image


@pytest.mark.parametrize("suffix", [".mgh", ".mgz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_volumes(dtype: Any, suffix: str, tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (4, 5, 6)).astype(dtype)
    image = assert_equal(save(tmp_path / f"a{suffix}", values))
    assert (image.axes, image.space, image.dtype) == ("zyx", "patient", dtype)


def test_frames(tmp_path: Path) -> None:
    values = RNG.normal(size=(4, 5, 6, 3)).astype(np.float32)
    image = assert_equal(save(tmp_path / "a.mgz", values))
    assert (image.axes, image.times) == ("tzyx", None)


@pytest.mark.skipif(not REAL.exists(), reason="nibabel has no test files here")
def test_a_file_of_freesurfer() -> None:
    assert_equal(REAL)


def test_without_a_position_the_size_is_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mgh", RNG.integers(0, 99, (4, 5, 6)).astype(np.uint8))
    data = bytearray(path.read_bytes())
    data[28:30] = bytes(2)
    path.write_bytes(data)
    with pytest.raises(MissingCalibration):
        read(path)
    (image,) = read(path, pixel_size=2.0)
    assert isinstance(image, Image)
    assert (image.space, image.spacing["y"]) == ("a", 2.0)
