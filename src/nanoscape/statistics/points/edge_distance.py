"""How far places lie from the edge of their window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, spatial

from nanoscape.statistics.points.window import Floats, Window


def edge_distance(window: Window, places: Floats) -> Floats:
    """Return the exact distance of places to what is outside of their window, in µm.

    Parameters
    ----------
    window
        A union of pixels; what lies beyond its grid is outside.
    places
        Inside the window, shape ``(n, axes)``.
    """
    steps = np.array(window.spacing)
    if window.is_box:
        return np.minimum(places, window.sides - places).min(axis=1)
    outside = _rim(window.mask)
    tree = spatial.cKDTree((outside + 0.5) * steps)
    near, _ = tree.query(places)
    # A pixel whose centre is farther by half a diagonal cannot be the nearest.
    reach = near + 0.5 * float(np.linalg.norm(steps)) + 1e-9
    found = tree.query_ball_point(places, reach)
    counts = np.array([len(part) for part in found], np.int64)
    if not counts.size:
        return np.zeros(0)
    pixel = outside[np.concatenate([np.array(part, np.int64) for part in found])]
    place = np.repeat(places, counts, axis=0)
    low, high = pixel * steps, (pixel + 1) * steps
    gap = np.maximum(np.maximum(low - place, place - high), 0.0)
    distance = np.sqrt((gap**2).sum(axis=1))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.minimum.reduceat(distance, starts)


def _rim(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the pixels outside that touch the window."""
    padded = np.pad(mask, 1)
    touched = ndimage.binary_dilation(padded, np.ones((3,) * mask.ndim))
    return np.argwhere(touched & ~padded) - 1
