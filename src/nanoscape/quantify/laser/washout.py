"""Wash-out: taking the tail of the ablation cell away."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.laser.lines import changed, check_lines, in_float, is_net


@operation(version=1, title="Undo the wash-out")
def undo_washout(
    image: Annotated[Image, Role(label="Image of laser lines")],
    drift: Annotated[Table | None, Role(label="Drift, for the decay time")] = None,
    *,
    decay_s: Annotated[
        float | None, Option(unit="s", minimum=1e-4, label="Decay time of the cell")
    ] = None,
    scan_s: Annotated[
        float | None,
        Option(unit="s", minimum=1e-5, label="Time between readings", advanced=True),
    ] = None,
) -> Image:
    """Take away the tail with which the cell smears a line forwards.

    Parameters
    ----------
    image
        Net signal of one isotope, a row for each line; lines start with an empty
        cell.
    drift
        What *Drift from bracketing standards* gave; it holds the decay time measured
        on the rise of the standards.
    decay_s
        Time in which the cell empties to 37 %, in place of the measured one.
    scan_s
        Time between readings, where the file does not state it.

    Returns
    -------
    image
        The signal of what was ablated at each reading. Noise becomes larger, by the
        factor that the account tells.

    Raises
    ------
    CannotCompute
        If a time is not known.
    WrongInput
        If the background is still there: it has no tail.

    Notes
    -----
    The cell holds m ← k m + (1 − k) a with k = exp(−Δt/τ), so that
    a = (y − k y₋₁) / (1 − k): exact, and without smoothing. Noise grows by
    √(1 + k²) / (1 − k).
    """
    check_lines(image)
    if not is_net(image):
        raise WrongInput(
            f"{image.name} still holds its background",
            "a net signal",
            "subtract the background first",
        )
    step = scan_s or image.tags.get("scan_time_s")
    if decay_s is None and drift is not None and "washout_s" in drift.data:
        decay_s = float(drift.data["washout_s"].iloc[0])
    if not step or decay_s is None or not decay_s > 0:
        what = "the decay time of the cell" if step else "the time between readings"
        raise CannotCompute(f"{what} is not known", todo="state it, or measure it")
    keep = math.exp(-float(step) / decay_s)
    found = in_float(image).map_blocks(
        _sharpened, keep, dtype=np.result_type(image.dtype, np.float32)
    )
    growth = math.sqrt(1 + keep**2) / (1 - keep)
    text = f"wash-out of {decay_s:.3g} s undone; noise is {growth:.3g} times as large"
    result = changed(image, found, text, washout="undone")
    return result.replace(name=f"{image.name} (sharpened)")


def _sharpened(data: NDArray[Any], keep: float) -> NDArray[Any]:
    values = data.astype(np.float64)
    before = np.zeros_like(values)
    before[:, 1:] = values[:, :-1]
    return ((values - keep * before) / (1 - keep)).astype(data.dtype)
