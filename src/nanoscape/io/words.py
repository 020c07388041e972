"""What a file holds, in lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nanoscape.io.registry import format_named

_TOO_LONG = 400
_FOR_PROGRAMS = ("study_uid", "series_uid", "frame_of_reference")
"""Tags that only programs read; ``--json`` shows them."""


def in_words(about: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines that tell what :func:`nanoscape.io.describe` found.

    Parameters
    ----------
    about
        What it returned.
    """
    yield f"{about['path']}: {format_named(about['format']).title}"
    for image in about["images"]:
        yield from _image(image)
    for item in about.get("objects", []):
        axes = " ".join(item["axes"])
        where = f" ({axes}) in space {item['space']}" if item["space"] else ""
        yield f"  {item['name']}: {item['count']} {item['kind']}{where}"
        yield from _tags(item["tags"])
    for warning in about["warnings"]:
        yield f"  warning: {warning}"


def _image(image: Mapping[str, Any]) -> Iterator[str]:
    sizes = dict(zip(image["axes"], image["shape"], strict=False))
    shape = " × ".join(f"{axis} {length}" for axis, length in sizes.items())
    colours = ", colours" if image["rgb"] else ""
    yield f"  {image['name']}: {shape}, {image['dtype']}{colours}"
    spacing = {a: s for a, s in image["spacing"].items() if a != "t"}
    factor, unit = (1e-3, "mm") if max(spacing.values()) >= 1e3 else (1.0, "µm")
    steps = ", ".join(f"{axis} {s * factor:.6g}" for axis, s in spacing.items())
    extents = [sizes[axis] * step for axis, step in spacing.items()]
    whole, large = (1e-3, "mm") if max(extents) >= 1e4 else (1.0, "µm")
    extent = " × ".join(_length(length * whole) for length in extents)
    every = image["spacing"].get("t")
    frames = "" if every is None else f"; a frame every {every:.6g} s"
    yield f"    pixel spacing in {unit}: {steps}; size {extent} {large}{frames}"
    values = _quantity(image)
    levels = f"; {image['levels']} resolutions" if image["levels"] > 1 else ""
    yield f"    {values}{levels}; space {image['space']}"
    yield from _tags(image["tags"])


def _length(value: float) -> str:
    """Return four digits, or all of those before the point."""
    return f"{value:.0f}" if value >= 1e3 else f"{value:.4g}"


def _quantity(image: Mapping[str, Any]) -> str:
    name, unit = image["quantity"]["name"], image["quantity"]["unit"]
    if image["tags"].get("kind") == "spectra":
        return "spectra"
    if unit == "a.u.":
        return f"{name} without a unit"
    return name if unit in ("", name) else f"{name} in {unit}"


def _tags(tags: Mapping[str, Any]) -> Iterator[str]:
    for name, value in tags.items():
        if name not in _FOR_PROGRAMS and name != "kind":
            yield f"    {name}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        text = ", ".join(map(_value, value))
        return text if len(text) < _TOO_LONG else f"{text[:_TOO_LONG]} …"
    return str(value)
