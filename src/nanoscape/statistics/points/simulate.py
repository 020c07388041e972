"""Patterns that chance makes in a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanoscape.statistics.points.window import Floats, Window


def random_places(
    window: Window, count: int, rng: np.random.Generator, density: Floats | None = None
) -> Floats:
    """Return points at random places of a window.

    Parameters
    ----------
    window
        Where they may lie.
    count
        How many.
    rng
        Random numbers.
    density
        Expected density in each pixel of the window, in any unit; even by default.
    """
    pixels = np.flatnonzero(window.mask)
    if density is None:
        chosen = pixels[rng.integers(0, len(pixels), count)]
    else:
        heights = np.cumsum(density.ravel()[pixels])
        drawn = rng.random(count) * heights[-1]
        chosen = pixels[np.searchsorted(heights, drawn, side="right")]
    index = np.stack(np.unravel_index(chosen, window.mask.shape), axis=1)
    return (index + rng.random(index.shape)) * np.array(window.spacing)


def random_labels(
    first: Floats, second: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the same places, with the two kinds dealt out at random."""
    every = np.concatenate([first, second])
    order = rng.permutation(len(every))
    return every[order[: len(first)]], every[order[len(first) :]]


def shifted(
    places: Floats, window: Window, rng: np.random.Generator
) -> tuple[Floats, Window, NDArray[np.int64]]:
    """Return points moved together by a random whole number of pixels.

    In a box they come in again at the other side, and the window stays. In other
    windows only the part remains that the window shares with itself moved (Mrkvička
    et al. 2021, doi:10.1016/j.spasta.2020.100430).

    Returns
    -------
    places
        Those that are left.
    window
        Where both kinds of points could have been found.
    shift
        In pixels.
    """
    shape = np.array(window.mask.shape)
    steps = np.array(window.spacing)
    if window.is_box:
        moved = (places + rng.random(len(shape)) * window.sides) % window.sides
        return moved, window, np.zeros(len(shape), np.int64)
    for _ in range(1000):
        shift = rng.integers(-(shape // 2), shape // 2 + 1)
        mask = _moved(window.mask, shift) & window.mask
        # Little is learnt from a small overlap.
        if mask.sum() >= 0.25 * window.mask.sum():
            break
    else:
        mask, shift = window.mask, np.zeros(len(shape), np.int64)
    smaller = Window(window.name, mask, window.spacing)
    moved = places + shift * steps
    return moved[smaller.holds(moved)], smaller, shift


def _moved(mask: NDArray[np.bool_], shift: NDArray[np.int64]) -> NDArray[np.bool_]:
    out = np.zeros_like(mask)
    there = tuple(
        slice(max(s, 0), min(n + s, n)) for s, n in zip(shift, mask.shape, strict=True)
    )
    here = tuple(
        slice(max(-s, 0), min(n - s, n)) for s, n in zip(shift, mask.shape, strict=True)
    )
    out[there] = mask[here]
    return out
