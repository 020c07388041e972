"""DICOM objects of one file: SPECT, enhanced, cine, segmentation, structure set."""

from __future__ import annotations

import json
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from dicom_files import dicom_file, item, plane_groups, save, small_object
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import RLELossless
from scipy import ndimage
from skimage.draw import polygon2mask

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.dicom.source import read_frame
from nanoscape.model import Image, ImageGroup, Labels, Regions
from nanoscape.quantify.nuclear.suv import suv

RNG = np.random.default_rng(5)
NM = "20"


def only(path: Path, **more: Any) -> Image:
    (image,) = read(path, **more)
    assert isinstance(image, Image)
    return image


def group_of(path: Path) -> ImageGroup:
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    return group


def frames(count: int, dtype: Any = np.uint16) -> np.ndarray[Any, Any]:
    return RNG.integers(0, 200, (count, 5, 6)).astype(dtype)


@pytest.fixture(scope="session")
def expected(shared_data: Path) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = json.loads(
        (shared_data / "EXPECTED.json").read_text("utf-8")
    )
    return values


def probe(values: np.ndarray[Any, Any], truth: dict[str, Any]) -> None:
    """Check rescaled samples against the stored ones that are known."""
    slope, intercept = truth.get("rescale") or (1.0, 0.0)
    assert list(values.shape) == truth["shape"]
    total = truth["sum"] * slope + intercept * values.size
    assert values.sum(dtype=np.float64) == pytest.approx(total, rel=1e-6)
    for where, stored in truth.get("probe", {}).items():
        index = tuple(int(n) for n in where.split("[")[1].rstrip("]").split(","))
        assert values[index] == pytest.approx(stored * slope + intercept, rel=1e-6)


# Nuclear medicine


def spect(path: Path, step: float | None, **more: Any) -> np.ndarray[Any, Any]:
    pixels = frames(4)
    header = dicom_file(
        pixels, NM, "NM",
        ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
        PixelSpacing=[0.8, 0.7],
        SpacingBetweenSlices=step,
        SliceThickness=9,
        SliceVector=[1, 2, 3, 4],
        DetectorInformationSequence=[
            item(
                ImagePositionPatient=[-7, 3.5, 120],
                ImageOrientationPatient=[0, 0.8, 0.6, 1, 0, 0],
            )
        ],
        **more,
    )  # fmt: skip
    save(header, path)
    return pixels


@pytest.mark.parametrize("step", [2.5, -2.5])
def test_the_sign_of_the_spacing_stacks_spect_slices(step: float, tmp_path: Path):
    pixels = spect(tmp_path / "a.dcm", step)
    image = only(tmp_path)
    np.testing.assert_array_equal(image.data.compute(), pixels)
    row, column = np.array([0, 0.8, 0.6]), np.array([1.0, 0, 0])
    behind = np.cross(row, column)
    for z, y, x in ((0, 0, 0), (3, 4, 5)):
        lps = [-7, 3.5, 120] + z * step * behind + y * 0.8 * column + x * 0.7 * row
        found = image.grid_to_space.apply([[z, y, x]])[0]
        np.testing.assert_allclose(found, np.asarray(lps)[::-1] * 1e3, atol=1e-6)
    assert str(image.quantity) == "counts (counts)"
    assert image.space == "patient"


def test_spect_without_a_distance_of_slices_asks_for_it(tmp_path: Path):
    spect(tmp_path / "a.dcm", None)
    with pytest.raises(MissingCalibration, match="SpacingBetweenSlices"):
        read(tmp_path)
    assert only(tmp_path, pixel_size=500.0).spacing["z"] == pytest.approx(500.0)


def test_spect_without_a_place_in_the_patient_has_a_space_of_its_own(tmp_path: Path):
    header = dicom_file(
        frames(4), NM, "NM", ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO"],
        PixelSpacing=[0.8, 0.7], SpacingBetweenSlices=-2.5,
    )  # fmt: skip
    save(header, tmp_path / "a.dcm")
    opened = open_file(tmp_path)
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert image.space == "a"
    assert image.spacing == pytest.approx({"z": 2500, "y": 800, "x": 700})
    assert "where it lies" in opened.warnings[0]


