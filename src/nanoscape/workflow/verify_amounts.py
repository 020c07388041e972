"""Known values of calibrations and amounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from nanoscape.model import Table
from nanoscape.workflow.verify_check import CLOSED, Check, check, run

_PEWLIB = "tests of pewlib, github.com/djdt/pewlib"


def amounts_checks() -> Iterator[Check]:
    """Yield checks of calibrations."""
    yield from _calibration()


def _calibration() -> Iterator[Check]:
    x = np.arange(1.0, 6)
    standards = {"concentration": x, "signal": [1.0, 1, 2, 4, 8], "weight": x}
    plain = _curve(standards, weights="1")
    weighted = _curve(standards, weights="given")
    for name, column, expected, by_weight in (
        ("slope", "slope", 1.7, 2.085714),
        ("intercept", "intercept", -1.9, -3.314286),
        ("r²", "r_squared", 0.830459, 0.865097),
        ("residual", "residual_standard_deviation", 1.402379, 1.603991),
    ):
        name = f"{name} of a calibration"
        yield check(name, plain[column], expected, 1e-6, _PEWLIB)
        name = f"{name} by weights of 1 to 5"
        yield check(name, weighted[column], by_weight, 1e-6, _PEWLIB)
    source = "3.3 and 10 residuals over the slope, ICH Q2"
    for name, column, expected in (
        ("detection", "lod", 3.3 * 1.402379 / 1.7),
        ("quantification", "loq", 10 * 1.402379 / 1.7),
    ):
        yield check(f"limit of {name}", plain[column], expected, 1e-5, source)
    exact = {"concentration": x, "signal": 3 * x}
    stated = {"unit": "pg/mm²", "thickness_um": 10.0, "density_g_ml": 1.05}
    found = _curve(exact, weights="1", **stated)["slope"] / 3
    name = "pg/mm² for each µg/g at 10 µm and 1.05 g/mL"
    yield check(name, found, 10.5, 1e-9, CLOSED)


def _curve(columns: dict[str, Any], **options: Any) -> pd.Series[Any]:
    table = Table(data=pd.DataFrame(columns), name="standards")
    found = run("quantify.calibration_curve", table=table, limits="fit", **options)
    row: pd.Series[Any] = found.curve.data.iloc[0]
    return row
