from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyimzml.ImzMLParser import ImzMLParser
from scipy import ndimage

from nanoscape import io
from nanoscape.phantom.instruments import maldi
from nanoscape.phantom.instruments.maldi import (
    CARBONS,
    DRUG,
    ISOTOPE_STEP,
    STANDARD,
    STANDARD_MZ,
    Expected,
    Maldi,
)
from nanoscape.phantom.maldi import DRUG_MZ
from nanoscape.phantom.specimen import Artefact, Specimen
from nanoscape.phantom.tumour import Tissue

# More counts than by default, so that fewer pixels tell as much.
PLAN = Maldi(pixel_um=20.0, drug_counts=40000.0, standard_counts=2000.0)
PPM = 12e-6


@pytest.fixture(scope="module")
def spectra(specimen: Specimen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maldi") / "m1_maldi.imzML"
    maldi.write(path, specimen, PLAN)
    return path


@pytest.fixture(scope="module")
def expected(specimen: Specimen) -> Expected:
    return maldi.expect(specimen, PLAN)


def ion_image(path: Path, mz: float, shape: tuple[int, int]) -> np.ndarray:
    """Return an ion image through pyimzML; NaN where there is no spectrum."""
    image = np.full(shape, np.nan)
    with ImzMLParser(str(path)) as parser:
        for number, (x, y, _) in enumerate(parser.coordinates):
            masses, counts = parser.getspectrum(number)
            near = np.abs(masses / mz - 1) < PPM
            image[y - 1, x - 1] = counts[near].sum()
    return image


@pytest.fixture(scope="module")
def images(spectra: Path, expected: Expected) -> dict[str, np.ndarray]:
    shape = expected.lost.shape
    wanted = {DRUG: DRUG_MZ, STANDARD: STANDARD_MZ, "drug + 1": DRUG_MZ + ISOTOPE_STEP}
    return {name: ion_image(spectra, mz, shape) for name, mz in wanted.items()}


def test_counts_scatter_around_what_is_expected(
    specimen: Specimen, images: dict[str, np.ndarray], expected: Expected
) -> None:
    level, _ = maldi.gain(specimen, PLAN)
    factor = level * expected.crystals * maldi.isotopes(STANDARD)[0]
    mean = (expected.signal[STANDARD] * factor)[~expected.lost]
    excess = (images[STANDARD][~expected.lost] - mean) / np.sqrt(mean)
    many = len(excess)
    # Peaks of noise fall upon the ion now and then.
    assert abs(excess.mean()) < 5 / np.sqrt(many)
    assert excess.var() == pytest.approx(1, abs=5 * np.sqrt(2 / many))


def test_what_is_missing_is_missing(
    images: dict[str, np.ndarray], expected: Expected, specimen: Specimen
) -> None:
    assert (np.isnan(images[DRUG]) == expected.lost).all()
    share = expected.lost.mean()
    assert 0.012 < share < 0.03
    bits = maldi.truth(specimen, PLAN)["artefacts"]
    assert ((bits & Artefact.LOST) > 0).sum() == expected.lost.sum()
    assert (bits & Artefact.TEAR).any()
    assert (bits & Artefact.FOLD).any()


def test_the_spread_of_the_matrix_is_measured_back(
    images: dict[str, np.ndarray], expected: Expected, specimen: Specimen
) -> None:
    """The sigma with which the drug's truth fits its ratio to the standard best."""
    pixels, samples = PLAN.pixels(specimen), 4
    places = pixels.places(samples)
    found = specimen.values(["encapsulated", "free"], places)
    fine = sum(found.values()).reshape(pixels.fine_shape(samples))
    share = maldi.SUPPRESSION[specimen.tissue(places)].reshape(fine.shape)
    ratio = images[DRUG] / images[STANDARD] * PLAN.standard_counts / PLAN.drug_counts
    sigmas, misses = np.arange(6.0, 34.0, 2.0), []
    for sigma in sigmas:
        spread = ndimage.gaussian_filter(fine, sigma / 5.0, mode="nearest")
        model = pixels.means(spread * share, samples) / pixels.means(share, samples)
        misses.append(np.nansum((ratio - model) ** 2 / np.maximum(model, 1e-3)))
    best = int(np.argmin(misses))
    left, middle, right = misses[best - 1 : best + 2]
    sigma = sigmas[best] + (left - right) / (left - 2 * middle + right)
    assert sigma == pytest.approx(PLAN.spread_sigma_um, rel=0.05)


def test_tissue_suppresses_ions_and_the_standard_makes_good_for_it(
    images: dict[str, np.ndarray], specimen: Specimen, expected: Expected
) -> None:
    pixels = PLAN.pixels(specimen)
    kind = specimen.tissue(pixels.places()).reshape(pixels.shape)
    dead = ndimage.binary_erosion(kind == Tissue.NECROSIS)
    alive = kind == Tissue.VIABLE
    assert dead.sum() > 10
    factor = images[STANDARD] / expected.crystals
    assert np.nanmean(factor[dead]) / np.nanmean(factor[alive]) == pytest.approx(
        0.5, rel=0.05
    )
    ratio = images[DRUG] / images[STANDARD]
    true = expected.signal[DRUG] / expected.signal[STANDARD]
    plain = (kind > 0) & ~expected.lost
    slope = (ratio * true)[plain].sum() / (true**2)[plain].sum()
    assert slope == pytest.approx(1, rel=0.02)


def test_isotopes_have_the_shares_of_the_binomial_law(
    images: dict[str, np.ndarray], expected: Expected
) -> None:
    n = CARBONS[DRUG]
    share = np.nansum(images["drug + 1"]) / np.nansum(images[DRUG])
    assert share == pytest.approx(n * 0.0107 / (1 - 0.0107), rel=0.02)


def test_days_differ_in_gain_and_mass(specimen: Specimen) -> None:
    plan = Maldi()
    days = [
        maldi.gain(dataclasses.replace(specimen, batch=b), plan) for b in range(400)
    ]
    level, shift = np.array(days).T
    assert np.log(level).std() == pytest.approx(plan.batch_sd, rel=0.12)
    assert shift.std() == pytest.approx(plan.batch_ppm, rel=0.12)


def test_the_file_states_its_geometry(spectra: Path, specimen: Specimen) -> None:
    rows, columns = PLAN.pixels(specimen).shape
    with ImzMLParser(str(spectra)) as parser:
        about = parser.imzmldict
        assert about["max count of pixels y"] == rows
        assert about["max count of pixels x"] == columns
        assert about["pixel size x"] == pytest.approx(20.0)
    found = io.read(spectra)[0]
    assert found.spacing == {"y": 20.0, "x": 20.0}


def test_pyopenms_reads_the_same_spectra(spectra: Path, specimen: Specimen) -> None:
    pyopenms = pytest.importorskip("pyopenms")
    found: dict[str, np.ndarray] = {}

    class Consumer:
        def consumeSpectrum(self, spectrum: Any) -> None:  # noqa: N802
            found[spectrum.getNativeID()] = spectrum.get_peaks()[0].copy()

        def consumeChromatogram(self, _: Any) -> None: ...  # noqa: N802

        def setExpectedSize(self, *_: int) -> None: ...  # noqa: N802

        def setExperimentalSettings(self, _: Any) -> None: ...  # noqa: N802

    pyopenms.ImzMLFile().load(str(spectra), Consumer())
    with ImzMLParser(str(spectra)) as parser:
        assert len(found) == len(parser.coordinates)
        masses, _ = parser.getspectrum(0)
    np.testing.assert_allclose(next(iter(found.values())), masses, rtol=1e-6)


def test_the_same_seed_gives_the_same_bytes(
    spectra: Path, specimen: Specimen, tmp_path: Path
) -> None:
    again = tmp_path / spectra.name
    maldi.write(again, specimen, PLAN)
    for suffix in (".imzML", ".ibd"):
        assert (
            again.with_suffix(suffix).read_bytes()
            == spectra.with_suffix(suffix).read_bytes()
        )
