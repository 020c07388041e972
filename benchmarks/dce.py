"""Extended Tofts of many curves against curve_fit and a package for dynamic MRI.

``python -m benchmarks dce`` measures speed, ``python -m benchmarks.dce`` how often 95 %
intervals hold the truth.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from scipy import optimize, signal, stats

from benchmarks import Result, best_of
from nanoscape.compute import Threads, using
from nanoscape.model import Image, Quantity, Table
from nanoscape.quantify.fitting.levenberg import evaluate
from nanoscape.quantify.fitting.tissue import (
    EXCHANGE,
    EXTENDED_TOFTS,
    PATLAK,
    TOFTS,
)
from nanoscape.quantify.kinetics.dynamic import (
    extended_tofts,
    patlak,
    tofts,
    two_compartment_exchange,
)
from nanoscape.quantify.kinetics.population import parker
from nanoscape.quantify.mri.spoiled_gradient_echo import spoiled_gradient_echo

Floats = NDArray[np.float64]

VOXELS, FRAMES, STEP_S = 100_000, 60, 5.0
TIME = np.arange(FRAMES) * STEP_S
PLASMA = parker(TIME - 20) / 0.58
INPUT = Table(
    data=pd.DataFrame({"time_s": TIME, "plasma_mM": PLASMA}), name="arterial input"
)
NOISE_MM = 1e-4
SUBSET = {"curve_fit": 1000, "dcmri": 200}

T1_S, RELAXIVITY, TR_S, FLIP_DEG, HEMATOCRIT = 1.2, 4.5, 0.005, 15.0, 0.45


def tissue_curves(seed: int) -> tuple[Floats, Floats]:
    """Return parameters (1/min, share, share) and curves with little noise."""
    rng = np.random.default_rng(seed)
    p = rng.uniform((0.05, 0.1, 0.01), (0.4, 0.6, 0.1), (VOXELS, 3))
    back = p[:, 0] / 60 / p[:, 1]
    spread = _spread(back)
    curves = p[:, :1] / 60 * spread + p[:, 2:] * PLASMA
    return p, curves + rng.normal(0, NOISE_MM, curves.shape)


def _spread(rates: Floats) -> Floats:
    """Return plasma spread by exponentials, exactly for straight pieces."""
    found = np.zeros((len(rates), FRAMES))
    for n in range(1, FRAMES):
        z = rates * STEP_S
        e = np.exp(-z)
        a, b = (1 - e) / z, (z - 1 + e) / z**2
        rise = PLASMA[n] - PLASMA[n - 1]
        found[:, n] = e * found[:, n - 1] + STEP_S * (PLASMA[n - 1] * a + rise * b)
    return found


def series(curves: Floats, unit: str = "mM") -> Image:
    """Return curves as a volume over time."""
    side = math.isqrt(len(curves) // 10)
    even = 10 * side * side == len(curves)
    shape = (10, side, side) if even else (1, 1, len(curves))
    data = np.ascontiguousarray(curves.T.reshape(FRAMES, *shape), np.float32)
    return Image.from_array(
        data, "tzyx", spacing=500.0, times=tuple(TIME.tolist()),
        quantity=Quantity("signal", unit),
    )  # fmt: skip


def by_curve_fit(curves: Floats) -> Floats:
    """Fit each curve with SciPy, by a fast and exact model."""
    rise = np.diff(PLASMA, prepend=PLASMA[0])

    def curve(_: Any, ktrans: float, ve: float, vp: float) -> Any:
        z = ktrans / ve * STEP_S
        e = math.exp(-z)
        a, b = (1 - e) / z, (z - 1 + e) / z**2
        before = np.concatenate([[0.0], PLASMA[:-1]])
        arriving = STEP_S * (before * a + rise * b)
        return ktrans * signal.lfilter([1.0], [1.0, -e], arriving) + vp * PLASMA

    start = (0.2 / 60, 0.3, 0.05)
    found = [optimize.curve_fit(curve, TIME, c, start)[0] for c in curves]
    return np.array(found) * (60, 1, 1)


def spoiled(curves: Floats) -> Floats:
    """Return the signals of a spoiled gradient echo of concentrations in mM."""
    rate = 1 / T1_S + RELAXIVITY * curves
    e, angle = np.exp(-TR_S * rate), math.radians(FLIP_DEG)
    return 1000 * math.sin(angle) * (1 - e) / (1 - math.cos(angle) * e)


def by_dcmri(signals: Floats) -> Floats:
    """Fit each signal with dcmri's array of tissues."""
    import dcmri

    tissue = dcmri.TissueArray(
        (len(signals),), kinetics="HF", sequence="SS", t=TIME,
        ca=1e-3 * PLASMA * (1 - HEMATOCRIT), H=HEMATOCRIT, n0=4,
        R10=np.full(len(signals), 1 / T1_S), r1=1e3 * RELAXIVITY, TR=TR_S, FA=FLIP_DEG,
    )  # fmt: skip
    tissue.train(TIME, signals)
    vp = tissue.vb * (1 - HEMATOCRIT)
    return np.stack([tissue.PS * 60, tissue.vi, vp], axis=1)


