"""An input given at single times, spread by an exponential, exactly.

Between its times the input runs straight. All that was there before its first time
counts as nothing; after the last one it stays.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.quantify.series import Floats

_SERIES_BELOW = 0.3
_TERMS = 12


def nodes_of(time: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return an input with steps that are equal where they are equal but for rounding.

    Exponentials of equal steps are computed once.
    """
    steps = np.diff(time)
    usual = np.median(steps)
    close = np.abs(steps - usual) <= 1e-9 * usual
    even = np.concatenate([[0.0], np.cumsum(np.where(close, usual, steps))])
    return np.ascontiguousarray(time[0] + even), np.ascontiguousarray(values)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def step_weights(step: float, rate: float, out: NDArray[Any]) -> None:
    """Write what one step adds: five weights, for a decay over ``z = rate · step``.

    The decay, then ∫e^(−k u), ∫(s−u) e^(−k u), ∫u e^(−k u) and ∫u² e^(−k u) over
    u from 0 to the step s.
    """
    z = rate * step
    e = math.exp(-z)
    out[0] = e
    if z < _SERIES_BELOW:
        a = b = d = q = 0.0
        term = 1.0
        for n in range(_TERMS):
            a += term / (n + 1)
            b += term / ((n + 1) * (n + 2))
            d += term / (n + 2)
            q += term / (n + 3)
            term *= -z / (n + 1)
    else:
        a = (1 - e) / z
        b = (z - 1 + e) / (z * z)
        d = (1 - e * (1 + z)) / (z * z)
        q = (2 - e * (z * z + 2 * z + 2)) / (z * z * z)
    out[1] = step * a
    out[2] = step * step * b
    out[3] = step * step * d
    out[4] = step * step * step * q


@numba.njit(nogil=True, cache=True, error_model="numpy")
def convolve(
    times: NDArray[Any],
    delay: float,
    nodes: NDArray[Any],
    values: NDArray[Any],
    rate: float,
    spread: NDArray[Any],
    slope: NDArray[Any],
) -> None:
    """Spread an input by exp(−rate · t), at some times.

    Parameters
    ----------
    times
        Where the result is wanted; rising.
    delay
        How much later than at its nodes the input arrives.
    nodes, values
        The input.
    rate
        Of the exponential, at least 0.
    spread
        Filled with ∫ c(u) exp(−rate (t − u)) du.
    slope
        Filled with ∫ (t − u) c(u) exp(−rate (t − u)) du, minus the derivative of it
        by the rate.
    """
    whole = np.empty(5)
    part = np.empty(5)
    last_whole = last_part = -1.0
    f = g = 0.0
    j, last = 0, nodes.size - 1
    for i in range(times.size):
        t = times[i] - delay
        if t <= nodes[0]:
            spread[i] = slope[i] = 0.0
            continue
        while j < last and nodes[j + 1] <= t:
            step = nodes[j + 1] - nodes[j]
            if step != last_whole:
                step_weights(step, rate, whole)
                last_whole = step
            c, s = values[j], (values[j + 1] - values[j]) / step
            g = whole[0] * (g + step * f) + (c + s * step) * whole[3] - s * whole[4]
            f = whole[0] * f + c * whole[1] + s * whole[2]
            j += 1
        rest = t - nodes[j]
        if rest <= 0.0:
            spread[i], slope[i] = f, g
            continue
        if rest != last_part:
            step_weights(rest, rate, part)
            last_part = rest
        c, s = values[j], 0.0
        if j < last:
            s = (values[j + 1] - values[j]) / (nodes[j + 1] - nodes[j])
        slope[i] = part[0] * (g + rest * f) + (c + s * rest) * part[3] - s * part[4]
        spread[i] = part[0] * f + c * part[1] + s * part[2]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def interpolate(
    times: NDArray[Any],
    delay: float,
    nodes: NDArray[Any],
    values: NDArray[Any],
    found: NDArray[Any],
    slope: NDArray[Any],
) -> None:
    """Fill in the input itself at some times, and its slope."""
    j, last = 0, nodes.size - 1
    for i in range(times.size):
        t = times[i] - delay
        if t < nodes[0]:
            found[i] = slope[i] = 0.0
            continue
        while j < last and nodes[j + 1] <= t:
            j += 1
        s = 0.0
        if j < last:
            s = (values[j + 1] - values[j]) / (nodes[j + 1] - nodes[j])
        found[i] = values[j] + s * (t - nodes[j])
        slope[i] = s
