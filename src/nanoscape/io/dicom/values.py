"""Single values of DICOM headers: texts, numbers, times and private elements."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset

_ZONE = re.compile(r"([+-])(\d{2})(\d{2})\s*$")


def text(header: Dataset, name: str) -> str | None:
    """Return the text of an element, ``None`` where it is absent or empty."""
    value = str(header.get(name, "") or "").strip()
    return value or None


def texts(header: Dataset, name: str) -> list[str] | None:
    """Return the words of an element with several."""
    value = header.get(name)
    if value is None or value == "":
        return None
    words = [value] if isinstance(value, str) else list(value)
    return [str(word) for word in words] or None


def number(header: Dataset, name: str, scale: float = 1.0) -> float | None:
    """Return the number of an element, ``None`` where there is none."""
    value = header.get(name)
    try:
        found = float(value) * scale if value is not None else math.nan
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def numbers(header: Dataset, name: str, count: int) -> list[float] | None:
    """Return a fixed number of finite numbers, ``None`` where there are others."""
    value = header.get(name)
    try:
        found = [float(v) for v in value] if value is not None else []
    except (TypeError, ValueError):
        return None
    if len(found) != count or not all(map(math.isfinite, found)):
        return None
    return found


def moment(header: Dataset, which: str) -> str | None:
    """Return the date and time of a series or acquisition as ISO 8601."""
    both = text(header, f"{which}DateTime")
    if both:
        return instant(both[:8], both[8:], zone_of(header))
    return instant(
        text(header, f"{which}Date") or "", text(header, f"{which}Time") or ""
    )


def zone_of(header: Dataset) -> datetime.timedelta | None:
    """Return the offset of the header's dates and times from UTC, if it is stated."""
    match = _ZONE.match(text(header, "TimezoneOffsetFromUTC") or "")
    return _offset(match) if match else None


def instant(
    date: str, time: str, local: datetime.timedelta | None = None
) -> str | None:
    """Return a DICOM date and time as ISO 8601, ``None`` when they are incomplete.

    A time with an offset from UTC is brought to the local time of the header,
    where that states one (PS3.5, 6.2).
    """
    match = _ZONE.search(time)
    digits = (time[: match.start()] if match else time).strip()
    whole, _, fraction = digits.partition(".")
    try:
        day = datetime.datetime.strptime(date.strip(), "%Y%m%d")
        clock = datetime.datetime.strptime(whole.ljust(6, "0")[:6], "%H%M%S").time()
        micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    except ValueError:
        return None
    if not whole:
        return None
    found = datetime.datetime.combine(day.date(), clock).replace(microsecond=micro)
    if match and local is not None:
        found += local - _offset(match)
    return found.isoformat()


def private(header: Dataset, group: int, element: int, creator: str) -> Any:
    """Return a private value, whether or not its creator is named.

    Files are found in which the creator was removed and the usual block was kept.
    """
    try:
        block = header.private_block(group, creator)
        return block[element].value if element in block else None
    except KeyError:
        found = header.get((group, 0x1000 + element))
        return None if found is None else _decoded(found.value)


def _decoded(value: Any) -> Any:
    # Without a dictionary entry, implicit files give bytes.
    if isinstance(value, bytes):
        return value.decode("ascii", "replace").strip("\0 ")
    return value


def of_frames(values: Sequence[Any], frames: int) -> Any:
    """Return one value, one for each frame, or one for each slice: what suffices."""
    if any(value is None for value in values):
        return None
    if all(value == values[0] for value in values):
        return values[0]
    size = len(values) // frames
    groups = [values[i * size : (i + 1) * size] for i in range(frames)]
    if all(value == group[0] for group in groups for value in group):
        return [group[0] for group in groups]
    return list(values)


def _offset(match: re.Match[str]) -> datetime.timedelta:
    sign, hours, minutes = match.groups()
    size = datetime.timedelta(hours=int(hours), minutes=int(minutes))
    return -size if sign == "-" else size
