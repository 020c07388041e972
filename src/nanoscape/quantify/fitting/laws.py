"""Laws of curves in closed form: values and derivatives."""

from __future__ import annotations

import math
from typing import Any

import numba
from numpy.typing import NDArray

FLIP_ANGLES, INVERSION, INVERSION_MAGNITUDE, DECAY, DECAY_OFFSET = 0, 1, 2, 3, 4
"""Codes of signals of magnetic resonance."""

GAMMA_VARIATE, LOGNORMAL, REPLENISHMENT = 5, 6, 7
"""Codes of courses of a contrast agent."""


@numba.njit(nogil=True, cache=True, error_model="numpy")
def law(
    kind: int,
    x: NDArray[Any],
    constant: float,
    p: NDArray[Any],
    found: NDArray[Any],
    by: NDArray[Any],
) -> None:
    """Compute a law and its derivatives.

    Parameters
    ----------
    kind
        One of the codes. With the parameters *p* in their order:

        - FLIP_ANGLES: p₀ sin x (1−E) / (1−E cos x), E = exp(−constant / p₁);
        - INVERSION: p₀ − p₁ exp(−x / p₂), or its magnitude;
        - DECAY: p₀ exp(−x / p₁), or with p₂ added;
        - GAMMA_VARIATE: p₀ (u/p₁)^p₂ exp(p₂ (1−u/p₁)) + p₄ with u = x − p₃ > 0, which
          has its peak p₀ at u = p₁;
        - LOGNORMAL: p₀ exp(−(ln u − p₁)² / 2p₂²) / (u p₂ √2π) + p₄, u = x − p₃ > 0;
        - REPLENISHMENT: p₀ (1 − exp(−p₁ x)) + p₂.
    x
        Angles in rad, or times in s.
    constant
        The repetition time of FLIP_ANGLES.
    found, by
        Filled with the values, and the derivatives by each parameter.
    """
    if kind == FLIP_ANGLES:
        _flip_angles(x, constant, p, found, by)
    elif kind in (INVERSION, INVERSION_MAGNITUDE):
        for i in range(x.size):
            e = math.exp(-x[i] / p[2])
            value = p[0] - p[1] * e
            sign = -1.0 if kind == INVERSION_MAGNITUDE and value < 0 else 1.0
            found[i] = sign * value
            by[0, i] = sign
            by[1, i] = -sign * e
            by[2, i] = -sign * p[1] * e * x[i] / (p[2] * p[2])
    elif kind in (DECAY, DECAY_OFFSET):
        for i in range(x.size):
            e = math.exp(-x[i] / p[1])
            found[i] = p[0] * e
            by[0, i] = e
            by[1, i] = p[0] * e * x[i] / (p[1] * p[1])
            if kind == DECAY_OFFSET:
                found[i] += p[2]
                by[2, i] = 1.0
    elif kind == REPLENISHMENT:
        for i in range(x.size):
            e = math.exp(-p[1] * x[i])
            found[i] = p[0] * (1 - e) + p[2]
            by[0, i] = 1 - e
            by[1, i] = p[0] * x[i] * e
            by[2, i] = 1.0
    else:
        _bolus(kind, x, p, found, by)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _flip_angles(
    x: NDArray[Any],
    repetition: float,
    p: NDArray[Any],
    found: NDArray[Any],
    by: NDArray[Any],
) -> None:
    e = math.exp(-repetition / p[1])
    d_e = e * repetition / (p[1] * p[1])
    for i in range(x.size):
        sine, cosine = math.sin(x[i]), math.cos(x[i])
        below = 1 - e * cosine
        by[0, i] = sine * (1 - e) / below
        found[i] = p[0] * by[0, i]
        by[1, i] = p[0] * sine * (cosine - 1) / (below * below) * d_e


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _bolus(
    kind: int, x: NDArray[Any], p: NDArray[Any], found: NDArray[Any], by: NDArray[Any]
) -> None:
    for i in range(x.size):
        u = x[i] - p[3]
        found[i] = p[4]
        by[4, i] = 1.0
        if u <= 0:
            by[0, i] = by[1, i] = by[2, i] = by[3, i] = 0.0
            continue
        if kind == GAMMA_VARIATE:
            r = u / p[1]
            unit = math.exp(p[2] * (math.log(r) + 1 - r))
            value = p[0] * unit
            by[1, i] = value * p[2] * (r - 1) / p[1]
            by[2, i] = value * (math.log(r) + 1 - r)
            by[3, i] = -value * p[2] * (1 / u - 1 / p[1])
        else:
            z = (math.log(u) - p[1]) / p[2]
            unit = math.exp(-z * z / 2) / (u * p[2] * math.sqrt(2 * math.pi))
            value = p[0] * unit
            by[1, i] = value * z / p[2]
            by[2, i] = value * (z * z - 1) / p[2]
            by[3, i] = value * (1 + z / p[2]) / u
        found[i] += value
        by[0, i] = unit
