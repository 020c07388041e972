"""Correlation of two maps, and of all shifts of one against the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, stats

Floats = NDArray[np.float64]

LARGEST = {1: 1024, 2: 1024, 3: 128}
"""Longest side of a map, by number of axes."""

FEWEST_CELLS = 30

_FEWEST_INDEPENDENT = 19


class Overlap:
    """Correlations over the overlap of a masked map with shifts of another."""

    def __init__(self, used: NDArray[np.bool_]) -> None:
        self.used = used
        self._shape = [fft.next_fast_len(2 * n, real=True) for n in used.shape]
        self._mask = self._forward(used.astype(np.float64))
        self.number = np.rint(self._joined(self._mask, self._mask))
        self.allowed = self.number >= 0.25 * used.sum()

    def _forward(self, values: Floats) -> NDArray[np.complex128]:
        return fft.rfftn(values, self._shape)

    def _joined(self, a: NDArray[np.complex128], b: NDArray[np.complex128]) -> Floats:
        return fft.irfftn(np.conj(a) * b, self._shape)

    def scores(self, a: Floats, b: Floats) -> Floats:
        """Return correlation times root of overlap, for every shift of ``b``.

        The maps are zero outside the mask (Padfield 2012,
        doi:10.1109/TIP.2011.2181402).
        """
        fa, fb = self._forward(a), self._forward(b)
        n = np.maximum(self.number, 1)
        sum_a, sum_b = self._joined(fa, self._mask), self._joined(self._mask, fb)
        square_a = self._joined(self._forward(a * a), self._mask)
        square_b = self._joined(self._mask, self._forward(b * b))
        together = self._joined(fa, fb) - sum_a * sum_b / n
        size = (square_a - sum_a**2 / n) * (square_b - sum_b**2 / n)
        limit = 1e-12 * float((a * a).sum()) * float((b * b).sum())
        allowed = self.allowed & (size > limit)
        score = np.zeros(size.shape)
        score[allowed] = together[allowed] / np.sqrt(size[allowed])
        return score * np.sqrt(n)

    def covariances(self, a: Floats, b: Floats) -> Floats:
        """Return covariance times root of overlap, for every shift of ``b``."""
        fa, fb = self._forward(a), self._forward(b)
        n = np.maximum(self.number, 1)
        sums = self._joined(fa, self._mask) * self._joined(self._mask, fb)
        return (self._joined(fa, fb) - sums / n) / np.sqrt(n)

    def width(self, a: Floats) -> float:
        """Return over how many cells a map resembles itself, at least one."""
        score = self.scores(a, a)
        centre = tuple(0 for _ in score.shape)
        alike = fft.fftshift(score > 0.5 * score[centre])
        labels, _ = ndimage.label(alike)
        middle = tuple(n // 2 for n in alike.shape)
        return float(max(1, (labels == labels[middle]).sum()))

    def shared(self, a: Floats, b: Floats) -> float:
        """Return Σ N(h) ρₐ(h) ρ_b(h) of two maps without mean, over all shifts h."""
        fa, fb = self._forward(a), self._forward(b)
        product = self._joined(fa, fa) * self._joined(fb, fb)
        seen = self.number > 0
        spread = float((a * a).sum()) * float((b * b).sum())
        n = float(self.used.sum())
        return float((product[seen] / self.number[seen]).sum()) * n**2 / spread


def rim_to_core(tissue: NDArray[np.bool_]) -> list[Floats]:
    """Return powers of the depth in the tissue, as far as its edge is seen."""
    ones = np.ones(tissue.shape)
    if tissue.all() or not tissue.any():
        return [ones]
    depth = ndimage.distance_transform_edt(tissue)
    depth = depth / max(float(depth.max()), 1.0)
    return [ones, depth, depth**2, depth**3]


def residual(
    values: Floats, nuisance: Sequence[Floats], used: NDArray[np.bool_]
) -> Floats:
    """Return what is left of values when other maps are fitted to them."""
    rest = np.zeros(values.shape)
    if not used.any():
        return rest
    design = np.stack([column[used] for column in nuisance], axis=1)
    y = values[used]
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    left = y - design @ coefficients
    # What is left of a constant map is rounding.
    if np.abs(left).max() > 1e-9 * max(float(np.abs(y).max()), 1e-300):
        rest[used] = left
    return rest


@dataclass(frozen=True)
class ShiftTest:
    """What shifts say of a correlation.

    Attributes
    ----------
    correlation
        Of the two maps as they are.
    p
        Two-sided probability of one as strong by chance, NaN when the field is too
        small to tell.
    """

    correlation: float
    p: float


def shift_test(
    a: Floats, b: Floats, used: NDArray[np.bool_], nuisance: Sequence[Floats]
) -> ShiftTest:
    """Compare a correlation with those of all shifts of one map.

    For each shift the correlation is computed over the overlap and weighted by the
    root of its size (Mrkvička et al. 2021, doi:10.1016/j.spasta.2020.100430). The
    p-value is not smaller than the number of independent shifts allows.

    Parameters
    ----------
    a, b
        Two maps.
    used
        Where both were measured.
    nuisance
        Maps whose fit is removed from both first.
    """
    if int(used.sum()) < FEWEST_CELLS:
        return ShiftTest(math.nan, math.nan)
    a, b = residual(a, nuisance, used), residual(b, nuisance, used)
    if not a.any() or not b.any():
        return ShiftTest(math.nan, math.nan)
    overlap = Overlap(used)
    scores = np.abs(overlap.scores(a, b))
    centre = (0,) * scores.ndim
    correlation = float(np.corrcoef(a[used], b[used])[0, 1])
    p = float((scores[overlap.allowed] >= scores[centre] * (1 - 1e-9)).mean())
    independent = overlap.allowed.sum() / (overlap.width(a) + overlap.width(b))
    if independent < _FEWEST_INDEPENDENT:
        return ShiftTest(correlation, math.nan)
    return ShiftTest(correlation, max(p, 1.0 / (1.0 + float(independent))))


def effective_size(a: Floats, b: Floats, used: NDArray[np.bool_]) -> float:
    """Return how many independent pixels a correlation stands on.

    1 + n² / Σ N(h) ρₐ(h) ρ_b(h) over all shifts h, with the autocorrelations ρ of both
    maps and N pixels in the overlap (Clifford, Richardson and Hémon 1989,
    doi:10.2307/2532039), not more than n.
    """
    ones = [np.ones(used.shape)]
    a, b = residual(a, ones, used), residual(b, ones, used)
    n = float(used.sum())
    if not a.any() or not b.any():
        return math.nan
    shared = Overlap(used).shared(a, b)
    return min(1 + n**2 / shared, n) if shared > 0 else n


def correlation_p(correlation: float, size: float) -> float:
    """Return the two-sided p-value of a correlation of so many independent pixels."""
    if not size > 2 or not abs(correlation) < 1:
        return math.nan
    t = correlation * math.sqrt((size - 2) / (1 - correlation**2))
    return float(2 * stats.t.sf(abs(t), size - 2))
