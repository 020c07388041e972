"""Imaris and BigDataViewer: synthetic files, written with h5py and npy2bdv."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_copies
from microscope_writers import write_ims

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.hdf5 import Hdf5Source
from nanoscape.model import Image, ImageGroup

h5py = pytest.importorskip("h5py")

RNG = np.random.default_rng(9)


def values(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.integers(0, 250, shape).astype(np.uint16)


@pytest.fixture
def truth(shared_data: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (shared_data / "EXPECTED.json").read_text("utf-8")
    )
    return loaded


def check(group: Any, truth: dict[str, Any]) -> None:
    assert isinstance(group, ImageGroup)
    found = np.stack([image.data.compute() for image in group], axis=1)
    assert list(found.shape) == truth["shape"]
    assert found.dtype == truth["dtype"]
    assert found.sum(dtype=np.float64) == truth["sum"]
    assert (found.min(), found.max()) == (truth["min"], truth["max"])
    for image in group:
        assert image.spacing == pytest.approx(truth["scale_um"])
        factors = [level.factors for level in image.levels]
        assert factors == [(1.0, 1.0, 1.0), (1.0, 2.0, 2.0)]
        assert len(factors) == truth["levels"]


def test_imaris_equals_the_reference(shared_data: Path, truth: dict[str, Any]) -> None:
    (group,) = read(shared_data / "lightsheet/synth.ims")
    check(group, truth["lightsheet/synth.ims"])
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == ["nuclei", "vessel"]
    first = group.images[0]
    assert first.times == (0.0, 60.0)
    # The extents are outer borders; centres lie half a voxel inside.
    corner = np.array(truth["lightsheet/synth.ims"]["origin_um_xyz"])[::-1]
    half = np.array([first.spacing[axis] for axis in "zyx"]) / 2
    np.testing.assert_allclose(first.grid_to_space.shift, corner + half)
    assert first.tags["acquisition_time"] == "2026-01-01T00:00:00"


@pytest.mark.parametrize("suffix", ["xml", "h5"])
def test_bdv_equals_the_reference(
    suffix: str, shared_data: Path, truth: dict[str, Any]
) -> None:
    (group,) = read(shared_data / f"lightsheet/synth_bdv.{suffix}")
    check(group, truth["lightsheet/synth_bdv.h5"])


def test_many_readers_see_the_same_samples(shared_data: Path) -> None:
    (group,) = read(shared_data / "lightsheet/synth.ims")
    assert isinstance(group, ImageGroup)
    data = group.images[1].data
    whole = data.compute(scheduler="synchronous")
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda z: data[:, z].compute(), range(31)))
    np.testing.assert_array_equal(np.stack(parts, axis=1), whole)
    copy = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(copy.compute(), whole)


def test_a_single_channel_keeps_name_and_wavelength(tmp_path: Path) -> None:
    data = values(8, 20, 30)
    write_ims(tmp_path / "a.ims", data)
    (image,) = read(tmp_path / "a.ims")
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), data)
    assert image.spacing == pytest.approx({"z": 2.0, "y": 0.5, "x": 0.5})
    assert image.tags["role"] == "Vessels"
    assert image.tags["emission_nm"] == 670.0


def test_other_compressions_are_loaded_when_needed(tmp_path: Path) -> None:
    hdf5plugin = pytest.importorskip("hdf5plugin")
    data = values(8, 20, 30)
    write_ims(tmp_path / "a.ims", data, compression=hdf5plugin.LZ4())
    # A new process does not know the filter yet.
    script = (
        "import sys; from nanoscape.io import read; (image,) = read(sys.argv[1]); "
        "print(int(image.data.compute(scheduler='synchronous').sum()))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.ims")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == data.sum()


def test_a_unit_that_is_no_length_asks(tmp_path: Path) -> None:
    write_ims(tmp_path / "a.ims", values(8, 20, 30), unit="")
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(tmp_path / "a.ims")


@pytest.mark.parametrize("kind", ["external", "soft", "raw", "virtual"])
def test_samples_in_another_file_are_refused(kind: str, tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    write_ims(outside / "secret.ims", values(8, 20, 30))
    write_ims(inside / "a.ims", values(8, 20, 30))
    name = "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"
    with h5py.File(inside / "a.ims", "r+") as file:
        del file[name]["Data"]
        place = f"{name}/Data"
        if kind == "external":
            file[place] = h5py.ExternalLink(str(outside / "secret.ims"), place)
        elif kind == "soft":
            file[place] = h5py.SoftLink("/DataSetInfo")
        elif kind == "raw":
            (outside / "raw").write_bytes(bytes(8 * 20 * 30 * 2))
            file.create_dataset(
                place,
                (8, 20, 30),
                "u2",
                external=[(str(outside / "raw"), 0, h5py.h5f.UNLIMITED)],
            )
        else:
            layout = h5py.VirtualLayout((8, 20, 30), "u2")
            layout[:] = h5py.VirtualSource(
                str(outside / "secret.ims"), place, (8, 20, 30)
            )
            file.create_virtual_dataset(place, layout)
    with pytest.raises(UnreadableFile, match=r"link to elsewhere|no samples"):
        read(inside / "a.ims")


def test_bdv_stays_in_its_folder(shared_data: Path, tmp_path: Path) -> None:
    text = (shared_data / "lightsheet/synth_bdv.xml").read_text("utf-8")
    shutil.copy(shared_data / "lightsheet/synth_bdv.h5", tmp_path / "synth_bdv.h5")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.xml").write_text(text.replace(">synth_bdv.h5", ">../synth_bdv.h5"))
    with pytest.raises(UnreadableFile, match="outside its folder"):
        read(folder / "a.xml")
    (folder / "b.xml").write_text(text)
    with pytest.raises(UnreadableFile, match="missing"):
        read(folder / "b.xml")
    with pytest.raises(UnreadableFile, match=r"comes without synth_bdv\.xml"):
        read(tmp_path / "synth_bdv.h5")


@pytest.mark.parametrize(
    ("affine", "shift"),
    [
        # In µm; in voxels along x, as after a correction for anisotropy.
        ("0.5 0 0 10 0 0.5 0 20 0 0 2 30", (30, 20, 10)),
        ("1 0 0 10 0 1 0 20 0 0 4 30", (15, 10, 5)),
        # A quarter turn about z.
        ("0 -0.5 0 10 0.5 0 0 20 0 0 2 30", (30, 20, 10)),
    ],
)
def test_bdv_registrations_give_places(
    affine: str, shift: tuple[float, ...], shared_data: Path, tmp_path: Path
) -> None:
    text = (shared_data / "lightsheet/synth_bdv.xml").read_text("utf-8")
    identity = "1 0.0 0.0 0.0 0.0 1 0.0 0.0 0.0 0.0 1 0.0"
    assert identity in text
    shutil.copy(shared_data / "lightsheet/synth_bdv.h5", tmp_path / "synth_bdv.h5")
    (tmp_path / "a.xml").write_text(text.replace(identity, affine))
    opened = open_file(tmp_path / "a.xml")
    assert opened.warnings == ()
    (group,) = opened.objects
    assert isinstance(group, ImageGroup)
    place = group.images[0].grid_to_space
    assert place.spacing == pytest.approx({"z": 2.0, "y": 0.5, "x": 0.5})
    np.testing.assert_allclose(place.shift, shift)
    if affine.startswith("0 "):
        np.testing.assert_allclose(place.apply([[0, 0, 1]])[0], (30, 20.5, 10))


def test_bdv_with_a_registration_of_another_scale(
    shared_data: Path, tmp_path: Path
) -> None:
    text = (shared_data / "lightsheet/synth_bdv.xml").read_text("utf-8")
    shutil.copy(shared_data / "lightsheet/synth_bdv.h5", tmp_path / "synth_bdv.h5")
    (tmp_path / "a.xml").write_text(
        text.replace("1 0.0 0.0 0.0 0.0 1", "1 0.0 0.0 7.0 0.0 1")
    )
    assert "does not agree" in open_file(tmp_path / "a.xml").warnings[0]


def test_padding_must_be_there(tmp_path: Path) -> None:
    write_ims(tmp_path / "a.ims", values(8, 20, 30))
    name = "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0/Data"
    with pytest.raises(UnreadableFile, match="announces"):
        Hdf5Source(tmp_path / "a.ims", [name], (8, 20, 31))


def test_damaged_imaris(tmp_path: Path) -> None:
    write_ims(tmp_path / "a.ims", values(8, 20, 30))
    readable = [
        assert_data_or_one_error(copy)
        for copy in damaged_copies(tmp_path / "a.ims", tmp_path, count=COPIES, seed=1)
    ]
    assert not readable[0]


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    path, later = tmp_path / "a.ims", tmp_path / "later.ims"
    before, after = values(8, 20, 30), values(8, 20, 30)
    write_ims(path, before)
    write_ims(later, after)
    (first,) = read(path)
    assert isinstance(first, Image)
    np.testing.assert_array_equal(first.data.compute(), before)
    # In place, as by a program that exports once more; the first is still open.
    path.write_bytes(later.read_bytes() + bytes(1))
    (second,) = read(path)
    assert isinstance(second, Image)
    np.testing.assert_array_equal(second.data.compute(), after)
    path.write_bytes(later.read_bytes()[:5000])
    with pytest.raises(UnreadableFile):
        read(path)
