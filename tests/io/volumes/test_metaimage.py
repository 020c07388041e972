"""MetaImage against SimpleITK, which is ITK's own reader and writer of it."""

from __future__ import annotations

import gc
import json
import pickle
import re
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_copies

from nanoscape.errors import MissingCalibration, NanoscapeError, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.volumes import packed
from nanoscape.model import Image, ImageGroup

sitk = pytest.importorskip("SimpleITK")
RNG = np.random.default_rng(3)
TURN = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]) @ np.array(
    [[1.0, 0.0, 0.0], [0.0, 0.28, -0.96], [0.0, 0.96, 0.28]]
)
FILES = {
    "ct/mha/3DCT_lung_baseline_small.mha": None,
    "ct/mha/2DMRI-T1_brain.mha": None,
    "ultrasound/mha/SpinePhantomFreehandReconstructed.mha": None,
    # Its spacing of 1 is a pixel, not a millimetre.
    "ultrasound/mha/BkCurvilinearScanConvertedData.igs.mha": 1000.0,
}
HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
ElementSpacing = 1 1 1
DimSize = 4 3 2
ElementType = MET_SHORT
"""


def oblique(values: np.ndarray[Any, Any], *, vector: bool = False) -> Any:
    image = sitk.GetImageFromArray(values, isVector=vector)
    image.SetSpacing((0.5, 0.75, 2.0))
    image.SetOrigin((-30.0, 12.0, 7.5))
    image.SetDirection(TURN.ravel().tolist())
    return image


def save(image: Any, path: Path, *, packed: bool = False) -> Path:
    sitk.WriteImage(image, str(path), packed)
    return path


def only(path: Path, **options: Any) -> Image:
    (image,) = read(path, **options)
    assert isinstance(image, Image)
    return image


@pytest.mark.parametrize("name", FILES)
def test_files_equal_the_reference(name: str, shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[name]
    image = only(shared_data / name, pixel_size=FILES[name])
    values = image.data.compute()
    assert list(values.shape) == truth["shape"]
    assert values.dtype == truth["dtype"]
    assert values.sum(dtype=np.float64) == truth["sum"]
    assert (values.min(), values.max()) == (truth["min"], truth["max"])
    for where, value in truth["probe"].items():
        assert values[tuple(int(n) for n in re.findall(r"\d+", where))] == value
    spacing = [image.spacing[axis] / 1e3 for axis in image.axes[::-1]]
    assert spacing == pytest.approx(truth["spacing_xyz"])
    assert image.grid_to_space.shift[::-1] / 1e3 == pytest.approx(truth["origin_lps"])
    directions = image.grid_to_space.linear[::-1, ::-1] / 1e3 / spacing
    assert directions.ravel() == pytest.approx(truth["direction"])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_every_voxel_lies_where_itk_puts_it(
    suffix: str, packed: bool, tmp_path: Path
) -> None:
    values = RNG.integers(-99, 99, (4, 5, 6)).astype(np.int16)
    truth = oblique(values)
    path = save(truth, tmp_path / f"a{suffix}", packed=packed)
    image = only(path)
    assert (image.axes, image.space, image.name) == ("zyx", "patient", "a")
    np.testing.assert_array_equal(image.data.compute(), values)
    for z, y, x in ((0, 0, 0), (3, 1, 5), (2, 4, 3)):
        place = np.array(truth.TransformIndexToPhysicalPoint((x, y, z)))[::-1]
        found = image.grid_to_space.apply([[z, y, x]])[0] / 1e3
        np.testing.assert_allclose(found, place, atol=1e-6)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
)
def test_number_types(dtype: str, packed: bool, tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (2, 3, 4)).astype(dtype)
    image = only(save(oblique(values), tmp_path / "a.mha", packed=packed))
    assert image.dtype == values.dtype
    np.testing.assert_array_equal(image.data.compute(), values)


def test_big_endian(tmp_path: Path) -> None:
    values = RNG.integers(-999, 999, (2, 3, 4)).astype(">i2")
    header = HEADER.replace("MSB = False", "MSB = True") + "ElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(header.encode() + values.tobytes())
    np.testing.assert_array_equal(only(tmp_path / "a.mha").data.compute(), values)


def test_colours_and_vectors(tmp_path: Path) -> None:
    samples = RNG.integers(0, 255, (2, 3, 4, 3)).astype(np.uint8)
    path = save(oblique(samples, vector=True), tmp_path / "rgb.mha")
    opened = open_file(path)
    (colours,) = opened.objects
    assert isinstance(colours, Image)
    assert colours.rgb
    assert any("colours" in warning for warning in opened.warnings)
    np.testing.assert_array_equal(colours.data.compute(), samples)

    field = RNG.normal(size=(2, 3, 4, 3)).astype(np.float32)
    (group,) = read(save(oblique(field, vector=True), tmp_path / "vector.mha"))
    assert isinstance(group, ImageGroup)
    stored = np.stack([image.data.compute() for image in group], axis=-1)
    np.testing.assert_array_equal(stored, field)


def test_four_axes_are_frames_without_times(tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (3, 2, 4, 5)).astype(np.uint8)
    image = sitk.JoinSeries([sitk.GetImageFromArray(frame) for frame in values])
    opened = open_file(save(image, tmp_path / "a.mha"))
    (found,) = opened.objects
    assert isinstance(found, Image)
    assert (found.axes, found.times) == ("tzyx", None)
    np.testing.assert_array_equal(found.data.compute(), values)
    assert any("when its frames" in warning for warning in opened.warnings)


def test_the_unit_is_followed_when_it_is_stated(tmp_path: Path) -> None:
    text = HEADER + "DistanceUnits = um\nElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(text.encode() + bytes(48))
    opened = open_file(tmp_path / "a.mha")
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert image.spacing == pytest.approx(dict.fromkeys("zyx", 1.0))
    assert not opened.warnings


def test_no_spacing_is_not_one_millimetre(tmp_path: Path) -> None:
    text = HEADER.replace("ElementSpacing = 1 1 1\n", "") + "ElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(text.encode() + bytes(48))
    with pytest.raises(MissingCalibration):
        read(tmp_path / "a.mha")
    image = only(tmp_path / "a.mha", pixel_size=5.0)
    assert image.spacing == pytest.approx(dict.fromkeys("zyx", 5.0))


def sequence(frames: int, transform: str = "") -> bytes:
    lines = HEADER.replace("4 3 2", f"4 3 {frames}") + "Kinds = domain domain list\n"
    for number in range(frames):
        at = f"Seq_Frame{number:04d}_"
        lines += f"{at}ProbeToTrackerTransform = 1 0 0 {number} 0 1 0 0 0 0 1 0 0 0 0 1"
        lines += f"\n{at}Timestamp = {10 + number * 0.25}\n{at}ImageStatus = OK\n"
        lines += f"{at}{transform}\n" if transform else ""
    return lines.encode() + b"ElementDataFile = LOCAL\n"


def test_tracked_frames_are_frames_over_time(tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (5, 3, 4)).astype("<i2")
    size = "ImageToProbeTransform = 0 -0.2 0 3 0.1 0 0 4 0 0 1 0 0 0 0 1"
    path = tmp_path / "sweep.igs.mha"
    path.write_bytes(sequence(5, size) + values.tobytes())
    opened = open_file(path)
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert (image.axes, image.name, image.space) == ("tyx", "sweep", "sweep")
    assert image.times == (10.0, 10.25, 10.5, 10.75, 11.0)
    # The columns of the transform are the steps along x and y in mm.
    assert image.spacing == pytest.approx({"y": 200.0, "x": 100.0})
    assert image.tags["modality"] == "US"
    assert "ProbeToTrackerTransform" in image.tags["tracked_transforms"]
    assert any("same place" in warning for warning in opened.warnings)
    np.testing.assert_array_equal(image.data.compute(), values)


def test_a_frame_of_unknown_size_is_not_guessed(shared_data: Path) -> None:
    name = "ultrasound/mha/BkCurvilinearScanConvertedData.igs.mha"
    with pytest.raises(MissingCalibration):
        read(shared_data / name)


def test_a_frame_that_is_missing_is_told(tmp_path: Path) -> None:
    text = sequence(5).replace(b"DimSize = 4 3 5", b"DimSize = 4 3 4")
    (tmp_path / "a.mha").write_bytes(text + bytes(200))
    with pytest.raises(UnreadableFile, match="5 frames and holds 4"):
        read(tmp_path / "a.mha")


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("LIST", ["p1.raw", "p2.raw"]),
        ("slice%02d.raw 1 2 1", ["slice01.raw", "slice02.raw"]),
    ],
)
def test_planes_in_files_of_their_own(
    where: str, names: list[str], tmp_path: Path
) -> None:
    values = RNG.integers(0, 99, (2, 3, 4)).astype("<i2")
    for name, plane in zip(names, values, strict=True):
        (tmp_path / name).write_bytes(b"skipped" + plane.tobytes())
    text = f"{HEADER}HeaderSize = 7\nElementDataFile = {where}\n"
    if where == "LIST":
        text += "\n".join(names)
    (tmp_path / "a.mhd").write_text(text)
    image = only(tmp_path / "a.mhd")
    np.testing.assert_array_equal(image.data.compute(), values)
    np.testing.assert_array_equal(image.data[1, 1:, 2].compute(), values[1, 1:, 2])
    (tmp_path / names[1]).unlink()
    with pytest.raises(UnreadableFile, match="beside"):
        read(tmp_path / "a.mhd")


def test_samples_at_the_end_of_their_file(tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (2, 3, 4)).astype("<i2")
    (tmp_path / "a.raw").write_bytes(b"any header" + values.tobytes())
    (tmp_path / "a.mhd").write_text(
        f"{HEADER}HeaderSize = -1\nElementDataFile = a.raw\n"
    )
    np.testing.assert_array_equal(only(tmp_path / "a.mhd").data.compute(), values)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../secret.raw", "..\\secret.raw", "C:\\secret.raw"],
)
def test_samples_stay_in_the_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    (folder / "a.mhd").write_text(f"{HEADER}ElementDataFile = {name}\n")
    with pytest.raises(UnreadableFile, match=r"(same|one) folder"):
        read(folder / "a.mhd")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    text = HEADER.replace("4 3 2", "40000 30000 2000") + "CompressedData = True\n"
    text += "ElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(text.encode() + zlib.compress(bytes(10**6)))
    with pytest.raises(UnreadableFile, match="truncated"):
        read(tmp_path / "a.mha")


def test_no_more_is_unpacked_than_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    values = RNG.integers(0, 99, (2, 3, 4)).astype("<i2")
    text = HEADER + "CompressedData = True\nElementDataFile = LOCAL\n"
    stream = zlib.compress(values.tobytes() + bytes(10**7))
    (tmp_path / "a.mha").write_bytes(text.encode() + stream)
    image = only(tmp_path / "a.mha")
    # Nothing is unpacked before a sample is asked for.
    assert not list((tmp_path / "scratch").iterdir())
    sent = pickle.loads(pickle.dumps(image.data))
    np.testing.assert_array_equal(sent.compute(), values)
    (unpacked,) = (tmp_path / "scratch").iterdir()
    assert unpacked.stat().st_size == values.nbytes


def test_many_readers_share_one_unpacked_file_which_goes_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    values = RNG.integers(0, 99, (40, 200, 300)).astype(np.int16)
    image = only(save(oblique(values), tmp_path / "a.mha", packed=True))
    assert len(image.data.chunks[0]) > 3
    found = image.data.compute(scheduler="threads", num_workers=4)
    np.testing.assert_array_equal(found, values)
    assert len(list(scratch.iterdir())) == 1
    del image
    packed._unpacked.cache_clear()
    gc.collect()
    assert not list(scratch.iterdir())


def test_damaged_files(tmp_path: Path) -> None:
    values = RNG.integers(0, 99, (4, 5, 6)).astype(np.int16)
    for squeezed in (False, True):
        origin = save(oblique(values), tmp_path / f"a{squeezed}.mha", packed=squeezed)
        place = tmp_path / f"copies{squeezed}"
        place.mkdir()
        read_anyway = [
            assert_data_or_one_error(copy)
            for copy in damaged_copies(origin, place, count=COPIES)
        ]
        assert not all(read_anyway)
    sweep = tmp_path / "sweep.mha"
    sweep.write_bytes(sequence(3) + bytes(72))
    place = tmp_path / "sweeps"
    place.mkdir()
    for copy in damaged_copies(sweep, place, count=COPIES, seed=1):
        assert_data_or_one_error(copy, pixel_size=2.0)


@pytest.mark.parametrize(
    "change",
    [
        ("NDims = 3", "NDims = 0"),
        ("NDims = 3", "NDims = 99999999999"),
        ("DimSize = 4 3 2", "DimSize = 4 -3 2"),
        ("DimSize = 4 3 2", "DimSize = 4 3 99999999999999"),
        ("DimSize = 4 3 2", "DimSize = 4 3"),
        ("ElementSpacing = 1 1 1", "ElementSpacing = 1 nan 1"),
        ("MET_SHORT", "MET_STRING"),
        ("BinaryData = True", "BinaryData = False"),
        ("DimSize", "Offset = 1 2\nDimSize"),
        ("DimSize", "HeaderSize = x\nDimSize"),
        ("DimSize", "ElementNumberOfChannels = 0\nDimSize"),
    ],
)
def test_a_wrong_field_gives_one_error(change: tuple[str, str], tmp_path: Path) -> None:
    text = (HEADER + "ElementDataFile = a.raw\n").replace(*change)
    (tmp_path / "a.mhd").write_text(text)
    (tmp_path / "a.raw").write_bytes(bytes(48))
    with pytest.raises(NanoscapeError):
        read(tmp_path / "a.mhd")
