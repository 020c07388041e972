"""What a part of a space looks like: any raster on the pixels of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import level_for
from nanoscape.errors import WrongInput
from nanoscape.model.raster import Raster

LARGEST_PICTURE = 1000
"""Pixels along the longer side of a picture."""


@dataclass(frozen=True)
class Field:
    """A rectangle of a space, in µm.

    Attributes
    ----------
    top, bottom, left, right
        Its edges along ``y`` and ``x``.
    """

    top: float
    bottom: float
    left: float
    right: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Edges in the order that matplotlib's ``imshow`` takes, ``y`` downwards."""
        return self.left, self.right, self.bottom, self.top

    def picture(self, pixels: int = LARGEST_PICTURE) -> tuple[int, int, float]:
        """Return rows and columns of a picture, and the size of its pixels in µm."""
        height, width = self.bottom - self.top, self.right - self.left
        step = max(height, width) / pixels
        return max(1, round(height / step)), max(1, round(width / step)), step


def field_of(raster: Raster) -> Field:
    """Return the smallest upright rectangle that holds a whole section.

    Raises
    ------
    WrongInput
        If the raster is not a plane.
    """
    if raster.spatial_axes != "yx" or raster.grid_to_space.output_axes != "yx":
        raise WrongInput(
            f"{raster.name} has the axes {raster.axes}", "a section with axes yx"
        )
    height, width = raster.spatial_shape
    # Edges of pixels, not their centres.
    corners = [(-0.5, -0.5), (-0.5, width - 0.5), (height - 0.5, -0.5)]
    corners.append((height - 0.5, width - 0.5))
    places = raster.grid_to_space.apply(corners)
    (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0)
    return Field(float(top), float(bottom), float(left), float(right))


def picture_of(
    raster: Raster, field: Field, pixels: int = LARGEST_PICTURE
) -> NDArray[Any]:
    """Return the samples nearest to each pixel of a picture.

    Only the level and the part that the picture shows are read.

    Parameters
    ----------
    raster
        A plane in the field's space; its grid may be turned, sheared or mirrored.
    field
        What to show.
    pixels
        Pixels along the longer side.

    Returns
    -------
    numpy.ndarray
        Rows, columns and, for colour images, samples. Outside the raster NaN, or 0
        for colour and labels.
    """
    rows, columns, step = field.picture(pixels)
    view = raster.at_level(level_for(raster, step))
    y = field.top + (np.arange(rows) + 0.5) * (field.bottom - field.top) / rows
    x = field.left + (np.arange(columns) + 0.5) * (field.right - field.left) / columns
    places = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    index = np.rint(view.grid_to_space.inverse().apply(places)).astype(np.int64)
    shape = np.asarray(view.spatial_shape)
    inside = ((index >= 0) & (index < shape)).all(axis=1)
    exact = np.issubdtype(view.dtype, np.integer) and view.kind == "labels"
    rgb = view.data.ndim > 2
    fill = 0 if exact or rgb else np.nan
    kind = view.dtype if exact or rgb else np.dtype(np.float64)
    result = np.full((len(index), *view.data.shape[2:]), fill, kind)
    if inside.any():
        # Planes without coarser levels are thinned, not read as a whole.
        stride = max(1, math.floor(step / max(view.spacing.values())))
        thin = index[inside] // stride
        low, high = thin.min(axis=0), thin.max(axis=0) + 1
        window = tuple(
            slice(a * stride, (b - 1) * stride + 1, stride)
            for a, b in zip(low.tolist(), high.tolist(), strict=True)
        )
        samples = view.data[window].compute(scheduler="synchronous")
        result[inside] = samples[tuple((thin - low).T)]
    return result.reshape(rows, columns, *view.data.shape[2:])
