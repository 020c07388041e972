"""The tables of a reference study: assays for everybody, levels for the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nanoscape.phantom.cohort import CohortTable
from nanoscape.phantom.files import complete
from nanoscape.phantom.reference.lesion import LesionWork
from nanoscape.phantom.reference.truth import FOLDER

ASSAYS = "tables/assays.csv"
"""Gamma counter and LC-MS of a piece of each lesion."""


def write_tables(out: Path, table: CohortTable, works: Sequence[LesionWork]) -> None:
    """Write what was measured of each lesion, and the levels of all sections."""
    write_csv(out / ASSAYS, table.lesions.round(6))
    levels = table.truth.assign(level=table.sections["level"])
    day = {work.name: work.batch for work in works}
    lesion = levels["subject"] + "_" + levels["lesion"]
    levels = levels.assign(batch=lesion.map(day))
    write_csv(out / FOLDER / "levels.csv", levels)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV."""
    with complete(path) as (draft,):
        table.to_csv(draft, index=False, lineterminator="\n")
