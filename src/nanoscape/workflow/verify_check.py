"""One check of a computed value, and how operations are run for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanoscape.workflow.registry import resolve

Check = dict[str, Any]
"""``name``, ``value``, ``expected``, ``tolerance``, ``source`` and ``passed``."""

CLOSED = "closed form"


def check(
    name: str, value: float, expected: float, tolerance: float, source: str
) -> Check:
    """Return a value beside what it should be."""
    return {
        "name": name,
        "value": float(value),
        "expected": float(expected),
        "tolerance": float(tolerance),
        "source": source,
        "passed": bool(abs(value - expected) <= tolerance),
    }


def run(name: str, *inputs: Any, **options: Any) -> Any:
    """Run an operation by its name."""
    function: Callable[..., Any] = resolve(name).function
    return function(*inputs, **options)
