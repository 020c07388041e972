"""Making the index of peaks sorted by m/z."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.cache import make_room, size_of
from nanoscape.compute.executor import Threads, current_executor
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Spectra, Table
from nanoscape.model.spectra import KeyedSource, StoredPeaks, StoredSource
from nanoscape.msi import index_kernels
from nanoscape.msi.index_files import (
    SortedRun,
    remove_left_overs,
    run_folder,
    write_run,
)
from nanoscape.msi.peaks import kernel_arguments, peaks_of
from nanoscape.msi.sorted_index import (
    SortedIndex,
    folders_in_use,
    index_folder,
    keep_index,
    run_bounds,
)
from nanoscape.msi.survey import share_mz
from nanoscape.operation import operation

_MOST_APART = 0.05
"""Share of unsorted spectra from which a run is left to be read from the file."""

_MAX_WORKERS = 4
_PEAK_BYTES = 15
"""Of the longest intensity, the m/z and the number of the spectrum."""

_RUN_BYTES = 2**18
"""Of descriptions and groups, more than they take."""


@operation(version=1, title="Prepare for fast ion images")
def index_spectra(spectra: Spectra, *, task: Task | None = None) -> Table:
    """Sort the peaks of all spectra by m/z, so that any ion image takes no time.

    They are kept in the cache of this computer, never beside the data, and are about
    as large as the file. Ion images are the same with them and without, and can be
    made meanwhile. Work that was stopped goes on where it was when it is run again.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image in a file, with m/z values of their own.
    task
        Progress.

    Returns
    -------
    table
        One row: ``spectra``; ``peaks``, those that are sorted; ``unsorted_spectra``,
        whose m/z do not rise and which are read from the file each time;
        ``size_bytes`` on the disk.

    Raises
    ------
    WrongInput
        If the spectra lie in no file or share their m/z values.
    CannotCompute
        If there is no room in the cache.
    """
    index = build_index(spectra, task or Task())
    runs = index.runs.values()
    row = {
        "spectra": len(spectra),
        "peaks": sum(len(run.arrays[-1]) for run in runs),
        "unsorted_spectra": sum(len(run.apart) for run in runs),
        "size_bytes": size_of(index.folder),
    }
    return Table(
        data=pd.DataFrame([row]),
        name=f"Index of {spectra.name}",
        notes=(f"kept in {index.folder}",),
        tags=spectra.tags,
    )


def build_index(spectra: Spectra, task: Task) -> SortedIndex:
    """Return the index of spectra, made as far as it is not there."""
    source = spectra.source
    stored = source.stored() if isinstance(source, StoredSource) else None
    if not isinstance(source, KeyedSource) or (stored and share_mz(stored)):
        raise WrongInput(
            f"{spectra.name} needs no index: its spectra are in memory, or they share "
            "their m/z values and are found as fast without",
            "spectra in a file with m/z values of their own",
        )
    lengths = source.peak_counts()
    folder, bounds = index_folder(source.key()), run_bounds(lengths)
    size = int(lengths.sum()) * _PEAK_BYTES + len(bounds) * _RUN_BYTES
    index = SortedIndex(folder, bounds, {})
    index.look_again()
    try:
        if not index.complete:
            make_room(folder, size, folders_in_use())
            folder.mkdir(exist_ok=True)
            remove_left_overs(folder)
            _make_missing(source, index, task)
    except OSError as error:
        raise CannotCompute(
            f"the index cannot be written to {folder}: {error.strerror}",
            todo="free some space, or set NANOSCAPE_CACHE to another folder",
        ) from error
    # The file may have been replaced while it was read.
    source.key()
    keep_index(spectra, index)
    return index


def _make_missing(source: KeyedSource, index: SortedIndex, task: Task) -> None:
    bounds = index.bounds.tolist()
    jobs = [
        (source, bounds[number], bounds[number + 1], run_folder(index.folder, number))
        for number in range(len(bounds) - 1)
        if number not in index.runs
    ]
    done = len(index.runs)
    # Each worker holds one run in memory, and a cluster does not see the cache.
    workers = Threads(min(_MAX_WORKERS, current_executor().workers))
    for count, _ in enumerate(workers.run(_make_run, jobs, task), 1):
        task.step(done + count, len(bounds) - 1, "sorting peaks by m/z")
    index.look_again()


def _make_run(source: KeyedSource, start: int, stop: int, path: Path) -> None:
    peaks = peaks_of(source, start, stop)
    usable = _usable(peaks)
    apart = start + np.flatnonzero(~usable)
    arrays = _sorted_peaks(peaks, usable)
    write_run(path, SortedRun(start, stop, apart, arrays))


def _usable(peaks: StoredPeaks) -> NDArray[np.bool_]:
    """Return which spectra are sorted; none, if reading the others takes longer."""
    content, mz_offsets, _, lengths, mz_like, _ = kernel_arguments(peaks)
    usable = np.empty(len(lengths), bool)
    index_kernels.find_sorted(content, mz_offsets, lengths, mz_like, usable)
    if np.mean(~usable) > _MOST_APART:
        usable[:] = False
    return usable


def _sorted_peaks(
    peaks: StoredPeaks, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.generic], ...]:
    """Return groups, their starts, lower bits, intensities and numbers of spectra."""
    count = int(peaks.mz.lengths[usable].sum())
    mzs = np.empty(count)
    values, numbers = np.empty(count, peaks.intensity.dtype), np.empty(count, np.uint16)
    index_kernels.gather(*kernel_arguments(peaks), usable, mzs, values, numbers)
    bits = mzs.view(np.uint64)
    order = index_kernels.sorting_order(bits)
    middle, low = np.empty(count, np.uint32), np.empty(count, np.uint8)
    groups, starts = index_kernels.split(bits, middle, low)
    return groups, starts, middle, low, values[order], numbers[order]
