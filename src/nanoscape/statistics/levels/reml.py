"""Variance components by restricted maximum likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize

from nanoscape.statistics.levels.anova import anova
from nanoscape.statistics.levels.nest import Floats, Nest

_COMPLEX_STEP = 1e-30
_LEAST = 1e-9


def reml(nest: Nest) -> Floats:
    """Return the variances of the levels and of the residual, none below zero.

    The restricted likelihood (Patterson and Thompson 1971,
    doi:10.1093/biomet/58.3.545) of nested groups of any size is integrated from the
    lowest level up, in time proportional to the number of groups.
    """
    total = float(nest.values.var())
    if total == 0:
        return np.zeros(len(nest.levels) + 1)
    scaled = Nest(
        nest.levels,
        nest.residual,
        (nest.values - nest.values.mean()) / np.sqrt(total),
        nest.starts,
    )
    start = np.clip(anova(scaled).components, 0.01, None)
    bounds = [(0.0, None)] * len(nest.levels) + [(_LEAST, None)]

    def both(variances: Floats) -> tuple[float, Floats]:
        gradient = np.empty(len(variances))
        for k in range(len(variances)):
            moved = variances.astype(np.complex128)
            moved[k] += 1j * _COMPLEX_STEP
            value = deviance(scaled, moved)
            gradient[k] = value.imag / _COMPLEX_STEP
        return float(value.real), gradient

    found = optimize.minimize(
        both,
        start,
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 500},
    )
    return np.asarray(found.x, np.float64) * total


def deviance(nest: Nest, variances: Any) -> Any:
    """Return -2 log of the restricted likelihood, up to a constant.

    Parameters
    ----------
    nest
        Values.
    variances
        Of the levels and of the residual; complex ones give derivatives.
    """
    depth, y = len(nest.levels), nest.values
    residual = variances[-1]
    if depth == 0:
        n = len(y)
        return (n - 1) * np.log(residual) + ((y - y.mean()) ** 2).sum() / residual
    weight, mean = np.full(len(y), 1.0, variances.dtype) / residual, y
    total = len(y) * np.log(residual)
    children = nest.starts[depth - 1]
    for level in range(depth - 1, -1, -1):
        # Values of a group, then what is left of them once its effect is integrated.
        joined = np.add.reduceat(weight, children)
        centre = np.add.reduceat(weight * mean, children) / joined
        sizes = np.diff(np.concatenate([children, [len(weight)]]))
        total += (weight * (mean - np.repeat(centre, sizes)) ** 2).sum()
        spread = 1 + joined * variances[level]
        total += np.log(spread).sum()
        weight, mean = joined / spread, centre
        if level:
            children = np.flatnonzero(np.diff(nest.parents(level), prepend=-1))
    whole = weight.sum()
    centre = (weight * mean).sum() / whole
    return total + (weight * (mean - centre) ** 2).sum() + np.log(whole)
