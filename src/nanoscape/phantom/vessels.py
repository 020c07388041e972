"""Branching, tortuous vessels that never touch another vessel tree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.areas import AREA_LENGTH, depth_in_any, depth_in_area
from nanoscape.phantom.capsules import capsule_distance

CLASS_EDGES_UM = (4.0, 10.0, 20.0, 45.0)
"""Edges of the diameter classes 1, 2 and 3."""

STEP_UM = 7.0
GAP_UM = 12.0
"""Smallest distance between the walls of two trees."""

_CELL_UM = 72.0
# Shares of the vessel area that the classes grow towards, and radii of trunks.
_CLASS_SHARES = (0.36, 0.36, 0.28)
_TRUNK_RADII = ((2.1, 4.9), (5.2, 9.8), (10.5, 21.0))
_MAX_BRANCHES = 24
_ATTEMPTS = 7

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Vessels:
    """Vessel segments of one section.

    Attributes
    ----------
    capsules
        ``y0, x0, y1, x1, radius`` in µm, shape ``(n, 5)``.
    tree
        Number of each segment's tree, from 0; a tree is one connected object.
    branch
        Number of each segment's branch, from 0.
    perfused
        Whether blood flows, the same for all segments of a tree.
    """

    capsules: FloatArray
    tree: IntArray
    branch: IntArray
    perfused: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.capsules)

    @property
    def diameter_um(self) -> FloatArray:
        """Diameter of each segment."""
        return 2 * self.capsules[:, 4]

    @property
    def length_um(self) -> FloatArray:
        """Length of each segment's axis."""
        along = self.capsules[:, 2:4] - self.capsules[:, :2]
        return np.hypot(along[:, 0], along[:, 1])

    @property
    def diameter_class(self) -> NDArray[np.uint8]:
        """Class of each segment's diameter: 1, 2 or 3."""
        return np.digitize(self.diameter_um, CLASS_EDGES_UM[1:3]).astype(np.uint8) + 1


def grow_vessels(
    generator: np.random.Generator,
    tissue: FloatArray,
    necroses: FloatArray,
    size_um: tuple[float, float],
    area_fraction: float,
    perfused_fraction: float,
) -> Vessels:
    """Grow trees at random places until they cover a share of the viable tissue.

    A tree starts anywhere, wanders with a turning rate that has a memory, and
    branches at random into thinner vessels. A step that would come closer than
    :data:`GAP_UM` to another tree turns away or ends its branch. Whole trees are
    then drawn as perfused until their share of the vessel area is reached.

    Parameters
    ----------
    generator
        Source of everything random.
    tissue
        Outline of the tissue; see :func:`nanoscape.phantom.areas.wavy_area`.
    necroses
        Areas without vessels, shape ``(k, …)``.
    size_um
        Height and width of the field.
    area_fraction
        Vessel area over viable area to be reached.
    perfused_fraction
        Perfused over total vessel area to be reached.
    """
    gone = float((np.pi * necroses[:, 2] ** 2).sum()) if len(necroses) else 0.0
    target = area_fraction * (np.pi * tissue[2] ** 2 - gone)
    # A segment of the thinnest vessel covers 28 µm²; most cover several times that.
    room = int(target / 28) + 2000
    capsules = np.zeros((room, 5))
    tree, branch = np.zeros(room, np.int64), np.zeros(room, np.int64)
    count = _grow_all(
        generator,
        tissue,
        necroses.reshape(-1, AREA_LENGTH),
        np.array(size_um),
        target,
        capsules,
        tree,
        branch,
    )
    vessels = Vessels(
        capsules[:count], tree[:count], branch[:count], np.zeros(count, bool)
    )
    trees = _choose_perfused(generator, vessels, perfused_fraction)
    return Vessels(vessels.capsules, vessels.tree, vessels.branch, trees[vessels.tree])


def no_vessels() -> Vessels:
    """Return a section's vessels when it has none."""
    none = np.zeros(0, np.int64)
    return Vessels(np.zeros((0, 5)), none, none, np.zeros(0, bool))


