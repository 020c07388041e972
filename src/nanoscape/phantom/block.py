"""A tumour as an instrument for volumes finds it, and the voxels it looks with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.solids import draw_capsules
from nanoscape.phantom.specimen import SUBSTANCES
from nanoscape.phantom.streams import INSTRUMENT, sub_seed
from nanoscape.phantom.tumour import Tumour

FloatArray = NDArray[np.float64]
Axis = NDArray[np.floating[Any]]
Axes = tuple[Axis, Axis, Axis]
"""Evenly spaced z, y and x of a grid, in µm of an image."""


@dataclass(frozen=True, eq=False)
class TumourBlock:
    """The uncut block of one lesion on the stage of one instrument.

    Attributes
    ----------
    name
        Subject and lesion, such as ``"m1_l1"``.
    seed
        Names the lesion and the instrument.
    tumour
        What is looked at.
    level
        What the substances of the lesion are multiplied with.
    batch
        Number of the day of measurement.
    """

    name: str
    seed: int
    tumour: Tumour
    level: float = 1.0
    batch: int = 0

    def stream(self, *purpose: int) -> int:
        """Return the seed of one purpose of the instrument."""
        return sub_seed(self.seed, INSTRUMENT, *purpose)

    def values(
        self,
        names: Sequence[str],
        places_um: FloatArray,
        depth_um: FloatArray | None = None,
    ) -> dict[str, FloatArray]:
        """Return fields at places ``(n, 3)`` of the tumour, scaled by the level.

        The depth of the places below the surface is looked up if it is not given.
        """
        found = self.tumour.values(names, places_um, depth_um)
        for name in SUBSTANCES:
            if name in found:
                found[name] *= self.level
        return found


@dataclass(frozen=True, eq=False)
class View:
    """Voxels of an image, and where they lie in a tumour.

    The place v of an image, ``(z, y, x)`` in µm with the centre of the first voxel at
    0, lies in the tumour at ``scale · rotation · v + shift``.

    Attributes
    ----------
    shape
        Voxels along ``z y x``.
    pitch_um
        Their distances.
    rotation
        Shape ``(3, 3)``.
    scale
        Length in the tumour over length in the image.
    shift
        Where the centre of the first voxel lies, in µm.
    """

    shape: tuple[int, int, int]
    pitch_um: tuple[float, float, float]
    rotation: FloatArray
    scale: float
    shift: FloatArray

    def axes(self, step: tuple[int, int, int] = (1, 1, 1)) -> Axes:
        """Return the places of every n-th voxel along each axis."""
        z, y, x = (
            np.arange(0, n, s) * pitch
            for n, s, pitch in zip(self.shape, step, self.pitch_um, strict=True)
        )
        return z, y, x

    def places(self, axes: Axes) -> FloatArray:
        """Return where the places of a grid lie in the tumour, shape ``(n, 3)``."""
        z, y, x = axes
        turned = self.scale * self.rotation
        found = np.empty((len(z), len(y), len(x), 3))
        # Sums by hand: a matrix product may round by the number of rows.
        for axis, (a, b, c) in enumerate(turned):
            plane = b * y[:, None] + c * x
            found[..., axis] = a * z[:, None, None] + plane + self.shift[axis]
        return found.reshape(-1, 3)

    def into(self, tumour_um: FloatArray) -> FloatArray:
        """Return where places ``(n, 3)`` of the tumour lie in the image."""
        rest = (tumour_um - self.shift) / self.scale
        turned = self.rotation.T
        columns = [(rest * row).sum(axis=1) for row in turned]
        return np.stack(columns, axis=1)

    def box(self, axes: Axes, margin_um: float) -> tuple[FloatArray, FloatArray]:
        """Return corners of a box of the tumour that holds a grid and a margin."""
        ends: Axes = (axes[0][[0, -1]], axes[1][[0, -1]], axes[2][[0, -1]])
        corners = self.places(ends)
        reach = margin_um * self.scale
        return corners.min(axis=0) - reach, corners.max(axis=0) + reach

    def walls(
        self, tumour: Tumour, axes: Axes, reach_um: float
    ) -> tuple[FloatArray, NDArray[np.int32]]:
        """Return signed distances to vessels on a grid, and which segment is nearest.

        Parameters
        ----------
        tumour
            Whose vessels.
        axes
            The grid.
        reach_um
            Distances are not followed beyond this.

        Returns
        -------
        wall
            In µm of the image, negative in a lumen; shape ``(z, y, x)``.
        segment
            -1 where no wall is near.
        """
        network = tumour.network
        shape = len(axes[0]), len(axes[1]), len(axes[2])
        wall, segment = np.full(shape, reach_um), np.full(shape, -1, np.int32)
        low, high = self.box(axes, reach_um)
        tubes = network.capsules
        first = np.minimum(tubes[:, :3], tubes[:, 3:6]) - tubes[:, 6:]
        last = np.maximum(tubes[:, :3], tubes[:, 3:6]) + tubes[:, 6:]
        near = np.flatnonzero(((first <= high) & (last >= low)).all(axis=1))
        seen = np.column_stack(
            [
                self.into(tubes[near, :3]),
                self.into(tubes[near, 3:6]),
                tubes[near, 6] / self.scale,
            ]
        )
        draw_capsules(wall, segment, *axes, seen, network.segment[near])
        return wall, segment


def rotation(
    turn_deg: float, tilts_deg: tuple[float, float] = (0.0, 0.0)
) -> FloatArray:
    """Return a turn from x to y, and then tilts of y and of x towards z, ``(3, 3)``."""
    a, b, c = (math.radians(d) for d in (turn_deg, *tilts_deg))
    turn = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.0, math.cos(a), math.sin(a)],
            [0.0, -math.sin(a), math.cos(a)],
        ]
    )
    down = np.array(
        [
            [math.cos(b), math.sin(b), 0.0],
            [-math.sin(b), math.cos(b), 0.0],
            [0.0, 0.0, 1.0],
        ]
    )
    across = np.array(
        [
            [math.cos(c), 0.0, math.sin(c)],
            [0.0, 1.0, 0.0],
            [-math.sin(c), 0.0, math.cos(c)],
        ]
    )
    return across @ down @ turn
