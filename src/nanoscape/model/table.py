"""Tables: measured numbers with units in their column names."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import pandas as pd

from nanoscape.model.tags import Tags


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Measured numbers.

    Attributes
    ----------
    data
        One row per thing measured; every column of numbers with a unit ends in
        it, such as ``half_distance_um``.
    name
        What was measured, in a few words.
    notes
        Sentences that belong beside the numbers: weights, null model, edge
        correction, and reasons for values that are missing.
    tags
        What else is known.
    """

    kind: ClassVar[str] = "table"

    data: pd.DataFrame
    name: str
    notes: tuple[str, ...] = ()
    tags: Tags = field(default_factory=Tags)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def __len__(self) -> int:
        return len(self.data)
