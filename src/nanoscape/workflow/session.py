"""A session: the objects of a study, what was done to them, and doing more."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Edge, Record, Source, Study, Tags
from nanoscape.model.study import scope_key
from nanoscape.workflow.execute import (
    Outcome,
    execute,
    port_name,
    software_versions,
    tagged_outputs,
)
from nanoscape.workflow.places import in_one_space
from nanoscape.workflow.plain import to_plain
from nanoscape.workflow.registry import resolve
from nanoscape.workflow.sources import add_file, open_source
from nanoscape.workflow.store import load_result, save_result

Addresses = Mapping[str, str | list[str] | None]
"""For each input, the address of an object, several, or nothing."""


class Session:
    """The objects of a study by address, and the operations run on them.

    The window, exported scripts and recipes all work through a session, so that
    they cannot differ.

    Parameters
    ----------
    study
        By default an empty one in a temporary folder.

    Attributes
    ----------
    remarks
        What the readers of opened files want to be known, by source.

    Examples
    --------
    >>> session = Session()
    >>> list(session)
    []
    """

    def __init__(self, study: Study | None = None) -> None:
        if study is None:
            study = Study(Path(tempfile.mkdtemp(prefix="nanoscape-session-")))
        self.study = study
        self._objects: dict[str, Any] = {}
        self._opened: set[str] = set()
        self.remarks: dict[str, tuple[str, ...]] = {}

    @classmethod
    def load(cls, root: str | Path) -> Session:
        """Open the study in a folder."""
        return cls(Study.load(Path(root)))

    def add_file(
        self,
        path: str | Path,
        *,
        ident: str | None = None,
        pixel_size_um: float | None = None,
        scan_speed_um_per_s: float | None = None,
        spot_size_um: float | None = None,
        resample: bool = False,
        format: str = "",  # noqa: A002  (the plain word for it)
        **tags: Any,
    ) -> list[str]:
        """Add a file, open it and return the addresses of its objects.

        Parameters
        ----------
        path
            Image file, or the folder of a series or store.
        ident
            Identifier; by default the file's name.
        pixel_size_um, scan_speed_um_per_s, spot_size_um
            Calibration that replaces the file's own.
        resample
            Interpolate slices at uneven distances to even ones.
        format
            Name of its format, where the content does not tell.
        **tags
            What the user knows of it, such as ``subject="m1"``.
        """
        source = add_file(
            self.study,
            Path(path),
            ident=ident,
            pixel_size_um=pixel_size_um,
            scan_speed_um_per_s=scan_speed_um_per_s,
            spot_size_um=spot_size_um,
            resample=resample,
            format=format,
            tags=Tags.of("user", **tags),
        )
        return self.open_new(source)

    def open_new(self, source: Source) -> list[str]:
        """Open a source just added; the study forgets it when that fails."""
        with contextlib.ExitStack() as undo:
            undo.callback(self.study.sources.pop, source.id, None)
            opened = self.open(source)
            undo.pop_all()
        return opened

    def open(self, source: Source) -> list[str]:
        """Open a source of the study and return the addresses of its objects."""
        objects, remarks = open_source(self.study, source)
        self.remarks[source.id] = remarks
        self._objects.update(objects)
        self._opened.add(source.id)
        return list(objects)

    def take(self, other: Session) -> None:
        """Take over files and objects of another session that are not here yet.

        What was read in a worker is taken over when all of it is there.
        """
        for ident, source in other.study.sources.items():
            self.study.sources.setdefault(ident, source)
        for address, item in other._objects.items():
            self._objects.setdefault(address, item)
        self.remarks = other.remarks | self.remarks
        self._opened |= other._opened

    def close(self, ident: str) -> None:
        """Take a source and what was read from it out of the study."""
        self.study.sources.pop(ident, None)
        self.remarks.pop(ident, None)
        self._opened.discard(ident)
        for address in self:
            if address.partition("/")[0] == ident:
                del self._objects[address]

    def open_all(self) -> list[str]:
        """Open every source that is not open yet and return all addresses."""
        for source in self.study.sources.values():
            if source.id not in self._opened:
                self.open(source)
        return list(self._objects)

    def add(self, item: Any, name: str | None = None) -> str:
        """Add an object under a new address and return it."""
        base = name or item.name
        address, number = base, 2
        while address in self._objects:
            address, number = f"{base} {number}", number + 1
        self._objects[address] = item
        return address

    def put(self, address: str, item: Any) -> None:
        """Put an object under an address, in the place of one that is there."""
        self._objects[address] = item

    def remove(self, address: str) -> None:
        """Forget an object; files and results stay."""
        self._objects.pop(address, None)

    def __getitem__(self, address: str) -> Any:
        if address not in self._objects:
            source = self.study.sources.get(address.partition("/")[0])
            if source is not None and source.id not in self._opened:
                self.open(source)
            self._load_result(address)
            self._load_drawn(address)
        if address in self._objects:
            return self._objects[address]
        if address in self.study.landmarks:
            return self.study.landmarks[address]
        raise WrongInput(
            f"there is no object {address!r}",
            "one of " + ", ".join([*self._objects, *self.study.landmarks]),
        )

    def _load_result(self, address: str) -> None:
        """Read the saved result that an address stands for, if there is one."""
        for record in reversed(self.study.records):
            names = {a: name for name, a in record.outputs.items()}
            if address in names and record.folder:
                outputs, _ = load_result(self.study.root / record.folder)
                spec = resolve(record.operation)
                outputs = tagged_outputs(spec, outputs, record.scope)
                self._objects[address] = outputs[names[address]]
                return

    def _load_drawn(self, address: str) -> None:
        folder = self.study.drawn.get(address)
        if folder is not None and address not in self._objects:
            outputs, _ = load_result(self.study.root / folder)
            self._objects[address] = outputs["object"]

    def __iter__(self) -> Iterator[str]:
        # A copy, because a worker may open a file meanwhile.
        return iter(list(self._objects))

    def __contains__(self, address: object) -> bool:
        return address in self._objects

    def together(self, *items: Any) -> list[Any]:
        """Return objects as they lie in the space they are measured in together."""
        return in_one_space(self.study, items)

    def gather(self, operation: str, inputs: Addresses) -> dict[str, Any]:
        """Return the objects for an operation's inputs, in one space."""
        spec = resolve(operation)
        flat: list[Any] = []
        layout: list[tuple[str, int | None]] = []
        for port in spec.inputs:
            chosen = inputs.get(port.name)
            if chosen is None:
                continue
            several = [chosen] if isinstance(chosen, str) else list(chosen)
            layout.append((port.name, None if not port.many else len(several)))
            flat.extend(self[address] for address in several)
        moved = iter(self.together(*flat))
        return {
            name: next(moved) if count is None else [next(moved) for _ in range(count)]
            for name, count in layout
        }

    def compute(
        self,
        operation: str,
        inputs: Addresses,
        parameters: Mapping[str, Any] | None = None,
        *,
        task: Task | None = None,
    ) -> Outcome:
        """Run an operation and return what it gives, changing nothing here.

        Safe to call from a working thread; :meth:`record` then keeps the result.
        """
        return execute(operation, self.gather(operation, inputs), parameters, task=task)

    def record(self, operation: str, inputs: Addresses, outcome: Outcome) -> Record:
        """Keep what :meth:`compute` gave, and write it into the history.

        A step that was run on the same inputs before gives its result the old
        addresses, so that it is shown in the same place.
        """
        chosen = {
            name: (value,) if isinstance(value, str) else tuple(value)
            for name, value in inputs.items()
            if value is not None
        }
        earlier = self._earlier(operation, chosen)
        scope = self._scope(chosen)
        outputs: dict[str, str] = {}
        for name, item in tagged_outputs(outcome.spec, outcome.outputs, scope).items():
            before = earlier.outputs.get(name) if earlier is not None else None
            if before in self._objects and self._stands_for(before, name, item):
                outputs[name] = before
                self._objects[before] = item
            else:
                outputs[name] = self.add(item)
            if isinstance(item, Edge):
                self.study.set_edge(item)
        record = record_of(operation, chosen, outputs, scope, outcome)
        self.study.records.append(record)
        return record

    def run(
        self,
        operation: str,
        inputs: Addresses,
        parameters: Mapping[str, Any] | None = None,
        *,
        task: Task | None = None,
    ) -> Record:
        """Run an operation, keep its result and return the record."""
        outcome = self.compute(operation, inputs, parameters, task=task)
        return self.record(operation, inputs, outcome)

    def save(self, root: Path | None = None, *, task: Task | None = None) -> Path:
        """Save the study, results and drawn objects included, and return its file.

        Parameters
        ----------
        root
            Folder of the study; by default the one it has. Files it is made of
            stay where they are.
        task
            Progress.
        """
        if root is not None:
            self.study.move(Path(root))
        for number, record in enumerate(self.study.records):
            shown = all(a in self._objects for a in record.outputs.values())
            if record.folder or not shown:
                continue
            folder = Path("results") / "session" / record.id
            outputs = {n: self._objects[a] for n, a in record.outputs.items()}
            plain = record.to_dict()
            save_result(self.study.root / folder, outputs, plain, task=task)
            saved = dataclasses.replace(record, folder=folder.as_posix())
            self.study.records[number] = saved
        for address in self._by_hand():
            folder = Path("edits") / slug(address)
            item = {"object": self._objects[address]}
            save_result(self.study.root / folder, item, {"address": address}, task=task)
            self.study.drawn[address] = folder.as_posix()
        return self.study.save()

    def _by_hand(self) -> list[str]:
        """Return addresses of what neither a file nor a step gave."""
        made = {a for record in self.study.records for a in record.outputs.values()}
        return [
            address
            for address in self._objects
            if address not in made
            and address.partition("/")[0] not in self.study.sources
        ]

    def _stands_for(self, address: str | None, output: str, item: Any) -> bool:
        """Whether an object takes the place of the one that was there before.

        One image of a group does so only where it shows the same.
        """
        one_of_many = port_name(output) != output
        return address is not None and not (
            one_of_many and self._objects[address].name != item.name
        )

    def _earlier(
        self, operation: str, inputs: Mapping[str, tuple[str, ...]]
    ) -> Record | None:
        plain = operation.partition("@")[0]
        for record in reversed(self.study.records):
            if record.operation == plain and dict(record.inputs) == dict(inputs):
                return record
        return None

    def _scope(self, inputs: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        keys = {
            scope_key(getattr(self[address], "tags", {}))
            for addresses in inputs.values()
            for address in addresses
        }
        names = ("subject", "lesion", "section")
        common = {
            name: values.pop()
            for i, name in enumerate(names)
            if len(values := {key[i] for key in keys}) == 1
        }
        return {name: value for name, value in common.items() if value}


def slug(address: str) -> str:
    """Return a name for a folder, different for different addresses."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", address).strip("-.")[:60]
    return f"{safe or 'object'}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"


def record_of(
    operation: str,
    inputs: Mapping[str, tuple[str, ...]],
    outputs: Mapping[str, str],
    scope: Mapping[str, str],
    outcome: Outcome,
    folder: str = "",
) -> Record:
    """Return the record of a run whose objects have these addresses."""
    return Record(
        id=uuid.uuid4().hex[:12],
        operation=operation.partition("@")[0],
        version=outcome.spec.version,
        inputs=inputs,
        parameters={k: to_plain(v) for k, v in outcome.parameters.items()},
        outputs=outputs,
        scope=scope,
        started=outcome.started,
        seconds=outcome.seconds,
        software=software_versions(),
        notes=_notes(outcome),
        folder=folder,
    )


def _notes(outcome: Outcome) -> tuple[str, ...]:
    notes = []
    for item in outcome.outputs.values():
        spacing = getattr(item, "spacing", None)
        if spacing:
            steps = " × ".join(f"{value:.6g}" for value in spacing.values())
            notes.append(f"{item.name}: pixels of {steps} µm")
        notes.extend(getattr(item, "notes", ()))
    return tuple(notes)
