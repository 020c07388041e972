"""Compiled loops over the peaks of many spectra.

The arrays of spectra lie one after another as bytes, those of eight bytes at any
multiple of four. Loops read them as views; the processors that numba compiles for
load single numbers from any place. ``like`` arguments only carry a type.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def is_sorted(mzs: NDArray[Any]) -> bool:
    """Tell whether values do not fall and are numbers."""
    rising = True
    for i in range(1, mzs.size):
        rising &= mzs[i - 1] <= mzs[i]
    # A single NaN compares with nothing.
    return rising and (mzs.size == 0 or mzs[0] == mzs[0])


@numba.njit(nogil=True, cache=True)
def _first_from(mzs: NDArray[Any], low: float, start: int, stop: int) -> int:
    """Return the first of the sorted values, from start to stop, not below low."""
    while start < stop:
        middle = (start + stop) // 2
        if np.float64(mzs[middle]) < low:
            start = middle + 1
        else:
            stop = middle
    return start


@numba.njit(nogil=True, cache=True)
def _taken(so_far: float, value: float, highest: bool, first: bool) -> float:
    if not highest:
        return so_far + value
    if first or value > so_far or value != value:
        return value
    return so_far


@numba.njit(nogil=True, cache=True)
def _scan_all(
    mzs: NDArray[Any], values: NDArray[Any], low: float, high: float, highest: bool
) -> float:
    result = 0.0
    first = True
    for i in range(mzs.size):
        mz = np.float64(mzs[i])
        if mz >= low and mz <= high:
            result = _taken(result, np.float64(values[i]), highest, first)
            first = False
    return result


@numba.njit(nogil=True, cache=True)
def _scan_from(
    mzs: NDArray[Any],
    values: NDArray[Any],
    start: int,
    high: float,
    highest: bool,
) -> float:
    result = 0.0
    i = start
    while i < mzs.size and np.float64(mzs[i]) <= high:
        result = _taken(result, np.float64(values[i]), highest, i == start)
        i += 1
    return result


@numba.njit(nogil=True, cache=True)
def window_values(
    content: Bytes,
    mz_offsets: Whole,
    value_offsets: Whole,
    lengths: Whole,
    mz_like: NDArray[Any],
    value_like: NDArray[Any],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
    highest: bool,
    out: NDArray[np.float64],
) -> None:
    """Fill ``out[w, i]`` with the intensity of spectrum ``i`` in window ``w``.

    Parameters
    ----------
    content, mz_offsets, value_offsets, lengths
        Where the peaks lie.
    mz_like, value_like
        Arrays of the types of m/z and intensity.
    lows, highs
        Ends of the windows, both included.
    highest
        Whether the highest intensity is taken instead of the sum.
    out
        Results.
    """
    starts = np.zeros(lows.size, np.int64)
    rising = False
    for i in range(lengths.size):
        at, size = mz_offsets[i], lengths[i]
        mzs = content[at : at + size * mz_like.itemsize].view(mz_like.dtype)
        at = value_offsets[i]
        values = content[at : at + size * value_like.itemsize].view(value_like.dtype)
        # Spectra that share their m/z values share the places of the windows.
        shared = i > 0 and mz_offsets[i] == mz_offsets[i - 1]
        if not (shared and size == lengths[i - 1]):
            rising = is_sorted(mzs)
            if rising:
                for w in range(lows.size):
                    starts[w] = _first_from(mzs, lows[w], 0, size)
        for w in range(lows.size):
            if rising:
                out[w, i] = _scan_from(mzs, values, starts[w], highs[w], highest)
            else:
                out[w, i] = _scan_all(mzs, values, lows[w], highs[w], highest)


@numba.njit(nogil=True, cache=True)
def indexed_window_values(
    content: Bytes,
    mz_offsets: Whole,
    value_offsets: Whole,
    lengths: Whole,
    mz_like: NDArray[Any],
    value_like: NDArray[Any],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
    highest: bool,
    out: NDArray[np.float64],
    rising: NDArray[np.bool_],
    cells: NDArray[Any],
    first: int,
    origin: float,
    per_mz: float,
) -> None:
    """Do what :func:`window_values` does, with a table of places.

    Parameters
    ----------
    content, mz_offsets, value_offsets, lengths, mz_like, value_like
        As there.
    lows, highs, highest, out
        As there.
    rising
        Whether the m/z values of a spectrum are sorted.
    cells, first
        Table of :func:`survey` for all spectra, and which of them is the first here.
    origin, per_mz
        Grid of the cells along m/z.
    """
    last = cells.shape[0] - 2
    wanted = np.empty(lows.size, np.int64)
    for w in range(lows.size):
        wanted[w] = cell_of(lows[w], origin, per_mz, last)
    for i in range(lengths.size):
        at, size = mz_offsets[i], lengths[i]
        mzs = content[at : at + size * mz_like.itemsize].view(mz_like.dtype)
        at = value_offsets[i]
        values = content[at : at + size * value_like.itemsize].view(value_like.dtype)
        for w in range(lows.size):
            if rising[i]:
                before = np.int64(cells[wanted[w], first + i])
                after = np.int64(cells[wanted[w] + 1, first + i])
                start = _first_from(mzs, lows[w], before, after)
                out[w, i] = _scan_from(mzs, values, start, highs[w], highest)
            else:
                out[w, i] = _scan_all(mzs, values, lows[w], highs[w], highest)


@numba.njit(nogil=True, cache=True)
def cell_of(mz: float, origin: float, per_mz: float, last: int) -> int:
    """Return the cell of an m/z; never falls where m/z rises."""
    place = (mz - origin) * per_mz
    if not place > 0:
        return 0
    return last if place >= last else int(place)


@numba.njit(nogil=True, cache=True)
def mz_range(
    content: Bytes,
    mz_offsets: Whole,
    lengths: Whole,
    mz_like: NDArray[Any],
    ends: bool,
) -> tuple[float, float]:
    """Return the smallest and largest finite m/z of many spectra, or of their ends."""
    low, high = np.inf, -np.inf
    for i in range(lengths.size):
        at, size = mz_offsets[i], lengths[i]
        if i > 0 and at == mz_offsets[i - 1] and size == lengths[i - 1]:
            continue
        mzs = content[at : at + size * mz_like.itemsize].view(mz_like.dtype)
        for j in range(0, size, max(1, size - 1) if ends else 1):
            mz = np.float64(mzs[j])
            if mz < low and mz > -np.inf:
                low = mz
            if mz > high and mz < np.inf:
                high = mz
    return low, high


@numba.njit(nogil=True, cache=True)
def survey(
    content: Bytes,
    mz_offsets: Whole,
    value_offsets: Whole,
    lengths: Whole,
    mz_like: NDArray[Any],
    value_like: NDArray[Any],
    origin: float,
    per_mz: float,
    cells: NDArray[Any],
    rising: NDArray[np.bool_],
    totals: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Go once through many spectra.

    Parameters
    ----------
    content, mz_offsets, value_offsets, lengths, mz_like, value_like
        Where the peaks lie, as for :func:`window_values`.
    origin, per_mz
        Grid of the cells along m/z.
    cells
        Filled, one column for each cell and one more: how many peaks of a sorted
        spectrum lie in cells before. With no columns there is no table.
    rising
        Filled: whether the m/z values are sorted.
    totals, squares
        Filled: sums of the intensities and of their squares.
    """
    last = cells.shape[1] - 2
    for i in range(lengths.size):
        at, size = mz_offsets[i], lengths[i]
        mzs = content[at : at + size * mz_like.itemsize].view(mz_like.dtype)
        at = value_offsets[i]
        values = content[at : at + size * value_like.itemsize].view(value_like.dtype)
        total, square = 0.0, 0.0
        for j in range(size):
            value = np.float64(values[j])
            total += value
            square += value * value
        totals[i], squares[i] = total, square
        shared = i > 0 and mz_offsets[i] == mz_offsets[i - 1]
        if shared and size == lengths[i - 1]:
            rising[i] = rising[i - 1]
        else:
            rising[i] = is_sorted(mzs)
        if cells.shape[1] == 0 or not rising[i]:
            continue
        filled = 0
        for j in range(size):
            cell = cell_of(np.float64(mzs[j]), origin, per_mz, last)
            while filled <= cell:
                cells[i, filled] = j
                filled += 1
        while filled < cells.shape[1]:
            cells[i, filled] = size
            filled += 1