def test_synthetic_spect_equals_its_truth(
    shared_data: Path, expected: dict[str, dict[str, Any]]
):
    name = "nuclear/spect_nm_synth/spect_recon.dcm"
    image = only(shared_data / name)
    values = image.data.compute()
    truth = expected[name]
    assert list(values.shape) == truth["shape"]
    assert values.dtype == truth["dtype"]
    assert (values.sum(dtype=float), values.max(), values.min()) == (
        truth["sum"], truth["max"], truth["min"],
    )  # fmt: skip
    assert list(image.spacing.values()) == [1e3 * mm for mm in truth["voxel_mm"]]
    np.testing.assert_allclose(image.grid_to_space.shift, (2000, -4500, -4000))
    # NM states doses in MBq.
    assert image.tags["injected_dose"] == 30
    assert image.tags["injected_dose_unit"] == "MBq"


def test_a_dynamic_planar_study_has_times(tmp_path: Path):
    pixels = frames(5)
    header = dicom_file(
        pixels, NM, "NM",
        ImageType=["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"],
        PixelSpacing=[2, 3],
        PhaseVector=[1, 1, 1, 2, 2],
        TimeSliceVector=[1, 2, 3, 1, 2],
        PhaseInformationSequence=[
            item(ActualFrameDuration=2000, PhaseDelay=0, PauseBetweenFrames=0,
                 NumberOfFramesInPhase=3),
            item(ActualFrameDuration=10000, PhaseDelay=4000, PauseBetweenFrames=500,
                 NumberOfFramesInPhase=2),
        ],
    )  # fmt: skip
    save(header, tmp_path / "a.dcm")
    image = only(tmp_path)
    assert image.axes == "tyx"
    assert image.times == (1, 3, 5, 15, 25.5)
    assert image.spacing == {"y": 2000, "x": 3000}
    np.testing.assert_array_equal(image.data.compute(), pixels)


def test_gates_and_energy_windows_become_a_group(tmp_path: Path):
    pixels = frames(8)
    header = dicom_file(
        pixels, NM, "NM",
        ImageType=["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"],
        PixelSpacing=[2, 2], SpacingBetweenSlices=3,
        EnergyWindowVector=[1, 1, 1, 1, 2, 2, 2, 2],
        TimeSlotVector=[1, 1, 2, 2, 1, 1, 2, 2],
        # Slices need not be in order.
        SliceVector=[2, 1, 1, 2, 1, 2, 1, 2],
        EnergyWindowInformationSequence=[
            item(EnergyWindowName="Tc99m"), item(EnergyWindowName="In111")],
        GatedInformationSequence=[item(DataInformationSequence=[item(FrameTime=40)])],
        DetectorInformationSequence=[item(
            ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0]
        )],
    )  # fmt: skip
    save(header, tmp_path / "a.dcm")
    group = group_of(tmp_path)
    assert group.coordinate == "energy_window and gate"
    found = [(i.tags["energy_window"], i.tags["gate"]) for i in group]
    assert found == [("Tc99m", 0), ("Tc99m", 40), ("In111", 0), ("In111", 40)]
    np.testing.assert_array_equal(group.images[0].data.compute(), pixels[[1, 0]])
    np.testing.assert_array_equal(group.images[3].data.compute(), pixels[[6, 7]])


def test_projections_are_refused(tmp_path: Path):
    header = dicom_file(
        frames(4), NM, "NM", ImageType=["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"],
        PixelSpacing=[2, 2], AngularViewVector=[1, 2, 3, 4],
    )  # fmt: skip
    save(header, tmp_path / "a.dcm")
    with pytest.raises(UnreadableFile, match="projections"):
        read(tmp_path)


# Enhanced multi-frame


def test_frames_of_an_enhanced_file_lie_where_they_say(tmp_path: Path):
    pixels = frames(3)
    order = (2, 0, 1)
    header = dicom_file(
        pixels, "4.1", "MR",
        SharedFunctionalGroupsSequence=[item(PixelValueTransformationSequence=[
            item(RescaleSlope=2, RescaleIntercept=1, RescaleType="US")])],
        PerFrameFunctionalGroupsSequence=[
            plane_groups([1, 2, 2.5 * place]) for place in order],
    )  # fmt: skip
    save(header, tmp_path / "a.dcm")
    image = only(tmp_path)
    np.testing.assert_array_equal(image.data.compute(), pixels[[1, 2, 0]] * 2 + 1)
    assert image.spacing == pytest.approx({"z": 2500, "y": 800, "x": 700})
    assert image.quantity.unit == "a.u."


