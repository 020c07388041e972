"""How far every place is from the nearest vessel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute import Task, distance_transform, map_blocks
from nanoscape.compute.resample import check_no_time
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Tags
from nanoscape.model.raster import single_level
from nanoscape.operation import Option, Role, operation


@operation(version=1, title="Distance to vessels")
def distance_map(
    objects: Annotated[Labels, Role("Vessels")],
    *,
    from_wall: Annotated[bool, Option(label="Measure from the vessel wall")] = True,
    task: Task | None = None,
) -> Image:
    """Measure the distance of every pixel to the nearest vessel.

    The distance is the exact Euclidean one (Felzenszwalb and Huttenlocher 2012,
    doi:10.4086/toc.2012.v008a019), over the whole field and in µm along every axis.

    Parameters
    ----------
    objects
        Labels of the vessels; any other objects do as well.
    from_wall
        Measure from the wall of the vessel, which lies half a pixel outside the
        centre of its outermost pixel. Without it distances run from the centre of
        that pixel and are half a pixel longer.
    task
        Progress.

    Returns
    -------
    distances
        In µm, on the grid of the vessels; 0 inside them.

    Raises
    ------
    CannotCompute
        If there are no vessels.
    WrongInput
        If the labels are a series in time or their axes are not at right angles.

    Examples
    --------
    >>> import numpy as np
    >>> vessel = Labels.from_array(np.array([[1, 0, 0]]), "yx", spacing=2.0)
    >>> distance_map(vessel).data.compute().tolist()
    [[0.0, 1.0, 3.0]]
    """
    check_no_time(objects)
    _check_right_angles(objects)
    spacing = list(objects.spacing.values())
    first, second = (task or Task()).split(4, 1)
    try:
        distances = distance_transform(objects.data, spacing, task=first)
    except CannotCompute as error:
        raise CannotCompute(
            f"there are no vessels in {objects.name}, so there is no distance to "
            "measure",
            "at least one",
            "find vessels with other settings, or leave this section out",
        ) from error
    if from_wall:
        even = max(spacing) <= min(spacing) * (1 + 1e-6)
        distances = map_blocks(
            _from_wall,
            [distances],
            dtype=np.float32,
            halo=0 if even else 1,
            arguments=(tuple(spacing), even),
            task=second,
            text="measuring from the wall",
        )
    return Image(
        levels=single_level(distances, objects.spatial_axes),
        axes=objects.axes,
        grid_to_space=objects.grid_to_space,
        space=objects.space,
        name=f"distance to {objects.name}",
        quantity=Quantity("distance", "µm"),
        tags=_without_role(objects.tags),
    )


def _without_role(tags: Tags) -> Tags:
    return Tags({name: tag for name, tag in tags.tags.items() if name != "role"})


def _check_right_angles(objects: Labels) -> None:
    linear = objects.grid_to_space.linear
    unit = linear / np.linalg.norm(linear, axis=0)
    if np.abs(unit.T @ unit - np.eye(unit.shape[1])).max() > 1e-3:
        raise WrongInput(
            f"the axes of {objects.name} are not at right angles",
            "a grid of rectangular pixels",
            "find the vessels in the image as it was acquired",
        )


def _from_wall(
    distances: NDArray[np.float32], spacing: Sequence[float], even: bool
) -> NDArray[Any]:
    """Subtract half a pixel, as long as it is in the direction of the vessel."""
    values = distances.astype(np.float64)
    half = spacing[0] / 2 if even else _half_pixel(values, spacing)
    return np.where(values > 0, np.maximum(values - half, 0), 0).astype(np.float32)


def _half_pixel(
    distances: NDArray[np.float64], spacing: Sequence[float]
) -> NDArray[np.float64]:
    # The slope of the squared distance is twice the way from the nearest vessel,
    # exactly so where the neighbours share that vessel pixel.
    squared = distances**2
    ways = np.zeros((len(spacing), *distances.shape))
    for axis, step in enumerate(spacing):
        if distances.shape[axis] > 1:
            ways[axis] = np.gradient(squared, step, axis=axis) / 2
    length = np.sqrt((ways**2).sum(axis=0))
    safe = np.where(length > 0, length, 1.0)
    steps = np.reshape(spacing, (-1,) + (1,) * distances.ndim)
    half = np.sqrt(((ways / safe * steps) ** 2).sum(axis=0)) / 2
    return np.where(length > 0, half, min(spacing) / 2)
