from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.dicom.diffusion import b_value
from nanoscape.model import Image, ImageGroup

KINDS = {"CT": "2", "MR": "4", "PT": "128"}
ROW = np.array([0.0, 0.8, 0.6])
COLUMN = np.array([1.0, 0.0, 0.0])
NORMAL = np.cross(ROW, COLUMN)
START = np.array([-7.0, 3.5, 120.0])
STEP = 2.5
RNG = np.random.default_rng(11)


def slice_of(
    pixels: Any, place: Any, modality: str = "CT", series: str = "1.2.3", **more: Any
) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{KINDS[modality]}"
    header.SOPInstanceUID = generate_uid()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.Modality = modality
    header.SeriesInstanceUID = series
    header.PatientID = "mouse 7"
    header.PatientWeight = "0.0245"
    header.Rows, header.Columns = pixels.shape
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = 0
    header.PixelSpacing = [0.8, 0.7]
    header.SliceThickness = 9.0
    header.ImageOrientationPatient = [*ROW, *COLUMN]
    header.ImagePositionPatient = [round(float(v), 6) for v in place]
    for name, value in more.items():
        if value is None:
            delattr(header, name)
        else:
            setattr(header, name, value)
    header.PixelData = np.ascontiguousarray(pixels, "<u2").tobytes()
    return header


def save(header: Dataset, path: Path) -> Path:
    header.save_as(path, enforce_file_format=True)
    return path


def stack(
    folder: Path, count: int = 4, shuffle: bool = True, prefix: str = "", **more: Any
) -> np.ndarray[Any, Any]:
    """Write a stack under names that do not follow the slices."""
    pixels = RNG.integers(0, 4000, (count, 5, 6)).astype(np.uint16)
    order = RNG.permutation(count) if shuffle else np.arange(count)
    for number in range(count):
        place = START + number * STEP * NORMAL
        header = slice_of(pixels[number], place, **more)
        save(header, folder / f"{prefix}{order[number]}.dcm")
    return pixels


def only(path: Path, **more: Any) -> Image:
    (image,) = read(path, **more)
    assert isinstance(image, Image)
    return image


def test_positions_decide_where_a_voxel_lies(tmp_path: Path) -> None:
    pixels = stack(tmp_path)
    image = only(tmp_path)
    np.testing.assert_array_equal(image.data.compute(), pixels)
    for z, y, x in ((0, 0, 0), (3, 4, 5), (2, 1, 3)):
        # PixelSpacing is [between rows, between columns]: y steps along COLUMN.
        lps = START + z * STEP * NORMAL + y * 0.8 * COLUMN + x * 0.7 * ROW
        found = image.grid_to_space.apply([[z, y, x]])[0]
        np.testing.assert_allclose(found, lps[::-1] * 1e3, atol=1e-2)
    assert image.tags["weight_g"] == pytest.approx(24.5)
    assert image.tags["subject"] == "mouse 7"


def test_a_file_stands_for_its_series(tmp_path: Path) -> None:
    pixels = stack(tmp_path)
    stack(tmp_path, prefix="other", series="1.2.4")
    image = only(tmp_path / "2.dcm")
    np.testing.assert_array_equal(image.data.compute(), pixels)
    assert len(read(tmp_path)) == 2


def test_every_slice_has_its_own_slope(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 4000, (3, 5, 6)).astype(np.uint16)
    slopes = (0.5, 1.25, 7.0)
    for number, slope in enumerate(slopes):
        header = slice_of(
            pixels[number],
            START + number * NORMAL,
            "PT",
            RescaleSlope=slope,
            RescaleIntercept=-2,
            Units="BQML",
        )
        save(header, tmp_path / f"{number}.dcm")
    image = only(tmp_path)
    truth = pixels * np.array(slopes)[:, None, None] - 2
    np.testing.assert_allclose(image.data.compute(), truth, rtol=1e-6)
    assert str(image.quantity) == "activity concentration (Bq/mL)"


def test_a_slope_that_some_slices_lack_is_told(tmp_path: Path) -> None:
    stack(tmp_path, modality="PT", RescaleSlope=2)
    header = slice_of(np.zeros((5, 6), np.uint16), START - STEP * NORMAL, "PT")
    save(header, tmp_path / "more.dcm")
    with pytest.raises(UnreadableFile, match="has no RescaleSlope"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("modality", "units", "unit"),
    [
        ("PT", "GML", "g/mL"),
        ("PT", "CNTS", "CNTS"),
        ("CT", None, "HU"),
        ("MR", None, "a.u."),
    ],
)
def test_the_unit_is_never_invented(
    modality: str, units: str | None, unit: str, tmp_path: Path
) -> None:
    more = {"Units": units} if units else {}
    stack(tmp_path, modality=modality, **more)
    assert only(tmp_path).quantity.unit == unit


