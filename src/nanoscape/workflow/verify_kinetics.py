"""Known values of relaxation, concentrations and kinetics of a contrast agent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.model import Image, Quantity, Table, Tags
from nanoscape.workflow.verify_check import CLOSED, Check, check, run

Floats = NDArray[np.float64]

_OSIPI = "OSIPI, github.com/OSIPI/DCE-DSC-MRI_CodeCollection"


def kinetics_checks() -> Iterator[Check]:
    """Yield checks from the signal to the kinetics of a contrast agent."""
    yield from _inputs()
    yield from _signals()
    yield from _relaxation()
    yield from _models()


def _inputs() -> Iterator[Check]:
    series = _series(np.zeros((2, 1)), np.array([0.0, 320.0]), "mM")
    table = run(
        "quantify.population_input", series, arrival_s=10.0, hematocrit=0.42
    ).data.set_index("time_s")
    source = "Parker et al. 2006, doi:10.1002/mrm.21066"
    for seconds, expected in ((0.0, 0.080385), (60.0, 0.887187), (300.0, 0.452165)):
        name = f"arterial input of Parker after {seconds:g} s (mM in blood)"
        found = table.loc[10.0 + seconds, "blood_mM"]
        yield check(name, found, expected, 2e-6, source)


def _signals() -> Iterator[Check]:
    cases = (
        (13.0, 2.0, 1.4, 4.5, 7.0, 28.0, 0.601723),
        (20.0, 2.0, 1.0, 4.5, 8.0, 28.0, 0.623568),
        (30.0, 2.0, 1.6, 3.4, 22 / 3, 28.0, 0.535701),
        (40.0, 3.0, 0.3, 3.4, 7.0, 32.0, 4.200811),
        (10.0, 3.0, 1.4, 4.5, 6.6, 32.0, 1.509680),
    )
    for n, (flip, tr, t1, r1, base, late, expected) in enumerate(cases, start=1):
        series = _series(np.array([[base], [base], [late]]), np.arange(3.0), "a.u.")
        found = run(
            "quantify.spoiled_gradient_echo", series, t1_s=t1, relaxivity=r1,
            baseline_end_s=1.5, flip_angle_deg=flip, repetition_time_ms=tr,
        )  # fmt: skip
        name = f"concentration from a spoiled gradient echo, case {n} (mM)"
        value = found.concentration.data[2, 0, 0].compute()
        yield check(name, value, expected, 1e-6 * expected + 5e-7, _OSIPI)


def _relaxation() -> Iterator[Check]:
    t1, tr = 1.2, 0.01
    decay = math.exp(-tr / t1)
    angles = np.radians([2.0, 5.0, 10.0, 20.0])
    signals = np.sin(angles) * (1 - decay) / (1 - decay * np.cos(angles))
    images = _images(signals, flip_angle_deg=np.degrees(angles))
    found = run("quantify.t1_flip_angles", images, repetition_time_ms=tr * 1e3)
    yield _time("T1 of four flip angles (s)", found, t1)
    times = np.array([0.1, 0.4, 0.9, 2.0, 5.0])
    signals = np.abs(1 - 1.9 * np.exp(-times / t1))
    images = _images(signals, inversion_time_ms=times * 1e3)
    found = run("quantify.t1_inversion_recovery", images)
    yield _time("T1 of five inversion times (s)", found, t1)
    times = np.arange(1, 7) * 0.01
    images = _images(np.exp(-times / 0.04), echo_time_ms=times * 1e3)
    yield _time("T2 of six echoes (s)", run("quantify.t2_echoes", images), 0.04)


def _time(name: str, found: Any, expected: float) -> Check:
    value = found.time.data[0, 0].compute()
    return check(name, value, expected, 1e-5 * expected, CLOSED)


def _models() -> Iterator[Check]:
    time = np.arange(0.0, 901.0, 5.0)
    fine = np.arange(0.0, 901.0, 0.25)
    plasma = 0.1 * (
        3.99 * np.exp(-0.144 * fine / 60) + 4.78 * np.exp(-0.0111 * fine / 60)
    )
    data = pd.DataFrame({"time_s": fine, "plasma_mM": plasma})
    table = Table(data=data, name="two exponentials")
    ktrans, ve = 0.25, 0.5
    series = _series(_two_exponentials(time, ktrans, ve)[:, np.newaxis], time, "mM")
    found = run("quantify.tofts", series, table)
    source = "closed form of Tofts' model for plasma of two exponentials"
    value = found.ktrans.data[0, 0].compute()
    yield check("Ktrans of Tofts' model (1/min)", value, ktrans, 1e-5, source)
    value = found.ve.data[0, 0].compute()
    yield check("ve of Tofts' model", value, ve, 1e-5, source)
    vp = 0.05
    mixed = _two_exponentials(time, ktrans, ve) + vp * np.interp(time, fine, plasma)
    found = run("quantify.extended_tofts", _series(mixed[:, None], time, "mM"), table)
    for name, expected in (("ktrans", ktrans), ("ve", ve), ("vp", vp)):
        value = getattr(found, name).data[0, 0].compute()
        label = f"{name} of the extended Tofts model"
        yield check(label, value, expected, 2e-5, source)
    line = _series(2.0 * time[:, np.newaxis], time, "mM")
    value = run("quantify.initial_area", line, arrival_s=0.0).iauc60.data[0, 0]
    yield check("iAUC60 of a line (mM·s)", value.compute(), 3600.0, 1e-3, CLOSED)


def _two_exponentials(time: Floats, ktrans: float, ve: float) -> Floats:
    t, back = time / 60, ktrans / ve
    total: Floats = np.zeros_like(t)
    for amount, rate in ((0.399, 0.144), (0.478, 0.0111)):
        total = total + amount * (np.exp(-rate * t) - np.exp(-back * t)) / (back - rate)
    return ktrans * total


def _series(values: Floats, times: Floats, unit: str) -> Image:
    return Image.from_array(
        values[:, np.newaxis, :], "tyx", spacing=500.0, times=times.tolist(),
        quantity=Quantity("signal", unit),
    )  # fmt: skip


def _images(signals: NDArray[Any], **settings: NDArray[Any]) -> list[Image]:
    return [
        Image.from_array(
            np.full((1, 1), signal), "yx", spacing=500.0,
            tags=Tags.of("header", **{k: float(v[n]) for k, v in settings.items()}),
        )
        for n, signal in enumerate(signals)
    ]  # fmt: skip
