"""Arterial inputs and curves with known parameters, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from nanoscape.model import Image, Quantity, Table
from nanoscape.quantify.fitting.levenberg import evaluate

Floats = NDArray[np.float64]


def table(time: Floats, plasma: Floats) -> Table:
    data = pd.DataFrame({"time_s": time, "plasma_mM": plasma})
    return Table(data=data, name="input")


def image(curves: Floats, time: Floats, unit: str = "mM") -> Image:
    """Return curves, one for each row, as pixels in a line."""
    return Image.from_array(
        curves.T[:, np.newaxis, np.newaxis, :], "tzyx", spacing=500.0,
        times=tuple(time.tolist()), name="concentration",
        quantity=Quantity("concentration", unit),
    )  # fmt: skip


def model(code: int, time: Floats, nodes: Floats, plasma: Floats, *p: float) -> Floats:
    """Return the curve of a model, rates in 1/s and the delay last."""
    found, by = np.empty(len(time)), np.empty((len(p), len(time)))
    work = np.empty((6, len(time)))
    evaluate(code, time, 0.0, nodes, plasma, np.array(p), found, by, work)
    return found


def two_compartments(
    time: Floats, nodes: Floats, plasma: Floats, fp: float, ps: float, ve: float,
    vp: float,
) -> Floats:  # fmt: skip
    """Return the curve of two compartments from their differential equations."""

    def change(t: float, y: Any) -> list[float]:
        arriving = float(np.interp(t, nodes, plasma, left=0.0))
        leak = ps * (y[0] - y[1])
        return [(fp * (arriving - y[0]) - leak) / vp, leak / ve]

    found = solve_ivp(
        change, (0.0, float(time[-1])), [0.0, 0.0], t_eval=time, rtol=1e-8,
        atol=1e-10, max_step=0.5,
    )  # fmt: skip
    return np.asarray(vp * found.y[0] + ve * found.y[1])
