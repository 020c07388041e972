"""Text files that are complete under their final name, or not there at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: Path, text: str) -> Path:
    """Write a text file; an older one stays until the new one is complete.

    Parameters
    ----------
    path
        Final name.
    text
        Content, written as UTF-8.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
