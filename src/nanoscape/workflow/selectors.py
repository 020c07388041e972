"""Finding the one object that is meant, within a section, lesion or subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nanoscape.errors import WrongInput
from nanoscape.model.study import scope_key
from nanoscape.workflow.recipe import Selector

Scope = tuple[str, str, str]
"""Subject, lesion and section; empty where the scope is wider."""

_DEPTH = {"study": 0, "subject": 1, "lesion": 2, "section": 3}


def scopes_of(tags: Iterable[Mapping[str, Any]], kind: str) -> list[Scope]:
    """Return the distinct scopes of one kind, in order.

    Parameters
    ----------
    tags
        Tags of everything in the study.
    kind
        One of :data:`~nanoscape.workflow.recipe.SCOPES`.
    """
    if kind == "study":
        return [("", "", "")]
    depth = _DEPTH[kind]
    keys = {scope_key(item) for item in tags}
    # What carries no section tag takes no part in a step for sections.
    return sorted({_cut(key, depth) for key in keys if key[depth - 1]})


def within(tags: Mapping[str, Any], scope: Scope) -> bool:
    """Whether something belongs to a scope or to a part of it."""
    key = scope_key(tags)
    return all(
        not wanted or wanted == own for wanted, own in zip(scope, key, strict=True)
    )


def encloses(tags: Mapping[str, Any], scope: Scope) -> bool:
    """Whether something belongs to a scope around this one, such as its subject."""
    key = scope_key(tags)
    return key != scope and all(
        not own or own == wanted for wanted, own in zip(scope, key, strict=True)
    )


def title_of(scope: Scope) -> str:
    """Return plain words for a scope."""
    names = zip(("subject", "lesion", "section"), scope, strict=True)
    return ", ".join(f"{name} {value}" for name, value in names if value) or "study"


def choose(
    objects: Mapping[str, Any], selector: Selector, scope: Scope, *, many: bool
) -> list[str]:
    """Return the addresses of the objects that a selector means.

    Objects of the scope itself come first; only when there is none, those of a
    scope around it are taken, such as the one volume of a subject.

    Parameters
    ----------
    objects
        Model objects by address.
    selector
        Kind and tags.
    scope
        Where to look.
    many
        Whether more than one may be meant.

    Raises
    ------
    WrongInput
        If there is none, or more than one where one is meant; the candidates are
        listed.
    """
    fitting = {a: item for a, item in objects.items() if _fits(item, selector)}
    tags = {address: getattr(item, "tags", {}) for address, item in fitting.items()}
    found = [address for address in fitting if within(tags[address], scope)]
    if not found:
        found = [address for address in fitting if encloses(tags[address], scope)]
    if not found:
        raise WrongInput(
            f"{title_of(scope)} has nothing that is {selector}",
            todo="set its role or tags in the study, or change the recipe",
        )
    if len(found) > 1 and not many:
        raise WrongInput(
            f"{title_of(scope)} has {len(found)} objects that are {selector}: "
            + ", ".join(found),
            "exactly one",
            "add a tag to the selector that tells them apart",
        )
    return found


def _fits(item: Any, selector: Selector) -> bool:
    tags = getattr(item, "tags", {})
    for name, wanted in selector.tags.items():
        own = getattr(item, "kind", None) if name == "kind" else tags.get(name)
        if own is None or str(own).lower() != str(wanted).lower():
            return False
    return True


def _cut(key: Scope, depth: int) -> Scope:
    parts = [value if i < depth else "" for i, value in enumerate(key)]
    return parts[0], parts[1], parts[2]
