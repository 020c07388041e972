"""Similar and discriminating ions, on spectra and tables with known answers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from acquisitions import acquisition
from scipy import stats

from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Regions, Table, Tags
from nanoscape.msi import peak_list
from nanoscape.msi.discriminating_ions import adjusted, discriminating_ions, matched
from nanoscape.msi.ion_image import ion_image
from nanoscape.msi.region_ions import compared, region_ions
from nanoscape.msi.similar_ions import similar_ions, similarity

SHAPE = (12, 20)
MZS = np.array([300.1, 400.2, 401.20335, 500.3, 544.1813, 600.4])


def amounts(seed: int = 0) -> np.ndarray:
    """Return intensities of six ions: 400 and 401 follow 544, 500 is its opposite."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    drug = np.exp(-((x - 5) ** 2 + (y - 6) ** 2) / 20).ravel()
    noise = rng.gamma(20.0, 0.05, (6, drug.size))
    return (
        1000
        * noise
        * np.stack(
            [np.full(drug.size, 0.5), drug, 0.2 * drug, 1 - drug, drug, x.ravel() / 20]
        )
    )


def spectra(seed: int = 0):
    rng = np.random.default_rng(seed)
    peaks = []
    for values in amounts(seed).T:
        mzs = MZS * (1 + 1e-6 * rng.standard_normal(6))
        peaks.append((mzs, values))
    return acquisition(peaks, SHAPE)


def test_the_strongest_peaks_are_the_ions_that_are_there():
    found = peak_list.ions_to_compare(spectra(), None, 50, 5.0, peak_list.Task())
    np.testing.assert_allclose([ion.mz for ion in found], MZS, rtol=3e-7)
    few = peak_list.ions_to_compare(spectra(), None, 2, 5.0, peak_list.Task())
    strongest = np.sort(MZS[np.argsort(-amounts().mean(axis=1))[:2]])
    np.testing.assert_allclose([ion.mz for ion in few], strongest, rtol=3e-7)


@pytest.mark.parametrize("measure", ["cosine above the median", "cosine", "Pearson"])
def test_ions_that_lie_with_the_drug_come_first(measure):
    drug = ion_image(spectra(), mz=544.1813)
    found = similar_ions(drug, spectra(), measure=measure, shown=2)
    rows = found.ranking.data
    np.testing.assert_allclose(rows["mz"].iloc[:2].sort_values(), MZS[1:3], rtol=1e-6)
    assert rows["similarity"].is_monotonic_decreasing
    # The drug itself is not compared with itself.
    assert len(rows) == 5
    # What rises to one side shares fewer pixels with the drug than its opposite does.
    last = 500.3 if measure == "Pearson" else 600.4
    assert rows["mz"].iloc[-1] == pytest.approx(last, abs=1e-3)
    assert [image.tags["similarity"] for image in found.images] == pytest.approx(
        rows["similarity"].iloc[:2].tolist()
    )
    heavy = rows.set_index(rows["mz"].round(3))["isotope_of_mz"]
    assert heavy[401.203] == pytest.approx(400.2, abs=1e-3)
    assert heavy.notna().sum() == 1


def test_parts_of_the_ions_give_the_same_ranking(monkeypatch):
    drug = ion_image(spectra(), mz=544.1813)
    whole = similar_ions(drug, spectra())
    monkeypatch.setattr(peak_list, "_MOST_VALUES", 500)
    parts = similar_ions(drug, spectra())
    pd.testing.assert_frame_equal(whole.ranking.data, parts.ranking.data)
    assert [i.name for i in whole.images] == [i.name for i in parts.images]


def test_measures_are_those_of_small_cases():
    one, other = np.array([0.0, 1, 2, 3]), np.array([0.0, 2, 4, 7])
    assert similarity(one, other, "Pearson") == pytest.approx(
        np.corrcoef(one, other)[0, 1]
    )
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert similarity(one, other, "cosine") == pytest.approx(cosine)
    # Medians 1.5 and 3: two pixels are left of each.
    top = (2 * 4 + 3 * 7) / math.hypot(2, 3) / math.hypot(4, 7)
    assert similarity(one, other, "cosine above the median") == pytest.approx(top)
    assert similarity(one, np.zeros(4), "cosine") == 0.0


def areas() -> tuple[Labels, Regions]:
    left = np.zeros(SHAPE, int)
    left[:, :10] = 1
    corners = np.array([[-25.0, 475], [-25, 975], [575, 975], [575, 475]])
    right = Regions(
        polygons=(corners,), names=("right",), axes="yx", space="maldi", name="right"
    )
    return Labels.from_array(
        left, "yx", spacing=50.0, space="maldi", name="left"
    ), right


def test_two_areas_hold_what_is_in_them():
    left, right = areas()
    found = region_ions(spectra(), left, right)
    rows = found.data
    values = amounts().reshape(6, *SHAPE)
    np.testing.assert_allclose(rows["mean_first"], values[:, :, :10].mean(axis=(1, 2)))
    np.testing.assert_allclose(rows["mean_second"], values[:, :, 10:].mean(axis=(1, 2)))
    ratio = np.log2(rows["mean_first"] / rows["mean_second"])
    np.testing.assert_allclose(rows["log2_ratio"], ratio)
    one, two = values[4, :, :10].ravel(), values[4, :, 10:].ravel()
    auc = stats.mannwhitneyu(one, two).statistic / one.size / two.size
    assert rows["pixel_auc"].iloc[4] == pytest.approx(auc)
    assert found.tags["subject"] == "m1"
    shares = region_ions(spectra(), left, right, by_total=True).data
    totals = values.sum(axis=0)
    expected = (values[0] / totals)[:, :10].mean()
    assert shares["mean_first"].iloc[0] == pytest.approx(expected)
    with pytest.raises(CannotCompute, match="share 120 pixels"):
        region_ions(spectra(), left, left)
    empty = left.replace(levels=Labels.from_array(
        np.zeros(SHAPE, int), "yx", spacing=50.0).levels)  # fmt: skip
    with pytest.raises(CannotCompute, match="holds no spectrum"):
        region_ions(spectra(), empty, right)


