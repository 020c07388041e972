from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy import ndimage, optimize

from nanoscape import io
from nanoscape.phantom.animal import WEIGHT_KG, Animal, Voxels
from nanoscape.phantom.instruments import ct, pet, spect
from nanoscape.phantom.lesion import make_lesion

PET, SPECT, CT = pet.Pet(), spect.Spect(), ct.Ct()


@pytest.fixture(scope="module")
def animal() -> Animal:
    return Animal("m1_l1", 21, make_lesion(21), level=1.3, batch=1)


@pytest.fixture(scope="module")
def folder(animal: Animal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("animal")
    pet.write(folder / "pet", animal, PET)
    ct.write(folder / "ct", animal, CT)
    for hours in spect.HOURS:
        spect.write(folder / f"spect_{hours:g}.dcm", animal, SPECT, None, hours)
    spect.write_calibration(folder / "calibration.dcm", animal, SPECT)
    return folder


def series(folder: Path) -> Any:
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    return sitk.ReadImage(names, sitk.sitkFloat64)


def measured_sigma(
    sharp: np.ndarray, image: np.ndarray, voxels: Voxels, size: float
) -> float:
    """Return the blur in mm with which the truth fits the image best."""

    def miss(sigma: float) -> float:
        model = ndimage.gaussian_filter(sharp, sigma / np.array(voxels.size_mm))
        return float(((image - model) ** 2).sum())

    found = optimize.minimize_scalar(
        miss, bounds=(0.2 * size, 3 * size), method="bounded"
    )
    return float(found.x)


@pytest.mark.parametrize(("name", "voxels"), [("pet", PET.voxels), ("ct", CT.voxels)])
def test_simpleitk_finds_the_stated_geometry(
    folder: Path, name: str, voxels: Voxels
) -> None:
    image = series(folder / name)
    assert image.GetSize() == voxels.shape[::-1]
    assert image.GetSpacing() == pytest.approx(voxels.size_mm[::-1])
    assert image.GetOrigin() == pytest.approx(voxels.first_mm[::-1])
    assert image.GetDirection() == pytest.approx((1, 0, 0, 0, 1, 0, 0, 0, 1))


def test_the_program_and_simpleitk_read_the_same(folder: Path) -> None:
    for name in ("pet", "ct"):
        image = io.read(folder / name)[0]
        found = np.asarray(image.data)
        np.testing.assert_allclose(
            found, sitk.GetArrayFromImage(series(folder / name)), rtol=1e-5, atol=1e-3
        )
        unit = {"pet": "Bq/mL", "ct": "HU"}[name]
        assert image.quantity.unit == unit


def test_a_lesion_lies_where_it_does(folder: Path, animal: Animal) -> None:
    """Its middle in LPS, from RAS: x and y change their signs."""
    truth = pet.truth(animal, PET)["activity_bq_ml"]
    image = series(folder / "pet")
    places = PET.voxels.places()
    inside = animal.lesion.depth(places) > 0
    index = np.argwhere(inside).mean(axis=0)
    there = image.TransformContinuousIndexToPhysicalPoint(
        [float(v) for v in index[::-1]]
    )
    centre = animal.lesion.centre * [-1, -1, 1]
    np.testing.assert_allclose(there, centre, atol=0.15)
    assert truth[inside].mean() > 3 * truth[~inside].mean()


def test_pet_has_the_noise_of_counts_and_its_point_spread(
    folder: Path, animal: Animal
) -> None:
    image = sitk.GetArrayFromImage(series(folder / "pet"))
    seen = pet.seen(animal, PET)
    per = PET.voxels.volume_ml * PET.duration_s * PET.counts_per_bq_s
    body = seen * per > 20
    excess = (image - seen)[body] / np.sqrt(seen[body] / per)
    many = body.sum()
    assert many > 10_000
    assert abs(excess.mean()) < 5 / np.sqrt(many)
    assert excess.var() == pytest.approx(1, abs=5 * np.sqrt(2 / many))
    sharp = pet.activity(animal, PET)
    sigma = measured_sigma(sharp, image, PET.voxels, 0.6)
    assert sigma * np.sqrt(8 * np.log(2)) == pytest.approx(PET.fwhm_mm, rel=0.03)


def test_pet_says_what_suv_needs(folder: Path, animal: Animal) -> None:
    image = io.read(folder / "pet")[0]
    tags = image.tags
    assert tags["injected_dose"] == pytest.approx(PET.injected_bq)
    assert tags["half_life_s"] == pytest.approx(12.7006 * 3600, rel=1e-4)
    assert tags["decay_correction"] == "START"
    assert tags["weight_g"] == pytest.approx(WEIGHT_KG * 1e3)
    header = pydicom.dcmread(next((folder / "pet").iterdir()))
    assert header.AcquisitionDate == "20260113"
    assert header.AcquisitionTime == "093000"


def test_a_cylinder_gives_the_factor_and_counts_the_uptake(
    folder: Path, animal: Animal
) -> None:
    """%ID/g of the body at each time, from counts and the measured factor alone."""
    known = np.asarray(io.read(folder / "calibration.dcm")[0].data).astype(float)
    places = SPECT.voxels.places()
    away = np.hypot(places[..., 0], places[..., 1])
    middle = (away < 6) & (np.abs(places[..., 2]) < 6)
    radius, height = SPECT.cylinder_mm
    concentration = SPECT.cylinder_bq / (np.pi * radius**2 * height / 1e3)
    factor = concentration / (known[middle].mean() / SPECT.duration_s)
    assert factor == pytest.approx(SPECT.bq_ml_per_cps, rel=0.01)
    deep = (away < 6) & (animal.lesion.depth(places) < -0.8)
    assert deep.sum() > 2000
    for hours in spect.HOURS:
        image = io.read(folder / f"spect_{hours:g}.dcm")[0]
        assert image.quantity.unit == "counts"
        counts = np.asarray(image.data).astype(float)
        left = SPECT.injected_bq * 2 ** (-hours * 3600 / spect.IN111_HALF_LIFE_S)
        found = counts[deep].mean() / SPECT.duration_s * factor / left * 100
        assert found == pytest.approx(0.25 * 20 * 2 ** (-hours / 12), rel=0.02)


def test_spect_has_the_noise_of_counts_and_its_point_spread(
    folder: Path, animal: Animal
) -> None:
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "spect_24.dcm")))
    sharp = spect.activity(animal, SPECT, 24.0)
    expected = spect.expected_counts(sharp, SPECT)
    body = expected > 20
    excess = (image - expected)[body] / np.sqrt(expected[body])
    many = body.sum()
    assert excess.var() == pytest.approx(1, abs=5 * np.sqrt(2 / many))
    scale = SPECT.duration_s / SPECT.bq_ml_per_cps
    sigma = measured_sigma(sharp * scale, image, SPECT.voxels, 0.5)
    assert sigma * np.sqrt(8 * np.log(2)) == pytest.approx(SPECT.fwhm_mm, rel=0.03)


