"""The grid of pixels on which spectra were acquired."""

from __future__ import annotations

import math
import uuid
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Quantity, Spectra, Tags

_ONE_CHUNK = 2**26


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
    return image_of(
        spectra, grids_of(spectra, values[np.newaxis])[0], name, quantity, tags
    )


def grids_of(spectra: Spectra, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay values of all spectra out on their grid; other pixels are NaN.

    Parameters
    ----------
    spectra
        Spectra of all pixels.
    values
        Shape ``(n, spectra)``.

    Returns
    -------
    grids
        Shape ``(n, *shape of the grid)``.
    """
    places = np.ravel_multi_index(tuple(spectra.pixels.T), spectra.shape)
    grids = np.full((len(values), math.prod(spectra.shape)), np.nan)
    for grid, row in zip(grids, values, strict=True):
        grid[places] = row
    return grids.reshape(-1, *spectra.shape)


def image_of(
    spectra: Spectra,
    grid: NDArray[np.float64],
    name: str,
    quantity: str,
    tags: Tags,
) -> Image:
    """Return an image of values that are laid out on the grid of spectra."""
    data: Any = grid
    if grid.nbytes <= _ONE_CHUNK:
        # What dask does itself takes longer than the image of an ion in the index.
        key = f"spectra-{uuid.uuid4().hex}"
        graph = {(key, *(0,) * grid.ndim): grid}
        data = da.Array(graph, key, tuple((n,) for n in grid.shape), grid.dtype)
    return Image.from_array(
        data,
        spectra.axes,
        grid_to_space=spectra.grid_to_space,
        space=spectra.space,
        name=name,
        quantity=Quantity(quantity),
        tags=tags,
    )
