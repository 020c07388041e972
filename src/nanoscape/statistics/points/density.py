"""How densely points lie, smoothed."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from scipy import ndimage

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Points, Quantity, Regions
from nanoscape.model.raster import single_level
from nanoscape.operation import Option, Role, operation
from nanoscape.statistics.points.window import Floats, Window, windows_of
from nanoscape.statistics.zones import without_role

_TRUNCATE = 4.0


def smoothed(places: Floats, window: Window, bandwidth: float) -> Floats:
    """Return the density of points in each pixel of a window, per µm² or µm³.

    The Gaussian kernel is divided by its share in the window at each pixel (Diggle
    1985, doi:10.2307/2347366), so that an even pattern has no rim. NaN outside.
    """
    index, inside = window.pixels(places)
    counts = np.zeros(window.mask.shape)
    np.add.at(counts, tuple(index[inside].T), 1.0)
    sigma = bandwidth / np.array(window.spacing)
    options = {"mode": "constant", "truncate": _TRUNCATE}
    blurred = ndimage.gaussian_filter(counts, sigma, **options)
    share = ndimage.gaussian_filter(window.mask.astype(np.float64), sigma, **options)
    with np.errstate(invalid="ignore", divide="ignore"):
        density = blurred / share / np.prod(window.spacing)
    return np.where(window.mask, density, np.nan)


def usual_bandwidth(window: Window) -> float:
    """Return an eighth of the shortest side of a window, in µm."""
    return float(window.sides.min()) / 8


def at_points(
    places: Floats, window: Window, density: Floats, bandwidth: float
) -> Floats:
    """Return the smoothed density at each point without its own share in it.

    With it, points would seem to be where many are expected just because they are
    there. It is not taken to be less than a hundredth of the mean.
    """
    index, _ = window.pixels(places)
    own = 1.0 / float(np.prod(window.spacing))
    for width in bandwidth / np.array(window.spacing):
        reach = int(_TRUNCATE * width + 0.5)
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
        own /= float(kernel.sum())
    sigma = bandwidth / np.array(window.spacing)
    share = ndimage.gaussian_filter(
        window.mask.astype(np.float64), sigma, mode="constant", truncate=_TRUNCATE
    )
    pixel = tuple(index.T)
    least = 0.01 * len(places) / window.size
    return np.maximum(density[pixel] - own / share[pixel], least)


@operation(version=1, title="Density of points")
def point_density(
    points: Annotated[Points, Role("Carrier")],
    region: Annotated[Labels | Regions, Role("Tissue")],
    exclude: Annotated[list[Labels | Regions] | None, Role("Exclude")] = None,
    *,
    bandwidth: Annotated[
        float | None, Option(unit="µm", minimum=1e-6, label="Smoothed over")
    ] = None,
    task: Task | None = None,
) -> Image:
    """Map how densely points lie, smoothed by a Gaussian.

    Towards the edge of the region the kernel is divided by its share inside (Diggle
    1985, doi:10.2307/2347366), so that an even pattern has no dim rim.

    Parameters
    ----------
    points
        Particles or cells.
    region
        Where they could have been found.
    exclude
        Areas to leave out.
    bandwidth
        Standard deviation of the Gaussian. A larger value shows coarser structure.
        Auto: an eighth of the shortest side of the region.
    task
        Progress.

    Returns
    -------
    density
        Points per µm² or µm³, NaN outside the region.

    Raises
    ------
    CannotCompute
        If the region holds no points.
    WrongInput
        If points and region lie in different spaces or dimensions.
    """
    windows = windows_of(region, exclude)
    patterns = windows.patterns(points)
    if not any(len(pattern.places) for pattern in patterns):
        raise CannotCompute(
            f"{points.name} has no points in the region",
            "at least one",
            "check that points and region overlap",
        )
    task = task or Task()
    whole = np.full(windows.grid.spatial_shape, np.nan, np.float32)
    for number, pattern in enumerate(patterns):
        task.step(number, len(patterns), "smoothing points")
        window = pattern.window
        width = bandwidth or usual_bandwidth(window)
        values = smoothed(pattern.places, window, width)
        origin = windows.origins[number].astype(int)
        box = tuple(
            slice(o, o + n) for o, n in zip(origin, window.mask.shape, strict=True)
        )
        part = whole[box]
        part[window.mask] = values[window.mask]
    axes = windows.grid.spatial_axes
    return Image(
        levels=single_level(whole, axes),
        axes=axes,
        grid_to_space=windows.grid.grid_to_space,
        space=windows.grid.space,
        name=f"density of {points.name}",
        quantity=Quantity("density of points", f"1/µm{'²' if len(axes) == 2 else '³'}"),
        tags=without_role(points.tags),
    )
