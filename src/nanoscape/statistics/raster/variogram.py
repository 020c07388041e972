"""How alike pixels are, by their distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import dask.array as da
import numpy as np
import pandas as pd

from nanoscape.compute import Task, reduce_blocks
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.areas import masks_of
from nanoscape.statistics.raster.correlogram import TESTED, correlogram_p
from nanoscape.statistics.raster.lag_bins import LagBins
from nanoscape.statistics.raster.lag_sums import Floats, lag_block
from nanoscape.statistics.raster.variogram_fit import (
    Law,
    VariogramFit,
    fit_variogram,
    law_of,
)
from nanoscape.statistics.zone_extent import Extent, extents
from nanoscape.statistics.zones import Zones, check_areas, without_role, zones_of

LONGEST = {1: 4096, 2: 512, 3: 48}
"""Largest lag in pixels, by number of axes."""


@dataclass(frozen=True)
class Variogram:
    """How alike pixels are, by their distance.

    Attributes
    ----------
    curves
        Variogram and correlogram of each region by distance.
    summary
        One row for each region: nugget, sill and range.
    """

    curves: Table
    summary: Table


@operation(version=2, title="Variogram")
def variogram(
    image: Annotated[Image, Role("Drug")],
    region: Annotated[Labels | Regions | None, Role("Tissue")] = None,
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    law: Annotated[Law, Option(label="Law to fit")] = "exponential",
    largest_distance: Annotated[
        float | None, Option(unit="µm", minimum=1e-6, label="Largest distance")
    ] = None,
    bin_width: Annotated[
        float | None, Option(unit="µm", minimum=1e-6, label="Bin width")
    ] = None,
    test: Annotated[bool, Option(label="Test each distance", advanced=True)] = False,
    task: Task | None = None,
) -> Variogram:
    """Measure how alike pixels are, by their distance.

    The variogram is half the mean square of the difference of two pixels at a
    distance (Matheron 1963, doi:10.2113/gsecongeo.58.8.1246), over all pairs of the
    region whatever its holes; the correlogram is their correlation, Moran's I of
    pairs at that distance. The range of the fitted law is the size of patches, the
    nugget holds the noise.

    Parameters
    ----------
    image
        Image of the drug. Pixels without a value have no pairs.
    region
        Where to measure: each label, or all regions of one name, get curves of their
        own. The whole image by default.
    exclude
        Areas to leave out.
    law
        Law whose nugget, sill and range are fitted.
    largest_distance
        Auto: half of the shortest side of the region, at most 512 pixels (48 voxels).
    bin_width
        A larger value gives a smoother, coarser curve. Auto: the longest side of a
        pixel.
    test
        Whether to give a p-value for the correlation at each distance, exact in mean
        and variance for random places of the values. Takes a transform of the region
        for each bin.
    task
        Progress.

    Returns
    -------
    Variogram
        Curves and summary.

    Raises
    ------
    CannotCompute
        If no region has two measured pixels.
    WrongInput
        If the objects lie in different spaces, or the image is a series in time.
    """
    check_areas(image, region, exclude)
    excluded = masks_of(exclude, image)
    spacing = tuple(image.spacing.values())
    width = bin_width or max(spacing)
    groups = zones_of(image, region)
    task = task or Task()
    frames, rows = [], []
    for zones, part in zip(groups, task.split(*[1] * len(groups)), strict=True):
        before, during = part.split(1, 6)
        found = extents(image.data, zones, excluded, task=before)
        tasks = during.split(*[1] * len(found)) if found else []
        for extent, own in zip(found, tasks, strict=True):
            binned = None
            if extent.n > 1:
                reach = _reach(extent, spacing, largest_distance)
                first, second = own.split(1, 2 if test else 0)
                sums = _lags(image.data, zones, excluded, extent, reach, first)
                bins = LagBins.of(reach, spacing, width, largest_distance)
                binned = _binned(sums, bins)
                if test:
                    held = (image.data, zones, excluded, extent)
                    tested = correlogram_p(held, bins, binned, second)
                    binned = binned.assign(**{str(c): x for c, x in tested.items()})
            frame, row = _rows(zones.name(extent.number), extent, binned, law)
            frames.append(frame)
            rows.append(row | {"unit": image.quantity.unit})
    if not any(row["n_pixels"] > 1 for row in rows):
        raise CannotCompute(
            f"{image.name} holds fewer than two measured pixels in the region",
            "at least two pixels with values",
            "check that region and image overlap",
        )
    notes = _notes(law, width, test)
    tags, name = without_role(image.tags), f"variogram of {image.name}"
    return Variogram(
        Table(
            data=pd.concat(frames, ignore_index=True), name=name, notes=notes, tags=tags
        ),
        Table(data=pd.DataFrame(rows), name=f"{name}, summary", notes=notes, tags=tags),
    )


def _reach(
    extent: Extent, spacing: Sequence[float], largest: float | None
) -> tuple[int, ...]:
    """Return the largest lag by axis, in pixels."""
    shape = [part.stop - part.start for part in extent.box]
    sides = [n * step for n, step in zip(shape, spacing, strict=True) if n > 1]
    far = largest or min(sides, default=0.0) / 2
    cap = LONGEST[len(shape)]
    return tuple(
        min(math.floor(far / step + 1e-9), n - 1, cap)
        for n, step in zip(shape, spacing, strict=True)
    )


def _lags(
    image: da.Array,
    zones: Zones,
    excluded: Sequence[da.Array],
    extent: Extent,
    reach: tuple[int, ...],
    task: Task,
) -> Floats:
    masks = ([] if zones.numbers is None else [zones.numbers]) + list(excluded)
    parts = reduce_blocks(
        lag_block,
        [array[extent.box] for array in (image, *masks)],
        halo=reach,
        arguments=(zones.numbers is not None, extent.number, extent.mean, reach),
        with_block=True,
        task=task,
        text="comparing pixels",
    )
    total = np.zeros(parts[0].shape)
    for part in parts:
        total += part
    return total


def _binned(sums: Floats, bins: LagBins) -> pd.DataFrame:
    """Return pairs, their mean distance, variogram and mean product by distance."""
    pairs, squares, products = sums.reshape(3, -1)
    kept = (bins.index >= 0) & (pairs > 0)
    index, distance = bins.index[kept], bins.distance[kept]
    every, *weighted = (
        np.bincount(index, values)
        for values in (
            pairs[kept],
            pairs[kept] * distance,
            squares[kept],
            products[kept],
        )
    )
    held = every > 0
    middle = (sums.shape[1] // 2, *(n // 2 for n in sums.shape[2:]))
    variance = float(sums[(2, *middle)] / sums[(0, *middle)])
    mean, square, product = (values[held] / every[held] for values in weighted)
    found = pd.DataFrame(
        {
            "bin": np.flatnonzero(held),
            "distance_um": mean,
            # Each pair is seen from both sides.
            "n_pairs": every[held] / 2,
            "variogram": square / 2,
            "product": product,
        }
    )
    found.attrs["variance"] = variance
    return found


def _rows(
    name: str, extent: Extent, binned: pd.DataFrame | None, law: Law
) -> tuple[pd.DataFrame, dict[str, Any]]:
    fit = VariogramFit(reason="fewer than two pixels were measured")
    columns = ["distance_um", "n_pairs", "variogram", "correlation", "fitted"]
    columns += [] if binned is None else [c for c in TESTED if c in binned]
    frame = pd.DataFrame(columns=columns, dtype=np.float64)
    variance = math.nan
    if binned is not None:
        variance = 0.0
    if binned is not None and extent.low == extent.high:
        fit = VariogramFit(reason="all values are equal")
    elif binned is not None:
        h, g, n = (
            binned[column].to_numpy(np.float64)
            for column in ("distance_um", "variogram", "n_pairs")
        )
        fit = fit_variogram(h, g, n, law)
        variance = binned.attrs["variance"]
        frame = binned.assign(correlation=binned["product"] / variance)
        partial = fit.sill - fit.nugget
        frame["fitted"] = (
            fit.nugget + partial * law_of(h, fit.range, law)
            if math.isfinite(fit.range)
            else math.nan
        )
        frame = frame[columns]
    frame.insert(0, "region", name)
    row = {
        "region": name,
        "n_pixels": extent.n,
        "n_not_measured": extent.missing,
        "variance": variance,
        "law": law,
        "nugget": fit.nugget,
        "sill": fit.sill,
        "range_um": fit.range,
        "nugget_share": fit.nugget / fit.sill if fit.sill else math.nan,
        "reason": fit.reason,
    }
    return frame, row


def _notes(law: str, width: float, test: bool) -> tuple[str, ...]:
    ends = "where it ends" if law == "spherical" else "where it reaches 95 %"
    tested = (
        "p: two-sided, by the normal approximation with the exact mean and variance of "
        "the correlation at each distance over random places of the values; p_holm: "
        "corrected for all distances of a region (Holm).",
    )
    return (
        *(tested if test else ()),
        f"Distances in bins of {width:.3g} µm, given as the mean of the pairs in them; "
        "all pairs of measured pixels of a region, without a correction at edges.",
        f"Law: {law}, weighted by pairs over its own square; range: {ends}.",
        "A trend over the region, and the blur of the instrument, lengthen the range.",
        "Pixels are not independent: compare animals, not pixels.",
    )
