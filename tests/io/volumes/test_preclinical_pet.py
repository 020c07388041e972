"""Interfile, ECAT 7 and Siemens Inveon."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_copies
from nibabel.ecat import main_header_dtd, subheader_dtd

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.model import Image
from nanoscape.quantify.nuclear.suv import percent_injected_dose, suv

RNG = np.random.default_rng(3)
INTERFILE = """!INTERFILE :=
!imaging modality := PET
!name of data file := {data}
!GENERAL DATA :=
imagedata byte order := {order}
!number format := {kind}
!number of bytes per pixel := {width}
!matrix size [1] := 5
!matrix size[2] := 4
!matrix size [ 3 ] := 3
scaling factor (mm/pixel) [1] := 0.7
scaling factor (mm/pixel) [2] := 0.8
{more}
!END OF INTERFILE :=
"""
INVEON = """#
# Header file for data file mouse.img
#
version 001.910
modality {modality}
file_type {file_type}
total_frames 2
isotope_half_life 6586.2
isotope_branching_fraction 0.967
calibration_units {units}
calibration_factor 100
data_type {kind}
x_dimension 5
y_dimension 4
z_dimension 3
pixel_size_x 0.7
pixel_size_y 0.8
pixel_size_z 0.9
decay_correction_applied {decay}
dose_units 2
dose 7.4
injection_time Mon Nov 23 10:00:00 2026
scan_time Mon Nov 23 10:45:00 2026
subject_weight 22.5
subject_weight_units 1
subject_identifier M1
end_of_header
frame 0
frame_start 0
frame_duration 300
scale_factor 0.5
data_file_pointer 0 240
end_of_header
frame 1
frame_start 300
frame_duration 600
scale_factor 0.25
data_file_pointer 0 {second}
end_of_header
"""


def only(path: Path, **more: Any) -> Image:
    (image,) = read(path, **more)
    assert isinstance(image, Image)
    return image


@pytest.fixture(scope="session")
def expected(shared_data: Path) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = json.loads(
        (shared_data / "EXPECTED.json").read_text("utf-8")
    )
    return values


def interfile(
    folder: Path, pixels: Any, more: str = "scaling factor (mm/pixel) [3] := 0.9",
    *, kind: str = "float", order: str = "LITTLEENDIAN", data: str = "a.v",
) -> Path:  # fmt: skip
    (folder / "a.v").write_bytes(pixels.tobytes())
    header = folder / "a.hv"
    width = pixels.dtype.itemsize
    header.write_text(
        INTERFILE.format(data=data, order=order, kind=kind, width=width, more=more)
    )
    return header


def inveon(
    folder: Path, pixels: Any, *, kind: int = 2, units: int = 1, modality: int = 0,
    decay: int = 1, file_type: int = 5,
) -> Path:  # fmt: skip
    path = folder / "mouse.img"
    path.write_bytes(bytes(240) + pixels.tobytes())
    (folder / "mouse.img.hdr").write_text(
        INVEON.format(
            kind=kind, units=units, modality=modality, decay=decay,
            file_type=file_type, second=240 + pixels[0].nbytes,
        )
    )  # fmt: skip
    return path


def ecat(path: Path, pixels: Any, orientation: int = 8) -> None:
    """Write frames of ``t z y x`` with a scale of their own."""
    main = np.zeros((), np.dtype(main_header_dtd).newbyteorder(">"))
    main["magic_number"], main["file_type"] = b"MATRIX72v", 7
    main["num_frames"] = len(pixels)
    main["ecat_calibration_factor"], main["data_units"] = 2.0, b"Bq/cc"
    main["patient_orientation"] = orientation
    main["isotope_halflife"], main["patient_weight"] = 6586.2, 0.025
    main["scan_start_time"], main["dose_start_time"] = 1290124615, 1290121015
    blocks = -(-pixels[0].nbytes // 512)
    directory = np.zeros((32, 4), ">i4")
    directory[0] = 31 - len(pixels), 2, 0, len(pixels)
    content = b""
    for number, frame in enumerate(pixels):
        start = 3 + number * (blocks + 1)
        directory[1 + number] = 16842752 + number + 1, start, start + blocks, 1
        sub = np.zeros((), np.dtype(subheader_dtd).newbyteorder(">"))
        sub["data_type"], sub["num_dimensions"] = 6, 3
        for axis, length, size in zip("zyx", frame.shape, (0.3, 0.2, 0.1), strict=True):
            sub[f"{axis}_dimension"], sub[f"{axis}_pixel_size"] = length, size
            sub[f"{axis}_offset"] = 0.0
        sub["scale_factor"] = 0.5 + number
        sub["frame_start_time"], sub["frame_duration"] = 60000 * number, 60000
        sub["corrections_applied"] = 512
        content += sub.tobytes().ljust(512, b"\0")
        content += frame.astype(">i2").tobytes().ljust(512 * blocks, b"\0")
    path.write_bytes(main.tobytes() + directory.tobytes() + content)


def test_interfile_equals_the_reference(
    shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    truth = expected["nuclear/interfile_pet/test_image_3.hv"]
    for suffix in ("hv", "v"):
        image = only(shared_data / f"nuclear/interfile_pet/test_image_3.{suffix}")
        values = image.data.compute()
        assert list(values.shape) == truth["shape"]
        assert values.dtype == truth["dtype"]
        assert values.sum(dtype=float) == pytest.approx(truth["sum"])
        assert values[15, 48, 48] == pytest.approx(0.02740771323442459)
        assert values[29, 20, 48] == values.max() == pytest.approx(truth["max"])
        spacing = [image.spacing[a] / 1e3 for a in "zyx"]
        assert spacing == pytest.approx(truth["spacing_zyx_mm"])


@pytest.mark.parametrize("order", ["LITTLEENDIAN", "BIGENDIAN", ""])
@pytest.mark.parametrize(
    ("kind", "letter"),
    [("signed integer", "i2"), ("unsigned integer", "u1"), ("short float", "f4"),
     ("long float", "f8")],
)  # fmt: skip
def test_types_and_byte_orders_of_interfile(
    kind: str, letter: str, order: str, tmp_path: Path
) -> None:
    # The standard's default is big endian.
    sign = "<" if order == "LITTLEENDIAN" else ">"
    pixels = RNG.integers(0, 100, (3, 4, 5)).astype(sign + letter)
    image = only(interfile(tmp_path, pixels, kind=kind, order=order))
    np.testing.assert_array_equal(image.data.compute(), pixels)
    assert image.dtype == np.dtype(letter)
    assert image.spacing == pytest.approx({"z": 900, "y": 800, "x": 700})


def test_frames_offsets_and_origin_of_interfile(tmp_path: Path) -> None:
    pixels = RNG.random((2, 3, 4, 5)).astype("<f4")
    more = """scaling factor (mm/pixel) [3] := 0.9
