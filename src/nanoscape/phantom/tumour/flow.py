"""What flows between the cells of a grid.

Samples are followed as flat runs of one plane, short enough for the cache, in loops
that the compiler turns into vector instructions: they read few arrays and index from
0 upwards. All additions have one fixed order.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_ASIDE = 1.0 / 12.0


def outflow(
    c: FloatArray, rate: FloatArray, faces: tuple[FloatArray, FloatArray, FloatArray]
) -> FloatArray:
    """Return −∇·(D ∇c) + k c of each cell, shape ``(z, y, x)``.

    Parameters
    ----------
    c
        Shape ``(z, y, x)``; the first and last layers hold no tissue.
    rate
        k of each cell in 1/s.
    faces
        Conductances in 1/s between each cell and the next along ``z y x``.
    """
    result = rate * c
    z, y, x = (face.ravel() for face in faces)
    columns = c.shape[2]
    plane = c.shape[1] * columns
    flat, total = c.ravel(), result.reshape(-1)
    _in_planes(total, flat, x, plane, columns, 1, columns)
    _in_planes(total, flat, y, plane, columns, columns, 1)
    _between_planes(total, flat, z, plane, columns)
    return result


@numba.njit(nogil=True, cache=True)
def _in_planes(
    result: FloatArray,
    c: FloatArray,
    g: FloatArray,
    plane: int,
    columns: int,
    along: int,
    aside: int,
) -> None:
    """Add flows along an axis within planes, whose faces lie ``aside`` apart."""
    first, count = columns + 1, plane - 2 * columns - 2
    last, whole = first + count, plane - along
    under, own, over = np.zeros(plane), np.zeros(plane), np.zeros(plane)
    flow = np.empty(count)
    _differences(under[:whole], c[:whole], c[along:plane])
    _differences(own[:whole], c[plane : plane + whole], c[plane + along : 2 * plane])
    for k in range(1, len(c) // plane - 1):
        start = (k + 1) * plane
        lower, upper = c[start : start + whole], c[start + along : start + plane]
        _differences(over[:whole], lower, upper)
        here = k * plane + first
        face = g[here : here + count]
        _direct(flow, face, own[first:last])
        below, above = here - plane, here + plane
        _beside(
            flow,
            face,
            g[below : below + count],
            g[above : above + count],
            own[first:last],
            under[first:last],
            over[first:last],
        )
        _beside(
            flow,
            face,
            g[here - aside : here - aside + count],
            g[here + aside : here + aside + count],
            own[first:last],
            own[first - aside : last - aside],
            own[first + aside : last + aside],
        )
        _move(result[here : here + count], flow, 1.0)
        _move(result[here + along : here + along + count], flow, -1.0)
        under, own, over = own, over, under


@numba.njit(nogil=True, cache=True)
def _between_planes(
    result: FloatArray, c: FloatArray, g: FloatArray, plane: int, columns: int
) -> None:
    """Add flows from each plane to the next."""
    first, count = columns + 1, plane - 2 * columns - 2
    last = first + count
    own, flow = np.empty(plane), np.empty(count)
    for k in range(1, len(c) // plane - 2):
        start = k * plane
        _differences(
            own, c[start : start + plane], c[start + plane : start + 2 * plane]
        )
        here = start + first
        face = g[here : here + count]
        _direct(flow, face, own[first:last])
        for aside in (1, columns):
            _beside(
                flow,
                face,
                g[here - aside : here - aside + count],
                g[here + aside : here + aside + count],
                own[first:last],
                own[first - aside : last - aside],
                own[first + aside : last + aside],
            )
        _move(result[here : here + count], flow, 1.0)
        _move(result[here + plane : here + plane + count], flow, -1.0)


@numba.njit(nogil=True, cache=True)
def _differences(found: FloatArray, one: FloatArray, other: FloatArray) -> None:
    for i in range(len(found)):
        found[i] = one[i] - other[i]


@numba.njit(nogil=True, cache=True)
def _direct(flow: FloatArray, face: FloatArray, fall: FloatArray) -> None:
    for i in range(len(flow)):
        flow[i] = face[i] * fall[i]


@numba.njit(nogil=True, cache=True)
def _beside(
    flow: FloatArray,
    face: FloatArray,
    one: FloatArray,
    other: FloatArray,
    fall: FloatArray,
    fall_one: FloatArray,
    fall_other: FloatArray,
) -> None:
    """Add a twelfth of how the falls through two parallel faces differ from a face's.

    A face counts no more than the less conducting of both.
    """
    for i in range(len(flow)):
        a = one[i] if one[i] < face[i] else face[i]
        b = other[i] if other[i] < face[i] else face[i]
        more = a * (fall_one[i] - fall[i]) + b * (fall_other[i] - fall[i])
        flow[i] += _ASIDE * more


@numba.njit(nogil=True, cache=True)
def _move(result: FloatArray, flow: FloatArray, sign: float) -> None:
    for i in range(len(result)):
        result[i] += sign * flow[i]
