"""Edges: how two spaces lie to each other, and how well that is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from nanoscape.model.tags import Tags
from nanoscape.model.transform import Affine


@dataclass(frozen=True)
class Quality:
    """How well a transform is known.

    Attributes
    ----------
    method
        How it was found, such as ``"landmarks, affine"`` or ``"by hand"``.
    expected_error_um
        Expected distance between where the transform puts a place and where it
        belongs: root mean square over the area of the landmarks. ``None`` when
        there is no estimate.
    bound_95_um
        The distance that 95 % of the places are expected to stay below.
    warnings
        Sentences that a user should read before accepting.
    """

    method: str
    expected_error_um: float | None = None
    bound_95_um: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Edge:
    """A transform between two spaces of a study.

    Attributes
    ----------
    moving, fixed
        Names of the two spaces.
    transform
        Maps µm of the moving space to µm of the fixed one.
    quality
        How well it is known.
    accepted
        Whether the user has accepted it.
    name
        What it is, in a few words.
    tags
        What else is known.
    """

    kind: ClassVar[str] = "edge"

    moving: str
    fixed: str
    transform: Affine
    quality: Quality
    accepted: bool = False
    name: str = "transform"
    tags: Tags = field(default_factory=Tags)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON."""
        quality = dataclasses.asdict(self.quality)
        quality["warnings"] = list(self.quality.warnings)
        return {
            "moving": self.moving,
            "fixed": self.fixed,
            "transform": self.transform.to_dict(),
            "quality": quality,
            "accepted": self.accepted,
            "name": self.name,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Edge:
        """Rebuild what :meth:`to_dict` returned."""
        quality = dict(values["quality"])
        quality["warnings"] = tuple(quality.get("warnings", ()))
        return cls(
            moving=values["moving"],
            fixed=values["fixed"],
            transform=Affine.from_dict(values["transform"]),
            quality=Quality(**quality),
            accepted=bool(values["accepted"]),
            name=values.get("name", "transform"),
        )
