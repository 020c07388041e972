"""Files whose content was established with other, independent programs."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanoscape.io import describe, open_file, read
from nanoscape.model import Image, ImageGroup, Labels, Landmarks, Spectra

IBSI = "multimodal/ibsi_STS_002"
SERIES = {"CT": "HU", "MR_T1": "a.u.", "PET": "g/mL"}

# Files that state no pixel size are opened with one.
TIFFS = {
    "optical/rgb/multipage.tif": 2.0,
    "optical/ome_tiff/multi-channel.ome.tif": 2.0,
    "optical/ome_tiff/multifile-Z1.ome.tiff": None,
    "optical/ome_tiff/multifile-Z4.ome.tiff": None,
    "optical/nuclei_gt/img2d.tif": 0.5,
    "optical/nuclei_gt/mask3d.tif": 0.5,
    "optical/ome_tiff_synth/czyx_um.ome.tif": None,
    "optical/ome_tiff_synth/czyx_nm.ome.tif": None,
    "optical/ome_tiff_synth/pyramid.ome.tif": None,
    "photoacoustic/synth/pa_5wl.ome.tif": None,
    "mibi_synth/mibi.tiff": None,
}
ZARRS = {
    "optical/ome_zarr/blobs_image_v04.ome.zarr": 0.5,
    "optical/ome_zarr/blobs_image_v05.ome.zarr": 0.5,
    "optical/ome_zarr_synth/nuclei_v04.ome.zarr": None,
    "optical/ome_zarr_synth/nuclei_v05.ome.zarr": None,
}
NIFTIS = (
    f"{IBSI}/nifti/CT_image.nii.gz",
    f"{IBSI}/nifti/PET_image.nii.gz",
    "ct/nifti/CT_AVM.nii.gz",
    "mri/nifti/anatomical.nii",
    "mri/nifti/chris_MRA.nii.gz",
    "mri/nifti/example4d.nii.gz",
    "mri/nifti/fmri_pitch.nii.gz",
    "mri/nifti/functional.nii",
    "mri/philips_enhanced_multiframe/001_ground_truth.nii.gz",
    "mri/siemens_mosaic_fmri/001_ground_truth.nii.gz",
)
IMZMLS = (
    "msi/imzml_examples/Example_Continuous.imzML",
    "msi/imzml_examples/Example_Processed.imzML",
    "msi/imzml_real/test.imzML",
)


@pytest.fixture(scope="session")
def expected(shared_data: Path) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = json.loads(
        (shared_data / "EXPECTED.json").read_text("utf-8")
    )
    return values


def samples(item: Any) -> np.ndarray[Any, Any]:
    """Return all samples, with channels first."""
    if isinstance(item, ImageGroup):
        return np.stack([image.data.compute() for image in item])
    values: np.ndarray[Any, Any] = item.data.compute()
    return values


def check_samples(values: np.ndarray[Any, Any], truth: dict[str, Any]) -> None:
    assert list(values.shape) == truth["shape"]
    assert values.sum(dtype=np.float64) == pytest.approx(truth["sum"], rel=1e-7)
    for name, key in ((np.min, "min"), (np.max, "max")):
        if key in truth:
            assert name(values) == pytest.approx(truth[key], rel=1e-6)
    for where, value in truth.get("probe", {}).items():
        index = tuple(int(n) for n in re.findall(r"\d+", where))
        assert values[index] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", [*TIFFS, *ZARRS])
def test_microscopy_equals_the_reference(
    name: str, shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    truth = expected[name]
    item = read(shared_data / name, pixel_size=(TIFFS | ZARRS)[name])[0]
    values = samples(item)
    check_samples(values, truth)
    assert values.dtype == truth["dtype"]
    first = item.images[0] if isinstance(item, ImageGroup) else item
    assert isinstance(first, Image)
    scale = truth.get("scale_um", {})
    if isinstance(scale, dict) and scale:
        assert first.spacing == pytest.approx(scale)
    if "levels" in truth and len(truth.get("axes", "")) != 3:
        assert len(first.levels) == truth["levels"]


def test_channel_names_come_from_the_file(shared_data: Path) -> None:
    for name in (
        "ome_tiff_synth/czyx_nm.ome.tif",
        "ome_zarr_synth/nuclei_v05.ome.zarr",
    ):
        group = read(shared_data / "optical" / name)[0]
        assert isinstance(group, ImageGroup)
        assert [image.name for image in group] == ["nuclei", "vessel"]
        assert [image.tags["role"] for image in group] == ["Nuclei", "Vessels"]
        assert group.images[0].tags.origin("role") == "guess"


def test_an_imagej_hyperstack_keeps_time_planes_and_channels(
    shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    name = "optical/ome_tiff_synth/imagej_tzcyx.tif"
    (group,) = read(shared_data / name)
    assert isinstance(group, ImageGroup)
    values = np.stack([image.data.compute() for image in group], axis=2)
    check_samples(values, expected[name])
    first = group.images[0]
    assert first.axes == "tzyx"
    assert first.times == (0.0, 30.0)
    assert first.spacing == pytest.approx(expected[name]["scale_um"])


def test_a_whole_slide_is_the_same_as_in_openslide(
    shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    name = "optical/wsi/cmu-1-small-region.svs"
    truth = expected[name]
    (slide,) = read(shared_data / name)
    assert isinstance(slide, Image)
    assert slide.rgb
    assert list(slide.shape[::-1]) == truth["size_xy"]
    assert slide.spacing == pytest.approx({"y": 0.499, "x": 0.499})
    y, x = (n // 2 for n in slide.shape)
    crop = slide.data[y : y + 64, x : x + 64].compute()
    # Decoders of JPEG may differ by rounding.
    assert crop.sum(dtype=np.int64) == pytest.approx(
        truth["centre_64x64_rgb_sum"], rel=1e-4
    )


def test_ome_zarr_keeps_translation_and_labels(shared_data: Path) -> None:
    for version in ("v04", "v05"):
        path = shared_data / f"optical/ome_zarr_synth/nuclei_{version}.ome.zarr"
        group, labels = read(path)
        assert isinstance(labels, Labels)
        assert isinstance(group, ImageGroup)
        np.testing.assert_allclose(labels.grid_to_space.shift, (10, 100, 200))
        assert labels.space == group.images[0].space
        assert labels.data.max().compute() == 162
        # The file states half a pixel for the second level, and so does the model.
        np.testing.assert_allclose(labels.level_to_space(1).shift, (10, 100.25, 200.25))


@pytest.mark.parametrize("name", NIFTIS)
def test_nifti_equals_the_reference(
    name: str, shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    truth = expected[name]
    (image,) = read(shared_data / name)
    assert isinstance(image, Image)
    check_samples(image.data.compute(), truth)
    spacing = [image.spacing[axis] / 1e3 for axis in "xyz"]
    assert spacing == pytest.approx(truth["zooms_xyz"][:3], rel=1e-4)
    ras = np.asarray(truth["affine_ras"])
    index_zyx = np.array([[3, 5, 7]])
    place = (ras @ np.array([7, 5, 3, 1.0]))[:3] * (-1, -1, 1)
    found = image.grid_to_space.apply(index_zyx)[0, ::-1] / 1e3
    # The expected affine is rounded to four digits.
    np.testing.assert_allclose(found, place, atol=2e-3)


def test_time_in_nifti_is_in_seconds(shared_data: Path) -> None:
    (image,) = read(shared_data / "mri/nifti/functional.nii")
    assert isinstance(image, Image)
    assert image.times is not None
    np.testing.assert_allclose(np.diff(image.times), 2.0)


@pytest.mark.parametrize("name", SERIES)
def test_a_dicom_series_equals_the_reference(
    name: str, shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    truth = expected[f"{IBSI}/{name}/image"]
    (image,) = read(shared_data / IBSI / name / "image")
    assert isinstance(image, Image)
    check_samples(image.data.compute(), truth)
    steps, row, column = truth["spacing_zyx_mm"]
    spacing = [image.spacing[axis] / 1e3 for axis in "zyx"]
    assert spacing == pytest.approx([np.mean(steps), row, column], rel=1e-6)
    first = image.grid_to_space.shift[::-1] / 1e3
    np.testing.assert_allclose(first, truth["first_position_lps"], atol=1e-4)
    assert image.quantity.unit == SERIES[name]
    assert image.space == "patient"
    assert image.tags["modality"] == truth["modality"]


def test_slices_follow_positions_and_not_their_thickness(
    shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    opened = open_file(shared_data / "ct/dicom_ct_seg")
    (image,) = (item for item in opened.objects if isinstance(item, Image))
    assert image.spacing["z"] == pytest.approx(1000.0)
    check_samples(image.data.compute(), expected["ct/dicom_ct_seg"])


def test_a_dynamic_series_becomes_frames(shared_data: Path) -> None:
    (image,) = read(shared_data / "nuclear/pet_dynamic_synth")
    assert isinstance(image, Image)
    assert image.axes == "tzyx"
    assert image.shape == (4, 6, 24, 20)
    assert image.spacing == pytest.approx({"z": 900, "y": 800, "x": 700})
    assert image.quantity.unit == "Bq/mL"
    assert image.tags["weight_g"] == pytest.approx(25.0)
    assert image.tags["injection_time"] == "2026-01-05T09:05:00"
    # Every voxel of a frame carries the slope of its own slice: the ratio to the
    # known uptake is one number for each frame.
    truth = np.load(shared_data / "nuclear/pet_dynamic_synth/truth_suvbw_tzyx.npy")
    values = image.data.compute()
    for frame in range(4):
        ratio = values[frame] / truth[frame]
        assert ratio.std() < 1e-3 * ratio.mean()


@pytest.mark.parametrize("name", SERIES)
def test_dicom_and_nifti_put_an_image_at_the_same_place(
    name: str, shared_data: Path
) -> None:
    (dicom,) = read(shared_data / IBSI / name / "image")
    (nifti,) = read(shared_data / IBSI / f"nifti/{name}_image.nii.gz")
    assert isinstance(dicom, Image)
    assert isinstance(nifti, Image)
    assert dicom.space == nifti.space
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in dicom.shape])).reshape(3, -1).T
    np.testing.assert_allclose(
        dicom.grid_to_space.apply(corners),
        nifti.grid_to_space.apply(corners),
        atol=1.0,  # µm
    )
    np.testing.assert_allclose(dicom.data.compute(), nifti.data.compute(), rtol=1e-6)


def test_masks_of_ct_and_mr_agree_in_the_world(shared_data: Path) -> None:
    centres = {}
    for name in SERIES:
        (mask,) = read(shared_data / IBSI / f"nifti/{name}_mask.nii.gz")
        assert isinstance(mask, Image)
        inside = np.argwhere(mask.data.compute() > 0)
        centres[name] = mask.grid_to_space.apply(inside).mean(axis=0) / 1e3
    np.testing.assert_allclose(centres["CT"], centres["MR_T1"], atol=0.01)
    np.testing.assert_allclose(centres["CT"], centres["PET"], atol=0.25)


@pytest.mark.parametrize("name", IMZMLS)
def test_imzml_equals_the_reference(
    name: str, shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    truth = expected[name]
    (spectra,) = read(shared_data / name)
    assert isinstance(spectra, Spectra)
    assert len(spectra) == truth["n_pixels"]
    assert [spectra.spacing[axis] for axis in "xy"] == truth["pixel_size"]
    image = np.zeros(spectra.shape)
    for index, pixel in enumerate(spectra.pixels):
        mz, intensities = spectra.source.read(index)
        assert len(mz) == len(intensities)
        image[tuple(pixel)] = intensities.sum(dtype=np.float64)
    check_samples(image, truth)
    mz, intensities = spectra.source.read(0)
    assert [mz[0], mz[-1]] == pytest.approx(truth["mz_range_first"])
    assert len(mz) == truth["n_mz_first"]
    assert [mz.dtype.name, intensities.dtype.name] == truth["dtypes"]


def test_unacquired_pixels_are_named_by_no_spectrum(
    shared_data: Path, expected: dict[str, dict[str, Any]]
) -> None:
    folder = shared_data / "multimodal/msi_he_synth"
    (spectra,) = read(folder / "msi_processed.imzML")
    assert isinstance(spectra, Spectra)
    assert len(spectra) == expected["multimodal/msi_he_synth"]["pixels_written"]
    assert len(spectra) < np.prod(spectra.shape)
    assert spectra.spacing == {"y": 20.0, "x": 20.0}


def test_landmarks_of_two_spaces(shared_data: Path) -> None:
    path = shared_data / "multimodal/msi_he_synth/landmarks.csv"
    (pairs,) = read(path)
    assert isinstance(pairs, Landmarks)
    assert (pairs.moving_space, pairs.fixed_space) == ("msi", "he")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert pairs.names == tuple(row["name"] for row in rows)
    np.testing.assert_array_equal(
        pairs.fixed, [[float(r["he_y_um"]), float(r["he_x_um"])] for r in rows]
    )


@pytest.mark.parametrize(
    ("name", "pixel_size", "format_name"),
    [
        (f"{IBSI}/PET/image", None, "dicom"),
        ("mri/nifti/functional.nii", None, "nifti"),
        ("optical/ome_tiff_synth/czyx_um.ome.tif", None, "ome-tiff"),
        ("optical/rgb/multipage.tif", 2.0, "tiff"),
        ("optical/ome_zarr_synth/nuclei_v04.ome.zarr", None, "ome-zarr"),
        ("msi/imzml_real/test.imzML", None, "imzml"),
    ],
)
def test_a_description_is_plain_json(
    name: str, pixel_size: float | None, format_name: str, shared_data: Path
) -> None:
    found = describe(shared_data / name, pixel_size=pixel_size)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {"path", "format", "images", "warnings"}
    assert found["format"] == format_name
    for image in found["images"]:
        spatial = [axis for axis in image["axes"] if axis != "t"]
        assert len(image["affine"]) == len(spatial) + 1
        assert len(image["shape"]) == len(image["axes"])
        columns = np.asarray(image["affine"])[:-1, :-1]
        lengths = np.linalg.norm(columns, axis=0).tolist()
        assert [image["spacing"][axis] for axis in spatial] == pytest.approx(lengths)


def test_the_description_of_time_is_in_seconds(shared_data: Path) -> None:
    found = describe(shared_data / "mri/nifti/functional.nii")
    assert found["images"][0]["spacing"]["t"] == pytest.approx(2.0)
    assert found["images"][0]["spacing"]["z"] == pytest.approx(8000.0)
