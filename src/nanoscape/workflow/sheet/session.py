"""Taking a study sheet over into a session: files, open objects and amounts."""

from __future__ import annotations

from nanoscape.model import Table, Tags
from nanoscape.workflow.session import Session
from nanoscape.workflow.sheet.reading import Sheet, apply_sheet


def take_over(session: Session, sheet: Sheet) -> list[str]:
    """Write what a sheet says into a session.

    Parameters
    ----------
    session
        Its study and the objects that are open are changed; nothing is saved.
    sheet
        What :func:`~nanoscape.workflow.sheet.reading.read_sheet` returned for it.

    Returns
    -------
    list of str
        Addresses of what was changed or added, the table of amounts last.
    """
    apply_sheet(session.study, sheet)
    changed = []
    for address in list(session):
        item = session[address]
        tags = _said_of(address, item.name, sheet)
        if tags is None or not hasattr(item, "space"):
            continue
        space = tags.get("drawn_on", sheet.renamed.get(item.space, item.space))
        session.put(address, item.replace(tags=item.tags.merged(tags), space=space))
        changed.append(address)
    if sheet.table is not None:
        changed.append(_put_table(session, sheet.table))
    return changed


def _said_of(address: str, name: str, sheet: Sheet) -> Tags | None:
    """Return what a sheet says of an object, ``None`` when it says nothing."""
    ident = address.partition("/")[0]
    whole, own = sheet.sources.get(ident), sheet.images.get((ident, name))
    if whole is None:
        return own
    return whole if own is None else whole.merged(own)


def _put_table(session: Session, table: Table) -> str:
    """Add a table; one from the same sheet gives way to it."""
    address = table.name
    if address in session or address in session.study.drawn:
        known = session[address]
        if isinstance(known, Table) and known.tags.get("sheet") == table.tags["sheet"]:
            session.put(address, table)
            return address
    return session.add(table)
