"""By what an uptake is normalised: body weight, lean mass or surface.

The lean masses and the surface are formulas for human adults.
"""

from __future__ import annotations

from typing import Literal

from nanoscape.errors import CannotCompute

Normalisation = Literal[
    "body weight",
    "lean body mass (James)",
    "lean body mass (Janmahasatian)",
    "ideal body weight",
    "body surface area",
]

SHORT: dict[str, str] = {
    "body weight": "SUVbw",
    "lean body mass (James)": "SUVlbm (James)",
    "lean body mass (Janmahasatian)": "SUVlbm (Janmahasatian)",
    "ideal body weight": "SUVibw",
    "body surface area": "SUVbsa",
}
"""The usual names of the values, by normalisation."""

SUV_TYPES: dict[str, Normalisation] = {
    "": "body weight",
    "BW": "body weight",
    "LBM": "lean body mass (James)",
    "LBMJAMES128": "lean body mass (James)",
    "LBMJANMA": "lean body mass (Janmahasatian)",
    "IBW": "ideal body weight",
    "BSA": "body surface area",
}
"""Normalisations by SUVType (0054,1006), PS3.3 C.8.9.1."""


def normalising_mass(
    kind: Normalisation, weight_g: float, height_m: float | None, sex: str
) -> float:
    """Return by what the injected fraction per mL is multiplied.

    Parameters
    ----------
    kind
        Which of the normalisations.
    weight_g
        Body weight in g.
    height_m
        Body height in m; needed by all but the body weight.
    sex
        ``"M"`` or ``"F"``; needed by the lean masses.

    Returns
    -------
    float
        A mass in g, or for the body surface area cm².

    Raises
    ------
    CannotCompute
        If height or sex are missing.

    Notes
    -----
    With W in kg and H in cm, for men and women: James 1.10 W − 128 (W/H)² and
    1.07 W − 148 (W/H)²; Janmahasatian (doi:10.2165/00003088-200544100-00004)
    9270 W / (6680 + 216 BMI) and 9270 W / (8780 + 244 BMI); ideal weight
    48.0 + 1.06 (H − 152) and 45.5 + 0.91 (H − 152); surface (Du Bois) 0.007184
    W^0.425 H^0.725 m². These are the definitions of the units of SUV in DICOM
    (PS3.16, CID 85).
    """
    if kind == "body weight":
        return weight_g
    if not height_m or height_m <= 0:
        raise CannotCompute(
            f"the {kind} needs the height, which the header does not state",
            todo="give the height in cm",
        )
    kilograms, centimetres = weight_g / 1e3, height_m * 100
    if kind == "body surface area":
        return 71.84 * kilograms**0.425 * centimetres**0.725
    if sex not in ("M", "F"):
        raise CannotCompute(
            f"the {kind} needs the sex, and the header says {sex or 'nothing'!r}",
            "M or F",
            "give the sex",
        )
    male = sex == "M"
    bmi = kilograms / height_m**2
    if kind == "lean body mass (James)":
        a, b = (1.10, 128) if male else (1.07, 148)
        mass = a * kilograms - b * (kilograms / centimetres) ** 2
    elif kind == "lean body mass (Janmahasatian)":
        c, d = (6680, 216) if male else (8780, 244)
        mass = 9270 * kilograms / (c + d * bmi)
    else:
        e, f = (48.0, 1.06) if male else (45.5, 0.91)
        mass = e + f * (centimetres - 152)
    if mass <= 0:
        raise CannotCompute(
            f"the {kind} of a body of {kilograms:g} kg and {centimetres:g} cm is "
            "negative",
            "a human adult",
            "use the body weight",
        )
    return mass * 1e3
