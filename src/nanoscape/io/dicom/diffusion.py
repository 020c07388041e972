"""How much a slice is weighted by diffusion, and in which direction.

The elements of the standard came late; before, each vendor kept the b-value in a
private element, as its conformance statement says: Siemens (0019,xx0C), GE (0043,xx39)
and Philips (2001,xx03).
"""

from __future__ import annotations

import math
from typing import Any

from pydicom.dataset import Dataset

from nanoscape.io.dicom.values import number, numbers, private, text

_PRIVATE_B_VALUES = {
    "siemens": (0x0019, 0x0C, "SIEMENS MR HEADER"),
    "ge": (0x0043, 0x39, "GEMS_PARM_01"),
    "philips": (0x2001, 0x03, "Philips Imaging DD 001"),
}
_SIEMENS_DIRECTION = (0x0019, 0x0E, "SIEMENS MR HEADER")
_GE_FLAG = 100_000
"""GE adds a large round number to the b-value where several were acquired."""


def b_value(header: Dataset) -> float | None:
    """Return the b-value in s/mm², ``None`` where the header does not state one."""
    stated = number(header, "DiffusionBValue")
    place = _PRIVATE_B_VALUES.get(_vendor(header))
    if stated is not None or place is None:
        return stated
    values = _numbers(private(header, *place))
    if not values or values[0] < 0:
        return None
    return values[0] % _GE_FLAG if _vendor(header) == "ge" else values[0]


def b_direction(header: Dataset) -> tuple[float, ...] | None:
    """Return the direction of the gradient in the patient, if it is stated so.

    GE's own elements count along the axes of the image and are left out.
    """
    stated = numbers(header, "DiffusionGradientOrientation", 3)
    if stated is None and _vendor(header) == "siemens":
        stated = _numbers(private(header, *_SIEMENS_DIRECTION))
    return tuple(stated) if stated is not None and len(stated) == 3 else None


def _vendor(header: Dataset) -> str:
    maker = (text(header, "Manufacturer") or "").lower()
    return next((name for name in _PRIVATE_B_VALUES if maker.startswith(name)), "")


def _numbers(value: Any) -> list[float] | None:
    """Return finite numbers; they may lie as text where nobody knew their type."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = value.split("\\")
    elif not hasattr(value, "__iter__"):
        value = [value]
    try:
        found = [float(part) for part in value]
    except (TypeError, ValueError):
        return None
    return found if all(map(math.isfinite, found)) else None
