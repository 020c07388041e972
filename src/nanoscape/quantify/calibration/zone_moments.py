"""Mean and spread of signals in areas, without holding an image in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, reduce_blocks
from nanoscape.compute.resample import check_no_time, check_same_space, onto, rasterise
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Regions

Area = Labels | Regions
_MOST = 200
"""More areas than these are cells or pixels, and no standards or tissues."""


@dataclass(frozen=True)
class Moments:
    """Number, mean and sum of squared deviations of values.

    Attributes
    ----------
    n
        Of measured pixels.
    mean
        Of their values.
    m2
        Sum of squares of what each is away from the mean.
    """

    n: int = 0
    mean: float = math.nan
    m2: float = 0.0

    @property
    def sd(self) -> float:
        """Standard deviation of single pixels, NaN for fewer than two."""
        return math.sqrt(self.m2 / (self.n - 1)) if self.n > 1 else math.nan

    def with_more(self, other: Moments) -> Moments:
        """Return the moments of both (Chan et al. 1983, doi:10.2307/2683386)."""
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        gap = other.mean - self.mean
        mean = self.mean + gap * other.n / n
        return Moments(n, mean, self.m2 + other.m2 + gap**2 * self.n * other.n / n)


def zone_moments(
    image: Image,
    area: Area | None,
    signals: Sequence[da.Array] | None = None,
    task: Task | None = None,
) -> dict[str, list[Moments]]:
    """Return the moments of signals in each label, or in all regions of one name.

    Parameters
    ----------
    image
        Its grid is that of the signals.
    area
        Labels or regions in the space of the image; ``None`` for all of it.
    signals
        Arrays on the grid; by default the image itself. NaN is not measured.
    task
        Progress.

    Returns
    -------
    dict
        By the name of the zone, one for each signal.

    Raises
    ------
    WrongInput
        If area and image do not fit each other, or there are more than 200 zones.
    """
    check_no_time(image)
    signals = [image.data] if signals is None else list(signals)
    zones = [] if area is None else _zones(image, area)
    arrays = [*signals, *(numbers for numbers, _ in zones)]
    parts = reduce_blocks(_block_moments, arrays, arguments=(len(signals),), task=task)
    total: dict[tuple[int, int], list[Moments]] = {}
    for part in parts:
        for key, more in part.items():
            known = total.get(key, [Moments()] * len(signals))
            total[key] = [a.with_more(b) for a, b in zip(known, more, strict=True)]
    if not zones:
        return {"whole image": total.get((0, 1), [Moments()] * len(signals))}
    return {
        zones[which][1].get(number, str(number)): total[which, number]
        for which, number in sorted(total)
    }


def zone_sizes(image: Image) -> float:
    """Return the area of a pixel in mm²; a volume has none."""
    steps = image.spacing
    if image.spatial_axes != "yx":
        raise WrongInput(f"{image.name} is no plane", "an image with the axes yx")
    return math.prod(steps.values()) / 1e6


def names_of(area: Area) -> list[str]:
    """Return what the zones of an area are called; numbers have no name."""
    if isinstance(area, Regions):
        return list(dict.fromkeys(area.names))
    return list(_label_names(area).values())


def _zones(image: Image, area: Area) -> list[tuple[da.Array, dict[int, str]]]:
    check_same_space(area, image)
    if isinstance(area, Labels):
        return [(onto(area, image), _label_names(area))]
    return [
        (rasterise(area.named(name), image), {1: name})
        for name in dict.fromkeys(area.names)
    ]


def _label_names(labels: Labels) -> dict[int, str]:
    if labels.table is None or "name" not in labels.table:
        return {}
    pairs = zip(labels.table["index"], labels.table["name"], strict=True)
    return {int(index): str(name) for index, name in pairs}


def _block_moments(
    *crops: Any,
) -> dict[tuple[int, int], list[Moments]]:
    *arrays, count = crops
    signals, zones = arrays[:count], arrays[count:]
    if not zones:
        return {(0, 1): [_moments(np.ravel(signal)) for signal in signals]}
    found = {}
    for which, zone in enumerate(zones):
        for number, inside in _each(zone):
            found[which, number] = [_moments(signal[inside]) for signal in signals]
    return found


def _each(zone: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    numbers = np.unique(zone)
    numbers = numbers[numbers != 0]
    if len(numbers) > _MOST:
        raise WrongInput(
            f"there are {len(numbers)} areas or more",
            f"at most {_MOST}",
            "choose areas of tissue or standards, not cells or particles",
        )
    for number in numbers:
        yield int(number), zone == number


def _moments(values: NDArray[Any]) -> Moments:
    held = values[np.isfinite(values)].astype(np.float64)
    if not held.size:
        return Moments()
    mean = float(held.mean())
    return Moments(held.size, mean, float(np.sum((held - mean) ** 2)))