def test_echoes_and_times_of_an_enhanced_file(tmp_path: Path):
    pixels = frames(8)
    groups = [
        plane_groups(
            [0, 0, 3 * z],
            MREchoSequence=item(EffectiveEchoTime=echo),
            FrameContentSequence=item(
                StackID="1",
                FrameAcquisitionDateTime=f"2026010509{minute:02}00",
            ),
        )
        for echo in (12.5, 5)
        for minute in (3, 1)
        for z in (0, 1)
    ]
    header = dicom_file(pixels, "4.1", "MR", PerFrameFunctionalGroupsSequence=groups)
    save(header, tmp_path / "a.dcm")
    group = group_of(tmp_path)
    assert group.coordinate == "echo_time_ms"
    assert group.coordinates() == [5, 12.5]
    short = group.images[0]
    assert short.times == (0, 120)
    np.testing.assert_array_equal(
        short.data.compute(), pixels[[6, 7, 4, 5]].reshape(2, 2, 5, 6)
    )


def test_two_stacks_of_one_file_are_two_images(tmp_path: Path):
    groups = [plane_groups([0, 0, z]) for z in (0, 1)]
    groups += [plane_groups([0, y, 0], (1, 0, 0, 0, 0, -1)) for y in (0, 1, 2)]
    header = dicom_file(frames(5), "4.1", "MR", PerFrameFunctionalGroupsSequence=groups)
    save(header, tmp_path / "a.dcm")
    assert [image.shape for image in read(tmp_path)] == [(2, 5, 6), (3, 5, 6)]


def test_enhanced_pet_in_mbq_becomes_suv(tmp_path: Path):
    pixels = np.full((2, 5, 6), 500, np.uint16)
    groups = [
        plane_groups(
            [0, 0, 3 * z],
            spacing=(4, 4),
            RealWorldValueMappingSequence=item(
                RealWorldValueSlope=2.0,
                RealWorldValueIntercept=0.0,
                MeasurementUnitsCodeSequence=[item(CodeValue="Bq/ml")],
            ),
            FrameContentSequence=item(
                FrameAcquisitionDateTime="20260105110000",
                FrameAcquisitionDuration=300000.0,
            ),
        )
        for z in (0, 1)
    ]
    header = dicom_file(
        pixels, "130", "PT",
        PatientWeight=70,
        DecayCorrected="YES", AttenuationCorrected="YES", ScatterCorrected="YES",
        DecayCorrectionDateTime="20260105110000",
        PerFrameFunctionalGroupsSequence=groups,
        RadiopharmaceuticalInformationSequence=[item(
            RadionuclideTotalDose=100, RadionuclideHalfLife=3600,
            RadiopharmaceuticalStartDateTime="20260105100000")],
    )  # fmt: skip
    save(header, tmp_path / "a.dcm")
    image = only(tmp_path)
    assert str(image.quantity) == "activity concentration (Bq/mL)"
    found = suv(image).data.compute()
    np.testing.assert_allclose(found, 1000 * 1.4e-3, rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    ["ct/dicom/eCT_Supplemental.dcm", "mri/philips_enhanced_multiframe/001"],
)
def test_enhanced_files_equal_the_reference(
    name: str, shared_data: Path, expected: dict[str, dict[str, Any]]
):
    truth = next(
        v for k, v in expected.items() if k.startswith(name) and "_gr" not in k
    )
    image = only(shared_data / name)
    # Frames are sorted by place, so that the order of the file may be reversed.
    values = image.data.compute()
    along = image.grid_to_space.linear[:, 0] / 1e3
    assert np.linalg.norm(along) == pytest.approx(
        truth["pixel_measures"]["thickness"], rel=1e-4
    )
    stored = truth | {"probe": {}}
    probe(values, stored)
    slope, intercept = truth["rescale"]
    probes = [
        (tuple(map(int, k.split("[")[1].rstrip("]").split(","))), v * slope + intercept)
        for k, v in truth["probe"].items()
    ]
    for flip in (values, values[::-1]):
        if all(flip[i] == pytest.approx(v, rel=1e-6) for i, v in probes):
            break
    else:
        pytest.fail("samples are not where they should be")


