"""Branching, tortuous vessels that never touch another vessel tree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

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
_FEWEST_SEGMENTS = 4
_PATIENCE = 20_000
_SPARE = 2000

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


class _Field(NamedTuple):
    """What grows, and where it may.

    ``heads`` holds for each cell the segment that was added last, ``after`` for each
    segment the one before it in its cell; -1 ends the list.
    """

    tissue: FloatArray
    necroses: FloatArray
    capsules: FloatArray
    tree: IntArray
    branch: IntArray
    heads: IntArray
    after: IntArray


class _Branch(NamedTuple):
    """A branch that is about to grow."""

    y: float
    x: float
    angle: float
    radius: float
    length: float
    base: float
    depth: int
    tree: int
    number: int


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
    cells = tuple(int(length // _CELL_UM) + 1 for length in size_um)
    field = _Field(
        tissue,
        necroses.reshape(-1, AREA_LENGTH),
        capsules,
        tree,
        branch,
        np.full(cells, -1, np.int64),
        np.full(room, -1, np.int64),
    )
    count = _grow_all(generator, field, target)
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
def _grow_all(generator: np.random.Generator, field: _Field, target: float) -> int:
    """Fill the field until vessels cover ``target`` µm²; return their segments."""
    count, trees, branches, failures = 0, 0, 0, 0
    covered = np.zeros(3)
    while (
        covered.sum() < target
        and failures < _PATIENCE
        and count < len(field.capsules) - _SPARE
    ):
        y = field.tissue[0] + field.tissue[2] * generator.uniform(-1.4, 1.4)
        x = field.tissue[1] + field.tissue[2] * generator.uniform(-1.4, 1.4)
        radius = _trunk_radius(generator, covered)
        # Room around a start spreads the trees over the tissue.
        clearance = GAP_UM + generator.uniform(5, 55)
        trunk = _Branch(
            y,
            x,
            generator.uniform(0, 2 * math.pi),
            radius,
            generator.uniform(35, 100) + radius,
            0.0,
            0,
            trees,
            branches,
        )
        before = count
        if _free(field, count, y, x, clearance, trunk):
            count, branches = _grow_tree(generator, field, count, trunk)
        if count - before < _FEWEST_SEGMENTS:
            while count > before:
                count -= 1
                row, column = _cell_of(field, count)
                field.heads[row, column] = field.after[count]
            failures += 1
            continue
        failures = 0
        trees += 1
        for k in range(before, count):
            radius = field.capsules[k, 4]
            kind = int(radius >= 5.0) + int(radius >= 10.0)
            covered[kind] += 2 * radius * STEP_UM
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
    generator: np.random.Generator, field: _Field, count: int, trunk: _Branch
) -> tuple[int, int]:
    """Grow a trunk and what sprouts from it; count segments and branches."""
    waiting = [trunk]
    number = trunk.number
    while len(waiting) > 0:
        mother = waiting.pop()
        mother = _Branch(
            mother.y,
            mother.x,
            mother.angle,
            mother.radius,
            mother.length,
            mother.base,
            mother.depth,
            mother.tree,
            number,
        )
        first = count
        count = _grow_branch(generator, field, count, mother)
        number += 1
        for k in range(first, count):
            sprouts = generator.random() < STEP_UM / 70.0
            made = number - trunk.number + len(waiting)
            if not sprouts or mother.radius < 2.8 or mother.depth > 1:
                continue
            if made < _MAX_BRANCHES:
                waiting.append(_sprout(generator, field, k, mother))
    return count, number


@numba.njit(nogil=True, cache=True)
def _sprout(
    generator: np.random.Generator, field: _Field, segment: int, mother: _Branch
) -> _Branch:
    """Return a thinner branch that leaves the end of a segment sideways."""
    y0, x0, y1, x1, _ = field.capsules[segment]
    side = 1.0 if generator.random() < 0.5 else -1.0
    radius = max(mother.radius * generator.uniform(0.3, 0.62), 2.1)
    return _Branch(
        y1,
        x1,
        math.atan2(y1 - y0, x1 - x0) + side * generator.uniform(0.6, 1.2),
        radius,
        generator.uniform(20, 75) + 2 * mother.radius,
        mother.radius,
        mother.depth + 1,
        mother.tree,
        mother.number,
    )


@numba.njit(nogil=True, cache=True)
def _grow_branch(
    generator: np.random.Generator, field: _Field, count: int, branch: _Branch
) -> int:
    """Grow one branch step by step; return the number of segments."""
    first = count
    y0, x0, angle = branch.y, branch.x, branch.angle
    turning, narrowing = 0.0, 0.0
    wander = 0.03 + 0.09 / math.sqrt(branch.radius)
    for _ in range(int(branch.length / STEP_UM) + 1):
        turning = 0.8 * turning + wander * generator.standard_normal()
        narrowing = 0.75 * narrowing + 0.07 * generator.standard_normal()
        found = False
        for attempt in range(_ATTEMPTS):
            side = (attempt + 1) // 2 * (1 if attempt % 2 else -1)
            trial = angle + turning + 0.35 * side
            y1 = y0 + STEP_UM * math.sin(trial)
            x1 = x0 + STEP_UM * math.cos(trial)
            if _free(field, count, y1, x1, GAP_UM, branch):
                found = True
                break
        if not found or count >= len(field.capsules) - 1:
            break
        angle = trial
        radius = branch.radius * (1 - min(abs(narrowing), 0.3))
        field.capsules[count] = np.array([y0, x0, y1, x1, radius])
        field.tree[count], field.branch[count] = branch.tree, branch.number
        row, column = _cell_of(field, count)
        field.after[count] = field.heads[row, column]
        field.heads[row, column] = count
        count += 1
        y0, x0 = y1, x1
    _taper(field, first, count, branch)
    return count


@numba.njit(nogil=True, cache=True)
def _taper(field: _Field, first: int, count: int, branch: _Branch) -> None:
    """Narrow the free ends of a branch, within the class of its diameter."""
    low, high = 2.0, 5.0 - 1e-6
    if branch.radius >= 10.0:
        low, high = 10.0, 22.5
    elif branch.radius >= 5.0:
        low, high = 5.0, 10.0 - 1e-6
    for k in range(first, count):
        from_end = count - 1 - k
        if branch.base == 0.0:
            from_end = min(from_end, k - first)
        radius = field.capsules[k, 4] * min(0.6 + 0.14 * from_end, 1.0)
        field.capsules[k, 4] = min(max(radius, low), high)


@numba.njit(nogil=True, cache=True)
def _cell_of(field: _Field, segment: int) -> tuple[int, int]:
    y0, x0, y1, x1, _ = field.capsules[segment]
    rows, columns = field.heads.shape
    row = math.floor((y0 + y1) / 2 / _CELL_UM)
    column = math.floor((x0 + x1) / 2 / _CELL_UM)
    return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)


@numba.njit(nogil=True, cache=True)
def _free(
    field: _Field, count: int, y: float, x: float, gap: float, branch: _Branch
) -> bool:
    """Tell whether a branch may reach a place.

    It keeps away from the edge of the tissue, from necroses, from other trees, and,
    once it has left the vessel it sprouts from, from its own tree.
    """
    radius = branch.radius
    if depth_in_area(field.tissue, y, x) < radius + 10.0:
        return False
    if len(field.necroses) and depth_in_any(field.necroses, y, x) > -radius - 10.0:
        return False
    row, column = math.floor(y / _CELL_UM), math.floor(x / _CELL_UM)
    away = math.hypot(y - branch.y, x - branch.x)
    leaving = away < branch.base + 2 * radius + gap + 2 * STEP_UM
    recent = count - int((2 * radius + gap) / STEP_UM) - 4
    rows, columns = field.heads.shape
    for i in range(max(row - 1, 0), min(row + 1, rows - 1) + 1):
        for j in range(max(column - 1, 0), min(column + 1, columns - 1) + 1):
            k = field.heads[i, j]
            while k >= 0:
                own = field.tree[k] == branch.tree
                near = field.branch[k] == branch.number and k >= recent
                skip = own and (leaving or near)
                if (
                    not skip
                    and capsule_distance(field.capsules[k], y, x) < radius + gap
                ):
                    return False
                k = field.after[k]
    return True
