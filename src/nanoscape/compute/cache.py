"""A folder for what can be made again, with a limit to its size.

``NANOSCAPE_CACHE`` names another folder than the user's own, such as one on a faster
disk; ``NANOSCAPE_CACHE_GB`` sets the limit.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection
from pathlib import Path

import platformdirs

from nanoscape.errors import CannotCompute, WrongInput

_DEFAULT_GB = 50.0
_SPARED = 0.1
"""Share of the free disk that is left free."""

_USED = "used"


def cache_folder(what: str) -> Path:
    """Return the folder for one kind of content; it need not exist.

    Parameters
    ----------
    what
        Name of the kind.
    """
    chosen = os.environ.get("NANOSCAPE_CACHE")
    root = Path(chosen) if chosen else platformdirs.user_cache_path("napari-nanoscape")
    return root / what


def cache_limit() -> int:
    """Return how many bytes one kind of content may take.

    Raises
    ------
    WrongInput
        If the environment states no number.
    """
    text = os.environ.get("NANOSCAPE_CACHE_GB", str(_DEFAULT_GB))
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < 1e9:
        raise WrongInput(f"NANOSCAPE_CACHE_GB is {text!r}", "a number of gigabytes")
    return int(limit * 1e9)


def mark_used(entry: Path) -> None:
    """Note that an entry was used now; those unused for longest are removed first."""
    try:
        (entry / _USED).touch()
    except OSError:
        # A cache that can only be read serves as well; it is not ours to tidy.
        return


def make_room(entry: Path, needed: int, in_use: Collection[Path] = ()) -> None:
    """Remove the entries unused for longest until one more fits under the limit.

    Parameters
    ----------
    entry
        Folder of the entry that is to grow; it need not exist.
    needed
        How many bytes it will have.
    in_use
        Entries that stay.

    Raises
    ------
    CannotCompute
        If it does not fit, also without the others.
    """
    folder = entry.parent
    folder.mkdir(parents=True, exist_ok=True)
    limit = cache_limit()
    present = size_of(entry)
    free = int(shutil.disk_usage(folder).free * (1 - _SPARED))
    others = sorted(
        (p for p in folder.iterdir() if p.is_dir() and p != entry), key=_last_use
    )
    sizes = {other: size_of(other) for other in others}
    for other in others:
        fits = sum(sizes.values()) + needed <= limit and needed - present <= free
        if fits or needed > limit:
            break
        if other not in in_use:
            remove(other)
            free += sizes.pop(other)
    if sum(sizes.values()) + needed > limit or needed - present > free:
        raise CannotCompute(
            f"{needed / 1e9:.1f} GB do not fit into {folder}",
            f"at most {limit / 1e9:.1f} GB there, and free disk space",
            "free some space, or set NANOSCAPE_CACHE to another folder or "
            "NANOSCAPE_CACHE_GB to a higher limit",
        )


def size_of(entry: Path) -> int:
    """Return how many bytes the files of a folder have."""
    total = 0
    for path in entry.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            # Another process may remove it at this moment.
            continue
    return total


def remove(entry: Path) -> None:
    """Remove a folder; nobody finds it half removed under its name."""
    aside = entry.with_name(f".{entry.name}-{uuid.uuid4().hex[:8]}")
    try:
        entry.rename(aside)
    except OSError:
        # Windows keeps folders with mapped files; they are removed another time.
        return
    shutil.rmtree(aside, ignore_errors=True)


def _last_use(entry: Path) -> float:
    try:
        return (entry / _USED).stat().st_mtime
    except OSError:
        return 0.0
