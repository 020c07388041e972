"""Labels: objects or areas on a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from nanoscape.errors import WrongInput
from nanoscape.model.raster import Raster, grid_affine, single_level
from nanoscape.model.tags import Tags
from nanoscape.model.transform import Affine


@dataclass(frozen=True, eq=False, kw_only=True)
class Labels(Raster):
    """Objects or areas on a grid: 0 is background, each object has a number.

    Attributes
    ----------
    table
        One row per object with its number in the column ``index``; units stand
        in the column names. ``None`` when nothing was measured.
    """

    kind: ClassVar[str] = "labels"

    table: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (np.issubdtype(self.dtype, np.integer) or self.dtype == np.bool_):
            raise WrongInput(
                f"{self.name} holds numbers of type {self.dtype}",
                "whole numbers, one for each object",
            )
        if self.table is not None and "index" not in self.table:
            raise WrongInput(f"the table of {self.name} has no column 'index'")

    @classmethod
    def from_array(
        cls,
        data: Any,
        axes: str,
        *,
        spacing: Mapping[str, float] | Sequence[float] | float | None = None,
        grid_to_space: Affine | None = None,
        space: str = "world",
        name: str = "labels",
        tags: Tags | None = None,
        table: pd.DataFrame | None = None,
    ) -> Labels:
        """Make labels of one level from an array; see :meth:`Image.from_array`."""
        spatial = "".join(axis for axis in axes if axis != "t")
        return cls(
            levels=single_level(data, spatial),
            axes=axes,
            grid_to_space=grid_affine(spatial, spacing, grid_to_space, name),
            space=space,
            name=name,
            tags=tags or Tags(),
            table=table,
        )
