from __future__ import annotations

import datetime as dt
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from nanoscape.errors import CannotCompute
from nanoscape.io import read
from nanoscape.model import Image, Quantity, Tags
from nanoscape.quantify.nuclear.body import normalising_mass
from nanoscape.quantify.nuclear.decay import frame_factor, mean_activity_time
from nanoscape.quantify.nuclear.suv import percent_injected_dose, suv

PET = "1.2.840.10008.5.1.4.1.1.128"
F18 = 6586.2
DROS = (
    "DRO_0_0", "DRO_1_0", "DRO_2_0", "DRO_2_4", "DRO_2_5", "DRO_3_1", "DRO_3_2",
    "DRO_4_1", "DRO_5_0",
)  # fmt: skip

# Published with the headers by cornerstonejs/calculate-suv (MIT).
VENDORS = {
    "PHILIPS_BQML": 0.0007463747013889488,
    "PHILIPS_CNTS_AND_BQML_SUV": 0.000551,
    "PHILIPS_CNTS_AND_SUV": 0.000728,
    "SIEMENS": 0.00042748316187197236,
    "GE_MEDICAL_AND_BQML": 0.0005367387681819742,
    "BQML_AC_DT_lessThan_S_DT_SIEMENS": 0.0004069156854009332,
    "CPS_AND_BQML_AC_DT_-_S_DT": 0.00026503312764157046,
    "RADIOPHARM_DATETIME_UNDEFINED": 0.0003721089202818729,
}
INJECTION = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
)


