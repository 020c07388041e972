"""Sections cut from a tumour at stated depths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.phantom.tumour.tumour import Tumour, Which
from nanoscape.phantom.tumour.walls import FAR_UM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_HALVINGS = 40
_GOLDEN = (math.sqrt(5.0) - 1) / 2
_NUCLEUS_REACH_UM = 5.0
_BATCH = 32


@dataclass(frozen=True, eq=False)
class Section:
    """A plane through a tumour, as thin as an optical section.

    Places in the section are ``(y, x)`` in µm. Without a tilt they are those of the
    block.

    Attributes
    ----------
    tumour
        From which it is cut.
    depth_um
        z where the plane crosses the middle of the block.
    down, across
        Unit vectors ``(z, y, x)`` along y and x of the section.
    """

    tumour: Tumour
    depth_um: float
    down: FloatArray
    across: FloatArray

    @property
    def size_um(self) -> tuple[float, float]:
        """Height and width of the block, which the section fills."""
        return self.tumour.shape.size_um[1:]

    def places(self, section_um: FloatArray) -> FloatArray:
        """Return where places ``(n, 2)`` of the section lie in the block."""
        size = self.tumour.shape.size_um
        middle = np.array([self.depth_um, size[1] / 2, size[2] / 2])
        y = section_um[:, :1] - size[1] / 2
        x = section_um[:, 1:] - size[2] / 2
        found: FloatArray = middle + y * self.down + x * self.across
        return found

    def value(self, name: str, section_um: FloatArray) -> FloatArray:
        """Return a field at places ``(n, 2)``; see :meth:`Tumour.value`."""
        return self.tumour.value(name, self.places(section_um))

    def tissue(self, section_um: FloatArray) -> NDArray[np.uint8]:
        """Return the kind of tissue at places ``(n, 2)``."""
        return self.tumour.tissue(self.places(section_um))

    def segment(self, section_um: FloatArray) -> IntArray:
        """Return the vessel segment whose lumen holds each place ``(n, 2)``, or -1."""
        network = self.tumour.network
        wall, nearest = network.walls.at(self.places(section_um), 1.0)
        return np.where(wall < 0, network.segment[nearest], -1)

    def distance(self, section_um: FloatArray, vessels: Which = "all") -> FloatArray:
        """Return the distance in space to the nearest wall; negative in a lumen."""
        return self.tumour.distance(self.places(section_um), vessels)

    def distance_in_section(
        self, section_um: FloatArray, vessels: Which = "all"
    ) -> FloatArray:
        """Return the distance to the nearest vessel that the section itself shows.

        This is what anybody can measure who has the section alone, with a perfect
        mask. It is 0 in a lumen, exact outside, and at most 600 µm.

        Parameters
        ----------
        section_um
            Shape ``(n, 2)``.
        vessels
            Which of them count.
        """
        network = self.tumour.network
        cut = self._cut
        if vessels == "perfused":
            cut = cut[network.perfused[network.segment[cut[:, 7].astype(np.int64)]]]
        return _distance_to_profiles(cut, np.ascontiguousarray(section_um), FAR_UM)

    @cached_property
    def profiles(self) -> FloatArray:
        """Where the plane crosses the axes of vessels.

        Columns are ``y, x``, the half axes of the ellipse that a straight vessel
        would show there (radius, and radius over the cosine of its slant), the angle
        of the longer one from the x axis towards y, and the number of the segment;
        shape ``(n, 6)``. For isotropic vessels there are half as many per area as
        there is length per volume.
        """
        crosses = self._cut[self._cut[:, 4] * self._cut[:, 5] < 0]
        run = crosses[:, 5] - crosses[:, 4]
        t = -crosses[:, 4] / run
        dy, dx = crosses[:, 2] - crosses[:, 0], crosses[:, 3] - crosses[:, 1]
        length = np.sqrt(dy**2 + dx**2 + run**2)
        segment = self.tumour.network.segment[crosses[:, 7].astype(np.int64)]
        return np.column_stack(
            [
                crosses[:, 0] + t * dy,
                crosses[:, 1] + t * dx,
                crosses[:, 6],
                crosses[:, 6] * length / np.abs(run),
                np.arctan2(dy, dx),
                segment,
            ]
        )

    @cached_property
    def _cut(self) -> FloatArray:
        """Links that reach the plane, in its own coordinates.

        Columns are ``y0, x0, y1, x1, h0, h1, radius, row``, h the height over the
        plane.
        """
        capsules = self.tumour.network.capsules
        first, last = self._into(capsules[:, :3]), self._into(capsules[:, 3:6])
        low = np.minimum(np.abs(first[:, 2]), np.abs(last[:, 2]))
        crosses = first[:, 2] * last[:, 2] <= 0
        near = crosses | (low < capsules[:, 6])
        rows = np.flatnonzero(near)
        return np.column_stack(
            [
                first[rows, :2],
                last[rows, :2],
                first[rows, 2],
                last[rows, 2],
                capsules[rows, 6],
                rows,
            ]
        )

    def _into(self, places_um: FloatArray) -> FloatArray:
        """Return ``y, x, height`` of places in the block, shape ``(n, 3)``."""
        size = self.tumour.shape.size_um
        rest = places_um - np.array([self.depth_um, size[1] / 2, size[2] / 2])
        # Sums by hand: a matrix product may round by the number of rows.
        y = (rest * self.down).sum(axis=1) + size[1] / 2
        x = (rest * self.across).sum(axis=1) + size[2] / 2
        height = (rest * np.cross(self.down, self.across)).sum(axis=1)
        return np.stack([y, x, height], axis=1)

    def nuclei(self, low_um: FloatArray, high_um: FloatArray) -> FloatArray:
        """Return the profiles of nuclei with their centres in a window.

        Parameters
        ----------
        low_um, high_um
            Corners ``(y, x)`` of the window.

        Returns
        -------
        ndarray
            ``y, x, half axis, half axis, angle, brightness``, shape ``(n, 6)``, as
            :func:`nanoscape.phantom.particles.draw_ellipses` takes them.
        """
        corners = np.array(
            [[y, x] for y in (low_um[0], high_um[0]) for x in (low_um[1], high_um[1])]
        )
        reach = _NUCLEUS_REACH_UM
        found = self.tumour.nuclei(
            self.places(corners).min(axis=0) - reach,
            self.places(corners).max(axis=0) + reach,
        )
        place = self._into(np.ascontiguousarray(found[:, :3]))
        inside = (place[:, :2] >= low_um) & (place[:, :2] < high_um)
        cut = inside.all(axis=1) & (np.abs(place[:, 2]) < found[:, 4])
        place, found = place[cut], found[cut]
        # A spheroid cut off its middle shows a smaller ellipse of the same form.
        smaller = np.sqrt(1 - (place[:, 2] / found[:, 4]) ** 2)
        axes = found[:, 3:5] * smaller[:, None]
        return np.column_stack([place[:, :2], axes, found[:, 5:]])


def cut(
    tumour: Tumour, depth_um: float, *, tilt_deg: tuple[float, float] = (0.0, 0.0)
) -> Section:
    """Cut a section.

    Parameters
    ----------
    tumour
        From which it is cut.
    depth_um
        z where the plane crosses the middle of the block.
    tilt_deg
        By how much its y and x axes are turned towards z.

    Raises
    ------
    WrongInput
        If the plane leaves the block through its faces.
    """
    first, second = np.deg2rad(tilt_deg)
    down = np.array([math.sin(first), math.cos(first), 0.0])
    # The part of the x axis that is at a right angle to the first.
    across = np.array([math.sin(second), 0.0, math.cos(second)])
    across -= down * float((down * across).sum())
    across /= math.sqrt(float((across**2).sum()))
    section = Section(tumour, depth_um, down, across)
    height, width = section.size_um
    corners = np.array([[y, x] for y in (0.0, height) for x in (0.0, width)])
    z = section.places(corners)[:, 0]
    deep = tumour.shape.size_um[0]
    if z.min() < 0 or z.max() > deep:
        raise WrongInput(
            f"a section from z = {z.min():.0f} to {z.max():.0f} µm",
            f"one inside the block, from 0 to {deep:.0f} µm",
            "choose another depth or a smaller tilt",
        )
    return section


def cut_series(
    tumour: Tumour, depth_um: float, gaps_um: Sequence[float]
) -> list[Section]:
    """Cut adjacent sections, each a gap of usually 10 to 20 µm deeper than before."""
    depths = depth_um + np.concatenate([[0.0], np.cumsum(gaps_um)])
    return [cut(tumour, float(depth)) for depth in depths]


@numba.njit(nogil=True, cache=True)
def _distance_to_profiles(
    cut: FloatArray, places: FloatArray, far: float
) -> FloatArray:
    """Return the distance to the nearest profile.

    A disc in the middle of each bounds the distance from above; only profiles that
    may lie nearer than all of these are followed exactly. First those are sorted out
    that cannot be nearest to any of a batch of places.
    """
    count = len(cut)
    spans = np.empty((count, 2))
    middle_y, middle_x = np.empty(count), np.empty(count)
    disc, reach, away = np.empty(count), np.empty(count), np.empty(count)
    for k in range(count):
        row = cut[k]
        low, high = _span(row)
        t = (low + high) / 2
        middle_y[k] = row[0] + t * (row[2] - row[0])
        middle_x[k] = row[1] + t * (row[3] - row[1])
        disc[k] = -_to_disc(row, t, middle_y[k], middle_x[k])
        along = math.hypot(row[2] - row[0], row[3] - row[1])
        reach[k] = along * (high - low) / 2 + row[6]
        spans[k, 0], spans[k, 1] = low, high
    distance = np.empty(len(places))
    near = np.empty(count, np.int64)
    for start in range(0, len(places), _BATCH):
        batch = places[start : start + _BATCH]
        kept = _sort_out(batch, middle_y, middle_x, disc, reach, far, near)
        for n in range(len(batch)):
            y, x = batch[n, 0], batch[n, 1]
            best = far
            for k in near[:kept]:
                dy, dx = middle_y[k] - y, middle_x[k] - x
                away[k] = math.sqrt(dy * dy + dx * dx)
                best = min(best, away[k] - disc[k])
            for k in near[:kept]:
                if away[k] - reach[k] < best:
                    exact = _to_profile(cut[k], spans[k, 0], spans[k, 1], y, x)
                    best = min(best, exact)
            distance[start + n] = max(best, 0.0)
    return distance


@numba.njit(nogil=True, cache=True)
def _sort_out(
    batch: FloatArray,
    middle_y: FloatArray,
    middle_x: FloatArray,
    disc: FloatArray,
    reach: FloatArray,
    far: float,
    near: IntArray,
) -> int:
    """Set which profiles may be nearest to some place of a batch; return how many."""
    low_y, high_y = batch[:, 0].min(), batch[:, 0].max()
    low_x, high_x = batch[:, 1].min(), batch[:, 1].max()
    y, x = (low_y + high_y) / 2, (low_x + high_x) / 2
    half = math.hypot(high_y - low_y, high_x - low_x) / 2
    most = far
    for k in range(len(disc)):
        away = math.hypot(middle_y[k] - y, middle_x[k] - x)
        most = min(most, away + half - disc[k])
    kept = 0
    for k in range(len(disc)):
        away = math.hypot(middle_y[k] - y, middle_x[k] - x)
        if away - half - reach[k] <= most:
            near[kept] = k
            kept += 1
    return kept


@numba.njit(nogil=True, cache=True)
def _span(row: FloatArray) -> tuple[float, float]:
    """Return which part of a link's axis is nearer to the plane than the radius."""
    run = row[5] - row[4]
    if run == 0.0:
        return 0.0, 1.0
    one, two = (-row[6] - row[4]) / run, (row[6] - row[4]) / run
    return max(0.0, min(one, two)), min(1.0, max(one, two))


@numba.njit(nogil=True, cache=True)
def _to_profile(row: FloatArray, low: float, high: float, y: float, x: float) -> float:
    """Return the signed distance to the profile of one capsule.

    The profile is a union of discs, one for each point of the axis that is nearer to
    the plane than the radius. The distance to them is a convex function of the place
    on the axis, whose minimum is found by golden sections.
    """
    a, b = low, high
    for _ in range(_HALVINGS):
        c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
        if _to_disc(row, c, y, x) < _to_disc(row, d, y, x):
            b = d
        else:
            a = c
    middle = _to_disc(row, (a + b) / 2, y, x)
    return min(middle, _to_disc(row, low, y, x), _to_disc(row, high, y, x))


@numba.njit(nogil=True, cache=True, inline="always")
def _to_disc(row: FloatArray, t: float, y: float, x: float) -> float:
    """Return the distance to the disc that the ball at t cuts from the plane."""
    height = row[4] + t * (row[5] - row[4])
    size = math.sqrt(max(row[6] * row[6] - height * height, 0.0))
    dy = row[0] + t * (row[2] - row[0]) - y
    dx = row[1] + t * (row[3] - row[1]) - x
    return math.sqrt(dy * dy + dx * dx) - size
