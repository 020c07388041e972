"""Records: what was done, with what, to what."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run of one operation.

    Attributes
    ----------
    id
        Unique within its study.
    operation
        Qualified name, such as ``"segmentation.vessels"``.
    version
        Version of the operation.
    inputs
        Identifiers of the objects that went in, by input.
    parameters
        All parameters in plain values, defaults included.
    outputs
        Identifiers of the objects that came out, by output.
    scope
        Subject, lesion and section it belongs to, where they are known.
    started
        Start in UTC, ISO 8601.
    seconds
        How long it took.
    software
        Versions of the program and of the libraries that compute.
    notes
        Sentences about the run, such as the spacing at which it worked.
    folder
        Where the results lie, relative to the study; empty when not saved.
    """

    id: str
    operation: str
    version: int
    inputs: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, Any]
    outputs: Mapping[str, str]
    scope: Mapping[str, str] = field(default_factory=dict)
    started: str = ""
    seconds: float = 0.0
    software: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    folder: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON."""
        values = dataclasses.asdict(self)
        values["inputs"] = {name: list(ids) for name, ids in self.inputs.items()}
        values["notes"] = list(self.notes)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """Rebuild what :meth:`to_dict` returned."""
        fields = dict(values)
        fields["inputs"] = {k: tuple(ids) for k, ids in fields["inputs"].items()}
        fields["notes"] = tuple(fields.get("notes", ()))
        return cls(**fields)
