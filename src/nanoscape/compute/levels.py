"""Which resolution to work at, chosen by physical spacing."""

from __future__ import annotations

from typing import TypeVar

from nanoscape.model.raster import Raster

R = TypeVar("R", bound=Raster)


def level_for(raster: Raster, working_spacing: float) -> int:
    """Return the coarsest level whose pixels are not larger than asked.

    Parameters
    ----------
    raster
        An image or labels.
    working_spacing
        Largest allowed distance of pixel centres along any axis, in µm.

    Returns
    -------
    int
        0, the finest, when none is fine enough.
    """
    chosen = 0
    for index in range(len(raster.levels)):
        # A level stored at 0.999 of the asked spacing is meant to fit.
        if max(raster.level_spacing(index).values()) <= working_spacing * (1 + 1e-6):
            chosen = index
    return chosen


def at_spacing(raster: R, working_spacing: float) -> R:
    """Return the raster from the level that :func:`level_for` chooses."""
    return raster.at_level(level_for(raster, working_spacing))
