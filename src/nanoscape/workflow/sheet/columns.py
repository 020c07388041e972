"""What the columns of a study sheet mean, told from their headings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "file",
    "text",
    "role",
    "length",
    "mass",
    "dose",
    "time",
    "date",
    "unit",
    "amount",
    "reading",
]
"""How the cells of a column are read."""


@dataclass(frozen=True)
class Known:
    """A column that the program understands.

    Attributes
    ----------
    tag
        The tag that it fills, or the word for what it is.
    kind
        How its cells are read.
    headings
        What it may be called, in lower case; capitals, spaces, dashes and
        underscores do not matter.
    meaning
        For the table of columns in the manual.
    """

    tag: str
    kind: Kind
    headings: tuple[str, ...]
    meaning: str


KNOWN = (
    Known("file", "file", ("file", "file name", "filename", "path", "image file"),
          "the file, by its path in the study, its name, or its name without suffix"),
    Known("image", "text", ("image", "image name", "channel"),
          "one image of the file, when the row is about that one only"),
    Known("subject", "text", ("subject", "subject id", "animal", "animal id", "mouse",
                              "mouse id", "rat", "rat id", "patient", "patient id"),
          "the animal"),
    Known("group", "text", ("group", "treatment", "treatment group", "arm", "cohort"),
          "its group"),
    Known("lesion", "text", ("lesion", "tumour", "tumor", "tumour id", "tumor id"),
          "the tumour"),
    Known("block", "text", ("block", "tissue block"), "the tissue block"),
    Known("section", "text", ("section", "section id", "slice"), "the section"),
    Known("section_position_um", "length",
          ("section position", "position", "depth", "z position"),
          "where the section lies in its block"),
    Known("section_thickness_um", "length", ("section thickness", "thickness"),
          "how thick the section is"),
    Known("stain", "text", ("stain", "staining"), "the stain"),
    Known("batch", "text", ("batch", "staining batch"), "the batch"),
    Known("modality", "text", ("modality",), "the modality"),
    Known("role", "role", ("role", "what is what"), "what the image is"),
    Known("analyte", "text", ("analyte", "tracer", "compound"), "what is measured"),
    Known("weight_g", "mass", ("weight", "body weight", "animal weight"),
          "weight of the animal"),
    Known("injected_dose", "dose", ("dose", "injected dose", "activity",
                                    "injected activity"),
          "the injected dose, the syringe's residual not taken off"),
    Known("injected_dose_unit", "unit", ("dose unit", "injected dose unit",
                                         "unit of dose"),
          "unit of the doses in this row"),
    Known("injection_time", "time", ("injection time", "time of injection",
                                     "injection", "injected at", "dose time"),
          "day and time of the injection"),
    Known("injection_date", "date", ("injection date", "date of injection"),
          "its day, when the other column has the time of day alone"),
    Known("residual_dose", "dose", ("residual", "residual dose", "residual activity"),
          "what was left in the syringe, at the time of the dose"),
    Known("acquisition_time", "time", ("acquisition time", "scan time",
                                       "imaging time", "acquired at"),
          "day and time of the image"),
    Known("acquisition_date", "date", ("acquisition date", "scan date",
                                       "imaging date"),
          "its day, when the other column has the time of day alone"),
    Known("drawn_on", "file", ("drawn on",),
          "for outlines: the file of the image that they were drawn on"),
)  # fmt: skip
"""Every column that is understood; others are kept as tags of their own."""

READING = ("pixel size", "scan speed", "spot size", "resample", "resampled")
"""Headings of how a file is read. That was said when it was opened: as a tag it would
stand for a calibration that the file is not read with."""

LENGTHS = {"nm": 1e-3, "µm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4}
MASSES = {"mg": 1e-3, "g": 1.0, "kg": 1e3}
DOSES: dict[str, tuple[float, str]] = {
    "Bq": (1.0, "Bq"),
    "kBq": (1e3, "Bq"),
    "MBq": (1e6, "Bq"),
    "GBq": (1e9, "Bq"),
    "nCi": (37.0, "Bq"),
    "µCi": (3.7e4, "Bq"),
    "uCi": (3.7e4, "Bq"),
    "mCi": (3.7e7, "Bq"),
    "ng": (1e-6, "mg"),
    "µg": (1e-3, "mg"),
    "ug": (1e-3, "mg"),
    "mg": (1.0, "mg"),
    "g": (1e3, "mg"),
    "ng/g": (1e-3, "mg/kg"),
    "µg/g": (1.0, "mg/kg"),
    "ug/g": (1.0, "mg/kg"),
    "µg/kg": (1e-3, "mg/kg"),
    "ug/kg": (1e-3, "mg/kg"),
    "mg/kg": (1.0, "mg/kg"),
    "nmol": (1e-3, "µmol"),
    "µmol": (1.0, "µmol"),
    "umol": (1.0, "µmol"),
    "mmol": (1e3, "µmol"),
    "µmol/kg": (1.0, "µmol/kg"),
    "umol/kg": (1.0, "µmol/kg"),
    "mmol/kg": (1e3, "µmol/kg"),
}
"""Factor to, and name of, the unit in which a dose is kept."""

_AMOUNT = re.compile(
    r"%\s*(ID|IA)(\s*/\s*(g|ml|organ|cc))?"
    r"|[npµuμmk]?(g|mol|Bq|Ci)\s*/\s*([µuμmk]?g|[µuμm]?l)"
    r"|ppm|ppb|[cd]pm|cps|counts|SUV",
    re.IGNORECASE,
)
"""Units of amounts measured outside of images."""


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    Attributes
    ----------
    heading
        As it was typed.
    tag
        The tag it fills; for a column that is not known, made from the heading.
    kind
        How its cells are read.
    unit
        The unit that the heading states, or empty.
    known
        Whether the program understands the column.
    """

    heading: str
    tag: str
    kind: Kind
    unit: str = ""
    known: bool = True


