"""Variance components from mean squares of nested groups of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanoscape.statistics.levels.nest import Floats, Nest


@dataclass(frozen=True, eq=False)
class Anova:
    """Nested analysis of variance.

    Attributes
    ----------
    squares, freedom
        Sum of squares and degrees of freedom of each level and of the residual.
    coefficients
        Row by row, how often each variance component is in the expected mean square.
    components
        Variances of the levels and of the residual; may be negative.
    """

    squares: Floats
    freedom: Floats
    coefficients: Floats
    components: Floats

    @property
    def mean_squares(self) -> Floats:
        """Sum of squares over degrees of freedom."""
        return self.squares / self.freedom


def anova(nest: Nest) -> Anova:
    """Return the nested analysis of variance (Searle, Casella and McCulloch 1992).

    Sums of squares of the levels in their order (type I); variance components are
    those for which the mean squares are as expected, exactly unbiased whatever the
    sizes of the groups.
    """
    y = nest.values - nest.values.mean()
    n, depth = len(y), len(nest.levels)
    # Reduction in squares by each level, from the mean to every single value.
    reductions = np.zeros(depth + 2)
    counts = np.ones(depth + 2)
    expected = np.zeros((depth + 2, depth + 1))
    reductions[0] = y.sum() ** 2 / n
    reductions[-1], counts[-1] = (y**2).sum(), n
    for level in range(depth):
        sizes = nest.sizes(level)
        sums = np.add.reduceat(y, nest.starts[level])
        reductions[level + 1] = (sums**2 / sizes).sum()
        counts[level + 1] = len(sizes)
    for row in range(depth + 2):
        for column in range(depth + 1):
            expected[row, column] = _share(nest, row - 1, column)
    freedom = np.diff(counts)
    coefficients = np.diff(expected, axis=0) / freedom[:, None]
    squares = np.maximum(np.diff(reductions), 0.0)
    components = np.asarray(
        np.linalg.solve(np.triu(coefficients), squares / freedom), np.float64
    )
    return Anova(squares, freedom, np.triu(coefficients), components)


def _share(nest: Nest, level: int, component: int) -> float:
    """Return how much of a variance the squared group means of a level hold.

    Level -1 is the whole, the level after the last every single value; so is the
    last component, the residual.
    """
    n, depth = len(nest.values), len(nest.levels)
    if level == depth:
        return float(n)
    groups = nest.sizes(level) if level >= 0 else np.array([n])
    if component == depth:
        return float(len(groups))
    if component <= level:
        return float(n)
    sizes = nest.sizes(component).astype(np.float64)
    first = nest.starts[level] if level >= 0 else np.array([0])
    inside = np.searchsorted(first, nest.starts[component], side="right") - 1
    return float((np.bincount(inside, sizes**2, len(groups)) / groups).sum())