def test_hounsfield_units_stay_whole_numbers(tmp_path: Path) -> None:
    pixels = stack(
        tmp_path, RescaleSlope=1, RescaleIntercept=-1024, BitsStored=12, HighBit=11
    )
    image = only(tmp_path)
    assert image.dtype == np.int16
    np.testing.assert_array_equal(image.data.compute(), pixels.astype(int) - 1024)


def test_a_missing_slice_is_told(tmp_path: Path) -> None:
    stack(tmp_path, 6, shuffle=False)
    (tmp_path / "2.dcm").unlink()
    with pytest.raises(UnreadableFile, match="not evenly spaced"):
        read(tmp_path)


def test_slices_at_one_place_are_told(tmp_path: Path) -> None:
    stack(tmp_path)
    stack(tmp_path, prefix="again")
    with pytest.raises(UnreadableFile, match="same place"):
        read(tmp_path)


def test_the_same_slice_twice_is_taken_once(tmp_path: Path) -> None:
    pixels = stack(tmp_path)
    (tmp_path / "copy.dcm").write_bytes((tmp_path / "0.dcm").read_bytes())
    opened = open_file(tmp_path)
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert image.shape == pixels.shape
    assert "repeats" in opened.warnings[0]


def test_volumes_at_several_times_are_frames(tmp_path: Path) -> None:
    late = stack(tmp_path, prefix="a", modality="PT", FrameReferenceTime=90_000)
    early = stack(tmp_path, prefix="b", modality="PT", FrameReferenceTime=30_000)
    image = only(tmp_path)
    assert image.times == (30.0, 90.0)
    np.testing.assert_array_equal(image.data.compute(), np.stack([early, late]))


def test_slices_of_two_orientations_are_told(tmp_path: Path) -> None:
    stack(tmp_path)
    stack(tmp_path, 1, prefix="scout", ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    with pytest.raises(UnreadableFile, match="orientation"):
        read(tmp_path)


@pytest.mark.parametrize(
    "name", ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"]
)
def test_missing_geometry_is_told(name: str, tmp_path: Path) -> None:
    stack(tmp_path, **{name: None})
    with pytest.raises(MissingCalibration, match=name):
        read(tmp_path)


def test_a_pixel_size_can_be_given(tmp_path: Path) -> None:
    stack(tmp_path, PixelSpacing=None)
    image = only(tmp_path, pixel_size=650.0)
    assert image.spacing == pytest.approx({"z": 2500.0, "y": 650.0, "x": 650.0})


def test_a_truncated_slice_names_its_file(tmp_path: Path) -> None:
    stack(tmp_path)
    content = (tmp_path / "1.dcm").read_bytes()
    for keep in (len(content) - 1, len(content) - 40, len(content) - 62, 600, 250, 140):
        (tmp_path / "1.dcm").write_bytes(content[:keep])
        with pytest.raises(UnreadableFile, match=r"1\.dcm"):
            read(tmp_path)


def test_a_series_travels(tmp_path: Path) -> None:
    pixels = stack(tmp_path)
    sent = pickle.loads(pickle.dumps(only(tmp_path).data))
    np.testing.assert_array_equal(sent[1:3, 2].compute(), pixels[1:3, 2])


def test_other_objects_are_refused_in_one_sentence(tmp_path: Path) -> None:
    header = slice_of(np.zeros((5, 6), np.uint16), START)
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    save(header, tmp_path / "a.dcm")
    with pytest.raises(UnreadableFile, match="Basic Text SR Storage"):
        read(tmp_path)


def test_echoes_at_one_place_become_a_group(tmp_path: Path) -> None:
    long = stack(tmp_path, prefix="a", modality="MR", EchoTime=20)
    short = stack(tmp_path, prefix="b", modality="MR", EchoTime=4)
    (group,) = read(tmp_path)
    assert isinstance(group, ImageGroup)
    assert group.coordinate == "echo_time_ms"
    assert group.tags["modality"] == "MR"
    assert "echo_time_ms" not in group.tags
    for image, echo, pixels in zip(group, (4, 20), (short, long), strict=True):
        assert image.tags["echo_time_ms"] == echo
        np.testing.assert_array_equal(image.data.compute(), pixels)


def test_b_values_with_directions_become_a_group(tmp_path: Path) -> None:
    diffusion = ((0, None), (800, [1.0, 0, 0]), (800, [0, 1.0, 0]))
    for number, (value, direction) in enumerate(diffusion):
        more = {} if direction is None else {"DiffusionGradientOrientation": direction}
        stack(
            tmp_path, prefix=f"{number}x", modality="MR",
            DiffusionBValue=value, **more,
        )  # fmt: skip
    (group,) = read(tmp_path)
    assert isinstance(group, ImageGroup)
    assert [image.tags["b_value"] for image in group] == [0, 800, 800]
    assert "b_direction" not in group.images[0].tags


def diffusion_of(vendor: str, header: Dataset, value: int) -> None:
    """Give a header a b-value where its vendor keeps it."""
    header.Manufacturer = vendor
    if vendor == "SIEMENS":
        block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", value)
        if value:
            block.add_new(0x0E, "FD", [0.0, 1.0, 0.0])
    elif vendor == "GE MEDICAL SYSTEMS":
        block = header.private_block(0x0043, "GEMS_PARM_01", create=True)
        flagged = 1_000_000_000 + value if value else 0
        block.add_new(0x39, "IS", [flagged, 8, 0, 0])
    else:
        block = header.private_block(0x2001, "Philips Imaging DD 001", create=True)
        block.add_new(0x03, "FL", float(value))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    "vendor", ["SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems"]
)
def test_private_b_values_become_a_group(
    vendor: str, syntax: str, tmp_path: Path
) -> None:
    for value in (0, 500, 1000):
        for z in range(3):
            pixels = np.full((5, 6), value + z, np.uint16)
            header = slice_of(pixels, START + z * NORMAL, "MR")
            header.file_meta.TransferSyntaxUID = syntax
            diffusion_of(vendor, header, value)
            save(header, tmp_path / f"{value}_{z}.dcm")
    (group,) = read(tmp_path)
    assert isinstance(group, ImageGroup)
    assert group.coordinate == "b_value"
    assert [image.tags["b_value"] for image in group] == [0, 500, 1000]
    for image in group:
        first = int(image.tags["b_value"])
        assert image.data[:, 0, 0].compute().tolist() == [first, first + 1, first + 2]
    is_siemens = vendor == "SIEMENS"
    assert ("b_direction" in group.images[2].tags) == is_siemens
    assert "b_direction" not in group.images[0].tags


