"""Spectra of many pixels in one: mean and maximum, of all pixels or a region."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Labels, Spectra, Table
from nanoscape.model.spectra import SpectrumSource, StoredSource
from nanoscape.msi import kernels
from nanoscape.msi.grid import at_spectra
from nanoscape.msi.peaks import in_batches, kernel_arguments, peaks_of
from nanoscape.msi.survey import mz_range, share_mz
from nanoscape.operation import Option, operation

_MAX_BINS = 5_000_000


@operation(version=1, title="Mean spectrum")
def mean_spectrum(
    spectra: Spectra,
    region: Labels | None = None,
    *,
    bin_width: Annotated[
        float, Option(unit="Th", minimum=1e-6, maximum=100.0, label="Width of bins")
    ] = 0.01,
    task: Task | None = None,
) -> Table:
    """Average the spectra of all pixels, or of those in a region.

    Parameters
    ----------
    spectra
        Spectra of a mass spectrometry image.
    region
        Pixels to take, on the grid of the spectra: all that are not 0.
    bin_width
        Width of the bins along m/z into which peaks are gathered. Spectra that
        share their m/z values keep these instead.
    task
        Progress.

    Returns
    -------
    table
        ``mz``; ``mean_intensity``, the summed intensity over the number of spectra,
        empty ones included; ``maximum_intensity``, the highest of any one peak. Of
        bins, ``mz`` is the mean of its edges, and bins without a peak are left out.
    """
    task = task or Task()
    chosen = _chosen(spectra, region)
    source = spectra.source
    stored = source.stored() if isinstance(source, StoredSource) else None
    if stored is not None and share_mz(stored):
        mzs: NDArray[np.floating[Any]] = np.array(source.read(0)[0], np.float64)
        arguments: tuple[float, float, int] = (0.0, 0.0, len(mzs))
    else:
        arguments = _bins(spectra, bin_width, task)
        origin, _, number = arguments
        mzs = origin + bin_width * (np.arange(number) + 0.5)
    sums, highest = np.zeros(len(mzs)), np.full(len(mzs), -np.inf)
    for _, (more, top) in in_batches(
        _gather, source, len(spectra), (chosen, *arguments), task
    ):
        # In the order of the spectra, so that the sum is always the same.
        sums += more
        highest = np.maximum(highest, top)
    held = highest > -np.inf
    where = f" in {region.name}" if region is not None else ""
    data = {
        "mz": mzs[held],
        "mean_intensity": sums[held] / chosen.sum(),
        "maximum_intensity": highest[held],
    }
    return Table(
        data=pd.DataFrame(data),
        name=f"Mean spectrum of {spectra.name}{where}",
        notes=(f"{chosen.sum()} of {len(spectra)} spectra",),
        tags=spectra.tags,
    )


def _chosen(spectra: Spectra, region: Labels | None) -> NDArray[np.bool_]:
    """Return which spectra lie in a region."""
    if region is None:
        return np.ones(len(spectra), bool)
    inside = at_spectra(region, spectra) != 0
    if not inside.any():
        raise WrongInput(f"{region.name} holds no spectrum of {spectra.name}")
    return inside


def _bins(spectra: Spectra, width: float, task: Task) -> tuple[float, float, int]:
    """Return the lower edge, bins per unit of m/z, and the number of bins."""
    low, high = mz_range(spectra, task)
    if low > high:
        return 0.0, 1 / width, 0
    first, last = np.floor(low / width), np.floor(high / width)
    if last - first > _MAX_BINS:
        raise WrongInput(
            f"bins of {width:g} Th are too many from m/z {low:g} to {high:g}",
            todo="choose a larger width",
        )
    # One bin more than needed, for the rounding of its edges.
    return float(first * width), 1 / width, int(last - first) + 2


def _gather(
    source: SpectrumSource,
    start: int,
    stop: int,
    chosen: NDArray[np.bool_],
    origin: float,
    per_mz: float,
    number: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sums and highest intensities; bins are added to where there are any."""
    content, mz_at, value_at, lengths, mz_like, value_like = kernel_arguments(
        peaks_of(source, start, stop)
    )
    taken = chosen[start:stop]
    mz_at, value_at, lengths = mz_at[taken], value_at[taken], lengths[taken]
    sums, highest = np.zeros(number), np.full(number, -np.inf)
    if per_mz:
        peaks = content, mz_at, value_at, lengths, mz_like, value_like
        kernels.add_to_bins(*peaks, origin, per_mz, sums, highest)
    else:
        kernels.add_in_place(content, value_at, lengths, value_like, sums, highest)
    return sums, highest
