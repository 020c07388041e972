"""Amounts measured outside of images: gamma counter, LC-MS, ICP-MS of digests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nanoscape.model import Table, Tags
from nanoscape.workflow.sheet.columns import amount_name, is_amount
from nanoscape.workflow.sheet.report import Report
from nanoscape.workflow.sheet.rows import Row
from nanoscape.workflow.sheet.values import number_and_unit

KEYS = ("subject", "lesion", "section")


def amounts_table(
    rows: Sequence[Row], path: Path, report: Report, mark: str
) -> Table | None:
    """Return rows that name no file but amounts as a table.

    Parameters
    ----------
    rows
        Rows with amounts.
    path
        The sheet, for the name of the table.
    report
        Takes remarks on what is left out.
    mark
        Decimal mark of numbers that stand as text.

    Returns
    -------
    Table or None
        One row for each, with ``subject``, ``lesion`` and ``section`` where they
        are given, the other columns of the sheet, and amounts in columns whose
        names end in the unit, such as ``liver_percent_id_per_g``. ``None`` when no
        row could be used.
    """
    records = []
    for row in rows:
        if "subject" not in row.tags:
            report.add(
                "no file", f"row {row.number}", "it names neither a file nor an animal"
            )
            continue
        amounts = _amounts(row, report, mark)
        if amounts:
            records.append(row.tags | amounts)
            report.used += 1
    if not records:
        return None
    frame = pd.DataFrame.from_records(records)
    first = [key for key in KEYS if key in frame]
    frame = frame[first + [name for name in frame if name not in first]]
    scope = {
        key: frame[key].iloc[0]
        for key in first
        if frame[key].notna().all() and frame[key].nunique() == 1
    }
    return Table(
        data=frame,
        name=path.stem,
        notes=(f"amounts from {path.name}, in the units that it states",),
        tags=Tags.of("sheet", sheet=path.name, **scope),
    )


def _amounts(row: Row, report: Report, mark: str) -> dict[str, Any]:
    """Return the amounts of a row by columns that name their unit."""
    found: dict[str, Any] = {}
    for column, cell in row.amounts.items():
        value, own = number_and_unit(cell, mark)
        stated = column.unit or row.amount_unit
        if own == "%" and stated.startswith("%"):
            own = stated
        unit = own or stated
        if not unit or not is_amount(unit):
            said = f"the unit {unit!r} is not known" if unit else "no unit is given"
            report.add(
                "unreadable",
                cell.where,
                f"{column.heading}: {said}: an amount such as 5 %ID/g or 2 µg/g",
            )
        elif own and stated and own.replace(" ", "") != stated.replace(" ", ""):
            report.add(
                "unreadable",
                cell.where,
                f"{column.heading}: the unit {own} is not the stated one, {stated}",
            )
        else:
            name = column.tag if column.unit else amount_name(column.tag, unit)
            found[name] = value
    return found
