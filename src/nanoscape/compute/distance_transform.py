"""Exact Euclidean distances over images of any size.

The squared distance separates by axis: one pass along each axis over whole
pencils of pixels gives the exact result, whatever the distance (Felzenszwalb and
Huttenlocher 2012, doi:10.4086/toc.2012.v008a019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask.array as da
import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.blocks import map_reduce_blocks
from nanoscape.compute.task import Task
from nanoscape.errors import CannotCompute

_PENCIL_PIXELS = 2**22
_PENCIL_WIDTH = 512


def distance_transform(
    seeds: da.Array, spacing: Sequence[float], *, task: Task | None = None
) -> da.Array:
    """Return the distance of each pixel's centre to the nearest seed's centre.

    Parameters
    ----------
    seeds
        Lazy mask, two- or three-dimensional.
    spacing
        Distance of pixel centres in µm along each axis.
    task
        Progress.

    Returns
    -------
    dask.array.Array
        Distances in µm, float32, zero on the seeds, finished. They are computed
        in float64 and rounded once.

    Raises
    ------
    CannotCompute
        If there are no seeds.
    """
    parts = (task or Task()).split(*[1.0] * seeds.ndim)
    squared = seeds
    for order, axis in enumerate(reversed(range(seeds.ndim))):
        last = order == seeds.ndim - 1
        squared, seen = map_reduce_blocks(
            _first_pass if order == 0 else _further_pass,
            [squared],
            dtype=np.float32 if last else np.float64,
            arguments=(axis, float(spacing[axis]), last),
            block_shape=_pencils(seeds.shape, axis),
            task=parts[order],
            text="measuring distances",
        )
        if order == 0 and not any(seen):
            raise CannotCompute(
                "there is nothing to measure the distance from",
                "at least one marked pixel",
            )
    return squared


def _pencils(shape: Sequence[int], axis: int) -> tuple[int, ...]:
    """Return blocks that span one axis and hold a bounded number of pixels."""
    others = len(shape) - 1
    room = max(1, _PENCIL_PIXELS // int(shape[axis]))
    width = max(1, min(_PENCIL_WIDTH, int(room ** (1 / others)))) if others else 1
    return tuple(int(n) if i == axis else width for i, n in enumerate(shape))


def _first_pass(
    seeds: NDArray[Any], axis: int, step: float, last: bool
) -> tuple[NDArray[Any], bool]:
    rows = np.ascontiguousarray(np.moveaxis(seeds != 0, axis, -1))
    flat = rows.reshape(-1, rows.shape[-1])
    squared = _nearest_along(flat, step).reshape(rows.shape)
    return _finish(squared, axis, last), bool(flat.any())


def _further_pass(
    squared: NDArray[np.float64], axis: int, step: float, last: bool
) -> tuple[NDArray[Any], None]:
    rows = np.ascontiguousarray(np.moveaxis(squared, axis, -1))
    flat = rows.reshape(-1, rows.shape[-1])
    result = _lower_envelope(flat, step).reshape(rows.shape)
    return _finish(result, axis, last), None


def _finish(squared: NDArray[np.float64], axis: int, last: bool) -> NDArray[Any]:
    values: NDArray[Any] = np.sqrt(squared).astype(np.float32) if last else squared
    return np.moveaxis(values, -1, axis)


@numba.njit(nogil=True, cache=True)
def _nearest_along(
    seeds: NDArray[np.bool_], step: float
) -> NDArray[np.float64]:  # pragma: no cover -- compiled
    rows, n = seeds.shape
    result = np.empty((rows, n), np.float64)
    for r in range(rows):
        last = -1
        for i in range(n):
            if seeds[r, i]:
                last = i
            result[r, i] = np.inf if last < 0 else ((i - last) * step) ** 2
        last = -1
        for i in range(n - 1, -1, -1):
            if seeds[r, i]:
                last = i
            if last >= 0:
                result[r, i] = min(result[r, i], ((last - i) * step) ** 2)
    return result


@numba.njit(nogil=True, cache=True)
def _lower_envelope(
    squared: NDArray[np.float64], step: float
) -> NDArray[np.float64]:  # pragma: no cover -- compiled
    rows, n = squared.shape
    result = np.empty((rows, n), np.float64)
    place = np.empty(n, np.int64)
    start = np.empty(n + 1, np.float64)
    for r in range(rows):
        f = squared[r]
        k = -1
        for q in range(n):
            if not np.isfinite(f[q]):
                continue
            s = -np.inf
            while k >= 0:
                p = place[k]
                # Where the parabolas over p and q cross, in steps.
                s = ((f[q] - f[p]) / (step * step) + float(q * q) - float(p * p)) / (
                    2.0 * (q - p)
                )
                if s > start[k]:
                    break
                k -= 1
            if k < 0:
                s = -np.inf
            k += 1
            place[k] = q
            start[k] = s
            start[k + 1] = np.inf
        if k < 0:
            result[r, :] = np.inf
            continue
        j = 0
        for i in range(n):
            while start[j + 1] < i:
                j += 1
            d = (i - place[j]) * step
            result[r, i] = f[place[j]] + d * d
    return result
