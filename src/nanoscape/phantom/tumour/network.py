"""A vessel network in space, and what is counted on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from nanoscape.phantom.tumour.shape import Shape
from nanoscape.phantom.tumour.walls import Walls, lengths

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_GRID_UM = 10.0


@dataclass(frozen=True, eq=False)
class Network:
    """Vessel segments between branch points, each a chain of capsules.

    Attributes
    ----------
    capsules
        ``z0, y0, x0, z1, y1, x1, radius`` in µm, shape ``(n, 7)``; the links of a
        segment follow each other.
    segment
        Number of each link's segment, shape ``(n,)``, never decreasing.
    ends
        Graph nodes at both ends of each segment, shape ``(m, 2)``.
    perfused
        Whether blood flows through a segment, shape ``(m,)``.
    leaking
        Whether a segment lets carriers out; only perfused ones do.
    permeability_um_s
        Of each segment's wall for the carrier; 0 where nothing leaks.
    """

    capsules: FloatArray
    segment: IntArray
    ends: IntArray
    perfused: NDArray[np.bool_]
    leaking: NDArray[np.bool_]
    permeability_um_s: FloatArray

    def __len__(self) -> int:
        return len(self.ends)

    @cached_property
    def walls(self) -> Walls:
        """All vessels, for distances."""
        return Walls.build(self.capsules)

    @cached_property
    def perfused_walls(self) -> Walls:
        """The perfused vessels, for distances."""
        return Walls.build(self.capsules[self.perfused[self.segment]])

    @property
    def link_length_um(self) -> FloatArray:
        """Length of each link's axis."""
        return lengths(self.capsules)

    @property
    def segment_length_um(self) -> FloatArray:
        """Length of each segment's axis."""
        total = np.bincount(self.segment, self.link_length_um, len(self))
        return total.astype(np.float64)


@dataclass(frozen=True)
class NetworkStatistics:
    """What is measured on a network.

    Attributes
    ----------
    length_mm
        Of all axes.
    length_density
        Length over the tumour's volume, in mm/mm³.
    shell_edges
        Relative depths between the shells.
    shell_density
        Length density of each shell, in mm/mm³.
    diameter_um
        Mean diameter, weighted by length.
    diameter_quantiles_um
        The 10th, 50th and 90th percentile, weighted by length.
    tortuosity
        Length of all segments over the sum of their chords.
    loop_share
        Independent loops, E − V + C, over the number of segments E.
    perfused_share, leaking_share
        Share of the length that is perfused, and share of that which leaks.
    """

    length_mm: float
    length_density: float
    shell_edges: tuple[float, ...]
    shell_density: tuple[float, ...]
    diameter_um: float
    diameter_quantiles_um: tuple[float, float, float]
    tortuosity: float
    loop_share: float
    perfused_share: float
    leaking_share: float


def measure(
    network: Network, shape: Shape, shell_edges: tuple[float, ...]
) -> NetworkStatistics:
    """Measure a network.

    Parameters
    ----------
    network
        Vessels that lie in a block.
    shape
        Tumour and block, for volumes and depths.
    shell_edges
        Relative depths between shells, increasing from 0 to 1.
    """
    edges = np.array(shell_edges)
    volume = shell_volumes(shape, edges)
    length = network.link_length_um
    shell = shell_lengths(network.capsules, shape, edges)
    diameter = 2 * network.capsules[:, 6]
    by_segment = network.segment_length_um
    flows = float(by_segment[network.perfused].sum())
    leaks = float(by_segment[network.leaking].sum())
    low, middle, high = weighted_quantiles(diameter, length, (0.1, 0.5, 0.9))
    return NetworkStatistics(
        float(length.sum()) / 1e3,
        float(length.sum() / volume.sum()) * 1e6,
        tuple(shell_edges),
        tuple(float(d) for d in shell / volume * 1e6),
        float((diameter * length).sum() / length.sum()),
        (low, middle, high),
        float(by_segment.sum() / chords(network).sum()),
        loops(network.ends) / len(network),
        flows / float(by_segment.sum()),
        leaks / flows if flows else 0.0,
    )


def chords(network: Network) -> FloatArray:
    """Return the distance of each segment's ends in µm."""
    first = np.searchsorted(network.segment, np.arange(len(network)))
    last = np.searchsorted(network.segment, np.arange(len(network)), "right") - 1
    chord = network.capsules[last, 3:6] - network.capsules[first, :3]
    length: FloatArray = np.sqrt((chord**2).sum(axis=1))
    return length


def loops(ends: IntArray) -> int:
    """Return the number of independent loops, the first Betti number E − V + C."""
    nodes, compact = np.unique(ends, return_inverse=True)
    pairs = compact.reshape(ends.shape)
    graph = sparse.coo_array(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (len(nodes), len(nodes))
    )
    parts = csgraph.connected_components(graph, directed=False)[0]
    return int(len(ends) - len(nodes) + parts)


def shell_lengths(capsules: FloatArray, shape: Shape, edges: FloatArray) -> FloatArray:
    """Return the length in each shell; a link belongs to where its middle lies."""
    middle = (capsules[:, :3] + capsules[:, 3:6]) / 2
    length, _ = np.histogram(
        shape.relative_depth(middle), edges, weights=lengths(capsules)
    )
    return length


def shell_volumes(shape: Shape, edges: FloatArray) -> FloatArray:
    """Return the volume of each shell inside the block in µm³."""
    axes = [(np.arange(round(n / _GRID_UM)) + 0.5) * _GRID_UM for n in shape.size_um]
    volume = np.zeros(len(edges) - 1)
    for z in axes[0]:
        plane = np.stack(np.meshgrid([z], *axes[1:], indexing="ij"), axis=-1)
        depth = shape.relative_depth(plane.reshape(-1, 3))
        volume += np.histogram(depth, edges)[0] * _GRID_UM**3
    return volume


def weighted_quantiles(
    values: FloatArray, weights: FloatArray, shares: tuple[float, ...]
) -> tuple[float, ...]:
    """Return quantiles of values that count by their weight."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    middle = (total - weights[order] / 2) / total[-1]
    return tuple(float(v) for v in np.interp(shares, middle, values[order]))