first pixel offset (mm) [1] := -2.5
number of time frames := 2
image relative start time (sec)[1] := 0
image duration (sec)[1] := 60
image relative start time (sec)[2] := 60
image duration (sec)[2] := 120
data offset in bytes[1] := 240
data offset in bytes[2] := 0
image scale factor := 3"""
    image = only(interfile(tmp_path, pixels, more))
    np.testing.assert_allclose(image.data.compute(), pixels[::-1] * 3, rtol=1e-6)
    assert image.times == (30, 120)
    assert image.grid_to_space.shift[2] == pytest.approx(-2500)


def test_interfile_without_a_distance_of_slices_asks_for_it(tmp_path: Path) -> None:
    pixels = np.zeros((3, 4, 5), "<f4")
    with pytest.raises(MissingCalibration, match="how far"):
        read(interfile(tmp_path, pixels, ""))
    more = "centre-centre slice separation (pixels) := 2"
    assert only(interfile(tmp_path, pixels, more)).spacing["z"] == pytest.approx(1400)


def test_samples_of_interfile_stay_in_its_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret.v").write_bytes(bytes(240))
    pixels = np.zeros((3, 4, 5), "<f4")
    header = interfile(inner, pixels, data="../secret.v")
    with pytest.raises(UnreadableFile, match="missing beside it"):
        read(header)
    # A path of the computer on which it was written is no obstacle.
    header = interfile(inner, pixels, data="D:\\study\\a.v")
    assert only(header).shape == (3, 4, 5)


def test_truncated_samples_are_told(tmp_path: Path) -> None:
    pixels = np.zeros((3, 4, 5), "<f4")
    header = interfile(tmp_path, pixels)
    (tmp_path / "a.v").write_bytes(bytes(239))
    with pytest.raises(UnreadableFile, match="truncated"):
        read(header)


def test_inveon_equals_the_reference(
    shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    key = "nuclear/inveon_synth/mouse_fdg.img"
    truth = expected[key]
    for suffix in ("", ".hdr"):
        image = only(shared_data / f"{key}{suffix}")
        values = image.data.compute()
        assert list(values.shape) == truth["shape"]
        # The expected values are in nCi/cc.
        quantified = truth["quantified"]
        assert values.sum(dtype=float) / 37 == pytest.approx(
            quantified["sum"], rel=1e-6
        )
        assert values.max() / 37 == pytest.approx(quantified["max"], rel=1e-6)
        spacing = [image.spacing[a] / 1e3 for a in "xyz"]
        assert spacing == pytest.approx(truth["pixel_mm"])
        assert image.times == (150, 450, 750)
        assert image.quantity.unit == "Bq/mL"


def test_inveon_samples_are_scaled_frame_by_frame(tmp_path: Path) -> None:
    pixels = RNG.integers(-100, 1000, (2, 3, 4, 5)).astype("<i2")
    path = inveon(tmp_path, pixels)
    image = only(path)
    factor = 37 * 100 / 0.967
    truth = pixels * np.array([0.5, 0.25])[:, None, None, None] * factor
    np.testing.assert_allclose(image.data.compute(), truth, rtol=1e-6)
    sent = pickle.loads(pickle.dumps(image.data))
    part = sent[1, 2, 1:3].compute()
    np.testing.assert_allclose(part, truth[1, 2, 1:3], rtol=1e-6)
    assert image.times == (150, 600)
    assert image.tags["weight_g"] == 22.5


@pytest.mark.parametrize(("kind", "letter"), [(4, "<f4"), (5, ">f4"), (6, ">i2")])
def test_types_of_inveon(kind: int, letter: str, tmp_path: Path) -> None:
    pixels = RNG.integers(0, 100, (2, 3, 4, 5)).astype(letter)
    image = only(inveon(tmp_path, pixels, kind=kind, modality=1))
    truth = pixels * np.array([0.5, 0.25])[:, None, None, None]
    np.testing.assert_array_equal(image.data.compute(), truth.astype(np.float32))
    assert image.quantity.unit == "a.u."


def test_an_uncalibrated_inveon_image_stays_so(tmp_path: Path) -> None:
    pixels = np.ones((2, 3, 4, 5), "<i2")
    opened = open_file(inveon(tmp_path, pixels, units=0))
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert image.quantity.unit == "a.u."
    assert "not calibrated" in opened.warnings[0]
    with pytest.raises(UnreadableFile, match="raw or calibration"):
        read(inveon(tmp_path, pixels, file_type=2))


@pytest.mark.parametrize("decay", [0, 1])
def test_inveon_becomes_uptake(decay: int, tmp_path: Path) -> None:
    image = only(inveon(tmp_path, np.ones((2, 3, 4, 5), "<i2"), decay=decay))
    rate = math.log(2) / 6586.2
    activity = np.array([0.5, 0.25]) * 37 * 100 / 0.967
    if decay:
        back = np.full(2, math.exp(rate * 2700))
    else:
        starts, lengths = np.array([2700, 3000]), np.array([300, 600])
        back = np.exp(rate * starts) * rate * lengths / -np.expm1(-rate * lengths)
    share = activity * back / 7.4e6
    found = suv(image).data.compute()[:, 0, 0, 0]
    np.testing.assert_allclose(found, share * 22.5, rtol=1e-6)
    percent = percent_injected_dose(image).data.compute()[:, 0, 0, 0]
    np.testing.assert_allclose(percent, share * 100, rtol=1e-6)


def test_ecat_equals_the_reference(
    shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    key = "nuclear/ecat/tinypet.v"
    truth = expected[key]
    image = only(shared_data / key)
    values = image.data.compute().T
    assert list(values.shape) == truth["shape"]
    assert values.sum(dtype=float) == pytest.approx(truth["sum"], rel=1e-6)
    assert values.min() == pytest.approx(truth["min"], rel=1e-6)
    assert values[5, 5, 1] == pytest.approx(truth["probe"]["centre [5, 5, 1]"])
    assert values[1, 2, 1] == pytest.approx(truth["max"], rel=1e-6)
    spacing = [image.spacing[a] / 1e3 for a in "xyz"]
    assert spacing == pytest.approx(truth["zooms"], rel=1e-5)
    assert image.tags["radionuclide"] == truth["isotope"]
    assert image.tags["half_life_s"] == pytest.approx(truth["half_life_s"])
    assert image.quantity.unit == "Bq/mL"


@pytest.mark.parametrize("orientation", [0, 1, 3, 8])
def test_ecat_lies_where_nibabel_puts_it(orientation: int, tmp_path: Path) -> None:
    pixels = RNG.integers(0, 1000, (2, 3, 4, 5))
    ecat(tmp_path / "a.v", pixels, orientation)
    image = only(tmp_path / "a.v")
    truth = nibabel.ecat.load(str(tmp_path / "a.v"))
    values = image.data.compute()
    for frame in range(2):
        np.testing.assert_allclose(values[frame].T, truth.get_frame(frame), rtol=1e-6)
    truth.get_subheaders().fileobj.close()
    index = np.array([[2, 1, 4]])
    ras = truth.affine @ [4, 1, 2, 1]
    found = image.grid_to_space.apply(index)[0, ::-1] / 1e3 * (-1, -1, 1)
    np.testing.assert_allclose(found, ras[:3], atol=1e-5)
    assert image.times == (30, 90)


def test_ecat_becomes_uptake(tmp_path: Path) -> None:
    ecat(tmp_path / "a.v", np.full((1, 3, 4, 5), 100))
    found = suv(only(tmp_path / "a.v"), dose_mbq=5.0)
    truth = 100.0 * 25 / 5e6 * 2 ** (3600 / 6586.2)
    np.testing.assert_allclose(found.data.compute(), truth, rtol=1e-6)


def test_a_looping_directory_of_ecat_ends(tmp_path: Path) -> None:
    ecat(tmp_path / "a.v", np.zeros((1, 3, 4, 5)))
    content = bytearray((tmp_path / "a.v").read_bytes())
    content[512 + 4 : 512 + 8] = (3).to_bytes(4, "big")
    (tmp_path / "a.v").write_bytes(bytes(content))
    assert_data_or_one_error(tmp_path / "a.v")


@pytest.mark.parametrize("kind", ["interfile", "inveon", "ecat"])
def test_damage(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    folder.mkdir()
    pixels = RNG.integers(0, 1000, (2, 3, 4, 5)).astype("<i2")
    if kind == "interfile":
        path = interfile(folder, pixels[0], kind="signed integer")
        beside = [folder / "a.v"]
    elif kind == "inveon":
        beside = [inveon(folder, pixels)]
        path = folder / "mouse.img.hdr"
    else:
        path = folder / "a.v"
        ecat(path, pixels)
        beside = []
    assert assert_data_or_one_error(path)
    for copy in damaged_copies(path, tmp_path, count=COPIES):
        for other in beside:
            (copy.parent / other.name).write_bytes(other.read_bytes())
        assert_data_or_one_error(copy)
