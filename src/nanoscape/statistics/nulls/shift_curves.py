"""Curves over shapes, for a map and for all its shifts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.nulls.envelopes import Envelope, envelope
from nanoscape.statistics.nulls.shifts import FEWEST_CELLS, Floats, Overlap, residual

_FEWEST_INDEPENDENT = 19
_LEAST_OVERLAP = 1 / 3


@dataclass(frozen=True, eq=False)
class ShiftCurves:
    """What shifts say of a map's mean in several shapes.

    Attributes
    ----------
    excess
        Mean of what is left of the map in each shape.
    bands
        Of the same for all shifts, with p-values of the whole curve that are not
        smaller than the number of independent shifts allows.
    independent
        How many shifts are independent of each other, about.
    reason
        Why there is no p-value.
    """

    excess: Floats
    bands: Envelope
    independent: float
    reason: str = ""


def shift_curves(
    values: Floats,
    shapes: Sequence[Floats],
    used: NDArray[np.bool_],
    nuisance: Sequence[Floats],
    level: float = 0.05,
) -> ShiftCurves:
    """Compare a map's means in shapes with those of all shifts of the map.

    Other maps are first removed from both. For each shift the covariance over the
    overlap is taken times the root of its size, which has the same variance whatever
    the overlap (Mrkvička et al. 2021, doi:10.1016/j.spasta.2020.100430); shapes count
    alike. All shifts are taken that leave a third of the map or more. Of maps that
    know nothing of the shapes about 5 % are found at 5 %, however smooth they are;
    fewer of those whose pixels are independent.

    Parameters
    ----------
    values
        A map; what is not used does not matter.
    shapes
        Maps of the share of each pixel that belongs to a shape.
    used
        Where the map was measured.
    nuisance
        Maps whose fit is removed from all.
    level
        One minus the probability of the bands.
    """
    nothing = np.full(len(shapes), math.nan)
    untested = envelope(nothing, np.empty((0, len(shapes))), level)
    if int(used.sum()) < FEWEST_CELLS:
        return ShiftCurves(nothing, untested, 0.0, "the field is too small")
    a = residual(values, nuisance, used)
    rests = [residual(np.where(used, s, 0.0), nuisance, used) for s in shapes]
    sizes = np.array([float(s[used].sum()) for s in shapes])
    if not a.any():
        excess = np.where(sizes > 0, 0.0, math.nan)
        return ShiftCurves(excess, untested, 0.0, "nothing is left of the drug")
    overlap = Overlap(used)
    curves = np.array([overlap.covariances(a, rest) for rest in rests])
    curves = curves.reshape(len(shapes), -1)
    enough = overlap.number >= _LEAST_OVERLAP * used.sum()
    allowed = enough.ravel()
    with np.errstate(invalid="ignore", divide="ignore"):
        # In units of the map: covariance at no shift over the size of the shape.
        curves *= (math.sqrt(float(used.sum())) / sizes)[:, None]
    flat = np.array([not rest.any() for rest in rests])
    curves[flat] = math.nan
    if flat.all():
        return ShiftCurves(nothing, untested, 0.0, "all distances are alike")
    others = allowed.copy()
    others[0] = False
    bands = envelope(curves[:, 0], curves[:, others].T, level, scaled=True)
    largest = int(np.nanargmax(np.abs(curves[:, 0]) * np.sqrt(sizes)))
    width = overlap.width(a) + overlap.width(rests[largest])
    independent = float(allowed.sum()) / width
    if independent < _FEWEST_INDEPENDENT:
        reason = "too few independent shifts: a larger field is needed"
        return ShiftCurves(curves[:, 0], _untold(bands), independent, reason)
    least = 1.0 / (1.0 + independent)
    return ShiftCurves(curves[:, 0], _untold(bands, least), independent)


def _untold(bands: Envelope, least: float = math.nan) -> Envelope:
    """Return bands whose p-values are not below what can be known."""
    mad, dclf = (
        max(p, least) if math.isfinite(least) else math.nan
        for p in (bands.p_mad, bands.p_dclf)
    )
    return Envelope(
        bands.mean,
        bands.low,
        bands.high,
        bands.low_global,
        bands.high_global,
        mad,
        dclf,
    )
