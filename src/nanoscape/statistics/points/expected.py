"""How many points are expected where, in one window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import dask.array as da
import numpy as np
from scipy import ndimage

from nanoscape.compute.blocks import read_crop
from nanoscape.compute.resample import onto
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels
from nanoscape.statistics.points.density import at_points, smoothed, usual_bandwidth
from nanoscape.statistics.points.window import Floats, Window, Windows

Intensity = Literal["even", "smoothed"]


@dataclass(frozen=True, eq=False)
class Expected:
    """What is known about the density of points.

    Attributes
    ----------
    window
        Where points could have been found.
    given
        Density in each pixel of the window, if it is known.
    bandwidth
        Width of the Gaussian in µm when it is found from the points, 0 when it is
        even.
    """

    window: Window
    given: Floats | None = None
    bandwidth: float = 0.0

    @property
    def even(self) -> bool:
        """Whether points are expected everywhere alike."""
        return self.given is None and not self.bandwidth

    def at(self, places: Floats) -> Floats | None:
        """Return the expected density at points, ``None`` when it is even."""
        if self.given is not None:
            return self._looked_up(places, self.given)
        if not self.bandwidth:
            return None
        density = smoothed(places, self.window, self.bandwidth)
        return at_points(places, self.window, density, self.bandwidth)

    def map(self, places: Floats) -> Floats | None:
        """Return the expected density of each pixel, ``None`` when it is even."""
        if self.given is not None:
            return self.given
        if not self.bandwidth:
            return None
        return smoothed(places, self.window, self.bandwidth)

    def _looked_up(self, places: Floats, density: Floats) -> Floats:
        """Return values at places, linear between the centres of pixels."""
        unknown = ~np.isfinite(density)
        nearest = ndimage.distance_transform_edt(
            unknown, return_distances=False, return_indices=True
        )
        centred = places / np.array(self.window.spacing) - 0.5
        return ndimage.map_coordinates(
            density[tuple(nearest)], centred.T, order=1, mode="nearest"
        )


def expected_of(
    windows: Windows,
    number: int,
    density: Image | None,
    intensity: Intensity,
    bandwidth: float | None,
) -> Expected:
    """Return what is expected in one window.

    Raises
    ------
    CannotCompute
        If the given density is not positive everywhere in the window.
    """
    window = windows.windows[number]
    if density is not None:
        grid = Labels.from_array(
            da.zeros(window.mask.shape, dtype=bool, chunks=window.mask.shape),
            windows.grid.spatial_axes,
            grid_to_space=windows.place_of(number),
            space=windows.grid.space,
            name=window.name,
        )
        whole = tuple(slice(0, n) for n in window.mask.shape)
        values = read_crop(onto(density, grid, order=1), whole).astype(np.float64)
        if not (values[window.mask] > 0).all():
            raise CannotCompute(
                f"{density.name} is not positive everywhere in {window.name}",
                "an expected density of points above zero",
                "smooth the points more widely, or draw the area smaller",
            )
        return Expected(window, given=values)
    if intensity == "smoothed":
        return Expected(window, bandwidth=bandwidth or usual_bandwidth(window))
    return Expected(window)
