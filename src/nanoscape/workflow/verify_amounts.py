"""Known values of calibrations and amounts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.model import Affine, Image, Labels, Spectra, Table, Tags
from nanoscape.workflow.verify_check import CLOSED, Check, check, run

Floats = NDArray[np.float64]

_PEWLIB = "tests of pewlib, github.com/djdt/pewlib"


def amounts_checks() -> Iterator[Check]:
    """Yield checks of calibrations."""
    yield from _calibration()
    yield from _lines()
    yield from _ions()
    yield from _discriminating()


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


def _lines() -> Iterator[Check]:
    """Yield checks of laser lines with a known drift, background and tail."""
    levels, rate, loss, scan, decay = [0.0, 5, 20], 200.0, 0.15, 0.25, 0.35
    keep = math.exp(-scan / decay)
    filled = 1 - keep ** np.arange(1, 81)
    sensitivity = rate * np.repeat([1, 1 - loss], 3)[:, None]
    signal = sensitivity * np.array(2 * levels)[:, None] * filled + 60
    words = {"line": range(1, 7), "measured": ["before"] * 3 + ["after"] * 3}
    table = Table(data=pd.DataFrame(words | {"concentration": 2 * levels}), name="")
    options = {"skip_readings": 40}
    found = run("quantify.bracketing_standards", _image(signal, scan), table, **options)
    row = found.drift.data.iloc[1]
    name = "sensitivity after a drift of 15 %"
    yield check(name, row["sensitivity"], rate * (1 - loss), 1e-6, CLOSED)
    yield check("background of the lines", row["background"], 60.0, 1e-6, CLOSED)
    yield check("decay time of the cell (s)", row["washout_s"], decay, 1e-5, CLOSED)
    tail = rate * np.array([[0.0, *((1 - keep) * keep ** np.arange(6))]])
    net = run("quantify.subtract_background", _image(tail + 7, scan), level=7.0)
    sharp = run("quantify.undo_washout", net, decay_s=decay).data.compute()[0]
    gap = np.abs(sharp - rate * (np.arange(7) == 1)).max()
    name = "largest rest of the tail behind one reading of 200"
    yield check(name, gap, 0.0, 1e-9, CLOSED)
    one, two = (_image(np.array([[v]]), scan) for v in (3.0, 8.0))
    ratio = run("quantify.internal_standard", one, two).data.compute()[0, 0]
    yield check("ratio of 3 to its standard of 8", ratio, 0.375, 1e-12, CLOSED)


def _ions() -> Iterator[Check]:
    """Yield checks of masses and isotopes, on spectra that hold only these."""
    wanted = {
        "[M+H]+": 544.1813372,
        "[M+Na]+": 566.1632814,
        "[M+NH4]+": 561.2078863,
        "[M-H]-": 542.1667843,
        "[M+Cl]-": 578.1434620,
    }
    # Two pixels with the isotopologues of C60 by ¹³C alone, whose share is 0.0107.
    share = np.array(
        [math.comb(60, k) * 0.0107**k * (1 - 0.0107) ** (60 - k) for k in range(4)]
    )
    mz: Floats = 720 - 0.000548579909 + 1.00335483507 * np.arange(4.0)
    spectra = Spectra(
        source=_Listed([(mz, 1e4 * share), (mz, 3e4 * share)]),
        pixels=np.array([[0, 0], [0, 1]]),
        shape=(1, 2),
        axes="yx",
        grid_to_space=Affine.from_spacing("yx", 50.0),
        space="spectra",
        name="spectra",
    )
    heavy = run("msi.ion_image", spectra, mz=float(mz[1]))
    ranking = run("msi.similar_ions", heavy, spectra, measure="cosine").ranking.data
    found = ranking.loc[(ranking["mz"] - mz[0]).abs().idxmin(), "similarity"]
    yield check("cosine of two isotopologues", found, 1.0, 1e-12, CLOSED)
    labels = Labels.from_array(np.array([[1, 0]]), "yx", spacing=50.0, space="spectra")
    other = Labels.from_array(np.array([[0, 1]]), "yx", spacing=50.0, space="spectra")
    areas = run("msi.region_ions", spectra, other, labels).data
    name = "log2 of three times as much in one area"
    yield check(name, areas["log2_ratio"].max(), math.log2(3), 1e-12, CLOSED)
    text = {"compounds": "C27H29NO11", "adducts": ", ".join(wanted)}
    rows = run("msi.find_ions", spectra, **text).ions.data
    source = "pyteomics 5.0"
    for found, (adduct, expected) in zip(rows["mz"], wanted.items(), strict=True):
        yield check(f"m/z of doxorubicin {adduct}", found, expected, 2e-6, source)
    row = run("msi.find_ions", spectra, compounds="C60", adducts="[M]+").ions.data
    name = "mass error of the fullerene ion (ppm)"
    yield check(name, row["error_ppm"].iloc[0], 0.0, 1e-4, CLOSED)
    for name in ("isotope_cosine", "isotope_correlation"):
        label = f"{name.replace('_', ' ')} of the fullerene"
        yield check(label, row[name].iloc[0], 1.0, 1e-4, "binomial law of ¹³C")


def _discriminating() -> Iterator[Check]:
    """Yield checks of the comparison of animals."""
    tables = [
        Table(
            data=pd.DataFrame(
                {
                    "name": ["ion"],
                    "mz": [500.0],
                    "mean_first": [2.0 + number / 10],
                    "mean_second": [1.0],
                    "pixel_auc": [0.5],
                    "subject": [f"m{number}"],
                    "group": ["a" if number < 3 else "b"],
                }
            ),
            name="areas",
        )
        for number in range(6)
    ]
    for design, ways in (
        ("areas of the same animals", 2**6),
        ("groups of animals", math.comb(6, 3)),
    ):
        found = run("msi.discriminating_ions", tables, design=design).data
        name = f"smallest p of six animals, {design}"
        yield check(name, found["p"].iloc[0], 2 / ways, 1e-12, CLOSED)


class _Listed:
    """Spectra from a list."""

    def __init__(self, peaks: list[tuple[Floats, Floats]]) -> None:
        self.peaks = peaks

    def read(self, index: int) -> tuple[Floats, Floats]:
        return self.peaks[index]


def _image(values: Floats, scan: float) -> Image:
    tags = Tags.of("header", scan_time_s=scan)
    return Image.from_array(values, "yx", spacing=10.0, tags=tags)


def _curve(columns: dict[str, Any], **options: Any) -> pd.Series[Any]:
    table = Table(data=pd.DataFrame(columns), name="standards")
    found = run("quantify.calibration_curve", table=table, limits="fit", **options)
    row: pd.Series[Any] = found.curve.data.iloc[0]
    return row
