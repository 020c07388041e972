"""The peaks of all spectra sorted by m/z, in the user's cache.

Spectra are taken in runs of some million peaks, each sorted by itself. So the file is
read once from its start to its end, memory is bounded by the runs in work, a run that
is finished serves at once and is not made again, and each spectrum lies in one run.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.cache import cache_folder, mark_used
from nanoscape.model import Spectra
from nanoscape.model.spectra import KeyedSource, SpectrumSource
from nanoscape.msi import index_kernels
from nanoscape.msi.index_files import SortedRun, open_run, run_folder

RUN_PEAKS = 2**22
"""Peaks of a run, at most; a spectrum with more makes a run by itself."""

_LAYOUT = 1
_MAX_SPECTRA = 2**16
_FEW_RUNS = 64
_READERS = 16


@dataclass(eq=False)
class SortedIndex:
    """The runs of an index that are there.

    Attributes
    ----------
    folder
        Where they are kept.
    bounds
        First spectrum of each run, and the number of spectra.
    runs
        The runs that have been opened, by number.
    """

    folder: Path
    bounds: NDArray[np.int64]
    runs: dict[int, SortedRun]

    @property
    def complete(self) -> bool:
        """Whether all runs are there."""
        return len(self.runs) == len(self.bounds) - 1

    def look_again(self) -> None:
        """Open runs that have been made meanwhile."""
        for number in range(len(self.bounds) - 1):
            if number in self.runs:
                continue
            run = open_run(run_folder(self.folder, number))
            extent = tuple(self.bounds[number : number + 2])
            if run is not None and (run.start, run.stop) == extent:
                self.runs[number] = run

    def window_values(
        self,
        windows: tuple[NDArray[np.float64], NDArray[np.float64]],
        highest: bool,
        out: NDArray[np.float64],
    ) -> list[tuple[int, int]]:
        """Fill what the index knows.

        Parameters
        ----------
        windows
            Lower and upper ends, both included.
        highest
            Whether the highest intensity is taken instead of the sum.
        out
            Results of shape ``(windows, spectra)``, zero before.

        Returns
        -------
        unknown
            First and last + 1 of the spectra that are to be read from the file.
        """
        runs = dict(self.runs)

        def fill(run: SortedRun) -> None:
            index_kernels.sorted_window_values(
                *run.arrays, *windows, highest, run.start, out
            )

        if len(runs) <= _FEW_RUNS:
            for run in runs.values():
                fill(run)
        else:
            # Most of the time is waiting for the disk, and runs share no pixel.
            with ThreadPoolExecutor(_READERS) as pool:
                list(pool.map(fill, runs.values()))
        unknown: list[tuple[int, int]] = []
        for number, start in enumerate(self.bounds[:-1].tolist()):
            if number in runs:
                unknown += _stretches(runs[number].apart)
            else:
                unknown.append((start, int(self.bounds[number + 1])))
        return unknown


_known: WeakKeyDictionary[SpectrumSource, SortedIndex] = WeakKeyDictionary()
_lock = Lock()


def known_index(spectra: Spectra) -> SortedIndex | None:
    """Return the index of spectra, as far as it has been made; ``None`` without any.

    Raises
    ------
    UnreadableFile
        If the file has changed since it was opened.
    """
    source = spectra.source
    if not isinstance(source, KeyedSource):
        return None
    key = source.key()
    with _lock:
        found = _known.get(source)
    if found is None:
        folder = index_folder(key)
        if not folder.is_dir():
            return None
        found = SortedIndex(folder, run_bounds(source.peak_counts()), {})
        mark_used(folder)
        with _lock:
            _known[source] = found
    if not found.complete:
        found.look_again()
    return found if found.runs else None


def keep_index(spectra: Spectra, index: SortedIndex) -> None:
    """Let the ion images of spectra be made from an index."""
    mark_used(index.folder)
    with _lock:
        _known[spectra.source] = index


def folders_in_use() -> set[Path]:
    """Return the folders of the indexes that this process has opened."""
    with _lock:
        return {index.folder for index in _known.values()}


def index_folder(key: str) -> Path:
    """Return where the index of spectra with a key is kept."""
    return cache_folder("spectra") / f"{key}-{_LAYOUT}-{RUN_PEAKS}"


def run_bounds(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first spectrum of each run, and the number of spectra.

    Parameters
    ----------
    lengths
        Number of peaks, by spectrum.
    """
    after = np.cumsum(lengths)
    bounds = [0]
    while (start := bounds[-1]) < len(lengths):
        before = after[start] - lengths[start]
        stop = int(np.searchsorted(after, before + RUN_PEAKS, "right"))
        bounds.append(max(start + 1, min(stop, start + _MAX_SPECTRA)))
    return np.array(bounds, np.int64)


def _stretches(numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the first and last + 1 of each stretch of consecutive numbers."""
    if len(numbers) == 0:
        return []
    gaps = np.flatnonzero(np.diff(numbers) > 1) + 1
    return [(int(p[0]), int(p[-1]) + 1) for p in np.split(numbers, gaps)]
