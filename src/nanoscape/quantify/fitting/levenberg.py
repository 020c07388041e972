"""Least squares within bounds for many curves, with standard errors.

Levenberg and Marquardt's method (Marquardt 1963, doi:10.1137/0111030) with exact
derivatives. A parameter that a step takes out of its bounds stops at the bound, and is
left there as long as the squares would fall beyond it. Each curve is fitted by itself
and from its own values alone.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.quantify.fitting.laws import law
from nanoscape.quantify.fitting.tissue import TOFTS, tissue

_ROUNDS = 200
_STILL = 1e-8
"""A step that changes no parameter by more than this share is the last one."""


@numba.njit(nogil=True, cache=True, error_model="numpy")
def fit_curves(
    kind: int,
    x: NDArray[Any],
    constant: float,
    nodes: NDArray[Any],
    values: NDArray[Any],
    curves: NDArray[Any],
    starts: NDArray[Any],
    low: NDArray[Any],
    high: NDArray[Any],
    free: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Fit a law to every curve.

    Parameters
    ----------
    kind
        Code of a law or of a model of tissue.
    x, constant, nodes, values
        What the law needs.
    curves
        Shape ``(curves, samples)``.
    starts
        Where to begin, shape ``(curves, parameters)``.
    low, high
        Bounds by parameter.
    free
        Whether it is fitted.

    Returns
    -------
    parameters, errors : array
        Shape ``(curves, parameters)``. A standard error is NaN where a parameter is
        not free, lies at a bound, or there are no more samples than parameters.
    squares : array
        Sum of squared residuals of each curve.
    """
    count, size = starts.shape
    found = np.empty((count, size))
    errors = np.full((count, size), np.nan)
    squares = np.empty(count)
    space = np.empty((3, x.size))
    by, tried_by = np.empty((size, x.size)), np.empty((size, x.size))
    work = np.empty((6, x.size))
    for n in range(count):
        p = np.minimum(np.maximum(starts[n], low), high)
        squares[n] = _fit_one(
            kind, x, constant, nodes, values, curves[n], p, low, high, free,
            space, by, tried_by, work,
        )  # fmt: skip
        found[n] = p
        _errors(by, squares[n], p, low, high, free, errors[n])
    return found, errors, squares


@numba.njit(nogil=True, cache=True, error_model="numpy")
def evaluate(
    kind: int,
    x: NDArray[Any],
    constant: float,
    nodes: NDArray[Any],
    values: NDArray[Any],
    p: NDArray[Any],
    found: NDArray[Any],
    by: NDArray[Any],
    work: NDArray[Any],
) -> None:
    """Compute a law or a model of tissue, and its derivatives."""
    if kind >= TOFTS:
        tissue(kind, x, nodes, values, p, found, by, work)
    else:
        law(kind, x, constant, p, found, by)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _fit_one(
    kind: int,
    x: NDArray[Any],
    constant: float,
    nodes: NDArray[Any],
    values: NDArray[Any],
    curve: NDArray[Any],
    p: NDArray[Any],
    low: NDArray[Any],
    high: NDArray[Any],
    free: NDArray[Any],
    space: NDArray[Any],
    by: NDArray[Any],
    tried_by: NDArray[Any],
    work: NDArray[Any],
) -> float:
    """Fit one curve from ``p`` on, in place; return the sum of squares."""
    model, residual, tried = space[0], space[1], space[2]
    evaluate(kind, x, constant, nodes, values, p, model, by, work)
    squares = _rest(curve, model, residual)
    size = p.size
    hessian, gradient = np.empty((size, size)), np.empty(size)
    moving = np.empty(size, np.bool_)
    damping = 1e-3
    whole = np.sum(curve * curve)
    for _ in range(_ROUNDS):
        if squares <= 1e-26 * whole:
            break
        _normal(by, residual, hessian, gradient)
        for a in range(size):
            out = (p[a] <= low[a] and gradient[a] < 0) or (
                p[a] >= high[a] and gradient[a] > 0
            )
            moving[a] = free[a] and not out and hessian[a, a] > 0
        better = False
        largest = 0.0
        while damping < 1e12:
            step = _step(hessian, gradient, moving, damping)
            trial = np.minimum(np.maximum(p + step, low), high)
            largest = 0.0
            for a in range(size):
                if moving[a]:
                    reach = max(abs(p[a]), 1e-12)
                    largest = max(largest, abs(trial[a] - p[a]) / reach)
            evaluate(kind, x, constant, nodes, values, trial, model, tried_by, work)
            left = _rest(curve, model, tried)
            if left < squares:
                better = True
                break
            if largest < _STILL:
                break
            damping *= 8
        if not better:
            break
        gained = squares - left
        squares = left
        p[:] = trial
        residual[:] = tried
        by[:, :] = tried_by
        damping = max(damping / 10, 1e-12)
        if largest < _STILL or (gained < 1e-12 * squares and largest < 1e-5):
            break
    return squares


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _rest(curve: NDArray[Any], model: NDArray[Any], residual: NDArray[Any]) -> float:
    total = 0.0
    for i in range(curve.size):
        residual[i] = curve[i] - model[i]
        total += residual[i] * residual[i]
    return total


