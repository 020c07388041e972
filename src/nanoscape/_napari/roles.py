"""What is what: which object plays which part in a scene."""

from __future__ import annotations

from typing import Any

from nanoscape.model import Tags
from nanoscape.model.roles import guess_role

_ANATOMY = ("CT", "MR", "MRI", "US")
_EMISSION = ("PT", "PET", "NM", "SPECT")
_NAMING = ("analyte", "stain", "channel")


def with_role(item: Any, role: str = "") -> Any:
    """Return an object with a role guessed from its tags and name, if it has none.

    Parameters
    ----------
    item
        A model object; one without tags or without a clue is returned as it is.
    role
        The role that the operation states which made it; stronger than a guess.
    """
    tags = getattr(item, "tags", None)
    if not isinstance(tags, Tags) or not hasattr(item, "replace") or "role" in tags:
        return item
    if role:
        return item.replace(tags=tags.having("header", role=role))
    guess = _guess(tags, item.name)
    return item.replace(tags=tags.having("guess", role=guess)) if guess else item


def _guess(tags: Tags, name: str) -> str | None:
    modality = str(tags.get("modality", "")).upper()
    for text in (*(tags.get(key) for key in _NAMING), name):
        role = guess_role(str(text)) if text else None
        # The PET of a PET/CT bears the CT in its name.
        if role and not (role == "Anatomy" and modality in _EMISSION):
            return role
    return "Anatomy" if modality in _ANATOMY else None
