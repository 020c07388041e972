"""Operations by name, recipes, runs, scripts and records."""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "Recipe": "nanoscape.workflow.recipe",
    "Session": "nanoscape.workflow.session",
    "execute": "nanoscape.workflow.execute",
    "export_script": "nanoscape.workflow.script",
    "read_sheet": "nanoscape.workflow.sheet.reading",
    "recipe_from_history": "nanoscape.workflow.history",
    "resolve": "nanoscape.workflow.registry",
    "run_recipe": "nanoscape.workflow.run",
    "take_over": "nanoscape.workflow.sheet.session",
    "write_template": "nanoscape.workflow.sheet.template",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value
