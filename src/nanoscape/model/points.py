"""Points: particles, cells, clicks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nanoscape.errors import WrongInput
from nanoscape.model.tags import Tags


@dataclass(frozen=True, eq=False, kw_only=True)
class Points:
    """Places in a space.

    Attributes
    ----------
    coordinates
        In µm, shape ``(n, len(axes))``.
    axes
        Spatial axes, such as ``"yx"``.
    space
        Name of the space.
    name
        What they are, in a few words.
    table
        One row per point; units stand in the column names.
    tags
        What else is known.
    """

    kind: ClassVar[str] = "points"

    coordinates: NDArray[np.float64]
    axes: str
    space: str
    name: str
    table: pd.DataFrame | None = None
    tags: Tags = field(default_factory=Tags)

    def __post_init__(self) -> None:
        coordinates = as_coordinates(self.coordinates, self.axes, self.name)
        object.__setattr__(self, "coordinates", coordinates)
        if self.table is not None and len(self.table) != len(coordinates):
            raise WrongInput(
                f"the table of {self.name} has {len(self.table)} rows for "
                f"{len(coordinates)} points"
            )

    def __len__(self) -> int:
        return len(self.coordinates)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)


def as_coordinates(values: ArrayLike, axes: str, name: str) -> NDArray[np.float64]:
    """Return a read-only copy of coordinates, checked against the axes."""
    array = np.array(values, dtype=np.float64)
    if array.size == 0:
        array = array.reshape(0, len(axes))
    if array.ndim != 2 or array.shape[1] != len(axes):
        raise WrongInput(
            f"{name} has coordinates of shape {array.shape}", f"(n, {len(axes)})"
        )
    if not np.isfinite(array).all():
        raise WrongInput(f"{name} has coordinates that are not finite")
    array.setflags(write=False)
    return array
