"""MIBI TIFF: what IONpath writes into the description of each page.

A page is the counts of one mass. Its description is JSON with ``image.type`` (SIMS),
``channel.mass`` and ``channel.target``. Pages of another type are pictures of the
slide, which state no pixel size.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nanoscape.io.spectrometry.isotopes import isotope_of
from nanoscape.model import Quantity, Tags

COUNTS = Quantity("ion counts", "counts")
_TYPE, _MASS, _TARGET = "image.type", "channel.mass", "channel.target"


@dataclass(frozen=True)
class Channel:
    """One mass.

    Attributes
    ----------
    target
        What its label binds to.
    tags
        Analyte, mass and isotope.
    """

    target: str
    tags: Tags


def channels_of(pages: Iterable[Any]) -> list[Channel]:
    """Return the channel of each page, none when they are not all of MIBI."""
    found = []
    for page in pages:
        about = _about(page)
        target = str(about.get(_TARGET) or about.get(_MASS) or "").strip()
        if _TARGET not in about or not target:
            return []
        mass = about.get(_MASS)
        if not isinstance(mass, int | float) or isinstance(mass, bool):
            mass = None
        isotope = None if mass is None else isotope_of(f"{target}{round(mass)}")
        tags = Tags.of("header", analyte=target, mass_u=mass, isotope=isotope)
        found.append(Channel(target, tags))
    return found


def other_picture(page: Any) -> str | None:
    """Return the type of a page of MIBI that shows no mass, such as ``"Optical"``."""
    kind = _about(page).get(_TYPE)
    return None if kind in (None, "SIMS") else str(kind)


def _about(page: Any) -> dict[str, Any]:
    """Return the description of a page, empty when it is not of MIBI."""
    description = str(getattr(page.aspage(), "description", ""))
    if f'"{_TYPE}"' not in description and f'"{_TARGET}"' not in description:
        return {}
    try:
        found = json.loads(description)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
