"""Regions: named areas drawn by hand or imported."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput
from nanoscape.model.points import as_coordinates
from nanoscape.model.tags import Tags


@dataclass(frozen=True, eq=False, kw_only=True)
class Regions:
    """Named polygons in a space.

    Attributes
    ----------
    polygons
        Corners in µm, each of shape ``(n, len(axes))``; the last joins the first.
    names
        One name for each polygon; several may share one.
    axes
        Spatial axes, such as ``"yx"``.
    space
        Name of the space.
    name
        What they are, in a few words.
    tags
        What else is known.
    """

    kind: ClassVar[str] = "regions"

    polygons: tuple[NDArray[np.float64], ...]
    names: tuple[str, ...]
    axes: str
    space: str
    name: str
    tags: Tags = field(default_factory=Tags)

    def __post_init__(self) -> None:
        if len(self.names) != len(self.polygons):
            raise WrongInput(
                f"{self.name} has {len(self.names)} names for "
                f"{len(self.polygons)} polygons"
            )
        polygons = tuple(as_coordinates(p, self.axes, self.name) for p in self.polygons)
        if any(len(polygon) < 3 for polygon in polygons):
            raise WrongInput(f"{self.name} has a polygon of fewer than three corners")
        object.__setattr__(self, "polygons", polygons)

    def __len__(self) -> int:
        return len(self.polygons)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)
