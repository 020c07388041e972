"""The length over which a drug falls off, by an exponential law with offset."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from nanoscape.compute import tile_generator
from nanoscape.statistics.distance.binning import Floats, Moments

_GRID = 48
_FINE_GRID = 49
_SPAN = 3.0
_DRAWS = 400
_FEWEST_TILES = 8


@dataclass(frozen=True)
class DecayFit:
    """The law ``offset + amplitude · exp(-distance / length)``.

    Attributes
    ----------
    length, low, high
        In µm, with a 95 % interval that is NaN when the field is too small.
    amplitude, offset
        In the unit of the drug.
    reason
        Why there is no length; empty when there is one.
    """

    length: float = math.nan
    low: float = math.nan
    high: float = math.nan
    amplitude: float = math.nan
    offset: float = math.nan
    reason: str = ""

    @property
    def excess_half_distance(self) -> float:
        """Where the part above the offset is halved, in µm."""
        return self.length * math.log(2)

    @property
    def half_distance(self) -> float:
        """Where the law has half its value at the wall, in µm; NaN if nowhere."""
        if not self.amplitude > self.offset:
            return math.nan
        share = (self.amplitude - self.offset) / (2 * self.amplitude)
        return -self.length * math.log(share)


def fit_exponential(
    moments: Moments, shortest: float, longest: float, seed: int
) -> DecayFit:
    """Fit the law by least squares over all samples.

    For each length the best amplitude and offset follow in closed form, so that
    only the length is searched (variable projection, Golub and Pereyra 1973,
    doi:10.1137/0710036). The interval comes from drawing tiles of the field again
    and again, since neighbouring pixels are no independent samples.

    Parameters
    ----------
    moments
        Sums over tiles for any length.
    shortest, longest
        Range of lengths to search, in µm.
    seed
        Of the draws.
    """
    lengths = np.geomspace(shortest, longest, _GRID)
    table = np.stack([moments(float(length)) for length in lengths])
    gain = explained(table.sum(axis=1))
    best = int(np.argmax(gain))
    if best in (0, _GRID - 1):
        where = "shorter" if best == 0 else "longer"
        limit = shortest if best == 0 else longest
        return DecayFit(reason=f"the best decay length is {where} than {limit:.3g} µm")
    found = minimize_scalar(
        lambda logarithm: -explained(moments(math.exp(logarithm)).sum(axis=0))[()],
        bounds=(math.log(lengths[best - 1]), math.log(lengths[best + 1])),
        method="bounded",
        options={"xatol": 1e-7},
    )
    length = float(math.exp(found.x))
    n, g, gg, y, gy, _ = moments(length).sum(axis=0)
    amplitude = float((gy - g * y / n) / (gg - g * g / n))
    low, high = _interval(moments, length, seed)
    return DecayFit(length, low, high, amplitude, float((y - amplitude * g) / n))


def explained(sums: Floats) -> Floats:
    """Return the sum of squares that the law explains, from sums ``(..., 6)``."""
    n, g, gg, y, gy, _ = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        together = gy - g * y / n
        alone = gg - g * g / n
        gain = np.where(alone > 1e-12 * gg, together**2 / alone, 0.0)
    return np.where(np.isfinite(gain), gain, 0.0)


def _interval(moments: Moments, length: float, seed: int) -> tuple[float, float]:
    logarithms = math.log(length) + np.linspace(-1, 1, _FINE_GRID) * math.log(_SPAN)
    table = np.stack([moments(math.exp(value)) for value in logarithms])
    tiles = table.shape[1]
    if tiles < _FEWEST_TILES:
        return math.nan, math.nan
    draws = tile_generator(seed, 1).multinomial(
        tiles, np.full(tiles, 1 / tiles), size=_DRAWS
    )
    gains = np.stack([explained(draws @ sums) for sums in table], axis=1)
    best = np.clip(np.argmax(gains, axis=1), 1, _FINE_GRID - 2)
    rows = np.arange(_DRAWS)
    before, middle, after = (gains[rows, best + step] for step in (-1, 0, 1))
    bend = before - 2 * middle + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-300), 0.0)
    spacing = logarithms[1] - logarithms[0]
    lengths = np.exp(logarithms[best] + np.clip(shift, -1, 1) * spacing)
    low, high = np.quantile(lengths, [0.025, 0.975])
    return float(low), float(high)
