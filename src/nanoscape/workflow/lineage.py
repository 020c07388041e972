"""How a result came about: the steps behind it, to be written out with it."""

from __future__ import annotations

from typing import Any

from nanoscape.model import Record
from nanoscape.workflow.session import Session

_LOCAL = ("id", "folder", "seconds")
"""What a record says only to its own study."""


def lineage(session: Session, address: str) -> list[Record]:
    """Return the records of all steps that an object rests on, the earliest first.

    Parameters
    ----------
    session
        Holds the object and the records.
    address
        The object.

    Returns
    -------
    list of Record
        Empty for an object that was read or drawn.
    """
    wanted = {address}
    steps = []
    for record in reversed(session.study.records):
        if wanted.isdisjoint(record.outputs.values()):
            continue
        steps.append(record)
        wanted -= set(record.outputs.values())
        wanted.update(a for addresses in record.inputs.values() for a in addresses)
    return steps[::-1]


def with_history(session: Session, address: str) -> Any:
    """Return an object whose tag ``history`` tells the steps behind it.

    The tag holds plain values: operation, version, inputs, parameters, outputs, time
    and versions of the software of each step. Formats that keep tags keep it.
    """
    item = session[address]
    steps = [
        {k: v for k, v in record.to_dict().items() if k not in _LOCAL}
        for record in lineage(session, address)
    ]
    if not steps or not hasattr(item, "tags"):
        return item
    return item.replace(tags=item.tags.having("header", history=steps))