def column_of(heading: str) -> Column:
    """Tell what a column means from its heading.

    Examples
    --------
    >>> column_of("Dose_MBq").tag, column_of("Dose_MBq").unit
    ('injected_dose', 'MBq')
    >>> column_of("Weight [g]").tag
    'weight_g'
    >>> column_of("liver (%ID/g)").kind
    'amount'
    """
    name, unit = _split(heading)
    if _is_reading(name):
        return Column(heading, slug(heading), "reading", unit, False)
    known = _named(name)
    if known is not None and (not unit or known.kind in ("length", "mass", "dose")):
        return Column(heading, known.tag, known.kind, unit)
    if not unit:
        for name, unit in _endings(heading):
            known = _named(name)
            if known is not None and unit in _units_of(known.kind):
                return Column(heading, known.tag, known.kind, unit)
            if known is None and _AMOUNT.fullmatch(unit):
                return Column(heading, amount_name(name, unit), "amount", unit, False)
        name, unit = _split(heading)
    if unit and is_amount(unit):
        return Column(heading, amount_name(name, unit), "amount", unit, False)
    if is_amount(heading.strip()):
        unit = heading.strip()
        return Column(heading, amount_name("amount", unit), "amount", unit, False)
    if _words(heading) in ("amount", "value", "concentration", "uptake"):
        return Column(heading, _words(heading), "amount", "")
    if _words(heading) in ("unit", "amount unit", "value unit"):
        return Column(heading, "unit", "unit", "")
    return Column(heading, slug(heading), "text", unit, False)


def is_amount(unit: str) -> bool:
    """Whether a unit is one of amounts measured outside of images."""
    return _AMOUNT.fullmatch(unit.strip()) is not None


def amount_name(name: str, unit: str) -> str:
    """Return a column name that ends in its unit, such as ``liver_percent_id_per_g``.

    Examples
    --------
    >>> amount_name("Liver", "%ID/g"), amount_name("Pt", "µg/g")
    ('liver_percent_id_per_g', 'pt_ug_per_g')
    """
    spoken = unit.replace("%", "percent_").replace("/", "_per_")
    return f"{slug(name) or 'amount'}_{slug(spoken)}"


def slug(text: str) -> str:
    """Return a heading as the name of a tag."""
    plain = text.replace("µ", "u").replace("μ", "u").replace("%", "percent ")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def unit_named(text: str, units: Iterable[str]) -> str:
    """Return how a table spells a unit, or nothing; only M and m must be right.

    Examples
    --------
    >>> unit_named("mbq", {"MBq": 1.0}), unit_named("MBQ", {"MBq": 1.0})
    ('', 'MBq')
    """
    wanted = text.strip().replace("μ", "µ").replace(" ", "")
    if wanted in units:
        return wanted
    for unit in units:
        if unit.lower() == wanted.lower() and (
            unit[0] == wanted[0] or unit[0] not in "mM"
        ):
            return unit
    return ""


def _split(heading: str) -> tuple[str, str]:
    """Return name and unit of a heading such as ``Weight (g)`` or ``Dose in MBq``."""
    match = re.fullmatch(r"\s*(.*?)[\s_]*[\(\[]\s*([^\)\]]+?)\s*[\)\]]\s*", heading)
    if match is None:
        match = re.fullmatch(r"\s*(.+?)\s+in\s+(\S+)\s*", heading)
    if match is None:
        return heading, ""
    return match[1], match[2]


def _endings(heading: str) -> list[tuple[str, str]]:
    """Return where a heading may be cut into name and unit, without brackets."""
    text = heading.strip()
    cuts = [match.start() for match in re.finditer(r"[\s_,]", text)]
    return [(text[:cut], text[cut + 1 :].strip()) for cut in cuts]


def _units_of(kind: Kind) -> tuple[str, ...]:
    if kind == "length":
        return tuple(LENGTHS)
    if kind == "mass":
        return tuple(MASSES)
    return tuple(DOSES) if kind == "dose" else ()


def _is_reading(name: str) -> bool:
    """Whether a heading, with or without a unit at its end, is about reading."""
    cuts = [
        part
        for part, unit in _endings(name)
        if re.split(r"/|_per_", unit)[0] in LENGTHS
    ]
    return any(_words(part) in READING for part in (name, *cuts))


def _words(text: str) -> str:
    return re.sub(r"[\s_\-./]+", " ", text.strip().lower()).strip()


def _named(name: str) -> Known | None:
    words = _words(name)
    for known in KNOWN:
        if words in known.headings or words == known.tag.replace("_", " "):
            return known
    return None
