"""Recipes: the steps of an analysis, free of file and layer names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nanoscape.errors import NanoscapeError, UnreadableFile, WrongInput
from nanoscape.workflow.execute import port_name
from nanoscape.workflow.files import write_text
from nanoscape.workflow.registry import resolve

VERSION = 1
SCOPES = ("section", "lesion", "subject", "study")
"""What a step runs once for, the narrowest first."""

_REFERENCE = re.compile(r"\$(?P<step>[A-Za-z_]\w*)\.(?P<output>\w+(?:\.\d+)?)$")


@dataclass(frozen=True)
class Reference:
    """The output of an earlier step, written ``$step.output``."""

    step: str
    output: str

    def __str__(self) -> str:
        return f"${self.step}.{self.output}"


@dataclass(frozen=True)
class Selector:
    """An object of the study, told by what it is.

    Attributes
    ----------
    tags
        The kind of the object and values of its tags, such as
        ``{"kind": "image", "role": "Vessels"}``.
    """

    tags: Mapping[str, Any]

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.tags.items())


Given = Reference | Selector | list[Reference | Selector]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation of a recipe.

    Attributes
    ----------
    id
        Unique within the recipe; later steps refer to it.
    op
        Qualified name and version, such as ``segmentation.vessels@1``.
    scope
        One of :data:`SCOPES`.
    inputs
        Where each input comes from.
    parameters
        Values that differ from the defaults.
    outputs
        Tags that the results take, by output.
    """

    id: str
    op: str
    scope: str = "section"
    inputs: Mapping[str, Given] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Steps that can be applied to any study.

    Attributes
    ----------
    name
        What it does, in a few words.
    steps
        In the order in which they run.
    """

    name: str
    steps: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML."""
        return {
            "recipe": VERSION,
            "name": self.name,
            "steps": [_step_to_dict(step) for step in self.steps],
        }

    def save(self, path: Path) -> Path:
        """Write the recipe as YAML; an older file stays until it is complete."""
        text = yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)
        return write_text(Path(path), text)

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read a recipe and check it.

        Raises
        ------
        UnreadableFile
            If the file is missing or is not a recipe.
        WrongInput
            If a step is wrong; every problem is listed with its place.
        """
        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableFile(f"the recipe {path} cannot be read") from error
        except yaml.YAMLError as error:
            raise UnreadableFile(f"the recipe {path} is not valid YAML") from error
        if not isinstance(values, dict) or values.get("recipe") != VERSION:
            raise UnreadableFile(
                f"{path} is not a recipe of this program",
                f"a first line 'recipe: {VERSION}'",
            )
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Rebuild what :meth:`to_dict` returned, and check it."""
        items = values.get("steps")
        if not isinstance(items, list) or not items:
            raise WrongInput("the recipe has no steps", "a list named 'steps'")
        steps: list[Step] = []
        problems: list[str] = []
        for number, item in enumerate(items, start=1):
            try:
                step = _step_from_dict(item)
                check_step(step, steps)
                steps.append(step)
            except NanoscapeError as error:
                name = item.get("id", number) if isinstance(item, dict) else number
                problems.append(f"step {name}: {error}")
        if problems:
            raise WrongInput("the recipe cannot be run: " + " ".join(problems))
        return cls(name=str(values.get("name", "Recipe")), steps=tuple(steps))


def check_step(step: Step, earlier: list[Step]) -> None:
    """Check one step against the operation and the steps before it.

    Raises
    ------
    WrongInput
        For the first thing that is wrong.
    """
    if step.scope not in SCOPES:
        raise WrongInput(f"'for' is {step.scope!r}", "one of " + ", ".join(SCOPES))
    if any(step.id == other.id for other in earlier):
        raise WrongInput(f"the id {step.id!r} is used twice")
    spec = resolve(step.op)
    spec.check_parameters(step.parameters)
    ports = {port.name: port for port in spec.inputs}
    for name, given in step.inputs.items():
        if name not in ports:
            raise WrongInput(
                f"{step.op} has no input {name!r}", "one of " + ", ".join(ports)
            )
        for part in given if isinstance(given, list) else [given]:
            if isinstance(part, Reference):
                _check_reference(part, earlier)
    missing = [n for n, p in ports.items() if not p.optional and n not in step.inputs]
    if missing:
        raise WrongInput(f"{step.op} has no {missing[0]!r} given under 'in'")
    outputs = [port.name for port in spec.outputs]
    for name in step.outputs:
        if port_name(name) not in outputs:
            raise WrongInput(
                f"{step.op} has no output {name!r}", "one of " + ", ".join(outputs)
            )


def _check_reference(reference: Reference, earlier: list[Step]) -> None:
    step = next((step for step in earlier if step.id == reference.step), None)
    if step is None:
        raise WrongInput(f"{reference} names no earlier step")
    outputs = [port.name for port in resolve(step.op).outputs]
    if port_name(reference.output) not in outputs:
        raise WrongInput(
            f"{reference} names no output of {step.op}", "one of " + ", ".join(outputs)
        )


def _step_to_dict(step: Step) -> dict[str, Any]:
    values: dict[str, Any] = {"id": step.id, "op": step.op, "for": step.scope}
    values["in"] = {name: _given_to_plain(part) for name, part in step.inputs.items()}
    if step.parameters:
        values["with"] = dict(step.parameters)
    if step.outputs:
        values["out"] = {name: dict(tags) for name, tags in step.outputs.items()}
    return values


def _given_to_plain(given: Given) -> Any:
    if isinstance(given, list):
        return [_given_to_plain(part) for part in given]
    return str(given) if isinstance(given, Reference) else dict(given.tags)


def _step_from_dict(values: Any) -> Step:
    if not isinstance(values, dict) or "op" not in values or "id" not in values:
        raise WrongInput("it is not a mapping with 'id' and 'op'")
    unknown = sorted(set(values) - {"id", "op", "for", "in", "with", "out"})
    if unknown:
        raise WrongInput(
            f"it has an entry {unknown[0]!r}", "id, op, for, in, with or out"
        )
    inputs = values.get("in") or {}
    return Step(
        id=str(values["id"]),
        op=str(values["op"]),
        scope=str(values.get("for", "section")),
        inputs={str(name): _given(part) for name, part in inputs.items()},
        parameters=values.get("with") or {},
        outputs=values.get("out") or {},
    )


def _given(value: Any) -> Given:
    if isinstance(value, list):
        parts = [_given(part) for part in value]
        return [part for part in parts if isinstance(part, Reference | Selector)]
    if isinstance(value, dict):
        return Selector(value)
    match = _REFERENCE.match(value) if isinstance(value, str) else None
    if match is None:
        raise WrongInput(
            f"an input is given as {value!r}",
            "a selector such as {role: Vessels, kind: image} or $step.output",
        )
    return Reference(match["step"], match["output"])
