"""Landmarks that were clicked mirrored or in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from nanoscape.registration.linear_fit import (
    FloatArray,
    Model,
    parameter_count,
    sum_of_squares,
)

_MOST_EXCHANGES = 4
_MOST_CANDIDATES = 40
_CHANCE = 1e-3


@dataclass(frozen=True, eq=False)
class ClickOrder:
    """The order and handedness in which landmarks fit far better.

    Attributes
    ----------
    order
        ``fixed[order]`` are the partners of ``moving``.
    mirrored
        Whether the map has to mirror.
    squares
        Sum of squared residuals with this order and handedness, in µm².
    """

    order: NDArray[np.int64]
    mirrored: bool
    squares: float

    @property
    def exchanged(self) -> bool:
        """Whether any two partners are exchanged."""
        return bool((self.order != np.arange(len(self.order))).any())


def find_click_order(
    moving: FloatArray, fixed: FloatArray, model: Model, *, may_mirror: bool
) -> ClickOrder:
    """Return the simplest explanation of the landmarks that is not far worse.

    Tried are: as clicked; mirrored (an affine map mirrors by itself); with a few
    pairs of partners exchanged. Another explanation than *as clicked* is taken only
    when it lowers the misfit by more than chance among all exchanges would.

    Parameters
    ----------
    moving, fixed
        Places in µm, shape ``(n, d)``.
    model
        The map that is fitted.
    may_mirror
        Whether a rigid or similarity map may mirror anyway.
    """
    count, ndim = moving.shape
    handed = model != "affine"
    found = [_as_clicked(moving, fixed, model, mirror=False)]
    if handed:
        found.append(_as_clicked(moving, fixed, model, mirror=True))
    if may_mirror:
        found.sort(key=lambda each: each.squares)
    freedom = count * ndim - parameter_count(model, ndim)
    if freedom < 1:
        return found[0]
    mirrors = (False, True) if handed and may_mirror else (False,)
    exchanged = [_exchange(moving, fixed, model, mirror=m) for m in mirrors]
    candidates = [*found, *exchanged]
    best = min(each.squares for each in candidates)
    chances = max(1, count * (count - 1) // 2)
    limit = f_distribution.isf(_CHANCE / chances, freedom, freedom)
    floor = (1e-9 * np.abs(fixed - fixed.mean(axis=0)).max()) ** 2
    for each in candidates:
        if each.squares <= limit * best + floor:
            return each
    return candidates[0]


def describe_cycles(order: Sequence[int], names: Sequence[str]) -> str:
    """Return in words which landmarks changed places.

    Examples
    --------
    >>> describe_cycles([0, 2, 1], ["L1", "L2", "L3"])
    'L2 and L3 look exchanged'
    """
    seen: set[int] = set()
    phrases = []
    for start in range(len(order)):
        cycle = []
        place = start
        while place not in seen and order[place] != place:
            seen.add(place)
            cycle.append(names[place])
            place = int(order[place])
        if len(cycle) == 2:
            phrases.append(f"{cycle[0]} and {cycle[1]} look exchanged")
        elif cycle:
            listed = ", ".join(cycle[:-1]) + f" and {cycle[-1]}"
            phrases.append(f"{listed} look clicked in another order")
    return "; ".join(phrases)


def _as_clicked(
    moving: FloatArray, fixed: FloatArray, model: Model, *, mirror: bool
) -> ClickOrder:
    squares = float(sum_of_squares(moving, fixed, model, mirror=mirror))
    return ClickOrder(np.arange(len(moving)), mirror, squares)


def _exchange(
    moving: FloatArray, fixed: FloatArray, model: Model, *, mirror: bool
) -> ClickOrder:
    """Exchange the two partners that lower the misfit most, a few times."""
    count = len(moving)
    order = np.arange(count)
    first, second = np.triu_indices(count, 1)
    if count > _MOST_CANDIDATES:
        worst = np.argsort(-_misfits(moving, fixed))[:_MOST_CANDIDATES]
        kept = np.isin(first, worst) & np.isin(second, worst)
        first, second = first[kept], second[kept]
    steps = [_as_clicked(moving, fixed, model, mirror=mirror)]
    for _ in range(min(_MOST_EXCHANGES, count - 1)):
        trials = np.repeat(order[None], len(first), axis=0)
        rows = np.arange(len(first))
        trials[rows, first], trials[rows, second] = order[second], order[first]
        squares = sum_of_squares(moving, fixed[trials], model, mirror=mirror)
        best = int(np.argmin(squares))
        if squares[best] >= steps[-1].squares:
            break
        order = trials[best]
        steps.append(ClickOrder(order, mirror, float(squares[best])))
    # Exchanges that hardly help any more are not part of the explanation.
    enough = 2 * steps[-1].squares
    return next(step for step in steps if step.squares <= enough)


def _misfits(moving: FloatArray, fixed: FloatArray) -> FloatArray:
    design = np.column_stack([moving, np.ones(len(moving))])
    basis = np.linalg.qr(design)[0]
    rest = fixed - basis @ (basis.T @ fixed)
    return np.linalg.norm(rest, axis=1)
