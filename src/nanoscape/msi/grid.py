"""The grid of pixels on which spectra were acquired."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Quantity, Spectra, Tags


def at_spectra(item: Image | Labels, spectra: Spectra) -> NDArray[np.generic]:
    """Return the sample at the pixel of each spectrum.

    Raises
    ------
    WrongInput
        If the image lies on another grid.
    """
    same = (
        item.axes == spectra.axes
        and item.shape == spectra.shape
        and item.space == spectra.space
        and np.allclose(item.grid_to_space.matrix, spectra.grid_to_space.matrix)
    )
    if not same:
        raise WrongInput(
            f"{item.name} lies on another grid than {spectra.name}",
            "one made from, or drawn on, the pixels of the spectra",
        )
    samples = np.asarray(item.data.compute())
    return samples[tuple(spectra.pixels.T)]


def on_grid(
    spectra: Spectra,
    values: NDArray[np.float64],
    name: str,
    quantity: str,
    tags: Tags,
) -> Image:
    """Return one value for each spectrum as an image; other pixels are NaN."""
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