def ours(curves: Floats, from_signal: bool = False) -> Floats:
    """Fit all curves in maps, from concentrations or from signals."""
    image = series(curves, "a.u." if from_signal else "mM")
    if from_signal:
        image = spoiled_gradient_echo(
            image, t1_s=T1_S, relaxivity=RELAXIVITY, baseline_end_s=19.0,
            flip_angle_deg=FLIP_DEG, repetition_time_ms=TR_S * 1e3,
        ).concentration  # fmt: skip
    maps = extended_tofts(image, INPUT)
    names = ("ktrans", "ve", "vp")
    return np.stack([getattr(maps, n).data.compute().ravel() for n in names], axis=1)


def _timed(fit: Callable[[Floats], Floats], part: Floats) -> tuple[float, Floats]:
    start = time.perf_counter()
    found = fit(part)
    return (time.perf_counter() - start) * VOXELS / len(part), found


def _apart(found: Floats, other: Floats) -> float:
    """Return by how much 99 % of the pixels differ at most, in the worst value."""
    return float(np.quantile(np.abs(found / other - 1), 0.99, axis=0).max())


def dce() -> Iterator[Result]:
    """Time maps of all curves against fits of some, extrapolated."""
    truth, curves = tissue_curves(1)
    signals = spoiled(curves)
    with using(Threads(workers=1)):
        maps, from_signal = ours(curves), ours(signals, True)
        seconds = best_of(lambda: ours(curves))
        whole = best_of(lambda: ours(signals, True))
    count = SUBSET["curve_fit"]
    theirs, found = _timed(by_curve_fit, curves[:count])
    work = (
        f"extended Tofts of {VOXELS} curves of {FRAMES} frames, with errors, one "
        f"thread (s; the peer extrapolated from {count}); 99 % of the values differ by "
        f"{_apart(maps[:count], found):.1e}, from the truth {_apart(maps, truth):.1e}"
    )
    yield Result(
        "dce", work, seconds, "scipy curve_fit", scipy.__version__, theirs,
        theirs / seconds, 20.0,
    )  # fmt: skip
    count = SUBSET["dcmri"]
    theirs, found = _timed(by_dcmri, signals[:count])
    work = (
        f"the same from the signal (s; the peer extrapolated from {count}); 99 % of "
        f"the values differ by {_apart(from_signal[:count], found):.1e}"
    )
    version = metadata.version("dcmri")
    yield Result("dce", work, whole, "dcmri", version, theirs, theirs / whole, 1.0)


CASES: dict[str, tuple[int, Any, dict[str, float], float]] = {
    "Tofts": (TOFTS, tofts, {"ktrans": 0.2, "ve": 0.3}, 0.01),
    "extended Tofts": (
        EXTENDED_TOFTS,
        extended_tofts,
        {"ktrans": 0.15, "ve": 0.3, "vp": 0.05},
        0.01,
    ),
    "Patlak": (PATLAK, patlak, {"ktrans": 0.05, "vp": 0.06}, 0.01),
    "exchange": (
        EXCHANGE,
        two_compartment_exchange,
        {"fp": 0.5, "ps": 0.1, "ve": 0.2, "vp": 0.05},
        0.003,
    ),
}


def coverage(case: str, fits: int) -> dict[str, float]:
    """Return how often the 95 % interval of each value holds the truth."""
    code, fit, truth, noise = CASES[case]
    rates = [v if n in ("ve", "vp") else v / 60 for n, v in truth.items()]
    p = np.array([*rates, 0.0])
    clean, by = np.empty(FRAMES), np.empty((len(p), FRAMES))
    evaluate(code, TIME, 0.0, TIME, PLASMA, p, clean, by, np.empty((6, FRAMES)))
    rng = np.random.default_rng(5)
    maps = fit(series(clean + rng.normal(0, noise, (fits, FRAMES))), INPUT)
    wide = stats.t.ppf(0.975, FRAMES - len(truth))
    found = {}
    for name, value in truth.items():
        apart = np.abs(getattr(maps, name).data.compute() - value)
        error = getattr(maps, f"{name}_error").data.compute()
        found[name] = float((apart < wide * error).mean())
    return found


def main() -> None:
    """Print coverage of all models."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dce")
    parser.add_argument("fits", nargs="?", type=int, default=20_000)
    fits = parser.parse_args().fits
    for case in CASES:
        shares = ", ".join(f"{k} {v:.1%}" for k, v in coverage(case, fits).items())
        print(f"{case}: {shares} of {fits}")


BENCHMARKS = {"dce": dce}

if __name__ == "__main__":
    main()
