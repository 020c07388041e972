"""Numbers of each spectrum, put in its place on the grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.executor import current_executor
from nanoscape.errors import UnreadableFile
from nanoscape.model import Spectra
from nanoscape.model.spectra import SpectrumSource

_BATCH = 256

Summary = Callable[..., tuple[float, ...]]
"""Called with the m/z values, the intensities and further arguments."""


def summarise_spectra(
    summary: Summary,
    spectra: Spectra,
    *,
    columns: int,
    arguments: tuple[Any, ...] = (),
    task: Task | None = None,
    text: str = "",
) -> NDArray[np.float64]:
    """Return some numbers of each spectrum, in the order of the spectra.

    Parameters
    ----------
    summary
        Gives the numbers of one spectrum. For a cluster it must be importable.
    spectra
        The spectra; they are read in batches, several at a time.
    columns
        How many numbers there are.
    arguments
        Passed to the function after the spectrum.
    task, text
        Progress, and what to say is being done.

    Returns
    -------
    numpy.ndarray
        Shape ``(len(spectra), columns)``.

    Raises
    ------
    UnreadableFile
        If a spectrum has m/z values and intensities of different number.
    """
    task = task or Task()
    starts = range(0, len(spectra), _BATCH)
    jobs = [
        (summary, spectra.source, start, min(start + _BATCH, len(spectra)), arguments)
        for start in starts
    ]
    values = np.empty((len(spectra), columns))
    task.step(0, len(jobs), text)
    results = current_executor().run(_summarise_batch, jobs, task)
    for done, (number, part) in enumerate(results, start=1):
        values[number * _BATCH : number * _BATCH + len(part)] = part
        task.step(done, len(jobs), text)
    return values


def on_grid(values: NDArray[np.float64], spectra: Spectra) -> NDArray[np.float32]:
    """Return the image of one number per spectrum; NaN where nothing was acquired.

    Of several spectra at one pixel the last in the file is shown.
    """
    image = np.full(spectra.shape, np.nan, np.float32)
    flat = np.ravel_multi_index(tuple(spectra.pixels.T), spectra.shape)
    # With repeated indices numpy does not promise an order, so keep the last only.
    places, from_end = np.unique(flat[::-1], return_index=True)
    image.flat[places] = values[::-1][from_end]
    return image


def _summarise_batch(
    summary: Summary,
    source: SpectrumSource,
    start: int,
    stop: int,
    arguments: tuple[Any, ...],
) -> NDArray[np.float64]:
    rows = []
    for index in range(start, stop):
        mz, intensity = source.read(index)
        if len(mz) != len(intensity):
            raise UnreadableFile(
                f"spectrum {index + 1} has {len(mz)} m/z values and "
                f"{len(intensity)} intensities",
                "as many of one as of the other",
                "export the data again",
            )
        rows.append(summary(np.asarray(mz), np.asarray(intensity), *arguments))
    return np.asarray(rows, dtype=np.float64)
