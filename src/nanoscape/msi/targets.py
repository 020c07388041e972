"""Which ions are wanted: by formula and adduct, or by m/z, from text or a list."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nanoscape.errors import WrongInput
from nanoscape.model import Table
from nanoscape.msi.formulas import Ion, ion_of

_MOST = 2000


@dataclass(frozen=True)
class Target:
    """One ion that is looked for.

    Attributes
    ----------
    name
        Of the compound; the ion's own name where there is none.
    mz
        Where it is.
    tolerance_ppm
        Half width of its window.
    ion
        Formula, adduct and isotope pattern, where they are known.
    """

    name: str
    mz: float
    tolerance_ppm: float
    ion: Ion | None = None

    @property
    def label(self) -> str:
        """A name that tells the ions of one compound apart."""
        if self.ion is not None:
            return f"{self.name} {self.ion.adduct}"
        return self.name or f"m/z {self.mz:.4f}"


def targets_from(
    text: str, table: Table | None, adducts: str, tolerance_ppm: float
) -> list[Target]:
    """Return the ions that are wanted, in the order of list and text.

    Parameters
    ----------
    text
        Compounds separated by commas: formulas or m/z, each with a name and an equals
        sign in front or not.
    table
        With the columns ``formula`` or ``mz``, and ``name``, ``adduct`` and ``ppm``
        where they are known.
    adducts
        For formulas without adducts of their own, separated by commas.
    tolerance_ppm
        For ions without one of their own.

    Raises
    ------
    WrongInput
        If nothing is asked for, or something that is neither formula nor m/z.
    """
    found: list[Target] = []
    if table is not None:
        for number in range(len(table.data)):
            row = table.data.iloc[number]
            found += _of_row(row, number, table.name, adducts, tolerance_ppm)
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, what = part.rpartition("=")
        found += _of_text(name.strip(), what.strip(), adducts, tolerance_ppm)
    if not found:
        raise WrongInput(
            "it is not said which ions are wanted", "a formula, an m/z or a list"
        )
    if len(found) > _MOST:
        raise WrongInput(f"{len(found)} ions are asked for", f"at most {_MOST} at once")
    return found


def _of_row(
    row: pd.Series[Any], number: int, table: str, adducts: str, ppm: float
) -> Iterator[Target]:
    name = _said(row, "name")
    own = _said(row, "ppm") or _said(row, "tolerance_ppm")
    tolerance = _number(own, f"row {number + 1} of {table}") if own else ppm
    if tolerance > 1e5:
        raise WrongInput(
            f"row {number + 1} of {table} has a tolerance of {tolerance:g} ppm",
            "at most 100000",
        )
    formula = _said(row, "formula")
    mz = _said(row, "mz") or _said(row, "m/z")
    if formula:
        own = _said(row, "adduct") or _said(row, "adducts")
        yield from _ions(name, formula, own or adducts, tolerance)
    elif mz:
        yield Target(name, _number(mz, f"row {number + 1} of {table}"), tolerance)
    else:
        raise WrongInput(
            f"row {number + 1} of {table} names no ion", "a formula or an m/z"
        )


def _of_text(name: str, what: str, adducts: str, ppm: float) -> Iterator[Target]:
    try:
        mz = float(what)
    except ValueError:
        yield from _ions(name, what, adducts, ppm)
        return
    yield Target(name, _number(str(mz), repr(what)), ppm)


def _ions(name: str, formula: str, adducts: str, ppm: float) -> Iterator[Target]:
    chosen = [part for part in adducts.replace(";", ",").split(",") if part.strip()]
    if not chosen:
        raise WrongInput(f"{formula} has no adduct", "such as [M+H]+")
    for adduct in chosen:
        ion = ion_of(formula, adduct)
        yield Target(name or formula, ion.mz, ppm, ion)


def _said(row: pd.Series[Any], name: str) -> str:
    value = row.get(name)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise WrongInput(f"{where} holds {text!r}", "a number above zero")
    return value
