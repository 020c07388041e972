"""From what was done in a session to a recipe for any study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanoscape.errors import WrongInput
from nanoscape.model import Record
from nanoscape.model.study import scope_key
from nanoscape.workflow.recipe import Given, Recipe, Reference, Selector, Step
from nanoscape.workflow.registry import resolve
from nanoscape.workflow.selectors import choose
from nanoscape.workflow.session import Session

# Tags that tell objects apart, the most telling first.
_TELLING = ("role", "analyte", "stain", "modality")


def last_steps(records: list[Record]) -> list[Record]:
    """Return the records whose results are still shown.

    Of several runs of one operation on the same inputs only the last counts.
    """
    latest: dict[Any, Record] = {}
    for record in records:
        inputs = tuple(sorted((k, tuple(v)) for k, v in record.inputs.items()))
        latest.pop((record.operation, inputs), None)
        latest[record.operation, inputs] = record
    return list(latest.values())


def recipe_from_history(session: Session, name: str = "Workflow") -> Recipe:
    """Return the steps of a session as a recipe.

    Inputs that an earlier step made become references; others are told by their
    kind, role and further tags, so that the recipe holds no file or layer names.
    All parameters are written, so that it does not follow later defaults.

    Raises
    ------
    WrongInput
        If nothing was done, or an input has no tags that tell it apart.
    """
    records = last_steps(session.study.records)
    if not records:
        raise WrongInput("there are no steps yet", todo="run a step first")
    steps: list[Step] = []
    made: dict[str, Reference] = {}
    for record in records:
        ident = _step_id(record, steps)
        steps.append(
            Step(
                id=ident,
                op=f"{record.operation}@{record.version}",
                scope=_scope(record),
                inputs=_inputs(session, record, made),
                parameters=dict(record.parameters),
            )
        )
        made.update({a: Reference(ident, n) for n, a in record.outputs.items()})
    return Recipe(name=name, steps=tuple(steps))


def _step_id(record: Record, steps: list[Step]) -> str:
    base = record.operation.rpartition(".")[2]
    taken = {step.id for step in steps}
    number, ident = 2, base
    while ident in taken:
        ident, number = f"{base}_{number}", number + 1
    return ident


def _scope(record: Record) -> str:
    for kind in ("section", "lesion", "subject"):
        if record.scope.get(kind):
            return kind
    return "study"


def _inputs(
    session: Session, record: Record, made: Mapping[str, Reference]
) -> dict[str, Given]:
    many = {port.name: port.many for port in resolve(record.operation).inputs}
    inputs: dict[str, Given] = {}
    for name, addresses in record.inputs.items():
        parts = [made.get(a) or _selector(session, record, a) for a in addresses]
        inputs[name] = parts if many[name] else parts[0]
    return inputs


def _selector(session: Session, record: Record, address: str) -> Selector:
    item = session[address]
    tags = getattr(item, "tags", {})
    chosen: dict[str, Any] = {"kind": item.kind}
    scope = scope_key(record.scope)
    objects = {a: session[a] for a in [*session, *session.study.landmarks]}
    for tag in _TELLING:
        if tag in tags:
            chosen[tag] = tags[tag]
            try:
                choose(objects, Selector(chosen), scope, many=False)
            except WrongInput:
                continue
            return Selector(chosen)
    if len(chosen) == 1:
        raise WrongInput(
            f"{address} has no role or other tag that a workflow could find it by",
            todo="give it a role in 'What is what'",
        )
    return Selector(chosen)
