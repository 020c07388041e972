"""Masses and isotope patterns of ions, from formulas and adducts.

Masses and abundances of isotopes are those of molmass, which takes them from NIST.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import molmass
import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import WrongInput

ADDUCTS = (
    "[M+H]+",
    "[M+Na]+",
    "[M+K]+",
    "[M+NH4]+",
    "[M+H-H2O]+",
    "[M+2H]2+",
    "[2M+H]+",
    "[M]+",
    "[M-H]-",
    "[M+Cl]-",
    "[M+HCOO]-",
    "[M]-",
)
"""Adducts that are often met; any other can be written in the same way."""

ELECTRON = 0.000548579909065
"""Mass of the electron in unified atomic mass units, CODATA 2018."""

_FORMULA = re.compile(r"(?:[A-Z][a-z]?|\d|[()\[\]])+")
_ADDUCT = re.compile(r"\[(\d?)M((?:[+-]\d?[A-Z][A-Za-z0-9]*)*)\](\d?)([+-])[.•]?")
_TERM = re.compile(r"([+-])(\d?)([A-Z][A-Za-z0-9]*)")
_SYMBOL = re.compile(r"(\d*)([A-Z][a-z]?)")
_LONGEST, _MOST_ATOMS = 120, 2000


@dataclass(frozen=True)
class Ion:
    """A charged molecule.

    Attributes
    ----------
    formula
        Of the neutral molecule, as it was given.
    adduct
        Such as ``"[M+Na]+"``.
    mz
        Of the isotopologue of the most abundant isotope of each element.
    pattern_mz
        Mean m/z of each nominal mass, rising.
    pattern
        Their shares; they add up to one.
    """

    formula: str
    adduct: str
    mz: float
    pattern_mz: NDArray[np.float64]
    pattern: NDArray[np.float64]

    def isotopologues(
        self, most: int, least: float = 0.01
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return m/z and shares of the strongest isotopologues, by rising m/z.

        Parameters
        ----------
        most
            How many there may be.
        least
            Share of the strongest below which one is left out.
        """
        kept = np.argsort(-self.pattern, kind="stable")[:most]
        kept = np.sort(kept[self.pattern[kept] >= least * self.pattern.max()])
        return self.pattern_mz[kept], self.pattern[kept]


def ion_of(formula: str, adduct: str) -> Ion:
    """Return the ion of a molecule with an adduct.

    Parameters
    ----------
    formula
        Such as ``"C27H29NO11"``; ``D`` or ``[13C]`` for isotopes, and brackets.
    adduct
        What is added or lost and the charge, such as ``"[M+H]+"``, ``"[2M+Na]+"`` or
        ``"[M+H-H2O]+"``.

    Raises
    ------
    WrongInput
        If formula or adduct cannot be read, or more is lost than is there.

    Examples
    --------
    >>> round(ion_of("C27H29NO11", "[M+H]+").mz, 5)
    544.18134
    """
    match = _ADDUCT.fullmatch(adduct.strip())
    if match is None:
        raise WrongInput(
            f"{adduct.strip()!r} is no adduct", f"such as {', '.join(ADDUCTS[:4])}"
        )
    count, terms, charge, sign = match.groups()
    atoms: dict[str, int] = {}
    _add(atoms, _composition(formula), int(count or 1))
    for direction, number, part in _TERM.findall(terms):
        several = int(number or 1) * (1 if direction == "+" else -1)
        _add(atoms, _composition(part), several)
    lacking = [symbol for symbol, number in atoms.items() if number < 0]
    if lacking or not any(atoms.values()):
        raise WrongInput(
            f"{formula} has no {lacking[0] if lacking else 'atoms'} left to lose as "
            f"{adduct}",
            "an adduct that fits the formula",
        )
    charges = int(charge or 1)
    if not charges:
        raise WrongInput(f"{adduct} has no charge", "an ion")
    electrons = (-1 if sign == "+" else 1) * charges * ELECTRON
    whole = molmass.Formula(_written(atoms))
    # Shares below this change no m/z by more than its last digits.
    lines = list(whole.spectrum(min_fraction=1e-9).values())
    mass = np.array([line.mass for line in lines])
    share = np.array([line.fraction for line in lines])
    return Ion(
        formula=formula.strip(),
        adduct=adduct.strip(),
        mz=(float(whole.monoisotopic_mass) + electrons) / charges,
        pattern_mz=(mass + electrons) / charges,
        pattern=share / share.sum(),
    )


def _composition(formula: str) -> dict[str, int]:
    """Return the number of atoms by symbol, ``13C`` and ``2H`` apart from C and H."""
    text = formula.strip()
    known = _FORMULA.fullmatch(text) and len(text) <= _LONGEST
    try:
        found = molmass.Formula(
            text if known else "?",
            parse_groups=False,
            parse_oligos=False,
            parse_fractions=False,
            parse_arithmetic=False,
            allow_empty=False,
        )
        atoms = {
            symbol: int(item.count) for symbol, item in found.composition().items()
        }
    except (molmass.FormulaError, OverflowError, KeyError) as error:
        raise WrongInput(
            f"{text!r} is no formula", 'symbols and numbers, such as "C27H29NO11"'
        ) from error
    if sum(atoms.values()) > _MOST_ATOMS:
        raise WrongInput(f"{text} has more than {_MOST_ATOMS} atoms", "a smaller one")
    return atoms


def _add(atoms: dict[str, int], more: Mapping[str, int], times: int) -> None:
    for symbol, number in more.items():
        atoms[symbol] = atoms.get(symbol, 0) + number * times


def _written(atoms: Mapping[str, int]) -> str:
    parts = []
    for symbol, number in atoms.items():
        match = _SYMBOL.fullmatch(symbol)
        assert match is not None
        name = f"[{symbol}]" if match[1] else symbol
        if number:
            parts.append(f"{name}{number}")
    return "".join(parts)