@numba.njit(nogil=True, cache=True)
def middle_values(
    content: Bytes,
    value_offsets: Whole,
    lengths: Whole,
    value_like: NDArray[Any],
    out: NDArray[np.float64],
) -> None:
    """Fill ``out`` with the median of the intensities above zero, or NaN."""
    for i in range(lengths.size):
        at = value_offsets[i]
        values = content[at : at + lengths[i] * value_like.itemsize].view(
            value_like.dtype
        )
        above = np.empty(values.size, np.float64)
        count = 0
        for value in values:
            if value > 0:
                above[count] = value
                count += 1
        out[i] = np.median(above[:count]) if count else np.nan


@numba.njit(nogil=True, cache=True)
def add_to_bins(
    content: Bytes,
    mz_offsets: Whole,
    value_offsets: Whole,
    lengths: Whole,
    mz_like: NDArray[Any],
    value_like: NDArray[Any],
    origin: float,
    per_mz: float,
    sums: NDArray[np.float64],
    highest: NDArray[np.float64],
) -> None:
    """Add all peaks to equal bins along m/z.

    Parameters
    ----------
    content, mz_offsets, value_offsets, lengths, mz_like, value_like
        Where the peaks lie, as for :func:`window_values`.
    origin, per_mz
        Lower edge of the first bin, and bins per unit of m/z; peaks outside are
        left out.
    sums, highest
        Sum of the intensities and the highest one; added to.
    """
    for i in range(lengths.size):
        at, size = mz_offsets[i], lengths[i]
        mzs = content[at : at + size * mz_like.itemsize].view(mz_like.dtype)
        at = value_offsets[i]
        values = content[at : at + size * value_like.itemsize].view(value_like.dtype)
        for j in range(size):
            place = (np.float64(mzs[j]) - origin) * per_mz
            if place >= 0 and place < sums.size:
                k = np.int64(place)
                value = np.float64(values[j])
                sums[k] += value
                highest[k] = value if value > highest[k] else highest[k]


@numba.njit(nogil=True, cache=True)
def add_in_place(
    content: Bytes,
    value_offsets: Whole,
    lengths: Whole,
    value_like: NDArray[Any],
    sums: NDArray[np.float64],
    highest: NDArray[np.float64],
) -> None:
    """Add spectra that share their m/z values, value by value.

    Parameters
    ----------
    content, value_offsets, lengths, value_like
        Where the intensities lie.
    sums, highest
        Sum of the intensities and the highest one; added to.
    """
    for i in range(lengths.size):
        at = value_offsets[i]
        values = content[at : at + lengths[i] * value_like.itemsize].view(
            value_like.dtype
        )
        for j in range(values.size):
            value = np.float64(values[j])
            sums[j] += value
            highest[j] = value if value > highest[j] else highest[j]
