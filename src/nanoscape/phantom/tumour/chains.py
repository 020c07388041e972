"""From the edges of a graph to tortuous chains of links inside a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LINK_UM = 8.0
"""Longest link of a chain."""

_SAMPLES = 33
_WAVES = 3


@dataclass(frozen=True, eq=False)
class Chains:
    """Segments as chains of links.

    Attributes
    ----------
    capsules
        ``z0, y0, x0, z1, y1, x1, radius``, shape ``(n, 7)``; radius still 0.
    segment
        Number of each link's segment, never decreasing.
    ends
        Graph nodes of each segment, shape ``(m, 2)``.
    nodes
        Nodes from this number on are not branch points but cuts at a face of the
        block.
    """

    capsules: FloatArray
    segment: IntArray
    ends: IntArray
    nodes: int

    def blind_ends(self) -> IntArray:
        """Return segment and whether it is its start, of all blind ends."""
        free = np.bincount(self.ends.ravel())[self.ends] == 1
        number, side = np.nonzero(free & (self.ends < self.nodes))
        return np.column_stack([number, side == 0]).astype(np.int64)

    def without(self, links: NDArray[np.bool_]) -> Chains:
        """Leave out links, and segments of which none is left."""
        left, segment = np.unique(self.segment[~links], return_inverse=True)
        return Chains(self.capsules[~links], segment, self.ends[left], self.nodes)


def bend_edges(
    generator: np.random.Generator,
    points: FloatArray,
    edges: IntArray,
    tortuosity: float,
) -> FloatArray:
    """Bend edges sideways until path over chord is as asked for.

    The excess over 1 varies from edge to edge, evenly between 0.4 and 1.6 times what
    is asked for.

    Returns
    -------
    ndarray
        Places along each edge, shape ``(m, 33, 3)``.
    """
    start, chord = points[edges[:, 0]], points[edges[:, 1]] - points[edges[:, 0]]
    length = np.sqrt((chord**2).sum(axis=1))
    along = chord / length[:, None]
    helper = np.eye(3)[np.argmin(np.abs(along), axis=1)]
    across = np.cross(along, helper)
    across /= np.sqrt((across**2).sum(axis=1, keepdims=True))
    other = np.cross(along, across)
    t = np.linspace(0, 1, _SAMPLES)
    weights = generator.standard_normal((2, len(edges), _WAVES))
    sideways = np.zeros((len(edges), _SAMPLES, 3))
    for k in range(_WAVES):
        wave = np.sin((k + 1) * np.pi * t)[None, :, None] / (k + 1)
        sideways += wave * weights[0, :, k, None, None] * across[:, None]
        sideways += wave * weights[1, :, k, None, None] * other[:, None]
    straight = start[:, None] + t[None, :, None] * chord[:, None]
    wanted = 1 + (tortuosity - 1) * generator.uniform(0.4, 1.6, len(edges))
    low, high = np.zeros(len(edges)), 4 * length
    for _ in range(24):
        size = (low + high) / 2
        longer = path_length(straight + size[:, None, None] * sideways) / length
        high = np.where(longer > wanted, size, high)
        low = np.where(longer > wanted, low, size)
    return straight + low[:, None, None] * sideways


def path_length(curves: FloatArray) -> FloatArray:
    """Return the length of curves of shape ``(m, k, 3)``."""
    steps = np.diff(curves, axis=1)
    length: FloatArray = np.sqrt((steps**2).sum(axis=-1)).sum(axis=1)
    return length


def cut_to_block(
    curves: FloatArray,
    edges: IntArray,
    nodes: int,
    size_um: tuple[float, float, float],
) -> Chains:
    """Cut curves into links and leave out what lies outside the block.

    A curve that leaves the block becomes one segment for each part inside. Links that
    cross a face are cut at it.
    """
    capsules: list[FloatArray] = []
    ends: list[tuple[int, int]] = []
    made = nodes
    depth = size_um[0]
    for curve, (a, b) in zip(curves, edges, strict=True):
        points = _even(curve)
        inside = (points[:, 0] >= 0) & (points[:, 0] <= depth)
        # A link is kept when its middle is inside, which cuts faces to half a link.
        middle = (points[1:, 0] + points[:-1, 0]) / 2
        kept = np.flatnonzero((middle >= 0) & (middle <= depth))
        for run in np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1):
            if not len(run):
                continue
            first, last = int(run[0]), int(run[-1]) + 1
            head, tail = int(a), int(b)
            if first > 0 or not inside[0]:
                head, made = made, made + 1
            if last < len(points) - 1 or not inside[-1]:
                tail, made = made, made + 1
            part = np.zeros((len(run), 7))
            part[:, :3], part[:, 3:6] = points[first:last], points[first + 1 : last + 1]
            capsules.append(part)
            ends.append((head, tail))
    segment = np.repeat(np.arange(len(capsules)), [len(part) for part in capsules])
    cut = np.concatenate(capsules)
    cut[:, [0, 3]] = np.clip(cut[:, [0, 3]], 0, depth)
    return Chains(cut, segment, np.array(ends, np.int64), nodes)


def _even(curve: FloatArray) -> FloatArray:
    """Return places along a curve that are evenly spaced, at most a link apart."""
    steps = np.sqrt((np.diff(curve, axis=0) ** 2).sum(axis=1))
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    count = int(np.ceil(travelled[-1] / LINK_UM)) + 1
    at = np.linspace(0, travelled[-1], max(count, 2))
    return np.stack([np.interp(at, travelled, curve[:, i]) for i in range(3)], axis=1)
