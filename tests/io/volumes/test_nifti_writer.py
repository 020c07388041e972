"""NIfTI files written here, read back and read by nibabel."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import dask.array as da
import nibabel
import numpy as np
import pytest

from nanoscape.compute import Cancelled, Task, Threads, using
from nanoscape.errors import NanoscapeError, WrongInput
from nanoscape.io import read, write
from nanoscape.model import Affine, Image, ImageGroup, Labels, Quantity

RNG = np.random.default_rng(8)
TURN = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]) @ np.array(
    [[1.0, 0.0, 0.0], [0.0, 0.28, -0.96], [0.0, 0.96, 0.28]]
)
OBLIQUE = Affine.from_linear(TURN * (2000.0, 600.0, 500.0), (7e3, 12e3, -3e4), "zyx")
SHEARED = Affine.from_linear(
    [[2000.0, 300.0, 0.0], [0.0, 600.0, 0.0], [0.0, 0.0, -500.0]], (1, 2, 3), "zyx"
)


def image(values: Any, **more: Any) -> Image:
    more = {"grid_to_space": OBLIQUE, "space": "patient"} | more
    return Image.from_array(values, "tzyx"[-np.ndim(values) :], **more)


def assert_same_place(found: Any, wanted: Any) -> None:
    corners = np.array([[0, 0, 0], [99, 0, 0], [0, 99, 0], [0, 0, 99]])
    # The matrix in the file has single precision.
    np.testing.assert_allclose(
        found.grid_to_space.apply(corners),
        wanted.grid_to_space.apply(corners),
        rtol=1e-6,
        atol=0.02,
    )


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
)
def test_every_type_comes_back(dtype: str, suffix: str, tmp_path: Path) -> None:
    values = RNG.integers(0, 2 if dtype == "?" else 99, (4, 5, 6)).astype(dtype)
    path = write(image(values), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == [path]
    theirs = nibabel.load(path)
    np.testing.assert_array_equal(np.asarray(theirs.dataobj).T, values)
    (found,) = read(path)
    assert isinstance(found, Image)
    np.testing.assert_array_equal(found.data.compute(), values)


@pytest.mark.parametrize("place", [OBLIQUE, SHEARED])
def test_nibabel_finds_each_voxel_where_it_lies(place: Affine, tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (4, 5, 6)).astype(np.int16)
    volume = image(values, grid_to_space=place, quantity=Quantity("CT number", "HU"))
    path = write(volume, tmp_path / "a.nii.gz")
    theirs = nibabel.load(path)
    for z, y, x in ((0, 0, 0), (3, 1, 5), (2, 4, 0)):
        up, back, left = place.apply([[z, y, x]])[0] / 1e3
        there = (theirs.affine @ (x, y, z, 1))[:3]
        np.testing.assert_allclose(there, [-left, -back, up], rtol=1e-6, atol=1e-5)
    assert theirs.header.get_xyzt_units() == ("mm", "sec")
    assert theirs.header.get_zooms() == pytest.approx(
        [place.spacing[axis] / 1e3 for axis in "xyz"]
    )
    assert int(theirs.header["sform_code"]) == 1
    assert bytes(theirs.header["descrip"].item()) == b"CT number (HU)"
    sheared = place is SHEARED
    assert int(theirs.header["qform_code"]) == (0 if sheared else 1)
    if not sheared:
        np.testing.assert_allclose(theirs.get_qform(), theirs.affine, atol=1e-4)
    (found,) = read(path)
    assert_same_place(found, volume)


def test_frames_keep_their_times(tmp_path: Path) -> None:
    values = RNG.normal(size=(3, 4, 5, 6)).astype(np.float32)
    series = image(values, times=(10.0, 12.5, 15.0))
    path = write(series, tmp_path / "a.nii")
    assert nibabel.load(path).header.get_zooms()[3] == 2.5
    (found,) = read(path)
    assert isinstance(found, Image)
    assert found.times == pytest.approx((10.0, 12.5, 15.0))
    np.testing.assert_array_equal(found.data.compute(), values)
    (found,) = read(write(image(values), tmp_path / "b.nii"))
    assert isinstance(found, Image)
    assert (found.axes, found.times) == ("tzyx", None)
    with pytest.raises(WrongInput, match="even"):
        write(image(values, times=(0.0, 1.0, 3.0)), tmp_path / "c.nii")


@pytest.mark.parametrize("colours", [3, 4])
def test_colours(colours: int, tmp_path: Path) -> None:
    samples = RNG.integers(0, 255, (4, 5, 6, colours)).astype(np.uint8)
    picture = Image.from_array(samples, "zyx", grid_to_space=OBLIQUE, rgb=True)
    path = write(picture, tmp_path / "a.nii.gz")
    theirs = np.asarray(nibabel.load(path).dataobj)
    assert theirs.dtype.names == tuple("RGBA"[:colours])
    np.testing.assert_array_equal(theirs["G"].T, samples[..., 1])
    (found,) = read(path)
    assert isinstance(found, Image)
    assert found.rgb
    np.testing.assert_array_equal(found.data.compute(), samples)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64, np.bool_])
def test_labels_come_back_as_labels(dtype: Any, tmp_path: Path) -> None:
    values = RNG.integers(0, 2, (4, 5, 6)).astype(dtype)
    labels = Labels.from_array(
        values, "zyx", grid_to_space=OBLIQUE, space="patient", name="tumour"
    )
    path = write(labels, tmp_path / "tumour.nii.gz")
    assert nibabel.load(path).header.get_intent()[0] == "label"
    (found,) = read(path)
    assert isinstance(found, Labels)
    assert found.name == "tumour"
    np.testing.assert_array_equal(found.data.compute(), values)
    assert_same_place(found, labels)


def test_a_long_axis_needs_the_second_version(tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (1, 2, 40000)).astype(np.uint8)
    path = write(image(values), tmp_path / "a.nii")
    assert isinstance(nibabel.load(path), nibabel.Nifti2Image)
    (found,) = read(path)
    np.testing.assert_array_equal(found.data.compute(), values)


def test_any_chunks_and_workers_give_the_same_file(tmp_path: Path) -> None:
    values = RNG.integers(0, 9999, (70, 150, 140)).astype(np.uint16)
    written = []
    for number, (chunks, workers) in enumerate(
        [((70, 150, 140), 1), ((7, 64, 33), 1), ((1, 150, 140), 3)]
    ):
        lazy = da.from_array(values, chunks=chunks)
        with using(Threads(workers=workers)):
            path = write(image(lazy), tmp_path / f"{number}.nii.gz")
        written.append(gzip.decompress(path.read_bytes()))
    assert written[0] == written[1] == written[2]
    assert written[0][-values.nbytes :] == values.tobytes()


@pytest.mark.parametrize(
    "item",
    [
        Image.from_array(np.zeros((3, 4)), "yx", spacing=1.0),
        image(np.zeros((3, 4, 5), np.complex64)),
        Image.from_array(
            np.zeros((3, 4, 5, 3), np.uint16), "zyx", spacing=1.0, rgb=True
        ),
        ImageGroup(
            images=(image(np.zeros((3, 4, 5)), name="a"),),
            coordinate="channel",
            name="g",
        ),
    ],
)
def test_what_nifti_cannot_hold_is_refused(item: Any, tmp_path: Path) -> None:
    with pytest.raises(WrongInput):
        write(item, tmp_path / "a.nii.gz")
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_text("mine")
    with pytest.raises(WrongInput, match="exists"):
        write(image(np.zeros((3, 4, 5))), tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_text() == "mine"

    stopped = Task()
    stopped.cancel()
    with pytest.raises(Cancelled):
        write(image(np.zeros((3, 4, 5))), tmp_path / "b.nii.gz", task=stopped)
    # A lazy image that is far too large for any disk.
    huge = da.zeros((2**14, 2**14, 2**14), chunks=1024)
    with pytest.raises(NanoscapeError, match="disk"):
        write(image(huge), tmp_path / "c.nii")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii"]


def test_a_real_volume_survives_unchanged(shared_data: Path, tmp_path: Path) -> None:
    for name in ("mri/nifti/chris_MRA.nii.gz", "mri/nifti/functional.nii"):
        (first,) = read(shared_data / name)
        assert isinstance(first, Image)
        path = write(first, tmp_path / Path(name).name)
        (second,) = read(path)
        assert isinstance(second, Image)
        assert (second.axes, second.times) == (first.axes, first.times)
        np.testing.assert_array_equal(second.data.compute(), first.data.compute())
        assert_same_place(second, first)
        mine, theirs = nibabel.load(path), nibabel.load(shared_data / name)
        np.testing.assert_allclose(mine.affine, theirs.affine, atol=1e-5)
