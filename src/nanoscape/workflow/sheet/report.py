"""What importing a study sheet found: what fits, what is missing, what disagrees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Problem = Literal[
    "contradiction", "unreadable", "no file", "ambiguous", "no row", "note"
]
"""Kinds of findings, those first that a user should look at first."""

HEADINGS: dict[Problem, str] = {
    "contradiction": "Contradictions",
    "unreadable": "Cells that could not be used",
    "no file": "Rows without a file in the study",
    "ambiguous": "Rows that could mean several things",
    "no row": "Files without a row",
    "note": "Notes",
}

_HARMLESS = ("no row", "note")


@dataclass(frozen=True)
class Finding:
    """One remark.

    Attributes
    ----------
    problem
        Its kind.
    where
        Cell, row or file.
    sentence
        What was found, and what was done about it.
    """

    problem: Problem
    where: str
    sentence: str


@dataclass
class Report:
    """All remarks on one sheet.

    Attributes
    ----------
    rows
        Number of rows below the headings.
    used
        Number of those that fit the study.
    findings
        Remarks, in the order of the sheet.
    """

    rows: int = 0
    used: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, problem: Problem, where: str, sentence: str) -> None:
        """Add a remark, once."""
        finding = Finding(problem, where, sentence)
        if finding not in self.findings:
            self.findings.append(finding)

    def of(self, problem: Problem) -> list[Finding]:
        """Return the remarks of one kind."""
        return [f for f in self.findings if f.problem == problem]

    @property
    def is_clean(self) -> bool:
        """Whether nothing needs to be looked at."""
        return all(finding.problem in _HARMLESS for finding in self.findings)

    def text(self) -> str:
        """Return everything as lines of text."""
        lines = [f"{self.used} of {self.rows} rows fit the study."]
        for problem, heading in HEADINGS.items():
            found = self.of(problem)
            if found:
                lines.append(f"{heading} ({len(found)})")
                lines += [f"  {f.where}: {f.sentence}" for f in found]
        return "\n".join(lines)
