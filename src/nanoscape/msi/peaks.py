"""The peaks of many spectra, ready for compiled loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.executor import current_executor
from nanoscape.errors import UnreadableFile
from nanoscape.model.spectra import (
    SpectrumSource,
    StoredArrays,
    StoredPeaks,
    StoredSource,
)

_BATCH = 1024


def in_batches(
    function: Callable[..., Any],
    source: SpectrumSource,
    count: int,
    arguments: tuple[Any, ...],
    task: Task,
    batch: int = _BATCH,
    stretches: Sequence[tuple[int, int]] | None = None,
) -> Iterator[tuple[slice, Any]]:
    """Call ``function(source, start, stop, *arguments)`` for runs of spectra.

    Parameters
    ----------
    function
        Stands at module level.
    source
        Where spectra are read from.
    count
        How many spectra there are.
    arguments
        What the function takes further.
    task
        Progress.
    batch
        Spectra of a run.
    stretches
        First and last + 1 of the spectra to take; by default all.

    Yields
    ------
    which, result
        The run, and what the function returned; in the order of the spectra.
    """
    jobs = [
        (source, start, min(start + batch, last), *arguments)
        for first, last in ([(0, count)] if stretches is None else stretches)
        for start in range(first, last, batch)
    ]
    waiting: dict[int, Any] = {}
    following = 0
    for number, result in current_executor().run(function, jobs, task):
        waiting[number] = result
        task.step(following + len(waiting), len(jobs), "reading spectra")
        while following in waiting:
            start, stop = jobs[following][1:3]
            yield slice(start, stop), waiting.pop(following)
            following += 1


def peaks_of(source: SpectrumSource, start: int, stop: int) -> StoredPeaks:
    """Return the peaks of some spectra: as they are stored, or decoded.

    Parameters
    ----------
    source
        Where spectra are read from.
    start, stop
        The first spectrum, and the first one no more wanted.
    """
    stored = source.stored() if isinstance(source, StoredSource) else None
    if stored is not None:
        return StoredPeaks(
            stored.content,
            _part(stored.mz, start, stop),
            _part(stored.intensity, start, stop),
        )
    spectra = [source.read(index) for index in range(start, stop)]
    for number, (mzs, values) in enumerate(spectra, start + 1):
        if len(mzs) != len(values):
            raise UnreadableFile(
                f"spectrum {number} has {len(mzs)} m/z values and "
                f"{len(values)} intensities"
            )
    mz = _joined([mzs for mzs, _ in spectra])
    intensity = _joined([values for _, values in spectra])
    lengths = np.array([len(mzs) for mzs, _ in spectra], np.int64)
    firsts = np.cumsum(lengths) - lengths
    content = np.concatenate([mz.view(np.uint8), intensity.view(np.uint8)])
    # As those of a mapped file are, so that one compiled loop serves both.
    content.setflags(write=False)
    return StoredPeaks(
        content,
        StoredArrays(firsts * mz.itemsize, lengths, mz.dtype),
        StoredArrays(mz.nbytes + firsts * intensity.itemsize, lengths, intensity.dtype),
    )


def kernel_arguments(peaks: StoredPeaks) -> tuple[Any, ...]:
    """Return what the loops of :mod:`nanoscape.msi.kernels` take first."""
    return (
        peaks.content,
        peaks.mz.offsets,
        peaks.intensity.offsets,
        peaks.mz.lengths,
        np.empty(0, peaks.mz.dtype),
        np.empty(0, peaks.intensity.dtype),
    )


def _part(arrays: StoredArrays, start: int, stop: int) -> StoredArrays:
    return StoredArrays(
        np.ascontiguousarray(arrays.offsets[start:stop]),
        np.ascontiguousarray(arrays.lengths[start:stop]),
        arrays.dtype,
    )


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    joined = np.concatenate(arrays)
    if joined.dtype.kind == "b" or joined.dtype == np.float16:
        joined = joined.astype(np.float32)
    return np.ascontiguousarray(joined, joined.dtype.newbyteorder("="))
