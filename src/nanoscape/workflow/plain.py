"""Parameters as plain values for YAML, JSON and records."""

from __future__ import annotations

import dataclasses
from typing import Any


def to_plain(value: Any) -> Any:
    """Return a parameter's value as numbers, text, lists and mappings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {f.name: to_plain(getattr(value, f.name)) for f in fields}
    if isinstance(value, tuple | list):
        return [to_plain(part) for part in value]
    return value
