"""Images over several OME-TIFF files: where their metadata lie, and which they are."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from nanoscape.errors import UnreadableFile
from nanoscape.io.containment import inside
from nanoscape.io.damage import local_name, parse_xml

_LARGEST = 2**28


def companion_of(description: str, path: Path) -> Path | None:
    """Return the file that holds the metadata of a TIFF which has only samples.

    Parameters
    ----------
    description
        Of the first page.
    path
        The TIFF.

    Returns
    -------
    Path or None
        ``None`` when the TIFF describes itself; the file need not exist.

    Raises
    ------
    UnreadableFile
        If it would lie in another folder.
    """
    if "BinaryOnly" not in description:
        return None
    for element in parse_xml(description.encode(), path):
        name = element.get("MetadataFile")
        if local_name(element.tag) == "BinaryOnly" and name:
            return inside(path.parent, name, path)
    return None


def companion_text(description: str, path: Path) -> str | None:
    """Return the metadata from the file beside a TIFF, if that has to be read.

    Raises
    ------
    UnreadableFile
        If it is no OME-XML, or names files of another folder.
    """
    companion = companion_of(description, path)
    if companion is None or not companion.is_file():
        return None
    if companion.stat().st_size > _LARGEST:
        raise UnreadableFile(f"{companion} is larger than metadata are")
    content = companion.read_bytes()
    root = parse_xml(content, companion)
    if local_name(root.tag) != "OME":
        raise UnreadableFile(f"{companion} is no OME-XML")
    check_files(root, path)
    # Without the declaration, because that states the encoding of the bytes.
    return ElementTree.tostring(root, encoding="unicode")


def check_files(root: ElementTree.Element, path: Path) -> None:
    """Raise :class:`UnreadableFile` when planes would lie in another folder."""
    for element in root.iter():
        name = element.get("FileName")
        if local_name(element.tag) == "UUID" and name:
            inside(path.parent, name, path)