def test_a_private_element_of_another_vendor_is_no_b_value() -> None:
    header = Dataset()
    header.Manufacturer = "GE MEDICAL SYSTEMS"
    block = header.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x0C, "IS", 700)
    assert b_value(header) is None
    header.DiffusionBValue = 800
    assert b_value(header) == 800


def test_a_picture_whose_lowest_values_are_white_keeps_its_values(
    tmp_path: Path,
) -> None:
    pixels = stack(tmp_path, PhotometricInterpretation="MONOCHROME1")
    (image,) = read(tmp_path)
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), pixels)
    assert image.tags["shown_inverted"] is True


def test_a_repeated_b_value_does_not_hide_the_others(tmp_path: Path) -> None:
    for number, (value, second) in enumerate(((0, 1), (0, 9), (800, 5))):
        stack(
            tmp_path, prefix=f"{number}x", modality="MR", DiffusionBValue=value,
            AcquisitionDate="20260105", AcquisitionTime=f"09000{second}",
        )  # fmt: skip
    (group,) = read(tmp_path)
    assert isinstance(group, ImageGroup)
    assert group.coordinate == "b_value"
    found = [(i.tags["b_value"], i.tags["repetition"]) for i in group]
    assert found == [(0, 1), (0, 2), (800, 1)]


@pytest.mark.parametrize("resolution", [None, 2500])
def test_numbered_frames_are_in_order(resolution: float | None, tmp_path: Path) -> None:
    more = {} if resolution is None else {"TemporalResolution": resolution}
    pixels = [
        stack(
            tmp_path, prefix=f"{n}x", modality="MR",
            TemporalPositionIdentifier=n, **more,
        )
        for n in (2, 1, 3)
    ]  # fmt: skip
    image = only(tmp_path)
    truth = np.stack([pixels[1], pixels[0], pixels[2]])
    np.testing.assert_array_equal(image.data.compute(), truth)
    assert image.times == (None if resolution is None else (0, 2.5, 5))