@numba.njit(
    nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"}
)
def _normal(
    by: NDArray[Any],
    residual: NDArray[Any],
    hessian: NDArray[Any],
    gradient: NDArray[Any],
) -> None:
    size, count = by.shape
    for a in range(size):
        total = 0.0
        for i in range(count):
            total += by[a, i] * residual[i]
        gradient[a] = total
        for b in range(a + 1):
            total = 0.0
            for i in range(count):
                total += by[a, i] * by[b, i]
            hessian[a, b] = hessian[b, a] = total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _step(
    hessian: NDArray[Any], gradient: NDArray[Any], moving: NDArray[Any], damping: float
) -> NDArray[Any]:
    """Solve the damped equations for the parameters that move."""
    size = gradient.size
    scaled = np.zeros((size, size))
    right = np.zeros(size)
    for a in range(size):
        if not moving[a]:
            scaled[a, a] = 1.0
            continue
        scale = np.sqrt(hessian[a, a])
        right[a] = gradient[a] / scale
        for b in range(size):
            if moving[b]:
                scaled[a, b] = hessian[a, b] / (scale * np.sqrt(hessian[b, b]))
        scaled[a, a] = 1.0 + damping
    _solve(scaled, right)
    for a in range(size):
        right[a] = right[a] / np.sqrt(hessian[a, a]) if moving[a] else 0.0
    return right


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _solve(matrix: NDArray[Any], right: NDArray[Any]) -> None:
    """Solve by Cholesky's method in place; a matrix that is flat gives no step."""
    size = right.size
    for a in range(size):
        for b in range(a + 1):
            total = matrix[a, b]
            for c in range(b):
                total -= matrix[a, c] * matrix[b, c]
            if a == b:
                if total <= 1e-14:
                    right[:] = 0.0
                    return
                matrix[a, a] = np.sqrt(total)
            else:
                matrix[a, b] = total / matrix[b, b]
    for a in range(size):
        for c in range(a):
            right[a] -= matrix[a, c] * right[c]
        right[a] /= matrix[a, a]
    for a in range(size - 1, -1, -1):
        for c in range(a + 1, size):
            right[a] -= matrix[c, a] * right[c]
        right[a] /= matrix[a, a]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _errors(
    by: NDArray[Any],
    squares: float,
    p: NDArray[Any],
    low: NDArray[Any],
    high: NDArray[Any],
    free: NDArray[Any],
    errors: NDArray[Any],
) -> None:
    """Write the standard errors of the parameters inside their bounds."""
    size, count = by.shape
    inside = np.empty(size, np.bool_)
    hessian, gradient = np.empty((size, size)), np.empty(size)
    _normal(by, by[0], hessian, gradient)
    number = 0
    for a in range(size):
        inside[a] = free[a] and low[a] < p[a] < high[a] and hessian[a, a] > 0
        number += inside[a]
    if count <= number:
        return
    variance = squares / (count - number)
    for a in range(size):
        if inside[a]:
            unit = np.zeros(size)
            unit[a] = 1.0
            column = _step(hessian, unit, inside, 0.0)
            if column[a] > 0:
                errors[a] = np.sqrt(variance * column[a])
