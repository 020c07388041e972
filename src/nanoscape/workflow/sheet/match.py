"""Which file of a study a row of a sheet means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath

from nanoscape.model import Source, Study

_SUFFIXES = re.compile(r"(\.ome)?\.[A-Za-z][A-Za-z0-9]*(\.gz)?$")
_ABSOLUTE = re.compile(r"[A-Za-z]:/|/")


def matching(text: str, study: Study) -> list[Source]:
    """Return the files that a name can mean; exactly one when it is told apart.

    The path in the study counts first, then the end of a path, then the same without
    the suffix, then the identifier in the study; capitals matter only where they
    tell files apart. Folders that are named must be right, so that ``m1/slide.tif``
    never means ``m2/slide.tif``; a path of another machine must hold the whole path
    in the study, a folder at least.
    """
    plain = text.strip().replace("\\", "/")
    for same in (_as_it_is, str.casefold):
        ranks: dict[int, list[Source]] = {}
        for source in study.sources.values():
            rank = _rank(same(plain), same, source, study)
            if rank is not None:
                ranks.setdefault(rank, []).append(source)
        if ranks:
            return ranks[min(ranks)]
    return []


def _rank(
    text: str, same: Callable[[str], str], source: Source, study: Study
) -> int | None:
    """Return how directly a name means a file, 0 the most, or ``None``."""
    wanted = _parts(text)
    own = _parts(same(source.path))
    full = _parts(same(study.path_of(source).absolute().as_posix()))
    if not wanted:
        return None
    if _ABSOLUTE.match(text):
        inside = len(own) > 1 and _ends(wanted, own)
        return 0 if full == wanted or inside else None
    tests = (
        own == wanted,
        _ends(full, wanted),
        _ends([*full[:-1], _SUFFIXES.sub("", full[-1])], wanted),
        [same(source.id)] == wanted,
    )
    return tests.index(True) if any(tests) else None


def _as_it_is(text: str) -> str:
    return text


def _ends(longer: list[str], shorter: list[str]) -> bool:
    return longer[-len(shorter) :] == shorter


def _parts(text: str) -> list[str]:
    """Return the parts of a path, in one spelling of accents."""
    plain = unicodedata.normalize("NFC", re.sub(r"^[A-Za-z]:", "", text))
    return [p for p in PurePosixPath(plain).parts if p not in ("/", ".")]
