"""The steps of a session as a Python script that runs without it."""

from __future__ import annotations

import dataclasses
import keyword
import pprint
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nanoscape
from nanoscape.errors import WrongInput
from nanoscape.model import Edge, Record
from nanoscape.model.study import landmarks_to_dict
from nanoscape.operation import OperationSpec
from nanoscape.workflow.files import write_text
from nanoscape.workflow.history import last_steps
from nanoscape.workflow.registry import resolve
from nanoscape.workflow.session import Session
from nanoscape.workflow.store import save_object


def export_script(
    session: Session, path: Path, records: list[Record] | None = None
) -> Path:
    """Write the steps of a session as a script that gives the same results.

    The script opens the files, calls the operations with all their parameters
    and saves what they give into a folder ``results`` beside it. Objects that were
    drawn or edited are saved beside the script.

    Parameters
    ----------
    session
        The objects and what was done to them.
    path
        File to write.
    records
        The steps; by default all whose results are still shown.

    Raises
    ------
    WrongInput
        If there are no steps yet.
    """
    path = Path(path)
    records = last_steps(session.study.records if records is None else records)
    if not records:
        raise WrongInput("there are no steps yet", todo="run a step first")
    text = _Script(session, records, path).text()
    return write_text(path, text)


class _Script:
    def __init__(self, session: Session, records: list[Record], path: Path) -> None:
        self.session = session
        self.records = records
        self.path = path
        self.imports: set[str] = {
            "from pathlib import Path",
            "from nanoscape.workflow import Session",
            "from nanoscape.workflow.store import save_result",
        }
        self.names: dict[str, str] = {}
        self.added: set[str] = set()

    def text(self) -> str:
        opening = [line for address in self._outside() for line in self._open(address)]
        edges = self._edges()
        steps = [line for record in self.records for line in self._step(record)]
        names = [self._name(a) for r in self.records for a in r.outputs.values()]
        imports = sorted(self.imports, key=lambda line: ("nanoscape" in line, line))
        head = f'"""Steps of a session of napari-nanoscape {nanoscape.__version__}."""'
        return "\n".join(
            [
                head,
                "",
                *imports,
                "",
                "here = Path(__file__).parent",
                "session = Session()",
                *opening,
                *edges,
                *steps,
                "",
                "results = {",
                *(f'    "{name}": {name},' for name in names),
                "}",
                "about = {'script': Path(__file__).name}",
                'save_result(here / "results", results, about)',
                "",
            ]
        )

    def _outside(self) -> list[str]:
        """Return what goes in without being the output of an earlier step."""
        made = {a for record in self.records for a in record.outputs.values()}
        used = (a for r in self.records for group in r.inputs.values() for a in group)
        return [a for a in dict.fromkeys(used) if a not in made]

    def _open(self, address: str) -> list[str]:
        study = self.session.study
        name = self._name(address)
        if address in study.landmarks:
            self.imports.add("from nanoscape.model.study import landmarks_from_dict")
            plain = landmarks_to_dict(study.landmarks[address])
            return [f"{name} = landmarks_from_dict({_literal(plain)})"]
        source = study.sources.get(address.partition("/")[0])
        if source is None:
            return self._saved(address, name)
        lines = []
        if source.id not in self.added:
            self.added.add(source.id)
            given: dict[str, Any] = {"ident": source.id}
            for size in ("pixel_size_um", "scan_speed_um_per_s", "spot_size_um"):
                if getattr(source, size) is not None:
                    given[size] = getattr(source, size)
            if source.resample:
                given["resample"] = True
            if source.format:
                given["format"] = source.format
            given.update(dict(source.tags.items()))
            arguments = ", ".join(f"{k}={v!r}" for k, v in given.items())
            file = str(study.path_of(source).resolve())
            lines.append(f"session.add_file({file!r}, {arguments})")
        return [*lines, f"{name} = session[{address!r}]"]

    def _saved(self, address: str, name: str) -> list[str]:
        """Save what was drawn or edited by hand beside the script."""
        folder = self.path.with_name(f"{self.path.stem}_objects")
        folder.mkdir(exist_ok=True)
        item = self.session[address]
        save_object(folder / name, item)
        self.imports.add("from nanoscape.workflow.store import load_object")
        return [f'{name} = load_object(here / "{folder.name}/{name}", "{item.kind}")']

    def _edges(self) -> list[str]:
        """Return the transforms that no step of the script finds itself."""
        made = [
            self.session[a]
            for record in self.records
            for a in record.outputs.values()
            if isinstance(self.session[a], Edge)
        ]
        found = {(edge.moving, edge.fixed) for edge in made}
        lines = []
        for edge in self.session.study.edges:
            if (edge.moving, edge.fixed) not in found:
                self.imports.add("from nanoscape.model import Edge")
                plain = _literal(edge.to_dict())
                lines.append(f"session.study.set_edge(Edge.from_dict({plain}))")
        return lines

    def _step(self, record: Record) -> list[str]:
        spec = resolve(record.operation)
        module, function = spec.function.__module__, spec.function.__name__
        self.imports.add(f"from {module} import {function}")
        given = {
            port.name: [self._name(a) for a in record.inputs[port.name]]
            for port in spec.inputs
            if port.name in record.inputs
        }
        many = {port.name: port.many for port in spec.inputs}
        flat = [name for names in given.values() for name in names]
        lines = [""]
        call = {n: f"[{', '.join(v)}]" if many[n] else v[0] for n, v in given.items()}
        if len(flat) > 1:
            lines.append(f"placed = session.together({', '.join(flat)})")
            call = _from_placed(given, many)
        arguments = [f"{name}={value}" for name, value in call.items()]
        arguments += [f"{n}={self._value(v)}" for n, v in self._typed(record).items()]
        names = {output: self._name(a) for output, a in record.outputs.items()}
        single = spec.result is None and list(names) == [spec.outputs[0].name]
        target = next(iter(names.values())) if single else "result"
        lines.append(f"{target} = {function}(")
        lines += [f"    {argument}," for argument in arguments]
        lines.append(")")
        for output, name in names.items():
            if not single:
                lines.append(f"{name} = {_part(spec, output)}")
            if isinstance(self.session[record.outputs[output]], Edge):
                lines.append(f"session.study.set_edge({name})")
        return lines

    def _typed(self, record: Record) -> dict[str, Any]:
        return resolve(record.operation).check_parameters(record.parameters)

    def _value(self, value: Any) -> str:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            cls = type(value)
            self.imports.add(f"from {cls.__module__} import {cls.__name__}")
        return repr(value)

    def _name(self, address: str) -> str:
        """Return a Python name for an object, the same at each use."""
        if address not in self.names:
            base = re.sub(r"\W+", "_", address.lower()).strip("_") or "item"
            if base[0].isdigit() or keyword.iskeyword(base):
                base = f"item_{base}"
            taken = {*self.names.values(), "session", "result", "results", "here"}
            name, number = base, 2
            while name in taken:
                name, number = f"{base}_{number}", number + 1
            self.names[address] = name
        return self.names[address]


def _part(spec: OperationSpec, output: str) -> str:
    """Return how an output, or one image of a group, is reached from the result."""
    port, _, number = output.partition(".")
    whole = "result" if spec.result is None else f"result.{port}"
    return f"{whole}.images[{int(number) - 1}]" if number else whole


def _from_placed(
    given: Mapping[str, list[str]], many: Mapping[str, bool]
) -> dict[str, str]:
    call, position = {}, 0
    for name, names in given.items():
        end = position + len(names)
        call[name] = (
            f"placed[{position}:{end}]" if many[name] else f"placed[{position}]"
        )
        position = end
    return call


def _literal(value: Any) -> str:
    return pprint.pformat(value, width=80, sort_dicts=False)
