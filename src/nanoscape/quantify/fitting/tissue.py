"""What tissue holds of a tracer, given its arterial input: values and derivatives."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.quantify.fitting.convolution import convolve, interpolate

TOFTS, EXTENDED_TOFTS, PATLAK, EXCHANGE = 20, 21, 22, 23
"""Codes of the models."""

NAMES: dict[int, tuple[str, ...]] = {
    TOFTS: ("ktrans", "ve", "delay"),
    EXTENDED_TOFTS: ("ktrans", "ve", "vp", "delay"),
    PATLAK: ("ktrans", "vp", "delay"),
    EXCHANGE: ("fp", "ps", "ve", "vp", "delay"),
}
"""Parameters in their order: rates in 1/s, shares, and the delay in s."""


@numba.njit(nogil=True, cache=True, error_model="numpy")
def tissue(
    model: int,
    times: NDArray[Any],
    nodes: NDArray[Any],
    values: NDArray[Any],
    p: NDArray[Any],
    found: NDArray[Any],
    by: NDArray[Any],
    work: NDArray[Any],
) -> None:
    """Compute a model and its derivatives.

    Parameters
    ----------
    model
        One of the codes above.
    times, nodes, values
        Of the frames, and the arterial input in plasma.
    p
        Parameters, in the order of :data:`NAMES`.
    found
        Filled with the concentration at each time.
    by
        Filled with its derivatives, shape ``(parameters, times)``.
    work
        Shape ``(6, times)``, for intermediate results.
    """
    if model == EXCHANGE:
        _exchange(times, nodes, values, p, found, by, work)
        return
    delay = p[p.size - 1]
    spread, slope, plasma, steep = work[0], work[1], work[2], work[3]
    ktrans = p[0]
    ve, vp, rate = 0.0, 0.0, 0.0
    if model == PATLAK:
        vp = p[1]
    else:
        ve = p[1]
        rate = ktrans / ve
        if model == EXTENDED_TOFTS:
            vp = p[2]
    convolve(times, delay, nodes, values, rate, spread, slope)
    interpolate(times, delay, nodes, values, plasma, steep)
    for i in range(times.size):
        found[i] = ktrans * spread[i] + vp * plasma[i]
        arriving = ktrans * (plasma[i] - rate * spread[i])
        if model == PATLAK:
            by[0, i] = spread[i]
            by[1, i] = plasma[i]
        else:
            by[0, i] = spread[i] - rate * slope[i]
            by[1, i] = rate * rate * slope[i]
            if model == EXTENDED_TOFTS:
                by[2, i] = plasma[i]
        by[p.size - 1, i] = -(arriving + vp * steep[i])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def exchange_rates(p: NDArray[Any]) -> tuple[float, float, float]:
    """Return both rates of two compartments, and the share of the slower one.

    Sourbron and Buckley 2013, doi:10.1002/nbm.2940.
    """
    fp, ps, ve, vp = p[0], p[1], p[2], p[3]
    total = (fp + ps) / vp + ps / ve
    root = math.sqrt(max(total * total - 4 * fp * ps / (ve * vp), 1e-30))
    fast = (total + root) / 2
    # Written so that a slow rate does not vanish in the difference.
    slow = fp * ps / (ve * vp) / fast
    return fast, slow, (fast - fp / vp) / root


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _exchange(
    times: NDArray[Any],
    nodes: NDArray[Any],
    values: NDArray[Any],
    p: NDArray[Any],
    found: NDArray[Any],
    by: NDArray[Any],
    work: NDArray[Any],
) -> None:
    fp, ps, ve, vp, delay = p[0], p[1], p[2], p[3], p[4]
    fast, slow, share = exchange_rates(p)
    total, root = fast + slow, fast - slow
    # Derivatives of the sum and the product of the rates, and of fp / vp.
    d_total = np.array(
        (1 / vp, 1 / vp + 1 / ve, -ps / (ve * ve), -(fp + ps) / (vp * vp))
    )
    product = fp * ps / (ve * vp)
    d_product = np.array((ps / (ve * vp), fp / (ve * vp), -product / ve, -product / vp))
    d_back = np.array((1 / vp, 0.0, 0.0, -fp / (vp * vp)))
    f_fast, g_fast, f_slow, g_slow = work[0], work[1], work[2], work[3]
    plasma, steep = work[4], work[5]
    convolve(times, delay, nodes, values, fast, f_fast, g_fast)
    convolve(times, delay, nodes, values, slow, f_slow, g_slow)
    interpolate(times, delay, nodes, values, plasma, steep)
    for i in range(times.size):
        mixed = (1 - share) * f_fast[i] + share * f_slow[i]
        found[i] = fp * mixed
        by[0, i] = mixed
        by[1, i] = by[2, i] = by[3, i] = 0.0
        leaving = (1 - share) * fast * f_fast[i] + share * slow * f_slow[i]
        by[4, i] = -fp * (plasma[i] - leaving)
    for n in range(4):
        d_root = (total * d_total[n] - 2 * d_product[n]) / root
        d_fast, d_slow = (d_total[n] + d_root) / 2, (d_total[n] - d_root) / 2
        d_share = (d_fast - d_back[n] - share * d_root) / root
        for i in range(times.size):
            by[n, i] += fp * (
                d_share * (f_slow[i] - f_fast[i])
                - (1 - share) * d_fast * g_fast[i]
                - share * d_slow * g_slow[i]
            )
