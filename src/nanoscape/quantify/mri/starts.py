"""Where the fits of relaxation times begin: linear least squares."""

from __future__ import annotations

import numpy as np

from nanoscape.quantify.fitting.laws import DECAY_OFFSET, INVERSION_MAGNITUDE
from nanoscape.quantify.series import Floats

_GRID = np.geomspace(0.02, 10.0, 40)


def flip_start(curves: Floats, angles: Floats, repetition: float, _: int) -> Floats:
    """Return M₀ and T1 from the line S / sin α over S / tan α."""
    x, y = curves / np.tan(angles), curves / np.sin(angles)
    x_mean, y_mean = x.mean(axis=1), y.mean(axis=1)
    dx = x - x_mean[:, np.newaxis]
    spread = np.maximum((dx**2).sum(axis=1), 1e-300)
    slope = (dx * y).sum(axis=1) / spread
    decay = np.clip(slope, 0.05, 1 - 1e-4)
    amount = (y_mean - decay * x_mean) / (1 - decay)
    return np.stack([amount, -repetition / np.log(decay)], axis=1)


def inversion_start(curves: Floats, times: Floats, _: float, kind: int) -> Floats:
    """Return a, b and T1: the best of many T1, and of all places of the sign's change.

    For each T1 the law is linear in a and b; samples before the signal crosses zero
    count as negative where only magnitudes are known.
    """
    count = len(times)
    flips = range(count + 1) if kind == INVERSION_MAGNITUDE else range(1)
    best = np.full(len(curves), np.inf)
    found = np.zeros((len(curves), 3))
    for t1 in _GRID:
        design = np.stack([np.ones(count), -np.exp(-times / t1)], axis=1)
        inverse = np.linalg.pinv(design)
        for flip in flips:
            signed = np.where(np.arange(count) < flip, -curves, curves)
            pair = signed @ inverse.T
            squares = ((signed - pair @ design.T) ** 2).sum(axis=1)
            better = squares < best
            best = np.where(better, squares, best)
            found[better, :2] = pair[better]
            found[better, 2] = t1
    return found


def decay_start(curves: Floats, times: Floats, _: float, kind: int) -> Floats:
    """Return amount, T2 and a constant of 0 from a line through the logarithms."""
    signal = np.maximum(curves, 1e-3 * np.maximum(curves.max(axis=1), 1e-12)[:, None])
    weight, y = signal**2, np.log(signal)
    total = weight.sum(axis=1)
    t_mean, y_mean = (weight * times).sum(axis=1) / total, (weight * y).sum(axis=1)
    y_mean = y_mean / total
    dt = times - t_mean[:, np.newaxis]
    slope = (weight * dt * y).sum(axis=1) / (weight * dt**2).sum(axis=1)
    longest = 20 * times.max()
    t2 = np.where(slope < -1 / longest, -1 / np.minimum(slope, -1e-12), longest)
    amount = np.exp(np.minimum(y_mean + t_mean / t2, 700.0))
    parts = [amount, t2]
    if kind == DECAY_OFFSET:
        parts.append(np.zeros(len(curves)))
    return np.stack(parts, axis=1)