def test_spect_lies_where_it_says(folder: Path) -> None:
    path = folder / "spect_24.dcm"
    image = sitk.ReadImage(str(path))
    assert image.GetSize() == SPECT.voxels.shape[::-1]
    assert image.GetSpacing() == pytest.approx(SPECT.voxels.size_mm[::-1])
    ours = io.read(path)[0]
    first = ours.grid_to_space.apply(np.zeros((1, 3)))[0] / 1e3
    np.testing.assert_allclose(first, SPECT.voxels.first_mm)


def test_ct_has_its_noise_its_ring_and_its_point_spread(
    folder: Path, animal: Animal
) -> None:
    image = sitk.GetArrayFromImage(series(folder / "ct"))
    rest = image - ct.seen(animal, CT)
    # Rounding adds a twelfth.
    sd = np.sqrt(CT.noise_hu**2 + 1 / 12)
    assert rest.std() == pytest.approx(sd, rel=5 / np.sqrt(2 * rest.size))
    mask = ct.truth(animal, CT)["ring"] > 0
    places = CT.voxels.places()
    away = np.hypot(places[..., 0], places[..., 1])
    free = animal.lesion.depth(places) < -0.4
    free &= np.hypot(places[..., 0], places[..., 1] + 7) > 3
    around = ~mask & (np.abs(away - CT.ring_mm) < 0.8) & free
    height = image[mask & free].mean() - image[around].mean()
    assert height == pytest.approx(CT.ring_hu, abs=1.0)
    sharp = ct.anatomy(animal, CT)
    known = ct.seen(animal, CT) - ndimage.gaussian_filter(
        sharp, CT.fwhm_mm / np.sqrt(8 * np.log(2)) / np.array(CT.voxels.size_mm)
    )
    sigma = measured_sigma(sharp, image - known, CT.voxels, 0.2)
    assert sigma * np.sqrt(8 * np.log(2)) == pytest.approx(CT.fwhm_mm, rel=0.03)


def test_the_same_seed_gives_the_same_bytes(
    folder: Path, animal: Animal, tmp_path: Path
) -> None:
    pet.write(tmp_path / "pet", animal, PET)
    spect.write(tmp_path / "spect_24.dcm", animal, SPECT, None, 24.0)
    for path in tmp_path.rglob("*.dcm"):
        same = folder / path.relative_to(tmp_path)
        assert path.read_bytes() == same.read_bytes()