def test_the_share_of_pairs_counts_ties_as_half():
    row = compared(np.array([1.0, 2, np.nan]), np.array([1.0, 0]))
    assert row["pixel_auc"] == (0.5 + 1 + 1 + 1) / 4
    assert math.isnan(compared(np.zeros(2), np.ones(2))["log2_ratio"])


def section(subject: str, mzs, first, second, **tags: str) -> Table:
    data = pd.DataFrame(
        {
            "name": [f"m/z {mz:.4f}" for mz in mzs],
            "mz": mzs,
            "mean_first": first,
            "mean_second": second,
            "pixel_auc": 0.5,
        }
    )
    return Table(
        data=data, name=subject, tags=Tags.of("sheet", subject=subject, **tags)
    )


def study(animals: int, ions: int, effects: int, seed: int) -> list[Table]:
    """Return two sections of each animal; some ions are twice as high in one area."""
    rng = np.random.default_rng(seed)
    mzs = 300 + np.arange(ions) * 1.37
    tables = []
    for animal in range(animals):
        level = np.exp(0.3 * rng.standard_normal(ions))
        own = np.exp(0.1 * rng.standard_normal(ions))
        for number in range(2):
            noise = np.exp(0.1 * rng.standard_normal((2, ions)))
            factor = np.where(np.arange(ions) < effects, 2.0, 1.0)
            shift = 1 + 2e-6 * rng.standard_normal(ions)
            tables.append(
                section(
                    f"m{animal}",
                    mzs * shift,
                    100 * level * own * factor * noise[0],
                    100 * level * noise[1],
                    section=f"s{number}",
                    group="treated" if animal % 2 else "control",
                )
            )
    return tables


def test_differences_within_animals_are_found_and_no_others():
    found = discriminating_ions(study(9, 60, 6, 1))
    rows = found.data
    assert rows["differs"].sum() in (6, 7)
    assert rows["mz"].iloc[:6].max() < 300 + 6 * 1.37
    assert (rows["n_subjects"] == 9).all()
    # (2 − 1) / (2 + 1)
    assert rows["effect"].iloc[:6].mean() == pytest.approx(1 / 3, abs=0.05)
    assert rows["p"].min() == pytest.approx(2 / 2**9)
    assert "n = 9 subjects (18 tables)" in found.notes[0]


def test_without_any_difference_p_is_as_small_as_it_says_and_no_smaller():
    p = np.concatenate(
        [discriminating_ions(study(8, 100, 0, s)).data["p"] for s in range(10)]
    )
    for level in (0.02, 0.05, 0.2):
        assert (p <= level).mean() <= level + 3 * math.sqrt(level / len(p))


def test_the_signed_ranks_are_those_of_scipy():
    rng = np.random.default_rng(4)
    one, two = rng.gamma(3.0, 1.0, (2, 7))
    tables = [section(f"m{n}", [500.0], [one[n]], [two[n]]) for n in range(7)]
    row = discriminating_ions(tables).data.iloc[0]
    expected = stats.wilcoxon((one - two) / (one + two), method="exact").pvalue
    assert row["p"] == pytest.approx(expected)


def test_groups_are_compared_by_animals():
    tables = study(12, 5, 0, 2)
    for table in tables:
        if table.tags["group"] == "treated":
            table.data.loc[2, "mean_first"] *= 5
    found = discriminating_ions(tables, design="groups of animals")
    row = found.data.iloc[0]
    assert row["mz"] == pytest.approx(300 + 2 * 1.37, abs=1e-2)
    assert row["n_subjects"] == 12
    assert row["effect"] == -1.0
    assert row["p"] == pytest.approx(2 / math.comb(12, 6))
    assert row["mean_treated"] > 3 * row["mean_control"]


def test_near_mz_are_one_ion_and_q_is_that_of_benjamini_and_hochberg():
    mzs = np.array([500.004, 400.0, 500.0, 400.001, 500.02])
    assert matched(mzs, 10.0).tolist() == [1, 0, 1, 0, 2]
    np.testing.assert_allclose(
        adjusted(np.array([0.01, np.nan, 0.04, 0.03])), [0.03, np.nan, 0.04, 0.04]
    )


def test_what_is_missing_is_said():
    with pytest.raises(WrongInput, match="no table was given"):
        discriminating_ions([])
    with pytest.raises(CannotCompute, match="there is 1 animal"):
        discriminating_ions([section("m1", [500.0], [1.0], [2.0])] * 3)
    with pytest.raises(WrongInput, match="holds no ions of two areas"):
        discriminating_ions([Table(data=pd.DataFrame({"mz": [1.0]}), name="t")])
    two = [section(f"m{n}", [500.0], [1.0], [2.0]) for n in range(2)]
    with pytest.raises(WrongInput, match="does not say which group"):
        discriminating_ions(two, design="groups of animals")
    empty = Image.from_array(np.zeros(SHAPE), "yx", spacing=50.0, space="maldi")
    with pytest.raises(CannotCompute, match="is empty"):
        similar_ions(empty, spectra())
