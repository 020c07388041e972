"""Whether a drug depends on the distance to the vessels at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from nanoscape.statistics.binning import Cells, Floats

SIGNIFICANT = 0.05
_LARGEST = {2: 1024, 3: 128}
_FEWEST_CELLS = 30

Direction = Literal["falls", "rises", "none", "untested"]


@dataclass(frozen=True)
class GradientTest:
    """What came of the test.

    Attributes
    ----------
    direction
        How the drug changes with distance from the vessels; ``"none"`` when shifted
        drug maps do as well, ``"untested"`` when the field is too small to tell.
    p
        Probability of so strong a relation by chance.
    """

    direction: Direction
    p: float


def gradient_test(cells: Cells) -> GradientTest:
    """Compare the drug with itself shifted against the vessels, by all shifts.

    The statistic is the strongest correlation with falling exponentials of three
    lengths. For each shift it is computed over the overlap of the two maps and
    weighted by the root of its size, which corrects for the smaller overlap
    (Mrkvička et al. 2021, doi:10.1016/j.spasta.2020.100430). A pattern from the rim
    of the tissue to its core is removed first, so that it cannot pose as a relation.
    Since all shifts are taken, nothing is random; since neighbouring shifts are no
    independent ones, the p-value is not smaller than their number allows.
    """
    cells = _shrunk(cells)
    nuisance = _rim_to_core(cells)
    drug = _residual(cells.drug, nuisance, cells.used)
    shapes = [_residual(shape, nuisance, cells.used) for shape in cells.shapes]
    if int(cells.used.sum()) < _FEWEST_CELLS or not drug.any():
        flat = int(cells.used.sum()) >= _FEWEST_CELLS
        return GradientTest("none" if flat else "untested", 1.0 if flat else math.nan)
    overlap = _Overlap(cells.used)
    scores = [overlap.scores(drug, shape) for shape in shapes]
    strongest = np.max(np.abs(scores), axis=0)
    centre = tuple(0 for _ in strongest.shape)
    observed = [score[centre] for score in scores]
    best = int(np.argmax(np.abs(observed)))
    others = strongest[overlap.allowed]
    # The shift by nothing is among them, and rounding must not rank it below itself.
    p = float((others >= strongest[centre] * (1 - 1e-9)).mean())
    area = overlap.width(drug) + overlap.width(shapes[best])
    independent = overlap.allowed.sum() / area
    p = max(p, 1.0 / (1.0 + independent))
    if p > SIGNIFICANT and 1.0 / (1.0 + independent) > SIGNIFICANT:
        return GradientTest("untested", math.nan)
    if p > SIGNIFICANT:
        return GradientTest("none", p)
    return GradientTest("falls" if observed[best] > 0 else "rises", p)


class _Overlap:
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

    def width(self, a: Floats) -> float:
        """Return over how many cells a map resembles itself, at least one."""
        score = self.scores(a, a)
        centre = tuple(0 for _ in score.shape)
        alike = fft.fftshift(score > 0.5 * score[centre])
        labels, _ = ndimage.label(alike)
        middle = tuple(n // 2 for n in alike.shape)
        return float(max(1, (labels == labels[middle]).sum()))


def _rim_to_core(cells: Cells) -> list[Floats]:
    """Return powers of the depth in the tissue, as far as its edge is seen."""
    ones = np.ones(cells.drug.shape)
    if cells.tissue.all() or not cells.tissue.any():
        return [ones]
    depth = ndimage.distance_transform_edt(cells.tissue)
    depth = depth / max(float(depth.max()), 1.0)
    return [ones, depth, depth**2, depth**3]


def _residual(
    values: Floats, nuisance: Sequence[Floats], used: NDArray[np.bool_]
) -> Floats:
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


def _shrunk(cells: Cells) -> Cells:
    """Average cells until a side is not longer than the transforms can take."""
    largest = _LARGEST[cells.drug.ndim]
    factor = -(-max(cells.drug.shape) // largest)
    if factor == 1:
        return cells
    weight = _pooled(cells.used.astype(np.float64), factor)
    used = weight >= 0.5
    safe = np.where(used, weight, 1.0)

    def averaged(values: Floats) -> Floats:
        return np.where(used, _pooled(values * cells.used, factor) / safe, 0.0)

    return Cells(
        drug=averaged(cells.drug),
        shapes=tuple(averaged(shape) for shape in cells.shapes),
        used=used,
        tissue=_pooled(cells.tissue.astype(np.float64), factor) > 0.5,
    )


def _pooled(values: Floats, factor: int) -> Floats:
    edges = [min(factor, n) for n in values.shape]
    padding = [(0, -n % f) for n, f in zip(values.shape, edges, strict=True)]
    padded = np.pad(values, padding)
    split = [k for n, f in zip(padded.shape, edges, strict=True) for k in (n // f, f)]
    return padded.reshape(split).mean(axis=tuple(range(1, 2 * values.ndim, 2)))
