"""How a vessel network with stated statistics is drawn.

Branch points are scattered with a density that follows the length density asked for,
joined by a spanning tree of jittered lengths and by further edges that close loops,
and the edges are bent into tortuous chains. What is over the length asked for in a
shell is then cut off from blind ends, so that the topology stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special
from scipy.sparse import csgraph
from scipy.spatial import Delaunay, cKDTree

from nanoscape.errors import CannotCompute
from nanoscape.phantom.streams import TUMOUR_NETWORK, sub_seed
from nanoscape.phantom.tumour.chains import Chains, bend_edges, cut_to_block
from nanoscape.phantom.tumour.network import (
    Network,
    shell_lengths,
    shell_volumes,
)
from nanoscape.phantom.tumour.shape import Shape
from nanoscape.phantom.tumour.texture import Texture
from nanoscape.phantom.tumour.walls import lengths

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SHELLS = (0.0, 0.1, 0.2, 0.4, 0.6, 1.0)
"""Relative depths between the shells in which the length is kept."""

_MARGIN_UM = 120.0
_BELOW_SURFACE_UM = 15.0
_SPARE = 6.0
_ROUNDS = 60
_ATTEMPTS = 20
_LEAST_UM = 300.0
_PASSES = 8
_AIM, _ABOVE, _TOLERANCE = 1.10, 1.35, 0.01
_CORE_FROM, _CORE_FULL = 0.2, 0.6


@dataclass(frozen=True)
class NetworkPlan:
    """What is asked for. All defaults are chosen, within what tumours show.

    Attributes
    ----------
    length_density
        Vessel length over tumour volume, in mm/mm³. For isotropic vessels twice the
        number of profiles per mm² of a section.
    core_ratio
        Length density of the core over that of the rim. It falls smoothly between
        the relative depths 0.2 and 0.6.
    diameter_um
        Median diameter, weighted by length, of a lognormal distribution.
    diameter_spread
        Its geometric standard deviation.
    diameter_limits_um
        The distribution is cut off here.
    tortuosity
        Path over chord, mean over segments before they are cut.
    loop_share
        Share of the edges that close a loop, before the block is cut.
    perfused_share
        Share of the length through which blood flows.
    leaking_share
        Share of the perfused length that lets carriers out.
    permeability_um_s
        Median permeability of leaking walls for the carrier.
    permeability_spread
        Geometric standard deviation of their lognormal permeabilities.
    """

    length_density: float = 150.0
    core_ratio: float = 0.25
    diameter_um: float = 11.0
    diameter_spread: float = 1.45
    diameter_limits_um: tuple[float, float] = (5.0, 40.0)
    tortuosity: float = 1.25
    loop_share: float = 0.15
    perfused_share: float = 0.7
    leaking_share: float = 0.2
    permeability_um_s: float = 1e-3
    permeability_spread: float = 2.0


def density_profile(plan: NetworkPlan, relative_depth: FloatArray) -> FloatArray:
    """Return the length density over that of the rim."""
    t = np.clip((relative_depth - _CORE_FROM) / (_CORE_FULL - _CORE_FROM), 0.0, 1.0)
    return 1 + (plan.core_ratio - 1) * t * t * (3 - 2 * t)


def shell_targets(plan: NetworkPlan, shape: Shape) -> FloatArray:
    """Return the length asked for in each of :data:`SHELLS`, in µm."""
    fine = np.linspace(0.0, 1.0, 201)
    volume = shell_volumes(shape, fine)
    middle = (fine[1:] + fine[:-1]) / 2
    share = density_profile(plan, middle) * volume
    share *= plan.length_density * 1e-6 * volume.sum() / share.sum()
    return np.histogram(middle, SHELLS, weights=share)[0]


def grow_network(seed: int, shape: Shape, plan: NetworkPlan) -> Network:
    """Draw a network with the statistics asked for.

    Parameters
    ----------
    seed
        Seed of the tumour.
    shape
        Tumour and block.
    plan
        What is asked for.

    Raises
    ------
    CannotCompute
        If no network with these statistics is found, as in a block too small to hold
        some tens of segments.
    """
    check_room(shape, plan)
    generator = np.random.default_rng(sub_seed(seed, TUMOUR_NETWORK))
    target = shell_targets(plan, shape)
    for _ in range(_ATTEMPTS):
        found = _attempt(generator, shape, plan, target)
        if found is not None:
            return _with_properties(generator, found, shape, plan)
    raise _no_room()


def check_room(shape: Shape, plan: NetworkPlan) -> None:
    """Refuse a block that is too small for a network, which takes no time to tell.

    Raises
    ------
    CannotCompute
        If a shell would hold a few segments only.
    """
    if shell_targets(plan, shape).min() <= _LEAST_UM:
        raise _no_room()


def _no_room() -> CannotCompute:
    return CannotCompute(
        "no vessel network with the length density asked for was found",
        "a block that holds some tens of segments in each shell",
        "ask for a larger block or a higher length density",
    )


def _attempt(
    generator: np.random.Generator, shape: Shape, plan: NetworkPlan, target: FloatArray
) -> Chains | None:
    """Return chains with the length asked for, or None if these points have none."""
    candidates = _candidates(generator, shape, plan)
    edges = np.array(SHELLS)
    scale = np.array([1.6, 1.1, 1.0, 1.0, 1.6])
    for _ in range(_ROUNDS):
        chains = _draw_chains(generator, shape, plan, candidates, scale)
        ratio = shell_lengths(chains.capsules, shape, edges) / target
        if ((ratio >= 1.0) & (ratio <= _ABOVE)).all():
            cut = _cut_blind_ends(generator, chains, shape, target)
            left = shell_lengths(cut.capsules, shape, edges) / target
            if (left <= 1 + _TOLERANCE).all():
                return cut
        scale *= np.clip(_AIM / np.maximum(ratio, 0.1), 0.8, 1.25)
    return None


def _candidates(
    generator: np.random.Generator, shape: Shape, plan: NetworkPlan
) -> FloatArray:
    """Return places for branch points, evenly over the block and above and below it.

    Columns are ``z, y, x`` and a mark in [0, 1) against which a density is held.
    """
    low = np.array([-_MARGIN_UM, 0.0, 0.0])
    high = np.array(shape.size_um)
    high[0] += _MARGIN_UM
    count = int(_SPARE * _point_density(plan) * float(np.prod(high - low)))
    places = generator.uniform(low, high, (count, 3))
    return np.column_stack([places, generator.uniform(0, 1, count)])


def _point_density(plan: NetworkPlan) -> float:
    """Return about how many branch points per µm³ give the length of the rim."""
    # A spanning tree of n points in a unit volume is about 0.7 n^(2/3) long.
    length = plan.length_density * 1e-6 / plan.tortuosity / (1 + plan.loop_share)
    return float((length / 0.7) ** 1.5)


def _draw_chains(
    generator: np.random.Generator,
    shape: Shape,
    plan: NetworkPlan,
    candidates: FloatArray,
    scale: FloatArray,
) -> Chains:
    """Draw one network for given densities of the shells."""
    depth = shape.relative_depth(candidates[:, :3])
    middle = (np.array(SHELLS[1:]) + SHELLS[:-1]) / 2
    wanted = density_profile(plan, depth) ** 1.5 * np.interp(depth, middle, scale)
    inside = shape.depth(candidates[:, :3]) > _BELOW_SURFACE_UM
    keep = inside & (candidates[:, 3] * _SPARE < 1.4 * wanted)
    points = _thinned(candidates[keep, :3], wanted[keep] * _point_density(plan))
    edges = _joined(generator, points, plan.loop_share)
    curves = bend_edges(generator, points, edges, plan.tortuosity)
    return cut_to_block(curves, edges, len(points), shape.size_um)


def _thinned(points: FloatArray, density: FloatArray) -> FloatArray:
    """Leave out points that lie very close to one before them."""
    apart = 0.45 * density ** (-1 / 3)
    pairs = cKDTree(points).query_pairs(float(apart.max()), output_type="ndarray")
    gap = np.sqrt(((points[pairs[:, 0]] - points[pairs[:, 1]]) ** 2).sum(axis=1))
    close = pairs[gap < np.minimum(apart[pairs[:, 0]], apart[pairs[:, 1]])]
    keep = np.ones(len(points), bool)
    keep[close.max(axis=1)] = False
    return points[keep]


def _joined(
    generator: np.random.Generator, points: FloatArray, loop_share: float
) -> IntArray:
    """Return edges: a spanning tree and as many more as close the loops asked for.

    Only neighbours in the Delaunay tessellation are joined. Loops prefer nodes that
    would otherwise be blind ends and short edges, and leave no node with more than
    three edges unless the tree has.
    """
    corners = Delaunay(points).simplices
    pairs = np.concatenate(
        [corners[:, [i, j]] for i in range(4) for j in range(i + 1, 4)]
    ).astype(np.int64)
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    length = np.sqrt(((points[pairs[:, 0]] - points[pairs[:, 1]]) ** 2).sum(axis=1))
    jittered = length * generator.uniform(0.6, 1.4, len(pairs))
    size = len(points)
    graph = sparse.csr_array((jittered, (pairs[:, 0], pairs[:, 1])), (size, size))
    tree = csgraph.minimum_spanning_tree(graph).tocoo()
    edges = np.column_stack([tree.row, tree.col]).astype(np.int64)
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    degree = np.bincount(edges.ravel(), minlength=size)
    number = pairs[:, 0] * size + pairs[:, 1]
    spare = ~np.isin(number, edges[:, 0] * size + edges[:, 1])
    spare &= length < 2.5 * np.median(length)
    rank = jittered * (1 + 0.25 * (degree[pairs] > 1).sum(axis=1))
    wanted = round(loop_share * len(edges) / (1 - loop_share))
    closing: list[tuple[int, int]] = []
    for k in np.flatnonzero(spare)[np.argsort(rank[spare], kind="stable")]:
        a, b = pairs[k]
        if len(closing) == wanted:
            break
        if degree[a] < 3 and degree[b] < 3:
            closing.append((a, b))
            degree[[a, b]] += 1
    return np.concatenate([edges, np.array(closing, np.int64).reshape(-1, 2)])


def _cut_blind_ends(
    generator: np.random.Generator, chains: Chains, shape: Shape, target: FloatArray
) -> Chains:
    """Shorten blind ends until no shell holds more length than asked for.

    Where whole segments go, those before them become blind ends; loops stay.
    """
    edges = np.array(SHELLS)
    for _ in range(_PASSES):
        over = shell_lengths(chains.capsules, shape, edges) - target
        if (over <= _TOLERANCE * target).all():
            break
        middle = (chains.capsules[:, :3] + chains.capsules[:, 3:6]) / 2
        shell = np.digitize(shape.relative_depth(middle), edges[1:-1])
        length = lengths(chains.capsules)
        keep = np.ones(len(length), bool)
        blind = chains.blind_ends()
        for number, at_start in blind[generator.permutation(len(blind))]:
            first, last = np.searchsorted(chains.segment, [number, number + 1])
            links = np.arange(first, last) if at_start else np.arange(first, last)[::-1]
            gone = _worth_cutting(shell[links], length[links], over, target)
            keep[links[:gone]] = False
            over -= np.bincount(shell[links[:gone]], length[links[:gone]], len(over))
        chains = chains.without(~keep)
    return chains


def _worth_cutting(
    shell: IntArray, length: FloatArray, over: FloatArray, target: FloatArray
) -> int:
    """Return how many links to cut from the tip of a blind end.

    A shell may lose a little more than it should where that leads to links in a
    shell that holds too much.
    """
    left, worth = over.copy(), 0
    for count, (number, piece) in enumerate(zip(shell, length, strict=True), 1):
        if left[number] - piece < -_TOLERANCE * target[number]:
            break
        if left[number] > piece:
            worth = count
        left[number] -= piece
    return worth


def _with_properties(
    generator: np.random.Generator, chains: Chains, shape: Shape, plan: NetworkPlan
) -> Network:
    """Give segments their diameters, perfusion and leaks."""
    capsules = chains.capsules.copy()
    capsules[:, 6] = _diameters(generator, chains, plan) / 2
    length = np.bincount(chains.segment, lengths(capsules)).astype(np.float64)
    first = np.searchsorted(chains.segment, np.arange(len(length)))
    place = np.ascontiguousarray(capsules[first, :3])
    # Flow fails in neighbouring vessels together, in the core more often, and hardly
    # in the rim, which stays alive.
    depth = shape.relative_depth(place)
    patches = Texture.draw(generator, 110.0).at(place)
    score = depth + 0.4 * patches * np.clip(0.2 + depth / 0.3, 0.0, 1.0)
    score += generator.normal(0, 0.1, len(depth))
    perfused = _share(score, length, plan.perfused_share)
    leaking = np.zeros(len(length), bool)
    flows = np.flatnonzero(perfused)
    order = generator.permutation(len(flows)).astype(float)
    leaking[flows] = _share(order, length[flows], plan.leaking_share)
    spread = generator.standard_normal(len(length))
    permeability = plan.permeability_um_s * plan.permeability_spread**spread
    return Network(
        capsules,
        chains.segment,
        chains.ends,
        perfused,
        leaking,
        np.where(leaking, permeability, 0.0),
    )


def _share(score: FloatArray, length: FloatArray, share: float) -> NDArray[np.bool_]:
    """Choose the lowest scores until they hold a share of the length."""
    order = np.argsort(score, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(length[order])])
    count = int(np.argmin(np.abs(total - share * total[-1])))
    chosen = np.zeros(len(score), bool)
    chosen[order[:count]] = True
    return chosen


def _diameters(
    generator: np.random.Generator, chains: Chains, plan: NetworkPlan
) -> FloatArray:
    """Return the diameter of each link.

    Segments are ranked by how many others they feed, with chance; links vary a
    little along a segment. The ranks, counted by length, are then mapped to the
    distribution asked for, which is met exactly up to the number of links.
    """
    fed = np.log(_fed(chains.ends)) + generator.normal(0, 1.0, len(chains.ends))
    rank = (np.argsort(np.argsort(fed, kind="stable"), kind="stable") + 0.5) / len(fed)
    phase = generator.uniform(0, 2 * np.pi, (len(fed), 2))
    first = np.searchsorted(chains.segment, np.arange(len(fed)))
    along = (np.arange(len(chains.segment)) - first[chains.segment]) * 0.35
    waves = np.sin(along + phase[chains.segment, 0])
    waves += np.sin(2.3 * along + phase[chains.segment, 1])
    score = special.ndtri(rank)[chains.segment] + 0.15 * waves
    order = np.argsort(score, kind="stable")
    length = lengths(chains.capsules)[order]
    share = (np.cumsum(length) - length / 2) / length.sum()
    sigma = np.log(plan.diameter_spread)
    low, high = special.ndtr(
        np.log(np.array(plan.diameter_limits_um) / plan.diameter_um) / sigma
    )
    diameter = np.empty(len(order))
    diameter[order] = plan.diameter_um * np.exp(
        sigma * special.ndtri(low + share * (high - low))
    )
    return diameter


def _fed(ends: IntArray) -> IntArray:
    """Return how many nodes lie beyond each segment, seen from the first node."""
    size = int(ends.max()) + 1
    graph = sparse.coo_array(
        (np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (size, size)
    ).tocsr()
    label = csgraph.connected_components(graph, directed=False)[1]
    fed = np.ones(size, np.int64)
    roots = np.unique(label, return_index=True)[1]
    for root in roots:
        order, before = csgraph.breadth_first_order(graph, root, directed=False)
        for node in order[:0:-1]:
            fed[before[node]] += fed[node]
    return np.minimum(fed[ends[:, 0]], fed[ends[:, 1]])
