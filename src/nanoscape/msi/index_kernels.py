"""Compiled loops of the index: sorting peaks by m/z, and finding them again.

The bits of positive numbers in double precision, read as whole numbers, have the
order of the numbers. Peaks are sorted by them, and those with the same upper 24 bits
form a group: of each peak only the lower 40 bits are stored.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.msi.kernels import Bytes, Whole, is_sorted

Bits = NDArray[np.uint64]

LOWER_BITS = 40
_DIGIT = 11


@numba.njit(nogil=True, cache=True)
def find_sorted(
    content: Bytes,
    mz_offsets: Whole,
    lengths: Whole,
    mz_like: NDArray[Any],
    usable: NDArray[np.bool_],
) -> None:
    """Fill ``usable`` with whether the m/z of a spectrum rise, from above zero."""
    for i in range(lengths.size):
        at, size = mz_offsets[i], lengths[i]
        mzs = content[at : at + size * mz_like.itemsize].view(mz_like.dtype)
        usable[i] = size == 0 or (mzs[0] > 0 and is_sorted(mzs))


@numba.njit(nogil=True, cache=True)
def gather(
    content: Bytes,
    mz_offsets: Whole,
    value_offsets: Whole,
    lengths: Whole,
    mz_like: NDArray[Any],
    value_like: NDArray[Any],
    usable: NDArray[np.bool_],
    mzs_out: NDArray[np.float64],
    values_out: NDArray[Any],
    numbers_out: NDArray[np.uint16],
) -> None:
    """Lay the peaks of the usable spectra one after another.

    Parameters
    ----------
    content, mz_offsets, value_offsets, lengths, mz_like, value_like
        Where the peaks lie, as for :func:`nanoscape.msi.kernels.window_values`.
    usable
        Which spectra to take.
    mzs_out, values_out, numbers_out
        Filled: m/z, intensity and number of the spectrum, by peak.
    """
    k = 0
    for i in range(lengths.size):
        if not usable[i]:
            continue
        at, size = mz_offsets[i], lengths[i]
        mzs = content[at : at + size * mz_like.itemsize].view(mz_like.dtype)
        at = value_offsets[i]
        values = content[at : at + size * value_like.itemsize].view(value_like.dtype)
        for j in range(size):
            mzs_out[k] = mzs[j]
            values_out[k] = values[j]
            numbers_out[k] = i
            k += 1


@numba.njit(nogil=True, cache=True)
def sorting_order(bits: Bits) -> NDArray[np.uint32]:
    """Sort numbers in place; return where each one was. Equal ones keep their order.

    Digit by digit from the last, which takes the same time whatever the numbers are.
    """
    size = bits.size
    order = np.empty(size, np.uint32)
    for i in range(size):
        order[i] = i
    from_bits, from_order = bits, order
    to_bits, to_order = np.empty_like(bits), np.empty_like(order)
    mask = np.uint64((1 << _DIGIT) - 1)
    for shift in range(0, 64, _DIGIT):
        places = np.zeros((1 << _DIGIT) + 1, np.int64)
        for i in range(size):
            places[((from_bits[i] >> np.uint64(shift)) & mask) + np.uint64(1)] += 1
        if places.max() == size:
            continue
        for digit in range(1, places.size):
            places[digit] += places[digit - 1]
        for i in range(size):
            digit = (from_bits[i] >> np.uint64(shift)) & mask
            place = places[digit]
            places[digit] = place + 1
            to_bits[place] = from_bits[i]
            to_order[place] = from_order[i]
        from_bits, to_bits = to_bits, from_bits
        from_order, to_order = to_order, from_order
    bits[:] = from_bits
    return from_order


@numba.njit(nogil=True, cache=True)
def split(
    bits: Bits, middle: NDArray[np.uint32], low: NDArray[np.uint8]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Fill the lower bits of sorted numbers; return the groups and where they start."""
    shift = np.uint64(LOWER_BITS)
    count = 0
    for i in range(bits.size):
        middle[i] = (bits[i] >> np.uint64(8)) & np.uint64(0xFFFFFFFF)
        low[i] = bits[i] & np.uint64(0xFF)
        count += i == 0 or bits[i] >> shift != bits[i - 1] >> shift
    groups, starts = np.empty(count, np.uint32), np.empty(count, np.uint32)
    count = 0
    for i in range(bits.size):
        if i == 0 or bits[i] >> shift != bits[i - 1] >> shift:
            groups[count], starts[count] = bits[i] >> shift, i
            count += 1
    return groups, starts


@numba.njit(nogil=True, cache=True)
def _first_from(
    wanted: np.uint64,
    groups: NDArray[np.uint32],
    group_starts: NDArray[np.uint32],
    middle: NDArray[np.uint32],
    low: NDArray[np.uint8],
) -> int:
    """Return the first peak whose bits are not below some."""
    group = wanted >> np.uint64(LOWER_BITS)
    before, after = 0, groups.size
    while before < after:
        half = (before + after) // 2
        if np.uint64(groups[half]) < group:
            before = half + 1
        else:
            after = half
    if before == groups.size:
        return middle.size
    start = int(group_starts[before])
    if np.uint64(groups[before]) > group:
        return start
    last = before + 1 == groups.size
    stop = middle.size if last else int(group_starts[before + 1])
    rest = wanted & np.uint64((1 << LOWER_BITS) - 1)
    while start < stop:
        half = (start + stop) // 2
        if (np.uint64(middle[half]) << np.uint64(8)) | np.uint64(low[half]) < rest:
            start = half + 1
        else:
            stop = half
    return start


@numba.njit(nogil=True, cache=True)
def sorted_window_values(
    groups: NDArray[np.uint32],
    group_starts: NDArray[np.uint32],
    middle: NDArray[np.uint32],
    low: NDArray[np.uint8],
    values: NDArray[Any],
    numbers: NDArray[np.uint16],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
    highest: bool,
    first: int,
    out: NDArray[np.float64],
) -> None:
    """Add sorted peaks to ``out[w, i]``, or take the highest, as the file would give.

    The peaks of one spectrum come in the order in which it holds them, so that sums
    are rounded in the same way.

    Parameters
    ----------
    groups, group_starts
        Upper 24 bits of the m/z of each group, and its first peak.
    middle, low
        Lower bits, 32 and 8, by peak.
    values, numbers
        Intensity and number of the spectrum in this run, by peak.
    lows, highs, highest
        As for :func:`nanoscape.msi.kernels.window_values`.
    first
        Number of the first spectrum of the run among all.
    out
        Results, zero before.
    """
    seen = np.zeros(1 << 16 if highest else 0, np.bool_)
    low_bits, high_bits = lows.view(np.uint64), highs.view(np.uint64)
    for w in range(lows.size):
        if not highs[w] > 0:
            continue
        start = 0
        if lows[w] > 0:
            start = _first_from(low_bits[w], groups, group_starts, middle, low)
        after = high_bits[w] + np.uint64(1)
        stop = _first_from(after, groups, group_starts, middle, low)
        if not highest:
            for j in range(start, stop):
                out[w, first + numbers[j]] += np.float64(values[j])
            continue
        for j in range(start, stop):
            number = numbers[j]
            value = np.float64(values[j])
            best = out[w, first + number]
            if not seen[number] or value > best or value != value:
                out[w, first + number] = value
            seen[number] = True
        for j in range(start, stop):
            seen[numbers[j]] = False
