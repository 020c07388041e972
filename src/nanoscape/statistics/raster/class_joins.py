"""How many pairs of touching pixels two classes have, and what chance gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Block
from nanoscape.statistics.zones import present, ranked, zone_numbers


@dataclass(frozen=True, eq=False)
class ClassJoins:
    """Joins of one zone.

    Attributes
    ----------
    joins
        Ordered pairs of touching pixels by class, shape ``(classes, classes)``.
    sizes
        Pixels of each class.
    squares
        Sum of the squared number of neighbours of each pixel.
    """

    joins: NDArray[np.int64]
    sizes: NDArray[np.int64]
    squares: int

    def __add__(self, other: ClassJoins) -> ClassJoins:
        """Return the joins of two parts of a zone."""
        return ClassJoins(
            self.joins + other.joins,
            self.sizes + other.sizes,
            int(self.squares) + int(other.squares),
        )

    @property
    def n(self) -> int:
        """Number of pixels."""
        return int(self.sizes.sum())

    @property
    def all_joins(self) -> int:
        """Number of joins, each counted once."""
        return int(self.joins.sum()) // 2

    def between(self, a: int, b: int) -> int:
        """Return the joins of two classes, each counted once."""
        return int(self.joins[a, b]) // (2 if a == b else 1)

    def moments(self, a: int, b: int) -> tuple[float, float]:
        """Return mean and variance over random places of all pixels.

        Pairs of joins are the same one, share a pixel, or share none; each kind comes
        with the chance that its two, three or four pixels are of the classes (Cliff
        and Ord 1981, Spatial Processes, for weights of 1).
        """
        n, s0 = self.n, 2 * self.all_joins
        s1, s2 = 2 * s0, 4 * int(self.squares)
        two, three = n * (n - 1), n * (n - 1) * (n - 2)
        four = three * (n - 3)
        p, q = int(self.sizes[a]), int(self.sizes[b])
        apart = s0 * s0 + s1 - s2
        if a == b:
            mean = s0 * p * (p - 1) / two / 2
            square = s1 * p * (p - 1) / two
            square += (s2 - 2 * s1) * p * (p - 1) * (p - 2) / three
            square += apart * p * (p - 1) * (p - 2) * (p - 3) / four
        else:
            mean = s0 * p * q / two
            square = 2 * s1 * p * q / two
            square += (s2 - 2 * s1) * p * q * (p + q - 2) / three
            square += 4 * apart * p * (p - 1) * q * (q - 1) / four
        return mean, square / 4 - mean**2


def sum_joins(block: Block, labels: NDArray[Any], *rest: Any) -> Any:
    """Return zones, ordered joins, sizes and squared degrees of one block.

    Parameters
    ----------
    block
        What to count: joins belong to the block of their first pixel.
    labels
        Classes with a halo of a pixel.
    rest
        Masks as for :func:`~nanoscape.statistics.zones.zone_numbers`, then whether
        the first holds zones, the classes in ascending order, and the steps.
    """
    *masks, zoned, known, steps = rest
    numbers = zone_numbers(labels.shape, masks, zoned)
    numbers[~np.isin(labels, known)] = 0
    zones = present(numbers[block.inner])
    # Pixels around the core of a zone that the core does not hold.
    numbers[~np.isin(numbers, zones)] = 0
    missing = 3 - labels.ndim
    shape = (1,) * missing + labels.shape
    zone = np.pad(ranked(numbers, zones).reshape(shape), 1)
    kind = np.pad(np.searchsorted(known, labels).reshape(shape), 1)
    low = np.array([0] * missing + [part.start for part in block.inner]) + 1
    high = np.array([1] * missing + [part.stop for part in block.inner]) + 1
    return zones, *_joins(zone, kind, low, high, steps, zones.size, known.size)


@numba.njit(nogil=True, cache=True)
def _joins(
    zone: Any, kind: Any, low: Any, high: Any, steps: Any, zones: int, classes: int
) -> Any:
    joins = np.zeros((zones, classes, classes), np.int64)
    sizes = np.zeros((zones, classes), np.int64)
    squares = np.zeros(zones, np.int64)
    for a in range(low[0], high[0]):
        for b in range(low[1], high[1]):
            for c in range(low[2], high[2]):
                own = zone[a, b, c]
                if own == 0:
                    continue
                here, degree = kind[a, b, c], 0
                for k in range(len(steps)):
                    i, j, m = a + steps[k, 0], b + steps[k, 1], c + steps[k, 2]
                    if zone[i, j, m] == own:
                        joins[own - 1, here, kind[i, j, m]] += 1
                        degree += 1
                sizes[own - 1, here] += 1
                squares[own - 1] += degree * degree
    return joins, sizes, squares
