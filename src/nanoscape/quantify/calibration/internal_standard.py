"""The ratio to an internal standard, pixel by pixel."""

from __future__ import annotations

import re
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.compute.resample import check_no_time, onto
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Quantity, Tags
from nanoscape.model.raster import Level
from nanoscape.operation import Option, Role, operation

_ISOTOPE = re.compile(r"([A-Z][a-z]?)\d{1,3}")
_ELEMENT = re.compile(r"[A-Z][a-z]?")


@operation(version=1, title="Ratio to an internal standard")
def internal_standard(
    image: Annotated[Image, Role(label="Image of the analyte")],
    standard: Annotated[Image, Role(label="Internal standard")],
    *,
    carrier: Annotated[str, Option(label="Elements of the carrier")] = "",
    smallest: Annotated[
        float, Option(minimum=0.0, label="The standard counts from")
    ] = 0.0,
) -> Image:
    """Divide an image by that of an internal standard, pixel by pixel.

    What changes the signal of both alike falls out: how much was ablated, ionised or
    lost on the way. It needs a standard that is as much everywhere as is said, such
    as the labelled drug sprayed evenly, a film of metal below the section, or an
    element that the tissue itself holds evenly.

    Parameters
    ----------
    image
        Image of the drug, carrier or element.
    standard
        Image of the standard. Where its pixels differ, the nearest one is taken.
    carrier
        Elements that the carrier is made of, separated by commas, such as "Au, Si". A
        standard of one of them would divide the carrier by itself.
    smallest
        Signal of the standard below which there is no ratio.

    Returns
    -------
    image
        The ratio; missing where the standard is not above the smallest signal.

    Raises
    ------
    WrongInput
        If the standard is measured by the element of the analyte or the carrier, or
        is the analyte itself.

    Notes
    -----
    Standards in use for laser ablation: Uerlings et al. 2016, doi:10.5772/64769. A
    film of gold is refused for gold particles, whose own signal it would hold.
    """
    for item in (image, standard):
        check_no_time(item)
    check_independent(image, standard, carrier)
    divisor = onto(standard, image)
    (data,) = (image.data,)
    ratio = data.map_blocks(
        _ratio, divisor.rechunk(data.chunks), smallest, dtype=_type(image)
    )
    kept = {k: t for k, t in image.tags.tags.items() if k not in ("units", "role")}
    tags = Tags(kept).having(
        "header",
        normalisation="internal standard",
        derivation=[f"over {standard.name}, where that is above {smallest:g}"],
    )
    return image.replace(
        levels=(Level(ratio, image.levels[0].factors),),
        name=f"{image.name} per {standard.name}",
        quantity=Quantity("ratio to internal standard"),
        tags=tags,
    )


def check_independent(image: Image, standard: Image, carrier: str) -> None:
    """Refuse a standard that shares its element with what it is to correct."""
    if standard is image:
        raise WrongInput(f"{image.name} is chosen for analyte and standard", "two")
    elements = _elements(carrier)
    own, other = element_of(image), element_of(standard)
    if other is not None and other in elements | {own}:
        whose = f"{image.name} is" if other == own else "the carrier is"
        raise WrongInput(
            f"{standard.name} and what {whose} measured by are both {other}",
            "a standard of an element that neither analyte nor carrier holds",
            "choose another standard, or none",
        )
    named = image.tags.get("analyte"), standard.tags.get("analyte")
    if named[0] is not None and named[0] == named[1]:
        raise WrongInput(
            f"{image.name} and {standard.name} both show {named[0]}",
            "an analyte and another compound as its standard",
        )
    if standard.tags.get("role") == "Carrier":
        raise WrongInput(
            f"{standard.name} is the carrier",
            "a standard that is no part of what was injected",
            "choose another standard, or take the role away",
        )


def element_of(image: Image) -> str | None:
    """Return the element that an image was measured by, where it is an isotope."""
    for name in ("isotope", "analyte"):
        match = _ISOTOPE.fullmatch(str(image.tags.get(name) or ""))
        if match:
            return match[1]
    return None


def _elements(text: str) -> set[str | None]:
    found: set[str | None] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        if not _ELEMENT.fullmatch(part):
            raise WrongInput(
                f"{part!r} is no symbol of an element", 'symbols such as "Au, Si"'
            )
        found.add(part)
    return found


def _type(image: Image) -> np.dtype[Any]:
    return np.result_type(image.dtype, np.float32)


def _ratio(
    signal: NDArray[Any], divisor: NDArray[Any], smallest: float
) -> NDArray[Any]:
    found = np.full(signal.shape, np.nan, np.result_type(signal.dtype, np.float32))
    np.divide(signal, divisor, out=found, where=divisor > smallest, casting="same_kind")
    return found
