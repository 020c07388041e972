"""Applying a recipe to a study: every step, for every section, lesion or subject."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from nanoscape.compute import Task
from nanoscape.errors import NanoscapeError, WrongInput
from nanoscape.model import Edge, Record, Study, Table
from nanoscape.operation import OperationSpec
from nanoscape.workflow import keys
from nanoscape.workflow.execute import execute, port_name, tagged_outputs
from nanoscape.workflow.places import in_one_space
from nanoscape.workflow.recipe import Given, Recipe, Reference, Step
from nanoscape.workflow.registry import resolve
from nanoscape.workflow.selectors import Scope, choose, scopes_of, title_of, within
from nanoscape.workflow.session import Session, record_of
from nanoscape.workflow.store import has_result, load_result, save_result

log = logging.getLogger(__name__)

State = Literal["done", "kept", "failed", "skipped"]


@dataclass(frozen=True)
class Entry:
    """What became of one step for one scope.

    Attributes
    ----------
    step
        Identifier of the step.
    scope
        Subject, lesion and section.
    state
        ``done``; ``kept``: the same result was there already; ``failed``; or
        ``skipped``: a step before it failed.
    sentence
        Why it failed or was skipped.
    folder
        Where the result lies.
    """

    step: str
    scope: Scope
    state: State
    sentence: str = ""
    folder: Path | None = None


@dataclass
class Run:
    """A recipe applied to a study.

    Attributes
    ----------
    entries
        What became of each step, in order.
    results
        Outputs by step, scope and output.
    """

    entries: list[Entry] = field(default_factory=list)
    results: dict[tuple[str, Scope], dict[str, Any]] = field(default_factory=dict)

    @property
    def failed(self) -> list[Entry]:
        """Entries that gave no result."""
        return [e for e in self.entries if e.state in ("failed", "skipped")]

    def table(self, step: str, output: str) -> pd.DataFrame:
        """Return a table of all scopes of a step, with columns that tell them."""
        parts = {
            scope: outputs[output]
            for (name, scope), outputs in self.results.items()
            if name == step
        }
        return _joined(parts)


def run_recipe(recipe: Recipe, study: Study, *, task: Task | None = None) -> Run:
    """Apply a recipe to a study.

    Results are kept in the study's folder under a key made from the operation,
    its version, its parameters and what went in; what is there already is not
    computed again. A step that fails for one section does not stop the others.

    Parameters
    ----------
    recipe
        The steps.
    study
        The study; its transforms are extended by those that steps find.
    task
        Progress.
    """
    runner = _Runner(study)
    parts = (task or Task()).split(*[1.0] * len(recipe.steps))
    for step, part in zip(recipe.steps, parts, strict=True):
        scopes = scopes_of((s.tags for s in study.sources.values()), step.scope)
        if not scopes:
            sentence = f"the study has no tags that tell its {step.scope}s apart"
            runner.run.entries.append(Entry(step.id, ("", "", ""), "failed", sentence))
            continue
        for scope, share in zip(scopes, part.split(*[1.0] * len(scopes)), strict=True):
            share.step(0, 1, f"{step.id}: {title_of(scope)}")
            runner.apply(step, scope, share)
    return runner.run


class _Runner:
    def __init__(self, study: Study) -> None:
        self.study = study
        self.session = Session(study)
        self.session.open_all()
        self.run = Run()
        self.keys = {a: self._source_key(a) for a in self._objects()}

    def apply(self, step: Step, scope: Scope, task: Task) -> None:
        try:
            self.run.entries.append(self._apply(step, scope, task))
        except _Missing as missing:
            self.run.entries.append(Entry(step.id, scope, "skipped", str(missing)))
        except NanoscapeError as error:
            log.info("%s, %s: %s", step.id, title_of(scope), error)
            self.run.entries.append(Entry(step.id, scope, "failed", str(error)))

    def _apply(self, step: Step, scope: Scope, task: Task) -> Entry:
        spec = resolve(step.op)
        parameters = spec.check_parameters(step.parameters)
        chosen = self._choose(step, spec, scope)
        items, names = self._items(spec, chosen)
        name = step.op.partition("@")[0]
        key = keys.result_key(name, spec.version, parameters, names)
        folder = self._folder(step, scope, key)
        path = self.study.root / folder
        state: State = "kept"
        if not has_result(path):
            outcome = execute(name, items, parameters, task=task)
            record = record_of(
                name,
                {port: tuple(a) for port, a in chosen.items()},
                {name: _address(step.id, scope, name) for name in outcome.outputs},
                _known(scope),
                outcome,
                folder.as_posix(),
            )
            save_result(path, outcome.outputs, record.to_dict())
            state = "done"
        outputs, about = load_result(path)
        self._keep(step, spec, scope, key, outputs)
        self._remember(Record.from_dict(about))
        return Entry(step.id, scope, state, folder=path)

    def _remember(self, record: Record) -> None:
        """Write a record into the history, in place of one it replaces."""
        addresses = set(record.outputs.values())
        self.study.records = [
            other
            for other in self.study.records
            if not addresses & set(other.outputs.values())
        ]
        self.study.records.append(record)

    def _objects(self) -> dict[str, Any]:
        return {**{a: self.session[a] for a in self.session}, **self.study.landmarks}

    def _choose(
        self, step: Step, spec: OperationSpec, scope: Scope
    ) -> dict[str, list[str]]:
        """Return the addresses of the objects for each input."""
        chosen: dict[str, list[str]] = {}
        for port in spec.inputs:
            given = step.inputs.get(port.name)
            if given is None:
                continue
            chosen[port.name] = [
                address
                for part in (given if isinstance(given, list) else [given])
                for address in self._addresses(part, scope, port.many)
            ]
        return chosen

    def _items(
        self, spec: OperationSpec, chosen: Mapping[str, list[str]]
    ) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """Return the objects for each input, in one space, and their keys."""
        flat = [address for addresses in chosen.values() for address in addresses]
        found = [self.session[address] for address in flat]
        moved = dict(zip(flat, in_one_space(self.study, found), strict=True))
        many = {port.name: port.many for port in spec.inputs}
        items = {
            name: [moved[a] for a in addresses] if many[name] else moved[addresses[0]]
            for name, addresses in chosen.items()
        }
        names = {
            name: [self._placed_key(a, moved[a]) for a in addresses]
            for name, addresses in chosen.items()
        }
        return items, names

    def _addresses(self, given: Given, scope: Scope, many: bool) -> list[str]:
        if isinstance(given, list):
            raise WrongInput("lists of inputs cannot be nested")
        if not isinstance(given, Reference):
            return choose(self._objects(), given, scope, many=many)
        found = {
            (s, name): _address(given.step, s, name)
            for (step, s), outputs in self.run.results.items()
            if step == given.step
            and (within(_as_tags(s), scope) or s == _wider(s, scope))
            for name in outputs
            if given.output in (name, port_name(name))
        }
        if not found:
            raise _Missing(f"it needs {given}, which has no result here")
        if len(found) == 1 or many:
            return list(found.values())
        items = {s: self.session[a] for (s, _), a in found.items()}
        if not all(isinstance(item, Table) for item in items.values()):
            raise WrongInput(
                f"{given} has {len(found)} results in {title_of(scope)}",
                "one, or tables that can be joined",
            )
        return [self._join(given, scope, items, list(found.values()))]

    def _join(
        self,
        given: Reference,
        scope: Scope,
        tables: Mapping[Scope, Table],
        addresses: list[str],
    ) -> str:
        address = _address(given.step, scope, f"{given.output} of all")
        first = next(iter(tables.values()))
        joined = _joined(tables)
        table = Table(data=joined, name=first.name, notes=first.notes)
        self.session.put(address, table)
        self.keys[address] = keys.result_key(
            "join", 1, {}, {"tables": [self.keys[a] for a in addresses]}
        )
        return address

    def _keep(
        self,
        step: Step,
        spec: OperationSpec,
        scope: Scope,
        key: str,
        outputs: dict[str, Any],
    ) -> None:
        tagged = tagged_outputs(spec, outputs, _known(scope), step.outputs)
        for name, item in tagged.items():
            address = _address(step.id, scope, name)
            if isinstance(item, Edge):
                self.study.set_edge(item)
            self.session.put(address, item)
            self.keys[address] = keys.output_key(key, name)
        self.run.results[step.id, scope] = outputs

    def _folder(self, step: Step, scope: Scope, key: str) -> Path:
        place = "_".join(value for value in scope if value) or "study"
        safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in place)
        return Path("results") / safe / step.id / key

    def _source_key(self, address: str) -> str:
        if address in self.study.landmarks:
            return keys.landmarks_key(self.study.landmarks[address])
        source = self.study.sources[address.partition("/")[0]]
        return keys.source_key(source, address)

    def _placed_key(self, address: str, moved: Any) -> str:
        item = self.session[address]
        space = getattr(item, "space", None)
        if space is None or moved.space == space:
            return self.keys[address]
        edges = self.study.path_edges(space, moved.space)
        return keys.placed_key(self.keys[address], edges)


class _Missing(Exception):
    """The result of an earlier step is not there, because that step failed."""


def _address(step: str, scope: Scope, output: str) -> str:
    return f"${step}.{output} [{title_of(scope)}]"


def _as_tags(scope: Scope) -> dict[str, str]:
    return dict(zip(("subject", "lesion", "section"), scope, strict=True))


def _known(scope: Scope) -> dict[str, str]:
    return {name: value for name, value in _as_tags(scope).items() if value}


def _wider(candidate: Scope, scope: Scope) -> Scope:
    """Return ``scope`` with as much left out as ``candidate`` leaves out."""
    parts = [own if c else "" for c, own in zip(candidate, scope, strict=True)]
    return parts[0], parts[1], parts[2]


def _joined(tables: Mapping[Scope, Table]) -> pd.DataFrame:
    frames = []
    for scope, table in sorted(tables.items()):
        frame = table.data.copy()
        for position, (name, value) in enumerate(_as_tags(scope).items()):
            if value and name not in frame:
                frame.insert(min(position, frame.shape[1]), name, value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
