"""Names of isotopes as instruments write them."""

from __future__ import annotations

import re

_SYMBOLS = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn
    Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce
    Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn
    Fr Ra Ac Th Pa U Np Pu Am Cm
"""
_ELEMENTS = frozenset(_SYMBOLS.split())
_SYMBOL_FIRST = r"(?P<symbol>[A-Z][a-z]?)\(?(?P<mass>\d{1,3})\)?(?:Di)?"
_MASS_FIRST = r"(?P<mass>\d{1,3})(?P<symbol>[A-Z][a-z]?)"
# Tandem instruments add the mass after the reaction cell, those that weigh the charge.
_REST = r"(?:\s*->\s*\d{1,3}|\s*\|\s*[\w.]+)?(?:\s*[([](?:cps|CPS|counts|ppm)[)\]])?"
_FORMS = (
    re.compile(_SYMBOL_FIRST + _REST),
    re.compile(_MASS_FIRST + _REST),
    re.compile(rf"\[{_MASS_FIRST}\]\+"),
)


def isotope_of(text: str) -> str | None:
    """Return the isotope that a channel is named after, such as ``"Au197"``.

    Parameters
    ----------
    text
        A name as instruments write it: ``Au197``, ``197Au``, ``Au(197)``,
        ``P31 -> 47`` or ``[197Au]+``.

    Returns
    -------
    str or None
        Symbol and mass number, or ``None`` when the name is no isotope.

    Examples
    --------
    >>> isotope_of("197Au"), isotope_of("P31 -> 47"), isotope_of("A1")
    ('Au197', 'P31', None)
    """
    for form in _FORMS:
        match = form.fullmatch(text.strip().strip("'\""))
        if match and match["symbol"] in _ELEMENTS and int(match["mass"]) > 0:
            return f"{match['symbol']}{int(match['mass'])}"
    return None
