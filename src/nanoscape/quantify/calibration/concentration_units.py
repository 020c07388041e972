"""Concentrations of standards in other units, in micrograms for each gram."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from nanoscape.errors import CannotCompute

Unit = Literal["µg/g", "ng/g", "pg/mm²", "pg per spot", "µg/mL", "µM"]
MASS_FRACTION, AREA_DENSITY = "µg/g", "pg/mm²"

_SPELLINGS: dict[str, Unit] = {
    "ug/g": "µg/g",
    "mg/kg": "µg/g",
    "ng/g": "ng/g",
    "pg/mm2": "pg/mm²",
    "pg/spot": "pg per spot",
    "ug/ml": "µg/mL",
    "umol/l": "µM",
}
_AT_END = re.compile(r"[\s_(\[]*([a-z]+)\s*(?:/|_per_|\bper\b|_)\s*([a-z]+2?)[)\]\s]*$")


@dataclass(frozen=True)
class Specimen:
    """What turns other units into micrograms for each gram; ``None`` is not stated.

    Attributes
    ----------
    thickness_um
        Of the section.
    density_g_ml
        Of the tissue.
    molar_mass_g_mol
        Of the analyte.
    """

    thickness_um: float | None = None
    density_g_ml: float | None = None
    molar_mass_g_mol: float | None = None


def unit_of(text: str) -> Unit | None:
    """Return the unit with which a heading or name ends, if there is one.

    Examples
    --------
    >>> unit_of("gold_ug_per_g"), unit_of("5 µg/g"), unit_of("concentration")
    ('µg/g', 'µg/g', None)
    """
    plain = text.strip().lower()
    for letter, other in (("µ", "u"), ("μ", "u"), ("²", "2")):
        plain = plain.replace(letter, other)
    match = _AT_END.search(plain)
    return _SPELLINGS.get(f"{match[1]}/{match[2]}") if match else None


def factor_to(
    unit: Unit, specimen: Specimen, area_mm2: float | None
) -> tuple[float, str, str]:
    """Return by what concentrations are multiplied, and the unit they then have.

    One microgram per gram is t · ρ picograms per mm², with the thickness t in µm and
    the density ρ in g/mL: 10.5 at 10 µm and 1.05 g/mL.

    Parameters
    ----------
    unit
        Of the standards.
    specimen
        What is stated of section, tissue and analyte.
    area_mm2
        Of a standard, for amounts by spot.

    Returns
    -------
    factor, unit, account
        The unit is µg/g, or pg/mm² where neither thickness nor density is stated.

    Raises
    ------
    CannotCompute
        If a value that is needed is not stated.
    """
    if unit == "µg/g":
        return 1.0, MASS_FRACTION, ""
    if unit == "ng/g":
        return 1e-3, MASS_FRACTION, "1 ng/g is 0.001 µg/g"
    density = specimen.density_g_ml
    if unit in ("µg/mL", "µM"):
        mass = specimen.molar_mass_g_mol if unit == "µM" else 1e3
        if density is None or mass is None:
            _refuse(unit, {"density": density, "molar mass": mass})
        stated = f"a density of {density:g} g/mL"
        if unit == "µM":
            stated += f" and a molar mass of {mass:g} g/mol"
        return mass / 1e3 / density, MASS_FRACTION, f"{unit} in µg/g by {stated}"
    factor = 1.0
    account = ""
    if unit == "pg per spot":
        if not area_mm2:
            raise CannotCompute(
                "amounts by spot need the area of each spot",
                todo="give the spots as regions of an image",
            )
        factor, account = 1 / area_mm2, "amounts by the area of each spot; "
    thickness = specimen.thickness_um
    if density is None and thickness is None:
        return factor, AREA_DENSITY, account + "thickness and density are not stated"
    if density is None or thickness is None:
        _refuse("pg/mm²", {"thickness": thickness, "density": density})
    account += f"sections of {thickness:g} µm and {density:g} g/mL"
    return factor / (thickness * density), MASS_FRACTION, account


def _refuse(unit: str, values: dict[str, float | None]) -> NoReturn:
    missing = " and the ".join(name for name, value in values.items() if value is None)
    raise CannotCompute(
        f"standards in {unit} need the {missing}",
        todo=f"state the {missing}; nothing is assumed",
    )
