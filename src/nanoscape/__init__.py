"""Measure how drugs and their carriers are distributed, at every scale.

Public names are loaded when they are first used, so that importing the package
costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Affine": "nanoscape.model",
    "Edge": "nanoscape.model",
    "Image": "nanoscape.model",
    "ImageGroup": "nanoscape.model",
    "Labels": "nanoscape.model",
    "Landmarks": "nanoscape.model",
    "NanoscapeError": "nanoscape.errors",
    "Points": "nanoscape.model",
    "Regions": "nanoscape.model",
    "Spectra": "nanoscape.model",
    "Study": "nanoscape.model",
    "Table": "nanoscape.model",
    "Task": "nanoscape.compute",
    "read": "nanoscape.io",
    "using": "nanoscape.compute",
    "write": "nanoscape.io",
}

_ROOMS = (
    "compute",
    "demo",
    "errors",
    "io",
    "model",
    "msi",
    "phantom",
    "plotting",
    "quantify",
    "registration",
    "segmentation",
    "statistics",
    "units",
    "workflow",
)

__all__ = ["__version__", *_PUBLIC, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"nanoscape.{name}")
    else:
        raise AttributeError(f"module 'nanoscape' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
