"""Measured values with the subject, lesion and section they come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Table

LEVELS = ("subject", "lesion", "section")
"""From the highest to the lowest; names of columns, or of tags of the tables."""


def gathered(
    tables: Sequence[Table], value: str, needed: Sequence[str], known: Sequence[str]
) -> pd.DataFrame:
    """Return one column of all tables beside where its rows come from.

    Parameters
    ----------
    tables
        Results of any measurement.
    value
        Column of the value; may stay empty when there is only one of numbers.
    needed
        Levels that must be known: columns, or tags of the whole table.
    known
        Levels that are taken along where they are known.

    Returns
    -------
    DataFrame
        The columns ``value`` and the levels, as text; rows without a value are
        missing, and counted in ``attrs["n_not_measured"]``.

    Raises
    ------
    CannotCompute
        If no row has a value.
    WrongInput
        If a column or a level is not known.
    """
    if not tables:
        raise WrongInput("no table was given", "at least one table of results")
    parts = []
    for table in tables:
        column = value or _only_column(table)
        if column not in table.data:
            raise WrongInput(
                f"{table.name} has no column {column!r}",
                f"one of {', '.join(_numbers(table.data))}",
            )
        part = pd.DataFrame(
            {"value": pd.to_numeric(table.data[column], errors="coerce")}
        ).astype(np.float64)
        for level in dict.fromkeys((*needed, *known)):
            said = _said(table, level)
            if said is not None:
                part[level] = said
            elif level in needed:
                raise WrongInput(
                    f"{table.name} does not say which {level} its rows come from",
                    f"a column or a tag {level!r}",
                    "fill in the sheet of the study, or name the column",
                )
        parts.append(part)
    whole = pd.concat(parts, ignore_index=True)
    for level in known:
        if level in whole and whole[level].isna().any():
            del whole[level]
    measured = whole[np.isfinite(whole["value"])].reset_index(drop=True)
    measured.attrs["n_not_measured"] = len(whole) - len(measured)
    if measured.empty:
        raise CannotCompute(
            "no row of the tables has a value", "at least one measured value", ""
        )
    return measured


def _said(table: Table, level: str) -> pd.Series | str | None:
    if level in table.data:
        return table.data[level].astype(str).to_numpy()  # type: ignore[return-value]
    return str(table.tags[level]) if level in table.tags else None


def _numbers(data: pd.DataFrame) -> list[str]:
    return [str(c) for c in data.select_dtypes("number") if c not in LEVELS]


def _only_column(table: Table) -> str:
    numbers = _numbers(table.data)
    if len(numbers) == 1:
        return numbers[0]
    raise WrongInput(
        f"{table.name} has {len(numbers)} columns of numbers",
        "the name of one of them" + (f": {', '.join(numbers)}" if numbers else ""),
    )
