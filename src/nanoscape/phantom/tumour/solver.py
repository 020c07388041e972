"""Steady diffusion with uptake on a grid of cells.

Finite volumes: what flows through the face of two cells is their difference times
the harmonic mean of their diffusivities, and nothing flows through the faces of the
block. The symmetric system is solved by conjugate gradients (Hestenes & Stiefel
1952, doi:10.6028/jres.049.044) whose preconditioner is the same equation with
constant coefficients, which SciPy's discrete cosine transform solves exactly.

The iteration is written out because SciPy's own adds up through BLAS, whose order of
addition follows its number of threads: a field would differ in its last bits from
one run to the next.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nanoscape.errors import CannotCompute

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-8
"""Norm of what is left of the equation over that of its right-hand side."""

_MOST_STEPS = 2000


def solve(
    diffusivity: FloatArray,
    rate: FloatArray,
    source: FloatArray,
    step_um: float,
    *,
    start: FloatArray | None = None,
    tolerance: float = TOLERANCE,
) -> FloatArray:
    """Solve −∇·(D ∇c) + k c = s with no flux through the faces of the block.

    Parameters
    ----------
    diffusivity
        D of each cell in µm²/s, shape ``(z, y, x)``; 0 outside the tissue, where the
        result is 0.
    rate
        k ≥ 0 of each cell in 1/s, positive somewhere in every connected piece.
    source
        s of each cell, in units of c per second.
    step_um
        Side of the cells.
    start
        Where the iteration starts; 0 by default.
    tolerance
        Residual at which it ends.

    Raises
    ------
    CannotCompute
        If the iteration does not end.
    """
    inside = diffusivity > 0
    faces = diffusivity / step_um**2
    right = np.where(inside, source, 0.0)
    goal = (tolerance * _norm(right)) ** 2
    c = np.zeros(right.shape) if start is None else np.where(inside, start, 0.0)
    rest = right - apply(faces, rate, c)
    search, before = np.zeros(right.shape), 1.0
    precondition = _preconditioner(faces, rate, inside)
    for _ in range(_MOST_STEPS):
        if _dot(rest, rest) <= goal:
            return c
        near = precondition(rest)
        now = _dot(rest, near)
        search = near + (now / before) * search
        image = apply(faces, rate, search)
        steepness = _dot(search, image)
        if steepness <= 0.0:
            break
        length = now / steepness
        c += length * search
        rest -= length * image
        before = now
    raise CannotCompute(
        "the field of a substance was not found",
        "uptake, loss or a vessel somewhere in the tissue",
    )


def _dot(a: FloatArray, b: FloatArray) -> float:
    """Return Σ a b, added by NumPy in an order that depends on the size alone."""
    return float((a * b).sum())


def _norm(a: FloatArray) -> float:
    return float(np.sqrt(_dot(a, a)))


def _preconditioner(
    faces: FloatArray, rate: FloatArray, inside: NDArray[np.bool_]
) -> Callable[[FloatArray], FloatArray]:
    """Return the solution of the equation with the mean coefficients of the tissue."""
    mean = float(faces[inside].mean())
    constant = max(float(rate[inside].mean()), 1e-6 * mean)
    total = np.full(faces.shape, constant)
    for axis, n in enumerate(faces.shape):
        wave = 2 * mean * (1 - np.cos(np.pi * np.arange(n) / n))
        total += wave.reshape([-1 if i == axis else 1 for i in range(3)])

    def precondition(rest: FloatArray) -> FloatArray:
        return np.where(inside, fft.idctn(fft.dctn(rest) / total), 0.0)

    return precondition


@numba.njit(nogil=True, cache=True)
def apply(faces: FloatArray, rate: FloatArray, c: FloatArray) -> FloatArray:
    """Return −∇·(D ∇c) + k c of each cell; ``faces`` is D over the step squared."""
    result = np.zeros(c.shape)
    depth, height, width = c.shape
    for i in range(depth):
        for j in range(height):
            for k in range(width):
                own = faces[i, j, k]
                if own == 0.0:
                    continue
                value = c[i, j, k]
                total = rate[i, j, k] * value
                if i > 0:
                    total += _flow(own, faces[i - 1, j, k], value - c[i - 1, j, k])
                if i < depth - 1:
                    total += _flow(own, faces[i + 1, j, k], value - c[i + 1, j, k])
                if j > 0:
                    total += _flow(own, faces[i, j - 1, k], value - c[i, j - 1, k])
                if j < height - 1:
                    total += _flow(own, faces[i, j + 1, k], value - c[i, j + 1, k])
                if k > 0:
                    total += _flow(own, faces[i, j, k - 1], value - c[i, j, k - 1])
                if k < width - 1:
                    total += _flow(own, faces[i, j, k + 1], value - c[i, j, k + 1])
                result[i, j, k] = total
    return result


@numba.njit(nogil=True, cache=True, inline="always")
def _flow(own: float, other: float, difference: float) -> float:
    """Return what flows between two cells, by the harmonic mean of both."""
    return 2.0 * own * other / (own + other) * difference