def test_an_enhanced_volume_equals_that_of_another_program(shared_data: Path):
    folder = shared_data / "mri/philips_enhanced_multiframe"
    image = only(folder / "001")
    truth = nibabel.load(folder / "001_ground_truth.nii.gz")
    assert isinstance(truth, nibabel.Nifti1Image)
    values = np.squeeze(np.asarray(truth.dataobj))
    to_voxel = np.linalg.inv(truth.affine)
    index = RNG.integers(0, image.spatial_shape, (200, 3))
    lps = image.grid_to_space.apply(index)[:, ::-1] / 1e3
    voxels = (lps * (-1, -1, 1)) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    np.testing.assert_allclose(voxels, np.round(voxels), atol=0.02)
    ours = image.data.compute()[tuple(index.T)]
    theirs = values[tuple(np.round(voxels).astype(int).T)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_tiles_of_a_mosaic_lie_where_the_protocol_says(shared_data: Path):
    folder = shared_data / "mri/siemens_mosaic_fmri"
    image = only(folder / "001")
    protocol = (folder / "001/IM-0001-0001.dcm").read_bytes().decode("latin-1")
    truth = nibabel.load(folder / "001_ground_truth.nii.gz")
    assert isinstance(truth, nibabel.Nifti1Image)
    theirs = np.asarray(truth.dataobj).T
    ours = image.data.compute()
    # This series is numbered from the last slice of the protocol to the first. The
    # other program turns the tiles too, but leaves the first corner in its place.
    np.testing.assert_array_equal(ours, theirs[:, ::-1])
    for z in (0, 1, 49):
        name = f"sSliceArray.asSlice[{49 - z}].sPosition.d"
        centre = [
            float(protocol.split(name + axis)[1].split("=")[1].split()[0])
            for axis in ("Tra", "Cor", "Sag")
        ]
        found = image.grid_to_space.apply([[z, 40, 40]])[0] / 1e3
        np.testing.assert_allclose(found, centre, atol=1e-3)


def test_frames_without_a_place_need_a_pixel_size(
    shared_data: Path, expected: dict[str, dict[str, Any]]
):
    path = shared_data / "mri/dicom/emri_small.dcm"
    with pytest.raises(MissingCalibration, match="how large"):
        read(path)
    image = only(path, pixel_size=500.0)
    probe(image.data.compute(), expected["mri/dicom/emri_small.dcm"])
    assert image.space == "emri_small"


def test_mosaics_equal_the_reference(
    shared_data: Path, expected: dict[str, dict[str, Any]]
):
    folder = shared_data / "mri/siemens_mosaic_fmri"
    opened = open_file(folder / "001")
    (image,) = opened.objects
    assert isinstance(image, Image)
    truth = expected["mri/siemens_mosaic_fmri/001_ground_truth.nii.gz"]
    assert list(image.shape) == truth["shape"]
    assert image.data.sum(dtype=float).compute() == truth["sum"]
    assert image.times == (0, 3)
    assert "repetition time" in opened.warnings[0]
    for number in (1, 2):
        key = f"mri/siemens_mosaic_fmri/001/IM-0001-000{number}.dcm"
        sheet = read_frame(shared_data / key)
        probe(sheet, expected[key])
        # The anonymised sheet has numbers in its unused tiles too.
        np.testing.assert_array_equal(image.data[number - 1, 9], sheet[80:160, 80:160])


# Ultrasound and secondary capture


REGION = {
    "RegionSpatialFormat": 1, "PhysicalUnitsXDirection": 3,
    "PhysicalUnitsYDirection": 3, "RegionLocationMinX0": 1, "RegionLocationMinY0": 0,
    "RegionLocationMaxX1": 5, "RegionLocationMaxY1": 4, "PhysicalDeltaX": 0.002,
    "PhysicalDeltaY": -0.003,
}  # fmt: skip


def cine(pixels: Any, **more: Any) -> Any:
    settings = {"SequenceOfUltrasoundRegions": [item(**REGION)], "FrameTime": 50}
    return dicom_file(pixels, "3.1", "US", **(settings | more))


def test_a_cine_is_calibrated_by_its_region(tmp_path: Path):
    pixels = frames(4, np.uint8)
    save(cine(pixels), tmp_path / "a.dcm")
    image = only(tmp_path)
    assert image.axes == "tyx"
    assert image.spacing == pytest.approx({"y": 30, "x": 20})
    assert image.times == pytest.approx((0, 0.05, 0.1, 0.15))
    np.testing.assert_array_equal(image.data.compute(), pixels)


@pytest.mark.parametrize(
    ("more", "times"),
    [
        (
            {"FrameTime": None, "FrameTimeVector": [0, 10, 20, 30]},
            (0, 0.01, 0.03, 0.06),
        ),
        ({"FrameTime": None, "CineRate": 20}, (0, 0.05, 0.1, 0.15)),
        ({"FrameTime": None}, None),
    ],
)
def test_times_of_a_cine(more: dict[str, Any], times: Any, tmp_path: Path):
    save(cine(frames(4, np.uint8), **more), tmp_path / "a.dcm")
    opened = open_file(tmp_path)
    (image,) = opened.objects
    assert isinstance(image, Image)
    assert image.times == (None if times is None else pytest.approx(times))
    assert bool(opened.warnings) == (times is None)


def test_colours_stay_colours(tmp_path: Path):
    pixels = RNG.integers(0, 255, (3, 5, 6, 3)).astype(np.uint8)
    save(cine(pixels), tmp_path / "a.dcm")
    image = only(tmp_path)
    assert image.rgb
    np.testing.assert_array_equal(image.data.compute(), pixels)


def test_a_cine_without_size_asks_for_it(tmp_path: Path):
    save(
        cine(frames(2, np.uint8), SequenceOfUltrasoundRegions=None), tmp_path / "a.dcm"
    )
    with pytest.raises(MissingCalibration):
        read(tmp_path)
    assert only(tmp_path, pixel_size=40.0).spacing == {"y": 40, "x": 40}


def long_cine(path: Path, compressed: bool) -> int:
    """Write a cine of 1,000 frames of which each has one value; return its size."""
    shape = (700, 1000)
    header = cine(np.zeros((1, *shape), np.uint8), NumberOfFrames=1000)
    # Decoded or not, 1,000 frames are 700 MB, which neither memory nor disk shall see.
    shades = [np.full(shape, value, np.uint8) for value in range(7)]
    if compressed:
        frames_ = []
        for shade in shades:
            one = cine(shade[None])
            one.compress(RLELossless, shade)
            frames_.append(get_frame(one.PixelData, 0, number_of_frames=1))
        header.file_meta.TransferSyntaxUID = RLELossless
        header.PixelData = encapsulate([frames_[i % 7] for i in range(1000)])
        header["PixelData"].is_undefined_length = True
        save(header, path)
    else:
        save(header, path)
        start = path.stat().st_size - shape[0] * shape[1]
        with path.open("r+b") as file:
            file.seek(start - 4)
            file.write(struct.pack("<I", 1000 * shape[0] * shape[1]))
            for number in (3, 999):
                file.seek(start + number * shape[0] * shape[1])
                file.write(shades[number % 7].tobytes())
    return shape[0] * shape[1]


@pytest.mark.parametrize("compressed", [False, True])
def test_a_long_cine_is_read_frame_by_frame(compressed: bool, tmp_path: Path):
    path = tmp_path / "a.dcm"
    size = long_cine(path, compressed)
    # Codecs and tables that are loaded once are not what is measured.
    only(path).data[3].compute(scheduler="synchronous")
    tracemalloc.start()
    image = only(path)
    assert image.shape[0] == 1000
    for number in (3, 999):
        values = image.data[number].compute(scheduler="synchronous")
        assert values.min() == values.max() == number % 7
        del values
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * size


def test_a_real_cine_equals_the_reference(
    shared_data: Path, expected: dict[str, dict[str, Any]]
):
    name = "ultrasound/dicom/examples_ybr_color.dcm"
    truth = expected[name]
    # The region is that of an image twice as wide.
    with pytest.raises(MissingCalibration, match="made smaller"):
        read(shared_data / name)
    micrometres = 2e4 * truth["us_region"]["dx"]
    image = only(shared_data / name, pixel_size=micrometres)
    assert image.rgb
    probe(image.data.compute(), truth)
    assert image.times is not None
    assert image.times[1] == pytest.approx(truth["frame_time_ms"] / 1e3)


def test_a_secondary_capture_equals_the_reference(
    shared_data: Path, expected: dict[str, dict[str, Any]]
):
    name = "nuclear/nm_dicom/JPEG2000.dcm"
    image = only(shared_data / name)
    probe(image.data.compute(), expected[name])
    assert image.spacing == {"y": 2260, "x": 2260}


@pytest.mark.parametrize("name", ["CT_small", "MR_small"])
def test_single_slices_equal_the_reference(
    name: str, shared_data: Path, expected: dict[str, dict[str, Any]]
):
    key = f"{'ct' if name[0] == 'C' else 'mri'}/dicom/{name}.dcm"
    image = only(shared_data / key)
    truth = expected[key]
    probe(image.data[0].compute(), truth)
    assert [image.spacing[a] / 1e3 for a in "yx"] == truth["pixel_spacing"]


@pytest.mark.parametrize("kind", ["spect", "enhanced", "cine-rle", "segmentation"])
def test_objects_travel(kind: str, tmp_path: Path):
    path = small_object(kind, tmp_path / "a.dcm")
    (item_,) = read(path)
    assert isinstance(item_, Image | Labels)
    sent = pickle.loads(pickle.dumps(item_.data))
    np.testing.assert_array_equal(
        sent[1:3, 2:9, 4].compute(), item_.data.compute()[1:3, 2:9, 4]
    )


def test_a_mosaic_travels(shared_data: Path):
    image = only(shared_data / "mri/siemens_mosaic_fmri/001")
    sent = pickle.loads(pickle.dumps(image.data))
    np.testing.assert_array_equal(
        sent[1, 3:5, 7].compute(), image.data.compute()[1, 3:5, 7]
    )


# Segmentations and structure sets


def test_a_segmentation_lies_on_its_image(
    shared_data: Path, expected: dict[str, dict[str, Any]]
):
    folder = shared_data / "ct/dicom_ct_seg"
    labels = next(i for i in read(folder) if isinstance(i, Labels))
    image = next(i for i in read(folder) if isinstance(i, Image))
    np.testing.assert_allclose(
        labels.grid_to_space.matrix, image.grid_to_space.matrix, atol=1e-3
    )
    assert labels.space == image.space == "patient"
    probe(labels.data.compute(), expected["ct/dicom_ct_seg/liver.dcm"])
    assert labels.table is not None
    assert labels.table.to_dict("records") == [{"index": 1, "name": "Liver"}]
    nrrd = expected["ct/dicom_ct_seg/liver_seg.nrrd"]
    shift = labels.grid_to_space.shift[::-1] / 1e3
    np.testing.assert_allclose(shift, nrrd["origin_lps"], atol=1e-3)


def segmentation(path: Path, **more: Any) -> np.ndarray[Any, Any]:
    """Write two segments of which the second lies in two of four slices."""
    masks = RNG.random((5, 5, 7)) < 0.5
    places = ((1, 0), (1, 1), (1, 3), (2, 0), (2, 3))
    bits = np.packbits(masks.ravel(), bitorder="little").tobytes()
    header = dicom_file(
        masks.astype(np.uint8), "66.4", "SEG",
        SegmentationType="BINARY",
        SegmentSequence=[
            item(SegmentNumber=1, SegmentLabel="tumour"),
            item(SegmentNumber=2, SegmentLabel="necrosis"),
        ],
        PerFrameFunctionalGroupsSequence=[
            plane_groups(
                [0, 0, 2.0 * z],
                SegmentIdentificationSequence=item(ReferencedSegmentNumber=number),
            )
            for number, z in places
        ],
        **more,
    )  # fmt: skip
    header.BitsAllocated = header.BitsStored = 1
    header.HighBit = 0
    header.PixelData = bits + b"\0" * (len(bits) % 2)
    save(header, path)
    truth = np.zeros((2, 4, 5, 7), np.uint8)
    for mask, (number, z) in zip(masks, places, strict=True):
        truth[number - 1, z] = mask * number
    return truth


def test_segments_that_may_overlap_get_labels_each(tmp_path: Path):
    truth = segmentation(tmp_path / "a.dcm")
    found = read(tmp_path)
    assert [item.name for item in found] == ["tumour", "necrosis"]
    for labels, expected_labels in zip(found, truth, strict=True):
        assert isinstance(labels, Labels)
        np.testing.assert_array_equal(labels.data.compute(), expected_labels)
        assert labels.spacing == pytest.approx({"z": 2000, "y": 800, "x": 700})


def test_segments_that_do_not_overlap_share_labels(tmp_path: Path):
    truth = segmentation(tmp_path / "a.dcm", SegmentsOverlap="NO")
    (labels,) = read(tmp_path)
    assert isinstance(labels, Labels)
    together = np.where(truth[1] > 0, truth[1], truth[0])
    np.testing.assert_array_equal(labels.data.compute(), together)
    assert labels.table is not None
    assert list(labels.table["name"]) == ["tumour", "necrosis"]


def test_a_map_of_labels_keeps_its_numbers(tmp_path: Path):
    pixels = RNG.integers(0, 3, (2, 5, 6)).astype(np.uint8)
    groups = [plane_groups([0, 0, 6.0 * z]) for z in range(2)]
    for group in groups:
        group.PixelMeasuresSequence[0].SpacingBetweenSlices = 2
    header = dicom_file(
        pixels, "66.7", "SEG", SegmentationType="LABELMAP",
        SegmentSequence=[
            item(SegmentNumber=n, SegmentLabel=name)
            for n, name in enumerate(("background", "tumour", "liver"))
        ],
        PerFrameFunctionalGroupsSequence=groups,
    )  # fmt: skip
    save(header, tmp_path / "a.dcm")
    (labels,) = read(tmp_path)
    assert isinstance(labels, Labels)
    # Slices between the two frames were left out because they are empty.
    assert labels.spacing["z"] == pytest.approx(2000)
    values = labels.data.compute()
    np.testing.assert_array_equal(values[[0, 3]], pixels)
    assert not values[1:3].any()
    assert labels.table is not None
    assert list(labels.table["name"]) == ["tumour", "liver"]


@pytest.mark.parametrize("name", ["CT", "MR_T1", "PET"])
def test_a_structure_set_lies_on_its_image(name: str, shared_data: Path):
    folder = shared_data / "multimodal/ibsi_STS_002"
    (regions,) = read(folder / name / "mask")
    image = only(folder / name / "image")
    assert isinstance(regions, Regions)
    assert (regions.space, regions.axes) == ("patient", "zyx")
    wanted = max(set(regions.names), key=lambda n: _agreement(
        regions, n, image, folder / f"nifti/{name}_mask.nii.gz"))  # fmt: skip
    share = _agreement(regions, wanted, image, folder / f"nifti/{name}_mask.nii.gz")
    assert share > 0.9
    assert regions.tags["frame_of_reference"] == image.tags["frame_of_reference"]


def _agreement(regions: Regions, name: str, image: Image, path: Path) -> float:
    """Return the Dice overlap of contours with a mask of another program."""
    (truth,) = read(path)
    assert isinstance(truth, Image)
    inside = truth.data.compute() > 0
    drawn = np.zeros(image.shape, bool)
    back = image.grid_to_space.inverse()
    for polygon, owner in zip(regions.polygons, regions.names, strict=True):
        if owner != name:
            continue
        index = back.apply(polygon)
        z = round(float(index[:, 0].mean()))
        if 0 <= z < len(drawn) and abs(index[:, 0].mean() - z) < 0.3:
            drawn[z] ^= polygon2mask(image.shape[1:], index[:, 1:])
    overlap = 2 * (drawn & inside).sum() / max(drawn.sum() + inside.sum(), 1)
    if overlap > 0.5:
        ours, theirs = (np.array(ndimage.center_of_mass(m)) for m in (drawn, inside))
        np.testing.assert_allclose(ours, theirs, atol=0.3)
    return float(overlap)