def _choose_perfused(
    generator: np.random.Generator, vessels: Vessels, fraction: float
) -> NDArray[np.bool_]:
    """Draw trees until their share is reached; skip those that overshoot."""
    area = np.bincount(vessels.tree, vessels.length_um * vessels.diameter_um)
    chosen = np.zeros(len(area), bool)
    wanted, reached = fraction * area.sum(), 0.0
    for number in generator.permutation(len(area)):
        if reached + area[number] <= wanted * 1.005:
            chosen[number] = True
            reached += area[number]
    return chosen


@numba.njit(nogil=True, cache=True)
def _grow_all(
    generator: np.random.Generator,
    tissue: FloatArray,
    necroses: FloatArray,
    size_um: FloatArray,
    target: float,
    capsules: FloatArray,
    tree: IntArray,
    branch: IntArray,
) -> int:
    """Fill ``capsules``, ``tree`` and ``branch``; return how many are used."""
    rows = int(size_um[0] // _CELL_UM) + 1
    columns = int(size_um[1] // _CELL_UM) + 1
    heads = np.full((rows, columns), -1, np.int64)
    after = np.full(len(capsules), -1, np.int64)
    numbers = np.zeros(2, np.int64)
    count, covered, failures = 0, np.zeros(3), 0
    while covered.sum() < target and failures < 20000 and count < len(capsules) - 2000:
        y = tissue[0] + tissue[2] * generator.uniform(-1.4, 1.4)
        x = tissue[1] + tissue[2] * generator.uniform(-1.4, 1.4)
        radius = _trunk_radius(generator, covered)
        before = count
        # Room around a start spreads the trees over the tissue.
        clearance = GAP_UM + generator.uniform(5, 55)
        if _free(
            tissue,
            necroses,
            heads,
            after,
            capsules,
            tree,
            branch,
            count,
            y,
            x,
            radius,
            clearance,
            -1,
            -1,
            0,
            0.0,
            0.0,
            0.0,
        ):
            count = _grow_tree(
                generator,
                tissue,
                necroses,
                heads,
                after,
                capsules,
                tree,
                branch,
                count,
                numbers,
                y,
                x,
                radius,
            )
        if count - before < 4:
            while count > before:
                count -= 1
                row, column = _cell_of(capsules[count], heads)
                heads[row, column] = after[count]
            failures += 1
            continue
        failures = 0
        numbers[0] += 1
        for k in range(before, count):
            dy, dx = capsules[k, 2] - capsules[k, 0], capsules[k, 3] - capsules[k, 1]
            kind = int(capsules[k, 4] >= 5.0) + int(capsules[k, 4] >= 10.0)
            covered[kind] += 2 * capsules[k, 4] * math.sqrt(dy * dy + dx * dx)
    return count


@numba.njit(nogil=True, cache=True)
def _trunk_radius(generator: np.random.Generator, covered: FloatArray) -> float:
    """Draw a trunk, most often of the class that lags most behind its share."""
    kind = int(generator.integers(0, 3))
    total = covered.sum()
    if generator.random() < 0.7 and total > 0.0:
        kind = int(np.argmin(covered / total - np.array(_CLASS_SHARES)))
    low, high = _TRUNK_RADII[kind]
    return low * (high / low) ** generator.random()


@numba.njit(nogil=True, cache=True)
def _grow_tree(
    generator: np.random.Generator,
    tissue: FloatArray,
    necroses: FloatArray,
    heads: IntArray,
    after: IntArray,
    capsules: FloatArray,
    tree: IntArray,
    branch: IntArray,
    count: int,
    numbers: IntArray,
    y: float,
    x: float,
    radius: float,
) -> int:
    """Grow a trunk and the branches that sprout from it."""
    waiting = np.zeros((_MAX_BRANCHES, 7))
    length = generator.uniform(35, 100) + radius
    angle = generator.uniform(0, 2 * math.pi)
    waiting[0, 0], waiting[0, 1], waiting[0, 2] = y, x, angle
    waiting[0, 3], waiting[0, 4] = radius, length
    todo, made = 1, 1
    while todo > 0:
        todo -= 1
        y0, x0, angle, radius, length, base, depth = waiting[todo]
        start_y, start_x = y0, x0
        turning, first = 0.0, count
        wander = 0.05 + 0.15 / math.sqrt(radius)
        gone = 0.0
        while gone < length and count < len(capsules) - 1:
            turning = 0.8 * turning + wander * generator.standard_normal() * 0.6
            found = False
            for attempt in range(_ATTEMPTS):
                side = (attempt + 1) // 2 * (1 if attempt % 2 else -1)
                trial = angle + turning + 0.35 * side
                y1 = y0 + STEP_UM * math.sin(trial)
                x1 = x0 + STEP_UM * math.cos(trial)
                if _free(
                    tissue,
                    necroses,
                    heads,
                    after,
                    capsules,
                    tree,
                    branch,
                    count,
                    y1,
                    x1,
                    radius,
                    GAP_UM,
                    numbers[0],
                    numbers[1],
                    first,
                    start_y,
                    start_x,
                    base,
                ):
                    found = True
                    break
            if not found:
                break
            angle = trial
            width = radius * (1 + 0.06 * generator.uniform(-1, 1))
            capsules[count] = np.array([y0, x0, y1, x1, _in_class(radius, width)])
            tree[count], branch[count] = numbers[0], numbers[1]
            row, column = _cell_of(capsules[count], heads)
            after[count] = heads[row, column]
            heads[row, column] = count
            count += 1
            gone += STEP_UM
            y0, x0 = y1, x1
            sprout = generator.random() < STEP_UM / 70.0
            if sprout and radius > 2.8 and depth < 2 and made < _MAX_BRANCHES:
                side = 1.0 if generator.random() < 0.5 else -1.0
                thin = max(radius * generator.uniform(0.3, 0.62), 2.1)
                waiting[todo] = np.array(
                    [
                        y0,
                        x0,
                        angle + side * generator.uniform(0.6, 1.2),
                        thin,
                        generator.uniform(20, 75) + 2 * radius,
                        radius,
                        depth + 1,
                    ]
                )
                todo += 1
                made += 1
        numbers[1] += 1
    return count


@numba.njit(nogil=True, cache=True)
def _in_class(nominal: float, radius: float) -> float:
    """Keep a radius in the class of its branch."""
    low, high = 2.0, 5.0 - 1e-6
    if nominal >= 10.0:
        low, high = 10.0, 22.5
    elif nominal >= 5.0:
        low, high = 5.0, 10.0 - 1e-6
    return min(max(radius, low), high)


@numba.njit(nogil=True, cache=True)
def _cell_of(capsule: FloatArray, heads: IntArray) -> tuple[int, int]:
    row = math.floor((capsule[0] + capsule[2]) / 2 / _CELL_UM)
    column = math.floor((capsule[1] + capsule[3]) / 2 / _CELL_UM)
    return (
        min(max(row, 0), heads.shape[0] - 1),
        min(max(column, 0), heads.shape[1] - 1),
    )


@numba.njit(nogil=True, cache=True)
def _free(
    tissue: FloatArray,
    necroses: FloatArray,
    heads: IntArray,
    after: IntArray,
    capsules: FloatArray,
    tree: IntArray,
    branch: IntArray,
    count: int,
    y: float,
    x: float,
    radius: float,
    gap: float,
    own_tree: int,
    own_branch: int,
    first: int,
    start_y: float,
    start_x: float,
    base: float,
) -> bool:
    """Tell whether a vessel of a tree may reach a place.

    It keeps away from the edge of the tissue, from necroses, from other trees, and,
    once it has left the vessel it sprouts from, from its own tree.
    """
    if depth_in_area(tissue, y, x) < radius + 10.0:
        return False
    if len(necroses) and depth_in_any(necroses, y, x) > -radius - 10.0:
        return False
    row, column = math.floor(y / _CELL_UM), math.floor(x / _CELL_UM)
    away = math.hypot(y - start_y, x - start_x)
    leaving = away < base + 2 * radius + gap + 2 * STEP_UM
    recent = count - int((2 * radius + gap) / STEP_UM) - 4
    for i in range(max(row - 1, 0), min(row + 1, heads.shape[0] - 1) + 1):
        for j in range(max(column - 1, 0), min(column + 1, heads.shape[1] - 1) + 1):
            k = heads[i, j]
            while k >= 0:
                own = tree[k] == own_tree
                skip = own and (leaving or (branch[k] == own_branch and k >= recent))
                if not skip and capsule_distance(capsules[k], y, x) < radius + gap:
                    return False
                k = after[k]
    return True
