"""Normalisation: making the intensities of pixels comparable."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Spectra
from nanoscape.model.spectra import SpectrumSource
from nanoscape.msi import kernels
from nanoscape.msi.grid import at_spectra, on_grid
from nanoscape.msi.ion_image import window_intensities, windows_around
from nanoscape.msi.peaks import in_batches, peaks_of
from nanoscape.msi.survey import survey_of
from nanoscape.operation import Option, operation

Method = Literal["none", "tic", "rms", "median", "reference peak", "internal standard"]

_WARNING = (
    "normalised by the total ion current, the image shows another pattern than by the "
    "median: a strong local signal dims it; compare both"
)
_SAME_PATTERN = 0.9
"""Rank correlation from which two images are said to show the same pattern."""


@operation(version=1, title="Normalise an ion image")
def normalise(
    image: Image,
    spectra: Spectra,
    *,
    method: Annotated[Method, Option(label="Divide by")] = "tic",
    reference_mz: Annotated[
        float, Option(unit="Th", minimum=0.0, label="m/z of the reference")
    ] = 500.0,
    tolerance_ppm: Annotated[
        float, Option(unit="ppm", minimum=0.0, maximum=1e5, label="Its tolerance")
    ] = 5.0,
    task: Task | None = None,
) -> Image:
    """Divide an ion image by what is measured of each whole spectrum.

    Parameters
    ----------
    image
        Image of an ion, made from the spectra.
    spectra
        Spectra of all pixels.
    method
        "tic": the sum of all intensities. "rms": the root of the mean of their
        squares. "median": the median of those above zero, which one strong signal
        does not move. "reference peak": the intensity of an ion that is equal
        everywhere, such as one of the matrix. "internal standard": the intensity of
        a compound added in a known amount, such as the deuterated drug; the result
        is the ratio of the two.
    reference_mz
        Ion of the reference peak or internal standard.
    tolerance_ppm
        Half width of the window around it.
    task
        Progress.

    Returns
    -------
    image
        Pixels whose divisor is zero are NaN. Except for the internal standard, the
        result is multiplied by the mean divisor, so that its scale stays.

    Notes
    -----
    A strong local signal raises the total ion current there and dims all other ions
    (Deininger et al. 2011, doi:10.1007/s00216-011-4929-z). The tag
    ``derivation_warnings`` says so where the image over the total ion current ranks
    the pixels otherwise than over the median: Spearman's correlation below 0.9.
    """
    values = at_spectra(image, spectra).astype(np.float64)
    tags = image.tags.having("header", normalisation=method)
    if method == "none":
        return image.replace(tags=tags)
    task = task or Task()
    quantity = image.quantity.name
    if method in ("reference peak", "internal standard"):
        windows = windows_around([reference_mz], tolerance_ppm)
        (divisors,) = window_intensities(spectra, windows, "sum", task)
        tags = tags.having("header", reference_mz=reference_mz)
    else:
        divisors = _of_whole_spectra(spectra, method, task)
    if not (divisors > 0).any():
        raise WrongInput(
            f"{spectra.name} holds nothing to divide by: no intensity in any pixel",
            todo="choose another reference or method",
        )
    result = _divided(values, divisors)
    if method == "internal standard":
        quantity = "ratio to internal standard"
    else:
        result *= divisors[divisors > 0].mean()
    if method == "tic":
        medians = _of_whole_spectra(spectra, "median", task)
        agreement = _rank_correlation(result, _divided(values, medians))
        if agreement < _SAME_PATTERN:
            tags = tags.having("header", derivation_warnings=[_WARNING])
    return on_grid(spectra, result, image.name, quantity, tags)


def _of_whole_spectra(
    spectra: Spectra, method: Method, task: Task
) -> NDArray[np.float64]:
    """Return the divisor of each spectrum; NaN or zero where there is none."""
    if method == "median":
        medians = np.empty(len(spectra))
        for which, part in in_batches(_medians, spectra.source, len(spectra), (), task):
            medians[which] = part
        return medians
    survey = survey_of(spectra, task)
    if method == "tic":
        return survey.totals
    return np.sqrt(survey.squares / np.maximum(survey.lengths, 1))


def _medians(source: SpectrumSource, start: int, stop: int) -> NDArray[np.float64]:
    peaks = peaks_of(source, start, stop)
    out = np.empty(stop - start)
    kernels.middle_values(
        peaks.content,
        peaks.intensity.offsets,
        peaks.intensity.lengths,
        np.empty(0, peaks.intensity.dtype),
        out,
    )
    return out


def _divided(
    values: NDArray[np.float64], divisors: NDArray[np.float64]
) -> NDArray[np.float64]:
    result = np.full(len(values), np.nan)
    np.divide(values, divisors, out=result, where=divisors > 0)
    return result


def _rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return Spearman's correlation where both are known; 1 for constant images."""
    known = np.isfinite(one) & np.isfinite(other)
    ranks = [rankdata(values[known]) for values in (one, other)]
    if not known.any() or any(np.ptp(rank) == 0 for rank in ranks):
        return 1.0
    return float(np.corrcoef(*ranks)[0, 1])
