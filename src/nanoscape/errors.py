"""Errors that a scientist can act on.

Every error of the program says three things in plain words: what was found,
what was expected, and what to do now.
"""

from __future__ import annotations


class NanoscapeError(Exception):
    """Something the user can understand and mend.

    Parameters
    ----------
    found
        What the program met, without a full stop at the end.
    expected
        What it can work with. May be empty when ``found`` says it all.
    todo
        What the user can do now. May be empty.
    """

    def __init__(self, found: str, expected: str = "", todo: str = "") -> None:
        self.found = found
        self.expected = expected
        self.todo = todo
        super().__init__(found, expected, todo)

    def __str__(self) -> str:
        sentence = self.found
        if self.expected:
            sentence += f"; expected {self.expected}"
        if self.todo:
            sentence += f". {self.todo[0].upper()}{self.todo[1:]}"
        return sentence if sentence.endswith((".", "?")) else sentence + "."


class UnreadableFile(NanoscapeError):
    """A file is missing, damaged, empty, or of a kind nobody here reads."""


class MissingCalibration(NanoscapeError):
    """A file does not say how large its pixels are, or in which unit it measures.

    Parameters
    ----------
    found, expected, todo
        As for every error.
    needs
        What would help: ``pixel_size``, ``scan_speed`` or ``spot_size`` of the reader.
    """

    def __init__(
        self,
        found: str,
        expected: str = "",
        todo: str = "",
        needs: tuple[str, ...] = ("pixel_size",),
    ) -> None:
        super().__init__(found, expected, todo)
        self.needs = needs


class UnevenSlices(UnreadableFile):
    """Slices lie at uneven distances; the reader interpolates them when asked to."""


class WrongInput(NanoscapeError):
    """An operation was given something it does not work on."""


class CannotCompute(NanoscapeError):
    """The input is of the right kind, but the result is not defined for it."""


class MissingDependency(NanoscapeError):
    """An optional part of the program is not installed."""
