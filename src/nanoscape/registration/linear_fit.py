"""Least-squares fits of linear maps to pairs of places.

Rigid and similarity maps follow Umeyama (1991, doi:10.1109/34.88573), affine maps
are ordinary linear regression. Maps are ``x → linear · x + shift`` with places as
rows of shape ``(n, d)``, in two or three dimensions.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Model = Literal["rigid", "similarity", "affine"]


def parameter_count(model: Model, ndim: int) -> int:
    """Return how many numbers a map has.

    Examples
    --------
    >>> [parameter_count(m, 2) for m in ("rigid", "similarity", "affine")]
    [3, 4, 6]
    """
    rotations = ndim * (ndim - 1) // 2
    counts = {"rigid": 0, "similarity": 1, "affine": ndim * ndim - rotations}
    return ndim + rotations + counts[model]


def fewest_pairs(model: Model, ndim: int) -> int:
    """Return how many pairs in general position determine a map."""
    return ndim + 1 if model == "affine" else ndim


def fit(
    moving: FloatArray, fixed: FloatArray, model: Model, *, mirror: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return the linear part and the shift of the best map from moving to fixed.

    Parameters
    ----------
    moving, fixed
        Places of shape ``(n, d)``.
    model
        Rigid: rotation and shift. Similarity: one scale as well. Affine: any
        linear map, which may mirror.
    mirror
        Whether a rigid or similarity map is a reflection instead of a rotation.
    """
    centre_x, centre_y = moving.mean(axis=0), fixed.mean(axis=0)
    x, y = moving - centre_x, fixed - centre_y
    if model == "affine":
        linear = np.linalg.lstsq(x, y, rcond=None)[0].T
    else:
        u, values, vt = np.linalg.svd(y.T @ x)
        signs = np.ones(x.shape[1])
        signs[-1] = np.sign(np.linalg.det(u) * np.linalg.det(vt)) * (1 - 2 * mirror)
        linear = u @ np.diag(signs) @ vt
        if model == "similarity":
            linear = linear * ((values * signs).sum() / (x * x).sum())
    return linear, centre_y - linear @ centre_x


def sum_of_squares(
    moving: FloatArray, fixed: FloatArray, model: Model, *, mirror: bool = False
) -> FloatArray:
    """Return the sum of squared residuals of the best map, without the map.

    Parameters
    ----------
    moving
        Places of shape ``(n, d)``.
    fixed
        Their counterparts in many trial orders, shape ``(..., n, d)``.
    model, mirror
        As in :func:`fit`.
    """
    x = moving - moving.mean(axis=0)
    y = fixed - fixed.mean(axis=-2, keepdims=True)
    total: FloatArray = (y * y).sum(axis=(-2, -1))
    if model == "affine":
        basis = np.linalg.qr(x)[0]
        explained = ((basis.T @ y) ** 2).sum(axis=(-2, -1))
        return np.maximum(total - explained, 0.0)
    cross = np.swapaxes(y, -2, -1) @ x
    values = np.linalg.svd(cross, compute_uv=False)
    turn = np.where(np.linalg.det(cross) < 0, -1.0, 1.0) * (1 - 2 * mirror)
    overlap = values[..., :-1].sum(axis=-1) + turn * values[..., -1]
    size = (x * x).sum()
    if model == "rigid":
        return np.maximum(total + size - 2 * overlap, 0.0)
    return np.maximum(total - overlap**2 / size, 0.0)


def sensitivity(places: FloatArray, linear: FloatArray, model: Model) -> FloatArray:
    """Return how the mapped places move with the parameters of the map.

    Parameters
    ----------
    places
        Places of the moving space relative to the centre of the landmarks, of
        shape ``(m, d)``.
    linear
        Linear part of the fitted map.
    model
        The kind of map.

    Returns
    -------
    numpy.ndarray
        Derivatives of shape ``(m, d, parameters)``; the scale of each parameter
        is arbitrary.
    """
    count, ndim = places.shape
    identity = np.broadcast_to(np.eye(ndim), (count, ndim, ndim))
    if model == "affine":
        spread = np.einsum("mj,ik->mikj", places, np.eye(ndim))
        return np.concatenate([identity, spread.reshape(count, ndim, -1)], axis=2)
    mapped = places @ linear.T
    columns = [identity]
    for first in range(ndim):
        for second in range(first + 1, ndim):
            turn = np.zeros((count, ndim, 1))
            turn[:, first, 0] = -mapped[:, second]
            turn[:, second, 0] = mapped[:, first]
            columns.append(turn)
    if model == "similarity":
        columns.append(mapped[:, :, None])
    return np.concatenate(columns, axis=2)
