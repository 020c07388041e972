from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gamma

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Regions, Table
from nanoscape.quantify.kinetics.arterial_input import (
    input_from_table,
    measured_input,
    plasma_of,
    population_input,
)
from nanoscape.quantify.kinetics.population import georgiou, mcgrath, parker

TIMES = tuple(float(t) for t in range(0, 320, 8))


def series(times: Any = TIMES, unit: str = "mM") -> Image:
    data = np.arange(len(times) * 30, dtype=float).reshape(len(times), 2, 3, 5)
    return Image.from_array(
        data, "tzyx", spacing=500.0, times=times, name="dynamic",
        quantity=Quantity("concentration", unit),
    )  # fmt: skip


def test_parker_has_the_published_values() -> None:
    since = 60 * np.array([0, 0.165667, 0.2485, 1, 5])
    expected = [0.080385, 6.030756, 2.869187, 0.887187, 0.452165]
    np.testing.assert_allclose(parker(since), expected, atol=2e-5)
    assert parker(np.array([-1.0]))[0] == 0


def test_georgiou_is_a_washout_times_recirculating_gamma_variates() -> None:
    since = np.arange(0.0, 900, 1.7)
    t = since / 60
    passes = sum(
        gamma.pdf(t - 0.129 * k, 5.26 * (k + 1) + k + 1, scale=0.032)
        for k in range(150)
    )
    washout = 0.37 * np.exp(-0.11 * t) + 0.33 * np.exp(-1.17 * t)
    washout += 10.06 * np.exp(-16.02 * t)
    np.testing.assert_allclose(georgiou(since), washout * passes, rtol=1e-9)


def test_mcgrath_rises_for_seven_seconds() -> None:
    found = mcgrath(np.array([0.0, 3.5, 7.0, 27.0]))
    later = 3.4 * np.exp(-0.9) + 1.81 * np.exp(-0.03)
    np.testing.assert_allclose(found, [0, 2.605, 5.21, later])


def test_a_population_covers_the_series_from_its_arrival_on() -> None:
    found = population_input(series(), arrival_s=60.0, hematocrit=0.42)
    data = found.data
    assert data["time_s"].iloc[-1] == TIMES[-1]
    assert (data["plasma_mM"][data["time_s"] < 60] == 0).all()
    at = data[data["time_s"] == 120.0].iloc[0]
    assert at["blood_mM"] == pytest.approx(0.887187, abs=1e-6)
    assert at["plasma_mM"] == pytest.approx(0.887187 / 0.58, abs=1e-6)
    double = population_input(
        series(), arrival_s=60.0, hematocrit=0.42, relative_dose=2.0
    )
    np.testing.assert_allclose(double.data["blood_mM"], 2 * data["blood_mM"])


def test_own_exponentials() -> None:
    found = population_input(
        series(), population="own two exponentials", arrival_s=0.0, hematocrit=0.5,
        amounts_mm=(4.0, 1.2), rates_per_s=(1 / 25, 1 / 1200),
    )  # fmt: skip
    t = found.data["time_s"].to_numpy()
    expected = 2 * (4 * np.exp(-t / 25) + 1.2 * np.exp(-t / 1200))
    np.testing.assert_allclose(found.data["plasma_mM"], expected)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"hematocrit": 0.4}, "when the bolus reaches the arteries is not known"),
        ({"arrival_s": 10.0}, "hematocrit, which turns blood into plasma"),
        ({"arrival_s": 900.0, "hematocrit": 0.4}, "arrives after the last frame"),
        (
            {
                "arrival_s": 1.0,
                "hematocrit": 0.4,
                "population": "own two exponentials",
            },
            "amounts of the own input are not given",
        ),
    ],
)
def test_nothing_is_guessed(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CannotCompute, match=sentence):
        population_input(series(), **given)


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ((-8.0, 0.0, 8.0), "begins at -8 s"),
        ((0.0, 8.0, 8.0), "frame 3 of dynamic at 8 s does not come after frame 2"),
        (None, "does not say when its frames were taken"),
    ],
)
def test_wrong_times_are_refused(times: Any, sentence: str) -> None:
    image = series((0.0, 1.0, 2.0)).replace(times=times)
    with pytest.raises(CannotCompute, match=sentence):
        population_input(image, arrival_s=1.0, hematocrit=0.4)


def test_the_mean_of_an_area_is_exact_however_it_is_cut() -> None:
    mask = np.zeros((2, 3, 5), bool)
    mask[1, 1:, 2] = True
    artery = Labels.from_array(mask, "zyx", spacing=500.0, name="artery")
    image = series()
    expected = image.data.compute()[:, mask].mean(axis=1)
    for workers, block in ((1, None), (2, (1, 2, 3))):
        with using(Threads(workers=workers, block_shape=block)):
            found = measured_input(image, artery, hematocrit=0.45)
        np.testing.assert_allclose(found.data["blood_mM"], expected)
        np.testing.assert_allclose(found.data["plasma_mM"], expected / 0.55)
    assert "mean of 2 pixels" in found.notes[0]


def test_drawn_regions_reach_through_all_planes() -> None:
    square = np.array([[-100, -100], [-100, 600], [600, 600], [600, -100.0]])
    regions = Regions(
        polygons=(square,), names=("artery",), axes="yx", space="world", name="drawn"
    )
    found = measured_input(series(), regions, hematocrit=0.0)
    expected = series().data.compute()[:, :, :2, :2].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found.data["plasma_mM"], expected)


def test_an_empty_area_and_a_signal_are_refused() -> None:
    empty = Labels.from_array(np.zeros((2, 3, 5), int), "zyx", spacing=500.0)
    with pytest.raises(CannotCompute, match="holds no measured pixel"):
        measured_input(series(), empty, hematocrit=0.4)
    with pytest.raises(WrongInput, match="Convert the signal"):
        measured_input(series(unit="a.u."), empty, hematocrit=0.4)


def table(**columns: Any) -> Table:
    return Table(data=pd.DataFrame(columns), name="samples")


def test_a_table_of_blood_samples() -> None:
    samples = table(minutes=[0.0, 1.0, 2.0], blood=[0.0, 2.0, 1.0])
    found = input_from_table(
        samples, time_column="minutes", time_unit="min", value_column="blood",
        holds="blood", hematocrit=0.5,
    )  # fmt: skip
    time, plasma = plasma_of(found, 0.0, 120.0)
    np.testing.assert_allclose(time, [0, 60, 120])
    np.testing.assert_allclose(plasma, [0, 4, 2])
    with pytest.raises(CannotCompute, match="covers 0 to 120 s, and the series 0 to"):
        plasma_of(found, 0.0, 200.0)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"time_s": [0, 2, 1], "plasma_mM": [0, 1, 1]}, "frame 3 of samples at 1 s"),
        ({"time_s": [-1, 2, 3], "plasma_mM": [0, 1, 1]}, "begins at -1 s"),
        ({"time_s": [0, np.nan, 3], "plasma_mM": [0, 1, 1]}, "without a time"),
        ({"time_s": [0, 1, 3], "plasma_mM": [0, np.nan, 1]}, "in row 2"),
        ({"time_s": [0, 1, 3]}, "no column 'plasma_mM'"),
        ({"time_s": [0, 1], "plasma_mM": ["a", "b"]}, "holds text"),
    ],
)
def test_wrong_tables_are_refused(columns: dict[str, Any], sentence: str) -> None:
    with pytest.raises((CannotCompute, WrongInput), match=sentence):
        input_from_table(table(**columns))
