"""Steady diffusion with uptake on a grid of cells.

Finite volumes: what flows through the face of two cells is their difference times
the harmonic mean of their diffusivities, averaged with the flows through the four
parallel faces beside it by weights of 1/12, which makes the truncation error
h²/12 ∇⁴c the same in all directions (Patra & Karttunen 2006, doi:10.1002/num.20129);
nothing flows through the faces of the block. The symmetric system is solved by
conjugate gradients (Hestenes & Stiefel 1952, doi:10.6028/jres.049.044) whose
preconditioner is the same equation with constant coefficients, which SciPy's
discrete cosine transform solves exactly.

The iteration is written out because SciPy's own adds up through BLAS, whose order of
addition follows its number of threads: a field would differ in its last bits from
one run to the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from nanoscape.errors import CannotCompute
from nanoscape.phantom.tumour.flow import outflow

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-7
"""Norm of what is left of the equation over that of its right-hand side."""

_MOST_STEPS = 2000


def fitted(diffusivity: FloatArray, rate: FloatArray, step_um: float) -> FloatArray:
    """Return diffusivities with which decay over the grid has its true length.

    On cells of side h the scheme lets exp(−κ x), κ² = k / D, decay as if D were
    larger by (sinh ξ / ξ)², ξ = κ h / 2; dividing by this makes the error h⁴ where k
    is even. The idea of fitting coefficients to the exponentials of the equation is
    that of Allen & Southwell 1955, doi:10.1093/qjmam/8.2.129.
    """
    inside = diffusivity > 0
    xi = np.zeros(diffusivity.shape)
    xi[inside] = np.sqrt(rate[inside] / diffusivity[inside]) * step_um / 2
    grown = np.divide(np.sinh(xi), xi, out=np.ones(xi.shape), where=xi > 1e-6)
    return diffusivity / grown**2


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
    equation = _Equation.build(diffusivity, rate, step_um)
    inside = equation.inside
    right = np.where(inside, _padded(source), 0.0)
    goal = (tolerance * _norm(right)) ** 2
    c = np.zeros(right.shape)
    if start is not None:
        c = np.where(inside, _padded(start), 0.0)
    rest = right - equation.apply(c)
    search, before = np.zeros(right.shape), 1.0
    for _ in range(_MOST_STEPS):
        if _dot(rest, rest) <= goal:
            return np.ascontiguousarray(c[_CORE])
        near = equation.precondition(rest)
        now = _dot(rest, near)
        search *= now / before
        search += near
        image = equation.apply(search)
        steepness = _dot(search, image)
        if steepness <= 0.0:
            break
        length = now / steepness
        c += length * search
        image *= length
        rest -= image
        before = now
    raise CannotCompute(
        "the field of a substance was not found",
        "uptake, loss or a vessel somewhere in the tissue",
    )


_CORE = (slice(1, -1),) * 3


def _padded(values: FloatArray) -> FloatArray:
    """Add a layer of cells on each side, through which nothing flows."""
    return np.pad(values.astype(np.float64), 1)


@dataclass(frozen=True, eq=False)
class _Equation:
    """The coefficients, on a grid with one more layer on each side.

    Attributes
    ----------
    inside
        Cells of the tissue.
    rate
        k of each cell.
    faces
        Conductances in 1/s between each cell and the next along ``z y x``.
    waves
        What constant coefficients multiply each cosine with, without the layer.
    """

    inside: NDArray[np.bool_]
    rate: FloatArray
    faces: tuple[FloatArray, FloatArray, FloatArray]
    waves: NDArray[np.float32]

    @classmethod
    def build(cls, diffusivity: FloatArray, rate: FloatArray, step: float) -> _Equation:
        own = _padded(diffusivity) / step**2
        inside = own > 0
        between = []
        for axis in range(3):
            other = np.roll(own, -1, axis)
            total = np.where(own + other > 0, own + other, 1.0)
            between.append(2.0 * own * other / total)
        mean = float(own[inside].mean())
        constant = max(float(_padded(rate)[inside].mean()), 1e-6 * mean)
        waves = np.full(diffusivity.shape, constant)
        for axis, n in enumerate(diffusivity.shape):
            wave = 2 * mean * (1 - np.cos(np.pi * np.arange(n) / n))
            waves += wave.reshape([-1 if i == axis else 1 for i in range(3)])
        z, y, x = between
        single = waves.astype(np.float32)
        return cls(inside, np.where(inside, _padded(rate), 0.0), (z, y, x), single)

    def apply(self, c: FloatArray) -> FloatArray:
        """Return −∇·(D ∇c) + k c of each cell."""
        return outflow(c, self.rate, self.faces)

    def precondition(self, rest: FloatArray) -> FloatArray:
        """Return the solution for the mean coefficients of the tissue."""
        # Half the digits do: they decide how fast the iteration ends, not where.
        waves = fft.dctn(rest[_CORE].astype(np.float32), overwrite_x=True)
        waves /= self.waves
        near = np.zeros(rest.shape)
        near[_CORE] = fft.idctn(waves, overwrite_x=True)
        near *= self.inside
        return near


def _dot(a: FloatArray, b: FloatArray) -> float:
    """Return Σ a b, plane by plane, in an order that depends on the shape alone."""
    return float(sum((one * other).sum() for one, other in zip(a, b, strict=True)))


def _norm(a: FloatArray) -> float:
    return float(np.sqrt(_dot(a, a)))
