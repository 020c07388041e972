"""Figures: rendered pages with the numbers behind them."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

from nanoscape.errors import UnreadableFile
from nanoscape.model.tags import Tags

_INDEX = "figure.json"


@dataclass(frozen=True, eq=False, kw_only=True)
class Figure:
    """A rendered figure.

    Attributes
    ----------
    files
        Content by format, such as ``"png"`` or ``"svg"``.
    name
        What it shows, in a few words.
    tables
        The numbers behind what is drawn, by panel.
    tags
        What else is known.
    """

    kind: ClassVar[str] = "figure"

    files: Mapping[str, bytes]
    name: str
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    tags: Tags = field(default_factory=Tags)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def save(self, folder: Path) -> Path:
        """Write all formats and tables into a folder, complete or not at all.

        Parameters
        ----------
        folder
            Final name; what was there is replaced.
        """
        folder = Path(folder)
        temporary = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
        temporary.mkdir(parents=True)
        try:
            for suffix, content in self.files.items():
                (temporary / f"figure.{suffix}").write_bytes(content)
            for number, frame in enumerate(self.tables.values(), start=1):
                frame.to_csv(temporary / f"table-{number}.csv", index=False)
            index = {
                "name": self.name,
                "formats": list(self.files),
                "tables": list(self.tables),
                "tags": self.tags.to_dict(),
            }
            text = json.dumps(index, indent=1, ensure_ascii=False)
            (temporary / _INDEX).write_text(text, encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder

    @classmethod
    def load(cls, folder: Path) -> Figure:
        """Read what :meth:`save` wrote.

        Raises
        ------
        UnreadableFile
            If the folder holds no figure.
        """
        folder = Path(folder)
        try:
            index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
            files = {s: (folder / f"figure.{s}").read_bytes() for s in index["formats"]}
        except (OSError, ValueError, KeyError) as error:
            raise UnreadableFile(f"{folder} holds no complete figure") from error
        tables = {
            name: pd.read_csv(folder / f"table-{number}.csv")
            for number, name in enumerate(index["tables"], start=1)
        }
        tags = Tags.from_dict(index["tags"])
        return cls(files=files, name=index["name"], tables=tables, tags=tags)
