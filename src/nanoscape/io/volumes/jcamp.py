"""Parameter files of Bruker ParaVision (JCAMP-DX labelled records).

Source: R. S. McDonald and P. A. Wilks, JCAMP-DX, Appl. Spectrosc. 42, 151 (1988),
doi:10.1366/0003702884428734, with the arrays and structures that ParaVision adds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nanoscape.errors import UnreadableFile
from nanoscape.io.volumes.volume import check_size, numbers

_FILE_BYTES = 2**26
_LENGTHS = re.compile(r"\(\s*\d+(?:\s*,\s*\d+)*\s*\)\s*")
_REPEATED = re.compile(r"@(\d+)\*\(([^()]*)\)")
_STRING = re.compile(r"<([^>]*)>")
_STRUCTURE = re.compile(r"\(((?:<[^>]*>|[^()<>])*)\)")
_FIELD = re.compile(r"<[^>]*>|[^,<>\s][^,<>]*")


@dataclass(frozen=True)
class Parameters:
    """The parameters of one file.

    Attributes
    ----------
    path
        The file.
    values
        Text of each parameter, without the lengths of its arrays.
    """

    path: Path
    values: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def need(self, name: str) -> str:
        """Return the text of a parameter that must be there."""
        if name not in self.values:
            raise UnreadableFile(
                f"{self.path} has no parameter {name}",
                "a parameter file of ParaVision",
                "copy the folder again",
            )
        return self.values[name]

    def numbers(self, name: str) -> list[float]:
        """Return the numbers of a parameter that must be there."""
        return numbers(self._unrolled(name), None, name, self.path)

    def words(self, name: str) -> list[str]:
        """Return words, or strings without their brackets; none when it is absent."""
        text = self.values.get(name, "")
        if "<" in text:
            return [string.strip() for string in _STRING.findall(text)]
        return text.split()

    def text(self, name: str) -> str | None:
        """Return a single string or word, ``None`` when it is absent or empty."""
        return " ".join(self.words(name)) or None

    def structures(self, name: str) -> list[list[str]]:
        """Return the fields of each structure; brackets inside strings are text."""
        return [
            [field.strip().strip("<>") for field in _FIELD.findall(structure)]
            for structure in _STRUCTURE.findall(self.values.get(name, ""))
        ]

    def _unrolled(self, name: str) -> str:
        """Return numbers with the repetitions of ParaVision 360 written out."""
        text = self.need(name)
        repeats = [int(count) for count, _ in _REPEATED.findall(text)]
        check_size([sum(repeats) or 1, 2**24], self.path)
        return _REPEATED.sub(lambda m: f"{m[2]} " * int(m[1]), text)


def read_parameters(path: Path) -> Parameters:
    """Read a parameter file.

    Raises
    ------
    UnreadableFile
        If it is not one, or ends before its end.
    """
    if path.stat().st_size > _FILE_BYTES:
        raise UnreadableFile(f"{path} is too large for a parameter file")
    text = path.read_text("latin-1")
    if not text.startswith("##TITLE="):
        raise UnreadableFile(f"{path} is no parameter file of ParaVision")
    values: dict[str, str] = {}
    complete = False
    for record in text.split("\n##")[1:]:
        label, _, content = record.partition("=")
        if label == "END":
            complete = True
        if label.startswith("$"):
            lines = (line for line in content.split("\n") if line[:2] != "$$")
            joined = " ".join(lines).strip()
            lengths = _LENGTHS.match(joined)
            values[label[1:]] = joined[lengths.end() :] if lengths else joined
    if not complete:
        raise UnreadableFile(f"{path} is truncated", todo="copy the folder again")
    return Parameters(path, values)
