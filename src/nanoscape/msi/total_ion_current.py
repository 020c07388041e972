"""The image of all ions together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task
from nanoscape.model import Image, Quantity, Spectra
from nanoscape.msi.each_spectrum import on_grid, summarise_spectra
from nanoscape.operation import operation


@operation(version=1, title="Total ion current")
def total_ion_current(spectra: Spectra, *, task: Task | None = None) -> Image:
    """Sum all intensities of each spectrum: an overview of the tissue.

    Parameters
    ----------
    spectra
        The imaging run.

    Returns
    -------
    Image
        The sum at each pixel, NaN where no spectrum was acquired.

    Examples
    --------
    ``total_ion_current(spectra).data.compute()``
    """
    totals = summarise_spectra(
        spectrum_total, spectra, columns=1, task=task, text="summing spectra"
    )
    return Image.from_array(
        on_grid(totals[:, 0], spectra),
        spectra.axes,
        grid_to_space=spectra.grid_to_space,
        space=spectra.space,
        name="Total ion current",
        quantity=Quantity("total ion current"),
        tags=spectra.tags.having("header", modality="MSI"),
    )


def spectrum_total(_: NDArray[Any], intensity: NDArray[Any]) -> tuple[float]:
    """Return the sum of the intensities of one spectrum."""
    return (float(intensity.astype(np.float64).sum()),)
