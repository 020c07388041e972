"""K, L and the pair correlation from sums over pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanoscape.statistics.points.edge_distance import edge_distance
from nanoscape.statistics.points.isotropic import isotropic_sums
from nanoscape.statistics.points.pairs import pair_sums
from nanoscape.statistics.points.set_covariance import SetCovariance
from nanoscape.statistics.points.window import Floats, Window

Correction = Literal["translation", "border", "isotropic", "none"]


@dataclass(frozen=True, eq=False)
class Curves:
    """What neighbours do at each radius.

    Attributes
    ----------
    k
        Expected neighbours within the radius over their density, in µm² or µm³.
    l
        Radius of the disc or ball of the size ``k``, in µm.
    g
        Pair correlation: density of neighbours at the radius over the mean one.
    """

    k: Floats
    l: Floats  # noqa: E741
    g: Floats


@dataclass(frozen=True, eq=False)
class Estimator:
    """How K is estimated in one window.

    Attributes
    ----------
    window
        Where points could have been found.
    radii
        In µm, ascending.
    correction
        How neighbours beyond the edge are made up for.
    covariance
        Overlaps of the window with itself, as far as radii and bandwidth reach.
    bandwidth
        Half-width of the kernel of the pair correlation in µm.
    """

    window: Window
    radii: Floats
    correction: Correction
    covariance: SetCovariance
    bandwidth: float

    def __call__(
        self,
        first: Floats,
        second: Floats | None = None,
        densities: tuple[Floats, Floats] | None = None,
    ) -> Curves:
        """Return the curves of points of one kind, or of one about the other.

        Parameters
        ----------
        first, second
            Points in the window.
        densities
            Expected density at the points of both kinds; by default it is even.
        """
        size, n = self.window.size, len(first)
        pairs = n * (n - 1) if second is None else n * len(second)
        # Σ e w₁ w₂ / size is K when the weights are reciprocal densities.
        even = size * size / pairs if pairs else math.nan
        weights, scale = None, even
        if densities is not None:
            weights, scale = (1 / densities[0], 1 / densities[1]), 1.0
        edges = None
        if self.correction == "border":
            edges = edge_distance(self.window, first)
        sums = pair_sums(
            first,
            second,
            self.radii,
            self.covariance,
            self.window.spacing,
            weights=weights,
            edges=edges,
            bandwidth=self.bandwidth,
        )
        if edges is not None:
            k = self._bordered(sums.bordered, edges, first, second, weights)
        elif self.correction == "translation":
            k = scale * sums.translated
        elif self.correction == "isotropic":
            k = isotropic_sums(first, second, self.radii, self.window, weights)
            k *= scale / size
        else:
            k = scale / size * sums.plain
        axes = len(self.window.spacing)
        sphere = 2 * math.pi if axes == 2 else 4 * math.pi
        g = scale * sums.density / sphere
        # Nothing is known below the bandwidth when all distances are zero.
        g[self.radii <= 0] = math.nan
        return Curves(k, l_of(k, axes), g)

    def _bordered(
        self,
        sums: Floats,
        edges: Floats,
        first: Floats,
        second: Floats | None,
        weights: tuple[Floats, Floats] | None,
    ) -> Floats:
        far = np.searchsorted(np.sort(edges), self.radii, side="left")
        usable = (len(edges) - far).astype(np.float64)
        usable[usable == 0] = math.nan
        if weights is not None:
            return sums / usable
        others = len(first if second is None else second)
        return sums / usable * self.window.size / others


def usual_width(count: int, window: Window) -> float:
    """Return Stoyan's half-width of Epanechnikov's kernel over distances, in µm."""
    axes = len(window.spacing)
    factor = 0.15 if axes == 2 else 0.26
    density = max(count, 1) / window.size
    return float(factor * density ** (-1 / axes) * math.sqrt(5))


def l_of(k: Floats, axes: int) -> Floats:
    """Return the radius of a disc or ball as large as K."""
    if axes == 2:
        return np.sqrt(k / math.pi)
    return np.cbrt(3 * k / (4 * math.pi))


def k_of_chance(radii: Floats, axes: int) -> Floats:
    """Return K of points at random places."""
    if axes == 2:
        return math.pi * radii**2
    return 4 / 3 * math.pi * radii**3
