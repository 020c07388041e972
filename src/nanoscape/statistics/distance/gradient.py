"""Whether a drug depends on the distance to the vessels at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanoscape.statistics.distance.binning import Cells, Floats
from nanoscape.statistics.nulls.pooling import pooled
from nanoscape.statistics.nulls.shifts import (
    FEWEST_CELLS,
    LARGEST,
    Overlap,
    residual,
    rim_to_core,
)

SIGNIFICANT = 0.05

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
    nuisance = rim_to_core(cells.tissue)
    drug = residual(cells.drug, nuisance, cells.used)
    shapes = [residual(shape, nuisance, cells.used) for shape in cells.shapes]
    if int(cells.used.sum()) < FEWEST_CELLS or not drug.any():
        flat = int(cells.used.sum()) >= FEWEST_CELLS
        return GradientTest("none" if flat else "untested", 1.0 if flat else math.nan)
    overlap = Overlap(cells.used)
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


def _shrunk(cells: Cells) -> Cells:
    """Average cells until a side is not longer than the transforms can take."""
    largest = LARGEST[cells.drug.ndim]
    factor = -(-max(cells.drug.shape) // largest)
    if factor == 1:
        return cells
    weight = pooled(cells.used.astype(np.float64), factor)
    used = weight >= 0.5
    safe = np.where(used, weight, 1.0)

    def averaged(values: Floats) -> Floats:
        return np.where(used, pooled(values * cells.used, factor) / safe, 0.0)

    return Cells(
        drug=averaged(cells.drug),
        shapes=tuple(averaged(shape) for shape in cells.shapes),
        used=used,
        tissue=pooled(cells.tissue.astype(np.float64), factor) > 0.5,
    )
