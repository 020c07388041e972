"""Calibration against published values, closed forms and simulated standards."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from nanoscape.compute.executor import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Regions, Table, Tags
from nanoscape.quantify.calibration.concentration import concentration, line_of
from nanoscape.quantify.calibration.curve import calibration_curve
from nanoscape.quantify.calibration.extinction import tissue_extinction
from nanoscape.quantify.calibration.internal_standard import internal_standard
from nanoscape.quantify.calibration.line import fit_line, weights_of

ONES = np.ones(5)
X = np.arange(1.0, 6)
Y = np.array([1.0, 1, 2, 4, 8])


def table(**columns: Any) -> Table:
    return Table(data=pd.DataFrame(columns), name="standards")


def image_of(values: NDArray[np.float64], **tags: Any) -> Image:
    return Image.from_array(
        values,
        "yx",
        spacing=10.0,
        quantity=Quantity("ion intensity"),
        tags=Tags.of("header", **tags),
        name="drug",
    )


def test_the_fit_of_pewlib_and_the_limits_of_ich():
    found = calibration_curve(
        table=table(concentration=X, signal=Y), weights="1", limits="fit"
    )
    row = found.curve.data.iloc[0]
    assert row["slope"] == pytest.approx(1.7)
    assert row["intercept"] == pytest.approx(-1.9)
    assert row["r_squared"] == pytest.approx(0.830459, abs=1e-6)
    assert row["residual_standard_deviation"] == pytest.approx(1.402379, abs=1e-6)
    assert row["lod"] == pytest.approx(2.7223, abs=1e-4)
    assert row["loq"] == pytest.approx(8.2493, abs=1e-4)
    weighted = calibration_curve(
        table=table(concentration=X, signal=Y, weight=X), weights="given", limits="fit"
    )
    row = weighted.curve.data.iloc[0]
    assert row["slope"] == pytest.approx(2.085714, abs=1e-6)
    assert row["intercept"] == pytest.approx(-3.314286, abs=1e-6)
    assert row["r_squared"] == pytest.approx(0.865097, abs=1e-6)
    assert row["residual_standard_deviation"] == pytest.approx(1.603991, abs=1e-6)


def test_standard_errors_are_those_of_scipy():
    x = np.array([0.0, 1, 2, 5, 10, 10])
    y = np.array([0.2, 2.1, 3.8, 10.4, 19.5, 20.3])
    line = fit_line(x, y, np.ones(6))
    theirs = stats.linregress(x, y)
    assert line.slope == pytest.approx(theirs.slope)
    assert math.sqrt(line.slope_variance) == pytest.approx(theirs.stderr)
    assert math.sqrt(line.intercept_variance) == pytest.approx(theirs.intercept_stderr)
    # Whatever the scale of the weights.
    again = fit_line(x, y, np.full(6, 1e-7))
    assert again.slope_variance == pytest.approx(line.slope_variance)
    # The ends of Fieller's interval are where the prediction band meets the signal.
    low, high = line.interval(9.0, 0.04)
    for end in (low, high):
        spread = line.intercept_variance + 2 * end * line.covariance
        spread += end**2 * line.slope_variance + 0.04
        gap = abs(9.0 - line.intercept - line.slope * end)
        assert gap == pytest.approx(line.quantile() * math.sqrt(spread))
    assert low < line.concentration(9.0) < high


@pytest.mark.parametrize(("weighting", "power"), [("1", 0), ("1/x", 1), ("1/x²", 2)])
def test_intervals_hold_the_true_amount_at_the_stated_rate(weighting, power):
    rng = np.random.default_rng(power)
    x = np.repeat([1.0, 2, 5, 10, 20], 2)
    truth, runs = 7.0, 2500
    held = covered = 0
    for _ in range(runs):
        sd = 0.15 * x ** (power / 2)
        y = 0.5 + 2 * x + sd * rng.standard_normal(len(x))
        line = fit_line(x, y, weights_of(x, weighting, None))
        own = 0.15 * truth ** (power / 2)
        signal = 0.5 + 2 * truth + own * rng.standard_normal()
        low, high = line.interval(signal, own**2)
        held += low <= truth <= high
        slope_error = math.sqrt(line.slope_variance)
        covered += abs(line.slope - 2) <= line.quantile() * slope_error
    # The noise of the unknown is given, so that its t quantile is on the safe side.
    assert 0.945 < held / runs < 0.995
    assert 0.935 < covered / runs < 0.965


def simulated(seed: int = 0) -> tuple[Image, Labels, Labels]:
    """Return an image with five standards above tissue, and where they are."""
    rng = np.random.default_rng(seed)
    amount = np.zeros((60, 100))
    areas = np.zeros(amount.shape, int)
    for number, level in enumerate([0.0, 1, 5, 10, 20]):
        amount[:20, number * 20 : number * 20 + 20] = level
        areas[:20, number * 20 : number * 20 + 20] = number + 1
    amount[20:40] = np.linspace(0, 30, 100)
    tissue = np.zeros(amount.shape, int)
    tissue[20:40] = 1
    signal = 40 * amount + 12
    noisy = signal + np.sqrt(signal) * rng.standard_normal(signal.shape)
    image = image_of(noisy, analyte="drug", role="Drug")
    return (
        image,
        Labels.from_array(areas, "yx", spacing=10.0),
        Labels.from_array(tissue, "yx", spacing=10.0),
    )


LEVELS = "1 = 0, 2 = 1, 3 = 5, 4 = 10, 5 = 20"


def test_standards_of_an_image_give_its_amounts_with_flags_and_errors():
    image, areas, tissue = simulated()
    found = calibration_curve(image, areas, levels=LEVELS)
    row = found.curve.data.iloc[0]
    assert row["slope"] == pytest.approx(40, abs=4 * row["slope_standard_error"])
    assert row["unit"] == "µg/g"
    # Poisson noise: variance 12 of the blank, limits at 3 and 10 times its root.
    assert row["lod_signal"] == pytest.approx(12 + 3 * math.sqrt(12), rel=0.05)
    assert row["loq"] == pytest.approx(10 * math.sqrt(12) / 40, rel=0.08)
    assert row["blank_n_pixels"] == 400
    assert row["noise_shot"] == pytest.approx(1.0, abs=0.2)
    assert len(found.standards.data) == 5
    assert found.standards.data["accuracy_percent"].iloc[1:].between(95, 105).all()

    amounts = concentration(image, found.curve, tissue)
    values = amounts.image.data.compute()
    truth = np.tile(np.linspace(0, 30, 100), (20, 1))
    gap = (values[20:40] - truth) / amounts.error.data.compute()[20:40]
    assert np.mean(np.abs(gap) < 1.96) == pytest.approx(0.95, abs=0.02)
    assert amounts.image.quantity.unit == "µg/g"
    assert amounts.image.tags.get("role") is None
    flags = amounts.flags.data.compute()
    assert (flags[values < row["lod"]] == 3).all()
    assert (flags[(values >= row["lod"]) & (values < row["loq"])] == 2).all()
    assert (flags[values > 20] == 4).all()
    # Nothing is removed, and noise about zero keeps its sign.
    assert np.isfinite(values).all()
    assert (values[20:40, :5] < 0).any()
    mean = amounts.summary.data.iloc[0]
    assert mean["mean"] == pytest.approx(15.0, abs=0.2)
    assert mean["low_95"] < 15.0 < mean["high_95"]
    assert mean["below_lod_fraction"] == pytest.approx(
        (values[20:40] < row["lod"]).mean()
    )
    fractions = mean[[name for name in mean.index if name.endswith("_fraction")]]
    assert fractions.sum() == pytest.approx(1.0)


def test_a_pixel_without_counts_is_no_more_exact_than_the_blank():
    rng = np.random.default_rng(2)
    amount = np.repeat([0.0, 1, 5, 20], 20) * np.ones((20, 1))
    counts = rng.poisson(2 + 30 * amount).astype(float)
    areas = np.repeat(np.arange(4) + 1, 20) * np.ones((20, 1), int)
    image = image_of(counts)
    found = calibration_curve(
        image,
        Labels.from_array(areas, "yx", spacing=10.0),
        levels="1 = 0, 2 = 1, 3 = 5, 4 = 20",
        weights="1/variance",
    )
    error = concentration(image, found.curve).error.data.compute()
    blank = areas == 1
    # Two counts on average: without any, the error is still that of two.
    assert (counts[blank] == 0).any()
    np.testing.assert_allclose(error[blank].min(), math.sqrt(2) / 30, rtol=0.15)
    gap = concentration(image, found.curve).image.data.compute() - amount
    assert np.mean(np.abs(gap) < 1.96 * error) == pytest.approx(0.95, abs=0.025)


def test_it_does_not_matter_how_the_image_is_cut():
    image, areas, tissue = simulated()
    results = []
    for workers, shape in ((1, (1024, 1024)), (2, (17, 23))):
        with using(Threads(workers=workers, block_shape=shape)):
            curve = calibration_curve(image, areas, levels=LEVELS).curve
            results.append((curve, concentration(image, curve, tissue)))
    (one, first), (other, second) = results
    pd.testing.assert_frame_equal(one.data, other.data, rtol=1e-12)
    pd.testing.assert_frame_equal(first.summary.data, second.summary.data, rtol=1e-9)


def test_standards_of_zero_have_no_part_in_weighted_fits():
    x, y = np.append(0.0, X), np.append(99.0, 2 * X + 1)
    rows = table(concentration=x, signal=y)
    found = calibration_curve(table=rows, weights="1/x", limits="fit")
    assert found.curve.data["intercept"].iloc[0] == pytest.approx(1.0)
    assert found.standards.data["weight"].iloc[0] == 0
    assert any("left out" in note for note in found.curve.notes)


@pytest.mark.parametrize(
    ("unit", "stated", "factor", "result"),
    [
        # 1 µg/g is 10.5 pg/mm² at 10 µm and 1.05 g/mL.
        ("pg/mm²", {"thickness_um": 10.0, "density_g_ml": 1.05}, 1 / 10.5, "µg/g"),
        ("pg/mm²", {}, 1.0, "pg/mm²"),
        ("ng/g", {}, 1e-3, "µg/g"),
        ("µg/mL", {"density_g_ml": 1.05}, 1 / 1.05, "µg/g"),
        # Doxorubicin: 1 µM is 0.54352 µg/mL.
        ("µM", {"density_g_ml": 1.05, "molar_mass": 543.52}, 0.54352 / 1.05, "µg/g"),
    ],
)
def test_other_units_become_micrograms_per_gram(unit, stated, factor, result):
    rows = table(concentration=X, signal=3 * X)
    found = calibration_curve(table=rows, unit=unit, limits="fit", **stated)
    row = found.curve.data.iloc[0]
    assert row["unit"] == result
    assert row["slope"] == pytest.approx(3 / factor)


def test_spots_are_amounts_by_their_area():
    values = np.zeros((10, 30))
    areas = np.zeros(values.shape, int)
    # Spots of 10, 20 and 20 pixels of 100 µm², that is 1e-4 mm² each.
    for number, (width, density) in enumerate([(1, 1e3), (2, 5e3), (2, 10e3)]):
        values[:, number * 10 : number * 10 + width] = density
        areas[:, number * 10 : number * 10 + width] = number + 1
    found = calibration_curve(
        image_of(values),
        Labels.from_array(areas, "yx", spacing=10.0),
        levels="1 = 1, 2 = 10, 3 = 20",
        unit="pg per spot",
        limits="fit",
    )
    assert found.standards.data["concentration"].tolist() == [1e3, 5e3, 10e3]
    assert found.curve.data["slope"].iloc[0] == pytest.approx(1.0)
    assert found.curve.data["unit"].iloc[0] == "pg/mm²"


def test_regions_say_by_their_names_what_they_hold():
    image, _, _ = simulated()
    rings, names = [], ["blank", "1 µg/g", "5 ug/g", "10", "20"]
    for number in range(5):
        x = number * 200.0
        rings.append(np.array([[0, x], [0, x + 190], [190, x + 190], [190, x]]))
    regions = Regions(
        polygons=tuple(rings),
        names=tuple(names),
        axes="yx",
        space="world",
        name="spots",
    )
    found = calibration_curve(image, regions)
    assert found.standards.data["concentration"].tolist() == [0, 1, 5, 10, 20]
    with pytest.raises(WrongInput, match="is in µg/g; expected ng/g"):
        calibration_curve(image, regions, unit="ng/g")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"levels": ""}, "not said what the standard '1' of labels holds"),
        ({"levels": "1 = 0, 2 = x"}, "'2 = x' does not say"),
        ({"levels": "1 = 0, 9 = 5, 2 = 3"}, "no measured area for the standard '9'"),
        ({"levels": "1 = 0, 2 = 5, 3 = 5"}, "1 different concentrations"),
        ({"levels": "2 = 1, 3 = 5, 4 = 10"}, "no blank tissue"),
        ({"levels": "1=0, 2=10, 3=0.2, 4=9, 5=1"}, "slope is"),
        ({"unit": "pg/mm²", "density_g_ml": 1.05}, "need the thickness"),
        ({"unit": "µM", "density_g_ml": 1.05}, "need the molar mass"),
        ({"weights": "given"}, "have no weights"),
        ({"areas": None}, "not said where"),
        ({"image": None}, "no signal of the standards"),
    ],
)
def test_what_is_missing_is_said(changes, words):
    image, areas, _ = simulated()
    arguments: dict[str, Any] = {"image": image, "areas": areas, "levels": LEVELS}
    with pytest.raises((CannotCompute, WrongInput), match=words):
        calibration_curve(**(arguments | changes))


def test_a_curve_is_for_its_own_signal_only():
    image, areas, _ = simulated()
    curve = calibration_curve(image, areas, levels=LEVELS).curve
    ratio = image.replace(quantity=Quantity("ratio to internal standard"))
    with pytest.raises(WrongInput, match="has the signal 'ratio to internal"):
        concentration(ratio, curve)
    tic = image.replace(tags=image.tags.having("header", normalisation="tic"))
    with pytest.raises(WrongInput, match="normalisation 'tic'"):
        concentration(tic, curve)
    other = image.replace(tags=image.tags.having("header", analyte="haem"))
    with pytest.raises(WrongInput, match="analyte 'haem'"):
        concentration(other, curve)
    with pytest.raises(WrongInput, match="is no calibration curve"):
        concentration(image, table(slope=[1.0]))


def test_missing_pixels_stay_missing_and_are_not_counted():
    image, areas, tissue = simulated()
    values = image.data.compute()
    values[25, :] = np.nan
    values[5, 5] = np.nan
    holed = image_of(values, analyte="drug")
    curve = calibration_curve(holed, areas, levels=LEVELS).curve
    assert curve.data["blank_n_pixels"].iloc[0] == 399
    found = concentration(holed, curve, tissue)
    assert np.isnan(found.image.data.compute()[25]).all()
    assert (found.flags.data.compute()[25] == 0).all()
    assert found.summary.data["n_pixels"].iloc[0] == 19 * 100


def test_the_line_is_kept_whole_in_its_table():
    line = fit_line(X, Y, ONES)
    curve = calibration_curve(
        table=table(concentration=X, signal=Y), weights="1", limits="fit"
    ).curve
    again = line_of(curve.data.iloc[0])
    assert again.interval(5.0, 0.1) == pytest.approx(line.interval(5.0, 0.1))


def test_tissue_extinction_is_the_signal_over_that_beside_the_tissue():
    values = np.full((4, 9), 100.0)
    values[:, 3:6] = 85.0
    values[:, 6:] = 50.0
    values[0, 0] = np.nan
    areas = np.repeat([[0, 0, 0, 1, 1, 1, 2, 2, 0]], 4, axis=0)
    names = pd.DataFrame({"index": [1, 2], "name": ["capsule", "necrosis"]})
    tissue = Labels.from_array(areas, "yx", spacing=10.0, table=names)
    glass = Labels.from_array(np.tile(np.arange(9) < 3, (4, 1)), "yx", spacing=10.0)
    image = image_of(values, analyte="d3")
    found = tissue_extinction(image, tissue, glass)
    rows = found.coefficients.data.set_index("tissue")["extinction_coefficient"]
    assert rows.to_dict() == {"capsule": 0.85, "necrosis": 0.5}
    expected = [1, 1, 1, 0.85, 0.85, 0.85, 0.5, 0.5, np.nan]
    np.testing.assert_allclose(found.map.data.compute()[1], expected)
    with pytest.raises(CannotCompute, match="no signal in"):
        tissue_extinction(image_of(np.zeros((4, 9))), tissue, glass)

    curve = calibration_curve(
        table=table(concentration=X, signal=20 * X), limits="fit"
    ).curve
    drug = image_of(np.full((4, 9), 60.0) * np.where(areas == 2, 0.5, 1.0))
    amounts = concentration(drug, curve, tissue, found.map).summary.data
    assert amounts.set_index("region")["mean"].to_dict() == pytest.approx(
        {"capsule": 3 / 0.85, "necrosis": 3.0}
    )


def test_the_ratio_to_an_internal_standard_loses_what_both_share():
    rng = np.random.default_rng(3)
    crystals = np.exp(0.4 * rng.standard_normal((20, 30)))
    amount = np.tile(np.linspace(0, 5, 30), (20, 1))
    standard = 80 * crystals
    standard[3, 3] = 0.0
    image = image_of(40 * amount * crystals, analyte="drug", role="Drug")
    found = internal_standard(image, image_of(standard, analyte="drug-d3"))
    values = found.data.compute()
    assert np.isnan(values[3, 3])
    values[3, 3] = amount[3, 3] / 2
    np.testing.assert_allclose(values, amount / 2)
    assert found.quantity.name == "ratio to internal standard"
    assert found.tags["normalisation"] == "internal standard"


@pytest.mark.parametrize(
    ("own", "theirs", "carrier", "words"),
    [
        ({"isotope": "Au197"}, {"isotope": "Au197"}, "", "both Au"),
        ({"isotope": "Gd157"}, {"isotope": "Gd158"}, "", "both Gd"),
        ({"isotope": "Gd157"}, {"isotope": "Au197"}, "Au, Si", "carrier is measured"),
        ({"analyte": "drug"}, {"analyte": "drug"}, "", "both show drug"),
        ({"isotope": "Gd157"}, {"isotope": "Au197", "role": "Carrier"}, "", "carrier"),
        ({"isotope": "Gd157"}, {"isotope": "P31"}, "gold", "no symbol"),
    ],
)
def test_a_standard_that_shares_an_element_is_refused(own, theirs, carrier, words):
    image, standard = (image_of(np.ones((2, 2)), **tags) for tags in (own, theirs))
    with pytest.raises(WrongInput, match=words):
        internal_standard(image, standard, carrier=carrier)
