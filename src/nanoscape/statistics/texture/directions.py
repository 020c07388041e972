"""Steps from a voxel to its neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int64]


def directions(solid: Sequence[bool]) -> Steps:
    """Return one of each two opposite directions to voxels that touch.

    Parameters
    ----------
    solid
        For z, y and x whether there is anything but one layer of voxels.

    Returns
    -------
    array
        13 directions in a volume, 4 in a plane, shape ``(n, 3)``.
    """
    steps = steps_within(solid, 1)
    return steps[[tuple(step) > (0, 0, 0) for step in steps.tolist()]]


def steps_within(solid: Sequence[bool], distance: int) -> Steps:
    """Return steps to all voxels within a Chebyshev distance, the voxel left out."""
    reach = [range(-distance, distance + 1) if more else (0,) for more in solid]
    steps = [step for step in itertools.product(*reach) if any(step)]
    return np.array(steps, np.int64).reshape(-1, 3)
