"""Background, drift and wash-out of laser lines, on lines made by their laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from nanoscape.compute.executor import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Table, Tags
from nanoscape.quantify.calibration.concentration import concentration
from nanoscape.quantify.calibration.curve import calibration_curve
from nanoscape.quantify.laser.background import subtract_background
from nanoscape.quantify.laser.drift import bracketing_standards, correct_drift
from nanoscape.quantify.laser.washout import undo_washout

SENSITIVITY, BACKGROUND, LOSS = 200.0, 60.0, 0.15
SCAN_S, DECAY_S = 0.25, 0.35
KEEP = math.exp(-SCAN_S / DECAY_S)
LEVELS = [0.0, 1, 5, 20]


def image_of(values: NDArray[np.float64], **tags: Any) -> Image:
    tags = {"analyte": "Au197", "isotope": "Au197", "scan_time_s": SCAN_S} | tags
    return Image.from_array(
        values,
        "yx",
        spacing=[20.0, 10.0],
        quantity=Quantity("signal", "counts/s"),
        tags=Tags.of("header", **tags),
        name="gold",
    )


def washed(amount: NDArray[np.float64]) -> NDArray[np.float64]:
    found, left = np.empty(amount.shape), np.zeros(len(amount))
    for reading in range(amount.shape[1]):
        left = KEEP * left + (1 - KEEP) * amount[:, reading]
        found[:, reading] = left
    return found


def specimen(noise: int | None = None) -> tuple[Image, NDArray[np.float64]]:
    amount = np.zeros((30, 60))
    amount[8:20, 15:40] = 12.0
    amount[12, 25:30] = 0.0
    time = (np.arange(amount.size) + 0.5).reshape(amount.shape) / amount.size
    cps = SENSITIVITY * (1 - LOSS * time) * washed(amount) + BACKGROUND
    return image_of(counted(cps, noise)), amount


def standards(noise: int | None = None) -> tuple[Image, Table]:
    amount = np.repeat(np.array(2 * LEVELS)[:, None], 60, axis=1)
    sensitivity = SENSITIVITY * np.repeat([1, 1 - LOSS], len(LEVELS))[:, None]
    cps = sensitivity * washed(amount) + BACKGROUND
    table = pd.DataFrame(
        {
            "line": np.arange(2 * len(LEVELS)) + 1,
            "measured": ["before"] * len(LEVELS) + ["After"] * len(LEVELS),
            "gold_ug_per_g": 2 * LEVELS,
        }
    )
    return image_of(counted(cps, noise)), Table(data=table, name="standards")


def counted(cps: NDArray[np.float64], noise: int | None) -> NDArray[np.float64]:
    if noise is None:
        return cps
    return np.random.default_rng(noise).poisson(cps * 0.06) / 0.06


def test_sensitivities_background_and_tail_are_those_of_the_lines():
    lines, table = standards()
    found = bracketing_standards(lines, table, skip_readings=30)
    data = found.drift.data
    # What is left of the rise after 30 readings is 5e-10.
    expected = [SENSITIVITY, SENSITIVITY * (1 - LOSS)]
    np.testing.assert_allclose(data["sensitivity"], expected, rtol=1e-6)
    np.testing.assert_allclose(data["background"], BACKGROUND, rtol=1e-6)
    np.testing.assert_allclose(data["washout_s"], DECAY_S, rtol=1e-3)
    flat = found.standards.data.compute()[:, 40:]
    middle = SENSITIVITY * (1 - LOSS / 2) * np.array(2 * LEVELS)
    np.testing.assert_allclose(flat, np.repeat(middle[:, None], 20, 1), atol=1e-3)
    assert "fell by 15 %" in found.drift.notes[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_drift_and_tail_are_taken_away_exactly(workers):
    image, amount = specimen()
    with using(Threads(workers=workers, block_shape=(7, 13))):
        net = subtract_background(image, level=BACKGROUND)
        lines, table = standards()
        own = subtract_background(lines, level=BACKGROUND)
        drift = bracketing_standards(own, table, skip_readings=30).drift
        steady = correct_drift(net, drift)
        sharp = undo_washout(steady, decay_s=DECAY_S)
        middle = SENSITIVITY * (1 - LOSS / 2)
        np.testing.assert_allclose(
            steady.data.compute(), middle * washed(amount), atol=1e-2
        )
        # Within a tail the sensitivity is that of the reading, not of the ablation.
        np.testing.assert_allclose(sharp.data.compute(), middle * amount, atol=0.3)
    assert len(sharp.tags["derivation"]) == 3
    assert "times as large" in sharp.tags["derivation"][-1]


def test_drift_is_corrected_around_the_background_where_that_is_still_there():
    image, amount = specimen()
    lines, table = standards()
    drift = bracketing_standards(lines, table, skip_readings=30, subtract=False).drift
    found = correct_drift(image, drift).data.compute()
    middle = SENSITIVITY * (1 - LOSS / 2)
    np.testing.assert_allclose(found, middle * washed(amount) + BACKGROUND, atol=1e-2)


def test_the_amount_of_a_noisy_run_comes_back_within_its_interval():
    held = 0
    for seed in range(40):
        image, amount = specimen(seed)
        lines, table = standards(1000 + seed)
        found = bracketing_standards(lines, table, skip_readings=12)
        curve = calibration_curve(
            found.standards, table=table, skip_readings=12, weights="1/variance"
        ).curve
        steady = correct_drift(image, found.drift)
        row = concentration(steady, curve).summary.data.iloc[0]
        truth = washed(amount).mean()
        held += row["low_95"] <= truth <= row["high_95"]
        assert row["mean"] == pytest.approx(truth, rel=0.05)
    assert held >= 34


def test_the_background_is_that_of_an_area_or_of_the_start_of_each_line():
    values = np.arange(4.0)[:, None] + np.zeros((4, 10))
    values[:, 3:] += 100.0
    found = subtract_background(image_of(values), readings=3).data.compute()
    np.testing.assert_allclose(found[:, 3:], 100.0)
    np.testing.assert_allclose(found[:, :3], 0.0)
    area = Labels.from_array(
        np.tile(np.arange(10) < 3, (4, 1)), "yx", spacing=[20.0, 10.0]
    )
    found = subtract_background(image_of(values), area)
    np.testing.assert_allclose(found.data.compute()[:, 0], np.arange(4) - 1.5)
    assert "± 0.34" in found.tags["derivation"][0]


def test_what_is_missing_or_does_not_fit_is_said():
    image, _ = specimen()
    lines, table = standards()
    drift = bracketing_standards(lines, table).drift
    kept = bracketing_standards(lines, table, subtract=False).drift
    with pytest.raises(WrongInput, match="not said what the background is"):
        subtract_background(image)
    with pytest.raises(WrongInput, match="in several ways"):
        subtract_background(image, readings=3, level=1.0)
    net = subtract_background(image, level=60.0)
    with pytest.raises(WrongInput, match="subtracted already"):
        subtract_background(net, level=60.0)
    with pytest.raises(WrongInput, match="only; expected from both or none"):
        correct_drift(net, drift)
    with pytest.raises(WrongInput, match="corrected already"):
        correct_drift(correct_drift(image, drift), drift)
    with pytest.raises(WrongInput, match="is no drift"):
        correct_drift(image, table)
    other = image_of(np.ones((3, 3)), analyte="Gd157")
    with pytest.raises(WrongInput, match="is of Au197, gold of Gd157"):
        correct_drift(other, drift)
    with pytest.raises(WrongInput, match="still holds its background"):
        undo_washout(image, decay_s=0.3)
    with pytest.raises(CannotCompute, match="decay time of the cell is not known"):
        undo_washout(net)
    when = table.data.assign(measured="during")
    with pytest.raises(WrongInput, match="were measured during"):
        bracketing_standards(lines, table.replace(data=when))
    with pytest.raises(WrongInput, match="has 3 lines and no line"):
        bracketing_standards(image_of(np.ones((3, 60))), table)
    with pytest.raises(CannotCompute, match="hardly rises with the standards before"):
        bracketing_standards(image_of(np.ones((8, 60))), table)
    curve = calibration_curve(lines, table=table, limits="fit").curve
    with pytest.raises(WrongInput, match="drift 'corrected' and the standards had 'no"):
        concentration(correct_drift(image, kept), curve)
