"""Bringing the inputs of an operation into one space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nanoscape.errors import WrongInput
from nanoscape.model import Study, placed


def in_one_space(study: Study, items: Sequence[Any]) -> list[Any]:
    """Return objects as they lie in the space in which they are measured together.

    That is the fixed end of the chain of transforms. An object that is moved
    carries the expected error of its alignment as the tag
    ``registration_error_um``. Objects without a place stay as they are.

    Raises
    ------
    WrongInput
        If two objects are not aligned to each other.
    """
    spaces = {item.space for item in items if hasattr(item, "space")}
    if len(spaces) <= 1:
        return list(items)
    roots = {space: study.root_of(space) for space in spaces}
    target = sorted(roots.values())[0]
    if len(set(roots.values())) > 1:
        names = " and ".join(sorted(spaces))
        raise WrongInput(
            f"{names} are not aligned to each other",
            todo="align them in the tab Align first",
        )
    return [
        _moved(study, item, target) if hasattr(item, "space") else item
        for item in items
    ]


def _moved(study: Study, item: Any, target: str) -> Any:
    if item.space == target:
        return item
    edges = study.path_edges(item.space, target)
    errors = [edge.quality.expected_error_um for edge in edges]
    moved = placed(item, study.transform(item.space, target), target)
    known = [error for error in errors if error is not None]
    if not known:
        return moved
    # Independent errors of a chain of transforms add in squares.
    error = math.sqrt(sum(e * e for e in known))
    tags = moved.tags.having("header", registration_error_um=error)
    return moved.replace(tags=tags)