def pet_slice(values: dict[str, Any], number: int = 0, frame: int = 0) -> Dataset:
    """Return a PET slice of ones; values of ``None`` are left out."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = PET
    header.SOPInstanceUID = generate_uid()
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.SeriesInstanceUID = "1.2.3"
    header.Modality = "PT"
    header.Rows, header.Columns, header.SamplesPerPixel = 2, 3, 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 0
    header.PixelSpacing = [4, 4]
    header.SliceThickness = 3
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.ImagePositionPatient = [0, 0, 3 * number]
    injection = Dataset()
    for name, value in values.items():
        if value is not None and name != "PhilipsPETPrivateGroup":
            setattr(injection if name in INJECTION else header, name, value)
    header.RadiopharmaceuticalInformationSequence = [injection]
    philips = values.get("PhilipsPETPrivateGroup") or {}
    if philips:
        block = header.private_block(0x7053, "Philips PET Private Group", create=True)
        for element, name in (
            (0x00, "SUVScaleFactor"),
            (0x09, "ActivityConcentrationScaleFactor"),
        ):
            if name in philips:
                block.add_new(element, "DS", philips[name].strip())
    header.PixelData = np.ones((2, 3), "<u2").tobytes()
    return header


def series(folder: Path, slices: list[Dataset]) -> Image:
    for number, header in enumerate(slices):
        header.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    (image,) = read(folder)
    assert isinstance(image, Image)
    return image


def standard(**changes: Any) -> dict[str, Any]:
    """Return a header of which START gives 70 kg / (100 MBq · ½) = 1.4e-3 g/Bq."""
    values: dict[str, Any] = {
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["ATTN", "SCAT", "DECY"],
        "PatientWeight": 70,
        "PatientSize": 1.75,
        "PatientSex": "M",
        "SeriesDate": "20260105",
        "SeriesTime": "110000",
        "AcquisitionDate": "20260105",
        "AcquisitionTime": "110000",
        "ActualFrameDuration": 300000,
        "RadionuclideTotalDose": 1e8,
        "RadionuclideHalfLife": 3600,
        "RadiopharmaceuticalStartDateTime": "20260105100000",
    }
    return values | changes


def factor(image: Image, **options: Any) -> float:
    result = suv(image, **options)
    found = result.tags["conversion_factor"]
    assert result.data.compute().ravel()[0] == pytest.approx(
        found * image.data.compute().ravel()[0], rel=1e-6
    )
    return float(found)


def one(folder: Path, **changes: Any) -> Image:
    return series(folder, [pet_slice(standard(**changes))])


@pytest.mark.parametrize("name", DROS)
def test_reference_objects_of_ibsi(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    archive = shared_data / f"nuclear/ibsi_suv_dro/{name}.zip"
    with zipfile.ZipFile(archive) as content:
        content.extractall(tmp_path)
    (folder,) = tmp_path.glob("**/PT")
    (image,) = read(folder)
    assert isinstance(image, Image)
    (mask_path,) = tmp_path.glob("**/*mask.nii.gz")
    mask = nibabel.load(mask_path)
    assert isinstance(mask, nibabel.Nifti1Image)
    inside = np.asarray(mask.dataobj).T > 0
    values = suv(image).data.compute()[inside]
    found = (values.min(), np.median(values), values.max())
    assert found == pytest.approx((0.2, 1.0, 4.0), abs=0.002)
    share = percent_injected_dose(image).data.compute()[inside]
    np.testing.assert_allclose(share, values * 100 / 70e3, rtol=1e-6)


@pytest.mark.parametrize("name", VENDORS)
def test_headers_of_vendors(name: str, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / f"nuclear/suv_cases/{name}-instances.json"
    headers = json.loads(path.read_text("utf-8"))
    image = series(tmp_path, [pet_slice(h, n) for n, h in enumerate(headers)])
    assert factor(image) == pytest.approx(VENDORS[name], rel=1e-9)


def test_a_dynamic_series_of_a_mouse(shared_data: Path) -> None:
    folder = shared_data / "nuclear/pet_dynamic_synth"
    (image,) = read(folder)
    assert isinstance(image, Image)
    truth = np.load(folder / "truth_suvbw_tzyx.npy")
    found = suv(image)
    np.testing.assert_allclose(found.data.compute(), truth, atol=1e-3 * truth.max())
    assert str(found.quantity) == "SUVbw (g/mL)"
    assert found.times == image.times
    share = percent_injected_dose(image).data.compute()
    np.testing.assert_allclose(share, truth * 4, atol=4e-3 * truth.max())
    words = " ".join(found.tags["derivation"])
    assert "confirmed by the decay factors" in words


def test_a_real_whole_body_slice(
    shared_data: Path,
) -> None:
    path = shared_data / "nuclear/pet_dicom_bqml/pet_flt_wholebody_bqml.dcm"
    expected = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))
    truth = expected["nuclear/pet_dicom_bqml/pet_flt_wholebody_bqml.dcm"]
    (image,) = read(path)
    assert isinstance(image, Image)
    values = image.data.compute()
    assert values.max() == pytest.approx(truth["bqml_max"], rel=1e-6)
    assert values.sum(dtype=float) == pytest.approx(
        truth["sum"] * truth["rescale"][0], rel=1e-6
    )
    found = suv(image)
    assert found.data.max().compute() == pytest.approx(truth["suvbw_max"], rel=1e-6)
    assert found.tags["conversion_factor"] == pytest.approx(
        truth["suvbw_factor_g_per_Bq"], rel=1e-8
    )


def test_an_image_in_suv_is_not_converted_again(shared_data: Path) -> None:
    (image,) = read(shared_data / "multimodal/ibsi_STS_002/PET/image")
    assert isinstance(image, Image)
    found = suv(image)
    np.testing.assert_array_equal(found.data.compute(), image.data.compute())


def test_decay_within_a_frame_by_numerical_integration() -> None:
    duration, steps = 600.0, 200_000
    times = (np.arange(steps) + 0.5) * duration / steps
    activity = np.exp(-math.log(2) / 1200.0 * times)
    assert frame_factor(duration, 1200.0) == pytest.approx(1 / activity.mean())
    when = mean_activity_time(duration, 1200.0)
    assert np.interp(when, times, activity) == pytest.approx(activity.mean())
    assert frame_factor(0.0, 1200.0) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 1.4e-3),
        ({"DecayCorrection": "ADMIN"}, 7e-4),
        ({"RadiopharmaceuticalStartDateTime": None,
          "RadiopharmaceuticalStartTime": "100000"}, 1.4e-3),
        # With an offset from UTC, and a header that states its own.
        ({"RadiopharmaceuticalStartDateTime": "20260105090000.0+0000",
          "TimezoneOffsetFromUTC": "+0100"}, 1.4e-3),
        ({"SeriesTime": "110000.000000 "}, 1.4e-3),
        ({"SeriesTime": "1100", "AcquisitionTime": "11"}, 1.4e-3),
        # Injected before midnight, scanned after it.
        ({"RadiopharmaceuticalStartDateTime": None,
          "RadiopharmaceuticalStartTime": "233000",
          "SeriesTime": "003000", "AcquisitionTime": "003000"}, 1.4e-3),
        # Reprocessed later: the series time is after the acquisition.
        ({"SeriesTime": "154500"}, 1.4e-3),
        ({"Units": "GML"}, 1.0),
        ({"Units": "GML", "SUVType": "BW"}, 1.0),
        ({"Units": "CM2ML"}, 70e3 / (71.84 * 70**0.425 * 175**0.725)),
        ({"Units": "GML", "SUVType": "LBMJAMES128"}, 70 / (77 - 128 * 0.16)),
        ({"Units": "GML", "SUVType": "LBMJANMA"},
         70 / (9270 * 70 / (6680 + 216 * 70 / 1.75**2))),
        ({"Units": "GML", "SUVType": "IBW"}, 70 / (48 + 1.06 * 23)),
    ],
)  # fmt: skip
def test_rules_of_the_header(
    changes: dict[str, Any], expected: float, tmp_path: Path
) -> None:
    assert factor(one(tmp_path, **changes)) == pytest.approx(expected, rel=1e-9)


def test_uncorrected_frames_are_corrected_one_by_one(tmp_path: Path) -> None:
    starts = ("110000", "111000")
    slices = [
        pet_slice(standard(DecayCorrection="NONE", AcquisitionTime=t, CorrectedImage=[
            "ATTN", "SCAT"]), number)
        for number, t in enumerate(starts)
    ]  # fmt: skip
    image = series(tmp_path, slices)
    rate = math.log(2) / 3600
    within = rate * 300 / (1 - math.exp(-rate * 300))
    truth = [70e3 / 1e8 * within * math.exp(rate * t) for t in (3600, 4200)]
    found = suv(image).data.compute()
    np.testing.assert_allclose(found[:, 0, 0], truth, rtol=1e-6)
    part = image.cropped({"z": (0, 1)})
    with pytest.raises(CannotCompute, match="whole image"):
        suv(part)


def test_a_time_of_the_scanner_counts_when_the_series_time_does_not(
    tmp_path: Path,
) -> None:
    header = pet_slice(standard(SeriesTime="130000", FrameReferenceTime=0))
    block = header.private_block(0x0009, "GEMS_PETD_01", create=True)
    block.add_new(0x0D, "DT", "20260105103000.00")
    found = factor(series(tmp_path, [header]))
    assert found == pytest.approx(7e-4 * math.sqrt(2))


def test_decay_factors_decide_between_reference_times(tmp_path: Path) -> None:
    # Two beds; the series time is that of the first, and so are the decay factors.
    rate = math.log(2) / 3600
    within = rate * 300 / (1 - math.exp(-rate * 300))
    slices = [
        pet_slice(
            standard(
                AcquisitionTime=time,
                FrameReferenceTime=0.5e6,
                DecayFactor=round(within * math.exp(rate * seconds), 6),
            ),
            number,
        )
        for number, (time, seconds) in enumerate((("110000", 0), ("110500", 300)))
    ]
    result = suv(series(tmp_path, slices))
    assert result.tags["conversion_factor"] == pytest.approx(1.4e-3)
    assert "derivation_warnings" not in result.tags


def test_clocks_that_disagree_are_told(tmp_path: Path) -> None:
    result = suv(one(tmp_path, FrameReferenceTime=1.2e6))
    assert "another reference time" in result.tags["derivation_warnings"][0]


def test_decay_factors_that_fit_nothing_are_told(tmp_path: Path) -> None:
    result = suv(one(tmp_path, DecayFactor=1.7))
    assert "fit none" in result.tags["derivation_warnings"][0]


@pytest.mark.parametrize("units", ["CNTS", "CPS", "PROPCNTS", "PROPCPS", "1CM"])
def test_what_cannot_be_converted_is_refused(units: str, tmp_path: Path) -> None:
    image = one(tmp_path, Units=units)
    for operation in (suv, percent_injected_dose):
        with pytest.raises(CannotCompute, match="holds values that are"):
            operation(image)


@pytest.mark.parametrize(
    ("name", "words", "options"),
    [
        ("PatientWeight", "body weight is not known", {"weight_g": 70e3}),
        ("RadionuclideTotalDose", "dose is not known", {"dose_mbq": 100}),
        ("RadionuclideHalfLife", "half-life", {"half_life_min": 60}),
        (
            "RadiopharmaceuticalStartDateTime",
            "time of the injection",
            {"injection_time": "2026-01-05T10:00:00"},
        ),
        ("DecayCorrection", "decay is corrected", {"decay_correction": "START"}),
        ("AcquisitionTime", "when it was acquired",
         {"reference_time": "2026-01-05T11:00:00"}),
    ],
)  # fmt: skip
def test_what_is_missing_is_asked_for_and_can_be_given(
    name: str, words: str, options: dict[str, Any], tmp_path: Path
) -> None:
    image = one(tmp_path, **{name: None})
    with pytest.raises(CannotCompute, match=words):
        suv(image)
    assert factor(image, **options) == pytest.approx(1.4e-3)
    assert any("given" in step for step in suv(image, **options).tags["derivation"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"RadionuclideTotalDose": 100}, 1.4e-3),
        ({"PatientWeight": 7e4}, 1.4e-3),
        ({"PatientWeight": 25, "PatientSpeciesDescription": "Mus musculus"}, 5e-7),
        ({"PatientWeight": 25, "PixelSpacing": [0.4, 0.4]}, 5e-7),
    ],
)
def test_units_are_assumed_only_when_allowed(
    changes: dict[str, Any], expected: float, tmp_path: Path
) -> None:
    image = one(tmp_path, **changes)
    with pytest.raises(CannotCompute, match="allow units to be assumed"):
        suv(image)
    assert factor(image, assume_units=True) == pytest.approx(expected)
    steps = suv(image, assume_units=True).tags["derivation"]
    assert any("as allowed" in step for step in steps)


def test_a_child_may_weigh_25_kg(tmp_path: Path) -> None:
    assert factor(one(tmp_path, PatientWeight=25)) == pytest.approx(5e-4)


def test_dates_changed_for_anonymity_are_noticed(tmp_path: Path) -> None:
    image = one(tmp_path, RadiopharmaceuticalStartDateTime="20250601100000")
    with pytest.raises(CannotCompute, match="anonymous"):
        suv(image)


def test_an_injection_just_after_the_start_is_not_taken_for_yesterday(
    tmp_path: Path,
) -> None:
    times: dict[str, Any] = {
        "RadiopharmaceuticalStartDateTime": None,
        "RadiopharmaceuticalStartTime": "110010",
    }
    # 24 half-lives of a day are not plausible, so it is the same day.
    (tmp_path / "short").mkdir()
    image = one(tmp_path / "short", **times)
    assert factor(image) == pytest.approx(7e-4 / 2 ** (10 / 3600))
    (tmp_path / "long").mkdir()
    image = one(tmp_path / "long", RadionuclideHalfLife=282240, **times)
    with pytest.raises(CannotCompute, match="or a day before"):
        suv(image)


def test_the_weight_the_scanner_used_can_be_replaced(tmp_path: Path) -> None:
    image = one(tmp_path, Units="GML", PatientWeight=0.02)
    assert factor(image, weight_g=25) == pytest.approx(1.25)
    share = percent_injected_dose(image).tags["conversion_factor"]
    assert share == pytest.approx(100 / 20)
    with pytest.raises(CannotCompute, match="times can no longer"):
        suv(image, injection_time="2026-01-05T10:00:00")


def test_a_study_sheet_replaces_what_the_scanner_used(tmp_path: Path) -> None:
    image = one(tmp_path, Units="GML", PatientWeight=75)
    sheet = Tags.of(
        "sheet", weight_g=25.0, injected_dose=50.0, injected_dose_unit="MBq"
    )
    stated = image.replace(tags=image.tags.merged(sheet))
    assert factor(stated) == pytest.approx(25 / 75e3 * 2)
    share = percent_injected_dose(stated).tags["conversion_factor"]
    assert share == pytest.approx(100 / 75e3 * 2)


def test_a_dose_of_the_drug_is_no_activity(tmp_path: Path) -> None:
    sheet = Tags.of("sheet", injected_dose=5.0, injected_dose_unit="mg/kg")
    for number, (units, expected) in enumerate((("BQML", 1.4e-3), ("GML", 1.0))):
        (tmp_path / f"{number}").mkdir()
        image = one(tmp_path / f"{number}", Units=units)
        stated = image.replace(tags=image.tags.merged(sheet))
        assert factor(stated) == pytest.approx(expected)


def test_suv_of_a_placeholder_weight_is_told(tmp_path: Path) -> None:
    image = one(
        tmp_path, Units="GML", PatientWeight=75, PatientSpeciesDescription="mouse"
    )
    result = suv(image)
    assert result.tags["conversion_factor"] == 1
    assert "75 kg, which does not fit" in result.tags["derivation_warnings"][0]
    assert factor(image, weight_g=25) == pytest.approx(25 / 75e3)


def test_numbers_without_a_unit_are_no_activity() -> None:
    image = Image.from_array(np.ones((2, 2)), "yx", spacing=1.0)
    with pytest.raises(CannotCompute, match="unit"):
        suv(image, weight_g=25, dose_mbq=5, decay_correction="ADMIN")


def test_lean_masses_need_a_human(tmp_path: Path) -> None:
    image = one(tmp_path)
    result = suv(image, normalisation="lean body mass (Janmahasatian)")
    mass = normalising_mass("lean body mass (Janmahasatian)", 70e3, 1.75, "M")
    assert result.tags["conversion_factor"] == pytest.approx(mass * 2e-8)
    surface = suv(image, normalisation="body surface area", height_cm=180)
    assert surface.quantity.unit == "cm²/mL"
    with pytest.raises(CannotCompute, match="height"):
        suv(one(tmp_path, PatientSize=None), normalisation="ideal body weight")


def test_what_the_syringe_keeps_is_subtracted() -> None:
    tags = Tags.of("header", decay_correction="ADMIN").having(
        "sheet", weight_g=20.0, injected_dose=6.0, injected_dose_unit="MBq",
        residual_dose=1.0,
    )  # fmt: skip
    image = Image.from_array(
        np.full((2, 2), 1e6), "yx", spacing=1.0, quantity=Quantity("", "Bq/mL"),
        tags=tags,
    )  # fmt: skip
    assert suv(image).data.compute()[0, 0] == pytest.approx(4.0)
    share = percent_injected_dose(image, density_g_ml=2.0).data.compute()
    assert share[0, 0] == pytest.approx(10.0)


def test_the_same_dose_at_any_time_is_the_same_uptake(tmp_path: Path) -> None:
    # What the scanner corrected to the scan is brought to the injection.
    late = dt.datetime(2026, 1, 5, 10) + dt.timedelta(hours=72)
    half_life = 67.3 * 3600
    image = one(
        tmp_path,
        RadionuclideHalfLife=half_life,
        SeriesDate=late.strftime("%Y%m%d"),
        AcquisitionDate=late.strftime("%Y%m%d"),
        SeriesTime="100000",
        AcquisitionTime="100000",
    )
    found = percent_injected_dose(image).tags["conversion_factor"]
    assert found == pytest.approx(1e-6 * 2 ** (72 / 67.3))
    assert found == pytest.approx(1e-6 / 0.4764, rel=2e-4)
