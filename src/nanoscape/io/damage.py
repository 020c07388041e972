"""What parsers raise on files that are damaged or not what they claim to be."""

from __future__ import annotations

import lzma
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

from nanoscape.errors import UnreadableFile

DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    RecursionError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    ElementTree.ParseError,
)
"""Parsers meet damage as surprises, and these are the forms that surprises take."""


def parse_xml(text: str | bytes, path: Path) -> ElementTree.Element:
    """Read XML that comes from outside.

    Raises
    ------
    UnreadableFile
        If it is not well formed, or declares entities, by which a small file can
        fill the memory or fetch another file.
    """
    refuse_entities(text, path)
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise UnreadableFile(
            f"the metadata of {path} is damaged: {error}",
            "well-formed XML",
            "export the file again",
        ) from error


def refuse_entities(text: str | bytes, path: Path) -> None:
    """Raise :class:`UnreadableFile` when XML declares a document type or entities."""
    marks = ("<!DOCTYPE", "<!ENTITY")
    if any((m.encode() if isinstance(text, bytes) else m) in text for m in marks):  # type: ignore[operator]
        raise UnreadableFile(
            f"the metadata of {path} declares XML entities", "metadata without them"
        )


def local_name(tag: str) -> str:
    """Return the name of an XML element without its namespace."""
    return tag.rsplit("}", 1)[-1]
