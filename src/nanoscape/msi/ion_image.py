"""Ion images: how much of one ion each pixel holds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.executor import current_executor
from nanoscape.model import Image, Quantity, Spectra, Tags
from nanoscape.model.roles import guess_role
from nanoscape.model.spectra import SpectrumSource
from nanoscape.operation import Option, operation

Statistic = Literal["sum", "maximum"]

_BATCH = 256


@operation(version=1, title="Ion image")
def ion_image(
    spectra: Spectra,
    *,
    mz: Annotated[float, Option(unit="Th", minimum=0.0, label="m/z")] = 500.0,
    tolerance_ppm: Annotated[
        float, Option(unit="ppm", minimum=0.0, maximum=1e5, label="Tolerance")
    ] = 5.0,
    statistic: Annotated[Statistic, Option(label="Intensity is the")] = "sum",
    normalisation: Annotated[
        Literal["none", "tic"], Option(label="Normalise by")
    ] = "none",
    analyte: Annotated[str, Option(label="Name of the ion")] = "",
    task: Task | None = None,
) -> Image:
    """Make the image of one ion from the spectra of all pixels.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    mz
        Mass-to-charge ratio of the ion.
    tolerance_ppm
        Half width of the window around it. A larger value catches more of a broad
        or shifted peak, and more of its neighbours.
    statistic
        Whether intensities in the window are added or the highest one is taken.
    normalisation
        "tic" divides each pixel by its total ion current and multiplies by the
        mean total over all pixels; a strong local signal can then dim others.
    analyte
        What the ion is, such as the name of the drug.
    task
        Progress.

    Returns
    -------
    image
        Intensities in float64. Pixels that were not acquired are NaN, and so are
        empty spectra under a normalisation.

    Notes
    -----
    The window is ``[m/z · (1 − p), m/z · (1 + p)]`` with p the tolerance, both ends
    included; it needs no order of the peaks.
    """
    width = mz * tolerance_ppm * 1e-6
    window = (mz - width, mz + width)
    values, totals = _read(spectra, window, statistic, task or Task())
    if normalisation == "tic":
        mean = totals.mean()
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(totals > 0, values / totals * mean, np.nan)
    name = analyte or f"m/z {mz:.4f}"
    tags = spectra.tags.merged(Tags.of("header", ion=mz))
    if analyte:
        tags = tags.having("user", analyte=analyte)
    role = guess_role(analyte)
    if role:
        tags = tags.having("guess", role=role)
    return _on_grid(spectra, values, name, "ion intensity", tags)


@operation(version=1, title="Total ion current")
def total_ion_current(spectra: Spectra, *, task: Task | None = None) -> Image:
    """Add all intensities of each pixel.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    task
        Progress.

    Returns
    -------
    image
        Sums in float64. Pixels that were not acquired are NaN.
    """
    _, totals = _read(spectra, (0.0, 0.0), "sum", task or Task())
    return _on_grid(
        spectra, totals, "Total ion current", "total ion current", spectra.tags
    )


def in_window(
    mzs: NDArray[Any],
    intensities: NDArray[Any],
    window: tuple[float, float],
    statistic: Statistic,
) -> float:
    """Return the intensity of one spectrum in a window, both ends included.

    Parameters
    ----------
    mzs, intensities
        Peaks of a spectrum in any order, of equal length.
    window
        Smallest and largest m/z.
    statistic
        Sum or maximum; both are zero where there is no peak.
    """
    # Compared with numbers of plain Python, float32 peaks would round the window.
    low, high = np.float64(window[0]), np.float64(window[1])
    chosen = intensities[(mzs >= low) & (mzs <= high)]
    if chosen.size == 0:
        return 0.0
    if statistic == "maximum":
        return float(chosen.max())
    return float(chosen.sum(dtype=np.float64))


def _read(
    spectra: Spectra, window: tuple[float, float], statistic: Statistic, task: Task
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return window intensity and total of each spectrum."""
    count = len(spectra)
    jobs = [
        (spectra.source, start, min(start + _BATCH, count), window, statistic)
        for start in range(0, count, _BATCH)
    ]
    values, totals = np.empty(count), np.empty(count)
    done = 0
    for number, (part, sums) in current_executor().run(_read_batch, jobs, task):
        _, start, stop, _, _ = jobs[number]
        values[start:stop], totals[start:stop] = part, sums
        done += stop - start
        task.step(done, count, "reading spectra")
    return values, totals


def _read_batch(
    source: SpectrumSource,
    start: int,
    stop: int,
    window: tuple[float, float],
    statistic: Statistic,
) -> tuple[list[float], list[float]]:
    values, totals = [], []
    for index in range(start, stop):
        mzs, intensities = source.read(index)
        values.append(in_window(mzs, intensities, window, statistic))
        totals.append(float(intensities.sum(dtype=np.float64)))
    return values, totals


def _on_grid(
    spectra: Spectra,
    values: NDArray[np.float64],
    name: str,
    quantity: str,
    tags: Tags,
) -> Image:
    grid = np.full(spectra.shape, np.nan)
    grid[tuple(spectra.pixels.T)] = values
    return Image.from_array(
        grid,
        spectra.axes,
        grid_to_space=spectra.grid_to_space,
        space=spectra.space,
        name=name,
        quantity=Quantity(quantity),
        tags=tags,
    )
