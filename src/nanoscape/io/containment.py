"""Files that other files name: they lie in a folder, or they are not opened."""

from __future__ import annotations

from pathlib import Path

from nanoscape.errors import UnreadableFile
from nanoscape.io.damage import DAMAGE


def inside(folder: Path, name: str, origin: Path) -> Path:
    """Return the path of a file or folder that a file names.

    Links are followed, so that none leads out of the folder.

    Parameters
    ----------
    folder
        Where it must lie, at any depth.
    name
        What it is called; written on any system.
    origin
        The file with the name, for the message.

    Returns
    -------
    Path
        It need not exist.

    Raises
    ------
    UnreadableFile
        If it would lie elsewhere.
    """
    try:
        root = folder.resolve()
        found = (folder / name.replace("\\", "/")).resolve()
    except DAMAGE as error:
        raise UnreadableFile(
            f"{origin} names the file {name!r}, which cannot be one: {error}"
        ) from error
    if found == root or not found.is_relative_to(root):
        raise UnreadableFile(
            f"{origin} refers to a file outside its folder: {name}",
            "a file in the same folder",
            "put both into one folder, no links, and correct the name",
        )
    return found
