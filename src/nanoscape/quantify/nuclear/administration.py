"""What was given to which body and when: values, who said so, and their doubts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Tags
from nanoscape.quantify.nuclear.decay import parse_time

BECQUERELS = {"Bq": 1.0, "kBq": 1e3, "MBq": 1e6, "GBq": 1e9, "mCi": 3.7e7, "uCi": 3.7e4,
              "µCi": 3.7e4, "μCi": 3.7e4}  # fmt: skip
"""Units in which doses are stated."""

_SMALLEST_DOSE = 1e5
_LARGEST_DOSE = 1e11
_HEAVIEST_G = 1e6
_SPECIES_G = {
    "mus": (3.0, 150.0),
    "mouse": (3.0, 150.0),
    "rattus": (10.0, 1500.0),
    "rat": (10.0, 1500.0),
    "hamster": (10.0, 400.0),
    "rabbit": (100.0, 15e3),
    "oryctolagus": (100.0, 15e3),
}
"""Weights that a species can have, in g, by words of its names."""

_PRECLINICAL_PIXEL_UM = 1000.0
_PRECLINICAL_G = 5000.0
_HALF_LIVES = 10.0


@dataclass(frozen=True)
class Stated:
    """A number and who stated it.

    Attributes
    ----------
    value
        In the unit that the function returning it names.
    source
        Such as ``"header"`` or ``"given"``.
    """

    value: float
    source: str


def half_life(tags: Tags, given_min: float | None) -> Stated:
    """Return the half-life in s."""
    if given_min is not None:
        return Stated(given_min * 60, "given")
    value = tags.get("half_life_s")
    if not value or float(value) <= 0:
        raise CannotCompute(
            "the half-life of the radionuclide is not known",
            "RadionuclideHalfLife in the header",
            "give the half-life in minutes",
        )
    return Stated(float(value), tags.origin("half_life_s"))


def injected_dose(tags: Tags, given_mbq: float | None, assume_units: bool) -> Stated:
    """Return the dose that entered the body, in Bq.

    A residue in the syringe, stated by a tag ``residual_dose`` in the unit of the
    dose, is subtracted.

    Raises
    ------
    CannotCompute
        If no dose is known, or the header's is implausible in the unit that the
        standard prescribes and the other unit is not allowed to be assumed.
    """
    if given_mbq is not None:
        return Stated(given_mbq * 1e6, "given")
    value, unit, origin = _stated_dose(tags)
    residue = float(tags.get("residual_dose") or 0.0) if origin != "scanner" else 0.0
    dose = (value - residue) * BECQUERELS[unit]
    if dose <= 0:
        raise CannotCompute("more is left in the syringe than was in it")
    source = "header" if origin == "scanner" else origin
    if source == "header" and not _SMALLEST_DOSE <= dose <= _LARGEST_DOSE:
        dose, source = _other_unit(value, unit, dose, assume_units)
    if residue:
        source += f", less {residue:g} {unit} left in the syringe"
    return Stated(dose, source)


def states_activity(tags: Tags) -> bool:
    """Whether the tag ``injected_dose`` is one of activity, and not of substance."""
    return str(tags.get("injected_dose_unit") or "") in BECQUERELS


def _stated_dose(tags: Tags) -> tuple[float, str, str]:
    """Return the dose, its unit, and who stated it.

    A study sheet may state the dose of the drug, in mg/kg; then that of the scanner
    counts.
    """
    value, unit = tags.get("injected_dose"), str(tags.get("injected_dose_unit") or "")
    if tags.get("scanner_dose_bq") and not states_activity(tags):
        return float(tags["scanner_dose_bq"]), "Bq", "scanner"
    if not value or float(value) <= 0:
        raise CannotCompute(
            "the injected dose is not known",
            "RadionuclideTotalDose in the header",
            "give the dose in MBq",
        )
    if not states_activity(tags):
        raise CannotCompute(
            f"the injected dose of {value} has the unit {unit!r}",
            f"one of {', '.join(BECQUERELS)}",
            "give the dose in MBq",
        )
    return float(value), unit, tags.origin("injected_dose")


def _other_unit(
    value: float, unit: str, dose: float, assume_units: bool
) -> tuple[float, str]:
    """Return a dose that is plausible only in another unit, if that is allowed."""
    corrected = dose * (1e6 if dose < _SMALLEST_DOSE else 1e-6)
    if not _SMALLEST_DOSE <= corrected <= _LARGEST_DOSE:
        raise CannotCompute(
            f"a dose of {dose:g} Bq is not plausible", todo="give the dose in MBq"
        )
    if not assume_units:
        meant = "MBq" if dose < _SMALLEST_DOSE else "Bq"
        raise CannotCompute(
            f"the header states a dose of {value:g} {unit}, probably meant in {meant}",
            todo="give the dose in MBq, or allow units to be assumed",
        )
    return corrected, "header, taken in the other unit as allowed"


def body_weight(image: Image, given_g: float | None, assume_units: bool) -> Stated:
    """Return the body weight in g.

    Raises
    ------
    CannotCompute
        If no weight is known, or the header's does not fit the species or the
        pixels of the image, and grams are not allowed to be assumed.
    """
    tags = image.tags
    if given_g is not None:
        return Stated(given_g, "given")
    value = float(tags.get("weight_g") or 0.0)
    if value <= 0:
        raise CannotCompute(
            "the body weight is not known",
            "PatientWeight in the header",
            "give the weight in g",
        )
    source = tags.origin("weight_g")
    doubt = weight_doubt(image, value) if source == "header" else ""
    if not doubt:
        return Stated(value, source)
    if weight_doubt(image, value / 1e3) or not assume_units:
        raise CannotCompute(
            f"the header states a weight of {value / 1e3:g} kg, {doubt}",
            "a weight in kg",
            f"give the weight in g; if grams were typed for kilograms it is "
            f"{value / 1e3:g} g, and you can allow units to be assumed",
        )
    return Stated(value / 1e3, "header, taken in g as allowed")


def weight_doubt(image: Image, weight_g: float) -> str:
    """Return why a weight cannot be that of the body in an image, empty if it can."""
    species = str(image.tags.get("species") or "").lower()
    words = species.replace(",", " ").split()
    limits = next((_SPECIES_G[word] for word in words if word in _SPECIES_G), None)
    if limits is not None:
        fits = limits[0] <= weight_g <= limits[1]
        return "" if fits else f"which does not fit the species {species!r}"
    if weight_g > _HEAVIEST_G:
        return "which no patient weighs"
    spacing = image.spacing
    fine = max(spacing.get("y", 0.0), spacing.get("x", 0.0)) < _PRECLINICAL_PIXEL_UM
    if fine and weight_g >= _PRECLINICAL_G and not words:
        return "and the pixels are those of a scanner for small animals"
    return ""


def injection_time(
    tags: Tags, given: str, reference: dt.datetime, half_life_s: float
) -> tuple[dt.datetime, str]:
    """Return when the dose was injected, and who said so.

    A header that states a time of day without a date has it on the day of the
    series, or on the day before when it would be later than the reference time.

    Raises
    ------
    CannotCompute
        If no time is known, or it does not fit the reference time.
    """
    if given:
        time, source = parse_time(given), "given"
    else:
        text = tags.get("injection_time")
        if not text:
            raise CannotCompute(
                "the time of the injection is not known",
                "RadiopharmaceuticalStartDateTime in the header",
                "give the injection time",
            )
        time, source = parse_time(text), str(tags.origin("injection_time"))
    clock = source == "header" and not tags.get("injection_date_known", True)
    if clock and time > reference:
        day_before = time - dt.timedelta(days=1)
        if _half_lives(day_before, reference, half_life_s) <= _HALF_LIVES:
            minutes = (time - reference).total_seconds() / 60
            if minutes < 15:
                raise CannotCompute(
                    f"the injection at {time.time()}, without a date, is "
                    f"{minutes:.1f} min after the start of the scan or a day before",
                    todo="give the injection time with its date",
                )
            time, source = day_before, "header, the day before the series"
    elapsed = _half_lives(time, reference, half_life_s)
    if not -0.5 <= elapsed <= _HALF_LIVES:
        raise CannotCompute(
            f"the injection at {time} is {elapsed:.1f} half-lives before the time "
            f"{reference} to which the image is corrected",
            f"at most {_HALF_LIVES:g}",
            "dates are often changed when data is made anonymous: give the injection "
            "time",
        )
    return time, source


def _half_lives(start: dt.datetime, end: dt.datetime, half_life_s: float) -> float:
    return (end - start).total_seconds() / half_life_s
