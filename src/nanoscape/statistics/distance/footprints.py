"""Counting the drug by distance where its pixels are coarser than the vessels'.

For each pixel of the drug the distances of all places in it are counted, so that
a law can be averaged over the pixel before it is compared with the drug.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from nanoscape.compute import Block, Task, reduce_blocks
from nanoscape.compute.resample import nearest_pixel
from nanoscape.statistics.distance.binning import (
    BASES_UM,
    Binning,
    Cells,
    DistanceSums,
    Floats,
    reach_of,
)
from nanoscape.statistics.distance.fine_sums import Plan, summarised, weighted, zones_of

LARGEST_DRUG = 2**22
"""Pixels of a drug image up to which their footprints are kept."""

_USABLE = 0.75
_TILE_UM = 250.0
_TILES_PER_AXIS = 5

# Columns of the counts, after the fine bins.
_BEYOND, _LUMEN, _LEFT_OUT, _NO_TISSUE, _EXTRA = 0, 1, 2, 3, 4


@dataclass(frozen=True, eq=False)
class DrugGrid:
    """The drug's own pixels.

    Attributes
    ----------
    values
        The drug, NaN where it was not measured; in memory.
    from_vessels
        Matrix from indices of the vessels' grid to those of the drug's.
    spacing
        Distance of pixel centres in µm, by axis.
    error
        Expected error of the registration in µm, 0 when it is not known.
    pixels_per_sample
        How many pixels of the vessels' grid lie in one of the drug.
    """

    values: Floats
    from_vessels: Floats
    spacing: tuple[float, ...]
    error: float
    pixels_per_sample: float


def count_footprints(
    distance: da.Array,
    drug: DrugGrid,
    masks: Sequence[da.Array],
    plan: Plan,
    task: Task,
) -> DistanceSums:
    """Count the drug by distance, one sample for each of its own pixels.

    Only pixels are used of which at least three quarters lie in the tissue, are
    not excluded, and know their distance. Places inside a vessel count as wall.
    """
    shape = drug.values.shape
    parts = reduce_blocks(
        _footprint_block,
        [distance, *masks],
        arguments=(drug.from_vessels, shape, plan),
        with_block=True,
        task=task,
        text="measuring the drug by distance",
    )
    b = plan.binning
    counts = _merged(parts, int(np.prod(shape)), b)
    far = np.sum([part.distance for part in parts], axis=0)
    ended, cut = (
        np.sum([getattr(p, n) for p in parts], axis=0) for n in ("ended", "cut")
    )
    inside = _columns_sum(counts, [*range(b.fine), b.fine + _LUMEN])
    usable = inside >= _USABLE * drug.pixels_per_sample
    y = drug.values.ravel()
    used = usable & np.isfinite(y)
    sums = _bin_sums(counts, np.where(used, y, 0.0), used, far, plan)
    moments = _FootprintMoments(counts, used, y, _distances(counts, far, b), drug)
    return DistanceSums(
        reach=reach_of(ended, cut, b.parts),
        missing=int((usable & ~np.isfinite(y)).sum()),
        censored=float(cut.sum() / max(1, ended.sum() + cut.sum())),
        moments=moments,
        cells=_cells(counts, moments, used, y, shape, b),
        **sums,
    )


@dataclass(frozen=True, eq=False)
class _FootprintPart:
    keys: NDArray[np.int64]
    counts: NDArray[np.int64]
    distance: Floats
    ended: NDArray[np.int64]
    cut: NDArray[np.int64]


def _footprint_block(
    block: Block, distance: NDArray[np.float32], *rest: Any
) -> _FootprintPart:
    *masks, matrix, shape, plan = rest
    zones = zones_of(block, distance, masks, plan)
    b = plan.binning
    column = b.index(distance)
    column = np.where(zones.open & ~zones.outside, b.fine + _LUMEN, column)
    column = np.where(zones.censored | ~zones.open, b.fine + _LEFT_OUT, column)
    column = np.where(~zones.tissue, b.fine + _NO_TISSUE, column)
    sample = nearest_pixel(block.core, matrix, shape)
    hit = sample >= 0
    width = b.fine + _EXTRA
    keys, counts = np.unique(sample[hit] * width + column[hit], return_counts=True)
    far = weighted(column[hit], distance[hit].astype(np.float64), width)
    return _FootprintPart(keys, counts, far, zones.ended, zones.cut)


def _merged(
    parts: Sequence[_FootprintPart], samples: int, b: Binning
) -> sparse.csr_matrix:
    width = b.fine + _EXTRA
    keys = np.concatenate([part.keys for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    table = sparse.coo_matrix(
        (counts, (keys // width, keys % width)), shape=(samples, width)
    ).tocsr()
    # The order of the sums within a row must not depend on how they came.
    table.sum_duplicates()
    return table


def _columns_sum(counts: sparse.csr_matrix, columns: Sequence[int]) -> Floats:
    chosen = np.zeros(counts.shape[1])
    chosen[list(columns)] = 1.0
    return np.asarray(counts @ chosen, np.float64)


def _distances(counts: sparse.csr_matrix, far: Floats, b: Binning) -> Floats:
    """Return the mean distance of each column in µm; 0 inside vessels."""
    number = np.asarray(counts.sum(axis=0), np.float64).ravel()
    middle = np.divide(far, number, out=np.zeros(len(far)), where=number > 0)
    middle[b.fine + _LUMEN] = 0.0
    return middle


def _bin_sums(
    counts: sparse.csr_matrix,
    y: Floats,
    used: NDArray[np.bool_],
    far: Floats,
    plan: Plan,
) -> dict[str, Any]:
    b = plan.binning
    first_bin = int(np.ceil(plan.nearest / b.width - 1e-9))
    group = np.full(counts.shape[1], b.count)
    group[: b.fine] = np.arange(b.fine) // b.parts
    group[group < first_bin] = b.count
    to_bins = sparse.csr_matrix(
        (np.ones(len(group), np.int64), (np.arange(len(group)), group)),
        shape=(len(group), b.count + 1),
    )
    by_bin = (counts[used] @ to_bins).tocsc()[:, : b.count]
    values = y[used]
    n = np.asarray(by_bin.sum(axis=0), np.int64).ravel()
    everywhere = np.asarray((counts @ to_bins).sum(axis=0), np.float64).ravel()[
        : b.count
    ]
    total = np.bincount(group, far, b.count + 1)[: b.count]
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = total / everywhere * n
    return {
        "pixels": n,
        "samples": np.diff(by_bin.indptr).astype(np.float64),
        "quartiles": _quartiles(by_bin, values),
        **summarised(n, by_bin.T @ values, by_bin.T @ values**2, distance),
    }


def _quartiles(by_bin: sparse.csc_matrix, values: Floats) -> Floats:
    found = np.full((by_bin.shape[1], 3), np.nan)
    for number in range(by_bin.shape[1]):
        part = slice(by_bin.indptr[number], by_bin.indptr[number + 1])
        if part.stop == part.start:
            continue
        here, weight = values[by_bin.indices[part]], by_bin.data[part]
        order = np.argsort(here, kind="stable")
        cumulative = np.cumsum(weight[order])
        ranks = np.array([0.25, 0.5, 0.75]) * cumulative[-1]
        found[number] = here[order[np.searchsorted(cumulative, ranks)]]
    return found


class _FootprintMoments:
    """Sums over tiles of the law averaged over footprints; see :data:`Moments`."""

    def __init__(
        self,
        counts: sparse.csr_matrix,
        used: NDArray[np.bool_],
        y: Floats,
        distances: Floats,
        drug: DrugGrid,
    ) -> None:
        width = counts.shape[1] - _EXTRA
        self._law = np.zeros(counts.shape[1], bool)
        self._law[: width + _LUMEN + 1] = True
        self._counts = counts
        self._number = _columns_sum(counts, np.flatnonzero(self._law).tolist())
        self._distances = distances
        self._used = used
        self._shape = drug.values.shape
        axes = len(self._shape)
        self._sigma = [drug.error / np.sqrt(axes) / step for step in drug.spacing]
        self._tile = _tiles(self._shape, drug.spacing)[used]
        self._y = y[used]

    def average(self, length: float) -> Floats:
        """Return the law averaged over every pixel of the drug."""
        law = np.where(self._law, np.exp(-self._distances / length), 0.0)
        total, number = self._counts @ law, self._number
        if max(self._sigma) > 0:
            total, number = (
                _blurred(part.reshape(self._shape), self._sigma).ravel()
                for part in (total, number)
            )
        return np.divide(total, number, out=np.zeros(len(total)), where=number > 0)

    def __call__(self, length: float) -> Floats:
        g, y = self.average(length)[self._used], self._y
        count = int(self._tile.max(initial=0)) + 1
        columns = [np.ones(len(y)), g, g * g, y, g * y, y * y]
        sums = [weighted(self._tile, column, count) for column in columns]
        table = np.stack(sums, axis=1)
        return table[table[:, 0] > 0]


def _blurred(image: Floats, sigma: Sequence[float]) -> Floats:
    """Average over the error of the registration, in pixels by axis."""
    for axis, width in enumerate(sigma):
        if width <= 0 or image.shape[axis] == 1:
            continue
        # Samples of a narrow Gaussian have too small a variance: three values
        # with the right one stand for it.
        side = width**2 / 2
        if width < 0.7:
            kernel = np.array([side, 1 - 2 * side, side])
            image = ndimage.convolve1d(image, kernel, axis=axis, mode="constant")
        else:
            image = ndimage.gaussian_filter1d(image, width, axis=axis, mode="constant")
    return image


def _tiles(shape: Sequence[int], spacing: Sequence[float]) -> NDArray[np.int64]:
    """Return the number of the tile in which each pixel of the drug lies."""
    number = np.zeros(tuple(shape), np.int64)
    for axis, (length, step) in enumerate(zip(shape, spacing, strict=True)):
        edge = max(2, round(min(_TILE_UM, length * step / _TILES_PER_AXIS) / step))
        view = [1] * len(shape)
        view[axis] = length
        number = number * -(-length // edge) + (np.arange(length) // edge).reshape(view)
    return number.ravel()


def _cells(
    counts: sparse.csr_matrix,
    moments: _FootprintMoments,
    used: NDArray[np.bool_],
    y: Floats,
    shape: tuple[int, ...],
    b: Binning,
) -> Cells:
    every = _columns_sum(counts, range(counts.shape[1]))
    without = _columns_sum(counts, [b.fine + _NO_TISSUE])
    return Cells(
        drug=np.where(used, y, 0.0).reshape(shape),
        shapes=tuple(
            np.where(used, moments.average(base), 0.0).reshape(shape)
            for base in BASES_UM
        ),
        used=used.reshape(shape),
        tissue=((every > 0) & (without < 0.5 * every)).reshape(shape),
    )
