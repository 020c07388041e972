"""What is in a study, as rows of text, and changing its tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nanoscape._napari.naming import origin_words
from nanoscape.model import Raster, Spectra
from nanoscape.model.study import replace_source
from nanoscape.workflow.session import Session


@dataclass(frozen=True)
class Column:
    """A column of the list of objects.

    Attributes
    ----------
    title
        The heading.
    tag
        The tag it shows, if it shows one.
    is_shown
        Whether it has a place in the narrow list; the others are told below it.
    """

    title: str
    tag: str = ""
    is_shown: bool = True


COLUMNS = (
    Column("Name"),
    Column("Role", "role"),
    Column("Modality", "modality", is_shown=False),
    Column("Shape", is_shown=False),
    Column("Pixel size", is_shown=False),
    Column("Animal", "subject"),
    Column("Group", "group", is_shown=False),
    Column("Lesion", "lesion", is_shown=False),
    Column("Section", "section"),
)
EDITABLE = ("modality", "subject", "group", "lesion", "section")
"""Tags that belong to a file and are changed for all of it."""


def rows_of(session: Session) -> list[tuple[str, list[str]]]:
    """Return the address of each object and what the columns say about it."""
    return [(address, _texts(session[address])) for address in session]


def edit_tag(session: Session, address: str, tag: str, text: str) -> None:
    """Change a tag of the file that an object comes from, by the user's word.

    An object that comes from no file is changed by itself. An empty text is kept
    as such, so that what the header says does not come back.
    """
    value = text.strip()
    ident = address.partition("/")[0]
    source = session.study.sources.get(ident)
    members = [address]
    if source is not None:
        replace_source(
            session.study, ident, tags=source.tags.having("user", **{tag: value})
        )
        members = [a for a in session if a.partition("/")[0] == ident]
    for member in members:
        item = session[member]
        tags = item.tags.having("user", **{tag: value})
        session.put(member, item.replace(tags=tags))


def details_text(session: Session, address: str) -> str:
    """Return in words what has no column, and where an object comes from."""
    item = session[address]
    quantity = getattr(item, "quantity", None)
    parts = [
        f"{shape_text(item)} pixels" if isinstance(item, Raster) else "",
        f"of {pixel_size_text(item)}" if pixel_size_text(item) else "",
        f"in {quantity}" if quantity is not None else "",
    ]
    what = " ".join(filter(None, parts))
    return ", ".join(filter(None, [what, origin_words(session, address)])) + "."


def pixel_size_text(item: Any) -> str:
    """Return the pixel size with its unit, such as ``0.5 × 0.5 µm``."""
    if not isinstance(item, Raster | Spectra):
        return ""
    steps = list(item.spacing.values())
    unit, factor = ("mm", 1e-3) if min(steps) >= 100 else ("µm", 1.0)
    texts = [f"{step * factor:.4g}" for step in steps]
    if len(set(texts)) == 1:
        return f"{texts[0]} {unit}"
    return f"{' × '.join(texts)} {unit}"


def shape_text(item: Any) -> str:
    """Return the shape or the number of things."""
    if isinstance(item, Raster | Spectra):
        return " × ".join(f"{n:,}" for n in item.shape)
    return f"{len(item):,}" if hasattr(item, "__len__") else ""


def _texts(item: Any) -> list[str]:
    tags = getattr(item, "tags", {})
    fixed = {
        "Name": item.name,
        "Shape": shape_text(item),
        "Pixel size": pixel_size_text(item),
    }
    return [fixed.get(c.title, str(tags.get(c.tag, ""))) for c in COLUMNS]
