"""What one pass over all spectra tells: totals, order, and where m/z lie."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.model import Spectra
from nanoscape.model.spectra import SpectrumSource, StoredPeaks, StoredSource
from nanoscape.msi import kernels
from nanoscape.msi.peaks import in_batches, kernel_arguments, peaks_of

_MAX_CELLS = 1024
_PEAKS_PER_CELL = 2
_TABLE_BYTES = 2**27


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over all spectra tells.

    Attributes
    ----------
    lengths, totals, squares
        Number of peaks, sums of the intensities and of their squares, by spectrum.
    rising
        Whether the m/z values are sorted, by spectrum.
    cells
        How many peaks of a spectrum lie in cells before this one, shape
        ``(cells + 1, spectra)``; no rows where spectra share their m/z values.
    origin, per_mz
        Lower edge of the first cell, and cells per unit of m/z.
    """

    lengths: NDArray[np.int64]
    totals: NDArray[np.float64]
    squares: NDArray[np.float64]
    rising: NDArray[np.bool_]
    cells: NDArray[Any]
    origin: float
    per_mz: float


_used: WeakSet[SpectrumSource] = WeakSet()
_known: WeakKeyDictionary[SpectrumSource, Survey] = WeakKeyDictionary()
_lock = Lock()


def known_survey(spectra: Spectra) -> Survey | None:
    """Return the survey of spectra, if it has been made in this process."""
    with _lock:
        return _known.get(spectra.source)


def count_use(spectra: Spectra, task: Task) -> None:
    """Make the survey when windows are asked for a second time.

    A single ion image is made sooner without it, all further ones with it.
    """
    with _lock:
        before = spectra.source in _used
        _used.add(spectra.source)
    if before:
        survey_of(spectra, task)


def survey_of(spectra: Spectra, task: Task) -> Survey:
    """Return the survey of spectra; it is made once and kept as long as they are.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    task
        Progress.
    """
    found = known_survey(spectra)
    if found is None:
        found = _make(spectra, task)
        with _lock:
            _known[spectra.source] = found
    return found


def _make(spectra: Spectra, task: Task) -> Survey:
    count = len(spectra)
    shape, dtype = _table_form(spectra)
    low, high = mz_range(spectra, task, ends=True) if shape[0] else (0.0, 0.0)
    cells = np.empty(shape, dtype)
    origin, per_mz = (
        (low, (len(cells) - 1) / (high - low)) if high > low else (0.0, 0.0)
    )
    totals, squares = np.empty(count), np.empty(count)
    rising, lengths = np.empty(count, bool), np.empty(count, np.int64)
    arguments = (len(cells), dtype, origin, per_mz)
    for which, part in in_batches(_survey, spectra.source, count, arguments, task):
        cells[:, which], rising[which], lengths[which] = part[:3]
        totals[which], squares[which] = part[3:]
    return Survey(lengths, totals, squares, rising, cells, origin, per_mz)


def share_mz(stored: StoredPeaks) -> bool:
    """Tell whether all spectra have the same m/z values, stored once."""
    offsets, lengths = stored.mz.offsets, stored.mz.lengths
    return bool((offsets == offsets[0]).all() and (lengths == lengths[0]).all())


def mz_range(
    spectra: Spectra, task: Task, *, ends: bool = False
) -> tuple[float, float]:
    """Return the smallest and largest m/z; the smallest is infinite without any.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    task
        Progress.
    ends
        Whether to look at the first and last m/z of each spectrum only, which are
        the smallest and largest of those that are sorted.
    """
    known = known_survey(spectra)
    ends = ends or (known is not None and bool(known.rising.all()))
    low, high = np.inf, -np.inf
    for _, (first, last) in in_batches(
        _range, spectra.source, len(spectra), (ends,), task
    ):
        low, high = min(low, first), max(high, last)
    return low, high


def _table_form(spectra: Spectra) -> tuple[tuple[int, int], np.dtype[Any]]:
    """Return shape and type of the table, as large as it is of use."""
    count = len(spectra)
    source = spectra.source
    stored = source.stored() if isinstance(source, StoredSource) else None
    # Spectra that must be decoded first are read whole, with or without a table.
    if stored is None or share_mz(stored):
        return (0, count), np.dtype(np.uint16)
    lengths = stored.mz.lengths
    dtype = np.dtype(np.uint16 if lengths.max() < 2**16 else np.uint32)
    useful = int(lengths.mean()) // _PEAKS_PER_CELL
    affordable = _TABLE_BYTES // (count * dtype.itemsize) - 1
    return (1 + max(1, min(_MAX_CELLS, useful, affordable)), count), dtype


def _range(
    source: SpectrumSource, start: int, stop: int, ends: bool
) -> tuple[float, float]:
    peaks = peaks_of(source, start, stop)
    like = np.empty(0, peaks.mz.dtype)
    low, high = kernels.mz_range(
        peaks.content, peaks.mz.offsets, peaks.mz.lengths, like, ends
    )
    return float(low), float(high)


def _survey(
    source: SpectrumSource,
    start: int,
    stop: int,
    rows: int,
    dtype: np.dtype[Any],
    origin: float,
    per_mz: float,
) -> tuple[NDArray[Any], ...]:
    count = stop - start
    cells = np.empty((count, rows), dtype)
    rising = np.empty(count, bool)
    totals, squares = np.empty(count), np.empty(count)
    peaks = peaks_of(source, start, stop)
    kernels.survey(
        *kernel_arguments(peaks),
        origin,
        per_mz,
        cells,
        rising,
        totals,
        squares,
    )
    return np.ascontiguousarray(cells.T), rising, peaks.mz.lengths, totals, squares
