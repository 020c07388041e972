"""Where fits of tissue begin: the best of many pairs of spread inputs.

Given the rates of its exponentials and the delay, every model is a sum of two known
curves with amounts that are not negative. The amounts are solved exactly for each of a
grid of rates and delays, and the least squares win: no local minimum can catch the fit
before it has begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.quantify.fitting.convolution import convolve, interpolate
from nanoscape.quantify.fitting.tissue import (
    EXCHANGE,
    EXTENDED_TOFTS,
    PATLAK,
    TOFTS,
)
from nanoscape.quantify.series import Floats

_RATES = np.geomspace(1e-5, 3.0, 40)
_DELAYS = 21
_SMALLEST = 1e-9


@dataclass(frozen=True)
class Candidates:
    """Curves of which the starts are mixed.

    Attributes
    ----------
    delays
        In s.
    rates
        Of the exponentials, in 1/s; the last curve is the input itself.
    curves
        Shape ``(delays, rates + 1, frames)``.
    products
        Of the curves of one delay with each other.
    pairs
        Which two curves are mixed, shape ``(pairs, 2)``; −1 stands for none.
    """

    delays: Floats
    rates: Floats
    curves: Floats
    products: Floats
    pairs: NDArray[np.int64]


def candidates(
    model: int,
    times: Floats,
    nodes: Floats,
    values: Floats,
    delays: tuple[float, float],
) -> Candidates:
    """Return what a model's starts are mixed of.

    Parameters
    ----------
    model
        Code of the model.
    times
        Of the frames.
    nodes, values
        The arterial input.
    delays
        The shortest and the longest delay.
    """
    rates = np.concatenate([[0.0], _RATES])
    every = np.linspace(*delays, _DELAYS if delays[1] > delays[0] else 1)
    curves = np.empty((len(every), len(rates) + 1, len(times)))
    slope = np.empty(len(times))
    for d, delay in enumerate(every):
        for n, rate in enumerate(rates):
            convolve(times, delay, nodes, values, rate, curves[d, n], slope)
        interpolate(times, delay, nodes, values, curves[d, -1], slope)
    last = len(rates)
    pairs = {
        TOFTS: [(n, -1) for n in range(last)],
        EXTENDED_TOFTS: [(n, last) for n in range(last)],
        PATLAK: [(0, last)],
        EXCHANGE: [(a, b) for a in range(last) for b in range(a)],
    }[model]
    products = np.einsum("dit,djt->dij", curves, curves)
    return Candidates(every, rates, curves, products, np.array(pairs, np.int64))


def starts(model: int, curves: Floats, found: Candidates) -> Floats:
    """Return parameters from which each curve is fitted, in the order of the model."""
    delay, pair, amounts = _best(
        curves, found.curves, found.products, found.pairs, len(curves)
    )
    first, second = np.maximum(amounts, 0.0).T
    rates = np.append(found.rates, 0.0)
    fast = rates[found.pairs[pair, 0]]
    columns: tuple[Any, ...]
    if model == PATLAK:
        columns = (first, second)
    elif model == TOFTS:
        columns = (first, _ratio(first, fast))
    elif model == EXTENDED_TOFTS:
        columns = (first, _ratio(first, fast), second)
    else:
        columns = _compartments(first, fast, second, rates[found.pairs[pair, 1]])
    return np.stack([*columns, found.delays[delay]], axis=1)


def _ratio(amount: Floats, rate: Floats) -> Floats:
    return np.maximum(amount, _SMALLEST) / np.maximum(rate, _SMALLEST)


def _compartments(
    fast_amount: Floats, fast: Floats, slow_amount: Floats, slow: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return flow, exchange and both volumes of a sum of two exponentials."""
    flow = np.maximum(fast_amount + slow_amount, _SMALLEST)
    share = slow_amount / flow
    back = np.maximum(fast - share * (fast - slow), _SMALLEST)
    plasma = flow / back
    leaving = fast * slow / back
    exchange = np.maximum(plasma * (fast + slow - back - leaving), _SMALLEST)
    return flow, exchange, exchange / np.maximum(leaving, _SMALLEST), plasma


@numba.njit(
    nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"}
)
def _best(
    curves: NDArray[Any],
    basis: NDArray[Any],
    products: NDArray[Any],
    pairs: NDArray[Any],
    count: int,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the delay, the pair and its amounts that leave the least squares."""
    delay = np.zeros(count, np.int64)
    pair = np.zeros(count, np.int64)
    amounts = np.zeros((count, 2))
    sides = np.empty(basis.shape[1])
    for n in range(count):
        most = -1.0
        for d in range(basis.shape[0]):
            for j in range(basis.shape[1]):
                total = 0.0
                for t in range(basis.shape[2]):
                    total += basis[d, j, t] * curves[n, t]
                sides[j] = total
            for m in range(pairs.shape[0]):
                i, j = pairs[m, 0], pairs[m, 1]
                a, b, gained = _mixed(sides, products[d], i, j)
                if gained > most:
                    most = gained
                    delay[n], pair[n] = d, m
                    amounts[n, 0], amounts[n, 1] = a, b
    return delay, pair, amounts


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _mixed(
    sides: NDArray[Any], products: NDArray[Any], i: int, j: int
) -> tuple[float, float, float]:
    """Return amounts, none below zero, and by how much they lower the squares."""
    a, b, gained = 0.0, 0.0, 0.0
    if sides[i] > 0 and products[i, i] > 0:
        a = sides[i] / products[i, i]
        gained = a * sides[i]
    if j < 0:
        return a, b, gained
    if sides[j] > 0 and products[j, j] > 0:
        alone = sides[j] * sides[j] / products[j, j]
        if alone > gained:
            a, b, gained = 0.0, sides[j] / products[j, j], alone
    below = products[i, i] * products[j, j] - products[i, j] * products[i, j]
    if below > 1e-12 * products[i, i] * products[j, j]:
        first = (sides[i] * products[j, j] - sides[j] * products[i, j]) / below
        second = (sides[j] * products[i, i] - sides[i] * products[i, j]) / below
        if first > 0 and second > 0:
            a, b = first, second
            gained = a * sides[i] + b * sides[j]
    return a, b, gained
