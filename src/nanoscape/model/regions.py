"""Regions: named areas drawn by hand or imported."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
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
    holes
        For each polygon the corners of areas inside it that do not belong to it;
        empty when none has any.
    table
        What is known of single polygons, one row for each: ``classification``,
        ``color`` as ``"#rrggbb"``, and ``id``, which polygons share that are parts of
        one area.
    tags
        What else is known.
    """

    kind: ClassVar[str] = "regions"

    polygons: tuple[NDArray[np.float64], ...]
    names: tuple[str, ...]
    axes: str
    space: str
    name: str
    holes: tuple[tuple[NDArray[np.float64], ...], ...] = ()
    table: pd.DataFrame | None = None
    tags: Tags = field(default_factory=Tags)

    def __post_init__(self) -> None:
        if len(self.names) != len(self.polygons):
            raise WrongInput(
                f"{self.name} has {len(self.names)} names for "
                f"{len(self.polygons)} polygons"
            )
        object.__setattr__(self, "polygons", self._corners(self.polygons))
        if self.holes and len(self.holes) != len(self.polygons):
            raise WrongInput(
                f"{self.name} has holes for {len(self.holes)} of "
                f"{len(self.polygons)} polygons"
            )
        holes = tuple(self._corners(rings) for rings in self.holes)
        object.__setattr__(self, "holes", holes if any(holes) else ())
        if self.table is not None and len(self.table) != len(self.polygons):
            raise WrongInput(
                f"the table of {self.name} has {len(self.table)} rows for "
                f"{len(self.polygons)} polygons"
            )

    def _corners(
        self, polygons: tuple[NDArray[np.float64], ...]
    ) -> tuple[NDArray[np.float64], ...]:
        found = tuple(as_coordinates(p, self.axes, self.name) for p in polygons)
        if any(len(polygon) < 3 for polygon in found):
            raise WrongInput(f"{self.name} has a polygon of fewer than three corners")
        return found

    def __len__(self) -> int:
        return len(self.polygons)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def holes_of(self, number: int) -> tuple[NDArray[np.float64], ...]:
        """Return the holes of one polygon."""
        return self.holes[number] if self.holes else ()

    def named(self, name: str) -> Self:
        """Return the polygons of one name."""
        kept = [i for i, own in enumerate(self.names) if own == name]
        return self.replace(
            polygons=tuple(self.polygons[i] for i in kept),
            names=(name,) * len(kept),
            holes=tuple(self.holes_of(i) for i in kept),
            table=None if self.table is None else self.table.iloc[kept],
        )

    def with_slits(self) -> tuple[NDArray[np.float64], ...]:
        """Return each polygon as one ring that goes into its holes and back.

        By the even-odd rule such a ring holds what the polygon holds without its
        holes.
        """
        return tuple(
            functools.reduce(_joined, self.holes_of(i), polygon)
            for i, polygon in enumerate(self.polygons)
        )


def _joined(
    outer: NDArray[np.float64], hole: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a ring that leaves the outer one where the hole is near."""
    first = hole[0]
    near = int(np.argmin(np.linalg.norm(outer - first, axis=1)))
    return np.concatenate(
        [outer[: near + 1], hole, hole[:1], outer[near:]], dtype=np.float64
    )
