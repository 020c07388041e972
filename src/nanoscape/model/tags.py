"""What is known about an object, and from where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Origin = Literal["guess", "header", "sheet", "user"]
"""Where a tag came from; the later in the list wins."""

_RANK: dict[str, int] = {"guess": 0, "header": 1, "sheet": 2, "user": 3}

VOCABULARY = (
    "modality",
    "role",
    "analyte",
    "subject",
    "group",
    "lesion",
    "block",
    "section",
    "section_position_um",
    "section_thickness_um",
    "batch",
    "stain",
    "weight_g",
    "injected_dose",
    "injected_dose_unit",
    "injection_time",
    "residual_dose",
    "acquisition_time",
    "drawn_on",
    "registration_error_um",
)
"""Tags that the program itself looks at; others are kept and shown."""


@dataclass(frozen=True)
class Tag:
    """One value and its origin."""

    value: Any
    origin: Origin = "header"


class Tags(Mapping[str, Any]):
    """Values by name, each of which remembers where it came from.

    Reading an entry gives the value; :meth:`origin` tells who said so.

    Parameters
    ----------
    tags
        Tags by name.

    Examples
    --------
    >>> tags = Tags.of("header", modality="PT").having("user", subject="m1")
    >>> tags["subject"], tags.origin("modality")
    ('m1', 'header')
    """

    def __init__(self, tags: Mapping[str, Tag] | None = None) -> None:
        self._tags: dict[str, Tag] = dict(tags or {})

    @classmethod
    def of(cls, origin: Origin, **values: Any) -> Tags:
        """Return tags of one origin; values of ``None`` are left out."""
        return cls({k: Tag(v, origin) for k, v in values.items() if v is not None})

    def __getitem__(self, name: str) -> Any:
        return self._tags[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._tags)

    def __len__(self) -> int:
        return len(self._tags)

    def __repr__(self) -> str:
        inner = ", ".join(f"{k}={t.value!r} ({t.origin})" for k, t in self.tags.items())
        return f"Tags({inner})"

    @property
    def tags(self) -> dict[str, Tag]:
        """A copy of the tags with their origins."""
        return dict(self._tags)

    def origin(self, name: str) -> Origin:
        """Return where a tag came from."""
        return self._tags[name].origin

    def having(self, origin: Origin, **values: Any) -> Tags:
        """Return these tags and others, of which the stronger origin wins."""
        return self.merged(Tags.of(origin, **values))

    def merged(self, other: Tags) -> Tags:
        """Return both; where both have a name, the stronger origin wins.

        Of two tags of the same origin the other's, being newer, wins.
        """
        merged = dict(self._tags)
        for name, tag in other.tags.items():
            mine = merged.get(name)
            if mine is None or _RANK[tag.origin] >= _RANK[mine.origin]:
                merged[name] = tag
        return Tags(merged)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return plain values for YAML or JSON."""
        return {
            name: {"value": tag.value, "origin": tag.origin}
            for name, tag in self._tags.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Mapping[str, Any]]) -> Tags:
        """Rebuild what :meth:`to_dict` returned."""
        return cls({k: Tag(v["value"], v["origin"]) for k, v in values.items()})
