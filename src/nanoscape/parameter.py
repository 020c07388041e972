"""What steers an operation: a number, choice or text with unit, range and meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nanoscape.errors import WrongInput


@dataclass(frozen=True)
class Option:
    """What a signature cannot say about a parameter, given by ``Annotated``.

    Attributes
    ----------
    unit
        Unit shown in the form and written into records, such as ``"µm"``.
    minimum, maximum
        Smallest and largest allowed value, both included.
    step
        Step of a slider or spin box.
    label
        Plain words for the form; by default the parameter's own name.
    advanced
        Whether the form keeps it under *More…*.
    """

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    label: str = ""
    advanced: bool = False


@dataclass(frozen=True)
class Parameter:
    """A number, choice or text that steers an operation.

    Attributes
    ----------
    name
        Name of the argument.
    kind
        ``bool``, ``int``, ``float``, ``str``, ``Literal``, ``tuple`` or a frozen
        dataclass.
    default
        Value taken when nothing is given.
    optional
        Whether ``None`` is allowed; forms show it as *Auto*.
    choices
        Allowed values of a ``Literal``.
    items
        The elements of a tuple, or the fields of a dataclass.
    option
        Unit, range and label.
    help
        The description from the docstring.
    """

    name: str
    kind: Any
    default: Any
    optional: bool = False
    choices: tuple[Any, ...] = ()
    items: tuple[Parameter, ...] = ()
    option: Option = Option()
    help: str = ""

    @property
    def label(self) -> str:
        """Plain words for the form."""
        return self.option.label or self.name.replace("_", " ").capitalize()

    def check(self, value: Any) -> Any:
        """Return ``value`` in the parameter's own type.

        Parameters
        ----------
        value
            A value from a form, a recipe or a caller. Lists stand for tuples
            and mappings for dataclasses, as in a recipe file.

        Raises
        ------
        WrongInput
            If it is of another type, outside the range or not a choice.
        """
        if value is None and self.optional:
            return None
        if self.kind is Literal:
            if value in self.choices:
                return value
            allowed = ", ".join(repr(choice) for choice in self.choices)
            raise self._wrong(value, f"one of {allowed}")
        if self.kind is tuple:
            return self._check_tuple(value)
        if dataclasses.is_dataclass(self.kind):
            return self._check_dataclass(value)
        return self._check_scalar(value)

    def _check_scalar(self, value: Any) -> Any:
        if self.kind in (bool, str) and isinstance(value, self.kind):
            return value
        number = hasattr(value, "__float__") and not isinstance(value, bool)
        if self.kind is float and number:
            return self._in_range(float(value))
        if self.kind is int and number and float(value).is_integer():
            return self._in_range(int(value))
        names = {bool: "yes or no", int: "a whole number", float: "a number"}
        raise self._wrong(value, names.get(self.kind, "text"))

    def _in_range(self, value: float) -> float:
        low, high = self.option.minimum, self.option.maximum
        unit = f" {self.option.unit}" if self.option.unit else ""
        if not (low is None or value >= low):
            raise self._wrong(value, f"at least {low:g}{unit}")
        if not (high is None or value <= high):
            raise self._wrong(value, f"at most {high:g}{unit}")
        return value

    def _check_tuple(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, tuple | list) or len(value) != len(self.items):
            raise self._wrong(value, f"{len(self.items)} values")
        pairs = zip(self.items, value, strict=True)
        return tuple(item.check(part) for item, part in pairs)

    def _check_dataclass(self, value: Any) -> Any:
        if isinstance(value, self.kind):
            value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        if not isinstance(value, Mapping):
            raise self._wrong(value, f"the fields of {self.kind.__name__}")
        known = {item.name: item for item in self.items}
        unknown = sorted(set(value) - set(known))
        if unknown:
            raise self._wrong(unknown[0], f"one of the fields {', '.join(known)}")
        return self.kind(**{name: known[name].check(v) for name, v in value.items()})

    def _wrong(self, value: Any, expected: str) -> WrongInput:
        return WrongInput(f"{self.label} is {value!r}", expected)
