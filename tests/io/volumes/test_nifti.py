from __future__ import annotations

import gzip
import pickle
import tempfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from nanoscape.errors import UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.model import Image

RNG = np.random.default_rng(5)


def save(
    path: Path,
    values: Any,
    affine: Any,
    units: tuple[str, str] = ("mm", "sec"),
    **more: Any,
) -> Path:
    volume = nibabel.Nifti1Image(values, affine)
    volume.header.set_xyzt_units(*units)
    for name, value in more.items():
        volume.header[name] = value
    nibabel.save(volume, path)
    return path


def oblique() -> np.ndarray[Any, Any]:
    angle = 0.3
    turn = [
        [np.cos(angle), -np.sin(angle), 0],
        [np.sin(angle), np.cos(angle), 0],
        [0, 0, 1],
    ]
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(turn) * (0.5, 0.6, 2.0)
    affine[:3, 3] = (-30, 12, 7)
    return affine


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_the_same_voxel_has_the_same_place(suffix: str, tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (5, 6, 7)).astype(np.int16)
    affine = oblique()
    (image,) = read(save(tmp_path / f"a{suffix}", values, affine))
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), values.transpose(2, 1, 0))
    for x, y, z in ((0, 0, 0), (4, 1, 6), (2, 5, 3)):
        right, front, up = (affine @ (x, y, z, 1))[:3]
        # RAS to LPS: left is minus right, posterior minus anterior; mm to µm.
        truth = np.array([up, -front, -right]) * 1e3
        place = image.grid_to_space.apply([[z, y, x]])[0]
        np.testing.assert_allclose(place, truth, atol=1e-2)
    assert (image.space, image.name) == ("patient", "a")


def test_frames_come_first_and_in_seconds(tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (5, 6, 7, 3)).astype(np.uint8)
    path = save(tmp_path / "a.nii", values, np.eye(4), ("mm", "msec"))
    volume = nibabel.load(path)
    volume.header["pixdim"][4] = 500
    nibabel.save(volume, tmp_path / "b.nii")
    (image,) = read(tmp_path / "b.nii")
    assert isinstance(image, Image)
    assert image.axes == "tzyx"
    assert image.times == pytest.approx((0.0, 0.5, 1.0))
    np.testing.assert_array_equal(image.data.compute(), values.transpose(3, 2, 1, 0))


@pytest.mark.parametrize(
    ("unit", "size"), [("micron", 2.0), ("mm", 2e3), ("meter", 2e6)]
)
def test_units_of_length(unit: str, size: float, tmp_path: Path) -> None:
    values = np.ones((3, 3, 3), np.uint8)
    path = save(tmp_path / "a.nii", values, np.diag([2, 2, 2, 1.0]), (unit, "sec"))
    (image,) = read(path)
    assert isinstance(image, Image)
    assert image.spacing == pytest.approx(dict.fromkeys("zyx", size))


def test_an_unknown_unit_is_told(tmp_path: Path) -> None:
    values = np.ones((3, 3, 3), np.uint8)
    path = save(tmp_path / "a.nii", values, np.eye(4), ("unknown", "unknown"))
    assert "unit of length" in open_file(path).warnings[0]


def test_stored_numbers_are_scaled(tmp_path: Path) -> None:
    volume = nibabel.Nifti1Image(
        np.arange(27, dtype=np.int16).reshape(3, 3, 3), np.eye(4)
    )
    volume.header.set_slope_inter(0.25, -3.0)
    nibabel.save(volume, tmp_path / "a.nii")
    # nibabel writes the values that the scaled file stands for.
    truth = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj)
    (image,) = read(tmp_path / "a.nii")
    assert isinstance(image, Image)
    np.testing.assert_allclose(
        image.data.compute(), truth.transpose(2, 1, 0), rtol=1e-6
    )


def test_colours(tmp_path: Path) -> None:
    rgb = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    samples = RNG.integers(0, 255, (4, 5, 6, 3)).astype(np.uint8)
    values = np.ascontiguousarray(samples).view(rgb).reshape(4, 5, 6)
    (image,) = read(save(tmp_path / "a.nii", values, np.eye(4)))
    assert isinstance(image, Image)
    assert image.rgb
    np.testing.assert_array_equal(image.data.compute(), samples.transpose(2, 1, 0, 3))


def test_vectors_are_refused(tmp_path: Path) -> None:
    values = np.ones((3, 3, 3, 1, 3), np.float32)
    with pytest.raises(UnreadableFile, match="axes"):
        read(save(tmp_path / "a.nii", values, np.eye(4)))


def test_lazy_arrays_travel(tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (5, 6, 7)).astype(np.int16)
    (image,) = read(save(tmp_path / "a.nii.gz", values, np.eye(4)))
    assert isinstance(image, Image)
    sent = pickle.loads(pickle.dumps(image.data))
    np.testing.assert_array_equal(sent.compute(), values.transpose(2, 1, 0))


def test_no_more_is_unpacked_than_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    values = RNG.integers(0, 99, (5, 6, 7)).astype(np.uint8)
    path = save(tmp_path / "a.nii", values, np.eye(4))
    plain = path.read_bytes()
    packed = tmp_path / "b.nii.gz"
    packed.write_bytes(gzip.compress(plain + bytes(10**7)))
    (image,) = read(packed)
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), values.transpose(2, 1, 0))
    (unpacked,) = tmp_path.glob("nanoscape-*.raw")
    assert unpacked.stat().st_size == len(plain)
