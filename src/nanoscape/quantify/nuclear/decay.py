"""Radioactive decay, and the time to which a scanner corrected for it."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nanoscape.errors import CannotCompute

_AGREE = 0.005
"""Difference of activity at which two reference times are told apart."""

_CONFIRMED = 0.001
"""How closely a decay factor must fit a reference time."""


@dataclass(frozen=True)
class ReferenceTime:
    """The time to which the activities of an image are corrected.

    Attributes
    ----------
    time
        The time.
    why
        Where it comes from.
    warnings
        What a user should know about the choice.
    """

    time: dt.datetime
    why: str
    warnings: tuple[str, ...] = ()


def decay_constant(half_life_s: float) -> float:
    """Return λ = ln 2 / T½ in 1/s."""
    return math.log(2) / half_life_s


def frame_factor(duration_s: float, half_life_s: float) -> float:
    """Return activity at the start of a frame over its average in the frame.

    λT / (1 − exp(−λT)) for a frame of length T; 1 for a frame without length.
    """
    product = decay_constant(half_life_s) * duration_s
    return product / -math.expm1(-product) if product > 0 else 1.0


def mean_activity_time(duration_s: float, half_life_s: float) -> float:
    """Return when, after the start of a frame, activity equals its average, in s.

    ln(λT / (1 − exp(−λT))) / λ, a little before the middle of the frame.
    """
    factor = frame_factor(duration_s, half_life_s)
    return math.log(factor) / decay_constant(half_life_s)


def reference_time(tags: Mapping[str, Any], half_life_s: float) -> ReferenceTime:
    """Return the time to which an image with DecayCorrection START is corrected.

    A time that enhanced PET states outright is taken, else a candidate that the
    header's decay factors confirm. Without such
    factors it is, as in the vendor-neutral pseudocode of QIBA, the series time
    unless it is later than the acquisition, then the scanner's private time; then
    what follows from frame reference times, as the manual of IBSI proposes; then
    the earliest acquisition.

    Parameters
    ----------
    tags
        ``reference_time``, ``series_time``, ``scanner_reference_time``,
        ``acquisition_times``, ``frame_durations_s``, ``frame_reference_times_s`` and
        ``decay_factors``;
        the last four one value, or one for each frame or slice.
    half_life_s
        Half-life in seconds.

    Raises
    ------
    CannotCompute
        If the tags name no time of acquisition.
    """
    if tags.get("reference_time"):
        return ReferenceTime(parse_time(tags["reference_time"]), "stated in the header")
    starts = [parse_time(text) for text in values_of(tags, "acquisition_times")]
    if not starts:
        raise CannotCompute(
            "the image does not say when it was acquired",
            "AcquisitionDate and AcquisitionTime in its header",
            "give the reference time of the decay correction",
        )
    earliest = min(starts)
    computed = _back_computed(tags, starts, half_life_s)
    found: list[tuple[dt.datetime, str]] = []
    if tags.get("series_time"):
        series = parse_time(tags["series_time"])
        if series <= earliest:
            found.append((series, "series time, not after the first acquisition"))
    if tags.get("scanner_reference_time"):
        private = parse_time(tags["scanner_reference_time"])
        found.append((private, "decay correction time in the scanner's private tag"))
    if computed is not None:
        found.append((computed, "computed back from the frame reference times"))
    found.append((earliest, "earliest acquisition time of the series"))
    time, why = found[0]
    confirmed = [c for c in found if _confirmed(tags, starts, c[0], half_life_s)]
    if confirmed:
        time, why = confirmed[0]
        return ReferenceTime(time, f"{why}; confirmed by the decay factors")
    warnings = _doubts(time, computed, half_life_s)
    if any(factor != 1 for factor in values_of(tags, "decay_factors")):
        warnings += ("the decay factors in the header fit none of its times",)
    return ReferenceTime(time, why, warnings)


def parse_time(text: str) -> dt.datetime:
    """Return a time of day with its date from ISO 8601.

    Raises
    ------
    CannotCompute
        If the text is no time.
    """
    try:
        return dt.datetime.fromisoformat(str(text).strip()).replace(tzinfo=None)
    except ValueError as error:
        raise CannotCompute(
            f"{text!r} is not a date with a time",
            "for example 2026-01-05T09:05:00",
        ) from error


def values_of(tags: Mapping[str, Any], name: str) -> list[Any]:
    """Return the values of a tag that is one value or one for each frame or slice."""
    value = tags.get(name)
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def aligned(*columns: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of columns of which some hold one value for a whole frame.

    Empty where a column is, or where lengths are no multiples of each other.
    """
    length = max(map(len, columns), default=0)
    if any(not column or length % len(column) for column in columns):
        return []
    spread = [[v for v in c for _ in range(length // len(c))] for c in columns]
    return list(zip(*spread, strict=True))


def _back_computed(
    tags: Mapping[str, Any], starts: Sequence[dt.datetime], half_life_s: float
) -> dt.datetime | None:
    durations = values_of(tags, "frame_durations_s")
    offsets = values_of(tags, "frame_reference_times_s")
    seconds = [
        (start - starts[0]).total_seconds()
        + mean_activity_time(duration, half_life_s)
        - offset
        for start, duration, offset in aligned(starts, durations, offsets)
        if duration > 0 and offset > 0
    ]
    if not seconds:
        return None
    return starts[0] + dt.timedelta(seconds=statistics.median(seconds))


def _confirmed(
    tags: Mapping[str, Any],
    starts: Sequence[dt.datetime],
    time: dt.datetime,
    half_life_s: float,
) -> bool:
    """Whether every decay factor is that of its frame and this reference time."""
    factors = values_of(tags, "decay_factors")
    rows = aligned(starts, values_of(tags, "frame_durations_s"), factors)
    if not rows or all(factor == 1 for factor in factors):
        return False
    rate = decay_constant(half_life_s)
    expected = [
        math.exp(rate * (start - time).total_seconds())
        * frame_factor(duration, half_life_s)
        for start, duration, _ in rows
    ]
    return all(
        abs(row[2] / value - 1) < _CONFIRMED
        for row, value in zip(rows, expected, strict=True)
    )


def _doubts(
    time: dt.datetime, computed: dt.datetime | None, half_life_s: float
) -> tuple[str, ...]:
    if computed is None:
        return ()
    apart = (computed - time).total_seconds()
    change = abs(math.expm1(decay_constant(half_life_s) * apart))
    if change <= _AGREE:
        return ()
    return (
        f"the frame reference times point to another reference time, {computed}, "
        f"which would change the result by {change:.1%}",
    )