def test_gates_of_pet_become_a_group(tmp_path: Path) -> None:
    for gate in (0, 250, 500):
        stack(
            tmp_path, prefix=f"{gate}x", modality="PT",
            TriggerTime=gate, FrameReferenceTime=1000,
        )  # fmt: skip
    (group,) = read(tmp_path)
    assert isinstance(group, ImageGroup)
    assert group.coordinate == "trigger_time_ms"
    assert group.coordinates() == [0, 250, 500]


def test_slices_acquired_in_turn_are_frames_by_their_times(tmp_path: Path) -> None:
    # A dynamic series of single slices: each is acquired at a time of its own.
    pixels = RNG.integers(0, 4000, (2, 3, 5, 6)).astype(np.uint16)
    for t, z in np.ndindex(2, 3):
        header = slice_of(
            pixels[t, z], START + z * NORMAL, "MR",
            AcquisitionDate="20260105", AcquisitionTime=f"0900{20 * t + z:02}.5",
        )  # fmt: skip
        save(header, tmp_path / f"{t}{z}.dcm")
    image = only(tmp_path)
    assert image.times == (0, 20)
    np.testing.assert_array_equal(image.data.compute(), pixels)


def test_a_tilted_gantry_is_kept_and_told(tmp_path: Path) -> None:
    shift = np.array([0.0, 0.3, 0])
    for number in range(4):
        place = START + number * (NORMAL + shift)
        header = slice_of(np.zeros((5, 6), np.uint16), place)
        save(header, tmp_path / f"{number}.dcm")
    opened = open_file(tmp_path)
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert "tilted gantry" in opened.warnings[0]
    found = image.grid_to_space.apply([[3, 0, 0]])[0, ::-1] / 1e3
    np.testing.assert_allclose(found, START + 3 * (NORMAL + shift), atol=1e-4)


@pytest.mark.parametrize("name", ["MR_small", "MR_small_RLE", "MR_small_bigendian"])
def test_encodings_give_the_same_slice(name: str, shared_data: Path) -> None:
    image = only(shared_data / f"mri/dicom/{name}.dcm")
    assert image.data.sum(dtype=np.int64).compute() == 2125338


HEIGHTS = (0.0, 2.0, 4.0, 9.0, 10.0, 14.0)


def uneven(folder: Path, shift: float = 0.0) -> np.ndarray[Any, Any]:
    """Write slices whose values are linear along the stack: 100 + 10 · height."""
    values = np.array([100 + 10 * height for height in HEIGHTS])
    for number, height in enumerate(HEIGHTS):
        pixels = np.full((5, 6), values[number], np.uint16)
        place = START + height * NORMAL + (number == 2) * shift * ROW
        save(slice_of(pixels, place), folder / f"{number}.dcm")
    return values


def test_uneven_slices_are_resampled_only_when_asked(tmp_path: Path) -> None:
    uneven(tmp_path)
    with pytest.raises(UnreadableFile, match=r"not evenly spaced.*--resample"):
        read(tmp_path)
    opened = open_file(tmp_path, resample=True)
    (image,) = opened.objects
    assert isinstance(image, Image)
    # The smallest distance is 1 mm: fifteen slices from 0 to 14 mm.
    assert image.shape == (15, 5, 6)
    assert image.spacing["z"] == pytest.approx(1000)
    values = image.data.compute()
    heights = np.arange(15)[:, np.newaxis, np.newaxis]
    np.testing.assert_allclose(values, np.broadcast_to(100 + 10 * heights, (15, 5, 6)))
    last = image.grid_to_space.apply([[14, 0, 0]])[0]
    np.testing.assert_allclose(last, (START + 14 * NORMAL)[::-1] * 1e3, atol=1e-2)
    said = " ".join(opened.warnings)
    assert "1 to 5 mm apart; as asked, 15 slices 1 mm apart" in said
    np.testing.assert_array_equal(
        image.data[3:5, 2:4, 1].compute(), values[3:5, 2:4, 1]
    )
    assert pickle.loads(pickle.dumps(image.data)).sum().compute() == values.sum()


def test_even_slices_stay_as_they_are_when_resampling_is_allowed(
    tmp_path: Path,
) -> None:
    pixels = stack(tmp_path)
    opened = open_file(tmp_path, resample=True)
    (image,) = opened.objects
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), pixels)
    assert image.dtype == pixels.dtype
    assert not opened.warnings


def test_slices_aside_are_refused_even_then(tmp_path: Path) -> None:
    uneven(tmp_path, shift=3.0)
    with pytest.raises(UnreadableFile, match="behind one another"):
        read(tmp_path, resample=True)
