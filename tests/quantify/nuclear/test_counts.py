from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Quantity, Tags
from nanoscape.quantify.nuclear.counts import calibrate_counts
from nanoscape.quantify.nuclear.suv import percent_injected_dose

SETTINGS: dict[str, Any] = {
    "factor": 50.0,
    "duration_s": 1200.0,
    "isotope": "In-111",
    "collimator": "mouse",
    "phantom": "cylinder of 30 mL",
    "calibrated_on": "2026-01-05",
}


def counts(**tags: Any) -> Image:
    return Image.from_array(
        np.full((2, 3), 600, np.uint16), "yx", spacing=500.0,
        quantity=Quantity("counts", "counts"),
        tags=Tags.of("header", modality="NM", units="CNTS", **tags),
    )  # fmt: skip


def test_counts_become_activity() -> None:
    image = counts(radionuclide="^111^Indium")
    found = calibrate_counts(image, **SETTINGS)
    np.testing.assert_allclose(found.data.compute(), 600 / 1200 * 50)
    assert found.quantity.unit == "Bq/mL"
    assert "cylinder of 30 mL" in found.tags["calibration"]
    whole = calibrate_counts(image, **(SETTINGS | {"per": "count"}))
    np.testing.assert_allclose(whole.data.compute(), 600 * 50)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"factor": 0.0}, "not given"),
        ({"collimator": " "}, "collimator is not given"),
        ({"isotope": "Tc-99m"}, "factor is for Tc-99m"),
        ({"duration_s": None}, "time of the acquisition"),
    ],
)
def test_a_factor_is_not_used_where_it_may_not_hold(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(CannotCompute, match=words):
        calibrate_counts(counts(radionuclide="In-111"), **(SETTINGS | changes))


def test_an_image_is_calibrated_once() -> None:
    found = calibrate_counts(counts(), **SETTINGS)
    with pytest.raises(CannotCompute, match="already"):
        calibrate_counts(found, **SETTINGS)


def test_spect_has_no_uptake_before_it_is_calibrated() -> None:
    image = counts(
        radionuclide="In-111",
        half_life_s=67.3 * 3600,
        injected_dose=30.0,
        injected_dose_unit="MBq",
        injection_time="2026-01-05T10:00:00",
        acquisition_times="2026-01-08T10:00:00",
        frame_durations_s=1200.0,
    )
    with pytest.raises(CannotCompute, match="counts"):
        percent_injected_dose(image)
    activity = calibrate_counts(image, **SETTINGS)
    found = percent_injected_dose(activity, decay_correction="NONE").data.compute()
    # Decayed for 72 h, and a little more within the scan.
    truth = 100 * 25 / 30e6 * 2 ** ((72 + 1 / 6) / 67.3)
    np.testing.assert_allclose(found, truth, rtol=1e-5)
