"""Ions of compounds: masses, adducts and isotopes against values known elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from acquisitions import InMemory, Stored, acquisition

from nanoscape.errors import WrongInput
from nanoscape.model import Table
from nanoscape.msi import find_ions as room
from nanoscape.msi.find_ions import find_ions
from nanoscape.msi.formulas import ion_of
from nanoscape.msi.ion_image import ion_image
from nanoscape.msi.targets import targets_from
from nanoscape.workflow import Session

DOX = "C27H29NO11"


@pytest.mark.parametrize(
    ("formula", "adduct", "mz"),
    [
        # By pyteomics 5.0, which has its own table of isotopes.
        (DOX, "[M+H]+", 544.18134),
        (DOX, "[M+Na]+", 566.16328),
        (DOX, "[M+K]+", 582.13722),
        (DOX, "[M+NH4]+", 561.20789),
        (DOX, "[M-H]-", 542.16678),
        (DOX, "[M+Cl]-", 578.14346),
        (DOX, "[M+H-H2O]+", 526.17077),
        (DOX, "[M+2H]2+", 272.59431),
        (DOX, "[2M+H]+", 1087.35540),
        ("C34H32FeN4O4", "[M]+", 616.17674),
        ("C42H82NO8P", "[M+H]+", 760.58508),
        ("C27H46O", "[M+H-H2O]+", 369.35158),
        ("C27H26D3NO11", "[M+H]+", 547.20017),
        ("C25[13C]2H29NO11", "[M+H]+", 546.18805),
    ],
)
def test_masses_of_ions_know_the_electron(formula, adduct, mz):
    assert ion_of(formula, adduct).mz == pytest.approx(mz, abs=1e-5)


def test_the_isotope_pattern_is_the_product_of_the_elements():
    ion = ion_of("C60", "[M]+")
    mz, shares = ion.isotopologues(4)
    heavy = 0.0107
    binomial = [math.comb(60, k) * heavy**k * (1 - heavy) ** (60 - k) for k in range(4)]
    np.testing.assert_allclose(shares, binomial, rtol=5e-3)
    np.testing.assert_allclose(np.diff(mz), 1.0033548, atol=1e-6)
    # Platinum, whose strongest isotope is neither the lightest nor the heaviest.
    mz, shares = ion_of("C8H14N2O4Pt", "[M+H]+").isotopologues(5)
    assert round(float(mz[np.argmax(shares)])) == 398
    assert len(mz) == 5


@pytest.mark.parametrize(
    ("formula", "adduct", "words"),
    [
        ("Xx2", "[M+H]+", "'Xx2' is no formula"),
        ("", "[M+H]+", "is no formula"),
        ("peptide(AAA)", "[M+H]+", "is no formula"),
        ("C6H6)", "[M+H]+", "is no formula"),
        ("C999999999", "[M]+", "more than 2000 atoms"),
        ("C" * 130, "[M]+", "is no formula"),
        (DOX, "M+H", "'M+H' is no adduct"),
        (DOX, "[M+Xx]+", "'Xx' is no formula"),
        ("C6H6", "[M-H2O+H]+", "C6H6 has no O left to lose"),
        (DOX, "[M]0+", "no charge"),
    ],
)
def test_what_is_no_ion_is_said(formula, adduct, words):
    with pytest.raises(WrongInput, match=words.replace("+", r"\+")):
        ion_of(formula, adduct)


def simulated(ppm: float = 1.5, seed: int = 0, source: type = InMemory):
    """Return spectra of doxorubicin with all isotopes, and of another compound.

    The other one has the m/z of the sodium adduct and none of its isotopes.
    """
    rng = np.random.default_rng(seed)
    amount = rng.gamma(2.0, 1.0, 12 * 15)
    other = rng.gamma(2.0, 1.0, 12 * 15)
    mz, shares = ion_of(DOX, "[M+H]+").isotopologues(4)
    sodium = ion_of(DOX, "[M+Na]+").mz
    peaks = []
    for mine, theirs in zip(amount, other, strict=True):
        mzs = np.append(mz, sodium) * (1 + ppm * 1e-6)
        values = rng.poisson(np.append(4000 * mine * shares, 900 * theirs))
        order = np.argsort(mzs)
        peaks.append((mzs[order], values[order].astype(np.float32)))
    return acquisition(peaks, (12, 15), source)


@pytest.mark.parametrize("source", [InMemory, Stored])
def test_a_formula_gives_the_images_of_its_adducts(source):
    spectra = simulated(source=source)
    found = find_ions(spectra, compounds=f"doxorubicin = {DOX}")
    rows = found.ions.data.set_index("adduct")
    names = [image.name for image in found.images]
    assert names == [f"doxorubicin {a}" for a in ("[M+H]+", "[M+Na]+", "[M+K]+")]
    for image in found.images:
        alone = ion_image(spectra, mz=image.tags["ion"]).data.compute()
        np.testing.assert_array_equal(image.data.compute(), alone)
    assert rows.loc["[M+H]+", "error_ppm"] == pytest.approx(1.5, abs=1e-6)
    assert rows.loc["[M+H]+", "isotope_cosine"] > 0.9999
    assert rows.loc["[M+H]+", "isotope_correlation"] > 0.9
    # The window of the sodium adduct holds something, and its isotopes do not.
    assert rows.loc["[M+Na]+", "pixel_fraction"] == 1.0
    assert rows.loc["[M+Na]+", "isotope_cosine"] < 0.97
    assert rows.loc["[M+Na]+", "isotope_correlation"] == 0.0
    assert rows.loc["[M+K]+", "n_pixels"] == 0
    assert math.isnan(rows.loc["[M+K]+", "error_ppm"])
    tags = found.images[names[0]].tags
    assert tags["adduct"] == "[M+H]+"
    assert tags["tolerance_ppm"] == 5.0
    assert tags["role"] == "Drug"
    assert "role" not in found.images[names[1]].tags


def test_isotope_scores_are_those_of_a_small_case():
    values = np.array([[4.0, 0, 2], [2.0, 0, 1], [0.0, 3, 0]])
    cosine, correlation = room.isotope_scores(values, np.array([0.6, 0.3, 0.1]), 0)
    totals, shares = np.array([6.0, 3, 3]), np.array([0.6, 0.3, 0.1])
    expected = totals @ shares / np.linalg.norm(totals) / np.linalg.norm(shares)
    assert cosine == pytest.approx(expected)
    third = np.corrcoef(values[0], values[2])[0, 1]
    assert correlation == pytest.approx((0.3 * 1 + 0.1 * third) / 0.4)


def test_a_list_gives_all_its_ions_in_one_pass(monkeypatch):
    rows = pd.DataFrame(
        {
            "name": ["doxorubicin", "haem", None],
            "formula": [DOX, None, None],
            "mz": [None, 616.1767, "700.5"],
            "adduct": ["[M+H]+; [M+K]+", None, None],
            "ppm": [3, None, 20],
        }
    )
    passes = []
    whole = room.window_intensities

    def counted(*arguments):
        passes.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(room, "window_intensities", counted)
    targets = Table(data=rows, name="wanted")
    found = find_ions(simulated(), targets, compounds="760.5851, x = C6H6")
    names = [image.name for image in found.images]
    assert names[:4] == [
        "doxorubicin [M+H]+",
        "doxorubicin [M+K]+",
        "haem",
        "m/z 700.5000",
    ]
    assert names[4:] == ["m/z 760.5851", *(f"x [M+{a}]+" for a in ("H", "Na", "K"))]
    assert found.ions.data["tolerance_ppm"].tolist() == [3, 3, 5, 20, 5, 5, 5, 5]
    assert len(passes) == 1
    # Where memory is short there are several, with the same result.
    monkeypatch.setattr(room, "_MOST_VALUES", 1000)
    again = find_ions(simulated(), targets, compounds="760.5851, x = C6H6")
    assert len(passes) > 2
    pd.testing.assert_frame_equal(found.ions.data, again.ions.data)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"name": ["a"]}, "row 1 of wanted names no ion"),
        ({"mz": [-5.0]}, "row 1 of wanted holds '-5.0'"),
        ({"mz": ["x"]}, "row 1 of wanted holds 'x'"),
        ({"mz": [5.0], "ppm": [0.0]}, "holds '0.0'"),
        ({"mz": list(range(1, 2002))}, "2001 ions are asked for"),
    ],
)
def test_lists_with_mistakes_are_refused(columns, words):
    table = Table(data=pd.DataFrame(columns), name="wanted")
    with pytest.raises(WrongInput, match=words):
        targets_from("", table, "[M+H]+", 5.0)


def test_nothing_asked_for_is_said():
    with pytest.raises(WrongInput, match="not said which ions"):
        find_ions(simulated())
    with pytest.raises(WrongInput, match="has no adduct"):
        find_ions(simulated(), compounds=DOX, adducts=" ")


def test_images_of_a_step_are_objects_of_the_study(tmp_path):
    session = Session()
    address = session.add(simulated())
    given = {"compounds": f"doxorubicin = {DOX}, haem = 616.1767"}
    record = session.run("msi.find_ions", {"spectra": address}, given)
    assert set(record.outputs) == {"ions", *(f"images.{n}" for n in range(1, 5))}
    images = [session[record.outputs[f"images.{n}"]] for n in range(1, 5)]
    assert images[3].name == "haem"
    again = session.run("msi.find_ions", {"spectra": address}, given)
    assert again.outputs == record.outputs
    fewer = session.run(
        "msi.find_ions", {"spectra": address}, {"compounds": "616.1767"}
    )
    assert session[fewer.outputs["images.1"]].name == "m/z 616.1767"
    assert session[record.outputs["images.1"]].name == "doxorubicin [M+H]+"
