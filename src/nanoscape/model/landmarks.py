"""Landmarks: places that are the same in two spaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.model.points import as_coordinates
from nanoscape.model.tags import Tags


@dataclass(frozen=True, eq=False, kw_only=True)
class Landmarks:
    """Pairs of places, clicked in a moving and in a fixed space.

    Attributes
    ----------
    moving, fixed
        Coordinates in µm, both of shape ``(n, len(axes))``; row ``i`` of one is
        meant to be the same place as row ``i`` of the other.
    moving_space, fixed_space
        Names of the two spaces.
    axes
        Spatial axes of both.
    names
        One name for each pair; numbered by default.
    click_error_um
        Standard deviation of one click along one axis, when it is known.
    name
        What they are, in a few words.
    tags
        What else is known.
    """

    kind: ClassVar[str] = "landmarks"

    moving: NDArray[np.float64]
    fixed: NDArray[np.float64]
    moving_space: str
    fixed_space: str
    axes: str = "yx"
    names: tuple[str, ...] = ()
    click_error_um: float | None = None
    name: str = "landmarks"
    tags: Tags = field(default_factory=Tags)

    def __post_init__(self) -> None:
        for side in ("moving", "fixed"):
            values = as_coordinates(getattr(self, side), self.axes, self.name)
            object.__setattr__(self, side, values)
        if len(self.moving) != len(self.fixed):
            raise WrongInput(
                f"{len(self.moving)} landmarks in {self.moving_space} and "
                f"{len(self.fixed)} in {self.fixed_space}",
                "the same number, in pairs",
            )
        if not self.names:
            numbered = tuple(f"L{i + 1}" for i in range(len(self.moving)))
            object.__setattr__(self, "names", numbered)
        if len(self.names) != len(self.moving):
            raise WrongInput(f"{len(self.names)} names for {len(self.moving)} pairs")

    def __len__(self) -> int:
        return len(self.moving)
