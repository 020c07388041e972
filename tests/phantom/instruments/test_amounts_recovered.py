"""Amounts come back from the phantom's instruments with the stated uncertainty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nanoscape import io
from nanoscape.model import Image, Labels, Quantity, Table, Tags
from nanoscape.msi.ion_image import ion_images
from nanoscape.phantom.instruments import laser, maldi
from nanoscape.phantom.instruments.laser import Laser
from nanoscape.phantom.instruments.maldi import DRUG, STANDARD, STANDARD_MZ, Maldi
from nanoscape.phantom.maldi import DRUG_MZ
from nanoscape.phantom.specimen import Specimen
from nanoscape.quantify.calibration.concentration import Concentration, concentration
from nanoscape.quantify.calibration.curve import calibration_curve
from nanoscape.quantify.calibration.internal_standard import internal_standard
from nanoscape.quantify.laser.drift import bracketing_standards, correct_drift
from nanoscape.quantify.laser.washout import undo_washout

LASER, MALDI = Laser(), Maldi()
DOSE_UG_PER_G = 8.0
"""What the level 1 of the drug is taken to be; any other number would do."""


def coverage(found: Concentration, truth: np.ndarray) -> float:
    gap = found.image.data.compute() - truth
    return float(np.mean(np.abs(gap) < 1.96 * found.error.data.compute()))


@pytest.mark.parametrize(
    ("isotope", "column"),
    [("Au197", "gold_ug_per_g"), ("Gd157", "gadolinium_ug_per_g")],
)
def test_elements_by_the_standards_of_the_laser(
    specimen: Specimen, tmp_path: Path, isotope: str, column: str
) -> None:
    laser.write(tmp_path / "section", specimen, LASER)
    laser.write_standards(tmp_path / "gelatine", specimen, LASER)
    image = io.read(tmp_path / "section")[0][isotope]
    lines = io.read(tmp_path / "gelatine")[0][isotope]
    (table,) = io.read(tmp_path / "gelatine" / "standards.txt")
    assert isinstance(table, Table)
    found = bracketing_standards(lines, table, column=column)
    assert found.drift.data["washout_s"][0] == pytest.approx(LASER.washout_s, rel=0.08)
    drift = found.drift.data["sensitivity"]
    assert 1 - drift[1] / drift[0] == pytest.approx(LASER.drift, abs=0.01)

    steady = correct_drift(image, found.drift)
    truth = laser.truth(specimen, LASER)[column]
    options = {"column": column, "skip_readings": 12, "weights": "1/variance"}
    curve = calibration_curve(found.standards, table=table, **options).curve
    mean = concentration(steady, curve).summary.data.iloc[0]
    assert mean["low_95"] < truth.mean() < mean["high_95"]

    sharp = calibration_curve(
        undo_washout(found.standards, found.drift), table=table, **options
    ).curve
    amounts = concentration(undo_washout(steady, found.drift), sharp)
    assert coverage(amounts, truth) > 0.9
    # Without that, what is smeared along the line is much farther from the truth.
    assert coverage(concentration(steady, curve), truth) < 0.85


def mimetic(specimen: Specimen) -> tuple[Image, Image, Labels, str]:
    """Return pieces of spiked homogenate, as the instrument would count them."""
    rng = np.random.default_rng(5)
    levels = np.repeat([0.0, 0.05, 0.2, 1.0, 3.0], 20)
    level, _ = maldi.gain(specimen, MALDI)
    shape = (20, len(levels))
    crystals = level * np.exp(MALDI.crystal_sd * rng.standard_normal(shape))
    counts = [
        rng.poisson(crystals * signal * maldi.isotopes(name)[0]).astype(float)
        for name, signal in (
            (DRUG, 1.0 + MALDI.drug_counts * levels),
            (STANDARD, np.full(len(levels), MALDI.standard_counts)),
        )
    ]
    drug, standard = (
        Image.from_array(
            c, "yx", spacing=30.0, quantity=Quantity("ion intensity"),
            tags=Tags.of("header", analyte=name), name=name,
        )
        for c, name in zip(counts, (DRUG, STANDARD), strict=True)
    )  # fmt: skip
    areas = Labels.from_array(
        np.tile(np.repeat(np.arange(5) + 1, 20), (20, 1)), "yx", spacing=30.0
    )
    known = [f"{n + 1} = {DOSE_UG_PER_G * levels[20 * n]}" for n in range(5)]
    return drug, standard, areas, ", ".join(known)


def test_the_drug_by_its_labelled_form(specimen: Specimen, tmp_path: Path) -> None:
    path = tmp_path / "m1.imzML"
    maldi.write(path, specimen, MALDI)
    (spectra,) = io.read(path)
    ions = ion_images(
        spectra, mzs=f"{DRUG} = {DRUG_MZ}, {STANDARD} = {STANDARD_MZ}", tolerance_ppm=12
    )
    drug, standard, areas, known = mimetic(specimen)
    curve = calibration_curve(
        internal_standard(drug, standard), areas, levels=known, weights="1/variance"
    ).curve
    ratio = internal_standard(ions[DRUG], ions[STANDARD])
    found = concentration(ratio, curve)
    truth = maldi.truth(specimen, MALDI)
    values = found.image.data.compute()
    held = np.isfinite(values)
    assert np.array_equal(~held, (truth["artefacts"] & 16) > 0)

    # What the matrix has carried away is the drug that lies there now.
    lies = (truth["drug_counts"] - 1) / MALDI.drug_counts
    lies = lies * MALDI.standard_counts / truth["standard_counts"] * DOSE_UG_PER_G
    gap = np.abs(values - lies)[held] / found.error.data.compute()[held]
    assert 0.92 < np.mean(gap < 1.96) < 0.98
    row = found.summary.data.iloc[0]
    assert row["low_95"] < lies[held].mean() < row["high_95"]
    assert row["high_95"] - row["low_95"] < 0.1 * row["mean"]
    # Over the section it is what was there: the ratio loses suppression and crystals.
    drawn = truth["drug"][held].mean() * DOSE_UG_PER_G
    assert row["mean"] == pytest.approx(drawn, rel=0.03)
    raw = ions[DRUG].data.compute()[held].mean() / MALDI.drug_counts * DOSE_UG_PER_G
    assert abs(raw / drawn - 1) > 0.1
