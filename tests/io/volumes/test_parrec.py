"""Philips' files against nibabel; its instrument-written ones come with it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from nibabel.parrec import PARRECArrayProxy, PARRECHeader

from nanoscape.errors import UnreadableFile
from nanoscape.io import read
from nanoscape.model import Image, ImageGroup

DATA = Path(nibabel.__file__).parent / "tests" / "data"
RNG = np.random.default_rng(7)

pytestmark = pytest.mark.skipif(
    not (DATA / "T1.PAR").exists(), reason="nibabel is installed without its test files"
)


class Peer:
    """What nibabel makes of a file; its image class leaves the samples' file open."""

    def __init__(self, path: Path) -> None:
        with path.open() as file:
            self.header = PARRECHeader.from_fileobj(file, strict_sort=True)
        self.affine = self.header.get_affine()
        proxy = PARRECArrayProxy(str(path.with_suffix(".REC")), self.header)
        self.values = np.asarray(proxy).T


def with_samples(name: str, folder: Path) -> Path:
    """Copy a header and write samples for it."""
    path = folder / name
    shutil.copy(DATA / name, path)
    with path.open() as file:
        header = PARRECHeader.from_fileobj(file, strict_sort=True)
    samples = RNG.integers(0, 999, np.prod(header.get_rec_shape()))
    path.with_suffix(".REC").write_bytes(samples.astype(header.get_data_dtype()))
    return path


def assert_same_places(image: Image, affine: np.ndarray[Any, Any]) -> None:
    for index in ((0, 0, 0), (3, 5, 2), (7, 1, 4)):
        # RAS to LPS.
        right, front, up = (affine @ (*index, 1))[:3]
        found = image.grid_to_space.apply([index[::-1]])[0] / 1e3
        np.testing.assert_allclose(found, [up, -front, -right], atol=1e-4)


@pytest.mark.parametrize("name", ["phantom_EPI_asc_CLEAR_2_1", "phantom_varscale"])
def test_instrument_written_frames_over_time(name: str) -> None:
    path = DATA / f"{name}.PAR"
    theirs = Peer(path)
    (image,) = read(path)
    assert isinstance(image, Image)
    assert (image.axes, image.space) == ("tzyx", "patient")
    values = theirs.values
    np.testing.assert_allclose(image.data.compute(), values, rtol=1e-6)
    np.testing.assert_allclose(
        image.data[2, 4, 7:9].compute(), values[2, 4, 7:9], rtol=1e-6
    )
    assert_same_places(image, theirs.affine)
    assert image.times == pytest.approx((0.0, 2.0, 4.0), abs=0.01)


@pytest.mark.parametrize("name", ["DTI.PAR", "T1_3echo_mag_real_imag_phase.PAR"])
def test_volumes_of_several_kinds_are_a_group(name: str, tmp_path: Path) -> None:
    path = with_samples(name, tmp_path)
    theirs = Peer(path)
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    values = theirs.values
    assert len(group) == len(values)
    unmatched = list(range(len(values)))
    for image in group:
        ours = image.data.compute()
        (same,) = [i for i in unmatched if np.allclose(ours, values[i], rtol=1e-5)]
        unmatched.remove(same)
        labels = theirs.header.get_volume_labels()
        if "echo number" in labels:
            times = sorted(set(theirs.header.image_defs["echo_time"].tolist()))
            number = labels["echo number"][same] - 1
            assert image.tags["echo_time_ms"] == times[number]
            kind = ("magnitude", "real", "imaginary", "phase")
            assert image.tags["kind"] == kind[labels["image_type_mr"][same]]
        else:
            b = (0.0, 1000.0)[labels["diffusion b value number"][same] - 1]
            assert image.tags["b_value_s_mm2"] == b
    assert_same_places(group.images[0], theirs.affine)


def test_a_single_volume(tmp_path: Path) -> None:
    path = with_samples(
        "Phantom_EPI_3mm_cor_20APtrans_15RLrot_SENSE_15_1.PAR", tmp_path
    )
    theirs = Peer(path)
    (image,) = read(path)
    assert isinstance(image, Image)
    assert image.axes == "zyx"
    values = theirs.values
    np.testing.assert_allclose(image.data.compute(), values, rtol=1e-6)
    assert_same_places(image, theirs.affine)


def test_missing_and_truncated_files(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="dynamic"):
        read(DATA / "phantom_truncated.PAR")
    shutil.copy(DATA / "T1.PAR", tmp_path / "a.par")
    with pytest.raises(UnreadableFile, match="beside"):
        read(tmp_path / "a.par")
    (tmp_path / "a.rec").write_bytes(bytes(1000))
    with pytest.raises(UnreadableFile, match="truncated"):
        read(tmp_path / "a.par")


def test_a_scale_that_is_no_number_is_told(tmp_path: Path) -> None:
    path = with_samples("T1.PAR", tmp_path)
    (image,) = read(path)
    assert isinstance(image, Image)
    with path.open() as file:
        header = PARRECHeader.from_fileobj(file, strict_sort=True)
    slope = f"{header.image_defs['rescale slope'][0]:.5f}"
    text = path.read_text()
    assert f" {slope} " in text
    path.write_text(text.replace(f" {slope} ", " nan ", 1))
    with pytest.raises(UnreadableFile, match="scale"):
        read(path)
