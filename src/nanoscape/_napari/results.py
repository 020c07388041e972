"""What a run gave, in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nanoscape.model import Record, Table
from nanoscape.workflow.session import Session

_MAX_NUMBERS = 4
_REASON = "_reason"
_MISSING = "–"
_SUFFIXES = {"_um": "µm", "_um2": "µm²", "_um3": "µm³", "_s": "s", "_percent": "%",
             "_ppm": "ppm"}  # fmt: skip


def tables_of(session: Session, record: Record) -> list[Table]:
    """Return the tables that a run gave and that are open."""
    items = (session[a] for a in record.outputs.values() if a in session)
    return [item for item in items if isinstance(item, Table)]


def result_line(session: Any, record: Record) -> str:
    """Return what a run gave: names, counts, and the numbers of a small table.

    Parameters
    ----------
    session
        Holds the results.
    record
        The run.
    """
    items = [session[address] for address in record.outputs.values()]
    parts = [text for text in map(describe_result, items) if text]
    return " ".join([f"Done in {duration(record.seconds)}.", *parts])


def how_it_came_about(session: Session, record: Record) -> list[str]:
    """Return what the numbers of a run's results were made of, step by step."""
    items = [session[a] for a in record.outputs.values() if a in session]
    steps = [getattr(item, "tags", {}).get("derivation") for item in items]
    known = [step for several in steps for step in several or ()]
    return ["How this number came about:", *(f"• {s}" for s in known)] if known else []


def describe_result(item: Any) -> str:
    """Return one sentence about a result; empty when there is nothing to say."""
    table = getattr(item, "table", None)
    word = item.name.partition(" ")[0]
    name = item.name[:1].upper() + item.name[1:] if word.isalpha() else item.name
    if item.kind == "labels" and table is not None:
        return f"{name}: {len(table):,} object{'' if len(table) == 1 else 's'}."
    if item.kind == "points":
        return f"{name}: {len(item):,}."
    if item.kind == "edge":
        return _alignment(item)
    if item.kind == "table":
        return _table_sentence(item, name)
    return f"{name}."


def quantity_text(column: str, value: Any) -> str:
    """Return a number of a table with its name and unit in words."""
    name, unit = column_words(column)
    text = value_text(value, column)
    return f"{name} {text} {unit}" if unit and text != _MISSING else f"{name} {text}"


def column_words(column: str) -> tuple[str, str]:
    """Return the name of a column in words, and its unit.

    Examples
    --------
    >>> column_words("half_distance_um")
    ('half distance', 'µm')
    """
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if column.endswith(suffix) and column != suffix:
            return column.removesuffix(suffix).replace("_", " "), _SUFFIXES[suffix]
    return column.replace("_", " "), ""


def value_text(value: Any, column: str = "") -> str:
    """Return a value with a sensible number of digits.

    Parameters
    ----------
    value
        What is shown.
    column
        Where it stands in a table; the digits of m/z tell ions apart.
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return _MISSING
        if column == "mz" or column.startswith("mz_"):
            return f"{value:.4f}"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return _MISSING if value is None else str(value)


def _table_sentence(table: Any, name: str) -> str:
    """Return the numbers of a table of one row; longer ones are shown elsewhere."""
    if len(table.data) != 1:
        return ""
    numbers = _numbers(table.data)
    return f"{name}: {numbers}." if numbers else " ".join(table.notes)


def _numbers(data: pd.DataFrame) -> str:
    """Return the numbers that carry a reason for when they are missing, else the first.

    Those with a reason are what the measurement is about.
    """
    row = data.iloc[0]
    columns = [str(column) for column in data.columns]
    stems = [c.removesuffix(_REASON) for c in columns if c.endswith(_REASON)]
    if stems:
        return ", ".join(_explained(row, columns, stem) for stem in stems)
    parts = [
        quantity_text(column, row[column])
        for column in columns
        if isinstance(row[column], int | float | np.number | np.bool_)
    ]
    more = " …" if len(parts) > _MAX_NUMBERS else ""
    return ", ".join(parts[:_MAX_NUMBERS]) + more


def _explained(row: pd.Series[Any], columns: list[str], stem: str) -> str:
    column = next(c for c in columns if c.startswith(stem) and not c.endswith(_REASON))
    reason = str(row[stem + _REASON] or "")
    text = quantity_text(column, row[column])
    return f"{text} ({reason})" if reason else text


def _alignment(edge: Any) -> str:
    error = edge.quality.expected_error_um
    line = f"{edge.moving} → {edge.fixed}: " + (
        "no estimate of the error"
        if error is None
        else f"expected error {error:.3g} µm"
    )
    return ". ".join([line, *(w.rstrip(".") for w in edge.quality.warnings)]) + "."


def duration(seconds: float) -> str:
    """Return in words how long something took."""
    if seconds < 1:
        return "less than a second"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
