"""Plain words for addresses, which nobody should have to read."""

from __future__ import annotations

from nanoscape._napari.scene import source_of
from nanoscape.workflow.registry import resolve
from nanoscape.workflow.session import Session


def object_words(session: Session, address: str) -> str:
    """Return the name of an object; where it is not open, what it is."""
    if address in session or address in session.study.landmarks:
        return str(getattr(session[address], "name", "") or address)
    if source_of(session, address) is not None and "/" in address:
        return f"{address.partition('/')[2]} of {address.partition('/')[0]}"
    words = origin_words(session, address)
    return words if words != _UNKNOWN else address


def origin_words(session: Session, address: str) -> str:
    """Return where an object comes from: a file, a step, or the user's hand.

    Examples
    --------
    >>> origin_words(Session(), "cells")
    'drawn or added here'
    """
    ident = source_of(session, address)
    if ident is not None:
        return (
            f"from the file {session.study.path_of(session.study.sources[ident]).name}"
        )
    for number, record in enumerate(session.study.records, start=1):
        if address in record.outputs.values():
            place = " ".join(str(value) for value in record.scope.values())
            title = resolve(record.operation).title
            return f"result of step {number}, {title}{f' ({place})' if place else ''}"
    return _UNKNOWN


_UNKNOWN = "drawn or added here"
