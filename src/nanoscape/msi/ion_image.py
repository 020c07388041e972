"""Ion images: how much of one ion each pixel holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.compute.executor import current_executor
from nanoscape.errors import WrongInput
from nanoscape.model import Image, ImageGroup, Spectra, Tags
from nanoscape.model.roles import guess_role
from nanoscape.model.spectra import SpectrumSource
from nanoscape.msi import kernels
from nanoscape.msi.grid import grids_of, image_of, on_grid
from nanoscape.msi.peaks import in_batches, kernel_arguments, peaks_of
from nanoscape.msi.sorted_index import known_index
from nanoscape.msi.survey import Survey, count_use, known_survey, survey_of
from nanoscape.operation import Option, operation

Statistic = Literal["sum", "maximum"]

_BATCH = 1024
_INDEXED_BATCH = 2**12


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
    prepare(spectra, task := task or Task())
    windows = windows_around([mz], tolerance_ppm)
    (values,) = window_intensities(spectra, windows, statistic, task)
    if normalisation == "tic":
        totals = survey_of(spectra, task).totals
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(totals > 0, values / totals * totals.mean(), np.nan)
    (grid,) = grids_of(spectra, values[np.newaxis])
    return _ion_image(spectra, mz, grid, analyte)


@operation(version=1, title="Images of many ions")
def ion_images(
    spectra: Spectra,
    *,
    mzs: Annotated[str, Option(unit="Th", label="m/z, separated by commas")] = "500",
    tolerance_ppm: Annotated[
        float, Option(unit="ppm", minimum=0.0, maximum=1e5, label="Tolerance")
    ] = 5.0,
    statistic: Annotated[Statistic, Option(label="Intensity is the")] = "sum",
    task: Task | None = None,
) -> ImageGroup:
    """Make the images of many ions in one pass over the spectra.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    mzs
        Mass-to-charge ratios, separated by commas; each may have a name in front,
        as in ``"doxorubicin = 544.1813, 760.5851"``.
    tolerance_ppm
        Half width of the window around each.
    statistic
        Whether intensities in the window are added or the highest one is taken.
    task
        Progress.

    Returns
    -------
    images
        One image for each ion, in the order given, as :func:`ion_image` makes it.
    """
    ions = _ions(mzs)
    prepare(spectra, task := task or Task())
    windows = windows_around([mz for _, mz in ions], tolerance_ppm)
    found = window_intensities(spectra, windows, statistic, task)
    return ImageGroup(
        images=tuple(
            _ion_image(spectra, mz, grid, name)
            for (name, mz), grid in zip(ions, grids_of(spectra, found), strict=True)
        ),
        coordinate="ion",
        name=f"{len(ions)} ions of {spectra.name}",
        tags=spectra.tags,
    )


def prepare(spectra: Spectra, task: Task) -> None:
    """Make what is worth making before windows are asked for."""
    index = known_index(spectra)
    if index is None or not index.complete:
        count_use(spectra, task)


def _ions(text: str) -> list[tuple[str, float]]:
    """Return names and m/z from text such as ``"doxorubicin = 544.18, 760.59"``."""
    found = []
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        try:
            mz = float(number)
        except ValueError:
            mz = -1.0
        if not 0 <= mz < np.inf:
            raise WrongInput(
                f"{part.strip()!r} is no m/z",
                'numbers separated by commas, such as "544.1813, 760.5851"',
            )
        found.append((name.strip(), mz))
    return found


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
    totals = survey_of(spectra, task or Task()).totals
    return on_grid(
        spectra, totals, "Total ion current", "total ion current", spectra.tags
    )


def windows_around(
    mzs: Sequence[float] | NDArray[np.float64],
    tolerance_ppm: float | NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper ends of the windows around some m/z."""
    centres = np.asarray(mzs, np.float64)
    widths = centres * tolerance_ppm * 1e-6
    return centres - widths, centres + widths


def window_intensities(
    spectra: Spectra,
    windows: tuple[NDArray[np.float64], NDArray[np.float64]],
    statistic: Statistic,
    task: Task,
) -> NDArray[np.float64]:
    """Return the intensity of every spectrum in every window, in one pass.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    windows
        Lower and upper ends, both included.
    statistic
        Sum or maximum; both are zero where there is no peak.
    task
        Progress.

    Returns
    -------
    intensities
        Shape ``(windows, spectra)``.
    """
    highest = statistic == "maximum"
    found = np.zeros((len(windows[0]), len(spectra)))
    stretches = None
    if index := known_index(spectra):
        stretches = index.window_values(windows, highest, found)
        if not stretches:
            return found
    survey = known_survey(spectra)
    # The table is larger than what it saves when it has to be sent.
    sent = current_executor().remote
    indexed = survey is not None and len(survey.cells) > 0 and not sent
    for which, part in in_batches(
        _indexed_batch if indexed else _read_batch,
        spectra.source,
        len(spectra),
        (windows, highest, survey if indexed else None),
        task,
        _INDEXED_BATCH if indexed else _BATCH,
        stretches,
    ):
        found[:, which] = part
    return found


def _read_batch(
    source: SpectrumSource,
    start: int,
    stop: int,
    windows: tuple[NDArray[np.float64], NDArray[np.float64]],
    highest: bool,
    _: None,
) -> NDArray[np.float64]:
    out = np.empty((len(windows[0]), stop - start))
    arguments = kernel_arguments(peaks_of(source, start, stop))
    kernels.window_values(*arguments, *windows, highest, out)
    return out


def _indexed_batch(
    source: SpectrumSource,
    start: int,
    stop: int,
    windows: tuple[NDArray[np.float64], NDArray[np.float64]],
    highest: bool,
    survey: Survey,
) -> NDArray[np.float64]:
    out = np.empty((len(windows[0]), stop - start))
    kernels.indexed_window_values(
        *kernel_arguments(peaks_of(source, start, stop)),
        *windows,
        highest,
        out,
        survey.rising[start:stop],
        survey.cells,
        start,
        survey.origin,
        survey.per_mz,
    )
    return out


def _ion_image(
    spectra: Spectra, mz: float, grid: NDArray[np.float64], analyte: str
) -> Image:
    name = analyte or f"m/z {mz:.4f}"
    tags = spectra.tags.merged(Tags.of("header", ion=mz))
    if analyte:
        tags = tags.having("user", analyte=analyte)
    role = guess_role(analyte) if analyte else None
    if role:
        tags = tags.having("guess", role=role)
    return image_of(spectra, grid, name, "ion intensity", tags)
