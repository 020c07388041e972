"""What the readers of volumes share: places, labels, numbers in a header."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nanoscape.errors import UnreadableFile
from nanoscape.model import Affine, Image, Labels

PATIENT = "patient"
"""The space of files that say where a volume lies in the body: LPS."""

_MOST_SAMPLES = 2**48


def place_of(steps: ArrayLike, origin: ArrayLike) -> Affine:
    """Return the place of a grid from its steps in the order ``x y z``.

    Parameters
    ----------
    steps
        Step in µm along each grid axis, shape ``(space axes, grid axes)``, both in
        the order ``x y z``.
    origin
        Centre of the first voxel in µm, in the order ``x y z``.
    """
    linear = np.asarray(steps, dtype=np.float64)
    outputs, inputs = linear.shape
    matrix = np.eye(outputs + 1, inputs + 1)
    matrix[-1] = 0.0
    matrix[:-1, :-1] = linear[::-1, ::-1]
    matrix[:-1, -1] = np.asarray(origin, dtype=np.float64)[::-1]
    matrix[-1, -1] = 1.0
    return Affine(matrix, "zyx"[-inputs:], "zyx"[-outputs:])


def as_labels(image: Image, table: pd.DataFrame | None = None) -> Labels:
    """Return an image of whole numbers as labels."""
    return Labels(
        levels=image.levels,
        axes=image.axes,
        grid_to_space=image.grid_to_space,
        space=image.space,
        name=image.name,
        tags=image.tags,
        times=image.times,
        table=table,
    )


def numbers(text: str, count: int | None, what: str, path: Path) -> list[float]:
    """Return the numbers of a line in a header.

    Raises
    ------
    UnreadableFile
        If there are not as many as expected, or one of them is not finite.
    """
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        values = []
    if not values or not all(map(math.isfinite, values)):
        raise UnreadableFile(f"{path} states {what} as {text[:60]!r}", "numbers")
    if count is not None and len(values) != count:
        raise UnreadableFile(
            f"{path} states {len(values)} numbers for {what}", f"{count}"
        )
    return values


def lengths(text: str, count: int | None, path: Path) -> tuple[int, ...]:
    """Return the lengths of axes that a header states.

    Raises
    ------
    UnreadableFile
        If one is not a positive whole number, or they are beyond all measure.
    """
    values = numbers(text, count, "its size", path)
    if any(value < 1 or value != int(value) for value in values):
        raise UnreadableFile(f"{path} states its size as {text[:60]!r}")
    check_size(values, path)
    return tuple(int(value) for value in values)


def check_size(shape: Sequence[float], path: Path) -> None:
    """Raise :class:`UnreadableFile` when a shape cannot be that of a file."""
    if math.prod(shape) > _MOST_SAMPLES:
        raise UnreadableFile(f"{path} states a size of {math.prod(shape):g} samples")
