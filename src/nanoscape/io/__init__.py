"""Reading and writing files, one file per format.

Names are loaded when they are first used, so that importing the room is light.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "FORMATS": "nanoscape.io.registry",
    "Format": "nanoscape.io.registry",
    "Opened": "nanoscape.io.opening",
    "associated_images": "nanoscape.io.microscopy.slide",
    "describe": "nanoscape.io.reading",
    "open_file": "nanoscape.io.reading",
    "read": "nanoscape.io.reading",
    "read_bigwarp": "nanoscape.io.annotations.bigwarp",
    "read_elastix_pair": "nanoscape.io.annotations.elastix_points",
    "recognise": "nanoscape.io.registry",
    "write": "nanoscape.io.writing",
    "write_elastix_pair": "nanoscape.io.annotations.elastix_points",
    "write_landmarks": "nanoscape.io.annotations.landmarks_csv",
}

OPERATIONS: dict[str, str] = {}

__all__ = ["OPERATIONS", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'nanoscape.io' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
