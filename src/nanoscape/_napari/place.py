"""Where objects lie, in napari's terms: scale, translate, rotate, shear, affine."""

from __future__ import annotations

import itertools
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from nanoscape._napari.scene import SceneAxes, frame_times, item_axes
from nanoscape.errors import WrongInput
from nanoscape.model import Affine, Raster, Study

Matrix = NDArray[np.float64]


def to_reference(item: Any, study: Study) -> Affine:
    """Return the map from an object's space into the one it is aligned to."""
    root = study.root_of(item.space)
    return study.transform(item.space, root, item_axes(item))


def affine_setting(transform: Affine, axes: SceneAxes) -> Matrix:
    """Return ``layer.affine`` for a transform, on the scene's axes."""
    return _with_time(_lifted(transform, axes.spatial, 1.0), axes)


def grid_settings(item: Raster, study: Study, axes: SceneAxes) -> dict[str, Any]:
    """Return scale, translate, rotate and shear: grid to space."""
    matrix = _lifted(item.grid_to_space, axes.spatial, _thickness(item, axes))
    if "z" in axes.axes and "z" not in item_axes(item):
        matrix[0, -1] = _section_position(item)
    time = len(item.axes) - len(item.spatial_axes)
    order = layer_order(item, study)[time:]
    if len(order) == len(axes.spatial):
        matrix = matrix[:, [*(column - time for column in order), -1]]
    scale, rotate, shear = decomposed(matrix[:-1, :-1])
    translate = matrix[:-1, -1]
    if "t" not in axes.axes:
        return {
            "scale": scale,
            "rotate": rotate,
            "shear": shear,
            "translate": translate,
        }
    step, start = _time_grid(item, axes)
    ndim = len(axes.axes)
    turned = np.eye(ndim)
    turned[1:, 1:] = rotate
    sheared = np.eye(ndim)
    sheared[1:, 1:] = _unit_upper(shear, ndim - 1)
    return {
        "scale": np.array([step, *scale]),
        "rotate": turned,
        "shear": sheared[np.triu_indices(ndim, 1)],
        "translate": np.array([start, *translate]),
    }


def decomposed(linear: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Split a matrix as ``rotate · shear · scale``, the way napari joins them.

    A mirror goes into the signs of the scale, so that the rotation is proper; of
    the ways to do so, the one with the smallest rotation is taken.

    Returns
    -------
    scale : array of shape (n,)
    rotate : array of shape (n, n)
    shear : array of shape (n * (n - 1) / 2,)
        Upper triangle of the shear matrix.
    """
    rotate, upper = np.linalg.qr(linear)
    n = len(linear)
    candidates = [
        signs
        for signs in itertools.product((1.0, -1.0), repeat=n)
        if np.linalg.det(rotate * signs) > 0
    ]
    signs = np.array(max(candidates, key=lambda s: float(np.trace(rotate * s))))
    rotate = rotate * signs
    upper = signs[:, None] * upper
    scale = np.diagonal(upper).copy()
    shear = upper / scale
    return scale, rotate, shear[np.triu_indices(n, 1)]


def layer_order(item: Raster, study: Study) -> tuple[int, ...]:
    """Return the order in which a layer takes an object's axes.

    A volume that was acquired in another orientation is turned so that its axes
    run as closely as they can along those of the scene: napari slices along data
    axes.
    """
    plain = tuple(range(len(item.axes)))
    if item.spatial_axes != "zyx":
        return plain
    linear = item.grid_to_space.then(to_reference(item, study)).linear
    strength = np.abs(linear / np.linalg.norm(linear, axis=0))
    best = max(
        itertools.permutations(range(3)),
        key=lambda order: sum(strength[row, col] for row, col in enumerate(order)),
    )
    if best[0] == 0:
        return plain
    time = len(item.axes) - 3
    return (*plain[:time], *(time + column for column in best))


def embedded(
    data: da.Array, item: Raster, order: tuple[int, ...], axes: SceneAxes
) -> da.Array:
    """Return samples with all axes of the scene; colour samples stay last."""
    extra = range(len(item.axes), data.ndim)
    moved = data.transpose((*order, *extra)) if order != tuple(sorted(order)) else data
    index: list[Any] = [
        slice(None) if axis in item.axes else None for axis in axes.axes
    ]
    return moved[tuple(index)] if None in index else moved


def lifted_points(points: Matrix, item: Any, axes: SceneAxes) -> Matrix:
    """Return coordinates on the scene's spatial axes."""
    columns = [
        points[:, item.axes.index(axis)]
        if axis in item.axes
        else np.full(len(points), _section_position(item))
        for axis in axes.spatial
    ]
    return np.stack(columns, axis=1)


def from_layer_affine(matrix: Matrix, space_axes: str, fixed_axes: str) -> Affine:
    """Return a layer's affine as a transform between two spaces.

    Parameters
    ----------
    matrix
        Homogeneous matrix on the axes of the scene.
    space_axes, fixed_axes
        Axes of the object's space and of the one it is moved in.
    """
    n = len(matrix) - 1
    names = "tzyx"[4 - n :]
    rows = [*(names.index(axis) for axis in fixed_axes), n]
    columns = [*(names.index(axis) for axis in space_axes), n]
    return Affine(matrix[np.ix_(rows, columns)], space_axes, fixed_axes)


def _lifted(affine: Affine, axes: str, thickness: float) -> Matrix:
    """Return an affine on more axes; one that is new to it keeps its direction."""
    matrix = np.eye(len(axes) + 1)
    rows = [axes.index(axis) for axis in affine.output_axes]
    columns = [axes.index(axis) for axis in affine.input_axes]
    if not set(affine.input_axes) <= set(affine.output_axes):
        raise WrongInput(
            f"a transform {affine.input_axes} → {affine.output_axes} flattens space",
            "one that keeps every axis",
        )
    matrix[np.ix_([*rows, -1], [*columns, -1])] = affine.matrix
    for i, axis in enumerate(axes):
        if axis in affine.input_axes:
            continue
        if axis in affine.output_axes:
            matrix[rows, i] = _normal(affine.linear, rows.index(i))
        matrix[:-1, i] *= thickness
    return matrix


def _normal(linear: Matrix, row: int) -> Matrix:
    """Return the unit vector across a plane, on the positive side of one axis."""
    left, _, _ = np.linalg.svd(linear, full_matrices=True)
    normal = left[:, -1]
    return normal if normal[row] >= 0 else -normal


def _with_time(matrix: Matrix, axes: SceneAxes) -> Matrix:
    if "t" not in axes.axes:
        return matrix
    whole = np.eye(len(matrix) + 1)
    whole[1:, 1:] = matrix
    return whole


def _time_grid(item: Raster, axes: SceneAxes) -> tuple[float, float]:
    """Return step and start in seconds; what has no time lasts all the time."""
    if "t" in item.axes:
        times = frame_times(item)
        if len(times) < 2:
            return 1.0, times[0]
        return (times[-1] - times[0]) / (len(times) - 1), times[0]
    start, stop = axes.period_s
    # Twice the period, so that the first and last frame lie well inside.
    return max(2 * (stop - start), 1.0), (start + stop) / 2


def _thickness(item: Raster, axes: SceneAxes) -> float:
    return _number(item.tags.get("section_thickness_um")) or axes.z_step_um


def _section_position(item: Any) -> float:
    return _number(item.tags.get("section_position_um")) or 0.0


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _unit_upper(values: Matrix, n: int) -> Matrix:
    matrix = np.eye(n)
    matrix[np.triu_indices(n, 1)] = values
    return matrix
