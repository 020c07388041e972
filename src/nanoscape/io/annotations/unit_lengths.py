"""Places in files that do not name their unit of length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io.opening import Options


def unit_um(path: Path, options: Options) -> float:
    """Return the length of a file's unit in µm, as the caller states it.

    Raises
    ------
    MissingCalibration
        If the caller does not.
    """
    if options.pixel_size is None:
        raise MissingCalibration(
            f"{path} gives places without their unit",
            "the length of one unit in the file",
            "give it in µm (pixel_size): 1 for places in µm, 1000 for mm, the pixel "
            "size for pixels",
        )
    return options.pixel_size


def reversed_axes(
    rows: Sequence[Sequence[float]], path: Path
) -> tuple[NDArray[np.float64], str]:
    """Return places given as ``x y`` or ``x y z`` in our order, and their axes."""
    places = np.array(rows, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] not in (2, 3):
        raise UnreadableFile(
            f"{path} is damaged: its places do not all have two, or three, numbers"
        )
    return places[:, ::-1], "zyx"[-places.shape[1] :]
