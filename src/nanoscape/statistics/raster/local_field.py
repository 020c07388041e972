"""What local statistics compare a pixel's neighbourhood with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, reduce_blocks
from nanoscape.model import Image, Labels, Regions
from nanoscape.statistics.areas import mask_of, masks_of
from nanoscape.statistics.raster.neighbourhood import Neighbourhood, neighbourhood
from nanoscape.statistics.refusals import nothing_measured
from nanoscape.statistics.zone_extent import extents
from nanoscape.statistics.zones import (
    Zones,
    check_areas,
    zone_numbers,
)

FEWEST_PIXELS = 3
"""The variance of a sum over neighbours divides by n − 2."""


@dataclass(frozen=True, eq=False)
class Population:
    """The measured pixels of a region, and what counts as near.

    Attributes
    ----------
    zoned
        Whether the first mask of a block is the region.
    rows
        Rows of the neighbourhood.
    n
        Number of pixels.
    mean, m2
        Mean, and sum of the squared differences to it.
    largest
        Largest difference to the mean.
    """

    zoned: bool
    rows: NDArray[np.int64]
    n: int
    mean: float
    m2: float
    largest: float


@dataclass(frozen=True, eq=False)
class LocalField:
    """An image whose pixels are compared with their neighbourhoods.

    Attributes
    ----------
    arrays
        Samples and masks, for the block driver.
    near
        The neighbourhood.
    population
        What is compared with.
    missing
        Pixels without a value.
    box
        Indices between which the measured pixels lie.
    reason
        Why nothing can be said; empty when it can.
    """

    arrays: list[da.Array]
    near: Neighbourhood
    population: Population
    missing: int
    box: tuple[slice, ...]
    reason: str


def local_field(
    image: Image,
    region: Labels | Regions | None,
    exclude: Sequence[Labels | Regions] | None,
    radius: float | None,
    *,
    task: Task | None = None,
) -> LocalField:
    """Measure the population with which neighbourhoods are compared.

    Raises
    ------
    CannotCompute
        If no pixel of the region was measured.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.
    """
    check_areas(image, region, exclude)
    first, second = (task or Task()).split(1, 1)
    inside = [] if region is None else [mask_of(region, image) != 0]
    excluded = masks_of(exclude, image)
    zones = Zones(inside[0] if inside else None)
    found = extents(image.data, zones, excluded, task=first)
    if not found or not found[0].n:
        raise nothing_measured(image.name)
    (extent,) = found
    arrays = [image.data, *inside, *excluded]
    parts = reduce_blocks(
        _block_squares, arrays, arguments=(bool(inside), extent.mean), task=second
    )
    reason = ""
    if extent.low == extent.high:
        reason = "all values are equal"
    if extent.n < FEWEST_PIXELS:
        reason = f"fewer than {FEWEST_PIXELS} pixels were measured"
    near = neighbourhood(list(image.spacing.values()), image.spatial_shape, radius)
    population = Population(
        zoned=bool(inside),
        rows=near.rows,
        n=extent.n,
        mean=extent.mean,
        m2=float(sum(parts)),
        largest=max(extent.high - extent.mean, extent.mean - extent.low),
    )
    return LocalField(arrays, near, population, extent.missing, extent.box, reason)


def centred(
    values: NDArray[Any], masks: Sequence[NDArray[Any]], population: Population
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return values less the mean, 0 outside, and where there are any."""
    return _less_mean(values, masks, population.zoned, population.mean)


def _less_mean(
    values: NDArray[Any], masks: Sequence[NDArray[Any]], zoned: bool, mean: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    inside = zone_numbers(values.shape, masks, zoned) > 0
    inside &= np.isfinite(values)
    return np.where(inside, values.astype(np.float64) - mean, 0.0), inside


def _block_squares(values: NDArray[Any], *rest: Any) -> float:
    *masks, zoned, mean = rest
    z, _ = _less_mean(values, masks, zoned, mean)
    return float((z * z).sum())
