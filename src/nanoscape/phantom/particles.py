"""Small things on a jittered lattice: nuclei, blobs and diffraction-limited spots.

Each lattice cell holds at most one, whose properties are hashes of the cell's
number: any window of any section can be made without the rest of it.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.scene import Section
from nanoscape.phantom.streams import hash_unit, sub_seed

NUCLEUS_PITCH_UM = 10.5
BLOB_PITCH_UM = 150.0
SPOT_PITCH_UM = 16.0

_NUCLEI, _BLOBS, _SPOTS = 100, 101, 102
_PROPERTIES = 5

FloatArray = NDArray[np.float64]
Window = tuple[float, float, float, float]
"""First and last y, first and last x, in µm."""


def nuclei(section: Section, window: Window) -> FloatArray:
    """Return the nuclei whose centres lie in a window.

    There are none outside the tissue, in necroses and inside vessels.

    Returns
    -------
    ndarray
        ``y, x, half axis, half axis, angle, brightness``; shape ``(n, 6)``, µm and
        radians.
    """
    seed = sub_seed(section.seed, _NUCLEI)
    places = jittered(seed, np.array(window), NUCLEUS_PITCH_UM, 0.62)
    place, u = places[:, :2], places[:, 2:]
    keep = (u[:, 0] < 0.9) & section.in_tissue(place) & ~section.in_necrosis(place)
    place, u = place[keep], u[keep]
    wall, _ = section.all_walls.at(place, 10.0)
    place, u = place[wall > 1.5], u[wall > 1.5]
    half = 2.6 + 1.9 * u[:, 1]
    return np.column_stack(
        [
            place,
            half,
            half * (0.6 + 0.4 * u[:, 2]),
            np.pi * u[:, 3],
            0.55 + 0.6 * u[:, 4],
        ]
    )


def blobs(section: Section, window: Window) -> FloatArray:
    """Return bright things in the vessel stain that are not vessels.

    Returns
    -------
    ndarray
        ``y, x, half axis, half axis, angle, brightness``; shape ``(n, 6)``.
    """
    seed = sub_seed(section.seed, _BLOBS)
    places = jittered(seed, np.array(window), BLOB_PITCH_UM, 1.0)
    place, u = places[:, :2], places[:, 2:]
    keep = (u[:, 0] < 0.5) & section.in_tissue(place)
    place, u = place[keep], u[keep]
    wall, _ = section.all_walls.at(place, 40.0)
    place, u = place[wall > 15.0], u[wall > 15.0]
    half = 3.0 + 4.5 * u[:, 1]
    return np.column_stack(
        [
            place,
            half,
            half * (0.7 + 0.3 * u[:, 2]),
            np.pi * u[:, 3],
            0.4 + 0.7 * u[:, 4],
        ]
    )


def spots(section: Section, window: Window) -> FloatArray:
    """Return the particles that show as diffraction-limited spots.

    A lattice cell holds one with a probability proportional to the carrier's
    concentration where it would lie, so that they follow the carrier's law.

    Returns
    -------
    ndarray
        ``y, x, photons``; shape ``(n, 3)``.
    """
    seed = sub_seed(section.seed, _SPOTS)
    places = jittered(seed, np.array(window), SPOT_PITCH_UM, 1.0)
    place, u = places[:, :2], places[:, 2:]
    inside = section.in_tissue(place)
    place, u = place[inside], u[inside]
    wall, _ = section.perfused_walls.at(place)
    law = section.carrier
    share = law.at(wall, place) / (law.offset + law.excess)
    keep = u[:, 0] < 0.7 * share
    photons = 900.0 * np.exp(1.1 * u[keep, 1])
    return np.column_stack([place[keep], photons])


@numba.njit(nogil=True, cache=True)
def jittered(
    seed: int, window: FloatArray, pitch_um: float, jitter: float
) -> FloatArray:
    """Return places in a window with five uniform numbers each, row by row."""
    first_row, last_row = (
        math.floor(window[0] / pitch_um) - 1,
        math.floor(window[1] / pitch_um) + 1,
    )
    first_column, last_column = (
        math.floor(window[2] / pitch_um) - 1,
        math.floor(window[3] / pitch_um) + 1,
    )
    room = (last_row - first_row + 1) * (last_column - first_column + 1)
    result = np.empty((room, 2 + _PROPERTIES))
    count = 0
    for row in range(first_row, last_row + 1):
        for column in range(first_column, last_column + 1):
            key = 8 * column
            dy = 0.5 + jitter * (hash_unit(seed, row, key) - 0.5)
            dx = 0.5 + jitter * (hash_unit(seed, row, key + 1) - 0.5)
            # Every other row is shifted, as in packed cells.
            y = (row + dy) * pitch_um
            x = (column + dx + 0.5 * (row % 2)) * pitch_um
            if window[0] <= y < window[1] and window[2] <= x < window[3]:
                result[count, 0], result[count, 1] = y, x
                for k in range(_PROPERTIES):
                    result[count, 2 + k] = hash_unit(seed, row, key + 2 + k)
                count += 1
    return result[:count]


@numba.njit(nogil=True, cache=True)
def draw_ellipses(
    image: FloatArray,
    y_um: FloatArray,
    x_um: FloatArray,
    ellipses: FloatArray,
    grain: FloatArray,
) -> None:
    """Draw filled ellipses with an edge of one pixel; the brightest wins.

    Parameters
    ----------
    image
        Drawn upon, shape ``(h, w)``.
    y_um, x_um
        Evenly spaced coordinates.
    ellipses
        ``y, x, half axis, half axis, angle, brightness``; shape ``(n, 6)``.
    grain
        Multiplies what is drawn, shape ``(h, w)``.
    """
    step = y_um[1] - y_um[0]
    for n in range(len(ellipses)):
        y, x, long, short, angle, brightness = ellipses[n]
        cosine, sine = math.cos(angle), math.sin(angle)
        reach = long + step
        top = max(math.floor((y - reach - y_um[0]) / step), 0)
        bottom = min(math.ceil((y + reach - y_um[0]) / step), len(y_um) - 1)
        left = max(math.floor((x - reach - x_um[0]) / step), 0)
        right = min(math.ceil((x + reach - x_um[0]) / step), len(x_um) - 1)
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                dy, dx = y_um[i] - y, x_um[j] - x
                a = (dy * sine + dx * cosine) / long
                b = (dy * cosine - dx * sine) / short
                edge = (1.0 - math.sqrt(a * a + b * b)) * short / step
                cover = min(max(edge + 0.5, 0.0), 1.0)
                value = brightness * cover * grain[i, j]
                if value > image[i, j]:
                    image[i, j] = value


@numba.njit(nogil=True, cache=True)
def add_spots(
    image: FloatArray,
    y_um: FloatArray,
    x_um: FloatArray,
    spots: FloatArray,
    sigma_um: float,
) -> None:
    """Add Gaussians that hold a given number of photons each.

    Parameters
    ----------
    image
        Photons per pixel, added to; shape ``(h, w)``.
    y_um, x_um
        Evenly spaced coordinates.
    spots
        ``y, x, photons``; shape ``(n, 3)``.
    sigma_um
        Standard deviation of the point spread.
    """
    step = y_um[1] - y_um[0]
    norm = step * step / (2 * math.pi * sigma_um * sigma_um)
    reach = 5 * sigma_um
    for n in range(len(spots)):
        y, x = spots[n, 0], spots[n, 1]
        top = max(math.floor((y - reach - y_um[0]) / step), 0)
        bottom = min(math.ceil((y + reach - y_um[0]) / step), len(y_um) - 1)
        left = max(math.floor((x - reach - x_um[0]) / step), 0)
        right = min(math.ceil((x + reach - x_um[0]) / step), len(x_um) - 1)
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                dy, dx = (y_um[i] - y) / sigma_um, (x_um[j] - x) / sigma_um
                image[i, j] += spots[n, 2] * norm * math.exp(-(dy * dy + dx * dx) / 2)
